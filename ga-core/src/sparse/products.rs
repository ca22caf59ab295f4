//! Products of sparse matrices with vectors, dense matrices and one another.
//!
//! Owner of the output's rows computes; blocks and panels of the other operand are fetched as they are needed. All are collective and
//! synchronise before and after.

use super::{SparseArray, SparseBlock};
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use std::ops::Range;

/// Elements of a dense operand that are fetched at a time.
const PANEL: usize = 1 << 18;

impl<T: Number> SparseArray<T> {
    /// `product = self * vector`. Collective. `NGA_Sprs_array_matvec_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for vectors that don't have as many elements as there are columns and rows, [`ErrorKind::Team`] for
    /// vectors of another team.
    #[track_caller]
    pub fn multiply_vector(&self, vector: &GlobalArray<T>, product: &GlobalArray<T>) -> Result<()> {
        let op = "multiply_vector";
        self.check_extents(op, vector.shape(), &[self.shape[1]])?;
        self.check_extents(op, product.shape(), &[self.shape[0]])?;
        self.check_team(op, vector.team())?;
        self.check_team(op, product.team())?;
        self.sync()?;
        let rows = self.own_rows();
        let mut sums = vec![T::ZERO; rows.len()];
        for slot in &self.own {
            let columns = self.columns_of(slot.column_block);
            let mut factors = vec![T::ZERO; columns.len()];
            vector.get(columns.clone(), &mut factors)?;
            // SAFETY: all ranks are in this call, and it writes nothing to this matrix.
            unsafe {
                self.each_of(slot, |row, column, value| {
                    let sum = &mut sums[row - rows.start];
                    *sum = sum.plus(value.get().times(factors[column - columns.start]));
                })
            };
        }
        // The product may be the vector: nobody reads it any more.
        self.sync()?;
        product.put(rows, &sums)?;
        self.sync()
    }

    /// `self * dense`, its rows distributed as those of this matrix. Collective. `NGA_Sprs_array_sprsdns_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless the other is a matrix of as many rows as this has columns, [`ErrorKind::Team`] for one of another
    /// team; [`ErrorKind::Memory`] on all ranks when there is no memory for the product.
    #[track_caller]
    pub fn multiply_dense(&self, dense: &GlobalArray<T>) -> Result<GlobalArray<T>> {
        let op = "multiply_dense";
        let width = matrix(op, dense)?[1];
        self.check_extents(op, dense.shape(), &[self.shape[1], width])?;
        self.check_team(op, dense.team())?;
        let product = self.by_rows([self.shape[0], width])?;
        let (rows, memory) = (self.own_rows(), product.local_ptr());
        for slot in &self.own {
            let columns = self.columns_of(slot.column_block);
            for panel in pieces(0..width, PANEL / columns.len()) {
                let mut factors = vec![T::ZERO; columns.len() * panel.len()];
                dense.get([columns.clone(), panel.clone()], &mut factors)?;
                // SAFETY: all ranks are in this call, and it writes nothing to this matrix; my rows of the product lie one after the
                // other from its memory on, and are nobody else's before it is returned.
                unsafe {
                    self.each_of(slot, |row, column, value| {
                        let from = &factors[(column - columns.start) * panel.len()..][..panel.len()];
                        let to = memory.add((row - rows.start) * width + panel.start);
                        for (k, factor) in from.iter().enumerate() {
                            *to.add(k) = (*to.add(k)).plus(value.get().times(*factor));
                        }
                    })
                };
            }
        }
        product.sync()?;
        Ok(product)
    }

    /// `dense * self`, its rows in near-equal blocks. Collective. `NGA_Sprs_array_dnssprs_multiply`.
    ///
    /// # Errors
    /// As [`SparseArray::multiply_dense`], with rows and columns exchanged.
    #[track_caller]
    pub fn multiply_from_left(&self, dense: &GlobalArray<T>) -> Result<GlobalArray<T>> {
        let op = "multiply_from_left";
        let height = matrix(op, dense)?[0];
        self.check_extents(op, dense.shape(), &[height, self.shape[0]])?;
        self.check_team(op, dense.team())?;
        let (ranks, width) = (self.team().size(), self.shape[1]);
        let product = self.by_rows([height, width])?;
        let (rows, memory) = (super::part(height, ranks, self.team().rank()), product.local_ptr());
        for row_block in 0..ranks {
            let inner = self.rows_of(row_block);
            let blocks = self.blocks_of(row_block)?;
            if blocks.is_empty() {
                continue;
            }
            for panel in pieces(rows.clone(), PANEL / inner.len()) {
                let mut factors = vec![T::ZERO; panel.len() * inner.len()];
                dense.get([panel.clone(), inner.clone()], &mut factors)?;
                for (i, factors) in panel.zip(factors.chunks(inner.len())) {
                    for (k, column, value) in blocks.iter().flat_map(SparseBlock::elements) {
                        // SAFETY: my rows of the product lie one after the other from its memory on, and are nobody else's before
                        // it is returned.
                        unsafe {
                            let to = memory.add((i - rows.start) * width + column);
                            *to = (*to).plus(factors[k - inner.start].times(value));
                        }
                    }
                }
            }
        }
        product.sync()?;
        Ok(product)
    }

    /// `self * other`, sparse. Collective. `NGA_Sprs_array_matmat_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless the other has as many rows as this has columns, [`ErrorKind::Team`] for one of another team;
    /// [`ErrorKind::Memory`] on all ranks when there is no memory for the product.
    #[track_caller]
    pub fn multiply(&self, other: &Self) -> Result<Self> {
        self.check_extents("multiply", &other.shape, &[self.shape[1], other.shape[1]])?;
        self.check_team("multiply", other.team())?;
        self.sync()?;
        let rows = self.own_rows();
        let mut sums: Vec<Vec<(usize, T)>> = vec![Vec::new(); rows.len()];
        for slot in &self.own {
            // Columns of this matrix are cut as rows of the other.
            let inner = self.columns_of(slot.column_block);
            let mut lists: Vec<Vec<(usize, T)>> = vec![Vec::new(); inner.len()];
            for (k, column, value) in
                other.blocks_of(slot.column_block)?.iter().flat_map(SparseBlock::elements)
            {
                lists[k - inner.start].push((column, value));
            }
            // SAFETY: all ranks are in this call, and it writes nothing to this matrix.
            unsafe {
                self.each_of(slot, |row, k, value| {
                    let terms = lists[k - inner.start].iter();
                    sums[row - rows.start]
                        .extend(terms.map(|&(column, other)| (column, value.get().times(other))));
                })
            };
            // So that no row holds more than its sums and the terms of one block.
            sums.iter_mut().for_each(add_up);
        }
        let elements = rows.zip(sums).flat_map(|(row, sums)| sums.into_iter().map(move |(j, v)| (row, j, v)));
        Self::from_own(self.team(), [self.shape[0], other.shape[1]], elements.collect())
    }

    /// The products of the elements that both matrices have. Collective. `NGA_Sprs_array_elementwise_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for matrices of different shapes, else as [`SparseArray::multiply`].
    #[track_caller]
    pub fn multiply_elements(&self, other: &Self) -> Result<Self> {
        self.check_extents("multiply_elements", &other.shape, &self.shape)?;
        self.check_team("multiply_elements", other.team())?;
        self.sync()?;
        let rows = self.own_rows();
        let lists = [self, other].map(|array| {
            let mut lists = vec![Vec::new(); rows.len()];
            // SAFETY: all ranks are in this call, and it writes nothing to either matrix.
            unsafe { array.each(|row, column, value| lists[row - rows.start].push((column, value.get()))) };
            lists.iter_mut().for_each(add_up);
            lists
        });
        let mut elements = Vec::new();
        for (row, (a, b)) in rows.zip(lists[0].iter().zip(&lists[1])) {
            for &(column, value) in a {
                if let Ok(at) = b.binary_search_by_key(&column, |element| element.0) {
                    elements.push((row, column, value.times(b[at].1)));
                }
            }
        }
        Self::from_own(self.team(), self.shape, elements)
    }

    /// Sets each element that is there to that of the product of two dense matrices, `left * right`, or `left` times the transpose of
    /// `right`. Collective. `NGA_Sprs_array_sampled_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for matrices whose product has another shape, [`ErrorKind::Team`] for ones of another team.
    #[track_caller]
    pub fn sample_product(
        &self,
        left: &GlobalArray<T>,
        right: &GlobalArray<T>,
        is_transposed: bool,
    ) -> Result<()> {
        let op = "sample_product";
        let inner = matrix(op, left)?[1];
        let [rows, columns] = self.shape;
        self.check_extents(op, left.shape(), &[rows, inner])?;
        let expected = if is_transposed { [columns, inner] } else { [inner, columns] };
        self.check_extents(op, right.shape(), &expected)?;
        self.check_team(op, left.team())?;
        self.check_team(op, right.team())?;
        self.sync()?;
        let rows = self.own_rows();
        for slot in &self.own {
            let columns = self.columns_of(slot.column_block);
            let mut sums = vec![T::ZERO; slot.len];
            for panel in pieces(0..inner, PANEL / rows.len().max(columns.len())) {
                let depth = panel.len();
                let mut a = vec![T::ZERO; rows.len() * depth];
                left.get([rows.clone(), panel.clone()], &mut a)?;
                let mut b = vec![T::ZERO; columns.len() * depth];
                let place = if is_transposed { [columns.clone(), panel] } else { [panel, columns.clone()] };
                right.get(place, &mut b)?;
                let (along, across) = if is_transposed { (1, depth) } else { (columns.len(), 1) };
                let mut sums = sums.iter_mut();
                // SAFETY: all ranks are in this call, and it writes nothing to this matrix.
                unsafe {
                    self.each_of(slot, |row, column, _| {
                        let a = &a[(row - rows.start) * depth..][..depth];
                        let sum = sums.next().expect("as many sums as elements");
                        for (k, a) in a.iter().enumerate() {
                            *sum = sum.plus(a.times(b[(column - columns.start) * across + k * along]));
                        }
                    })
                };
            }
            let mut sums = sums.into_iter();
            // SAFETY: all ranks are in this call, and each changes its own values.
            unsafe {
                self.each_of(slot, |_, _, value| value.set(sums.next().expect("as many sums as elements")))
            };
        }
        self.sync()
    }

    /// Copies of all blocks of a row block that have elements.
    fn blocks_of(&self, row_block: usize) -> Result<Vec<SparseBlock<T>>> {
        let blocks = (0..self.team().size()).map(|column_block| self.block(row_block, column_block));
        blocks.filter_map(Result::transpose).collect()
    }
}

impl<T: Copy> SparseBlock<T> {
    /// Row, column and value of each element.
    pub fn elements(&self) -> impl Iterator<Item = (usize, usize, T)> + '_ {
        self.rows.clone().zip(self.offsets.windows(2)).flat_map(move |(row, bounds)| {
            let list = bounds[0] as usize..bounds[1] as usize;
            list.map(move |e| (row, self.column_indices[e] as usize, self.values[e]))
        })
    }
}

/// The extents of a matrix.
fn matrix<T: Number>(op: &'static str, array: &GlobalArray<T>) -> Result<[usize; 2]> {
    let refuse =
        |_| Error::numbered(ErrorKind::Shape, op, |by| format!("{} is no matrix", by.array(array.raw())));
    array.shape().try_into().map_err(refuse)
}

/// A range in pieces of at most `most`, or of 1.
fn pieces(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let most = most.max(1);
    range.clone().step_by(most).map(move |start| start..range.end.min(start + most))
}

/// Sorts by column, and adds up what is in one column.
fn add_up<T: Number>(list: &mut Vec<(usize, T)>) {
    list.sort_by_key(|element| element.0);
    list.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 = kept.1.plus(next.1);
        }
        is_same
    });
}
