//! What ARMCI-MPI has beyond ARMCI: direct access, access modes, sets of mutexes, splitting groups, packing.
//!
//! Invariant: a set of mutexes is a leaked box that lives from its creation to its destruction.

use crate::guard::call;
use crate::mutexes::Mutexes;
use crate::state::Armci;
use common::{Group, exports};
use rma::{Error, ErrorKind, Result};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{Ordering, fence};

/// The rank of a set's team that owns a mutex, of which ARMCI-MPI says the world rank.
fn owner(set: &Mutexes, proc: c_int) -> Result<usize> {
    let found = (0..set.team.size()).find(|rank| set.team.world_rank(*rank) as c_int == proc);
    found.ok_or_else(|| Error::new(ErrorKind::Rank, "mutex", format!("rank {proc} is not in the group")))
}

impl Armci {
    fn access(&self, start: *const c_void) -> Result<()> {
        self.addresses.within(self.world.rank() as c_int, start)?;
        fence(Ordering::SeqCst);
        Ok(())
    }

    fn create_set(&self, count: c_int, group: c_int) -> Result<*mut Mutexes> {
        let set = Mutexes::create(self.groups.team(group)?, count.max(0) as usize)?;
        Ok(Box::into_raw(Box::new(set)))
    }

    fn split(&self, parent: c_int, color: c_int, key: c_int) -> Result<c_int> {
        let color = u32::try_from(color).ok();
        Ok(self.groups.add(Group::split(&self.groups.team(parent)?, color, i64::from(key))?))
    }
}

/// Walks a strided box row by row.
///
/// # Safety
/// Strides and counts are readable, and every row is; `row` gets the address of each and its length.
unsafe fn walk(
    start: *mut c_char,
    levels: c_int,
    strides: *const c_int,
    counts: *const c_int,
    row: &mut dyn FnMut(*mut c_char, usize),
) {
    // SAFETY: the caller's promise.
    unsafe {
        if levels <= 0 {
            return row(start, counts.read().max(0) as usize);
        }
        let (stride, count) = (strides.add(levels as usize - 1).read(), counts.add(levels as usize).read());
        for index in 0..count.max(0) as isize {
            walk(start.wrapping_offset(index * stride as isize), levels - 1, strides, counts, row);
        }
    }
}

exports! {
    call;
    PARMCI_Access_begin, ARMCI_Access_begin(start: *const c_void) = |armci| armci.access(start);
    PARMCI_Access_end, ARMCI_Access_end(start: *const c_void) = |armci| armci.access(start);
    PARMCIX_Mode_set, ARMCIX_Mode_set(mode: c_int, start: *const c_void, group: *const c_int) -> c_int = |armci| {
        armci.groups.team(*group)?.sync()?;
        armci.memory.mode(&armci.addresses, start, |said| *said = mode)?;
        Ok(0)
    };
    PARMCIX_Mode_get, ARMCIX_Mode_get(start: *const c_void) -> c_int = |armci| armci.memory.mode(&armci.addresses, start, |said| *said);
    PARMCIX_Progress, ARMCIX_Progress() = |armci| { armci.world.transport().progress(); Ok(()) };
    PARMCIX_Group_split, ARMCIX_Group_split(parent: *const c_int, color: c_int, key: c_int, group: *mut c_int) -> c_int =
        |armci| { let parent = *parent; group.write(armci.split(parent, color, key)?); Ok(0) };
    PARMCIX_Group_dup, ARMCIX_Group_dup(parent: *const c_int, group: *mut c_int) -> c_int =
        |armci| { let parent = *parent; group.write(armci.split(parent, 0, 0)?); Ok(0) };
    PARMCIX_Create_mutexes_hdl, ARMCIX_Create_mutexes_hdl(count: c_int, group: *const c_int) -> *mut Mutexes =
        |armci| armci.create_set(count, *group);
    PARMCIX_Destroy_mutexes_hdl, ARMCIX_Destroy_mutexes_hdl(set: *mut Mutexes) -> c_int =
        |_armci| { Box::from_raw(set).free()?; Ok(0) };
    PARMCIX_Lock_hdl, ARMCIX_Lock_hdl(set: *const Mutexes, mutex: c_int, proc: c_int) =
        |_armci| { let set = &*set; set.lock(owner(set, proc)?, mutex as usize) };
    PARMCIX_Trylock_hdl, ARMCIX_Trylock_hdl(set: *const Mutexes, mutex: c_int, proc: c_int) -> c_int =
        |_armci| { let set = &*set; Ok((!set.try_lock(owner(set, proc)?, mutex as usize)?).into()) };
    PARMCIX_Unlock_hdl, ARMCIX_Unlock_hdl(set: *const Mutexes, mutex: c_int, proc: c_int) =
        |armci| { armci.world.fence_all()?; let set = &*set; set.unlock(owner(set, proc)?, mutex as usize) };
    parmci_read_strided, armci_read_strided(start: *mut c_char, levels: c_int, strides: *const c_int, counts: *const c_int, to: *mut c_char) = |_armci| {
        let mut to = to;
        walk(start, levels, strides, counts, &mut |row, len| {
            std::ptr::copy_nonoverlapping(row, to, len);
            to = to.wrapping_add(len);
        });
        Ok(())
    };
    parmci_write_strided, armci_write_strided(start: *mut c_char, levels: c_int, strides: *const c_int, counts: *const c_int, from: *const c_char) = |_armci| {
        let mut from = from;
        walk(start, levels, strides, counts, &mut |row, len| {
            std::ptr::copy_nonoverlapping(from, row, len);
            from = from.wrapping_add(len);
        });
        Ok(())
    };
}
