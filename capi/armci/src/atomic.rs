//! Read-modify-write, mutexes, notifications.
//!
//! Invariant: the words of notifications only grow, and each is written by one rank.

use crate::guard::profiled;
use crate::state::Armci;
use rma::{Compare, Error, ErrorKind, MutexSet, Result, Segment, SignalUpdate, World};
use std::ffi::{c_int, c_long, c_void};

/// Counters of notifications: word `r` of a rank's part counts those of rank `r`.
pub(crate) struct Notes {
    segment: Segment,
    sent: Vec<u64>,
    waited: Vec<u64>,
}

impl Notes {
    pub(crate) fn new(world: &World) -> Result<Notes> {
        let size = world.size();
        let segment = Segment::allocate_zeroed(&world.team(), 8 * size)?;
        Ok(Notes { segment, sent: vec![0; size], waited: vec![0; size] })
    }
}

impl Armci {
    fn check_rank(&self, proc: c_int) -> Result<usize> {
        let size = self.world.size();
        let rank = usize::try_from(proc).ok().filter(|rank| *rank < size);
        rank.ok_or_else(|| {
            let message = format!("there are ranks 0 to {} only, not {proc}", size - 1);
            Error::new(ErrorKind::Rank, "rank", message)
        })
    }

    /// Tells a rank that everything before has arrived; how many times it was told.
    fn notify(&mut self, proc: c_int) -> Result<c_int> {
        let (to, me) = (self.check_rank(proc)?, self.world.rank());
        let notes = &mut self.notes;
        notes.segment.put_signal::<u8>(to, 0, &[], 8 * me, SignalUpdate::Add(1))?;
        notes.sent[to] += 1;
        Ok(notes.sent[to] as c_int)
    }

    /// Waits for one more notification; its number, and how many there are.
    fn notify_wait(&mut self, proc: c_int) -> Result<(c_int, c_int)> {
        let from = self.check_rank(proc)?;
        let notes = &mut self.notes;
        let number = notes.waited[from] + 1;
        let there = notes.segment.wait_signal(8 * from, Compare::AtLeast(number))?;
        notes.waited[from] = number;
        Ok((number as c_int, there as c_int))
    }

    /// # Safety
    /// `local` may be read and written as the operation's integer.
    #[inline(always)]
    unsafe fn rmw(
        &mut self,
        op: c_int,
        local: *mut c_void,
        remote: *const c_void,
        extra: c_int,
        proc: c_int,
    ) -> Result<c_int> {
        let place = self.addresses.find(proc, remote)?;
        let (segment, rank, offset) = (place.segment, place.rank, place.offset);
        let (int, long) = (local.cast::<c_int>(), local.cast::<c_long>());
        // SAFETY: the caller's promise.
        unsafe {
            match op {
                10 => int.write(segment.swap(rank, offset, int.read())?),
                11 => long.write(segment.swap(rank, offset, long.read())?),
                12 => int.write(segment.fetch_add(rank, offset, extra)?),
                13 => long.write(segment.fetch_add(rank, offset, c_long::from(extra))?),
                _ => {
                    let message = format!("{op} is none of ARMCI_SWAP, ARMCI_FETCH_AND_ADD and their _LONG");
                    return Err(Error::new(ErrorKind::Type, "rmw", message));
                }
            }
        }
        Ok(0)
    }

    fn create_mutexes(&mut self, count: c_int) -> Result<c_int> {
        let count = usize::try_from(count).unwrap_or(0);
        if self.mutexes.is_some() {
            return Err(Error::new(ErrorKind::Foreign, "mutex", "there are mutexes already"));
        }
        self.mutexes = Some(MutexSet::create(&self.world.team(), count)?);
        Ok(0)
    }

    fn mutex_set(&self) -> Result<&MutexSet> {
        let missing = || Error::new(ErrorKind::Foreign, "mutex", "there are no mutexes");
        self.mutexes.as_ref().ok_or_else(missing)
    }

    fn destroy_mutexes(&mut self) -> Result<c_int> {
        self.mutex_set()?;
        self.mutexes.take().map_or(Ok(()), MutexSet::free)?;
        Ok(0)
    }

    fn lock(&mut self, mutex: c_int, proc: c_int) -> Result<()> {
        self.mutex_set()?.lock(proc as usize, mutex as usize)
    }

    /// What was done under the mutex is visible to its next holder, wherever it was done.
    fn unlock(&mut self, mutex: c_int, proc: c_int) -> Result<()> {
        self.world.fence_all()?;
        self.mutex_set()?.unlock(proc as usize, mutex as usize)
    }
}

profiled! {
    ARMCI_Rmw / PARMCI_Rmw(op: c_int, local: *mut c_void, remote: *mut c_void, extra: c_int, proc: c_int) -> c_int =
        |armci| armci.rmw(op, local, remote, extra, proc);
    ARMCI_Create_mutexes / PARMCI_Create_mutexes(count: c_int) -> c_int = |armci| armci.create_mutexes(count);
    ARMCI_Destroy_mutexes / PARMCI_Destroy_mutexes() -> c_int = |armci| armci.destroy_mutexes();
    ARMCI_Lock / PARMCI_Lock(mutex: c_int, proc: c_int) = |armci| armci.lock(mutex, proc);
    ARMCI_Unlock / PARMCI_Unlock(mutex: c_int, proc: c_int) = |armci| armci.unlock(mutex, proc);
    armci_notify / parmci_notify(proc: c_int) -> c_int = |armci| armci.notify(proc);
    armci_notify_wait / parmci_notify_wait(proc: c_int, number: *mut c_int) -> c_int = |armci| {
        let (mine, there) = armci.notify_wait(proc)?;
        if !number.is_null() {
            number.write(mine);
        }
        Ok(there)
    };
}
