//! Rows of some hundred bytes, copied by vector moves in place instead of a call each.
//!
//! Invariant: exactly the bytes of the rows are read and written. What no whole vector covers is covered by one
//! that ends where the row ends and overlaps those before it, so a row has at least one vector.

use super::Rows;

/// Rows this long are copied here: shorter ones have loops of their own, and longer ones hide the call.
const ROW_BYTES: std::ops::RangeInclusive<usize> = 65..=1024;
/// Up to this many bytes in a run of rows. Measured, rows a multiple of the page apart against a call per row:
/// up to twice as fast in the second-level cache, up to a fifth slower when read from beyond, where the call's
/// loads are spread over the row.
const RUN_BYTES: usize = 64 << 10;

/// Whether [`copy_rows`] is the way for a run of such rows on this processor.
#[inline]
pub(super) fn suit(rows: &Rows) -> bool {
    #[cfg(target_arch = "x86_64")]
    let able = || std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let able = || false;
    ROW_BYTES.contains(&rows.row_bytes) && rows.rows <= RUN_BYTES / rows.row_bytes && able()
}

/// Copies rows that [`suit`].
///
/// # Safety
/// All rows are mapped on both sides and don't overlap, and `suit` said yes.
#[inline]
pub(super) unsafe fn copy_rows(rows: Rows) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promises; `suit` saw AVX2 and the length.
    unsafe {
        copy_rows_avx2(rows)
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("no row suits here: {rows:?}");
}

/// # Safety
/// All rows are mapped on both sides and don't overlap; they have 32 bytes at least; the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn copy_rows_avx2(rows: Rows) {
    use std::arch::x86_64::{__m256i, _mm256_loadu_si256, _mm256_storeu_si256};
    const VECTOR: usize = size_of::<__m256i>();
    const GROUP: usize = 4 * VECTOR;

    let Rows { mut dst, mut src, row_bytes, .. } = rows;
    let (groups, vectors) = (row_bytes - row_bytes % GROUP, row_bytes - row_bytes % VECTOR);
    for _ in 0..rows.rows {
        // SAFETY: `dst` and `src` are at the start of a row (caller), and no vector reaches past its end or, as a
        // row holds one, before its start. Alignment is not assumed.
        unsafe {
            let load = |at: usize| _mm256_loadu_si256(src.add(at).cast());
            let store = |at: usize, vector| _mm256_storeu_si256(dst.add(at).cast(), vector);
            // A group is loaded before any of it is stored: a load behind a store to the same place of another
            // page would wait for it.
            for at in (0..groups).step_by(GROUP) {
                let group = [0, 1, 2, 3].map(|i| load(at + i * VECTOR));
                for (i, vector) in group.into_iter().enumerate() {
                    store(at + i * VECTOR, vector);
                }
            }
            for at in (groups..vectors).step_by(VECTOR) {
                store(at, load(at));
            }
            if vectors < row_bytes {
                store(row_bytes - VECTOR, load(row_bytes - VECTOR));
            }
        }
        (dst, src) = (dst.wrapping_offset(rows.dst_stride), src.wrapping_offset(rows.src_stride));
    }
}
