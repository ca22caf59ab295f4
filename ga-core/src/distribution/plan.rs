//! Where blocks live: which member holds a block, and where in its memory.
//!
//! *Members* are the ranks that take part, numbered from 0; [`super::Distribution`] knows their ranks.
//! Invariant: the blocks of a member do not overlap in its memory, and together fill it from offset 0 without
//! a gap, ghost cells included.

use super::axis::Axis;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::sight::Sight;

/// How the blocks are dealt out.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Deal {
    /// Block `c` to member `c`.
    OneEach,
    /// Block `c` to member `c mod n`; the blocks of a member one after the other.
    Cyclic,
    /// Block `(i, j, ..)` to cell `(i mod p, j mod q, ..)` of a grid of members, the last axis fastest; the
    /// blocks of a member one after the other.
    Tiles(Dims),
    /// The same with the blocks of a member as one row-major array: a local matrix of ScaLAPACK. The blocks of
    /// an axis are equal, but for the last.
    Scalapack(Dims),
}

/// A deal, worked out for given blocks.
#[derive(PartialEq)]
pub(super) struct Plan {
    pub(super) deal: Deal,
    members: usize,
    ghosts: Dims,
    /// Of each block, row-major: where it begins in its holder's memory. Empty for deals that can say so
    /// without a table.
    offsets: Box<[usize]>,
    /// Elements that each member holds memory for.
    lengths: Box<[usize]>,
}

/// Where a block is.
pub(super) struct Place {
    pub(super) member: usize,
    /// Offset of its first element, in elements.
    pub(super) offset: usize,
    pub(super) strides: Dims,
}

impl Plan {
    /// Works out a deal. Refuses ghost cells where blocks are not alone, and a grid that has another number
    /// of cells than there are members.
    pub(super) fn new(deal: Deal, axes: &[Axis], ghosts: Dims, members: usize) -> Result<Self> {
        let refuse = |message: &dyn Fn(Sight) -> String| {
            Err(Error::numbered(ErrorKind::Distribution, "Distribution", message))
        };
        if deal != Deal::OneEach && ghosts.iter().any(|&g| g > 0) {
            return refuse(&|by| {
                format!("ghost cells {} around the blocks of a cyclic array", by.list(&ghosts))
            });
        }
        if let Deal::Tiles(grid) | Deal::Scalapack(grid) = &deal
            && (grid.len() != axes.len() || crate::dims::checked_volume(grid) != Some(members))
        {
            let axes = axes.len();
            return refuse(&|by| {
                format!("a grid {} of processes for {axes} axes and {members} ranks", by.list(grid))
            });
        }
        let padded = |d: usize| ghosts[d].checked_mul(2)?.checked_add(axes[d].largest());
        let padded: Option<Vec<usize>> = (0..axes.len()).map(padded).collect();
        // Places and strides within a block are kept in `isize` and in bytes; 16 is the largest element's.
        if padded
            .and_then(|padded| crate::dims::checked_volume(&padded))
            .is_none_or(|n| n > isize::MAX as usize / 16)
        {
            return refuse(&|by| {
                format!("ghost cells {} make a block of too many elements", by.list(&ghosts))
            });
        }
        let mut plan = Plan { deal, members, ghosts, offsets: [].into(), lengths: [].into() };
        plan.lay_out(axes);
        Ok(plan)
    }

    /// Fills the tables.
    fn lay_out(&mut self, axes: &[Axis]) {
        let mut lengths = vec![0; self.members];
        if let Deal::Scalapack(grid) = &self.deal {
            for (member, length) in lengths.iter_mut().enumerate() {
                let cell = self.grid_cell(member, grid.len());
                *length = (0..grid.len()).map(|d| held(&axes[d], cell[d], grid[d])).product();
            }
        } else {
            let blocks = axes.iter().map(Axis::parts).product();
            let mut offsets = Vec::with_capacity(if self.deal == Deal::OneEach { 0 } else { blocks });
            let mut cell = Dims::filled(0, axes.len());
            for _ in 0..blocks {
                let volume: usize = self.padded(axes, &cell).iter().product();
                let empty = (0..axes.len()).any(|d| extent(&axes[d], cell[d]) == 0);
                let held = &mut lengths[self.holder(axes, &cell)];
                if self.deal != Deal::OneEach {
                    offsets.push(*held);
                }
                *held += if empty { 0 } else { volume };
                advance(&mut cell, |d| axes[d].parts());
            }
            self.offsets = offsets.into();
        }
        self.lengths = lengths.into();
    }

    /// Number of members, with or without elements.
    pub(super) fn members(&self) -> usize {
        self.members
    }

    /// Elements that a member holds memory for.
    pub(super) fn length(&self, member: usize) -> usize {
        self.lengths[member]
    }

    /// Widths of the ghost cells on either side of a block.
    #[inline]
    pub(super) fn ghosts(&self) -> &[usize] {
        &self.ghosts
    }

    /// Grid of members that blocks are dealt out to, if it is one.
    pub(super) fn grid(&self) -> Option<&[usize]> {
        match &self.deal {
            Deal::OneEach | Deal::Cyclic => None,
            Deal::Tiles(grid) | Deal::Scalapack(grid) => Some(grid),
        }
    }

    /// Where in the grid a member is; [`Plan::grid`] is some.
    pub(super) fn grid_cell(&self, member: usize, ndim: usize) -> Dims {
        let grid = self.grid().expect("a deal with a grid");
        let (mut cell, mut rest) = (Dims::filled(0, ndim), member);
        for d in (0..ndim).rev() {
            cell[d] = rest % grid[d];
            rest /= grid[d];
        }
        cell
    }

    /// The member that holds a block.
    pub(super) fn holder(&self, axes: &[Axis], cell: &[usize]) -> usize {
        match &self.deal {
            Deal::OneEach => number(axes, cell),
            Deal::Cyclic => number(axes, cell) % self.members,
            Deal::Tiles(grid) | Deal::Scalapack(grid) => {
                cell.iter().zip(&grid[..]).fold(0, |at, (c, p)| at * p + c % p)
            }
        }
    }

    /// Where a block is.
    pub(super) fn place(&self, axes: &[Axis], cell: &[usize]) -> Place {
        let member = self.holder(axes, cell);
        if let Deal::Scalapack(grid) = &self.deal {
            let local = Dims::from_fn(cell.len(), |d| held(&axes[d], cell[d] % grid[d], grid[d]));
            let strides = Dims::row_major_strides(&local);
            let offset = (0..cell.len()).map(|d| cell[d] / grid[d] * extent(&axes[d], 0) * strides[d]).sum();
            return Place { member, offset, strides };
        }
        let strides = Dims::row_major_strides(&self.padded(axes, cell));
        let border: usize = strides.iter().zip(&self.ghosts[..]).map(|(s, g)| s * g).sum();
        let start = if self.deal == Deal::OneEach { 0 } else { self.offsets[number(axes, cell)] };
        Place { member, offset: start + border, strides }
    }

    /// Extents of a block in memory.
    fn padded(&self, axes: &[Axis], cell: &[usize]) -> Dims {
        Dims::from_fn(cell.len(), |d| extent(&axes[d], cell[d]) + 2 * self.ghosts[d])
    }
}

/// Extent of part `c` of an axis.
fn extent(axis: &Axis, c: usize) -> usize {
    let (start, end) = axis.part(c);
    end - start
}

/// Elements of an axis in its parts `first`, `first + step`, ...
fn held(axis: &Axis, first: usize, step: usize) -> usize {
    (first..axis.parts()).step_by(step).map(|c| extent(axis, c)).sum()
}

/// Row-major number of a block.
pub(super) fn number(axes: &[Axis], cell: &[usize]) -> usize {
    axes.iter().zip(cell).fold(0, |n, (axis, c)| n * axis.parts() + c)
}

/// Steps to the next cell, last axis fastest; after the last comes the first.
fn advance(cell: &mut [usize], extent: impl Fn(usize) -> usize) {
    for d in (0..cell.len()).rev() {
        cell[d] += 1;
        if cell[d] < extent(d) {
            return;
        }
        cell[d] = 0;
    }
}
