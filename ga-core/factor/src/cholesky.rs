//! Cholesky by halves: nearly all of the work is products, which the crew shares.

use crate::Number;
use crate::shared::{Triangle, solve_triangular};
use ga_dense::{Accum, Conj, Crew, MatMut, Reborrow, ReborrowMut};

/// Orders that the kernel factorizes.
const NARROW: usize = 64;
/// Columns of the update that one product makes; what of it lies above the diagonal is for nothing.
const WIDE: usize = 256;

/// Replaces the lower triangle of a Hermitian matrix by its factor, or fails at the index given. What is above the diagonal
/// is unspecified afterwards.
pub fn cholesky<T: Number>(crew: Crew<'_>, a: MatMut<'_, T>) -> Result<(), usize> {
    let order = a.nrows();
    if order <= NARROW {
        return if order == 0 { Ok(()) } else { T::cholesky(a) };
    }
    let half = order / 2;
    let (left, right) = a.split_at_col_mut(half);
    let (mut upper, mut lower) = left.split_at_row_mut(half);
    cholesky(crew, upper.rb_mut())?;
    // lower = lower / L^H: row by row of the conjugate transpose.
    let kind = Triangle { is_lower: true, is_unit: false };
    solve_triangular(crew, kind, (upper.rb(), Conj::Yes), lower.rb_mut().transpose_mut());
    let mut rest = right.submatrix_mut(half, 0, order - half, order - half);
    for start in (0..order - half).step_by(WIDE) {
        let width = WIDE.min(order - half - start);
        let height = order - half - start;
        let to = rest.rb_mut().submatrix_mut(start, start, height, width);
        let below = (lower.rb().subrows(start, height), Conj::No);
        let beside = (lower.rb().subrows(start, width).transpose(), Conj::Yes);
        T::product_by(crew, to, Accum::Add, -T::one(), below, beside);
    }
    cholesky(crew, rest).map_err(|index| half + index)
}
