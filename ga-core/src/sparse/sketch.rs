//! Vectors and small dense matrices out of a sparse one: a column, and a sketch of its rows.
//!
//! All are collective and synchronise before and after; each rank reads its own rows only.

use super::SparseArray;
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::sight::Sight;
use rma::Element;

impl<T: Element> SparseArray<T> {
    /// A vector with a number for each row, distributed as these, of which each rank says its own. Collective.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when there is no memory for it.
    ///
    /// # Panics
    /// There are not as many numbers as own rows.
    #[track_caller]
    pub fn row_vector<V: Element>(&self, own: &[V]) -> Result<GlobalArray<V>> {
        let starts = (0..self.team().size()).map(|rank| self.rows_of(rank).start).collect();
        let vector = GlobalArray::builder(self.team(), &[self.shape[0]]).irregular(vec![starts]).create()?;
        let rows = self.rows_of(self.team().rank());
        assert_eq!(own.len(), rows.len(), "a number for each own row");
        vector.put(rows, own)?;
        vector.sync()?;
        Ok(vector)
    }
}

impl<T: Number> SparseArray<T> {
    /// A column, dense: a vector as long as there are rows, distributed as these. Collective. `NGA_Sprs_array_get_column`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] when there is no such column; [`ErrorKind::Memory`] on all ranks when there is no memory for the vector.
    #[track_caller]
    pub fn column(&self, number: usize) -> Result<GlobalArray<T>> {
        if number >= self.shape[1] {
            let message = |by: Sight| format!("column {} of {}", by.number(number), self.shape[1]);
            return Err(Error::numbered(ErrorKind::Range, "column", message));
        }
        let rows = self.own_rows();
        let mut own = vec![T::ZERO; rows.len()];
        self.sync()?;
        // SAFETY: all ranks are in this call, and it writes nothing.
        unsafe {
            self.each(|row, column, value| {
                if column == number {
                    own[row - rows.start] = own[row - rows.start].plus(value.get());
                }
            })
        };
        self.row_vector(&own)
    }

    /// A dense matrix of `height` rows: row `labels[i]` of it takes `weights[i]` times row `i` of this one, of which each rank says its own. Collective.
    /// `NGA_Sprs_array_count_sketch`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when there is no memory for it.
    ///
    /// # Panics
    /// There are not as many labels or weights as own rows, or a label is no row of the result.
    #[track_caller]
    pub fn sketch(&self, height: usize, labels: &[usize], weights: &[T]) -> Result<GlobalArray<T>> {
        let (rows, width) = (self.own_rows(), self.shape[1]);
        assert!(labels.len() == rows.len() && weights.len() == rows.len(), "one of each for each own row");
        let sketch = GlobalArray::builder(self.team(), &[height, width]).create()?;
        sketch.zero()?;
        self.sync()?;
        // Rows that go to the same row are added up here first.
        let mut sums: Vec<Option<Vec<T>>> = vec![None; height];
        // SAFETY: all ranks are in this call, and it writes nothing.
        unsafe {
            self.each(|row, column, value| {
                let own = row - rows.start;
                let sum = sums[labels[own]].get_or_insert_with(|| vec![T::ZERO; width]);
                sum[column] = sum[column].plus(weights[own].times(value.get()));
            })
        };
        for (row, sum) in sums.iter().enumerate().filter_map(|(row, sum)| Some((row, sum.as_ref()?))) {
            sketch.accumulate([row..row + 1, 0..width], sum, T::ONE)?;
        }
        sketch.sync()?;
        Ok(sketch)
    }
}
