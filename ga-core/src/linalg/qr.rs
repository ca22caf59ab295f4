//! QR by blocks of Householder's reflections, by panels: signs and packed factors are LAPACK's.
//!
//! Invariant: after step `k` the panels up to `k` hold their columns of R and, below the diagonal, the vectors; `blocks` has
//! for each of them the factors of its reflections and then the triangle of their block, column by column.

use super::panels::Panels;
use super::share::unload;
use super::{Field, Matrix};
use crate::array::GlobalArray;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{Crew, MatMut, Reborrow, ReborrowMut};
use ga_factor::Reflections;

/// Columns of a panel: a block of reflections is applied at the kernel's rate, and is not much dearer to make than its
/// application to one rank's columns.
const WIDTH: usize = 64;

/// A matrix factorized into Q and R.
pub struct Qr<T: Field> {
    panels: Panels<T>,
    blocks: GlobalArray<T>,
}

impl<T: Field> Qr<T> {
    /// Factorizes a matrix of any extents, which is left as it is; the factors take its size again, divided among the ranks.
    ///
    /// Collective; synchronises on both sides. `geqrf` of ScaLAPACK.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`].
    #[track_caller]
    pub fn factor(a: &Matrix<'_, T>) -> Result<Self> {
        let panels = Panels::load_any("Qr::factor", a, WIDTH)?;
        let (team, ranks) = (panels.team(), panels.team().size());
        let shape = [panels.count().max(1), panels.width() * (panels.width() + 1)];
        let layout = Distribution::scalapack(&shape, &[1, shape[1]], &[ranks, 1], ranks)?;
        let blocks = GlobalArray::builder(team, &shape).distribution(&layout).create()?;
        let qr = Qr { panels, blocks };
        qr.eliminate()?;
        Ok(qr)
    }

    /// How many of the columns of panel `k` have a reflection.
    fn depth(&self, k: usize) -> usize {
        let range = self.panels.range(k);
        range.len().min(self.panels.rows() - range.start)
    }

    /// How many panels have such columns.
    fn steps(&self) -> usize {
        self.panels.order().min(self.panels.rows()).div_ceil(self.panels.width())
    }

    fn eliminate(&self) -> Result<()> {
        let panels = &self.panels;
        let mut scratch = Vec::new();
        if self.steps() > 0 && panels.is_mine(0) {
            self.factor_panel(0)?;
        }
        for k in 0..self.steps() {
            panels.sync()?;
            let block = self.block(k, &mut scratch)?;
            let (start, height) = (panels.range(k).start, panels.rows() - panels.range(k).start);
            let [behind, ahead, all] = [k + 1, k + 2, panels.count()].map(|k| panels.mine_before(k));
            // SAFETY: these columns are mine, and without panel `k`, the only one that others read in this step.
            let [next, rest] = unsafe { [panels.own(behind..ahead), panels.own(ahead..all)] };
            // The next panel first: whoever has it factorizes it while the others are still updating.
            apply(panels.crew(), &block, true, next.subrows_mut(start, height));
            if k + 1 < self.steps() && panels.is_mine(k + 1) {
                self.factor_panel(k + 1)?;
            }
            apply(panels.crew(), &block, true, rest.subrows_mut(start, height));
        }
        panels.sync()
    }

    /// Factorizes my panel `k`, whose columns have all earlier steps behind them, and puts its block where others find it.
    fn factor_panel(&self, k: usize) -> Result<()> {
        let panels = &self.panels;
        let (range, depth) = (panels.range(k), self.depth(k));
        // SAFETY: the panel is mine, and nobody else accesses it before the next synchronisation.
        let columns = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
        let mut panel = columns.subrows_mut(range.start, panels.rows() - range.start);
        let mut record = vec![T::ZERO; depth];
        ga_factor::qr(panels.crew(), panel.rb_mut(), &mut record);
        let block = Reflections::new(panel.rb().subcols(0, depth), &record);
        record.extend_from_slice(block.triangle());
        self.blocks.put([k..k + 1, 0..record.len()], &record)
    }

    /// The reflections of panel `k`, from its diagonal on.
    fn block(&self, k: usize, scratch: &mut Vec<T>) -> Result<Reflections<T>> {
        let (panels, depth) = (&self.panels, self.depth(k));
        let mut triangle = vec![T::ZERO; depth * depth];
        self.blocks.get([k..k + 1, depth..depth + depth * depth], &mut triangle)?;
        // SAFETY: nobody writes to panel `k` once it is factorized.
        let panel = unsafe { panels.panel(k, panels.range(k).start..panels.rows(), scratch)? };
        Ok(Reflections::with(panel.subcols(0, depth), depth, triangle))
    }

    /// Sets `to` to R and, below its diagonal, Householder's vectors, whose first element, 1, isn't stored.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless it has the matrix's extents.
    #[track_caller]
    pub fn packed(&self, to: &Matrix<'_, T>) -> Result<()> {
        unload("Qr::packed", &self.panels, to)
    }

    /// The factors of the reflections, LAPACK's `tau`, on every rank. Not collective.
    ///
    /// # Errors
    /// Those of the communication.
    pub fn factors(&self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for k in 0..self.steps() {
            let start = all.len();
            all.resize(start + self.depth(k), T::ZERO);
            self.blocks.get([k..k + 1, 0..self.depth(k)], &mut all[start..])?;
        }
        Ok(all)
    }

    /// Sets `q` to the first columns of Q, as many as it has: up to as many as the matrix has rows.
    ///
    /// Collective; synchronises on both sides. `orgqr` of ScaLAPACK.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for other extents, [`ErrorKind::Memory`]: the columns are made in a copy, divided among the ranks.
    #[track_caller]
    pub fn q(&self, q: &Matrix<'_, T>) -> Result<()> {
        let (panels, [rows, columns]) = (&self.panels, q.shape());
        if rows != panels.rows() || columns > rows {
            let message = format!("{rows} x {columns} for Q of order {}", panels.rows());
            return Err(Error::new(ErrorKind::Shape, "Qr::q", message));
        }
        let made = Panels::<T>::new(panels.team(), [rows, columns], panels.width(), panels.crew())?;
        for k in (0..made.count()).filter(|&k| made.is_mine(k)) {
            // SAFETY: the panel is mine, and nobody else accesses it.
            let mut own = unsafe { made.own(made.mine_before(k)..made.mine_before(k + 1)) };
            own.fill(T::ZERO);
            made.range(k).enumerate().for_each(|(j, i)| own[(i, j)] = T::ONE);
        }
        let mut scratch = Vec::new();
        for k in (0..self.steps()).rev() {
            let start = panels.range(k).start;
            // Columns of the unit matrix before this one have nothing that the block changes.
            let first = made.mine_before(start / made.width());
            // SAFETY: my columns, which nobody else accesses.
            let own = unsafe { made.own(first..made.mine_before(made.count())) };
            if own.ncols() > 0 {
                apply(
                    panels.crew(),
                    &self.block(k, &mut scratch)?,
                    false,
                    own.subrows_mut(start, rows - start),
                );
            }
        }
        unload("Qr::q", &made, q)
    }
}

fn apply<T: Field>(crew: Crew<'_>, block: &Reflections<T>, is_adjoint: bool, columns: MatMut<'_, T>) {
    if columns.ncols() > 0 {
        block.apply(crew, is_adjoint, columns);
    }
}
