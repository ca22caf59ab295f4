//! What the figures are measured against: `memcpy`, a loop of row copies, and a loop of multiply-adds, written the
//! way a careful user would by hand and kept out of line so that the compiler sees neither lengths nor addresses.
//!
//! Race contract: as for every transfer, the callers see to it that no other rank writes the bytes meanwhile.

/// `memcpy`.
///
/// # Safety
/// `src` and `dst` are valid for `len_bytes` and do not overlap.
#[inline(never)]
pub unsafe fn copy(dst: *mut u8, src: *const u8, len_bytes: usize) {
    // SAFETY: the caller's contract is that of `copy_nonoverlapping`.
    unsafe { std::ptr::copy_nonoverlapping(src, dst, len_bytes) }
}

/// `rows` copies of `row_bytes` each, source and target at their own row strides.
///
/// # Safety
/// Every row lies inside memory valid for reading (`src`) or writing (`dst`); the two do not overlap.
#[inline(never)]
pub unsafe fn copy_rows(
    dst: *mut u8,
    dst_stride: usize,
    src: *const u8,
    src_stride: usize,
    row_bytes: usize,
    rows: usize,
) {
    for row in 0..rows {
        // SAFETY: row < rows, and the caller vouches for each row on both sides.
        unsafe {
            std::ptr::copy_nonoverlapping(src.add(row * src_stride), dst.add(row * dst_stride), row_bytes)
        }
    }
}

/// `dst[i] += alpha * src[i]`.
///
/// # Safety
/// `src` and `dst` are valid and aligned for `count` elements and do not overlap.
#[inline(never)]
pub unsafe fn accumulate(dst: *mut f64, src: *const f64, count: usize, alpha: f64) {
    // SAFETY: validity, alignment and disjointness are the caller's contract; nobody else touches the memory meanwhile.
    let dst = unsafe { std::slice::from_raw_parts_mut(dst, count) };
    // SAFETY: as above.
    let src = unsafe { std::slice::from_raw_parts(src, count) };
    for (to, from) in dst.iter_mut().zip(src) {
        *to += alpha * from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_land_at_their_stride() {
        let source: Vec<u8> = (0..12).collect();
        let mut target = [0_u8; 16];
        // SAFETY: rows 0..3 of 2 bytes: the source ends at 2 * 4 + 2 <= 12, the target at 2 * 5 + 2 <= 16.
        unsafe { copy_rows(target.as_mut_ptr(), 5, source.as_ptr(), 4, 2, 3) };
        assert_eq!(target, [0, 1, 0, 0, 0, 4, 5, 0, 0, 0, 8, 9, 0, 0, 0, 0]);
    }

    #[test]
    fn accumulate_adds_the_scaled_source() {
        let mut target = [1.0, 2.0, 3.0];
        // SAFETY: both arrays have three elements.
        unsafe { accumulate(target.as_mut_ptr(), [1.0, 1.0, 2.0].as_ptr(), 3, 0.5) };
        assert_eq!(target, [1.5, 2.5, 4.0]);
    }
}
