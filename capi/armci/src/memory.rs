//! What is allocated: collectively, and of this rank's own memory for others to reach.
//!
//! Invariant: an allocation is in the address table from its making to its freeing, on all members alike. Its id is made of what all
//! members know: the address of its first part that isn't empty. Nobody waits for other ranks with a lock.

use crate::address::Addresses;
use crate::pool::Pool;
use rma::{Error, ErrorKind, Op, Result, Segment, Team, World};
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Mebibytes of each rank's memory for `ARMCI_Memget`.
const POOL: &str = "GAIN_ARMCI_POOL_MB";

/// An allocation that is not freed.
struct Allocation {
    segment: Segment,
    /// Whether some member has nothing of it, and frees it by a null pointer.
    is_hollow: bool,
    /// What `ARMCIX_Mode_set` said.
    mode: c_int,
}

type Allocations = Mutex<HashMap<u64, Allocation>>;

/// What was allocated.
pub(crate) struct Memory {
    allocations: Allocations,
    /// What `ARMCI_Memget` hands out; it has memory where that did.
    pool: Mutex<Pool>,
    pool_base: usize,
    pool_memory: Segment,
    me: c_int,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a segment's addresses known: everybody's as this process uses them. Collective over the team.
fn enlist(
    allocations: &Allocations,
    addresses: &Addresses,
    team: &Team,
    segment: Segment,
) -> Result<Vec<usize>> {
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
    lock(allocations).insert(id, Allocation { segment, is_hollow, mode: 1 });
    Ok(bases)
}

impl Memory {
    /// Collective over the world.
    pub(crate) fn new(world: &World, addresses: &Addresses) -> Result<Memory> {
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
        let pool_memory = Segment::reserve(&world.team(), len)?;
        let allocations = Allocations::default();
        let bases = enlist(&allocations, addresses, &world.team(), pool_memory.clone())?;
        if len > 0 {
            let arena = |rank: usize| bases[rank] - pool_memory.arena_offset(rank);
            addresses.set_arenas((0..world.size()).map(arena).collect());
        }
        let (pool, pool_base) = (Mutex::new(Pool::new(len)), bases[world.rank()]);
        Ok(Memory { allocations, pool, pool_base, pool_memory, me: world.rank() as c_int })
    }

    /// So many bytes of this rank; everybody's addresses as this process uses them. Collective over the team.
    pub(crate) fn allocate(&self, addresses: &Addresses, team: &Team, len: usize) -> Result<Vec<usize>> {
        let segment = Segment::allocate(team, len)?;
        enlist(&self.allocations, addresses, team, segment)
    }

    /// Frees what begins at an address of this rank's, or, for a null pointer, what this rank has nothing of. Collective over the allocation's team.
    pub(crate) fn free(&self, addresses: &Addresses, start: *mut c_void, team: &Team) -> Result<c_int> {
        let mut id = 0;
        if !start.is_null() {
            let (found, offset) = addresses.within(self.me, start)?;
            if offset != 0 {
                let message = format!("address {start:p} lies {offset} bytes inside an allocation");
                return Err(Error::new(ErrorKind::Foreign, "free", message));
            }
            id = found;
        }
        let (is_hollow, team) = match lock(&self.allocations).get(&id) {
            Some(allocation) => (allocation.is_hollow, allocation.segment.team().clone()),
            None => (true, team.clone()),
        };
        if is_hollow {
            let mut ids = [id];
            team.allreduce(&mut ids, Op::Max)?;
            if id != 0 && id != ids[0] {
                return Err(Error::new(ErrorKind::Mismatch, "free", "ranks free different allocations"));
            }
            id = ids[0];
        }
        let Some(allocation) = lock(&self.allocations).remove(&id) else { return Ok(0) };
        for rank in 0..team.size() {
            addresses.remove(team.world_rank(rank), id);
        }
        allocation.segment.free()?;
        Ok(0)
    }

    /// So many bytes of the pool; where they begin.
    pub(crate) fn take(&self, bytes: usize) -> Result<usize> {
        let Some(at) = lock(&self.pool).take(bytes) else {
            let message = format!("no {bytes} bytes left in one piece; {POOL} makes room");
            return Err(Error::new(ErrorKind::Memory, "memget", message));
        };
        match self.pool_memory.commit(at, bytes) {
            Ok(()) => Ok(self.pool_base + at),
            Err(error) => {
                lock(&self.pool).give(at);
                Err(error)
            }
        }
    }

    /// Gives a block of the pool back; false if that is none.
    pub(crate) fn give(&self, start: usize) -> bool {
        lock(&self.pool).give(start.wrapping_sub(self.pool_base))
    }

    /// Does something with the mode of the allocation that an address of this rank's is in.
    pub(crate) fn mode<R>(
        &self,
        addresses: &Addresses,
        start: *const c_void,
        f: impl FnOnce(&mut c_int) -> R,
    ) -> Result<R> {
        let (id, _) = addresses.within(self.me, start)?;
        let missing = || Error::new(ErrorKind::Foreign, "mode", "the allocation is gone");
        lock(&self.allocations).get_mut(&id).map(|allocation| f(&mut allocation.mode)).ok_or_else(missing)
    }
}
