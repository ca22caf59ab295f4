//! Half-open boxes of an array's index space.
//!
//! Invariant: a [`Patch`] has as many lower as upper bounds and no lower bound above its upper one; whether
//! it fits a given array is checked where it meets one.

use crate::dims::Dims;
use std::fmt;
use std::ops::Range;

/// The box `[lo, hi)` of an array, 0-based, row-major.
///
/// GA's `lo[]`/`hi[]` pair, with the upper bound exclusive.
#[derive(Clone, PartialEq, Eq)]
pub struct Patch {
    lo: Dims,
    hi: Dims,
}

impl Patch {
    /// The box from `lo` (inclusive) to `hi` (exclusive); an axis with `hi <= lo` makes it empty there.
    ///
    /// # Panics
    /// If the two have different lengths.
    #[inline]
    pub fn new(lo: impl Into<Dims>, hi: impl Into<Dims>) -> Self {
        let (lo, mut hi) = (lo.into(), hi.into());
        assert_eq!(lo.len(), hi.len(), "a patch needs as many lower as upper bounds");
        hi.iter_mut().zip(lo.iter()).for_each(|(h, &l)| *h = (*h).max(l));
        Patch { lo, hi }
    }

    /// The whole of an array of this shape.
    pub fn whole(shape: &[usize]) -> Self {
        Patch { lo: Dims::filled(0, shape.len()), hi: Dims::from(shape) }
    }

    /// Lower bounds, inclusive.
    #[inline]
    pub fn lo(&self) -> &[usize] {
        &self.lo
    }

    /// Upper bounds, exclusive.
    #[inline]
    pub fn hi(&self) -> &[usize] {
        &self.hi
    }

    /// Number of axes.
    #[inline]
    pub fn ndim(&self) -> usize {
        self.lo.len()
    }

    /// Extent along each axis.
    #[inline]
    pub fn shape(&self) -> Dims {
        Dims::from_fn(self.ndim(), |d| self.hi[d] - self.lo[d])
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.lo.iter().zip(self.hi.iter()).map(|(l, h)| h - l).product()
    }

    /// Holds no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lo.iter().zip(self.hi.iter()).any(|(l, h)| h == l)
    }

    /// Holds the element at `index`.
    pub fn contains(&self, index: &[usize]) -> bool {
        index.len() == self.ndim() && (0..self.ndim()).all(|d| (self.lo[d]..self.hi[d]).contains(&index[d]))
    }

    /// The elements both have. GA's `ngai_patch_intersect`.
    ///
    /// # Panics
    /// If the two have different numbers of axes.
    pub fn intersection(&self, other: &Patch) -> Patch {
        assert_eq!(self.ndim(), other.ndim(), "patches of different numbers of axes");
        Patch::new(
            Dims::from_fn(self.ndim(), |d| self.lo[d].max(other.lo[d])),
            Dims::from_fn(self.ndim(), |d| self.hi[d].min(other.hi[d])),
        )
    }
}

impl<const N: usize> From<[Range<usize>; N]> for Patch {
    #[inline]
    fn from(ranges: [Range<usize>; N]) -> Self {
        Patch::new(ranges.each_ref().map(|r| r.start), ranges.map(|r| r.end))
    }
}

impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_bounds(f, &self.lo, &self.hi)
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_bounds(f, &self.lo, &self.hi)
    }
}

fn write_bounds(f: &mut fmt::Formatter<'_>, lo: &[usize], hi: &[usize]) -> fmt::Result {
    f.write_str("[")?;
    for (d, (l, h)) in lo.iter().zip(hi).enumerate() {
        write!(f, "{}{l}..{h}", if d > 0 { ", " } else { "" })?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_what_it_is() {
        let p = Patch::from([0..3, 4..9]);
        assert_eq!(p.to_string(), "[0..3, 4..9]");
        assert_eq!((p.len(), &p.shape()[..], p.is_empty()), (15, &[3, 5][..], false));
        assert!(p.contains(&[2, 8]) && !p.contains(&[2, 9]) && !p.contains(&[2]));
        assert!(Patch::new([4], [2]).is_empty());
        assert_eq!(Patch::whole(&[]).len(), 1, "a 0-d array has one element");
    }

    proptest! {
        /// Oracle: an index is in the intersection exactly when it is in both.
        #[test]
        fn intersection_is_membership_in_both(b in prop::collection::vec((0usize..6, 0usize..6, 0usize..6, 0usize..6), 1..4)) {
            let pick = |f: fn(&(usize, usize, usize, usize)) -> usize| b.iter().map(f).collect::<Vec<_>>();
            let p = Patch::new(pick(|t| t.0).as_slice(), pick(|t| t.1).as_slice());
            let q = Patch::new(pick(|t| t.2).as_slice(), pick(|t| t.3).as_slice());
            let both = p.intersection(&q);
            let n = b.len();
            for flat in 0..6usize.pow(n as u32) {
                let index: Vec<usize> = (0..n).map(|d| flat / 6usize.pow(d as u32) % 6).collect();
                prop_assert_eq!(both.contains(&index), p.contains(&index) && q.contains(&index));
            }
        }
    }
}
