//! A lock across processes.

use super::wait::{WaitContext, WaitError};
use crate::atomic::AtomicU32;

/// A lock with its owner on record. Not recursive. One cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Lock {
    word: AtomicU32,
}

impl Lock {
    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self, me: u32) -> bool {
        let _ = me;
        todo!()
    }

    /// Takes the lock. `OwnerDied` when its owner is gone: the lock is then still the dead owner's.
    #[inline]
    pub fn lock(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        let _ = ctx;
        todo!()
    }

    /// Releases the lock; whoever calls this took it (checked: panics when `me` isn't the owner).
    #[inline]
    pub fn unlock(&self, me: u32) {
        let _ = me;
        todo!()
    }

    /// Who holds it now.
    pub fn owner(&self) -> Option<u32> {
        let _ = &self.word;
        todo!()
    }
}
