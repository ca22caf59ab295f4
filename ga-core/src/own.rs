//! The parts of a box that this rank owns, as memory: what owner-computes loops run over.
//!
//! Invariant: a part's elements are all mine, lie at its strides, and are no ghost cells.

use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::distribution::Pieces;
use crate::patch::Patch;
use rma::Element;
use std::ptr::NonNull;

/// A box of elements in my memory.
pub(crate) struct Part<T> {
    /// Which elements, in the array's indices.
    pub(crate) patch: Patch,
    /// The first of them.
    pub(crate) first: *mut T,
    /// Strides in elements; the innermost is 1.
    pub(crate) strides: Dims,
}

impl<T> Part<T> {
    /// The rows along the last axis: offset of the first element from that of the part, and length.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let shape = self.patch.shape();
        let (len, outer) = shape.split_last().map_or((1, &[] as &[usize]), |(&last, outer)| (last, outer));
        let outer = Dims::from(outer);
        (0..outer.iter().product::<usize>()).map(move |mut number| {
            let mut offset = 0;
            for d in (0..outer.len()).rev() {
                offset += number % outer[d] * self.strides[d];
                number /= outer[d];
            }
            (offset, len)
        })
    }
}

impl<T: Element> GlobalArray<T> {
    /// My memory of the array, ghost cells included; dangling, but aligned, if there is none.
    pub(crate) fn local_ptr(&self) -> *mut T {
        let rank = self.team().rank();
        let part = self.raw().mapped(rank).filter(|_| self.distribution().storage_len(rank) > 0);
        part.map_or(NonNull::dangling(), NonNull::cast).as_ptr()
    }

    /// The parts of the checked box `[lo, hi)` that I own: one at most of a regular or irregular array, one
    /// for each block of the others.
    pub(crate) fn own_parts(&self, lo: &[usize], hi: &[usize]) -> impl Iterator<Item = Part<T>> + '_ {
        let rank = self.team().rank();
        let pieces = Pieces::owned(self.distribution(), rank, lo, hi);
        pieces.map(move |piece| {
            let memory = self.raw().mapped(rank).expect("my own part is mapped").cast::<T>();
            // An offset within my part, whose elements the distribution has placed there.
            let first = memory.as_ptr().wrapping_add(piece.offset);
            Part { patch: piece.patch, first, strides: piece.strides }
        })
    }
}
