//! Put, get and accumulate of slices and of single values.

use crate::error::{Error, ErrorKind, Result};
use crate::plain::{self, Plain};
use crate::segment::Segment;
use shm::Element;
use std::mem::MaybeUninit;

impl Segment {
    /// Writes `src` to `rank`'s part at byte `offset`. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_Put`, `MPI_Put`. Errors: `Rank`, `Range`, `Foreign`, `Finalized`; then nothing was written.
    #[inline]
    pub fn put<T: Plain>(&self, rank: usize, offset: usize, src: &[T]) -> Result<()> {
        // SAFETY: the slice is readable; memory of segments is never behind a reference of safe code.
        unsafe { self.put_bytes(rank, offset, src.as_ptr().cast(), size_of_val(src)) }
    }

    /// Reads `rank`'s part at byte `offset` into `dst`. The data is there on return.
    ///
    /// Not collective. Stands for `ARMCI_Get`, `MPI_Get`. Errors: as [`Segment::put`], and `Type` when the bytes are no values of `T`
    /// (`bool` and its like).
    #[inline]
    pub fn get<T: Plain>(&self, rank: usize, offset: usize, dst: &mut [T]) -> Result<()> {
        let len = size_of_val(dst);
        // SAFETY: `fill` gives the bytes of the slice, writable and ours.
        plain::fill("get", dst, |bytes| unsafe { self.get_bytes(rank, offset, bytes, len) })
    }

    /// Writes one value to `rank`'s part at byte `offset`. Not collective. Stands for `ARMCI_PutValueDouble` and its like.
    /// Errors as [`Segment::put`].
    #[inline]
    pub fn put_value<T: Plain>(&self, rank: usize, offset: usize, value: T) -> Result<()> {
        // SAFETY: the value is readable.
        unsafe { self.put_bytes(rank, offset, (&raw const value).cast(), size_of::<T>()) }
    }

    /// Reads one value of `rank`'s part at byte `offset`. Not collective. Stands for `ARMCI_GetValueDouble` and its like.
    /// Errors as [`Segment::get`].
    #[inline]
    pub fn get_value<T: Plain>(&self, rank: usize, offset: usize) -> Result<T> {
        let mut bits = MaybeUninit::<T::Bits>::uninit();
        // SAFETY: the local is writable for the size of T, which is that of its bits.
        unsafe { self.get_bytes(rank, offset, bits.as_mut_ptr().cast(), size_of::<T>()) }?;
        // SAFETY: get_bytes filled it.
        unsafe { plain::read("get", bits.as_ptr().cast()) }
    }

    /// `target += alpha * src`, element by element, at byte `offset` of `rank`'s part; atomic with regard to every other
    /// accumulate. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_Acc`, `MPI_Accumulate(MPI_SUM)`. For `bool`, plus is "or" and times is "and".
    /// Errors: as [`Segment::put`]; `Alignment` when `offset` is no multiple of the element's size; `Died` when a rank died in an accumulate there.
    #[inline]
    #[track_caller]
    pub fn accumulate<T: Element>(&self, rank: usize, offset: usize, src: &[T], alpha: T) -> Result<()> {
        aligned::<T>("accumulate", rank, offset, &[])?;
        // SAFETY: the slice is readable; memory of segments is never behind a reference of safe code.
        unsafe { self.accumulate_ptr(rank, offset, src.as_ptr(), src.len(), alpha) }
    }
}

/// Refuses elements that aren't at a multiple of their size: they could be added, but whoever counts in elements has made a mistake.
#[inline]
pub(super) fn aligned<T>(op: &'static str, rank: usize, offset: usize, strides: &[isize]) -> Result<()> {
    // Sizes are powers of two; a division costs as much as a row.
    let uneven = |bytes: isize| bytes & (size_of::<T>() as isize - 1) != 0;
    if !uneven(offset as isize) && !strides.iter().any(|stride| uneven(*stride)) {
        return Ok(());
    }
    let message =
        format!("offset {offset} or strides are no multiples of the element's {} bytes", size_of::<T>());
    Err(Error::at(ErrorKind::Alignment, op, rank, message))
}
