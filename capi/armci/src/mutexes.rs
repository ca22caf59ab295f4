//! Sets of mutexes, which threads wait for as ranks do.
//!
//! Invariant: to other ranks this process has a mutex, here one of its threads.

use common::Holders;
use rma::{MutexSet, Result, Team};

/// A set.
pub(crate) struct Mutexes {
    set: MutexSet,
    pub(crate) team: Team,
    holders: Holders,
}

impl Mutexes {
    /// Collective over the team.
    pub(crate) fn create(team: Team, count: usize) -> Result<Mutexes> {
        Ok(Mutexes { set: MutexSet::create(&team, count)?, team, holders: Holders::new() })
    }

    pub(crate) fn lock(&self, owner: usize, mutex: usize) -> Result<()> {
        self.holders.lock([owner, mutex], || self.set.lock(owner, mutex))
    }

    pub(crate) fn try_lock(&self, owner: usize, mutex: usize) -> Result<bool> {
        self.holders.try_lock([owner, mutex], || self.set.try_lock(owner, mutex))
    }

    pub(crate) fn unlock(&self, owner: usize, mutex: usize) -> Result<()> {
        self.holders.unlock([owner, mutex], || self.set.unlock(owner, mutex))
    }

    /// Collective over the team.
    pub(crate) fn free(self) -> Result<()> {
        self.set.free()
    }
}
