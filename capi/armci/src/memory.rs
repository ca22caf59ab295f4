//! Allocation: collective, of this process alone, and of this rank for others to reach.
//!
//! Invariant: an allocation is in the address table from its making to its freeing, on all members alike. Its id is made of what all
//! members know: the address of its first part that isn't empty.

use crate::address::Addresses;
use crate::guard::profiled;
use crate::pool::Pool;
use crate::state::Armci;
use rma::{Error, ErrorKind, Op, Result, Segment, Team, World};
use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_long, c_void};

/// Mebibytes of each rank's memory for `ARMCI_Memget`.
const POOL: &str = "GAIN_ARMCI_POOL_MB";

/// Before every block of `ARMCI_Malloc_local`: its length.
const HEADER: usize = 64;

/// An allocation that is not freed.
pub(crate) struct Allocation {
    pub(crate) segment: Segment,
    /// Whether some member has nothing of it, and frees it by a null pointer.
    is_hollow: bool,
    /// What `ARMCIX_Mode_set` said.
    pub(crate) mode: c_int,
}

/// What was allocated.
pub(crate) struct Memory {
    pub(crate) allocations: HashMap<u64, Allocation>,
    /// What `ARMCI_Memget` hands out; it has memory where that did.
    pool: Pool,
    pool_base: usize,
    pool_memory: Segment,
}

/// `armci_meminfo_t`.
#[repr(C)]
pub(crate) struct MemInfo {
    armci_addr: *mut c_char,
    addr: *mut c_char,
    size: usize,
    cpid: c_int,
    idlist: [c_long; 128],
}

impl Memory {
    pub(crate) fn new(world: &World, addresses: &mut Addresses) -> Result<Memory> {
        let said = std::env::var(POOL).ok();
        let mib: usize = match said.as_deref().map(str::parse) {
            None => 16,
            Some(Ok(mib)) => mib,
            Some(Err(_)) => {
                let message = format!("{POOL} must be a number of mebibytes");
                return Err(Error::new(ErrorKind::Bootstrap, "init", message));
            }
        };
        let share = world.heap_limit_bytes() as usize / world.node_team().size() / 8;
        let len = (mib << 20).min(share) / 64 * 64;
        let segment = Segment::reserve(&world.team(), len)?;
        let (allocations, pool) = (HashMap::new(), Pool::new(len));
        let mut memory = Memory { allocations, pool, pool_base: 0, pool_memory: segment.clone() };
        let bases = memory.enlist(addresses, &world.team(), segment)?;
        memory.pool_base = bases[world.rank()];
        if let Some(pool) = memory.allocations.values().next() {
            let arena = |rank: usize| bases[rank] - pool.segment.arena_offset(rank);
            addresses.arenas = (0..world.size()).map(arena).collect();
        }
        Ok(memory)
    }

    /// Everybody's addresses as this process uses them.
    fn allocate(&mut self, addresses: &mut Addresses, team: &Team, len: usize) -> Result<Vec<usize>> {
        let segment = Segment::allocate(team, len)?;
        self.enlist(addresses, team, segment)
    }

    /// Makes a segment's addresses known.
    fn enlist(&mut self, addresses: &mut Addresses, team: &Team, segment: Segment) -> Result<Vec<usize>> {
        let here = |rank| match segment.len_bytes(rank) {
            0 => 0,
            _ => segment.mapped(rank).map_or(0, |start| start.as_ptr() as usize),
        };
        let owns = team.allgather(&[here(team.rank()) as u64])?;
        let Some(first) = owns.iter().position(|own| *own != 0) else {
            segment.free()?;
            return Ok(vec![0; team.size()]);
        };
        let id = (owns[first] / 64) | ((team.world_rank(first) as u64) << 42);
        let mut bases = Vec::with_capacity(team.size());
        for (rank, own) in owns.iter().enumerate() {
            let (here, own) = (here(rank), *own as usize);
            let part = (&segment, rank, id);
            addresses.insert(team.world_rank(rank), here, own, segment.len_bytes(rank), part);
            bases.push(if here == 0 { own } else { here });
        }
        let is_hollow = owns.contains(&0);
        self.allocations.insert(id, Allocation { segment, is_hollow, mode: 1 });
        Ok(bases)
    }
}

impl Armci {
    /// # Safety
    /// `to` is an array of one pointer per member of the team.
    unsafe fn malloc(&mut self, to: *mut *mut c_void, bytes: c_long, team: &Team) -> Result<c_int> {
        let Ok(len) = usize::try_from(bytes) else {
            return Err(Error::new(ErrorKind::Range, "malloc", format!("{bytes} bytes")));
        };
        match self.memory.allocate(&mut self.addresses, team, len) {
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

    fn free(&mut self, start: *mut c_void, team: &Team) -> Result<c_int> {
        let me = self.world.rank() as c_int;
        let mut id = 0;
        if !start.is_null() {
            let (found, offset) = self.addresses.within(me, start)?;
            if offset != 0 {
                let message = format!("address {start:p} lies {offset} bytes inside an allocation");
                return Err(Error::new(ErrorKind::Foreign, "free", message));
            }
            id = found;
        }
        let allocation = self.memory.allocations.get(&id);
        let is_hollow = allocation.is_none_or(|allocation| allocation.is_hollow);
        let team = allocation.map_or(team, |allocation| allocation.segment.team()).clone();
        if is_hollow {
            let mut ids = [id];
            team.allreduce(&mut ids, Op::Max)?;
            if id != 0 && id != ids[0] {
                return Err(Error::new(ErrorKind::Mismatch, "free", "ranks free different allocations"));
            }
            id = ids[0];
        }
        let Some(allocation) = self.memory.allocations.remove(&id) else { return Ok(0) };
        for rank in 0..team.size() {
            self.addresses.remove(team.world_rank(rank), id);
        }
        allocation.segment.free()?;
        Ok(0)
    }

    /// # Safety
    /// `info` is writable.
    unsafe fn memget(&mut self, bytes: usize, info: *mut MemInfo) -> Result<()> {
        let Some(at) = self.memory.pool.take(bytes) else {
            let message = format!("no {bytes} bytes left in one piece; {POOL} makes room");
            return Err(Error::new(ErrorKind::Memory, "memget", message));
        };
        if let Err(error) = self.memory.pool_memory.commit(at, bytes) {
            self.memory.pool.give(at);
            return Err(error);
        }
        let start = (self.memory.pool_base + at) as *mut c_char;
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
    unsafe fn memctl(&mut self, info: *mut MemInfo) -> Result<()> {
        // SAFETY: filled in by memget: the caller's promise.
        let info = unsafe { &mut *info };
        if info.cpid as usize == self.world.rank() && !info.addr.is_null() {
            let at = (info.addr as usize).wrapping_sub(self.memory.pool_base);
            if !self.memory.pool.give(at) {
                let message = format!("address {:p} is no block of ARMCI_Memget", info.addr);
                return Err(Error::new(ErrorKind::Foreign, "memctl", message));
            }
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

profiled! {
    ARMCI_Malloc / PARMCI_Malloc(to: *mut *mut c_void, bytes: c_long) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.malloc(to, bytes, &team) };
    ARMCI_Malloc_group / PARMCI_Malloc_group(to: *mut *mut c_void, bytes: c_long, group: *const c_int) -> c_int =
        |armci| { let team = armci.groups.team(*group)?; armci.malloc(to, bytes, &team) };
    ARMCI_Malloc_memdev / PARMCI_Malloc_memdev(to: *mut *mut c_void, bytes: c_long, _device: *const c_char) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.malloc(to, bytes, &team) };
    ARMCI_Malloc_group_memdev / PARMCI_Malloc_group_memdev(to: *mut *mut c_void, bytes: c_long, group: *const c_int, _device: *const c_char) -> c_int =
        |armci| { let team = armci.groups.team(*group)?; armci.malloc(to, bytes, &team) };
    ARMCI_Free / PARMCI_Free(start: *mut c_void) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.free(start, &team) };
    ARMCI_Free_memdev / PARMCI_Free_memdev(start: *mut c_void) -> c_int =
        |armci| { let team = armci.groups.default_team()?; armci.free(start, &team) };
    ARMCI_Free_group / PARMCI_Free_group(start: *mut c_void, group: *const c_int) -> c_int =
        |armci| { let team = armci.groups.team(*group)?; armci.free(start, &team) };
    ARMCI_Malloc_local / PARMCI_Malloc_local(bytes: c_long) -> *mut c_void = |_armci| Ok(malloc_local(bytes));
    ARMCI_Free_local / PARMCI_Free_local(start: *mut c_void) -> c_int = |_armci| { free_local(start); Ok(0) };
    ARMCI_Memget / PARMCI_Memget(bytes: usize, info: *mut MemInfo, _flags: c_int) = |armci| armci.memget(bytes, info);
    ARMCI_Memat / PARMCI_Memat(info: *const MemInfo, offset: c_long) -> *mut c_void =
        |armci| {
            let start = armci.addresses.attach((*info).cpid, (*info).armci_addr.cast())?;
            Ok(start.wrapping_byte_offset(offset as isize))
        };
    ARMCI_Memdt / PARMCI_Memdt(_info: *const MemInfo, _offset: c_long) = |_armci| Ok(());
    ARMCI_Memctl / PARMCI_Memctl(info: *mut MemInfo) = |armci| armci.memctl(info);
}
