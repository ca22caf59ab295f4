//! Allocation: collective, of this process alone, and of this rank for others to reach.

use crate::guard::call;
use crate::state::Armci;
use common::exports;
use rma::{Error, ErrorKind, Result, Team};
use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{c_char, c_int, c_long, c_void};

/// Before every block of `ARMCI_Malloc_local`: its length.
const HEADER: usize = 64;

/// `armci_meminfo_t`: a block of `ARMCI_Memget`.
#[repr(C)]
pub(crate) struct MemInfo {
    /// Where it is for ARMCI's calls.
    pub armci_addr: *mut c_char,
    /// Where its owner has it.
    pub addr: *mut c_char,
    /// Its length in bytes.
    pub size: usize,
    /// Whose it is.
    pub cpid: c_int,
    /// Not used here.
    pub idlist: [c_long; 128],
}

impl Armci {
    /// # Safety
    /// `to` is an array of one pointer per member of the team.
    unsafe fn malloc(&self, to: *mut *mut c_void, bytes: c_long, team: &Team) -> Result<c_int> {
        let Ok(len) = usize::try_from(bytes) else {
            return Err(Error::new(ErrorKind::Range, "malloc", format!("{bytes} bytes")));
        };
        match self.memory.allocate(&self.addresses, team, len) {
            Ok(bases) => {
                for (rank, base) in bases.into_iter().enumerate() {
                    // SAFETY: an array of one pointer per member: the caller's promise.
                    unsafe { to.add(rank).write(base as *mut c_void) };
                }
                Ok(0)
            }
            Err(error) if error.kind() == ErrorKind::Memory => {
                eprintln!("rank {}: ARMCI_Malloc: {error}", self.world.rank());
                Ok(1)
            }
            Err(error) => Err(error),
        }
    }

    fn free(&self, start: *mut c_void, team: &Team) -> Result<c_int> {
        self.memory.free(&self.addresses, start, team)
    }

    /// # Safety
    /// `info` is writable.
    unsafe fn memget(&self, bytes: usize, info: *mut MemInfo) -> Result<()> {
        let start = self.memory.take(bytes)? as *mut c_char;
        let cpid = self.world.rank() as c_int;
        // SAFETY: a place for the result: the caller's promise.
        unsafe {
            (&raw mut (*info).armci_addr).write(start);
            (&raw mut (*info).addr).write(start);
            (&raw mut (*info).size).write(bytes);
            (&raw mut (*info).cpid).write(cpid);
        }
        Ok(())
    }

    /// # Safety
    /// `info` was filled in by [`Armci::memget`].
    unsafe fn memctl(&self, info: *mut MemInfo) -> Result<()> {
        // SAFETY: filled in by memget: the caller's promise.
        let info = unsafe { &mut *info };
        let is_mine = info.cpid as usize == self.world.rank() && !info.addr.is_null();
        if is_mine && !self.memory.give(info.addr as usize) {
            let message = format!("address {:p} is no block of ARMCI_Memget", info.addr);
            return Err(Error::new(ErrorKind::Foreign, "memctl", message));
        }
        (info.addr, info.armci_addr) = (std::ptr::null_mut(), std::ptr::null_mut());
        Ok(())
    }
}

/// Memory of this process only, aligned to 64.
fn malloc_local(bytes: c_long) -> *mut c_void {
    let layout = usize::try_from(bytes).ok().and_then(|len| len.checked_add(HEADER));
    let Some(Ok(layout)) = layout.map(|len| Layout::from_size_align(len, HEADER)) else {
        return std::ptr::null_mut();
    };
    // SAFETY: not empty.
    let block = unsafe { alloc(layout) };
    if block.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: the header is inside the block and aligned.
    unsafe { block.cast::<usize>().write(layout.size()) };
    block.wrapping_add(HEADER).cast()
}

/// # Safety
/// Null, or from [`malloc_local`] and not freed.
unsafe fn free_local(start: *mut c_void) {
    if start.is_null() {
        return;
    }
    let block = start.cast::<u8>().wrapping_sub(HEADER);
    // SAFETY: made so by malloc_local.
    unsafe {
        let len = block.cast::<usize>().read();
        dealloc(block, Layout::from_size_align_unchecked(len, HEADER));
    }
}

exports! {
    call;
    PARMCI_Malloc, ARMCI_Malloc(to: *mut *mut c_void, bytes: c_long) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.malloc(to, bytes, &team) };
    PARMCI_Malloc_group, ARMCI_Malloc_group(to: *mut *mut c_void, bytes: c_long, group: *const c_int) -> c_int =
        |armci| { let team = armci.groups.team(*group)?; armci.malloc(to, bytes, &team) };
    PARMCI_Malloc_memdev, ARMCI_Malloc_memdev(to: *mut *mut c_void, bytes: c_long, _device: *const c_char) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.malloc(to, bytes, &team) };
    PARMCI_Malloc_group_memdev, ARMCI_Malloc_group_memdev(to: *mut *mut c_void, bytes: c_long, group: *const c_int, _device: *const c_char) -> c_int =
        |armci| { let team = armci.groups.team(*group)?; armci.malloc(to, bytes, &team) };
    PARMCI_Free, ARMCI_Free(start: *mut c_void) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.free(start, &team) };
    PARMCI_Free_memdev, ARMCI_Free_memdev(start: *mut c_void) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.free(start, &team) };
    PARMCI_Free_group, ARMCI_Free_group(start: *mut c_void, group: *const c_int) -> c_int =
        |armci| { let team = armci.groups.team(*group)?; armci.free(start, &team) };
    PARMCI_Malloc_local, ARMCI_Malloc_local(bytes: c_long) -> *mut c_void = |_armci| Ok(malloc_local(bytes));
    PARMCI_Free_local, ARMCI_Free_local(start: *mut c_void) -> c_int = |_armci| { free_local(start); Ok(0) };
    PARMCI_Memget, ARMCI_Memget(bytes: usize, info: *mut MemInfo, _flags: c_int) = |armci| armci.memget(bytes, info);
    PARMCI_Memat, ARMCI_Memat(info: *const MemInfo, offset: c_long) -> *mut c_void =
        |armci| {
            let start = armci.addresses.attach((*info).cpid, (*info).armci_addr.cast())?;
            Ok(start.wrapping_byte_offset(offset as isize))
        };
    PARMCI_Memdt, ARMCI_Memdt(_info: *const MemInfo, _offset: c_long) = |_armci| Ok(());
    PARMCI_Memctl, ARMCI_Memctl(info: *mut MemInfo) = |armci| armci.memctl(info);
}
