//! The locks that make accumulates atomic: each stripe of an arena belongs to one lock, the same for every rank.
//!
//! One granularity for all sizes of transfer, or a small and a large accumulate would not exclude each other: an element's lock is that of
//! the stripe its first byte lies in. 32 KiB is a compromise: a long accumulate pays one lock per microsecond of work, and
//! scattered small ones seldom meet.

use crate::sync::SpinLock;

/// Bytes of an arena under one lock, as a power of two.
pub(crate) const STRIPE_SHIFT: u32 = 15;
/// Locks of one arena.
const LOCKS: usize = 1024;

/// The stripe locks of one arena. Zeroed memory is the initial state.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Stripes([SpinLock; LOCKS]);

impl Stripes {
    /// The lock of the stripe with this number.
    #[inline]
    pub(crate) fn lock_of(&self, stripe: usize) -> &SpinLock {
        &self.0[stripe % LOCKS]
    }
}
