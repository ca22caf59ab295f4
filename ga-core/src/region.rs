//! What names a box of an array: patches, and ranges of every kind.
//!
//! Invariant: the bounds are handed to a closure, so that no form costs an allocation or a copy it doesn't need; whether they fit the
//! array is checked there.

use crate::dims::Dims;
use crate::patch::Patch;
use std::ops::{Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// Indices of one axis: a range of any kind (`a..b`, `a..=b`, `a..`, `..b`, `..=b`, `..`), or one index, which stands for the range
/// of that index alone: no axis is dropped.
pub trait Span {
    /// The first index and the one after the last, along an axis of this extent.
    fn bounds(&self, extent: usize) -> (usize, usize);
}

impl Span for usize {
    #[inline]
    fn bounds(&self, _extent: usize) -> (usize, usize) {
        (*self, self.saturating_add(1))
    }
}

/// An end beyond all numbers is beyond the array as well, and will be refused.
#[inline]
fn bounds_of(range: &impl RangeBounds<usize>, extent: usize) -> (usize, usize) {
    let first = match range.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => extent,
    };
    (first, end)
}

/// Anything that names a box of an array: a [`Patch`]; a tuple or an array of [`Span`]s, one for each axis, such as `(0..8, 4..=11)`,
/// `(.., 3)` or `[0..8, 4..12]`; a single range, of an array of one axis; `..`, all of an array of any number of axes.
pub trait Region {
    /// Calls `f(lo, hi)` with the bounds in an array of this shape. The two slices may differ in length or order; the callee checks.
    fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R;
}

/// The extent of an axis; of one that there is not, any number: the callee will say that there is none.
#[inline]
fn extent(shape: &[usize], axis: usize) -> usize {
    shape.get(axis).copied().unwrap_or(0)
}

impl Region for Patch {
    #[inline]
    fn with_bounds<R>(&self, _shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
        f(self.lo(), self.hi())
    }
}

impl<S: Span, const N: usize> Region for [S; N] {
    #[inline]
    fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
        let bounds: [_; N] = std::array::from_fn(|axis| self[axis].bounds(extent(shape, axis)));
        f(&bounds.map(|(first, _)| first), &bounds.map(|(_, end)| end))
    }
}

impl<S: Span> Region for [S] {
    fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
        let bounds = |axis: usize| self[axis].bounds(extent(shape, axis));
        let (lo, hi) = (
            Dims::from_fn(self.len(), |axis| bounds(axis).0),
            Dims::from_fn(self.len(), |axis| bounds(axis).1),
        );
        f(&lo, &hi)
    }
}

/// All of an array.
impl Region for RangeFull {
    fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
        f(&Dims::filled(0, shape.len()), shape)
    }
}

impl Span for RangeFull {
    #[inline]
    fn bounds(&self, extent: usize) -> (usize, usize) {
        (0, extent)
    }
}

macro_rules! ranges {
    ($($range:ident),*) => {$(
        impl Span for $range<usize> {
            #[inline]
            fn bounds(&self, extent: usize) -> (usize, usize) {
                bounds_of(self, extent)
            }
        }

        /// Of an array of one axis.
        impl Region for $range<usize> {
            #[inline]
            fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
                let (first, end) = self.bounds(extent(shape, 0));
                f(&[first], &[end])
            }
        }
    )*};
}

ranges!(Range, RangeInclusive, RangeFrom, RangeTo, RangeToInclusive);

macro_rules! tuples {
    ($(($($span:ident $axis:tt),*);)*) => {$(
        impl<$($span: Span),*> Region for ($($span,)*) {
            #[inline]
            fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
                let bounds = [$(self.$axis.bounds(extent(shape, $axis))),*];
                f(&bounds.map(|(first, _)| first), &bounds.map(|(_, end)| end))
            }
        }
    )*};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

impl<T: Region + ?Sized> Region for &T {
    #[inline]
    fn with_bounds<R>(&self, shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
        (**self).with_bounds(shape, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, SliceArg, s};
    use proptest::prelude::*;

    fn bounds(shape: &[usize], region: impl Region) -> (Vec<usize>, Vec<usize>) {
        region.with_bounds(shape, |lo, hi| (lo.to_vec(), hi.to_vec()))
    }

    #[test]
    fn forms_that_are_not_one_range_for_each_axis() {
        assert_eq!(bounds(&[3, 4, 5], ..), (vec![0; 3], vec![3, 4, 5]));
        assert_eq!(bounds(&[], ..), (vec![], vec![]));
        assert_eq!(bounds(&[7], ..=4), (vec![0], vec![5]));
        assert_eq!(bounds(&[7], 2..), (vec![2], vec![7]));
        assert_eq!(bounds(&[7, 8], [5, 2]), (vec![5, 2], vec![6, 3]));
        assert_eq!(bounds(&[7, 8], &[1..2, 3..4][..]), (vec![1, 3], vec![2, 4]));
        assert_eq!(bounds(&[2; 8], (.., 0, 1.., ..1, ..=0, 0..=1, 0..1, ..)), {
            (vec![0, 0, 1, 0, 0, 0, 0, 0], vec![2, 1, 2, 1, 1, 2, 1, 2])
        });
        // What can't be is for the callee to refuse.
        assert_eq!(bounds(&[7], (.., ..)), (vec![0, 0], vec![7, 0]));
        assert_eq!(bounds(&[7], 3..=usize::MAX), (vec![3], vec![usize::MAX]));
        assert_eq!(bounds(&[7], usize::MAX..), (vec![usize::MAX], vec![7]));
    }

    /// Oracle: the slices of `ndarray` that are written alike.
    fn like<I: SliceArg<ndarray::Ix2, OutDim = ndarray::Ix2>>(
        array: &Array2<usize>,
        region: impl Region,
        slice: I,
    ) {
        let (lo, hi) = bounds(array.shape(), region);
        let inside = |at: (usize, usize)| (lo[0]..hi[0]).contains(&at.0) && (lo[1]..hi[1]).contains(&at.1);
        let found: Vec<usize> = array.indexed_iter().filter(|(at, _)| inside(*at)).map(|(_, v)| *v).collect();
        assert_eq!(found, array.slice(slice).iter().copied().collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn ranges_are_those_of_ndarray(a in 0usize..6, b in 0usize..6, c in 0usize..9, d in 0usize..9) {
            let array = Array2::from_shape_fn((6, 9), |(i, j)| 9 * i + j);
            let ((a, b), (c, d)) = ((a.min(b), a.max(b)), (c.min(d), c.max(d)));
            like(&array, (a..b, c..d), s![a..b, c..d]);
            like(&array, (a..=b, ..), s![a..=b, ..]);
            like(&array, (.., c..=d), s![.., c..=d]);
            like(&array, (a.., ..d), s![a.., ..d]);
            like(&array, (..b, d..), s![..b, d..]);
            like(&array, (..=b, ..=c), s![..=b, ..=c]);
            like(&array, [a..b, c..d], s![a..b, c..d]);
            like(&array, [..=b, ..=d], s![..=b, ..=d]);
            like(&array, (a, c..d), s![a..a + 1, c..d]);
        }
    }
}
