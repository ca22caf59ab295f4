//! A lock for critical sections of microseconds: one locked instruction to take it, a plain store to release
//! it.
//!
//! Waiters spin, yield and then look again at short intervals; nobody sleeps on the word, so releasing needs
//! no check for sleepers. The owner is on record as in [`super::Lock`]: 0 is free, else owner + 1.

use super::wait::{Crank, WaitContext, WaitError, WaitHook, wait_until};
use crate::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

/// A short-term lock. One cache line; zeroed memory is a free lock.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct SpinLock {
    word: AtomicU32,
}

impl SpinLock {
    /// Takes the lock; it is released when the guard goes.
    ///
    /// # Errors
    /// [`WaitError::OwnerDied`], as [`super::Lock::lock`].
    #[inline]
    pub fn lock(&self, ctx: &WaitContext<'_>) -> Result<SpinGuard<'_>, WaitError> {
        if !self.try_take(ctx.me) {
            self.lock_contended(ctx)?;
        }
        Ok(SpinGuard(self))
    }

    /// Takes the lock if it is free; [`SpinLock::release`] is the taker's duty.
    #[inline]
    pub(crate) fn try_take(&self, me: u32) -> bool {
        self.word.compare_exchange(0, me + 1, Acquire, Relaxed).is_ok()
    }

    /// Releases the lock, which the caller holds.
    #[inline]
    pub(crate) fn release(&self) {
        self.word.store(0, Release);
    }

    #[cold]
    fn lock_contended(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        let hook = OwnerWatch { inner: ctx.hook, owner: &|| self.owner() };
        let ctx = WaitContext { hook: &hook, ..*ctx };
        wait_until(&ctx, || self.word.load(Relaxed) == 0 && self.try_take(ctx.me))
    }

    /// Who holds it now.
    pub fn owner(&self) -> Option<u32> {
        self.word.load(Relaxed).checked_sub(1)
    }
}

/// Stands for a taken [`SpinLock`].
#[derive(Debug)]
pub struct SpinGuard<'a>(&'a SpinLock);

impl Drop for SpinGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Adds to each call of a hook the question whether a lock's owner still lives.
pub(super) struct OwnerWatch<'a> {
    pub(super) inner: &'a dyn WaitHook,
    pub(super) owner: &'a dyn Fn() -> Option<u32>,
}

impl WaitHook for OwnerWatch<'_> {
    fn on_slow(&self, waited: Duration) -> Result<(), WaitError> {
        self.inner.on_slow(waited)?;
        match (self.owner)() {
            // Asked again afterwards: an owner that released and then ended in good order is no dead owner.
            Some(owner) if self.inner.is_dead(owner) && (self.owner)() == Some(owner) => {
                Err(WaitError::OwnerDied { owner })
            }
            _ => Ok(()),
        }
    }

    fn crank(&self) -> Option<&dyn Crank> {
        self.inner.crank()
    }

    fn on_end(&self) {
        self.inner.on_end();
    }

    fn is_dead(&self, owner: u32) -> bool {
        self.inner.is_dead(owner)
    }
}
