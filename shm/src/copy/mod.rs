//! Bulk moves between process memory and the heap: the only place where bytes other ranks may touch are
//! copied.
//!
//! # The race contract
//! Source and destination are raw pointers, never references. Two operations that touch the same byte at the
//! same time, one of them writing, are the program's error in the one-sided model: the bytes that arrive are
//! then some mixture of old and new ones. Nothing here reads such a byte twice or derives an address or a
//! length from it, so a race can spoil data and nothing else. What orders two operations is a synchronisation
//! ([`crate::sync`]), not this module; non-temporal stores are fenced before return.

mod stream;
mod strided;

pub use strided::{MOST_LEVELS, copy_strided};
pub(crate) use strided::{Rows, Shape, for_each_run};

/// Copies `len` bytes; inlined, a length the compiler knows becomes a few moves. From 32 MiB on
/// (`GAIN_STREAM_BYTES`) past the cache. Not collective. Stands for the data movement of `ARMCI_Put` and
/// `ARMCI_Get` within a node.
///
/// # Safety
/// Both ranges are mapped for the whole call (`dst` for writing) and do not overlap; races as the module
/// says.
#[inline]
pub unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promises are those of both.
    unsafe {
        if len <= PIECE || len < stream::LEAST && !trails(dst, src) {
            std::ptr::copy_nonoverlapping(src, dst, len);
        } else {
            copy_large(dst, src, len);
        }
    }
}

/// Up to here the C library copies with vector moves; beyond, with the processor's string copy.
const PIECE: usize = 2048;

/// Whether the destination begins just behind the source, as the places in their pages go. The string copy of
/// AMD's processors then takes each of its own stores for one it must wait for, and runs at an eighth of the
/// rate (measured: 2.9 instead of 24 GB/s, for distances of 1 to 31). Large vectors begin 16 bytes into a
/// page and blocks of the heap on one, so every large get would be of this kind.
#[inline(always)]
fn trails(dst: *const u8, src: *const u8) -> bool {
    (dst as usize).wrapping_sub(src as usize).wrapping_sub(1) % 4096 < 31
}

/// # Safety
/// As [`copy`].
#[inline(never)]
unsafe fn copy_large(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promises; the pieces are parts of the two ranges.
    unsafe {
        if len >= stream::LEAST && stream::copy_if_due(dst, src, len) {
            return;
        }
        let piece = if trails(dst, src) { PIECE } else { len };
        for at in (0..len).step_by(piece) {
            std::ptr::copy_nonoverlapping(src.add(at), dst.add(at), piece.min(len - at));
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

#[cfg(all(test, not(loom)))]
mod tests {
    /// Lengths around the piece, at all distances within a page that matter and some that don't.
    #[test]
    fn copies_whatever_the_alignments() {
        let source: Vec<u8> = (0..20_000u32).map(|i| (i % 251) as u8).collect();
        for len in [0, 1, 2047, 2048, 2049, 4096, 4097, 9000] {
            for (from, to) in [(0, 0), (0, 1), (0, 16), (3, 34), (0, 31), (0, 32), (16, 0), (0, 4096 + 8)] {
                let mut target = vec![0xffu8; 20_000];
                // Page offsets are what matters, so take them from the first page border in each vector.
                let (src, dst) =
                    (source.as_ptr().align_offset(4096) + from, target.as_ptr().align_offset(4096) + to);
                // SAFETY: at most 4095 + 4104 + 9000 bytes into vectors of 20,000.
                unsafe { super::copy(target.as_mut_ptr().add(dst), source.as_ptr().add(src), len) };
                let mut expected = vec![0xffu8; 20_000];
                expected[dst..dst + len].copy_from_slice(&source[src..src + len]);
                assert!(target == expected, "{len} bytes from {from} to {to}");
            }
        }
    }
}
