//! Between sparse and dense matrices, and to text.

use super::SparseArray;
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::sight::Sight;
use rma::{Complex32, Complex64, DType};
use std::any::Any;
use std::io::{self, Write};

/// Elements of a dense matrix that are fetched at a time.
const PANEL: usize = 1 << 18;

impl<T: Number> SparseArray<T> {
    /// A sparse matrix of the elements of a dense one that are not 0. Collective. `NGA_Sprs_array_create_from_dense`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for an array that is no matrix; [`ErrorKind::Memory`] on all ranks when there is no memory for it.
    #[track_caller]
    pub fn from_dense(dense: &GlobalArray<T>) -> Result<Self> {
        let &[rows, columns] = dense.shape() else {
            let message = |by: Sight| format!("{} is no matrix", by.array(dense.raw()));
            return Err(Error::numbered(ErrorKind::Shape, "from_dense", message));
        };
        dense.sync()?;
        let team = dense.team();
        let own = super::part(rows, team.size(), team.rank());
        let height = (PANEL / columns.max(1)).max(1);
        let mut elements = Vec::new();
        let mut panel = vec![T::ZERO; height.min(own.len()) * columns];
        for first in own.clone().step_by(height) {
            let last = own.end.min(first + height);
            let panel = &mut panel[..(last - first) * columns];
            dense.get([first..last, 0..columns], panel)?;
            let filled = panel.iter().enumerate().filter(|(_, value)| **value != T::ZERO);
            elements.extend(filled.map(|(k, &value)| (first + k / columns, k % columns, value)));
        }
        Self::from_own(team, [rows, columns], elements)
    }

    /// The same matrix, dense, its rows distributed as those of this one. Collective. `NGA_Sprs_array_create_from_sparse`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when there is no memory for it.
    #[track_caller]
    pub fn to_dense(&self) -> Result<GlobalArray<T>> {
        let dense = self.by_rows(self.shape)?;
        let (rows, columns) = (self.own_rows(), self.shape[1]);
        let memory = dense.local_ptr();
        // SAFETY: all ranks are in this call, and it writes nothing to this matrix; my rows of the dense one lie one after the other
        // from its memory on, and are nobody else's before it is returned.
        unsafe {
            self.each(|row, column, value| {
                let to = memory.add((row - rows.start) * columns + column);
                *to = (*to).plus(value.get());
            })
        };
        dense.sync()?;
        Ok(dense)
    }

    /// A dense matrix of zeros, its rows distributed like those of a sparse one. Collective.
    #[track_caller]
    pub(super) fn by_rows(&self, shape: [usize; 2]) -> Result<GlobalArray<T>> {
        let ranks = self.team().size();
        let starts = (0..ranks).map(|rank| super::part(shape[0], ranks, rank).start).collect();
        let dense = GlobalArray::builder(self.team(), &shape).irregular(vec![starts, vec![0]]).create()?;
        dense.zero()?;
        Ok(dense)
    }

    /// Writes the matrix in the Matrix Market format: row, column (from 1) and value of each element on a line. Not collective: one
    /// rank writes, after a synchronisation. `NGA_Sprs_array_export`.
    ///
    /// # Errors
    /// Those of the writer, and those of [`SparseArray::block`] inside of them.
    pub fn export(&self, out: &mut impl Write) -> io::Result<()> {
        let field = match T::DTYPE {
            DType::F16 | DType::F32 | DType::F64 => "real",
            DType::C64 | DType::C128 => "complex",
            _ => "integer",
        };
        let [rows, columns] = self.shape;
        writeln!(out, "%%MatrixMarket matrix coordinate {field} general\n{rows} {columns} {}", self.len())?;
        let ranks = self.team().size();
        for (row_block, column_block) in (0..ranks).flat_map(|r| (0..ranks).map(move |c| (r, c))) {
            let block = self.block(row_block, column_block).map_err(io::Error::other)?;
            for block in block.iter() {
                for (row, bounds) in block.rows.clone().zip(block.offsets.windows(2)) {
                    for e in bounds[0] as usize..bounds[1] as usize {
                        let (column, value) = (block.column_indices[e] + 1, text(&block.values[e]));
                        writeln!(out, "{} {column} {value}", row + 1)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A number so that it can be read back.
fn text<T: Number>(value: &T) -> String {
    let any: &dyn Any = value;
    let narrow = any.downcast_ref().map(|v: &Complex32| format!("{:?} {:?}", v.re, v.im));
    let wide = any.downcast_ref().map(|v: &Complex64| format!("{:?} {:?}", v.re, v.im));
    let boolean = any.downcast_ref().map(|v: &bool| u8::from(*v).to_string());
    narrow.or(wide).or(boolean).unwrap_or_else(|| format!("{value:?}"))
}
