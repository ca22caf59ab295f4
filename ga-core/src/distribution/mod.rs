//! Who owns which part of an array.
//!
//! Everything above is written against two questions: who owns this element ([`Distribution::locate`]), and
//! which patches on which owners make up this region ([`Distribution::locate_region`]). A [`Piece`] carries
//! the offset and the strides at its owner, so that all layouts can answer them.
//!
//! The axes are cut into parts, which cut the array into *blocks*; [`plan`] deals the blocks out to
//! *members*, which are all ranks of the array's team or some of them.
//!
//! Invariants: every element has exactly one owner; a rank's blocks fill its part of the memory from offset 0
//! without a gap, ghost cells included; blocks and grids of members are numbered row-major.

mod axis;
mod create;
mod few;
mod grid;
mod locate;
mod pieces;
mod plan;

use crate::dims::Dims;
use crate::error::Result;
use crate::patch::Patch;
use crate::region::Region;
use axis::Axis;
pub(crate) use locate::{beyond_axis, wrong_axes};
pub use pieces::{Piece, Pieces};
use plan::{Deal, Plan};
use std::fmt;
use std::sync::Arc;

/// Where one element lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// Owner, a rank of the array's team.
    pub rank: usize,
    /// Offset in elements from the start of the owner's part.
    pub offset: usize,
}

/// A division of an index space among the ranks of a team. Cheap to clone; equal ones have the same layout.
#[derive(Clone)]
pub struct Distribution(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    /// One block each, no ghost cells, all ranks in order.
    is_plain: bool,
    ranks: usize,
    shape: Dims,
    axes: Vec<Axis>,
    plan: Plan,
    members: Option<Members>,
}

/// Which ranks take part, if not all in order.
#[derive(Clone, PartialEq)]
struct Members {
    ranks: Box<[usize]>,
    member_of: Box<[Option<usize>]>,
}

impl Distribution {
    /// Shape of the array.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// Number of axes.
    #[inline]
    pub fn ndim(&self) -> usize {
        self.0.shape.len()
    }

    /// Number of ranks, with or without elements.
    #[inline]
    pub fn ranks(&self) -> usize {
        self.0.ranks
    }

    /// Blocks along each axis. `GA_Get_proc_grid` of a regular array, `GA_Get_block_info`'s `num_blocks[]`.
    pub fn grid(&self) -> Dims {
        Dims::from_fn(self.ndim(), |d| self.0.axes[d].parts())
    }

    /// The grid of ranks that blocks are dealt out to, of a ScaLAPACK or tiled layout. `GA_Get_proc_grid`.
    pub fn process_grid(&self) -> Option<&[usize]> {
        self.0.plan.grid()
    }

    /// Where in [`Distribution::process_grid`] (or, with one block each, in [`Distribution::grid`]) a rank
    /// is, if it is. `GA_Get_proc_index`, `NGA_Proc_topology`.
    pub fn grid_cell(&self, rank: usize) -> Option<Dims> {
        let member = self.member_of(rank)?;
        match &self.0.plan.deal {
            Deal::OneEach => self.cell_of(member),
            Deal::Cyclic => None,
            Deal::Tiles(_) | Deal::Scalapack(_) => Some(self.0.plan.grid_cell(member, self.ndim())),
        }
    }

    /// Every rank has one block at most: a regular or irregular layout.
    #[inline]
    pub fn is_one_block(&self) -> bool {
        self.0.plan.deal == Deal::OneEach
    }

    /// A rank's blocks form one local matrix: [`Distribution::scalapack`].
    pub fn is_scalapack(&self) -> bool {
        matches!(self.0.plan.deal, Deal::Scalapack(_))
    }

    /// Width of the ghost cells on either side of a block, per axis. `GA_Set_ghosts`.
    #[inline]
    pub fn ghosts(&self) -> &[usize] {
        self.0.plan.ghosts()
    }

    /// There are ghost cells along some axis. `GA_Has_ghosts`.
    pub fn has_ghosts(&self) -> bool {
        self.ghosts().iter().any(|&width| width > 0)
    }

    /// The ranks that blocks are dealt out to, in this order, if the layout was restricted.
    pub fn members(&self) -> Option<&[usize]> {
        self.0.members.as_ref().map(|members| &members.ranks[..])
    }

    /// Starts of the parts of an axis.
    pub fn starts(&self, axis: usize) -> impl Iterator<Item = usize> + '_ {
        let axis = &self.0.axes[axis];
        (0..axis.parts()).map(|c| axis.part(c).0)
    }

    /// Number of blocks, empty ones among them. `GA_Total_blocks`.
    pub fn blocks(&self) -> usize {
        self.0.axes.iter().map(Axis::parts).product()
    }

    /// The block of this row-major number. `NGA_Distribution` of a block-cyclic array.
    ///
    /// # Panics
    /// If there is no such block.
    pub fn block_patch(&self, number: usize) -> Patch {
        let cell = self.cell_of(number).expect("a number below the number of blocks");
        Patch::new(
            Dims::from_fn(self.ndim(), |d| self.0.axes[d].part(cell[d]).0),
            Dims::from_fn(self.ndim(), |d| self.0.axes[d].part(cell[d]).1),
        )
    }

    /// Who owns the block of this row-major number, where it begins in the owner's part, and its strides
    /// there. `NGA_Access_block`.
    ///
    /// # Panics
    /// If there is no such block.
    pub fn block_place(&self, number: usize) -> (Location, Dims) {
        let cell = self.cell_of(number).expect("a number below the number of blocks");
        let place = self.0.plan.place(&self.0.axes, &cell);
        (Location { rank: self.rank_of(place.member), offset: place.offset }, place.strides)
    }

    /// Row-major number of the block at a cell of [`Distribution::grid`].
    pub fn block_number(&self, cell: &[usize]) -> usize {
        plan::number(&self.0.axes, cell)
    }

    /// The cell of [`Distribution::grid`] of the block of a row-major number.
    fn cell_of(&self, number: usize) -> Option<Dims> {
        let (mut cell, mut rest) = (Dims::filled(0, self.ndim()), number);
        for (d, axis) in self.0.axes.iter().enumerate().rev() {
            cell[d] = rest % axis.parts();
            rest /= axis.parts();
        }
        (rest == 0).then_some(cell)
    }

    /// The block of `rank`; an empty patch for ranks that own nothing, and where ranks own several blocks
    /// (see [`Distribution::own_pieces`]). `NGA_Distribution`.
    pub fn block(&self, rank: usize) -> Patch {
        let member = self.member_of(rank).filter(|&member| self.is_one_block() && member < self.blocks());
        member.map(|member| self.block_patch(member)).unwrap_or_else(|| {
            let nothing = Dims::filled(0, self.ndim());
            // A 0-d array has no axis to be empty along; only its owner is ever asked.
            Patch::new(nothing.clone(), nothing)
        })
    }

    /// Number of elements that `rank` owns.
    pub fn len_of(&self, rank: usize) -> usize {
        match self.member_of(rank) {
            Some(member) if !self.is_one_block() => self.0.plan.length(member),
            Some(member) if member < self.blocks() => self.block_patch(member).len(),
            _ => 0,
        }
    }

    /// Number of elements, ghost cells among them, that `rank` has memory for.
    pub fn storage_len(&self, rank: usize) -> usize {
        self.member_of(rank).map_or(0, |member| self.0.plan.length(member))
    }

    /// The pieces that make up a region, in the row-major order of their blocks. `NGA_Locate_region`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`](crate::ErrorKind::Range) or [`ErrorKind::Shape`](crate::ErrorKind::Shape) when
    /// the region leaves the array.
    pub fn locate_region(&self, region: impl Region) -> Result<Pieces<'_>> {
        region.with_bounds(self.shape(), |lo, hi| {
            self.check_bounds("locate_region", lo, hi)?;
            Ok(self.pieces(lo, hi))
        })
    }

    /// Those pieces of a region that `rank` owns.
    ///
    /// # Errors
    /// As [`Distribution::locate_region`].
    pub fn own_pieces(&self, rank: usize, region: impl Region) -> Result<Pieces<'_>> {
        region.with_bounds(self.shape(), |lo, hi| {
            self.check_bounds("own_pieces", lo, hi)?;
            Ok(Pieces::owned(self, rank, lo, hi))
        })
    }

    /// The pieces of a checked box.
    pub(crate) fn pieces(&self, lo: &[usize], hi: &[usize]) -> Pieces<'_> {
        Pieces::new(self, lo, hi)
    }

    /// The rank of a member.
    #[inline]
    fn rank_of(&self, member: usize) -> usize {
        self.0.members.as_ref().map_or(member, |members| members.ranks[member])
    }

    /// The member that a rank is.
    fn member_of(&self, rank: usize) -> Option<usize> {
        match &self.0.members {
            None => (rank < self.0.ranks).then_some(rank),
            Some(members) => members.member_of.get(rank).copied().flatten(),
        }
    }
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

fn by(numbers: impl Iterator<Item = usize>) -> String {
    let text: Vec<String> = numbers.map(|n| n.to_string()).collect();
    if text.is_empty() { "one element".into() } else { text.join("x") }
}

/// One line; with `{:#}`, one line more per rank. `GA_Print_distribution`.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes = &self.0.axes;
        let shape = by(self.shape().iter().copied());
        let (grid, largest) = (by(axes.iter().map(Axis::parts)), by(axes.iter().map(Axis::largest)));
        write!(f, "{shape} over {} ranks: {grid} blocks of at most {largest}", self.ranks())?;
        match &self.0.plan.deal {
            Deal::OneEach => {}
            Deal::Cyclic => write!(f, ", block-cyclic")?,
            Deal::Tiles(grid) => write!(f, ", tiles on a {} grid", by(grid.iter().copied()))?,
            Deal::Scalapack(grid) => write!(f, ", ScaLAPACK on a {} grid", by(grid.iter().copied()))?,
        }
        if self.has_ghosts() {
            write!(f, ", {} ghost cells", by(self.ghosts().iter().copied()))?;
        }
        if let Some(members) = self.members() {
            write!(f, ", on ranks {members:?} only")?;
        }
        if f.alternate() {
            for rank in 0..self.ranks() {
                match self.len_of(rank) {
                    0 => write!(f, "\n  rank {rank}: nothing")?,
                    n if self.is_one_block() => {
                        write!(f, "\n  rank {rank}: {} ({n} elements)", self.block(rank))?
                    }
                    n => write!(f, "\n  rank {rank}: {n} elements")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Distribution({self})")
    }
}
