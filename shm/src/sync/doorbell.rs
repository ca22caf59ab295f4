//! A doorbell: somebody rings, one sleeper wakes; rings are not counted.
//!
//! The word: QUIET, RUNG (written by whoever rings), SLEEPING (written by the one who waits). A ring replaces
//! the word and so learns whether there is a sleeper to wake; taking a ring is RUNG -> QUIET, with acquire
//! against the ring's release.

use super::wait::{WaitContext, WaitError, wait_with};
use crate::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::os::{futex_wait, futex_wake};

const QUIET: u32 = 0;
const RUNG: u32 = 1;
const SLEEPING: u32 = 2;

/// A sticky event: rung or not. Any number may ring, one may wait. One cache line, zero at the start.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Doorbell {
    word: AtomicU32,
}

impl Doorbell {
    /// Rings. Everything written before is visible to the one who answers. A system call only if somebody
    /// sleeps.
    #[inline]
    pub fn ring(&self) {
        if self.word.swap(RUNG, Release) == SLEEPING {
            futex_wake(&self.word, 1);
        }
    }

    /// Takes a ring if there is one.
    #[inline]
    pub fn try_take(&self) -> bool {
        self.word.load(Relaxed) == RUNG && self.word.compare_exchange(RUNG, QUIET, Acquire, Relaxed).is_ok()
    }

    /// Waits for a ring and takes it.
    pub fn wait(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        wait_with(
            ctx,
            || self.try_take(),
            |longest| {
                let seen = self.word.load(Relaxed);
                let asleep = seen == SLEEPING
                    || seen == QUIET && self.word.compare_exchange(QUIET, SLEEPING, Relaxed, Relaxed).is_ok();
                if asleep {
                    futex_wait(&self.word, SLEEPING, longest);
                }
            },
        )
    }
}
