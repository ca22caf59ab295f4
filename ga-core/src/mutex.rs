//! Numbered mutexes of a team.
//!
//! Invariant: mutex `k` lives at rank `k % ranks`, so that neighbours in number don't wait for one process.

use crate::error::{Error, Result};
use rma::{MutexSet, Team};

/// Mutexes that any rank of a team may lock, numbered from 0.
#[derive(Debug)]
pub struct Mutexes {
    set: MutexSet,
    ranks: usize,
    count: usize,
}

impl Mutexes {
    /// Makes `count` mutexes, none of them locked. Collective over the team, with the same count everywhere; a synchronisation.
    /// `GA_Create_mutexes`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::ErrorKind::Memory) on all ranks when the memory is not there on one.
    #[track_caller]
    pub fn create(team: &Team, count: usize) -> Result<Self> {
        let ranks = team.size();
        let mine = count / ranks + usize::from(team.rank() < count % ranks);
        let set = MutexSet::create(team, mine).map_err(|e| Error::from_rma("Mutexes::create", e))?;
        Ok(Mutexes { set, ranks, count })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Waits for mutex `number` and takes it. What its former holders did to memory of their node is visible. Not collective;
    /// not recursive: one process holds it, whichever thread asked. `GA_Lock`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when there is no such mutex, this process holds it
    /// already, or its holder died.
    #[inline]
    #[track_caller]
    pub fn lock(&self, number: usize) -> Result<()> {
        let done = self.set.lock(number % self.ranks, number / self.ranks);
        done.map_err(|e| Error::from_rma("lock", e))
    }

    /// Takes mutex `number` if it is free. Not collective.
    ///
    /// # Errors
    /// As [`Mutexes::lock`].
    #[track_caller]
    pub fn try_lock(&self, number: usize) -> Result<bool> {
        let done = self.set.try_lock(number % self.ranks, number / self.ranks);
        done.map_err(|e| Error::from_rma("try_lock", e))
    }

    /// Gives mutex `number` back. Not collective. What was put to other nodes under it is visible to the next holder only after
    /// a fence before this. `GA_Unlock`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when there is no such mutex or this process does not hold it.
    #[inline]
    pub fn unlock(&self, number: usize) -> Result<()> {
        let done = self.set.unlock(number % self.ranks, number / self.ranks);
        done.map_err(|e| Error::from_rma("unlock", e))
    }

    /// Frees them all. Collective over the team; a synchronisation. Dropping them instead frees them at a later one.
    /// `GA_Destroy_mutexes`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn destroy(self) -> Result<()> {
        self.set.free().map_err(|e| Error::from_rma("Mutexes::destroy", e))
    }
}
