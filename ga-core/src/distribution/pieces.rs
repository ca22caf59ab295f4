//! A region as pieces, each of one owner.
//!
//! Invariant: the pieces of a region are disjoint, none is empty, and together they are the region.

use super::Distribution;
use crate::dims::Dims;
use crate::patch::Patch;

/// The part of a region that one rank owns.
#[derive(Clone, PartialEq, Debug)]
pub struct Piece {
    /// Owner, a rank of the array's team.
    pub rank: usize,
    /// Which elements, in the array's indices.
    pub patch: Patch,
    /// Where the first of them is: offset in elements from the start of the owner's part.
    pub offset: usize,
    /// The owner's strides, in elements.
    pub strides: Dims,
}

/// Iterator over the pieces of a region; see [`Distribution::locate_region`].
#[derive(Clone)]
pub struct Pieces<'a> {
    distribution: &'a Distribution,
    lo: Dims,
    hi: Dims,
    /// Grid cells of the region: first and last along each axis.
    first: Dims,
    last: Dims,
    /// The next cell, unless done.
    cell: Dims,
    done: bool,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(distribution: &'a Distribution, lo: &[usize], hi: &[usize]) -> Self {
        let axes = &distribution.0.axes;
        let done = lo.iter().zip(hi).any(|(l, h)| l == h);
        let part_of = |d: usize, i: usize| if done { 0 } else { axes[d].part_of(i) };
        let first = Dims::from_fn(lo.len(), |d| part_of(d, lo[d]));
        let last = Dims::from_fn(lo.len(), |d| part_of(d, hi[d].saturating_sub(1)));
        Pieces { distribution, lo: lo.into(), hi: hi.into(), cell: first.clone(), first, last, done }
    }

    /// Moves to the next cell, last axis fastest, so that ranks ascend.
    fn advance(&mut self) {
        for d in (0..self.cell.len()).rev() {
            if self.cell[d] < self.last[d] {
                self.cell[d] += 1;
                return;
            }
            self.cell[d] = self.first[d];
        }
        self.done = true;
    }

    /// The piece in the current cell, unless that is an empty block.
    fn piece(&self) -> Option<Piece> {
        let axes = &self.distribution.0.axes;
        let ndim = axes.len();
        let (mut lo, mut hi) = (self.lo.clone(), self.hi.clone());
        let mut block = Dims::filled(0, ndim);
        let (mut rank, mut offset) = (0, 0);
        for (d, axis) in axes.iter().enumerate() {
            let (start, end) = axis.part(self.cell[d]);
            lo[d] = lo[d].max(start);
            hi[d] = hi[d].min(end);
            if lo[d] >= hi[d] {
                return None;
            }
            block[d] = end - start;
            rank = rank * axis.parts() + self.cell[d];
            offset = offset * block[d] + (lo[d] - start);
        }
        Some(Piece { rank, patch: Patch::new(lo, hi), offset, strides: Dims::row_major_strides(&block) })
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        while !self.done {
            let piece = self.piece();
            self.advance();
            if piece.is_some() {
                return piece;
            }
        }
        None
    }
}
