//! One-sided operations on bare pointers: what all typed forms, and the floors above, are made of.
//!
//! Ranges at the target are checked here; local memory is the caller's promise.

use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::segment::Segment;
use crate::shared::call;
use crate::spot::{Spot, extent};
use crate::transport::{Remote, Rows, Token};
use shm::accumulate;
use shm::{DType, Element, copy};

impl Segment {
    /// Writes `len` bytes from `src` to `rank`'s part at `offset`. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_Put`. Errors: `Rank`, `Range`, `Foreign`, `Finalized`; then nothing was written.
    ///
    /// # Safety
    /// `src` is readable for `len` bytes and outside the target range.
    #[inline]
    pub unsafe fn put_bytes(&self, rank: usize, offset: usize, src: *const u8, len: usize) -> Result<()> {
        // SAFETY: the caller's promise; waited for at once.
        call!(self.shared(), self.event(OpCode::Put, rank, len), unsafe {
            self.put_run(rank, offset, src, len).and_then(|token| self.wait(token))
        })
    }

    /// Reads `len` bytes of `rank`'s part at `offset` into `dst`; they are there on return.
    ///
    /// Not collective. Stands for `ARMCI_Get`. Errors as [`Segment::put_bytes`].
    ///
    /// # Safety
    /// `dst` is writable for `len` bytes, nobody else's, and outside the source range.
    #[inline]
    pub unsafe fn get_bytes(&self, rank: usize, offset: usize, dst: *mut u8, len: usize) -> Result<()> {
        // SAFETY: the caller's promise; waited for at once.
        call!(self.shared(), self.event(OpCode::Get, rank, len), unsafe {
            self.get_run(rank, offset, dst, len).and_then(|token| self.wait(token))
        })
    }

    /// Writes a strided box; `offset` is where its first row begins. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_PutS`. Errors: as [`Segment::put_bytes`], and `Shape`.
    ///
    /// # Safety
    /// Every row at `src` is readable and outside the target.
    pub unsafe fn put_strided_bytes(
        &self,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        src: *const u8,
    ) -> Result<()> {
        // SAFETY: the caller's promise; waited for at once.
        call!(self.shared(), self.event(OpCode::PutStrided, rank, rows.counts.iter().product()), unsafe {
            self.put_rows(rank, offset, rows, src).and_then(|token| self.wait(token))
        })
    }

    /// Reads a strided box; `offset` is where its first row begins. The data is there on return.
    ///
    /// Not collective. Stands for `ARMCI_GetS`. Errors: as [`Segment::put_bytes`], and `Shape`.
    ///
    /// # Safety
    /// Every row at `dst` is writable, nobody else's, and outside the source.
    pub unsafe fn get_strided_bytes(
        &self,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        dst: *mut u8,
    ) -> Result<()> {
        // SAFETY: the caller's promise; waited for at once.
        call!(self.shared(), self.event(OpCode::GetStrided, rank, rows.counts.iter().product()), unsafe {
            self.get_rows(rank, offset, rows, dst).and_then(|token| self.wait(token))
        })
    }

    /// `target += alpha * src` on `count` elements of `dtype`, atomic element by element. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_Acc`. Errors: as [`Segment::put_bytes`], and `Alignment` for rows that are no whole elements; these may lie anywhere.
    ///
    /// # Safety
    /// `src` is readable for `count` elements, aligned, and outside the target; `alpha` points to one element of `dtype`.
    #[track_caller]
    pub unsafe fn accumulate_bytes(
        &self,
        rank: usize,
        offset: usize,
        dtype: DType,
        src: *const u8,
        count: usize,
        alpha: *const u8,
    ) -> Result<()> {
        let rows = Rows { remote_strides: &[], local_strides: &[], counts: &[count * dtype.size_bytes()] };
        // SAFETY: a box of one row; the caller's promise.
        unsafe { self.accumulate_strided_bytes(rank, offset, rows, dtype, src, alpha) }
    }

    /// [`Segment::accumulate`] of `count` elements from a bare pointer.
    ///
    /// Not collective; locally complete on return. Stands for `ARMCI_Acc`. Errors as [`Segment::accumulate`].
    ///
    /// # Safety
    /// `src` is readable for `count` elements and outside the target.
    #[inline]
    #[track_caller]
    pub unsafe fn accumulate_ptr<T: Element>(
        &self,
        rank: usize,
        offset: usize,
        src: *const T,
        count: usize,
        alpha: T,
    ) -> Result<()> {
        let call = Call::new(OpCode::Accumulate);
        let event = || self.event(OpCode::Accumulate, rank, count * size_of::<T>());
        // SAFETY: the caller's promise; waited for at once.
        call!(self.shared(), event().at(call.location), unsafe {
            self.accumulate_run(call, rank, offset, src, count, alpha).and_then(|token| self.wait(token))
        })
    }

    /// [`Segment::accumulate_bytes`] on a strided box.
    ///
    /// Not collective. Stands for `ARMCI_AccS`. Errors: as [`Segment::accumulate_bytes`], and `Shape`.
    ///
    /// # Safety
    /// As [`Segment::accumulate_bytes`], for every row.
    #[track_caller]
    pub unsafe fn accumulate_strided_bytes(
        &self,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        dtype: DType,
        src: *const u8,
        alpha: *const u8,
    ) -> Result<()> {
        // SAFETY: the caller's promise; waited for at once.
        let token = unsafe { self.start_accumulate_strided(rank, offset, rows, dtype, src, alpha) }?;
        self.wait(token)
    }

    /// Starts [`Segment::accumulate_strided_bytes`]; [`Segment::wait`] completes it locally. Not collective. Stands for `ARMCI_NbAccS`.
    ///
    /// # Safety
    /// As [`Segment::accumulate_strided_bytes`] until the token is waited for; `alpha` is read before this returns.
    #[track_caller]
    pub unsafe fn start_accumulate_strided(
        &self,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        dtype: DType,
        src: *const u8,
        alpha: *const u8,
    ) -> Result<Token> {
        let call = Call::new(OpCode::Accumulate);
        let event = || self.event(OpCode::AccumulateStrided, rank, rows.counts.iter().product());
        // SAFETY: the caller's promise.
        call!(self.shared(), event().at(call.location), unsafe {
            self.accumulate_rows(call, rank, offset, rows, dtype, src, alpha)
        })
    }

    /// What [`Segment::start_accumulate_strided`] does.
    ///
    /// # Safety
    /// As there.
    #[allow(clippy::too_many_arguments)]
    unsafe fn accumulate_rows(
        &self,
        call: Call,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        dtype: DType,
        src: *const u8,
        alpha: *const u8,
    ) -> Result<Token> {
        let spot = self.box_spot("accumulate_strided", rank, offset, rows)?;
        let size = dtype.size_bytes();
        // Sizes are powers of two; a division costs as much as a row.
        if rows.counts[0] & (size - 1) != 0 {
            let message = format!(
                "rows of {} bytes are no whole elements of {dtype}, {size} bytes each",
                rows.counts[0]
            );
            return Err(Error::at(ErrorKind::Alignment, "accumulate", rank, message));
        }
        if spot.mapped.is_null() {
            // SAFETY: the target box was checked, source and alpha are the caller's promise.
            return unsafe { self.transport().accumulate(spot.place, rows, dtype, src, alpha) };
        }
        let target = self.target(rank, spot);
        let (remote, local) = (rows.remote_strides, rows.local_strides);
        let cause =
            Cause { call, team: self.team().id(), target: Some(rank), sequence: 0, needs: Needs::Owner };
        self.shared().waiting(cause, |context| {
            // SAFETY: as above; both boxes have rows of whole elements.
            unsafe {
                accumulate::accumulate_strided_dyn(
                    target,
                    dtype,
                    remote,
                    src,
                    local,
                    rows.counts,
                    alpha,
                    context,
                )
            }
        })?;
        Ok(Token::DONE)
    }

    /// The contiguous accumulate of the fast path.
    ///
    /// # Safety
    /// `src` is readable for `count` elements and outside the target, until the token is waited for.
    #[inline]
    pub(crate) unsafe fn start_accumulate_run<T: Element>(
        &self,
        call: Call,
        rank: usize,
        offset: usize,
        src: *const T,
        count: usize,
        alpha: T,
    ) -> Result<Token> {
        let event = || self.event(OpCode::Accumulate, rank, count * size_of::<T>());
        // SAFETY: the caller's promise.
        call!(self.shared(), event().at(call.location), unsafe {
            self.accumulate_run(call, rank, offset, src, count, alpha)
        })
    }

    /// What [`Segment::start_accumulate_run`] does.
    ///
    /// # Safety
    /// As there.
    #[inline]
    pub(super) unsafe fn accumulate_run<T: Element>(
        &self,
        call: Call,
        rank: usize,
        offset: usize,
        src: *const T,
        count: usize,
        alpha: T,
    ) -> Result<Token> {
        let spot = self.within("accumulate", rank, offset, count * size_of::<T>())?;
        if spot.mapped.is_null() {
            let alpha = (&raw const alpha).cast();
            let rows = Rows { remote_strides: &[], local_strides: &[], counts: &[count * size_of::<T>()] };
            // SAFETY: a box of one row; the caller's promise.
            return unsafe { self.accumulate_rows(call, rank, offset, rows, T::DTYPE, src.cast(), alpha) };
        }
        let target = self.target(rank, spot);
        let cause =
            Cause { call, team: self.team().id(), target: Some(rank), sequence: 0, needs: Needs::Owner };
        self.shared().waiting(cause, |context| {
            // SAFETY: the target range is checked, the source is the caller's promise.
            unsafe { accumulate::accumulate(target, src, count, alpha, context) }
        })?;
        Ok(Token::DONE)
    }

    /// Checks a strided box at the target; the spot is where its first row begins.
    #[inline]
    pub(crate) fn box_spot(
        &self,
        op: &'static str,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
    ) -> Result<Spot> {
        let levels = rows.counts.len();
        if levels == 0
            || levels > 9
            || rows.remote_strides.len() != levels - 1
            || rows.local_strides.len() != levels - 1
        {
            let (remote, local) = (rows.remote_strides.len(), rows.local_strides.len());
            let message = format!("{levels} counts with {remote} remote and {local} local strides");
            return Err(Error::at(ErrorKind::Shape, op, rank, message));
        }
        let Some((below, above)) = extent(rows.counts, rows.remote_strides) else {
            return Err(Error::at(ErrorKind::Range, op, rank, "the box's extent overflows"));
        };
        if below > offset {
            let message = format!("the box reaches {below} bytes below its offset {offset}");
            return Err(Error::at(ErrorKind::Range, op, rank, message));
        }
        let low = self.within(op, rank, offset - below, below + above)?;
        let mapped = if low.mapped.is_null() { low.mapped } else { low.mapped.wrapping_add(below) };
        Ok(Spot { mapped, place: Remote { offset: low.place.offset + below, ..low.place } })
    }

    /// Starts [`Segment::put_bytes`]; [`Segment::wait`] completes it locally. Not collective. Stands for `ARMCI_NbPut`.
    ///
    /// # Safety
    /// As [`Segment::put_bytes`] until the token is waited for.
    #[inline]
    pub unsafe fn start_put(&self, rank: usize, offset: usize, src: *const u8, len: usize) -> Result<Token> {
        // SAFETY: the caller's promise.
        call!(self.shared(), self.event(OpCode::Put, rank, len), unsafe {
            self.put_run(rank, offset, src, len)
        })
    }

    /// What [`Segment::start_put`] does.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub(super) unsafe fn put_run(
        &self,
        rank: usize,
        offset: usize,
        src: *const u8,
        len: usize,
    ) -> Result<Token> {
        let spot = self.within("put", rank, offset, len)?;
        if spot.mapped.is_null() {
            // SAFETY: the target range was checked, the source is the caller's promise.
            return unsafe { self.transport().put(spot.place, src, len) };
        }
        // SAFETY: as above; the part is mapped while the segment lives.
        unsafe { copy::copy(spot.mapped, src, len) };
        Ok(Token::DONE)
    }

    /// Starts [`Segment::get_bytes`]; [`Segment::wait`] completes it. Not collective. Stands for `ARMCI_NbGet`.
    ///
    /// # Safety
    /// As [`Segment::get_bytes`] until the token is waited for.
    #[inline]
    pub unsafe fn start_get(&self, rank: usize, offset: usize, dst: *mut u8, len: usize) -> Result<Token> {
        // SAFETY: the caller's promise.
        call!(self.shared(), self.event(OpCode::Get, rank, len), unsafe {
            self.get_run(rank, offset, dst, len)
        })
    }

    /// What [`Segment::start_get`] does.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub(super) unsafe fn get_run(
        &self,
        rank: usize,
        offset: usize,
        dst: *mut u8,
        len: usize,
    ) -> Result<Token> {
        let spot = self.within("get", rank, offset, len)?;
        if spot.mapped.is_null() {
            // SAFETY: the source range was checked, the destination is the caller's promise.
            return unsafe { self.transport().get(spot.place, dst, len) };
        }
        // SAFETY: as above; the part is mapped while the segment lives.
        unsafe { copy::copy(dst, spot.mapped, len) };
        Ok(Token::DONE)
    }

    /// Starts [`Segment::put_strided_bytes`]; [`Segment::wait`] completes it locally. Not collective. Stands for `ARMCI_NbPutS`.
    ///
    /// # Safety
    /// As [`Segment::put_strided_bytes`] until the token is waited for.
    #[inline]
    pub unsafe fn start_put_strided(
        &self,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        src: *const u8,
    ) -> Result<Token> {
        // SAFETY: the caller's promise.
        call!(self.shared(), self.event(OpCode::PutStrided, rank, rows.counts.iter().product()), unsafe {
            self.put_rows(rank, offset, rows, src)
        })
    }

    /// What [`Segment::start_put_strided`] does.
    ///
    /// # Safety
    /// As there.
    #[inline]
    unsafe fn put_rows(&self, rank: usize, offset: usize, rows: Rows<'_>, src: *const u8) -> Result<Token> {
        let spot = self.box_spot("put_strided", rank, offset, rows)?;
        if spot.mapped.is_null() {
            // SAFETY: the target box was checked, the source is the caller's promise.
            return unsafe { self.transport().put_strided(spot.place, rows, src) };
        }
        // SAFETY: as above.
        unsafe { copy::copy_strided(spot.mapped, rows.remote_strides, src, rows.local_strides, rows.counts) };
        Ok(Token::DONE)
    }

    /// Starts [`Segment::get_strided_bytes`]; [`Segment::wait`] completes it. Not collective. Stands for `ARMCI_NbGetS`.
    ///
    /// # Safety
    /// As [`Segment::get_strided_bytes`] until the token is waited for.
    #[inline]
    pub unsafe fn start_get_strided(
        &self,
        rank: usize,
        offset: usize,
        rows: Rows<'_>,
        dst: *mut u8,
    ) -> Result<Token> {
        // SAFETY: the caller's promise.
        call!(self.shared(), self.event(OpCode::GetStrided, rank, rows.counts.iter().product()), unsafe {
            self.get_rows(rank, offset, rows, dst)
        })
    }

    /// What [`Segment::start_get_strided`] does.
    ///
    /// # Safety
    /// As there.
    #[inline]
    unsafe fn get_rows(&self, rank: usize, offset: usize, rows: Rows<'_>, dst: *mut u8) -> Result<Token> {
        let spot = self.box_spot("get_strided", rank, offset, rows)?;
        if spot.mapped.is_null() {
            // SAFETY: the source box was checked, the destination is the caller's promise.
            return unsafe { self.transport().get_strided(spot.place, rows, dst) };
        }
        // SAFETY: as above.
        unsafe { copy::copy_strided(dst, rows.local_strides, spot.mapped, rows.remote_strides, rows.counts) };
        Ok(Token::DONE)
    }

    /// Whether a transfer that was started is locally complete. Not collective. Stands for `ARMCI_Test`.
    pub fn test(&self, token: Token) -> Result<bool> {
        if token == Token::DONE { Ok(true) } else { self.transport().test(token) }
    }

    /// Waits for local completion of a transfer that was started. Not collective. Stands for `ARMCI_Wait`.
    #[inline]
    pub fn wait(&self, token: Token) -> Result<()> {
        if token == Token::DONE { Ok(()) } else { self.transport().wait(token) }
    }
}
