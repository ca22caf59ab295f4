//! A region as pieces, each in one block.
//!
//! Invariant: the pieces of a region are disjoint, none is empty, and together they are the region (or all
//! that one rank owns of it).

use super::Distribution;
use super::plan::Deal;
use crate::dims::Dims;
use crate::patch::Patch;

/// The part of a region that lies in one block.
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
    /// Cells of the region: first, last and from one to the next along each axis.
    first: Dims,
    last: Dims,
    step: Dims,
    /// Only blocks of this member.
    member: Option<usize>,
    /// The next cell, unless done.
    cell: Dims,
    done: bool,
}

impl<'a> Pieces<'a> {
    /// All pieces of a checked box.
    pub(super) fn new(distribution: &'a Distribution, lo: &[usize], hi: &[usize]) -> Self {
        let axes = &distribution.0.axes;
        let done = lo.iter().zip(hi).any(|(l, h)| l == h);
        let part_of = |d: usize, i: usize| if done { 0 } else { axes[d].part_of(i) };
        let first = Dims::from_fn(lo.len(), |d| part_of(d, lo[d]));
        let last = Dims::from_fn(lo.len(), |d| part_of(d, hi[d].saturating_sub(1)));
        let (cell, step) = (first.clone(), Dims::filled(1, lo.len()));
        Pieces { distribution, lo: lo.into(), hi: hi.into(), first, last, step, member: None, cell, done }
    }

    /// The pieces of a checked box that `rank` owns.
    pub(crate) fn owned(distribution: &'a Distribution, rank: usize, lo: &[usize], hi: &[usize]) -> Self {
        let mut pieces = Pieces::new(distribution, lo, hi);
        let inner = &distribution.0;
        let Some(member) = distribution.member_of(rank).filter(|_| !pieces.done) else {
            pieces.done = true;
            return pieces;
        };
        match &inner.plan.deal {
            Deal::OneEach => match distribution.cell_of(member) {
                // Cells ascend with their parts, but the block may lie outside of the box.
                Some(own)
                    if (0..own.len()).all(|d| pieces.first[d] <= own[d] && own[d] <= pieces.last[d]) =>
                {
                    pieces.last = own.clone();
                    pieces.first = own;
                }
                _ => pieces.done = true,
            },
            Deal::Cyclic => pieces.member = Some(member),
            Deal::Tiles(grid) | Deal::Scalapack(grid) => {
                let own = inner.plan.grid_cell(member, grid.len());
                for d in 0..grid.len() {
                    let first = pieces.first[d];
                    pieces.first[d] = first + (own[d] + grid[d] - first % grid[d]) % grid[d];
                    pieces.step[d] = grid[d];
                    pieces.done |= pieces.first[d] > pieces.last[d];
                }
            }
        }
        pieces.cell = pieces.first.clone();
        pieces
    }

    /// Moves to the next cell, last axis fastest.
    fn advance(&mut self) {
        for d in (0..self.cell.len()).rev() {
            self.cell[d] += self.step[d];
            if self.cell[d] <= self.last[d] {
                return;
            }
            self.cell[d] = self.first[d];
        }
        self.done = true;
    }

    /// The piece in the current cell, unless that is an empty block or another member's.
    fn piece(&self) -> Option<Piece> {
        let inner = &self.distribution.0;
        let axes = &inner.axes;
        if self.member.is_some_and(|member| inner.plan.holder(axes, &self.cell) != member) {
            return None;
        }
        let (mut lo, mut hi) = (self.lo.clone(), self.hi.clone());
        let mut ahead = Dims::filled(0, axes.len());
        for (d, axis) in axes.iter().enumerate() {
            let (start, end) = axis.part(self.cell[d]);
            lo[d] = lo[d].max(start);
            hi[d] = hi[d].min(end);
            if lo[d] >= hi[d] {
                return None;
            }
            ahead[d] = lo[d] - start;
        }
        let place = inner.plan.place(axes, &self.cell);
        let within: usize = ahead.iter().zip(&place.strides[..]).map(|(a, s)| a * s).sum();
        Some(Piece {
            rank: self.distribution.rank_of(place.member),
            patch: Patch::new(lo, hi),
            offset: place.offset + within,
            strides: place.strides,
        })
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
