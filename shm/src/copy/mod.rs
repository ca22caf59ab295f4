//! Bulk moves between process memory and the heap: the only place where bytes other ranks may touch are copied.
//!
//! # The race contract
//! Source and destination are raw pointers, never references. Two operations that touch the same byte at the same
//! time, one of them writing, are the program's error in the one-sided model: the bytes that arrive are then some mixture of old and
//! new ones. Nothing here reads such a byte twice or derives an address or a length from it, so a race can spoil data and nothing else.
//! What orders two operations is a synchronisation ([`crate::sync`]), not this module; non-temporal stores are fenced before return.

mod stream;
mod strided;

pub use strided::{MOST_LEVELS, copy_strided};
pub(crate) use strided::{Shape, for_each_row};

/// Copies `len` bytes; inlined, a length the compiler knows becomes a few moves. From 32 MiB on (`GAIN_STREAM_BYTES`) past the cache.
/// Not collective. Stands for the data movement of `ARMCI_Put` and `ARMCI_Get` within a node.
///
/// # Safety
/// Both ranges are mapped for the whole call (`dst` for writing) and do not overlap; races as the module says.
#[inline]
pub unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promises are those of both.
    unsafe {
        if len < stream::LEAST {
            std::ptr::copy_nonoverlapping(src, dst, len);
        } else {
            stream::copy_large(dst, src, len);
        }
    }
}

/// Asks for the cache lines of a range, to be written soon. Any address will do: a hint never faults.
#[inline(always)]
pub(crate) fn prefetch_for_write(start: *const u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..len).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: a prefetch does not access memory architecturally.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(start.wrapping_add(line).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (start, len);
}
