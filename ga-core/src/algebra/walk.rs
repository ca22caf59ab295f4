//! Two boxes of as many elements and different shapes, walked in row-major order of both.
//!
//! Invariant: each element of mine is named once, beside the element of the other array that has the same
//! number in its box.

use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::dims::Dims;
use crate::error::Result;
use crate::patch::Patch;
use crate::transfer::Slab;
use rma::Element;

/// Calls `f(place, slab, strides)` for pieces of my elements of `patch` that lie one after the other, from
/// `place` on: the slab of the other array that has them, and how far apart they are along its axes, in bytes. The
/// elements of `at` are numbered in row-major order, or with `reversed` with the first axis fastest.
pub(super) fn rows<T: Element>(
    array: &GlobalArray<T>,
    patch: &Patch,
    at: &Patch,
    reversed: bool,
    mut f: impl FnMut(*mut T, Slab<'_>, &[isize]) -> Result<()>,
) -> Result<()> {
    let (origin, shape, ndim) = (patch.lo(), patch.shape(), patch.ndim());
    let numbers = Dims::row_major_strides(&shape);
    // The other's axes from the fastest to the slowest.
    let fastest: Vec<usize> =
        if reversed { (0..at.ndim()).collect() } else { (0..at.ndim()).rev().collect() };
    for part in array.own_parts(patch.lo(), patch.hi()) {
        // The first axis from which on the part is whole and dense: elements lie one after the other.
        let extents = part.patch.shape();
        let mut outer = ndim.saturating_sub(1);
        while outer > 0
            && extents[outer] == shape[outer]
            && part.strides[outer - 1] == extents[outer] * part.strides[outer]
        {
            outer -= 1;
        }
        let len: usize = extents[outer..].iter().product();
        let ahead: usize = (0..ndim).map(|d| (part.patch.lo()[d] - origin[d]) * numbers[d]).sum();
        for mut row in 0..extents[..outer].iter().product() {
            let (mut place, mut number) = (part.first, ahead);
            for d in (0..outer).rev() {
                let i = row % extents[d];
                row /= extents[d];
                place = place.wrapping_add(i * part.strides[d]);
                number += i * numbers[d];
            }
            let end = number + len;
            while number < end {
                let (slab, strides, count) = next::<T>(at, &fastest, number, end - number);
                f(place, Slab { lo: slab.lo(), hi: slab.hi(), step: None }, strides.as_slice())?;
                place = place.wrapping_add(count);
                number += count;
            }
        }
    }
    Ok(())
}

/// The largest box of at most `len` elements that begins with element `number` of `at` and has consecutive
/// ones; byte strides of its elements laid one after the other; how many there are.
fn next<T>(at: &Patch, fastest: &[usize], number: usize, len: usize) -> (Patch, ByteStrides, usize) {
    let (extents, mut rest) = (at.shape(), number);
    let mut lo = Dims::from(at.lo());
    for &k in fastest {
        lo[k] += rest % extents[k];
        rest /= extents[k];
    }
    let (mut hi, mut count) = (Dims::from_fn(lo.len(), |k| lo[k] + 1), 1);
    let mut strides = ByteStrides::from_fn(lo.len(), |_| 0);
    for &k in fastest {
        strides.as_mut_slice()[k] = (count * size_of::<T>()) as isize;
        let taken = (at.hi()[k] - lo[k]).min(len / count);
        hi[k] = lo[k] + taken;
        count *= taken;
        if taken < extents[k] {
            break;
        }
    }
    (Patch::new(lo, hi), strides, count)
}
