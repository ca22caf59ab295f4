//! Cholesky factorization, right-looking, by panels.
//!
//! Invariant: after step `k` the panels up to `k` hold their columns of L from the diagonal on; above it is
//! whatever the matrix had there.

use super::panels::Panels;
use super::share::for_my_columns;
use super::{Field, Matrix};
use crate::error::{Error, Result};
use ga_dense::{Conj, MatMut, MatRef, Reborrow, ReborrowMut};
use ga_factor::{Triangle, solve_triangular, subtract_product};
use rma::Op;

const LOWER: Triangle = Triangle { is_lower: true, is_unit: false };
const UPPER: Triangle = Triangle { is_lower: false, is_unit: false };

/// A matrix turned out not to be positive definite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotDefinite {
    /// The least order of a leading minor that is not positive: what GA's functions return.
    pub minor: usize,
}

/// The Cholesky factor L of a positive definite matrix, real symmetric or complex Hermitian: the matrix is
/// L times its conjugate transpose.
pub struct Cholesky<T: Field> {
    panels: Panels<T>,
}

impl<T: Field> Cholesky<T> {
    /// Factorizes a matrix, of which only the lower triangle is looked at; it is left as it is. The factor
    /// takes its size again, divided among the ranks.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) for a matrix that is not square;
    /// [`ErrorKind::Memory`](crate::ErrorKind::Memory). The inner error, where it isn't positive definite.
    #[track_caller]
    pub fn factor(a: &Matrix<'_, T>) -> Result<std::result::Result<Self, NotDefinite>> {
        let cholesky = Cholesky { panels: Panels::load("Cholesky::factor", a)? };
        Ok(cholesky.eliminate()?.map(|()| cholesky))
    }

    /// All steps, or those up to the one that fails, the same on all ranks.
    fn eliminate(&self) -> Result<std::result::Result<(), NotDefinite>> {
        let panels = &self.panels;
        let mut scratch = Vec::new();
        let mut failed = if panels.is_mine(0) { self.factor_panel(0) } else { u64::MAX };
        for k in 0..panels.count() {
            // The synchronisation of the step.
            let mut minor = [failed];
            let agreed = panels.team().allreduce(&mut minor, Op::Min);
            agreed.map_err(|e| Error::from_rma("Cholesky::factor", e))?;
            if minor[0] < u64::MAX {
                // Nobody begins with something else while others look at panels of this step.
                panels.sync()?;
                return Ok(Err(NotDefinite { minor: minor[0] as usize }));
            }
            let start = panels.range(k).start;
            // SAFETY: nobody writes to panel `k` in this step.
            let panel = unsafe { panels.panel(k, start..panels.order(), &mut scratch)? };
            // The next panel first: whoever has it factorizes it while the others are still updating.
            for j in (k + 1..panels.count()).filter(|&j| panels.is_mine(j)) {
                self.update(
                    j,
                    panel.subrows(panels.range(j).start - start, panels.order() - panels.range(j).start),
                );
                if j == k + 1 {
                    failed = self.factor_panel(j);
                }
            }
        }
        panels.sync()?;
        Ok(Ok(()))
    }

    /// Takes the product of a panel's rows, from those of the diagonal of panel `j` on, off my panel `j`.
    fn update(&self, j: usize, panel: MatRef<'_, T>) {
        let panels = &self.panels;
        let range = panels.range(j);
        // SAFETY: the panel is mine; the one that others read in this step is another.
        let columns = unsafe { panels.own(panels.mine_before(j)..panels.mine_before(j + 1)) };
        let columns = columns.subrows_mut(range.start, panel.nrows());
        let diagonal = panel.subrows(0, range.len());
        subtract_product(panels.crew(), columns, (panel, Conj::No), (diagonal.transpose(), Conj::Yes));
    }

    /// Factorizes my panel `k`, whose columns have all earlier steps behind them. The order of the leading
    /// minor that is not positive, or `u64::MAX`.
    fn factor_panel(&self, k: usize) -> u64 {
        let panels = &self.panels;
        let range = panels.range(k);
        // SAFETY: the panel is mine, and nobody else accesses it before the next synchronisation.
        let columns = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
        let panel = columns.subrows_mut(range.start, panels.order() - range.start);
        let (mut diagonal, below) = panel.split_at_row_mut(range.len());
        if let Err(index) = T::cholesky(diagonal.rb_mut()) {
            return (range.start + index + 1) as u64;
        }
        // below = below / L^H, column by column of the conjugate transpose.
        solve_triangular(panels.crew(), LOWER, (diagonal.rb(), Conj::Yes), below.transpose_mut());
        u64::MAX
    }

    /// Replaces the columns of `b` by the solutions `x` of `a x = b`; each rank solves for some of them.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) when `b` has another number of rows,
    /// [`ErrorKind::Team`](crate::ErrorKind::Team) for an array of another team.
    #[track_caller]
    pub fn solve(&self, b: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("Cholesky::solve", &self.panels, b, b, |mut x, _| {
            self.forward(x.rb_mut(), 0, &mut scratch)?;
            self.backward(x, &mut scratch)
        })
    }

    /// Sets `inverse` to the inverse of the factorized matrix, which it may have been itself.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// As [`Cholesky::solve`].
    #[track_caller]
    pub fn invert(&self, inverse: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("Cholesky::invert", &self.panels, inverse, inverse, |mut x, columns| {
            x.fill(T::ZERO);
            for (j, column) in columns.clone().enumerate() {
                x[(column, j)] = T::ONE;
            }
            self.forward(x.rb_mut(), columns.start, &mut scratch)?;
            self.backward(x, &mut scratch)
        })
    }

    /// Sets `to` to the factor L, with zeros above the diagonal.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// As [`Cholesky::solve`].
    #[track_caller]
    pub fn lower(&self, to: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("Cholesky::lower", &self.panels, to, to, |mut x, columns| {
            for (j, column) in columns.enumerate() {
                let k = column / self.panels.width();
                // SAFETY: nobody writes to the factor.
                let panel = unsafe { self.panels.panel(k, column..self.panels.order(), &mut scratch)? };
                let first = self.panels.range(k).start;
                for i in 0..self.panels.order() {
                    x[(i, j)] = if i < column { T::ZERO } else { panel[(i - column, column - first)] };
                }
                // (Of a complex factor the kernel leaves what rounding made of imaginary parts.)
                x[(column, j)] = T::of(x[(column, j)].re());
            }
            Ok(())
        })
    }

    /// Sets `to` to L^-1 times `from`.
    pub(super) fn forward_all(&self, from: &Matrix<'_, T>, to: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("diag", &self.panels, from, to, |x, _| self.forward(x, 0, &mut scratch))
    }

    /// Multiplies from the left by L^-H, in place.
    pub(super) fn backward_all(&self, x: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("diag", &self.panels, x, x, |x, _| self.backward(x, &mut scratch))
    }

    /// Solves with L, for columns that are zero before row `from`.
    fn forward(&self, mut x: MatMut<'_, T>, from: usize, scratch: &mut Vec<T>) -> Result<()> {
        let panels = &self.panels;
        for k in from / panels.width()..panels.count() {
            let rows = panels.range(k).start..panels.order();
            // SAFETY: nobody writes to the factor.
            let panel = unsafe { panels.panel(k, rows.clone(), scratch)? };
            let (diagonal, below) = panel.split_at_row(panel.ncols());
            let (mut upper, lower) =
                x.rb_mut().subrows_mut(rows.start, rows.len()).split_at_row_mut(panel.ncols());
            solve_triangular(panels.crew(), LOWER, (diagonal, Conj::No), upper.rb_mut());
            subtract_product(panels.crew(), lower, (below, Conj::No), (upper.rb(), Conj::No));
        }
        Ok(())
    }

    /// Solves with the conjugate transpose of L.
    fn backward(&self, mut x: MatMut<'_, T>, scratch: &mut Vec<T>) -> Result<()> {
        let panels = &self.panels;
        for k in (0..panels.count()).rev() {
            let rows = panels.range(k).start..panels.order();
            // SAFETY: nobody writes to the factor.
            let panel = unsafe { panels.panel(k, rows.clone(), scratch)? };
            let (diagonal, below) = panel.split_at_row(panel.ncols());
            let (mut upper, lower) =
                x.rb_mut().subrows_mut(rows.start, rows.len()).split_at_row_mut(panel.ncols());
            let beneath = (lower.rb(), Conj::No);
            subtract_product(panels.crew(), upper.rb_mut(), (below.transpose(), Conj::Yes), beneath);
            solve_triangular(panels.crew(), UPPER, (diagonal.transpose(), Conj::Yes), upper);
        }
        Ok(())
    }
}
