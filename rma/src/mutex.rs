//! Mutexes at ranks: any member of a team may lock any of them.

use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::post::may_wait;
use crate::segment::{Contents, Segment};
use crate::team::Team;
use crate::transport::{Held, Remote};
use shm::sync::Lock;
use std::panic::Location;

/// A number of mutexes at every member of a team.
#[derive(Clone, Debug)]
pub struct MutexSet {
    segment: Segment,
}

/// Where a mutex is.
enum At<'a> {
    Here(&'a Lock),
    /// Where the transport takes and releases it: on another node its owner's process does.
    Elsewhere(Remote),
}

/// A mutex held; unlocks when dropped.
#[derive(Debug)]
#[must_use = "dropping the guard unlocks"]
pub struct MutexGuard<'a> {
    set: &'a MutexSet,
    rank: usize,
    index: usize,
}

impl MutexSet {
    /// Makes `count` mutexes at this rank; members may differ.
    ///
    /// Collective over `team`, a full synchronisation. Stands for `ARMCI_Create_mutexes`, `GA_Create_mutexes`. Errors as [`Segment::allocate`].
    #[track_caller]
    pub fn create(team: &Team, count: usize) -> Result<MutexSet> {
        let call = Call::new(OpCode::MutexCreate);
        let len_bytes = count.saturating_mul(size_of::<Lock>());
        let segment = Segment::allocate_as(call, team, len_bytes, Contents::Zero, u64::MAX)?;
        Ok(MutexSet { segment })
    }

    /// Number of mutexes at `rank`. Panics when there is no such rank.
    pub fn count(&self, rank: usize) -> usize {
        self.segment.len_bytes(rank) / size_of::<Lock>()
    }

    /// Waits for mutex `index` at `rank` and takes it; [`MutexSet::unlock`] gives it back. What its former holders did is visible.
    ///
    /// Not collective, not recursive. One process holds it, whichever thread asked. Stands for `ARMCI_Lock`, `GA_Lock`. Errors: `Rank`, `Range`;
    /// `Died` when the holder died; `Foreign` when this process holds it already; `Finalized`.
    #[inline]
    #[track_caller]
    pub fn lock(&self, rank: usize, index: usize) -> Result<()> {
        let call = Call::new(OpCode::Lock);
        let (world, team) = (self.segment.shared(), self.segment.team());
        let _span = observe::span(|| self.segment.event(call.op, rank, 0).at(call.location));
        let is_taken = match self.at("lock", rank, index)? {
            At::Here(lock) => {
                if lock.try_lock(world.rank as u32) {
                    return Ok(());
                }
                may_wait(call.op.name())?;
                if lock.owner() != Some(world.rank as u32) {
                    let (team, target, sequence) = (team.id(), Some(rank), index as u64);
                    let cause = Cause { call, team, target, sequence, needs: Needs::Owner };
                    return world.waiting(cause, |context| lock.lock(context));
                }
                false
            }
            // SAFETY: a lock of the segment, by `at`.
            At::Elsewhere(place) => unsafe {
                may_wait(call.op.name())?;
                world.transport.lock(place, true, call.location)? == Held::Done
            },
        };
        if is_taken {
            return Ok(());
        }
        Err(Error::at(
            ErrorKind::Foreign,
            "lock",
            rank,
            format!("mutex {index} is held by this rank already"),
        ))
    }

    /// Takes mutex `index` at `rank` if it is free. Not collective. Errors: `Rank`, `Range`, `Died`, `Foreign`, `Finalized`.
    #[track_caller]
    pub fn try_lock(&self, rank: usize, index: usize) -> Result<bool> {
        let world = self.segment.shared();
        let _span = observe::span(|| self.segment.event(OpCode::TryLock, rank, 0));
        match self.at("try_lock", rank, index)? {
            At::Here(lock) => Ok(lock.try_lock(world.rank as u32)),
            // SAFETY: a lock of the segment, by `at`.
            At::Elsewhere(place) => unsafe {
                Ok(world.transport.lock(place, false, Location::caller())? == Held::Done)
            },
        }
    }

    /// Releases mutex `index` at `rank`. What was done under it to memory of its node is visible to the next holder; across nodes,
    /// fence before.
    ///
    /// Not collective. Stands for `ARMCI_Unlock`, `GA_Unlock`. Errors: `Rank`, `Range`; `Foreign` when this process doesn't hold it;
    /// `Died`, `Finalized`.
    #[inline]
    pub fn unlock(&self, rank: usize, index: usize) -> Result<()> {
        let world = self.segment.shared();
        let _span = observe::span(|| self.segment.event(OpCode::Unlock, rank, 0));
        let me = world.rank as u32;
        let owner = match self.at("unlock", rank, index)? {
            At::Here(lock) => match lock.owner() {
                Some(owner) if owner == me => {
                    lock.unlock(me);
                    return Ok(());
                }
                owner => owner.map(|owner| owner as usize),
            },
            // SAFETY: a lock of the segment, by `at`.
            At::Elsewhere(place) => match unsafe { world.transport.unlock(place) }? {
                Held::Done => return Ok(()),
                Held::By(owner) => Some(owner),
                Held::Free => None,
            },
        };
        Err(not_held(rank, index, owner))
    }

    /// [`MutexSet::lock`] as a guard that unlocks when dropped.
    #[track_caller]
    pub fn guard(&self, rank: usize, index: usize) -> Result<MutexGuard<'_>> {
        self.lock(rank, index)?;
        Ok(MutexGuard { set: self, rank, index })
    }

    /// Frees the mutexes. Collective, a full synchronisation. Stands for `ARMCI_Destroy_mutexes`. Errors as [`Segment::free`].
    #[track_caller]
    pub fn free(self) -> Result<()> {
        self.segment.free()
    }

    #[inline]
    fn at(&self, op: &'static str, rank: usize, index: usize) -> Result<At<'_>> {
        let size = size_of::<Lock>();
        let offset = index.saturating_mul(size);
        let spot = self
            .segment
            .spot(op, rank, offset, size)
            .map_err(|error| self.no_such(op, rank, index, error))?;
        // What goes through the transport is released there, too, after the data.
        if spot.mapped.is_null() {
            return Ok(At::Elsewhere(spot.place));
        }
        // SAFETY: inside the owner's part, which was zeroed and is used for locks only; mapped as long as the heap, aligned
        // to 64; a lock is made of atomics.
        Ok(At::Here(unsafe { &*spot.mapped.cast::<Lock>() }))
    }

    #[cold]
    fn no_such(&self, op: &'static str, rank: usize, index: usize, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Range => {
                let message = format!("mutex {index} of {} there", self.count(rank));
                Error::at(ErrorKind::Range, op, rank, message)
            }
            _ => error,
        }
    }
}

impl Drop for MutexGuard<'_> {
    fn drop(&mut self) {
        // An error means the set was freed or the world finalized meanwhile: there is nothing left to unlock.
        let _ = self.set.unlock(self.rank, self.index);
    }
}

#[cold]
fn not_held(rank: usize, index: usize, owner: Option<usize>) -> Error {
    let holder = owner.map_or("nobody".into(), |owner| format!("world rank {owner}"));
    Error::at(ErrorKind::Foreign, "unlock", rank, format!("mutex {index} is held by {holder}"))
}
