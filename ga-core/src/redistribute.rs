//! From one array to another: duplicate, copy, transpose.
//!
//! Owner of the target computes: each rank fills its own block of the target from wherever the source is. All
//! are collective and synchronise on both sides.

use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::distribution::Piece;
use crate::error::{Error, ErrorKind, Result};
use crate::kernels::{self, Matrix};
use crate::patch::Patch;
use crate::raw::RawArray;
use crate::transfer::{Slab, Verb, Wait};
use rma::Element;

/// Scratch for a part of the source that is not mapped.
const PANEL_BYTES: usize = 1 << 20;

impl<T: Element> GlobalArray<T> {
    /// A new array of the same type, shape, distribution and team; its contents are unspecified. Collective.
    /// `GA_Duplicate`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when the memory is not there on one.
    #[track_caller]
    pub fn duplicate(&self) -> Result<Self> {
        let raw = RawArray::create(self.team(), T::DTYPE, self.distribution().clone())?;
        GlobalArray::from_raw(raw.named(self.name()))
    }

    /// Copies all of `source`, an array of the same shape and team; the distributions may differ. Collective.
    /// `GA_Copy`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] and [`ErrorKind::Team`] for arrays that don't match.
    #[track_caller]
    pub fn copy_from(&self, source: &Self) -> Result<()> {
        self.check_match("copy_from", source)?;
        self.sync()?;
        let done = if std::ptr::eq(self, source) { Ok(()) } else { self.copy_parts(source) };
        self.sync()?;
        done
    }

    /// Fills my parts from the source, of the same shape.
    fn copy_parts(&self, source: &Self) -> Result<()> {
        let whole = Patch::whole(self.shape());
        for part in self.own_parts(whole.lo(), whole.hi()) {
            let (strides, patch) = (part.strides, part.patch);
            let local = ByteStrides::from_fn(strides.len(), |d| (strides[d] * size_of::<T>()) as isize);
            let slab = Slab { lo: patch.lo(), hi: patch.hi(), step: None };
            // SAFETY: shapes agree, so the slab lies in the source; my part of this array has those strides,
            // belongs to another array than the source, and is nobody else's between the two
            // synchronisations.
            unsafe {
                let verb = Verb::Get(part.first);
                source.raw().transfer("copy_from", verb, slab, local.as_slice(), &mut Wait)?;
            }
        }
        Ok(())
    }

    /// Makes this matrix the transpose of `source`, a matrix of the same team. Collective. `GA_Transpose`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless both have two axes and the extents of one are those of the other,
    /// exchanged; [`ErrorKind::Team`] for an array of another team; [`ErrorKind::Shape`] for the array
    /// itself.
    #[track_caller]
    pub fn transpose_from(&self, source: &Self) -> Result<()> {
        let fits = match (self.shape(), source.shape()) {
            ([rows, columns], [source_rows, source_columns]) => {
                rows == source_columns && columns == source_rows
            }
            _ => false,
        };
        if !fits || std::ptr::eq(self, source) {
            let same = if fits { ", the same array" } else { "" };
            let message = format!("{:?} from {:?}{same}", self.shape(), source.shape());
            return Err(Error::new(ErrorKind::Shape, "transpose_from", message));
        }
        self.check_team("transpose_from", source)?;
        self.sync()?;
        let done = self.transpose_block(source);
        self.sync()?;
        done
    }

    /// Fills my block from the source, piece by piece.
    fn transpose_block(&self, source: &Self) -> Result<()> {
        let block = self.local_patch();
        let (lo, hi) = (block.lo(), block.hi());
        for piece in source.distribution().pieces(&[lo[1], lo[0]], &[hi[1], hi[0]]) {
            let (at, extents) = (piece.patch.lo(), piece.patch.shape());
            let row_stride = hi[1] - lo[1];
            // SAFETY: the piece lies in the transposed block, so its first element has its place there.
            let first = unsafe { self.local_ptr().add((at[1] - lo[0]) * row_stride + at[0] - lo[1]) };
            let target = Matrix { first, row_stride };
            let Some(part) = source.raw().mapped(piece.rank) else {
                self.transpose_fetched(source, &piece, target)?;
                continue;
            };
            // SAFETY: the piece's offset and strides are those of its elements in its owner's part, mapped
            // here; its transpose lies in my block; nobody writes to the source, or accesses my block,
            // between the two synchronisations around this.
            unsafe {
                let first = part.cast::<T>().as_ptr().add(piece.offset).cast_const();
                let from = Matrix { first, row_stride: piece.strides[0] };
                kernels::transpose(target, from, extents[0], extents[1]);
            }
        }
        Ok(())
    }

    /// Transposes a piece that is not mapped here, by panels of rows fetched into scratch memory.
    fn transpose_fetched(&self, source: &Self, piece: &Piece, target: Matrix<*mut T>) -> Result<()> {
        let (lo, hi) = (piece.patch.lo(), piece.patch.hi());
        let columns = hi[1] - lo[1];
        let height = (PANEL_BYTES / (columns * size_of::<T>())).clamp(1, hi[0] - lo[0]);
        let mut panel = vec![T::default(); height * columns];
        for row in (lo[0]..hi[0]).step_by(height) {
            let rows = height.min(hi[0] - row);
            source.get([row..row + rows, lo[1]..hi[1]], &mut panel[..rows * columns])?;
            // SAFETY: the panel has that many rows, all of the piece, and the piece's transpose lies in my
            // block.
            unsafe {
                let target = Matrix { first: target.first.add(row - lo[0]), ..target };
                kernels::transpose(
                    target,
                    Matrix { first: panel.as_ptr(), row_stride: columns },
                    rows,
                    columns,
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rma::World;

    /// The way a block of another node takes, on one rank; wide enough for several panels.
    #[test]
    fn pieces_that_are_not_mapped_are_transposed_by_panels() {
        let world = World::init().unwrap();
        let (rows, columns) = (37, PANEL_BYTES / 8 / 10);
        let source = GlobalArray::<f64>::builder(&world.team(), &[rows, columns]).create().unwrap();
        let target = GlobalArray::<f64>::builder(&world.team(), &[columns, rows]).create().unwrap();
        let values: Vec<f64> = (0..rows * columns).map(|k| k as f64).collect();
        source.put([0..rows, 0..columns], &values).unwrap();
        let matrix = Matrix { first: target.local_ptr(), row_stride: rows };
        for piece in source.distribution().locate_region([0..rows, 0..columns]).unwrap() {
            target.transpose_fetched(&source, &piece, matrix).unwrap();
        }
        let transposed = target.get_array([0..columns, 0..rows]).unwrap();
        assert!(transposed.indexed_iter().all(|(at, &v)| v == (at[1] * columns + at[0]) as f64));
    }
}
