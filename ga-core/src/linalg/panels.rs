//! A matrix in column panels, dealt out to the ranks in turn: what factorizations work on.
//!
//! ```text
//! panel   0   1   2   3   4          memory of rank 0 of 2: panels 0, 2, 4, column after column,
//!       +---+---+---+---+-+          one matrix of all rows and its columns side by side
//! rank  | 0 | 1 | 0 | 1 |0|
//!       +---+---+---+---+-+
//! ```
//!
//! A whole panel is with one rank, so the search for a pivot is local; the update of the columns to the right
//! is one product per rank, and the ranks run out of columns together. A small matrix, or one on a single
//! rank, is one panel.
//!
//! Invariant: in a step of a factorization one panel is read by all ranks and written by none; all others are
//! accessed by their owners alone. A synchronisation ends the step.

use super::{Field, Matrix, Op};
use crate::algebra::transpose as kernels;
use crate::array::GlobalArray;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{Crew, MatMut, MatRef};
use rma::Team;
use std::ops::Range;

/// Columns of a panel. Measured: wide enough for the kernel's rate, narrow enough to be factorized by one
/// rank while the others update.
pub(super) const WIDTH: usize = 128;
/// Matrices up to this order are one panel: steps would cost more than they share out.
pub(super) const SMALL: usize = 256;
/// Scratch for transposing a panel.
const SCRATCH_BYTES: usize = 1 << 20;

/// A copy of a matrix, by panels.
pub(super) struct Panels<T: Field> {
    /// Its rows are the matrix's columns.
    columns: GlobalArray<T>,
    width: usize,
    /// Who does this rank's work.
    crew: Crew<'static>,
}

impl<T: Field> Panels<T> {
    /// Copies a square matrix as it is after transposition. Collective; synchronises on both sides.
    pub(super) fn load(op: &'static str, a: &Matrix<'_, T>) -> Result<Self> {
        let [rows, columns] = a.shape();
        if rows != columns {
            return Err(Error::new(ErrorKind::Shape, op, format!("{rows} x {columns} is not square")));
        }
        Self::load_any(op, a, WIDTH)
    }

    /// Zeros in panels of so many columns. Collective.
    pub(super) fn new(
        team: &Team,
        [rows, columns]: [usize; 2],
        width: usize,
        crew: Crew<'static>,
    ) -> Result<Self> {
        let ranks = team.size();
        let is_one = ranks == 1 || rows.max(columns) <= SMALL;
        let width = if is_one { columns.max(1) } else { width };
        let layout = Distribution::scalapack(&[columns, rows], &[width, rows.max(1)], &[ranks, 1], ranks)?;
        let columns =
            GlobalArray::builder(team, &[columns, rows]).name("panels").distribution(&layout).create()?;
        Ok(Panels { columns, width, crew })
    }

    /// Copies a matrix as it is after transposition, in panels of so many columns. Collective; synchronises on both sides.
    pub(super) fn load_any(op: &'static str, a: &Matrix<'_, T>, width: usize) -> Result<Self> {
        let panels = Self::new(a.array().team(), a.shape(), width, a.crew())?;
        a.array().sync_for(op)?;
        let loaded =
            (0..panels.count()).filter(|&k| panels.is_mine(k)).try_for_each(|k| panels.load_panel(a, k));
        panels.columns.sync()?;
        loaded.map(|()| panels)
    }

    /// Fills one of my panels.
    fn load_panel(&self, a: &Matrix<'_, T>, k: usize) -> Result<()> {
        let columns = self.range(k);
        let order = self.rows();
        let height = (SCRATCH_BYTES / size_of::<T>() / columns.len()).max(16);
        let mut scratch = Vec::new();
        for start in (0..order).step_by(height) {
            let rows = start..order.min(start + height);
            let (buffer, tile) = a.fetch(rows.clone(), columns.clone(), scratch)?.wait()?;
            // SAFETY: the panel is mine and nobody accesses it before the synchronisation at the end; the
            // tile has these rows and columns, densely.
            unsafe {
                let to = self.own(self.mine_before(k)..self.mine_before(k + 1));
                let to = to.submatrix_mut(start, 0, rows.len(), columns.len());
                copy(
                    MatRef::from_raw_parts(
                        tile.first,
                        rows.len(),
                        columns.len(),
                        tile.strides[0],
                        tile.strides[1],
                    ),
                    to,
                );
            }
            scratch = buffer;
        }
        if a.op() == Op::ConjugateTranspose {
            // SAFETY: as above.
            conjugate(unsafe { self.own(self.mine_before(k)..self.mine_before(k + 1)) });
        }
        Ok(())
    }

    /// Rows of the matrix, those of every panel.
    pub(super) fn rows(&self) -> usize {
        self.columns.shape()[1]
    }

    /// Columns of the matrix; of a square one rows as well.
    pub(super) fn order(&self) -> usize {
        self.columns.shape()[0]
    }

    /// Most columns of a panel.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn team(&self) -> &Team {
        self.columns.team()
    }

    pub(super) fn crew(&self) -> Crew<'static> {
        self.crew
    }

    /// The panel that a column is in.
    pub(super) fn of(&self, column: usize) -> usize {
        column / self.width
    }

    /// Number of panels.
    pub(super) fn count(&self) -> usize {
        self.order().div_ceil(self.width)
    }

    /// The columns of a panel; empty behind the last.
    pub(super) fn range(&self, k: usize) -> Range<usize> {
        let edge = |k: usize| (k * self.width).min(self.order());
        edge(k)..edge(k + 1)
    }

    fn owner(&self, k: usize) -> usize {
        k % self.team().size()
    }

    /// There is such a panel, and it is this rank's.
    pub(super) fn is_mine(&self, k: usize) -> bool {
        k < self.count() && self.owner(k) == self.team().rank()
    }

    /// How many of my columns lie before panel `k`.
    pub(super) fn mine_before(&self, k: usize) -> usize {
        let (rank, ranks) = (self.team().rank(), self.team().size());
        let panels = (k + ranks - 1 - rank) / ranks;
        (panels * self.width).min(self.columns.distribution().len_of(rank) / self.rows().max(1))
    }

    /// All rows of some of my columns, counted from my first one.
    ///
    /// # Safety
    /// No other view of these columns exists, and no other rank accesses them while this one lives.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn own(&self, columns: Range<usize>) -> MatMut<'_, T> {
        let order = self.rows();
        // SAFETY: my columns lie one after the other, `order` elements each; the rest is the caller's promise.
        unsafe {
            let first = self.columns.local_ptr().wrapping_add(columns.start * order);
            MatMut::from_raw_parts_mut(first, order, columns.len(), 1, order as isize)
        }
    }

    /// Some rows of panel `k`, in place or fetched into `scratch`.
    ///
    /// # Safety
    /// No rank writes to the panel while the view lives.
    pub(super) unsafe fn panel<'a>(
        &'a self,
        k: usize,
        rows: Range<usize>,
        scratch: &'a mut Vec<T>,
    ) -> Result<MatRef<'a, T>> {
        let columns = self.range(k);
        if let Some(memory) = self.columns.raw().mapped(self.owner(k)) {
            let (place, _) = self.columns.distribution().block_place(k);
            // SAFETY: the panel lies there at its owner, column after column.
            return Ok(unsafe {
                let first = memory.cast::<T>().as_ptr().add(place.offset + rows.start).cast_const();
                MatRef::from_raw_parts(first, rows.len(), columns.len(), 1, self.rows() as isize)
            });
        }
        scratch.resize(rows.len() * columns.len(), T::ZERO);
        self.columns.get([columns.clone(), rows.clone()], scratch)?;
        Ok(MatRef::from_column_major_slice(scratch, rows.len(), columns.len()))
    }

    /// Completes what I wrote and waits for the team.
    pub(super) fn sync(&self) -> Result<()> {
        self.columns.sync()
    }
}

/// Copies between matrices one of which is dense by rows or by columns, the other by columns.
pub(super) fn copy<T: Field>(from: MatRef<'_, T>, mut to: MatMut<'_, T>) {
    let (rows, columns) = (from.nrows(), from.ncols());
    if from.row_stride() == 1 || from.col_stride() != 1 || to.row_stride() != 1 {
        to.copy_from(from);
        return;
    }
    let source = kernels::Matrix { first: from.as_ptr(), row_stride: from.row_stride() as usize };
    let target = kernels::Matrix { first: to.as_ptr_mut(), row_stride: to.col_stride() as usize };
    // SAFETY: the one is readable, the other writable for these rows and columns, by the views' invariants.
    unsafe { kernels::transpose(target, source, rows, columns) };
}

/// Conjugates every element.
pub(super) fn conjugate<T: Field>(mut a: MatMut<'_, T>) {
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            a[(i, j)] = a[(i, j)].conjugate();
        }
    }
}
