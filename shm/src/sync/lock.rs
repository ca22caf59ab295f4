//! A lock across processes, with its owner on record.
//!
//! The word, written by everybody: 0 is free; else owner + 1 in the low bits, and bit 31 says that somebody
//! may sleep on it.
//!
//! | transition | by | ordering |
//! | --- | --- | --- |
//! | 0 -> owner + 1 | the new owner, who has not slept | acquire |
//! | 0 -> owner + 1 with SLEEPERS | the new owner, who has slept: others may sleep still | acquire |
//! | taken -> taken with SLEEPERS | a waiter about to sleep | relaxed: the futex re-checks the word |
//! | any -> 0 | the owner; wakes one sleeper when SLEEPERS was set | release |

use super::spin::OwnerWatch;
use super::wait::{WaitContext, WaitError, wait_with};
use crate::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::os::{futex_wait, futex_wake};
use std::time::Duration;

const SLEEPERS: u32 = 1 << 31;

/// A lock with its owner on record. Not recursive, not fair. One cache line; zeroed memory is a free lock.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Lock {
    word: AtomicU32,
}

impl Lock {
    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self, me: u32) -> bool {
        self.word.compare_exchange(0, me + 1, Acquire, Relaxed).is_ok()
    }

    /// Takes the lock, with `ctx.me` as its owner. Stands for `ARMCI_Lock`.
    ///
    /// # Errors
    /// [`WaitError::OwnerDied`] when its owner is gone: the lock stays the dead owner's, as what it guards
    /// may be half done.
    #[inline]
    pub fn lock(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        if self.try_lock(ctx.me) { Ok(()) } else { self.lock_contended(ctx) }
    }

    #[cold]
    fn lock_contended(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        let hook = OwnerWatch { inner: ctx.hook, owner: &|| self.owner() };
        let ctx = WaitContext { hook: &hook, ..*ctx };
        let mine = std::cell::Cell::new(ctx.me + 1);
        wait_with(
            &ctx,
            || {
                self.word.load(Relaxed) == 0
                    && self.word.compare_exchange(0, mine.get(), Acquire, Relaxed).is_ok()
            },
            |longest| {
                mine.set((ctx.me + 1) | SLEEPERS);
                self.sleep(longest);
            },
        )
    }

    fn sleep(&self, longest: Duration) {
        let seen = self.word.load(Relaxed);
        if seen == 0 {
            return;
        }
        let marked = seen | SLEEPERS;
        if seen == marked || self.word.compare_exchange(seen, marked, Relaxed, Relaxed).is_ok() {
            futex_wait(&self.word, marked, longest);
        }
    }

    /// Releases the lock, which `me` must hold: panics when it doesn't. Stands for `ARMCI_Unlock`.
    #[inline]
    pub fn unlock(&self, me: u32) {
        let was = self.word.swap(0, Release);
        if was & SLEEPERS != 0 {
            futex_wake(&self.word, 1);
        }
        assert!(was & !SLEEPERS == me + 1, "unlock by {me} of a lock it does not hold");
    }

    /// Who holds it now.
    pub fn owner(&self) -> Option<u32> {
        (self.word.load(Relaxed) & !SLEEPERS).checked_sub(1)
    }
}
