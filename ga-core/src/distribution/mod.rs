//! Who owns which part of an array.
//!
//! Everything above is written against two questions: who owns this element ([`Distribution::locate`]), and
//! which patches on which owners make up this region ([`Distribution::locate_region`]). A [`Piece`] carries
//! the offset and the strides at its owner, so that block-cyclic and other layouts can answer them too.
//!
//! Invariants: every element has exactly one owner; an owner's elements lie densely, row-major, from offset
//! 0; ranks beyond the process grid own nothing. Rank numbers are those of the array's team, row-major over
//! the grid.

mod axis;
mod grid;
mod pieces;

use crate::dims::{Dims, checked_volume};
use crate::error::{Error, ErrorKind, Result};
use crate::patch::{Patch, Region};
use axis::Axis;
pub use pieces::{Piece, Pieces};
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

/// A division of an index space among the ranks of a team. Cheap to clone.
#[derive(Clone)]
pub struct Distribution(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    ranks: usize,
    shape: Dims,
    axes: Vec<Axis>,
}

impl Distribution {
    /// Regular blocks on the process grid that Global Arrays would choose. `chunk[d]` is the least extent of
    /// a block along axis `d`: 0 leaves the axis to the library, `shape[d]` or more keeps it whole; an empty
    /// slice leaves all axes to the library. `NGA_Create`'s `chunk[]`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] when `chunk` has another number of axes, there are no ranks, or the number
    /// of elements overflows.
    pub fn regular(shape: &[usize], chunk: &[usize], ranks: usize) -> Result<Self> {
        let op = "Distribution::regular";
        if !chunk.is_empty() && chunk.len() != shape.len() {
            let message =
                format!("{} minimum chunks for {} axes of shape {shape:?}", chunk.len(), shape.len());
            return Err(Error::new(ErrorKind::Distribution, op, message));
        }
        check_size(op, shape, ranks)?;
        let chunk = Dims::from_fn(shape.len(), |d| chunk.get(d).map_or(0, |&c| c.min(shape[d])));
        let grid = grid::choose_grid(shape, &chunk, ranks);
        let axes = (0..shape.len()).map(|d| Axis::even(shape[d], chunk[d], grid[d])).collect();
        Ok(Distribution(Arc::new(Inner { ranks, shape: Dims::from(shape), axes })))
    }

    /// Irregular blocks: `starts[d]` lists where each part of axis `d` begins. The first is 0, they never
    /// decrease, and equal neighbours make an empty part. `NGA_Create_irreg`'s `map[]`/`nblock[]`, 0-based.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] when the lists are not like that, or make more blocks than there are
    /// ranks.
    pub fn irregular(shape: &[usize], starts: &[impl AsRef<[usize]>], ranks: usize) -> Result<Self> {
        let op = "Distribution::irregular";
        let refuse = |message: String| Err(Error::new(ErrorKind::Distribution, op, message));
        // Asked once: what is used is what was checked.
        let starts: Vec<&[usize]> = starts.iter().map(AsRef::as_ref).collect();
        if starts.len() != shape.len() {
            return refuse(format!("{} lists of block starts for shape {shape:?}", starts.len()));
        }
        check_size(op, shape, ranks)?;
        for (d, list) in starts.iter().enumerate() {
            if list.first() != Some(&0) || !list.is_sorted() || list.last() > Some(&shape[d]) {
                let rule = "must begin with 0, never decrease, and not pass the extent";
                return refuse(format!("block starts {list:?} of axis {d} (extent {}) {rule}", shape[d]));
            }
        }
        let counts = Dims::from_fn(starts.len(), |d| starts[d].len());
        if checked_volume(&counts).is_none_or(|blocks| blocks > ranks) {
            return refuse(format!("{counts:?} blocks for {ranks} ranks"));
        }
        let axes = starts.iter().zip(shape).map(|(s, &extent)| Axis::from_starts(s, extent)).collect();
        Ok(Distribution(Arc::new(Inner { ranks, shape: Dims::from(shape), axes })))
    }

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

    /// Blocks along each axis; the product is at most the number of ranks. `GA_Get_proc_grid`.
    pub fn grid(&self) -> Dims {
        Dims::from_fn(self.ndim(), |d| self.0.axes[d].parts())
    }

    /// The block of `rank`; an empty patch for ranks that own nothing. `NGA_Distribution`.
    pub fn block(&self, rank: usize) -> Patch {
        let mut cell = Dims::filled(0, self.ndim());
        let mut rest = rank;
        for (d, axis) in self.0.axes.iter().enumerate().rev() {
            cell[d] = rest % axis.parts();
            rest /= axis.parts();
        }
        if rest > 0 {
            let nothing = Dims::filled(0, self.ndim());
            // A 0-d array has no axis to be empty along; only its owner is ever asked.
            return Patch::new(nothing.clone(), nothing);
        }
        Patch::new(
            Dims::from_fn(self.ndim(), |d| self.0.axes[d].part(cell[d]).0),
            Dims::from_fn(self.ndim(), |d| self.0.axes[d].part(cell[d]).1),
        )
    }

    /// Number of elements that `rank` owns.
    pub fn len_of(&self, rank: usize) -> usize {
        let blocks: usize = self.0.axes.iter().map(Axis::parts).product();
        if rank < blocks { self.block(rank).len() } else { 0 }
    }

    /// Who owns the element at `index`, and where. `NGA_Locate`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] when there is no such element.
    #[inline]
    pub fn locate(&self, index: &[usize]) -> Result<Location> {
        self.try_locate(index).ok_or_else(|| self.no_such_element("locate", index))
    }

    /// The pieces that make up a region, in ascending order of rank. `NGA_Locate_region`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] when the region leaves the array.
    pub fn locate_region(&self, region: impl Region) -> Result<Pieces<'_>> {
        region.with_bounds(|lo, hi| {
            self.check_bounds("locate_region", lo, hi)?;
            Ok(self.pieces(lo, hi))
        })
    }

    /// The pieces of a checked box.
    pub(crate) fn pieces(&self, lo: &[usize], hi: &[usize]) -> Pieces<'_> {
        Pieces::new(self, lo, hi)
    }

    #[inline]
    pub(crate) fn try_locate(&self, index: &[usize]) -> Option<Location> {
        self.has(index).then(|| self.locate_checked(index))
    }

    /// There is such an element.
    #[inline]
    pub(crate) fn has(&self, index: &[usize]) -> bool {
        match (self.shape(), index) {
            ([rows, columns], [i, j]) => i < rows && j < columns,
            (shape, index) => index.len() == shape.len() && index.iter().zip(shape).all(|(i, n)| i < n),
        }
    }

    /// Where an element that there is lives.
    // Always inline: two axes then take forty instructions in the loops over many elements, and a call as
    // many again.
    #[inline(always)]
    pub(crate) fn locate_checked(&self, index: &[usize]) -> Location {
        let none = Location { rank: 0, offset: 0 };
        match (self.0.axes.as_slice(), index) {
            ([rows, columns], [i, j]) => extend(extend(none, rows, *i), columns, *j),
            (axes, index) => locate_along(axes, index),
        }
    }

    /// If one rank owns all of the non-empty, checked box: where its first element is; `strides` receives the
    /// owner's strides. The path of nearly every patch, so it neither builds pieces nor divides.
    #[inline]
    pub(crate) fn single_owner(&self, lo: &[usize], hi: &[usize], strides: &mut [usize]) -> Option<Location> {
        let (mut rank, mut offset) = (0, 0);
        for (d, axis) in self.0.axes.iter().enumerate() {
            let (c, start, end) = axis.find(lo[d]);
            if hi[d] > end {
                return None;
            }
            rank = rank * axis.parts() + c;
            offset = offset * (end - start) + (lo[d] - start);
            strides[d] = end - start;
        }
        let mut stride = 1;
        for extent in strides.iter_mut().rev() {
            stride *= std::mem::replace(extent, stride);
        }
        Some(Location { rank, offset })
    }

    /// [`Distribution::single_owner`] for a constant number of axes, with the extents of the owner's block.
    /// The box need not be checked: `None` if it is empty, leaves the array, or the array has another number
    /// of axes.
    #[inline]
    pub(crate) fn single_owner_of<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
    ) -> Option<(Location, [usize; N])> {
        let axes: &[Axis; N] = self.0.axes.as_slice().try_into().ok()?;
        let (mut rank, mut offset, mut block) = (0, 0, [0; N]);
        for d in 0..N {
            // An index beyond the array gets a part whose end it can't stay below.
            let (c, start, end) = axes[d].find(lo[d]);
            if lo[d] >= hi[d] || hi[d] > end {
                return None;
            }
            block[d] = end - start;
            rank = rank * axes[d].parts() + c;
            offset = offset * block[d] + (lo[d] - start);
        }
        Some((Location { rank, offset }, block))
    }

    /// Refuses a box that has the wrong number of axes, is upside down, or leaves the array.
    #[inline]
    pub(crate) fn check_bounds(&self, op: &'static str, lo: &[usize], hi: &[usize]) -> Result<()> {
        let shape = self.shape();
        let fits = lo.len() == shape.len()
            && hi.len() == shape.len()
            && (0..shape.len()).all(|d| lo[d] <= hi[d] && hi[d] <= shape[d]);
        if fits { Ok(()) } else { Err(self.bad_bounds(op, lo, hi)) }
    }

    #[cold]
    fn bad_bounds(&self, op: &'static str, lo: &[usize], hi: &[usize]) -> Error {
        let shape = self.shape();
        if lo.len() != shape.len() || hi.len() != shape.len() {
            let message = format!("a patch {lo:?}..{hi:?} of an array of {} axes {shape:?}", shape.len());
            return Error::new(ErrorKind::Shape, op, message);
        }
        let d = (0..shape.len()).find(|&d| lo[d] > hi[d] || hi[d] > shape[d]).unwrap_or(0);
        let message = format!("patch {lo:?}..{hi:?}: axis {d} asks {}..{} of {}", lo[d], hi[d], shape[d]);
        Error::new(ErrorKind::Range, op, message)
    }

    #[cold]
    pub(crate) fn no_such_element(&self, op: &'static str, index: &[usize]) -> Error {
        let shape = self.shape();
        if index.len() != shape.len() {
            let message = format!("index {index:?} into an array of {} axes {shape:?}", shape.len());
            return Error::new(ErrorKind::Shape, op, message);
        }
        let d = (0..shape.len()).find(|&d| index[d] >= shape[d]).unwrap_or(0);
        let message = format!("index {index:?}: axis {d} asks {} of {}", index[d], shape[d]);
        Error::new(ErrorKind::Range, op, message)
    }
}

/// Horner's rule, once more: from the place within the grid and within the block of the axes so far to that
/// with one more.
#[inline(always)]
fn extend(at: Location, axis: &Axis, i: usize) -> Location {
    let (c, start, end) = axis.find(i);
    Location { rank: at.rank * axis.parts() + c, offset: at.offset * (end - start) + (i - start) }
}

#[inline(never)]
fn locate_along(axes: &[Axis], index: &[usize]) -> Location {
    axes.iter().zip(index).fold(Location { rank: 0, offset: 0 }, |at, (axis, &i)| extend(at, axis, i))
}

fn check_size(op: &'static str, shape: &[usize], ranks: usize) -> Result<()> {
    if ranks == 0 {
        return Err(Error::new(ErrorKind::Distribution, op, "a team without ranks"));
    }
    match checked_volume(shape) {
        // Offsets are kept in `isize` where strides are signed; 16 bytes is the largest element.
        Some(n) if n <= isize::MAX as usize / 16 => Ok(()),
        _ => Err(Error::new(ErrorKind::Distribution, op, format!("shape {shape:?} has too many elements"))),
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
        if f.alternate() {
            for rank in 0..self.ranks() {
                match self.len_of(rank) {
                    0 => write!(f, "\n  rank {rank}: nothing")?,
                    n => write!(f, "\n  rank {rank}: {} ({n} elements)", self.block(rank))?,
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
