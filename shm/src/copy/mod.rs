//! Bulk moves between process memory and the heap: the only place where bytes other ranks may touch are copied.
//!
//! # The race contract
//! Source and destination are raw pointers, never references. Two operations that touch the same byte at the same
//! time, one of them writing, are the program's error in the one-sided model: the bytes that arrive are then some mixture of old and
//! new ones. Nothing here reads such a byte twice or derives an address or a length from it, so a race can spoil data and nothing else.
//! What orders two operations is a synchronisation ([`crate::sync`]), not this module; non-temporal stores are fenced before return.

mod strided;

pub use strided::{MOST_LEVELS, copy_strided};
pub(crate) use strided::{Shape, for_each_row};

/// Copies `len` bytes.
///
/// # Safety
/// Both ranges are mapped for the whole call (`dst` for writing) and do not overlap; races as the module says.
#[inline]
pub unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promises are those of copy_nonoverlapping.
    unsafe { std::ptr::copy_nonoverlapping(src, dst, len) }
}
