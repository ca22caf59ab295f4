//! A counter that only grows and can be waited for.
//!
//! The word: bits 0..63 the value, bit 63 says that somebody may sleep. A writer replaces the whole word,
//! clearing the bit, and wakes all if it was set; a waiter sets the bit and sleeps on the low half, which the
//! writer's change has altered by then or will.

use super::wait::{WaitContext, WaitError, wait_with};
use crate::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use crate::os::{futex_wait_low, futex_wake_low};

const SLEEPERS: u64 = 1 << 63;

/// A growing 63-bit counter with a cache line of its own.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Sequence {
    counter: Counter,
}

impl std::ops::Deref for Sequence {
    type Target = Counter;

    #[inline]
    fn deref(&self) -> &Counter {
        &self.counter
    }
}

/// A growing 63-bit counter; any number of writers, any number of waiters. One word, zero at the start.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Counter {
    word: AtomicU64,
}

impl Counter {
    /// The value now (acquire).
    #[inline]
    pub fn load(&self) -> u64 {
        self.word.load(Acquire) & !SLEEPERS
    }

    /// Adds `n` (less than 2^32), returns the value before; everything written before is visible to those who
    /// see the new value.
    #[inline]
    pub fn add(&self, n: u32) -> u64 {
        let mut seen = self.word.load(Relaxed);
        loop {
            let next = (seen & !SLEEPERS) + u64::from(n);
            match self.word.compare_exchange_weak(seen, next, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        self.wake(seen);
        seen & !SLEEPERS
    }

    /// Sets the value, for a single writer; never below the present one and less than 2^32 above it. Ordering
    /// as [`Counter::add`].
    #[inline]
    pub fn publish(&self, value: u64) {
        let was = self.word.swap(value & !SLEEPERS, AcqRel);
        self.wake(was);
    }

    #[inline]
    fn wake(&self, was: u64) {
        if was & SLEEPERS != 0 {
            futex_wake_low(&self.word, i32::MAX);
        }
    }

    /// Waits until the value is at least `target`; returns the value seen.
    #[inline]
    pub fn wait_at_least(&self, target: u64, ctx: &WaitContext<'_>) -> Result<u64, WaitError> {
        self.wait_at_least_or(target, || false, ctx)
    }

    /// [`Counter::wait_at_least`] that also ends when `other` holds, which is asked again every 100 ms at
    /// least, as nobody wakes the waiter for it.
    #[inline]
    pub fn wait_at_least_or(
        &self,
        target: u64,
        other: impl Fn() -> bool,
        ctx: &WaitContext<'_>,
    ) -> Result<u64, WaitError> {
        let value = std::cell::Cell::new(0);
        wait_with(
            ctx,
            || {
                value.set(self.load());
                value.get() >= target || other()
            },
            |longest| {
                let seen = self.word.load(Relaxed);
                let marked = seen | SLEEPERS;
                if seen & !SLEEPERS < target
                    && (seen == marked || self.word.compare_exchange(seen, marked, Relaxed, Relaxed).is_ok())
                {
                    futex_wait_low(&self.word, marked, longest);
                }
            },
        )?;
        Ok(value.get())
    }
}
