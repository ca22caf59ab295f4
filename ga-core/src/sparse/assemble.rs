//! From elements here and there to a sparse matrix.
//!
//! Invariant: elements travel once, to the owner of their row; the owner sorts them by column block, row and column.

use super::{Slot, SparseArray, part, part_of};
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use rma::{Element, Team};

/// Collects elements of a sparse matrix on each rank, for [`SparseBuilder::assemble`].
#[derive(Debug)]
pub struct SparseBuilder<T> {
    team: Team,
    shape: [usize; 2],
    elements: Vec<(usize, usize, T)>,
}

impl<T: Element> SparseBuilder<T> {
    /// A matrix of so many rows and columns without elements yet. Not collective. `NGA_Sprs_array_create`.
    pub fn new(team: &Team, shape: [usize; 2]) -> Self {
        SparseBuilder { team: team.clone(), shape, elements: Vec::new() }
    }

    /// Adds an element, of any row. Not collective. `NGA_Sprs_array_add_element`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] for an index that leaves the matrix.
    #[inline]
    pub fn add(&mut self, row: usize, column: usize, value: T) -> Result<()> {
        if row >= self.shape[0] || column >= self.shape[1] {
            return Err(Error::numbered(ErrorKind::Range, "add", |by| {
                format!("element {} of a matrix of {}", by.index(&[row, column]), by.extents(&self.shape))
            }));
        }
        self.elements.push((row, column, value));
        Ok(())
    }

    /// Makes a matrix of what all ranks have added. Collective, a synchronisation. `NGA_Sprs_array_assemble`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when there is no memory for a part of it.
    #[track_caller]
    pub fn assemble(self) -> Result<SparseArray<T>> {
        let ranks = self.team.size();
        let mut places = vec![Vec::new(); ranks];
        let mut values = vec![Vec::new(); ranks];
        for (row, column, value) in self.elements {
            let owner = part_of(row, self.shape[0], ranks);
            places[owner].extend([row, column]);
            values[owner].push(value);
        }
        let exchanged = |e| Error::from_rma("assemble", e);
        let places = self.team.alltoallv(&places).map_err(exchanged)?.concat();
        let values = self.team.alltoallv(&values).map_err(exchanged)?.concat();
        let places = places.as_chunks::<2>().0;
        let own = places.iter().zip(values).map(|(&[row, column], value)| (row, column, value)).collect();
        SparseArray::from_own(&self.team, self.shape, own)
    }
}

impl<T: Element> SparseArray<T> {
    /// A matrix from the elements of each rank's own rows. Collective, a synchronisation.
    #[track_caller]
    pub(super) fn from_own(
        team: &Team,
        shape: [usize; 2],
        mut elements: Vec<(usize, usize, T)>,
    ) -> Result<Self> {
        let (ranks, me) = (team.size(), team.rank());
        let rows = part(shape[0], ranks, me);
        let block_of = |column: usize| part_of(column, shape[1], ranks);
        elements.sort_by_key(|&(row, column, _)| (block_of(column), row, column));
        let (mut own, mut offsets) = (Vec::<Slot>::new(), Vec::new());
        for block in elements.chunk_by(|a, b| block_of(a.1) == block_of(b.1)) {
            let first = own.last().map_or(0, |slot| slot.first + slot.len);
            let slot =
                Slot { column_block: block_of(block[0].1), first, len: block.len(), offsets: offsets.len() };
            own.push(slot);
            let before = |row: usize| block.partition_point(|element| element.0 < row) as i64;
            offsets.extend((rows.start..=rows.end).map(before));
        }
        let lens = team.allgather(&[elements.len(), offsets.len()]);
        let lens = lens.map_err(|e| Error::from_rma("assemble", e))?;
        let (values, columns) = (vector(team, &lens, 0)?, vector(team, &lens, 0)?);
        let array = SparseArray {
            shape,
            values,
            columns,
            offsets: vector(team, &lens, 1)?,
            directory: GlobalArray::builder(team, &[ranks, 3 * ranks])
                .irregular(vec![(0..ranks).collect(), vec![0]])
                .create()?,
            own,
        };
        let mut directory = vec![0; 3 * ranks];
        for slot in &array.own {
            let entry = [slot.first, slot.len, slot.offsets].map(|n| n as i64);
            directory[3 * slot.column_block..][..3].copy_from_slice(&entry);
        }
        array.directory.put([me..me + 1, 0..3 * ranks], &directory)?;
        array.offsets.put(array.offsets.local_patch(), &offsets)?;
        let columns: Vec<i64> = elements.iter().map(|element| element.1 as i64).collect();
        array.columns.put(array.columns.local_patch(), &columns)?;
        let values: Vec<T> = elements.iter().map(|element| element.2).collect();
        array.values.put(array.values.local_patch(), &values)?;
        array.sync()?;
        Ok(array)
    }

    /// A matrix with elements of this one: `keep` says what becomes of each, or that it goes. Collective; all ranks say the same.
    /// `NGA_Sprs_array_quantize256` and `NGA_Sprs_array_activate_ReLU` are of this form.
    ///
    /// # Errors
    /// As [`SparseBuilder::assemble`].
    #[track_caller]
    pub fn filter_map(&self, keep: impl Fn(usize, usize, T) -> Option<T>) -> Result<Self> {
        self.sync()?;
        let mut elements = Vec::new();
        // SAFETY: all ranks are in this call, and it writes nothing.
        unsafe {
            self.each(|row, column, value| {
                elements.extend(keep(row, column, value.get()).map(|value| (row, column, value)))
            })
        };
        Self::from_own(self.team(), self.shape, elements)
    }

    /// A matrix of the same elements. Collective. `NGA_Sprs_array_duplicate`.
    ///
    /// # Errors
    /// As [`SparseBuilder::assemble`].
    #[track_caller]
    pub fn duplicate(&self) -> Result<Self> {
        self.filter_map(|_, _, value| Some(value))
    }
}

/// A vector of which each rank has as many elements as its entry number `which` of the pairs says.
fn vector<T: Element>(team: &Team, lens: &[usize], which: usize) -> Result<GlobalArray<T>> {
    let mut total = 0;
    let mut starts = Vec::new();
    for pair in lens.as_chunks::<2>().0 {
        starts.push(total);
        total += pair[which];
    }
    GlobalArray::builder(team, &[total]).irregular(vec![starts]).create()
}
