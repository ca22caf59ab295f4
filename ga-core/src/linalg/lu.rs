//! LU factorization with partial pivoting, right-looking, by panels.
//!
//! A matrix with fewer columns than rows has as many steps as panels; one with more, as panels have rows of the diagonal.
//!
//! Invariant: after step `k` the panels up to `k` hold their columns of L (below the diagonal, which is 1)
//! and U, with the row exchanges of all steps so far applied; `exchanges` has those of each step.

use super::panels::{Panels, WIDTH};
use super::share::{for_my_columns, unload};
use super::{Field, Matrix};
use crate::array::GlobalArray;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{Conj, Crew, MatMut, MatRef, Reborrow, ReborrowMut};
use ga_factor::{Triangle, solve_triangular, subtract_product};
use rma::Op;

const UPPER: Triangle = Triangle { is_lower: false, is_unit: false };
const UNIT_LOWER: Triangle = Triangle { is_lower: true, is_unit: true };

/// A matrix factorized into L and U with its rows exchanged, to solve systems with it any number of times.
pub struct Lu<T: Field> {
    panels: Panels<T>,
    /// Row `k`: how many rows change their places in step `k`, then for each the place and where its row
    /// comes from.
    exchanges: GlobalArray<u64>,
}

impl<T: Field> Lu<T> {
    /// Factorizes a square matrix, which is left as it is; the factors take its size again, divided among
    /// the ranks.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for a matrix that is not square; [`ErrorKind::Numeric`] for a singular one;
    /// [`ErrorKind::Memory`].
    #[track_caller]
    pub fn factor(a: &Matrix<'_, T>) -> Result<Self> {
        let (lu, pivot) = Self::eliminated(Panels::load("Lu::factor", a)?)?;
        let Some(pivot) = pivot else { return Ok(lu) };
        let order = lu.panels.order();
        Err(Error::numbered(ErrorKind::Numeric, "Lu::factor", |by| {
            format!("the matrix of order {order} is singular: pivot {} is 0", by.number(pivot as usize))
        }))
    }

    /// Factorizes any matrix, a singular one or one of any extents as well: L has as many columns, and U as many rows,
    /// as the matrix has rows or columns, whichever are fewer. Systems can be solved with what [`Lu::factor`] makes only.
    ///
    /// Collective; synchronises on both sides. `getrf` of ScaLAPACK.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`].
    #[track_caller]
    pub fn factor_any(a: &Matrix<'_, T>) -> Result<Self> {
        Ok(Self::eliminated(Panels::load_any("Lu::factor_any", a, WIDTH)?)?.0)
    }

    /// The factors of a matrix, and its first pivot that is 0.
    fn eliminated(panels: Panels<T>) -> Result<(Self, Option<u64>)> {
        let (team, ranks) = (panels.team(), panels.team().size());
        let shape = [panels.count().max(1), 4 * panels.width() + 1];
        let layout = Distribution::scalapack(&shape, &[1, shape[1]], &[ranks, 1], ranks)?;
        let exchanges = GlobalArray::builder(team, &shape).distribution(&layout).create()?;
        let lu = Lu { panels, exchanges };
        let mut pivot = [lu.eliminate()?];
        let agreed = lu.panels.team().allreduce(&mut pivot, Op::Min);
        agreed.map_err(|e| Error::from_rma("Lu::factor", e))?;
        Ok((lu, (pivot[0] < u64::MAX).then_some(pivot[0])))
    }

    /// How many columns of panel `k` are eliminated: all, but for those right of the last row.
    fn depth(&self, k: usize) -> usize {
        let range = self.panels.range(k);
        range.len().min(self.panels.rows() - range.start)
    }

    /// How many panels have such columns.
    fn steps(&self) -> usize {
        self.panels.order().min(self.panels.rows()).div_ceil(self.panels.width())
    }

    /// All steps. The first pivot of mine that is 0, or `u64::MAX`.
    fn eliminate(&self) -> Result<u64> {
        let panels = &self.panels;
        let mut zero_pivot = u64::MAX;
        let mut scratch = Vec::new();
        if self.steps() > 0 && panels.is_mine(0) {
            zero_pivot = zero_pivot.min(self.factor_panel(0)?);
        }
        for k in 0..self.steps() {
            panels.sync()?;
            let exchanges = self.exchanges_of(k)?;
            let (before, behind) = (panels.mine_before(k), panels.mine_before(k + 1));
            let ahead = panels.mine_before(k + 2);
            let all = panels.mine_before(panels.count());
            // SAFETY: these columns are mine, and without panel `k`, the only one that others read in this
            // step; the views don't overlap. Nobody writes to panel `k` in this step.
            let (left, next, rest, panel) = unsafe {
                let panel = panels.panel(k, panels.range(k).start..panels.rows(), &mut scratch)?;
                let panel = panel.subcols(0, self.depth(k));
                (panels.own(0..before), panels.own(behind..ahead), panels.own(ahead..all), panel)
            };
            exchange(&exchanges, left);
            // The next panel first: whoever has it factorizes it while the others are still updating.
            self.update(k, panel, &exchanges, next);
            if k + 1 < self.steps() && panels.is_mine(k + 1) {
                zero_pivot = zero_pivot.min(self.factor_panel(k + 1)?);
            }
            self.update(k, panel, &exchanges, rest);
        }
        panels.sync()?;
        Ok(zero_pivot)
    }

    /// Step `k` on some of my columns to the right of panel `k`, which is given from its diagonal on.
    fn update(&self, k: usize, panel: MatRef<'_, T>, exchanges: &[u64], mut columns: MatMut<'_, T>) {
        if columns.ncols() == 0 {
            return;
        }
        exchange(exchanges, columns.rb_mut());
        let start = self.panels.range(k).start;
        forward(self.panels.crew(), panel, columns.subrows_mut(start, panel.nrows()));
    }

    /// Factorizes my panel `k`, whose columns have all earlier steps behind them, and tells the others about
    /// the exchanges. The first pivot that is 0, or `u64::MAX`.
    fn factor_panel(&self, k: usize) -> Result<u64> {
        let panels = &self.panels;
        let range = panels.range(k);
        let (height, depth) = (panels.rows() - range.start, self.depth(k));
        // SAFETY: the panel is mine, and nobody else accesses it before the next synchronisation.
        let columns = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
        let (mut panel, mut right) = columns.subrows_mut(range.start, height).split_at_col_mut(depth);
        let mut from = vec![0; height];
        ga_factor::lu(panels.crew(), panel.rb_mut(), &mut from);
        let moved = from.iter().enumerate().filter(|&(place, &source)| place != source);
        let mut record = vec![0];
        record.extend(
            moved
                .flat_map(|(place, source)| [range.start + place, range.start + source])
                .map(|row| row as u64),
        );
        record[0] = (record.len() as u64 - 1) / 2;
        self.exchanges.put([k..k + 1, 0..record.len()], &record)?;
        if right.ncols() > 0 {
            let pairs: Vec<u64> = record[1..].iter().map(|row| row - range.start as u64).collect();
            exchange(&pairs, right.rb_mut());
            forward(panels.crew(), panel.rb(), right);
        }
        let zero = (0..depth).find(|&i| panel[(i, i)] == T::ZERO);
        Ok(zero.map_or(u64::MAX, |i| (range.start + i) as u64))
    }

    /// Places and sources of the rows that step `k` moves.
    fn exchanges_of(&self, k: usize) -> Result<Vec<u64>> {
        let mut count = [0];
        self.exchanges.get([k..k + 1, 0..1], &mut count)?;
        let mut pairs = vec![0; 2 * count[0] as usize];
        self.exchanges.get([k..k + 1, 1..1 + pairs.len()], &mut pairs)?;
        Ok(pairs)
    }

    /// For each row of the factors, which row of the matrix it was; on every rank. Not collective, once the factors are made.
    ///
    /// # Errors
    /// Those of the communication.
    pub fn row_order(&self) -> Result<Vec<usize>> {
        let mut from: Vec<usize> = (0..self.panels.rows()).collect();
        for k in 0..self.steps() {
            let pairs = self.exchanges_of(k)?;
            let moved: Vec<usize> = pairs.chunks_exact(2).map(|pair| from[pair[1] as usize]).collect();
            pairs.chunks_exact(2).zip(moved).for_each(|(pair, row)| from[pair[0] as usize] = row);
        }
        Ok(from)
    }

    /// Sets `to` to both factors: L below the diagonal, on which it has ones that aren't stored, and U.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless it has the matrix's extents.
    #[track_caller]
    pub fn packed(&self, to: &Matrix<'_, T>) -> Result<()> {
        unload("Lu::packed", &self.panels, to)
    }

    /// The diagonal of U of a square matrix, on every rank, and whether the order of the rows is odd: the determinant's factors.
    ///
    /// Collective.
    ///
    /// # Errors
    /// Those of the communication.
    pub fn diagonal(&self) -> Result<(Vec<T>, bool)> {
        let panels = &self.panels;
        let (mut diagonal, from) = (vec![T::ZERO; panels.order()], self.row_order()?);
        for k in 0..panels.count() {
            if panels.is_mine(k) {
                // SAFETY: nobody writes to the factors.
                let columns = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
                panels.range(k).enumerate().for_each(|(j, i)| diagonal[i] = columns[(i, j)]);
            }
        }
        let summed = panels.team().allreduce(&mut diagonal, Op::Sum);
        summed.map_err(|e| Error::from_rma("Lu::diagonal", e))?;
        let (mut seen, mut is_odd) = (vec![false; from.len()], false);
        for start in 0..from.len() {
            let mut i = start;
            while !seen[i] {
                seen[i] = true;
                i = from[i];
                is_odd ^= i != start;
            }
        }
        Ok((diagonal, is_odd))
    }

    /// Sets `inverse` to the inverse of the factorized matrix, which it may have been itself.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// As [`Lu::solve`].
    #[track_caller]
    pub fn invert(&self, inverse: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("Lu::invert", &self.panels, inverse, inverse, |mut x, columns| {
            x.fill(T::ZERO);
            columns.enumerate().for_each(|(j, column)| x[(column, j)] = T::ONE);
            self.solve_columns(x, &mut scratch)
        })
    }

    /// Replaces the columns of `b` by the solutions `x` of `a x = b`; each rank solves for some of them.
    ///
    /// Collective; synchronises on both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] when `b` has another number of rows, [`ErrorKind::Team`] for an array of another
    /// team.
    #[track_caller]
    pub fn solve(&self, b: &Matrix<'_, T>) -> Result<()> {
        let mut scratch = Vec::new();
        for_my_columns("Lu::solve", &self.panels, b, b, |x, _| self.solve_columns(x, &mut scratch))
    }

    /// Replaces some right-hand sides by solutions.
    fn solve_columns(&self, mut x: MatMut<'_, T>, scratch: &mut Vec<T>) -> Result<()> {
        let panels = &self.panels;
        for k in 0..panels.count() {
            exchange(&self.exchanges_of(k)?, x.rb_mut());
        }
        for k in 0..panels.count() {
            let rows = panels.range(k).start..panels.order();
            // SAFETY: nobody writes to the factors.
            let panel = unsafe { panels.panel(k, rows.clone(), scratch)? };
            forward(panels.crew(), panel, x.rb_mut().subrows_mut(rows.start, rows.len()));
        }
        for k in (0..panels.count()).rev() {
            let range = panels.range(k);
            // SAFETY: as above.
            let panel = unsafe { panels.panel(k, 0..range.end, scratch)? };
            let (above, diagonal) = panel.split_at_row(range.start);
            let (upper, mut middle) = x.rb_mut().subrows_mut(0, range.end).split_at_row_mut(range.start);
            solve_triangular(panels.crew(), UPPER, (diagonal, Conj::No), middle.rb_mut());
            subtract_product(panels.crew(), upper, (above, Conj::No), (middle.rb(), Conj::No));
        }
        Ok(())
    }
}

/// Solves with the unit lower triangle at the head of a panel, and takes the rest of the panel times the
/// solution off the rows below.
fn forward<T: Field>(crew: Crew<'_>, panel: MatRef<'_, T>, columns: MatMut<'_, T>) {
    let (diagonal, below) = panel.split_at_row(panel.ncols());
    let (mut upper, lower) = columns.split_at_row_mut(panel.ncols());
    solve_triangular(crew, UNIT_LOWER, (diagonal, Conj::No), upper.rb_mut());
    subtract_product(crew, lower, (below, Conj::No), (upper.rb(), Conj::No));
}

/// Moves rows: pairs of a place and where its row comes from.
fn exchange<T: Field>(pairs: &[u64], mut columns: MatMut<'_, T>) {
    let mut moved = Vec::with_capacity(pairs.len() / 2);
    for j in 0..columns.ncols() {
        moved.clear();
        moved.extend(pairs.chunks_exact(2).map(|pair| columns[(pair[1] as usize, j)]));
        for (pair, &value) in pairs.chunks_exact(2).zip(&moved) {
            columns[(pair[0] as usize, j)] = value;
        }
    }
}
