//! A counter that only grows and can be waited for.

use super::wait::{WaitContext, WaitError};
use crate::atomic::AtomicU64;

/// A growing 63-bit counter; any number of writers, any number of waiters. One cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Sequence {
    word: AtomicU64,
}

impl Sequence {
    /// The value now (acquire).
    #[inline]
    pub fn load(&self) -> u64 {
        let _ = &self.word;
        todo!()
    }

    /// Adds `n`, returns the value before; everything written before is visible to those who see the new value.
    #[inline]
    pub fn add(&self, n: u64) -> u64 {
        let _ = n;
        todo!()
    }

    /// Sets the value, for a single writer; a value never below the present one. Ordering as [`Sequence::add`].
    #[inline]
    pub fn publish(&self, value: u64) {
        let _ = value;
        todo!()
    }

    /// Waits until the value is at least `target`; returns the value seen.
    #[inline]
    pub fn wait_at_least(&self, target: u64, ctx: &WaitContext<'_>) -> Result<u64, WaitError> {
        let _ = (target, ctx);
        todo!()
    }
}
