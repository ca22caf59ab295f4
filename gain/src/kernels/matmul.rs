//! Local matrix products.

use crate::dtype::DType;

/// One operand: a matrix in memory with byte strides of its rows and columns (any sign).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    /// Element (0, 0).
    pub(crate) ptr: *mut u8,
    /// Byte strides of the row and the column index.
    pub(crate) strides: [isize; 2],
}

/// `c = a b`, or `c += a b`: `a` is m x k, `b` k x n, `c` m x n, all of one type. Bool is or of ands.
///
/// # Safety
/// All elements are valid and aligned; `c` overlaps neither `a` nor `b`; nobody else writes them meanwhile.
pub(crate) unsafe fn matmul(
    dtype: DType,
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    accumulate: bool,
    threads: usize,
) {
    let _ = (dtype, m, n, k, a, b, c, accumulate, threads);
    todo!()
}
