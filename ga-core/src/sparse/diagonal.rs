//! Diagonals of sparse matrices, and products with diagonal ones.
//!
//! All are collective and synchronise before and after; each rank changes its own values only.

use super::SparseArray;
use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::number::Number;
use std::cell::Cell;

impl<T: Number> SparseArray<T> {
    /// The diagonal, as a vector as long as there are rows, distributed as these. Collective. `NGA_Sprs_array_get_diag`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::ErrorKind::Memory) on all ranks when there is no memory for it.
    #[track_caller]
    pub fn diagonal(&self) -> Result<GlobalArray<T>> {
        let ranks = self.team().size();
        let starts = (0..ranks).map(|rank| self.rows_of(rank).start).collect();
        let diagonal =
            GlobalArray::builder(self.team(), &[self.shape[0]]).irregular(vec![starts]).create()?;
        let rows = self.own_rows();
        let mut own = vec![T::ZERO; rows.len()];
        self.sync()?;
        // SAFETY: all ranks are in this call, and it writes nothing.
        unsafe {
            self.each(|row, column, value| {
                if row == column {
                    own[row - rows.start] = own[row - rows.start].plus(value.get());
                }
            })
        };
        diagonal.put(rows, &own)?;
        diagonal.sync()?;
        Ok(diagonal)
    }

    /// Adds a number to all elements of the diagonal that are there; one that was added several times counts as one. Collective.
    /// `NGA_Sprs_array_shift_diag`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn shift_diagonal(&self, shift: T) -> Result<()> {
        let mut last = None;
        self.change(|row, column, value| {
            if row == column && last.replace(row) != Some(row) {
                value.set(value.get().plus(shift));
            }
        })
    }

    /// Multiplies row `i` by `factors[i]`: a diagonal matrix times this one. Collective. `NGA_Sprs_array_diag_left_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) unless there is one for each row, [`ErrorKind::Team`](crate::ErrorKind::Team)
    /// for a vector of another team.
    #[track_caller]
    pub fn scale_rows(&self, factors: &GlobalArray<T>) -> Result<()> {
        self.check_extents("scale_rows", factors.shape(), &[self.shape[0]])?;
        self.check_team("scale_rows", factors.team())?;
        self.sync()?;
        let rows = self.own_rows();
        let mut own = vec![T::ZERO; rows.len()];
        factors.get(rows.clone(), &mut own)?;
        self.change(|row, _, value| value.set(own[row - rows.start].times(value.get())))
    }

    /// Multiplies column `j` by `factors[j]`: this matrix times a diagonal one. Collective. `NGA_Sprs_array_diag_right_multiply`.
    ///
    /// # Errors
    /// As [`SparseArray::scale_rows`], for columns.
    #[track_caller]
    pub fn scale_columns(&self, factors: &GlobalArray<T>) -> Result<()> {
        self.check_extents("scale_columns", factors.shape(), &[self.shape[1]])?;
        self.check_team("scale_columns", factors.team())?;
        self.sync()?;
        for slot in &self.own {
            let columns = self.columns_of(slot.column_block);
            let mut needed = vec![T::ZERO; columns.len()];
            factors.get(columns.clone(), &mut needed)?;
            // SAFETY: all ranks are in this call, and each changes its own values.
            unsafe {
                self.each_of(slot, |_, column, value| {
                    value.set(value.get().times(needed[column - columns.start]));
                })
            };
        }
        self.sync()
    }

    /// Multiplies all elements. Collective, with the same factor everywhere. `NGA_Sprs_array_scale`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn scale(&self, factor: T) -> Result<()> {
        self.change(|_, _, value| value.set(value.get().times(factor)))
    }

    /// Changes each element of mine, between two synchronisations.
    #[track_caller]
    fn change(&self, f: impl FnMut(usize, usize, &Cell<T>)) -> std::result::Result<(), Error> {
        self.sync()?;
        // SAFETY: all ranks are in this call, and each changes its own values.
        unsafe { self.each(f) };
        self.sync()
    }
}
