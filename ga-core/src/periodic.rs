//! Access to patches of an array that goes on for ever: indices beyond either end wrap round.
//!
//! Invariant: a periodic patch is cut into boxes of the array, in ascending order of its own indices; so of several elements of
//! a put that meet in one of the array, the last stays, and an accumulate adds each. Nothing moves before the whole was checked.

use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::dims::Dims;
use crate::distribution::{beyond_axis, wrong_axes};
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::sight::Sight;
use crate::transfer::{Completion, Slab, Verb, Wait};
use rma::Element;

impl<T: Element> GlobalArray<T> {
    /// Writes a dense buffer to a periodic patch `[lo, hi)`. Not collective; locally complete on return. `NGA_Periodic_put`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of axes, [`ErrorKind::Range`] for a patch upside down or of an array without
    /// elements, [`ErrorKind::Buffer`] unless `data` has as many elements as the patch.
    pub fn put_periodic(&self, lo: &[isize], hi: &[isize], data: &[T]) -> Result<()> {
        self.dense_periodic("put_periodic", Verb::Put(data.as_ptr()), lo, hi, data.len())
    }

    /// Reads a periodic patch into a dense buffer. Not collective; the data is there on return. `NGA_Periodic_get`.
    ///
    /// # Errors
    /// As [`GlobalArray::put_periodic`].
    pub fn get_periodic(&self, lo: &[isize], hi: &[isize], data: &mut [T]) -> Result<()> {
        self.dense_periodic("get_periodic", Verb::Get(data.as_mut_ptr()), lo, hi, data.len())
    }

    /// Adds `alpha * data` to a periodic patch. Not collective; locally complete on return. `NGA_Periodic_acc`.
    ///
    /// # Errors
    /// As [`GlobalArray::put_periodic`].
    pub fn accumulate_periodic(&self, lo: &[isize], hi: &[isize], data: &[T], alpha: T) -> Result<()>
    where
        T: Number,
    {
        let verb = Verb::Accumulate(data.as_ptr(), alpha);
        self.dense_periodic("accumulate_periodic", verb, lo, hi, data.len())
    }

    /// A periodic patch and a dense buffer of `len` elements behind a reference of the caller.
    fn dense_periodic(
        &self,
        op: &'static str,
        verb: Verb<T>,
        lo: &[isize],
        hi: &[isize],
        len: usize,
    ) -> Result<()> {
        let extents = self.periodic_extents(op, lo, hi)?;
        let volume = extents.iter().try_fold(1usize, |n, &e| n.checked_mul(e));
        if volume != Some(len) {
            let message = |by: Sight| format!("a buffer of {len} elements for {}", by.patch(lo, hi));
            return Err(Error::numbered(ErrorKind::Buffer, op, message));
        }
        let strides = Dims::row_major_strides(&extents);
        // SAFETY: the buffer has as many elements as the patch, densely.
        unsafe { self.wrapped(op, verb, lo, &extents, &strides, &mut Wait) }
    }

    /// A periodic patch and a buffer with leading dimensions.
    ///
    /// # Safety
    /// The buffer is good for the verb at every element of the patch.
    pub(crate) unsafe fn leading_periodic(
        &self,
        op: &'static str,
        verb: Verb<T>,
        lo: &[isize],
        hi: &[isize],
        ld: &[usize],
    ) -> Result<()> {
        let extents = self.periodic_extents(op, lo, hi)?;
        if ld.len() + 1 != extents.len().max(1) || extents.iter().skip(1).zip(ld).any(|(e, l)| l < e) {
            let message = |by: Sight| format!("leading dimensions {} for {}", by.list(ld), by.patch(lo, hi));
            return Err(Error::numbered(ErrorKind::Buffer, op, message));
        }
        let mut strides = Dims::filled(1, extents.len());
        for d in (1..extents.len()).rev() {
            strides[d - 1] = strides[d].saturating_mul(ld[d - 1]);
        }
        // SAFETY: the caller's promise; the strides are those of the leading dimensions.
        unsafe { self.wrapped(op, verb, lo, &extents, &strides, &mut Wait) }
    }

    /// Number of indices along each axis of a periodic patch of this array.
    fn periodic_extents(&self, op: &'static str, lo: &[isize], hi: &[isize]) -> Result<Dims> {
        let shape = self.shape();
        if lo.len() != shape.len() || hi.len() != shape.len() {
            return Err(wrong_axes(op, lo, hi, shape));
        }
        let extent = |d: usize| hi[d].checked_sub(lo[d]).and_then(|e| usize::try_from(e).ok());
        let is_bad = |d: &usize| extent(*d).is_none_or(|e| e > 0 && shape[*d] == 0);
        if let Some(d) = (0..shape.len()).find(is_bad) {
            return Err(beyond_axis(op, lo, hi, shape, d));
        }
        Ok(Dims::from_fn(shape.len(), |d| extent(d).unwrap_or(0)))
    }

    /// Moves the periodic patch of these extents from `lo` on from or to a buffer with these strides (in elements).
    ///
    /// # Safety
    /// The extents come from [`GlobalArray::periodic_extents`]; the buffer is good for the verb at every element of the patch
    /// and not memory of it, until the transfers are complete.
    pub(crate) unsafe fn wrapped(
        &self,
        op: &'static str,
        verb: Verb<T>,
        lo: &[isize],
        extents: &[usize],
        strides: &[usize],
        completion: &mut impl Completion,
    ) -> Result<()> {
        if extents.contains(&0) {
            return Ok(());
        }
        let ndim = extents.len();
        let shape = self.shape();
        let local = ByteStrides::from_fn(ndim, |d| (strides[d] * size_of::<T>()) as isize);
        // How far along each axis the next box begins, from `lo` on.
        let mut done = Dims::filled(0, ndim);
        loop {
            // An extent below `isize::MAX` and a remainder below the shape: no overflow as long as the shape is an array's.
            let first =
                Dims::from_fn(ndim, |d| (lo[d].rem_euclid(shape[d] as isize) as usize + done[d]) % shape[d]);
            let end = Dims::from_fn(ndim, |d| shape[d].min(first[d] + (extents[d] - done[d])));
            let start: isize = (0..ndim).map(|d| done[d] as isize * local.as_slice()[d]).sum();
            let slab = Slab { lo: &first, hi: &end, step: None };
            // SAFETY: the box lies in the array; its elements are those of the patch from `done` on, for which the caller
            // vouches.
            unsafe {
                self.raw().transfer(op, verb.offset_bytes(start), slab, local.as_slice(), completion)?;
            }
            // The next box, last axis fastest.
            let mut d = ndim;
            loop {
                if d == 0 {
                    return Ok(());
                }
                d -= 1;
                done[d] += end[d] - first[d];
                if done[d] < extents[d] {
                    break;
                }
                done[d] = 0;
            }
        }
    }
}
