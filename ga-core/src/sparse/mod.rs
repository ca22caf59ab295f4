//! Sparse matrices, distributed by blocks of rows.
//!
//! Rows and columns are cut into as many near-equal parts as there are ranks; rank `r` owns row block `r`, and holds of it the column
//! blocks that have elements, one after the other, each in compressed rows: where each row begins, the column of each element, the
//! values. A directory says where blocks are, so that any rank reads any block.
//!
//! Invariant: offsets count from the beginning of their block, one more than there are rows; columns are those of the whole matrix, and
//! ascend within a row; elements that were added more than once are there more than once, and all operations take their sum. The
//! pattern never changes, values do only in collective calls.

mod assemble;
mod dense;
mod diagonal;
mod products;
mod sketch;

use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
pub use assemble::SparseBuilder;
use rma::{Element, Team};
use std::cell::Cell;
use std::ops::Range;
use std::ptr::NonNull;

/// A sparse matrix whose elements are there: [`SparseBuilder`] makes it. `NGA_Sprs_array_create` and its kin.
pub struct SparseArray<T: Element> {
    shape: [usize; 2],
    values: GlobalArray<T>,
    columns: GlobalArray<i64>,
    offsets: GlobalArray<i64>,
    /// Row `r`: for each column block of row block `r` where it begins in the rank's values, its number of elements, and where its
    /// offsets begin.
    directory: GlobalArray<i64>,
    /// The blocks of mine that have elements, by column.
    own: Vec<Slot>,
}

/// Where a block of this rank is.
#[derive(Clone, Debug)]
struct Slot {
    column_block: usize,
    first: usize,
    len: usize,
    offsets: usize,
}

/// A copy of one block, in compressed rows.
#[derive(Clone, PartialEq, Debug)]
pub struct SparseBlock<T> {
    /// Rows of the matrix that it covers.
    pub rows: Range<usize>,
    /// Columns of the matrix that it covers.
    pub columns: Range<usize>,
    /// Where each row begins in the two lists below; one more than there are rows.
    pub offsets: Vec<i64>,
    /// Column of each element.
    pub column_indices: Vec<i64>,
    /// Value of each element.
    pub values: Vec<T>,
}

/// A block of this rank in place, in compressed rows.
#[derive(Clone, Debug)]
pub struct OwnBlock<T> {
    /// Where each row begins in the two lists below; one more than there are rows.
    pub offsets: NonNull<i64>,
    /// Column of each element.
    pub column_indices: NonNull<i64>,
    /// Value of each element.
    pub values: NonNull<T>,
    /// Number of elements.
    pub len: usize,
}

/// Part `number` of `parts` of an axis: element `i` is in part `i * parts / extent`.
fn part(extent: usize, parts: usize, number: usize) -> Range<usize> {
    let start = |k: usize| (k as u128 * extent as u128).div_ceil(parts as u128) as usize;
    start(number)..start(number + 1)
}

/// The part that an index below the extent lies in.
fn part_of(index: usize, extent: usize, parts: usize) -> usize {
    (index as u128 * parts as u128 / extent as u128) as usize
}

impl<T: Element> SparseArray<T> {
    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The team it lives on.
    pub fn team(&self) -> &Team {
        self.values.team()
    }

    /// Number of elements of the whole matrix.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of row block `number`, which rank `number` owns. Not collective. `NGA_Sprs_array_row_distribution`.
    pub fn rows_of(&self, number: usize) -> Range<usize> {
        part(self.shape[0], self.team().size(), number)
    }

    /// Columns of column block `number`. Not collective. `NGA_Sprs_array_column_distribution`.
    pub fn columns_of(&self, number: usize) -> Range<usize> {
        part(self.shape[1], self.team().size(), number)
    }

    /// The column blocks of this rank that have elements. Not collective. `NGA_Sprs_array_col_block_list`.
    pub fn own_column_blocks(&self) -> impl Iterator<Item = usize> + '_ {
        self.own.iter().map(|slot| slot.column_block)
    }

    /// A column block of this rank in place, or `None` if it has no elements; see [`crate::pointers::own_block`].
    pub(crate) fn own_memory(&self, column_block: usize) -> Option<OwnBlock<T>> {
        let slot = self.own.iter().find(|slot| slot.column_block == column_block)?;
        let at = |first: *mut i64, offset: usize| NonNull::new(first.wrapping_add(offset));
        Some(OwnBlock {
            offsets: at(self.offsets.local_ptr(), slot.offsets)?,
            column_indices: at(self.columns.local_ptr(), slot.first)?,
            values: NonNull::new(self.values.local_ptr().wrapping_add(slot.first))?,
            len: slot.len,
        })
    }

    /// A copy of any block, or `None` if it has no elements. Not collective; the data is there on return. `NGA_Sprs_array_get_block`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] when there is no such block.
    pub fn block(&self, row_block: usize, column_block: usize) -> Result<Option<SparseBlock<T>>> {
        let ranks = self.team().size();
        if row_block >= ranks || column_block >= ranks {
            return Err(Error::numbered(ErrorKind::Range, "block", |by| {
                format!("block {} of {}", by.index(&[row_block, column_block]), by.extents(&[ranks, ranks]))
            }));
        }
        let mut entry = [0; 3];
        let at = 3 * column_block;
        self.directory.get([row_block..row_block + 1, at..at + 3], &mut entry)?;
        let [first, len, offsets] = entry.map(|n| n as usize);
        if len == 0 {
            return Ok(None);
        }
        let (rows, columns) = (self.rows_of(row_block), self.columns_of(column_block));
        let mut block = SparseBlock {
            offsets: vec![0; rows.len() + 1],
            column_indices: vec![0; len],
            values: vec![T::default(); len],
            rows,
            columns,
        };
        let first = self.values.distribution().block(row_block).lo()[0] + first;
        let offsets = self.offsets.distribution().block(row_block).lo()[0] + offsets;
        self.offsets.get(offsets..offsets + block.offsets.len(), &mut block.offsets)?;
        self.columns.get(first..first + len, &mut block.column_indices)?;
        self.values.get(first..first + len, &mut block.values)?;
        Ok(Some(block))
    }

    /// Gives the memory back. Collective; a synchronisation. Dropping it instead gives it back at a later one.
    /// `NGA_Sprs_array_destroy`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn destroy(self) -> Result<()> {
        self.values.destroy()?;
        self.columns.destroy()?;
        self.offsets.destroy()?;
        self.directory.destroy()
    }

    /// The rows of this rank.
    fn own_rows(&self) -> Range<usize> {
        self.rows_of(self.team().rank())
    }

    /// Calls `f(row, column, value)` for each element of a block of mine.
    ///
    /// # Safety
    /// Nobody else writes to the values meanwhile: all ranks are inside one collective call.
    unsafe fn each_of(&self, slot: &Slot, mut f: impl FnMut(usize, usize, &Cell<T>)) {
        let (offsets, columns) = (self.offsets.local_ptr(), self.columns.local_ptr());
        for (k, row) in self.own_rows().enumerate() {
            // SAFETY: offsets and elements of the block are where the slot says, in my own memory; nobody writes to it (caller).
            unsafe {
                let offset = |k: usize| *offsets.add(slot.offsets + k) as usize;
                for e in offset(k)..offset(k + 1) {
                    let at = slot.first + e;
                    // A cell, as others may be reading the value.
                    f(row, *columns.add(at) as usize, &*self.values.local_ptr().add(at).cast::<Cell<T>>());
                }
            }
        }
    }

    /// Calls `f(row, column, value)` for each element of mine, by column blocks.
    ///
    /// # Safety
    /// As [`SparseArray::each_of`].
    unsafe fn each(&self, mut f: impl FnMut(usize, usize, &Cell<T>)) {
        for slot in &self.own {
            // SAFETY: the caller's promise.
            unsafe { self.each_of(slot, &mut f) };
        }
    }

    /// Completes what was put, and waits for the team.
    #[track_caller]
    fn sync(&self) -> Result<()> {
        self.values.sync()
    }

    /// Refuses extents that don't fit.
    fn check_extents(&self, op: &'static str, extents: &[usize], expected: &[usize]) -> Result<()> {
        if extents == expected {
            return Ok(());
        }
        Err(Error::numbered(ErrorKind::Shape, op, |by| {
            let [extents, expected, shape] = [extents, expected, &self.shape].map(|list| by.extents(list));
            format!("extents {extents} where {expected} fit a sparse matrix of {shape}")
        }))
    }

    /// Refuses another team.
    fn check_team(&self, op: &'static str, team: &Team) -> Result<()> {
        if self.team().is_same(team) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Team, op, "operands of different teams"))
    }
}

impl<T: Element> std::fmt::Debug for SparseArray<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [rows, columns] = self.shape;
        let (elements, ranks) = (self.len(), self.team().size());
        write!(f, "SparseArray ({}): {rows}x{columns} over {ranks} ranks, {elements} elements", T::DTYPE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_axis_and_hold_their_indices() {
        for (extent, parts) in [(1, 1), (1, 4), (7, 3), (10, 4), (12, 4), (5, 8)] {
            let all: Vec<usize> = (0..parts).flat_map(|k| part(extent, parts, k)).collect();
            assert_eq!(all, (0..extent).collect::<Vec<_>>());
            assert!((0..extent).all(|i| part(extent, parts, part_of(i, extent, parts)).contains(&i)));
        }
    }
}
