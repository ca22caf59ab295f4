//! Who owns this element, and who owns all of this box: the questions on the path of every access.
//!
//! Invariant: plain distributions (one block each, no ghost cells, all ranks in order) are answered by a few
//! multiplications without a branch on anything but bounds; the others go by [`super::plan`].

use super::axis::Axis;
use super::{Distribution, Location};
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::sight::Ordinal;

impl Distribution {
    /// Who owns the element at `index`, and where. `NGA_Locate`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] when there is no such element.
    #[inline]
    pub fn locate(&self, index: &[usize]) -> Result<Location> {
        self.try_locate(index).ok_or_else(|| self.no_such_element("locate", index))
    }

    #[inline]
    pub(crate) fn try_locate(&self, index: &[usize]) -> Option<Location> {
        self.has(index).then(|| self.locate_checked(index))
    }

    /// There is such an element.
    #[inline(always)]
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
        if !self.0.is_plain {
            return self.locate_planned(index);
        }
        match (self.0.axes.as_slice(), index) {
            ([rows, columns], [i, j]) => extend(extend(none, rows, *i), columns, *j),
            (axes, index) => locate_along(axes, index),
        }
    }

    /// [`Distribution::locate_checked`] for any layout.
    #[inline(never)]
    fn locate_planned(&self, index: &[usize]) -> Location {
        let mut strides = Dims::filled(0, index.len());
        let past = Dims::from_fn(index.len(), |d| index[d] + 1);
        self.planned_owner(index, &past, &mut strides).expect("an element lies in one block")
    }

    /// If one block holds all of the non-empty, checked box: where its first element is; `strides` receives
    /// the owner's strides. The path of nearly every patch, so it neither builds pieces nor divides.
    #[inline]
    pub(crate) fn single_owner(&self, lo: &[usize], hi: &[usize], strides: &mut [usize]) -> Option<Location> {
        if !self.0.is_plain {
            return self.planned_owner(lo, hi, strides);
        }
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

    /// [`Distribution::single_owner`] for a constant number of axes, with the strides of the owner. The box
    /// need not be checked: `None` if it is empty, leaves the array, or the array has another number of axes.
    #[inline]
    pub(crate) fn single_owner_of<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
    ) -> Option<(Location, [usize; N])> {
        let axes: &[Axis; N] = self.0.axes.as_slice().try_into().ok()?;
        let mut strides = [0; N];
        if !self.0.is_plain {
            let inside = (0..N).all(|d| lo[d] < hi[d] && hi[d] <= self.0.shape[d]);
            return inside
                .then(|| self.planned_owner(lo, hi, &mut strides))
                .flatten()
                .map(|at| (at, strides));
        }
        let (mut rank, mut offset) = (0, 0);
        for d in 0..N {
            // An index beyond the array gets a part whose end it can't stay below.
            let (c, start, end) = axes[d].find(lo[d]);
            if lo[d] >= hi[d] || hi[d] > end {
                return None;
            }
            strides[d] = end - start;
            rank = rank * axes[d].parts() + c;
            offset = offset * (end - start) + (lo[d] - start);
        }
        let mut stride = 1;
        for extent in strides.iter_mut().rev() {
            stride *= std::mem::replace(extent, stride);
        }
        Some((Location { rank, offset }, strides))
    }

    /// [`Distribution::single_owner`] for any layout.
    #[inline(never)]
    fn planned_owner(&self, lo: &[usize], hi: &[usize], strides: &mut [usize]) -> Option<Location> {
        let (mut cell, mut ahead) = (Dims::filled(0, lo.len()), Dims::filled(0, lo.len()));
        for (d, axis) in self.0.axes.iter().enumerate() {
            let (c, start, end) = axis.find(lo[d]);
            if hi[d] > end {
                return None;
            }
            cell[d] = c;
            ahead[d] = lo[d] - start;
        }
        let place = self.0.plan.place(&self.0.axes, &cell);
        strides.copy_from_slice(&place.strides);
        let within: usize = ahead.iter().zip(&place.strides[..]).map(|(a, s)| a * s).sum();
        Some(Location { rank: self.rank_of(place.member), offset: place.offset + within })
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
            return wrong_axes(op, lo, hi, shape);
        }
        let d = (0..shape.len()).find(|&d| lo[d] > hi[d] || hi[d] > shape[d]).unwrap_or(0);
        beyond_axis(op, lo, hi, shape, d)
    }

    #[cold]
    pub(crate) fn no_such_element(&self, op: &'static str, index: &[usize]) -> Error {
        let shape = self.shape();
        if index.len() != shape.len() {
            return Error::numbered(ErrorKind::Shape, op, |by| {
                let (index, axes, extents) = (by.index(index), shape.len(), by.extents(shape));
                format!("index {index} into an array of {axes} axes {extents}")
            });
        }
        let d = (0..shape.len()).find(|&d| index[d] >= shape[d]).unwrap_or(0);
        Error::numbered(ErrorKind::Range, op, |by| {
            let (axis, asked) = (by.axis(d, shape.len()), by.number(index[d]));
            format!("index {}: axis {axis} asks {asked} of {}", by.index(index), shape[d])
        })
    }
}

/// A patch of another number of axes than the array has.
#[cold]
pub(crate) fn wrong_axes<N: Ordinal>(op: &'static str, lo: &[N], hi: &[N], shape: &[usize]) -> Error {
    Error::numbered(ErrorKind::Shape, op, |by| {
        let (patch, extents) = (by.patch(lo, hi), by.extents(shape));
        format!("{patch} of an array of {} axes {extents}", shape.len())
    })
}

/// A patch that leaves the array along an axis.
#[cold]
pub(crate) fn beyond_axis<N: Ordinal>(
    op: &'static str,
    lo: &[N],
    hi: &[N],
    shape: &[usize],
    d: usize,
) -> Error {
    Error::numbered(ErrorKind::Range, op, |by| {
        let (axis, asked) = (by.axis(d, shape.len()), by.range(lo[d], hi[d]));
        format!("{}: axis {axis} asks {asked} of {}", by.patch(lo, hi), shape[d])
    })
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
