//! Systems whose matrix is a triangle.

use super::panels::{Panels, WIDTH};
use super::share::for_my_columns;
use super::{Field, Matrix};
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{Conj, MatMut, Reborrow, ReborrowMut};
use ga_factor::{Triangle, subtract_product};
use rma::Op;

/// Replaces the columns of `b` by the solutions `x` of `t x = b`, where `t` is a triangle of a square matrix after its
/// transposition; what the matrix has elsewhere is not looked at. Each rank solves for some of the columns.
///
/// Collective; synchronises on both sides. The matrix is copied once, divided among the ranks. `trtrs` of ScaLAPACK.
///
/// # Errors
/// [`ErrorKind::Shape`] for extents that don't fit, [`ErrorKind::Team`] for arrays of different teams,
/// [`ErrorKind::Numeric`] for a zero on the diagonal, [`ErrorKind::Memory`]; the same on all ranks, with `b` as it was.
#[track_caller]
pub fn solve_triangular<T: Field>(t: &Matrix<'_, T>, kind: Triangle, b: &Matrix<'_, T>) -> Result<()> {
    const OP: &str = "solve_triangular";
    t.array().check_team(OP, b.array())?;
    let ([rows, columns], [height, width]) = (t.shape(), b.shape());
    if rows != columns || rows != height {
        let message = format!("{rows} x {columns} with right-hand sides {height} x {width}");
        return Err(Error::new(ErrorKind::Shape, OP, message));
    }
    let panels = Panels::load_any(OP, t, WIDTH)?;
    if !kind.is_unit {
        let mut zero = [first_zero(&panels)];
        panels.team().allreduce(&mut zero, Op::Min).map_err(|e| Error::from_rma(OP, e))?;
        if zero[0] < u64::MAX {
            return Err(Error::numbered(ErrorKind::Numeric, OP, |by| {
                let place = by.number(zero[0] as usize);
                format!("the matrix of order {rows} is singular: element {place} of its diagonal is 0")
            }));
        }
    }
    let mut scratch = Vec::new();
    for_my_columns(OP, &panels, b, b, |x, _| solve(&panels, kind, x, &mut scratch))
}

/// The first of the diagonal's elements in my panels that is 0, or `u64::MAX`.
fn first_zero<T: Field>(panels: &Panels<T>) -> u64 {
    for k in (0..panels.count()).filter(|&k| panels.is_mine(k)) {
        // SAFETY: nobody writes to the panels.
        let columns = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
        if let Some((_, i)) = panels.range(k).enumerate().find(|&(j, i)| columns[(i, j)] == T::ZERO) {
            return i as u64;
        }
    }
    u64::MAX
}

/// Replaces some right-hand sides by solutions, panel by panel.
fn solve<T: Field>(
    panels: &Panels<T>,
    kind: Triangle,
    mut x: MatMut<'_, T>,
    scratch: &mut Vec<T>,
) -> Result<()> {
    let count = panels.count();
    for step in 0..count {
        let k = if kind.is_lower { step } else { count - 1 - step };
        let range = panels.range(k);
        let rows = if kind.is_lower { range.start..panels.order() } else { 0..range.end };
        // SAFETY: nobody writes to the panels.
        let panel = unsafe { panels.panel(k, rows.clone(), scratch)? };
        let x = x.rb_mut().subrows_mut(rows.start, rows.len());
        let (diagonal, beside, mut own, others) = if kind.is_lower {
            let ((diagonal, below), (own, others)) =
                (panel.split_at_row(range.len()), x.split_at_row_mut(range.len()));
            (diagonal, below, own, others)
        } else {
            let ((above, diagonal), (others, own)) =
                (panel.split_at_row(range.start), x.split_at_row_mut(range.start));
            (diagonal, above, own, others)
        };
        ga_factor::solve_triangular(panels.crew(), kind, (diagonal, Conj::No), own.rb_mut());
        subtract_product(panels.crew(), others, (beside, Conj::No), (own.rb(), Conj::No));
    }
    Ok(())
}
