//! The locks that make accumulates atomic: each stripe of an arena belongs to one lock, the same for every
//! rank.
//!
//! One granularity for all sizes of transfer, or a small and a large accumulate would not exclude each other:
//! an element's lock is that of the stripe its first byte lies in. Measured with 16, 32 and 64 KiB: a lock
//! has to wait for the stores before it, so rows some KiB apart gain a fifth from the largest, and two ranks
//! on one target are as fast as on two with any of them.

use crate::sync::SpinLock;

/// Bytes of an arena under one lock, as a power of two.
pub(crate) const STRIPE_SHIFT: u32 = 16;
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
