//! What ARMCI-MPI has beyond ARMCI: direct access, access modes, sets of mutexes, splitting groups, packing.
//!
//! Invariant: a set of mutexes is a leaked box that lives from its creation to its destruction.

use crate::guard::profiled;
use crate::state::Armci;
use rma::{Error, ErrorKind, MutexSet, Result, Team};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{Ordering, fence};

/// What an `armcix_mutex_hdl_t` points to.
pub(crate) struct Mutexes {
    set: MutexSet,
    team: Team,
}

impl Mutexes {
    /// ARMCI-MPI names the owner of a mutex by its world rank.
    fn owner(&self, proc: c_int) -> Result<usize> {
        let found = (0..self.team.size()).find(|rank| self.team.world_rank(*rank) as c_int == proc);
        found.ok_or_else(|| Error::new(ErrorKind::Rank, "mutex", format!("rank {proc} is not in the group")))
    }
}

impl Armci {
    fn access(&mut self, start: *const c_void) -> Result<()> {
        let me = self.world.rank() as c_int;
        self.addresses.find(me, start)?;
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// The allocation an address of this rank is in.
    fn mode(&mut self, start: *const c_void) -> Result<&mut c_int> {
        let me = self.world.rank() as c_int;
        let (id, _) = self.addresses.within(me, start)?;
        let missing = || Error::new(ErrorKind::Foreign, "mode", "the allocation is gone");
        self.memory.allocations.get_mut(&id).map(|allocation| &mut allocation.mode).ok_or_else(missing)
    }

    fn create_set(&self, count: c_int, group: c_int) -> Result<*mut Mutexes> {
        let team = self.groups.team(group)?;
        let set = MutexSet::create(&team, count.max(0) as usize)?;
        Ok(Box::into_raw(Box::new(Mutexes { set, team })))
    }

    fn split(&mut self, parent: c_int, color: c_int, key: c_int) -> Result<c_int> {
        let color = u32::try_from(color).ok();
        let child = self.groups.team(parent)?.split(color, i64::from(key))?;
        let members = child.iter().flat_map(|team| (0..team.size()).map(|rank| team.world_rank(rank)));
        let members = members.collect();
        Ok(self.groups.add(child, members))
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

profiled! {
    ARMCI_Access_begin / PARMCI_Access_begin(start: *const c_void) = |armci| armci.access(start);
    ARMCI_Access_end / PARMCI_Access_end(start: *const c_void) = |armci| armci.access(start);
    ARMCIX_Mode_set / PARMCIX_Mode_set(mode: c_int, start: *const c_void, group: *const c_int) -> c_int = |armci| {
        armci.groups.team(*group)?.sync()?;
        *armci.mode(start)? = mode;
        Ok(0)
    };
    ARMCIX_Mode_get / PARMCIX_Mode_get(start: *const c_void) -> c_int = |armci| Ok(*armci.mode(start)?);
    ARMCIX_Progress / PARMCIX_Progress() = |armci| { armci.world.transport().progress(); Ok(()) };
    ARMCIX_Group_split / PARMCIX_Group_split(parent: *const c_int, color: c_int, key: c_int, group: *mut c_int) -> c_int =
        |armci| { let parent = *parent; group.write(armci.split(parent, color, key)?); Ok(0) };
    ARMCIX_Group_dup / PARMCIX_Group_dup(parent: *const c_int, group: *mut c_int) -> c_int =
        |armci| { let parent = *parent; group.write(armci.split(parent, 0, 0)?); Ok(0) };
    ARMCIX_Create_mutexes_hdl / PARMCIX_Create_mutexes_hdl(count: c_int, group: *const c_int) -> *mut Mutexes =
        |armci| armci.create_set(count, *group);
    ARMCIX_Destroy_mutexes_hdl / PARMCIX_Destroy_mutexes_hdl(set: *mut Mutexes) -> c_int =
        |_armci| { Box::from_raw(set).set.free()?; Ok(0) };
    ARMCIX_Lock_hdl / PARMCIX_Lock_hdl(set: *const Mutexes, mutex: c_int, proc: c_int) =
        |_armci| { let set = &*set; set.set.lock(set.owner(proc)?, mutex as usize) };
    ARMCIX_Trylock_hdl / PARMCIX_Trylock_hdl(set: *const Mutexes, mutex: c_int, proc: c_int) -> c_int =
        |_armci| { let set = &*set; Ok((!set.set.try_lock(set.owner(proc)?, mutex as usize)?).into()) };
    ARMCIX_Unlock_hdl / PARMCIX_Unlock_hdl(set: *const Mutexes, mutex: c_int, proc: c_int) =
        |armci| { armci.world.fence_all()?; let set = &*set; set.set.unlock(set.owner(proc)?, mutex as usize) };
    armci_read_strided / parmci_read_strided(start: *mut c_char, levels: c_int, strides: *const c_int, counts: *const c_int, to: *mut c_char) = |_armci| {
        let mut to = to;
        walk(start, levels, strides, counts, &mut |row, len| {
            std::ptr::copy_nonoverlapping(row, to, len);
            to = to.wrapping_add(len);
        });
        Ok(())
    };
    armci_write_strided / parmci_write_strided(start: *mut c_char, levels: c_int, strides: *const c_int, counts: *const c_int, from: *const c_char) = |_armci| {
        let mut from = from;
        walk(start, levels, strides, counts, &mut |row, len| {
            std::ptr::copy_nonoverlapping(from, row, len);
            from = from.wrapping_add(len);
        });
        Ok(())
    };
}
