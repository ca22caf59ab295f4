//! Patches from and to bare pointers.
//!
//! Invariant: these check all that the forms with slices check, except for the length of the buffer, which a pointer doesn't tell;
//! and they take the same ways, so that a patch of one element costs the same. Bounds are half-open; `ld` has one entry for each
//! axis but the first.

use super::Pointed;
use crate::access::Fit;
use crate::array::GlobalArray;
use crate::cache::ReadCache;
use crate::error::{Error, Result};
use crate::nonblocking::Pending;
use crate::number::Number;
use crate::transfer::{Slab, Verb, Wait};
use rma::Element;

/// Patches from and to pointers.
pub trait PatchPointers<T: Element>: Pointed<T> {
    /// [`GlobalArray::put_ld`] from a pointer. Not collective; locally complete on return. `NGA_Put`.
    ///
    /// # Safety
    /// `src` is readable at every element of the patch, whose rows lie as `ld` says, and none of them is memory of the patch.
    ///
    /// # Errors
    /// As [`GlobalArray::put_ld`].
    #[inline]
    unsafe fn put_ptr(&self, lo: &[usize], hi: &[usize], src: *const T, ld: &[usize]) -> Result<()> {
        moved(self.array(), "put", Verb::Put(src), Slab { lo, hi, step: None }, ld)
    }

    /// [`GlobalArray::get_ld`] to a pointer. Not collective; the data is there on return. `NGA_Get`.
    ///
    /// # Safety
    /// `dst` is writable at every element of the patch, whose rows lie as `ld` says, nobody else's, and not memory of the patch.
    ///
    /// # Errors
    /// As [`GlobalArray::get_ld`].
    #[inline]
    unsafe fn get_ptr(&self, lo: &[usize], hi: &[usize], dst: *mut T, ld: &[usize]) -> Result<()> {
        moved(self.array(), "get", Verb::Get(dst), Slab { lo, hi, step: None }, ld)
    }

    /// [`GlobalArray::accumulate_ld`] from a pointer. Not collective; locally complete on return. `NGA_Acc`.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::accumulate_ld`].
    #[inline]
    unsafe fn accumulate_ptr(
        &self,
        lo: &[usize],
        hi: &[usize],
        src: *const T,
        ld: &[usize],
        alpha: T,
    ) -> Result<()>
    where
        T: Number,
    {
        moved(self.array(), "accumulate", Verb::Accumulate(src, alpha), Slab { lo, hi, step: None }, ld)
    }

    /// [`PatchPointers::put_ptr`] of a patch whose number of axes is a constant; with what is not owned by one rank, is
    /// empty, or fits neither array nor `ld`, nothing happens, and the answer is `None`.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::put_ptr`], of the transfer.
    #[inline]
    unsafe fn put_short<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
        src: *const T,
        ld: &[usize],
    ) -> Option<Result<()>> {
        // SAFETY: the caller's promise.
        unsafe { short(self.array(), "put", Verb::Put(src), lo, hi, ld) }
    }

    /// [`PatchPointers::get_ptr`] as [`PatchPointers::put_short`] does it.
    ///
    /// # Safety
    /// As [`PatchPointers::get_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::get_ptr`], of the transfer.
    #[inline]
    unsafe fn get_short<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
        dst: *mut T,
        ld: &[usize],
    ) -> Option<Result<()>> {
        // SAFETY: the caller's promise.
        unsafe { short(self.array(), "get", Verb::Get(dst), lo, hi, ld) }
    }

    /// [`PatchPointers::accumulate_ptr`] as [`PatchPointers::put_short`] does it.
    ///
    /// # Safety
    /// As [`PatchPointers::accumulate_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::accumulate_ptr`], of the transfer.
    #[inline]
    unsafe fn accumulate_short<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
        src: *const T,
        ld: &[usize],
        alpha: T,
    ) -> Option<Result<()>>
    where
        T: Number,
    {
        // SAFETY: the caller's promise.
        unsafe { short(self.array(), "accumulate", Verb::Accumulate(src, alpha), lo, hi, ld) }
    }

    /// [`PatchPointers::put_ptr`] to every `step[d]`-th index of axis `d`, from the lower bound on; the buffer has
    /// the elements that are written, side by side, and `ld` counts those. `NGA_Strided_put`.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::put_ptr`]; [`ErrorKind::Shape`](crate::ErrorKind::Shape) for a step of 0 or a missing one.
    unsafe fn put_steps_ptr(
        &self,
        lo: &[usize],
        hi: &[usize],
        step: &[usize],
        src: *const T,
        ld: &[usize],
    ) -> Result<()> {
        self.array().check_steps("put_steps", step)?;
        moved(self.array(), "put_steps", Verb::Put(src), Slab { lo, hi, step: Some(step) }, ld)
    }

    /// [`PatchPointers::get_ptr`] with steps; see [`PatchPointers::put_steps_ptr`]. `NGA_Strided_get`.
    ///
    /// # Safety
    /// As [`PatchPointers::get_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::put_steps_ptr`].
    unsafe fn get_steps_ptr(
        &self,
        lo: &[usize],
        hi: &[usize],
        step: &[usize],
        dst: *mut T,
        ld: &[usize],
    ) -> Result<()> {
        self.array().check_steps("get_steps", step)?;
        moved(self.array(), "get_steps", Verb::Get(dst), Slab { lo, hi, step: Some(step) }, ld)
    }

    /// [`PatchPointers::accumulate_ptr`] with steps; see [`PatchPointers::put_steps_ptr`]. `NGA_Strided_acc`.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::put_steps_ptr`].
    unsafe fn accumulate_steps_ptr(
        &self,
        lo: &[usize],
        hi: &[usize],
        step: &[usize],
        src: *const T,
        ld: &[usize],
        alpha: T,
    ) -> Result<()>
    where
        T: Number,
    {
        self.array().check_steps("accumulate_steps", step)?;
        let slab = Slab { lo, hi, step: Some(step) };
        moved(self.array(), "accumulate_steps", Verb::Accumulate(src, alpha), slab, ld)
    }

    /// Starts [`PatchPointers::put_ptr`]. Not collective; nothing is complete on return. `NGA_NbPut`.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`], until the answer says that it is complete.
    ///
    /// # Errors
    /// As [`PatchPointers::put_ptr`].
    #[inline]
    unsafe fn put_ptr_nb(&self, lo: &[usize], hi: &[usize], src: *const T, ld: &[usize]) -> Result<Pending> {
        started(self.array(), "put_nb", Verb::Put(src), Slab { lo, hi, step: None }, ld)
    }

    /// Starts [`PatchPointers::get_ptr`]. Not collective; nothing is complete on return. `NGA_NbGet`.
    ///
    /// # Safety
    /// As [`PatchPointers::get_ptr`], until the answer says that it is complete.
    ///
    /// # Errors
    /// As [`PatchPointers::get_ptr`].
    #[inline]
    unsafe fn get_ptr_nb(&self, lo: &[usize], hi: &[usize], dst: *mut T, ld: &[usize]) -> Result<Pending> {
        started(self.array(), "get_nb", Verb::Get(dst), Slab { lo, hi, step: None }, ld)
    }

    /// Starts [`PatchPointers::accumulate_ptr`]. Not collective; nothing is complete on return. `NGA_NbAcc`.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr_nb`].
    ///
    /// # Errors
    /// As [`PatchPointers::accumulate_ptr`].
    #[inline]
    unsafe fn accumulate_ptr_nb(
        &self,
        lo: &[usize],
        hi: &[usize],
        src: *const T,
        ld: &[usize],
        alpha: T,
    ) -> Result<Pending>
    where
        T: Number,
    {
        started(self.array(), "accumulate_nb", Verb::Accumulate(src, alpha), Slab { lo, hi, step: None }, ld)
    }

    /// [`PatchPointers::get_ptr`] by way of a cache of this array. Not collective; the data is there on return.
    ///
    /// # Safety
    /// As [`PatchPointers::get_ptr`].
    ///
    /// # Errors
    /// As [`PatchPointers::get_ptr`].
    unsafe fn get_cached_ptr(
        &self,
        cache: &ReadCache<T>,
        lo: &[usize],
        hi: &[usize],
        dst: *mut T,
        ld: &[usize],
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        match unsafe { cache.read_leading(self.array(), lo, hi, dst, ld) } {
            Some(done) => done,
            // SAFETY: as above.
            None => unsafe { self.get_ptr(lo, hi, dst, ld) },
        }
    }
}

impl<T: Element> PatchPointers<T> for GlobalArray<T> {}

/// Moves a slab between the array and a buffer that the caller's caller vouches for.
#[inline(always)]
fn moved<T: Element>(
    array: &GlobalArray<T>,
    op: &'static str,
    verb: Verb<T>,
    slab: Slab<'_>,
    ld: &[usize],
) -> Result<()> {
    array.buffered(op, verb, slab, usize::MAX, Fit::Leading(ld), &mut Wait)
}

/// Starts what [`moved`] does.
#[inline(always)]
fn started<T: Element>(
    array: &GlobalArray<T>,
    op: &'static str,
    verb: Verb<T>,
    slab: Slab<'_>,
    ld: &[usize],
) -> Result<Pending> {
    Pending::collect(array.raw(), |tokens| {
        array.buffered(op, verb, slab, usize::MAX, Fit::Leading(ld), tokens)
    })
}

/// # Safety
/// That of the verb.
#[inline(always)]
unsafe fn short<T: Element, const N: usize>(
    array: &GlobalArray<T>,
    op: &'static str,
    verb: Verb<T>,
    lo: &[usize; N],
    hi: &[usize; N],
    ld: &[usize],
) -> Option<Result<()>> {
    // SAFETY: the caller vouches for the buffer.
    let done = unsafe { array.raw().transfer_short(verb, (lo, hi), usize::MAX, Fit::Leading(ld), &mut Wait) };
    done.map(|done| done.map_err(|error| Error::from_rma(op, error)))
}
