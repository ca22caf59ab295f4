//! Factors, and copies of them with contiguous rows.

use faer::{Conj, MatRef};

/// A matrix, and whether its conjugate is meant.
pub(crate) type Factor<'a, T> = (MatRef<'a, T>, Conj);

/// Elements along the rows and the inner dimension that are packed together: a cache line of doubles each.
pub(crate) const LINE: usize = 8;

/// Copies a matrix row by row to `to`.
pub(crate) fn pack<T: Copy>(from: MatRef<'_, T>, to: &mut [T]) {
    let ([rows, columns], [down, right]) =
        ([from.nrows(), from.ncols()], [from.row_stride(), from.col_stride()]);
    assert_eq!(to.len(), rows * columns);
    let first = from.as_ptr();
    for j in (0..columns).step_by(LINE) {
        let width = LINE.min(columns - j);
        for (i, row) in to.chunks_exact_mut(columns).enumerate() {
            for (q, place) in row[j..j + width].iter_mut().enumerate() {
                // SAFETY: element (i, j + q) of the matrix.
                *place = unsafe { *first.offset(i as isize * down + (j + q) as isize * right) };
            }
        }
    }
}
