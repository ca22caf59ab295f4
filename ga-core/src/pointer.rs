//! Access to patches through bare pointers: what the C interface is made of.
//!
//! Invariant: these check all that the forms with slices check, except for the length of the buffer, which a pointer doesn't tell;
//! and they take the same ways, so that a patch of one element costs the same. Bounds are half-open; `ld` has one entry for each
//! axis but the first.

use crate::access::Fit;
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::nonblocking::Pending;
use crate::number::Number;
use crate::transfer::{Slab, Verb, Wait};
use rma::Element;

impl<T: Element> GlobalArray<T> {
    /// [`GlobalArray::put_ld`] from a pointer. Not collective; locally complete on return. `NGA_Put`.
    ///
    /// # Safety
    /// `src` is readable at every element of the patch, whose rows lie as `ld` says, and none of them is memory of the patch.
    ///
    /// # Errors
    /// As [`GlobalArray::put_ld`].
    #[inline]
    pub unsafe fn put_ptr(&self, lo: &[usize], hi: &[usize], src: *const T, ld: &[usize]) -> Result<()> {
        self.pointed("put", Verb::Put(src), Slab { lo, hi, step: None }, ld)
    }

    /// [`GlobalArray::get_ld`] to a pointer. Not collective; the data is there on return. `NGA_Get`.
    ///
    /// # Safety
    /// `dst` is writable at every element of the patch, whose rows lie as `ld` says, nobody else's, and not memory of the patch.
    ///
    /// # Errors
    /// As [`GlobalArray::get_ld`].
    #[inline]
    pub unsafe fn get_ptr(&self, lo: &[usize], hi: &[usize], dst: *mut T, ld: &[usize]) -> Result<()> {
        self.pointed("get", Verb::Get(dst), Slab { lo, hi, step: None }, ld)
    }

    /// [`GlobalArray::accumulate_ld`] from a pointer. Not collective; locally complete on return. `NGA_Acc`.
    ///
    /// # Safety
    /// As [`GlobalArray::put_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::accumulate_ld`].
    #[inline]
    pub unsafe fn accumulate_ptr(
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
        self.pointed("accumulate", Verb::Accumulate(src, alpha), Slab { lo, hi, step: None }, ld)
    }

    /// [`GlobalArray::put_ptr`] of a patch whose number of axes is a constant; with what is not owned by one rank, is
    /// empty, or fits neither array nor `ld`, nothing happens, and the answer is `None`.
    ///
    /// # Safety
    /// As [`GlobalArray::put_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::put_ptr`], of the transfer.
    #[inline]
    pub unsafe fn put_short<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
        src: *const T,
        ld: &[usize],
    ) -> Option<Result<()>> {
        // SAFETY: the caller's promise.
        unsafe { self.short("put", Verb::Put(src), lo, hi, ld) }
    }

    /// [`GlobalArray::get_ptr`] as [`GlobalArray::put_short`] does it.
    ///
    /// # Safety
    /// As [`GlobalArray::get_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::get_ptr`], of the transfer.
    #[inline]
    pub unsafe fn get_short<const N: usize>(
        &self,
        lo: &[usize; N],
        hi: &[usize; N],
        dst: *mut T,
        ld: &[usize],
    ) -> Option<Result<()>> {
        // SAFETY: the caller's promise.
        unsafe { self.short("get", Verb::Get(dst), lo, hi, ld) }
    }

    /// [`GlobalArray::accumulate_ptr`] as [`GlobalArray::put_short`] does it.
    ///
    /// # Safety
    /// As [`GlobalArray::accumulate_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::accumulate_ptr`], of the transfer.
    #[inline]
    pub unsafe fn accumulate_short<const N: usize>(
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
        unsafe { self.short("accumulate", Verb::Accumulate(src, alpha), lo, hi, ld) }
    }

    /// # Safety
    /// That of the verb.
    #[inline(always)]
    unsafe fn short<const N: usize>(
        &self,
        op: &'static str,
        verb: Verb<T>,
        lo: &[usize; N],
        hi: &[usize; N],
        ld: &[usize],
    ) -> Option<Result<()>> {
        // SAFETY: the caller vouches for the buffer.
        let done =
            unsafe { self.raw().transfer_short(verb, (lo, hi), usize::MAX, Fit::Leading(ld), &mut Wait) };
        done.map(|done| done.map_err(|error| Error::from_rma(op, error)))
    }

    /// [`GlobalArray::put_ptr`] to every `step[d]`-th index of axis `d`, from the lower bound on; the buffer has
    /// the elements that are written, side by side, and `ld` counts those. `NGA_Strided_put`.
    ///
    /// # Safety
    /// As [`GlobalArray::put_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::put_ptr`]; [`ErrorKind::Shape`] for a step of 0 or a missing one.
    pub unsafe fn put_steps_ptr(
        &self,
        lo: &[usize],
        hi: &[usize],
        step: &[usize],
        src: *const T,
        ld: &[usize],
    ) -> Result<()> {
        self.check_steps("put_steps", step)?;
        self.pointed("put_steps", Verb::Put(src), Slab { lo, hi, step: Some(step) }, ld)
    }

    /// [`GlobalArray::get_ptr`] with steps; see [`GlobalArray::put_steps_ptr`]. `NGA_Strided_get`.
    ///
    /// # Safety
    /// As [`GlobalArray::get_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::put_steps_ptr`].
    pub unsafe fn get_steps_ptr(
        &self,
        lo: &[usize],
        hi: &[usize],
        step: &[usize],
        dst: *mut T,
        ld: &[usize],
    ) -> Result<()> {
        self.check_steps("get_steps", step)?;
        self.pointed("get_steps", Verb::Get(dst), Slab { lo, hi, step: Some(step) }, ld)
    }

    /// [`GlobalArray::accumulate_ptr`] with steps; see [`GlobalArray::put_steps_ptr`]. `NGA_Strided_acc`.
    ///
    /// # Safety
    /// As [`GlobalArray::put_ptr`].
    ///
    /// # Errors
    /// As [`GlobalArray::put_steps_ptr`].
    pub unsafe fn accumulate_steps_ptr(
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
        self.check_steps("accumulate_steps", step)?;
        let slab = Slab { lo, hi, step: Some(step) };
        self.pointed("accumulate_steps", Verb::Accumulate(src, alpha), slab, ld)
    }

    /// Starts [`GlobalArray::put_ptr`]. Not collective; nothing is complete on return. `NGA_NbPut`.
    ///
    /// # Safety
    /// As [`GlobalArray::put_ptr`], until the answer says that it is complete.
    ///
    /// # Errors
    /// As [`GlobalArray::put_ptr`].
    #[inline]
    pub unsafe fn put_ptr_nb(
        &self,
        lo: &[usize],
        hi: &[usize],
        src: *const T,
        ld: &[usize],
    ) -> Result<Pending> {
        self.pointed_nb("put_nb", Verb::Put(src), Slab { lo, hi, step: None }, ld)
    }

    /// Starts [`GlobalArray::get_ptr`]. Not collective; nothing is complete on return. `NGA_NbGet`.
    ///
    /// # Safety
    /// As [`GlobalArray::get_ptr`], until the answer says that it is complete.
    ///
    /// # Errors
    /// As [`GlobalArray::get_ptr`].
    #[inline]
    pub unsafe fn get_ptr_nb(
        &self,
        lo: &[usize],
        hi: &[usize],
        dst: *mut T,
        ld: &[usize],
    ) -> Result<Pending> {
        self.pointed_nb("get_nb", Verb::Get(dst), Slab { lo, hi, step: None }, ld)
    }

    /// Starts [`GlobalArray::accumulate_ptr`]. Not collective; nothing is complete on return. `NGA_NbAcc`.
    ///
    /// # Safety
    /// As [`GlobalArray::put_ptr_nb`].
    ///
    /// # Errors
    /// As [`GlobalArray::accumulate_ptr`].
    #[inline]
    pub unsafe fn accumulate_ptr_nb(
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
        self.pointed_nb("accumulate_nb", Verb::Accumulate(src, alpha), Slab { lo, hi, step: None }, ld)
    }

    /// Moves a slab between the array and a buffer that the caller's caller vouches for.
    #[inline(always)]
    fn pointed(&self, op: &'static str, verb: Verb<T>, slab: Slab<'_>, ld: &[usize]) -> Result<()> {
        self.buffered(op, verb, slab, usize::MAX, Fit::Leading(ld), &mut Wait)
    }

    /// Starts [`GlobalArray::pointed`].
    #[inline(always)]
    fn pointed_nb(&self, op: &'static str, verb: Verb<T>, slab: Slab<'_>, ld: &[usize]) -> Result<Pending> {
        Pending::collect(self.raw(), |tokens| {
            self.buffered(op, verb, slab, usize::MAX, Fit::Leading(ld), tokens)
        })
    }

    /// Refuses steps of 0, and another number of them than there are axes.
    pub(crate) fn check_steps(&self, op: &'static str, step: &[usize]) -> Result<()> {
        if step.len() == self.ndim() && !step.contains(&0) {
            return Ok(());
        }
        let message = format!("steps {step:?} for an array of {} axes; each is at least 1", self.ndim());
        Err(Error::new(ErrorKind::Shape, op, message))
    }
}
