//! The locks that make accumulates atomic: each stripe of an arena belongs to one lock, the same for every
//! rank.
//!
//! One granularity for all sizes of transfer, or a small and a large accumulate would not exclude each other:
//! an element's lock is that of the stripe its first byte lies in. Measured with 16, 32 and 64 KiB: a lock
//! has to wait for the stores before it, so rows some KiB apart gain a fifth from the largest, and two ranks
//! on one target are as fast as on two with any of them.

use crate::sync::SpinLock;

/// Locks that can be held together: one for each bit of a word.
pub(crate) const TOGETHER: usize = u64::BITS as usize;

/// Bytes of an arena under one lock, as a power of two.
pub(crate) const STRIPE_SHIFT: u32 = 16;
/// Locks of one arena.
pub(crate) const LOCKS: usize = 1024;

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

    /// Takes those of the [`TOGETHER`] locks from `first` on whose bits are set, if all of them are free.
    ///
    /// It never waits, since who waits for a lock of an arena must hold none: others wait for that one, and so would what is
    /// served while it waits.
    #[inline]
    pub(crate) fn try_hold(&self, first: usize, which: u64, me: u32) -> Option<Hold<'_>> {
        let mut hold = Hold { locks: &self.0[first..first + TOGETHER], which: 0 };
        for lock in bits(which) {
            if !hold.locks[lock].try_take(me) {
                return None;
            }
            hold.which |= 1 << lock;
        }
        Some(hold)
    }
}

/// Stands for several taken locks.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    locks: &'a [SpinLock],
    which: u64,
}

impl Drop for Hold<'_> {
    #[inline]
    fn drop(&mut self) {
        bits(self.which).for_each(|lock| self.locks[lock].release());
    }
}

/// The numbers of the bits that are set.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        lowest
    })
}
