//! Strided and vector forms of put, get and accumulate on slices.
//!
//! Shapes are in bytes, as in ARMCI. What is checked: the target's box, the local box against the slice, and that rows of
//! the slice hold whole elements.

use super::contiguous::aligned;
use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::plain::{self, Plain};
use crate::segment::Segment;
use crate::shared::call;
use crate::spot::extent;
use crate::transport::{Moving, Rows, Runs, Token};
use shm::Element;
use shm::accumulate;
use std::collections::VecDeque;

/// A strided box, all in bytes: `counts[0]` contiguous bytes, repeated `counts[1]` times at `strides[0]`, and so on up to 8
/// strides; strides may be negative.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// Contiguous bytes, then the repetitions per stride.
    pub counts: &'a [usize],
    /// Strides at the target, one fewer than counts.
    pub remote_strides: &'a [isize],
    /// Strides in the local slice, one fewer than counts.
    pub local_strides: &'a [isize],
    /// Where in the local slice the first row begins.
    pub local_offset: usize,
}

/// Many runs of one length: run `i` lies at byte `remote[i]` of the target's part and at byte `local[i]` of the slice.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a> {
    /// Byte offsets in the target's part.
    pub remote: &'a [usize],
    /// Byte offsets in the local slice; as many.
    pub local: &'a [usize],
    /// Bytes of each run.
    pub len_bytes: usize,
}

impl<'a> Strided<'a> {
    pub(super) fn rows(&self) -> Rows<'a> {
        Rows { counts: self.counts, remote_strides: self.remote_strides, local_strides: self.local_strides }
    }

    /// Checks the local side against a slice of `len` elements of `T`.
    pub(super) fn check<T>(&self, op: &'static str, rank: usize, len: usize) -> Result<()> {
        let shape = |message| Err(Error::at(ErrorKind::Shape, op, rank, message));
        let (counts, strides) = (self.counts, self.local_strides);
        if counts.is_empty() || strides.len() + 1 != counts.len() {
            return shape(format!("{} counts with {} local strides", counts.len(), strides.len()));
        }
        let size = size_of::<T>().max(1);
        let parts =
            [counts[0], self.local_offset].into_iter().chain(strides.iter().map(|s| s.unsigned_abs()));
        if let Some(part) = parts.into_iter().find(|part| part % size != 0) {
            return shape(format!("{part} is no multiple of the element's {size} bytes"));
        }
        let len_bytes = len * size_of::<T>();
        match extent(counts, strides) {
            Some((below, above))
                if below <= self.local_offset && above <= len_bytes.saturating_sub(self.local_offset) =>
            {
                Ok(())
            }
            _ => {
                let message = format!("the local box leaves the slice of {len_bytes} bytes");
                Err(Error::at(ErrorKind::Range, op, rank, message))
            }
        }
    }
}

impl<'a> Vector<'a> {
    fn runs(&self) -> Runs<'a> {
        Runs { remote: self.remote, local: self.local, len: self.len_bytes }
    }

    fn check<T>(&self, op: &'static str, rank: usize, len: usize) -> Result<()> {
        let (runs, local, bytes) = (self.remote.len(), self.local.len(), self.len_bytes);
        let size = size_of::<T>().max(1);
        if runs != local || bytes % size != 0 {
            let message =
                format!("{runs} remote and {local} local runs of {bytes} bytes, elements of {size}");
            return Err(Error::at(ErrorKind::Shape, op, rank, message));
        }
        let Some(last) = (len * size_of::<T>()).checked_sub(bytes) else {
            let message = format!("runs of {bytes} bytes in a slice of {}", len * size_of::<T>());
            return if runs == 0 { Ok(()) } else { Err(Error::at(ErrorKind::Range, op, rank, message)) };
        };
        match self.local.iter().find(|offset| **offset > last || **offset % size != 0) {
            None => Ok(()),
            Some(offset) => {
                let message =
                    format!("a local run of {bytes} bytes at {offset} of {} bytes", len * size_of::<T>());
                Err(Error::at(ErrorKind::Range, op, rank, message))
            }
        }
    }
}

impl Segment {
    /// Writes a strided box of `src` to a strided box of `rank`'s part whose first row begins at byte `offset`. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_PutS`. Errors: as [`Segment::put`], and `Shape`; then nothing was written.
    pub fn put_strided<T: Plain>(
        &self,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        src: &[T],
    ) -> Result<()> {
        shape.check::<T>("put_strided", rank, src.len())?;
        let start = src.as_ptr().cast::<u8>().wrapping_add(shape.local_offset);
        // SAFETY: every local row was checked to be inside the slice.
        unsafe { self.put_strided_bytes(rank, offset, shape.rows(), start) }
    }

    /// Reads a strided box of `rank`'s part into a strided box of `dst`. The data is there on return.
    ///
    /// Not collective. Stands for `ARMCI_GetS`. Errors: as [`Segment::get`], and `Shape`.
    pub fn get_strided<T: Plain>(
        &self,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        dst: &mut [T],
    ) -> Result<()> {
        shape.check::<T>("get_strided", rank, dst.len())?;
        plain::fill("get_strided", dst, |bytes| {
            let start = bytes.wrapping_add(shape.local_offset);
            // SAFETY: every local row was checked to be inside the slice.
            unsafe { self.get_strided_bytes(rank, offset, shape.rows(), start) }
        })
    }

    /// `target += alpha * src` on strided boxes. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_AccS`. Errors: as [`Segment::accumulate`], and `Shape`.
    #[track_caller]
    pub fn accumulate_strided<T: Element>(
        &self,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        src: &[T],
        alpha: T,
    ) -> Result<()> {
        shape.check::<T>("accumulate_strided", rank, src.len())?;
        aligned::<T>("accumulate_strided", rank, offset, shape.rows().remote_strides)?;
        let start = src.as_ptr().cast::<u8>().wrapping_add(shape.local_offset);
        let alpha = (&raw const alpha).cast();
        // SAFETY: every local row was checked to be inside the slice and to hold whole elements.
        unsafe { self.accumulate_strided_bytes(rank, offset, shape.rows(), T::DTYPE, start, alpha) }
    }

    /// Writes many runs of `src`. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_PutV`. Errors: as [`Segment::put`], and `Shape`; then nothing was written.
    pub fn put_vector<T: Plain>(&self, rank: usize, runs: Vector<'_>, src: &[T]) -> Result<()> {
        runs.check::<T>("put_vector", rank, src.len())?;
        let base = src.as_ptr().cast::<u8>();
        // SAFETY: local runs were checked to be inside the slice.
        unsafe { self.put_vector_bytes(rank, runs, base) }
    }

    /// Reads many runs into `dst`. The data is there on return.
    ///
    /// Not collective. Stands for `ARMCI_GetV`. Errors: as [`Segment::get`], and `Shape`.
    pub fn get_vector<T: Plain>(&self, rank: usize, runs: Vector<'_>, dst: &mut [T]) -> Result<()> {
        runs.check::<T>("get_vector", rank, dst.len())?;
        // SAFETY: local runs were checked to be inside the slice.
        plain::fill("get_vector", dst, |bytes| unsafe { self.get_vector_bytes(rank, runs, bytes) })
    }

    /// `target += alpha * src` on many runs. Locally complete on return.
    ///
    /// Not collective. Stands for `ARMCI_AccV`. Errors: as [`Segment::accumulate`], and `Shape`.
    #[track_caller]
    pub fn accumulate_vector<T: Element>(
        &self,
        rank: usize,
        runs: Vector<'_>,
        src: &[T],
        alpha: T,
    ) -> Result<()> {
        runs.check::<T>("accumulate_vector", rank, src.len())?;
        self.check_elements::<T>(rank, runs)?;
        // SAFETY: local runs were checked to be inside the slice, remote ones to be whole elements of the part.
        unsafe { self.accumulate_checked(Call::new(OpCode::Accumulate), rank, runs, src.as_ptr(), alpha) }
    }

    /// [`Segment::accumulate_vector`] from a bare pointer to places that are known. Not collective; locally complete on return. Stands
    /// for `ARMCI_AccV`.
    ///
    /// # Safety
    /// There are as many remote as local runs. Remote ones are whole elements anywhere in the part; every local one from `src` on is readable and
    /// outside the target.
    #[track_caller]
    pub unsafe fn accumulate_vector_ptr<T: Element>(
        &self,
        rank: usize,
        runs: Vector<'_>,
        src: *const T,
        alpha: T,
    ) -> Result<()> {
        // (Of a segment that is gone nothing is asked: it is refused.)
        let op = "accumulate_vector";
        debug_assert!(
            self.spot(op, rank, 0, 0).is_err()
                || self.check_remote(op, rank, runs).is_ok() && runs.len_bytes.is_multiple_of(size_of::<T>()),
            "whole elements of the part"
        );
        // SAFETY: the caller's promises.
        unsafe { self.accumulate_checked(Call::new(OpCode::Accumulate), rank, runs, src, alpha) }
    }

    /// Refuses remote runs that aren't whole elements of the part.
    fn check_elements<T>(&self, rank: usize, runs: Vector<'_>) -> Result<()> {
        let op = "accumulate_vector";
        self.check_remote(op, rank, runs)?;
        let uneven = |offset: &&usize| !offset.is_multiple_of(size_of::<T>());
        if let Some(offset) = runs.remote.iter().chain([&runs.len_bytes]).find(uneven) {
            let message = format!("offset {offset} is no multiple of the element's {} bytes", size_of::<T>());
            return Err(Error::at(ErrorKind::Alignment, op, rank, message));
        }
        Ok(())
    }

    /// # Safety
    /// Remote runs are whole elements of the part, local ones from `src` on are readable and outside the target.
    unsafe fn accumulate_checked<T: Element>(
        &self,
        call: Call,
        rank: usize,
        runs: Vector<'_>,
        src: *const T,
        alpha: T,
    ) -> Result<()> {
        let bytes = runs.len_bytes.saturating_mul(runs.remote.len());
        let _span = observe::span(|| self.event(OpCode::AccumulateVector, rank, bytes).at(call.location));
        let spot = self.spot("accumulate_vector", rank, 0, 0)?;
        if spot.mapped.is_null() {
            let moving = Moving::Accumulate { dtype: T::DTYPE, alpha: (&raw const alpha).cast() };
            // SAFETY: the caller's promise.
            if unsafe { self.transport().move_runs(spot.place, runs.runs(), src.cast_mut().cast(), moving) }?
            {
                return Ok(());
            }
            let count = runs.len_bytes / size_of::<T>();
            return self.in_turn(runs, |remote, local| {
                // SAFETY: the caller's promise for this run; waited for before this returns.
                unsafe { self.accumulate_run(call, rank, remote, src.byte_add(local), count, alpha) }
            });
        }
        let target = self.target(rank, spot);
        let cause =
            Cause { call, team: self.team().id(), target: Some(rank), sequence: 0, needs: Needs::Owner };
        let offsets = (runs.remote, runs.local);
        self.shared().waiting(cause, |context| {
            // SAFETY: the caller's promise.
            unsafe { accumulate::accumulate_runs(target, offsets, src, runs.len_bytes, alpha, context) }
        })
    }

    /// [`Segment::put_vector`] from a bare pointer.
    ///
    /// # Safety
    /// Every local run from `src` on is readable and outside the target.
    pub unsafe fn put_vector_bytes(&self, rank: usize, runs: Vector<'_>, src: *const u8) -> Result<()> {
        let bytes = runs.len_bytes.saturating_mul(runs.remote.len());
        // SAFETY: the caller's promise.
        call!(self.shared(), self.event(OpCode::PutVector, rank, bytes), unsafe {
            self.put_runs(rank, runs, src)
        })
    }

    /// What [`Segment::put_vector_bytes`] does.
    ///
    /// # Safety
    /// As there.
    unsafe fn put_runs(&self, rank: usize, runs: Vector<'_>, src: *const u8) -> Result<()> {
        let base = self.check_remote("put_vector", rank, runs)?;
        let pairs = runs.remote.iter().zip(runs.local);
        if base.mapped.is_null() {
            // SAFETY: remote runs were checked, local ones are the caller's promise.
            if unsafe { self.transport().move_runs(base.place, runs.runs(), src.cast_mut(), Moving::Put) }? {
                return Ok(());
            }
            return self.in_turn(runs, |remote, local| {
                // SAFETY: the caller's promise; waited for before this returns.
                unsafe { self.put_run(rank, remote, src.wrapping_add(local), runs.len_bytes) }
            });
        }
        // SAFETY: remote runs were checked, local ones are the caller's promise.
        unsafe {
            copy_runs(
                runs.len_bytes,
                pairs.map(|(r, l)| (base.mapped.wrapping_add(*r), src.wrapping_add(*l))),
            )
        };
        Ok(())
    }

    /// [`Segment::get_vector`] to a bare pointer.
    ///
    /// # Safety
    /// Every local run from `dst` on is writable, nobody else's, and outside the source.
    pub unsafe fn get_vector_bytes(&self, rank: usize, runs: Vector<'_>, dst: *mut u8) -> Result<()> {
        let bytes = runs.len_bytes.saturating_mul(runs.remote.len());
        // SAFETY: the caller's promise.
        call!(self.shared(), self.event(OpCode::GetVector, rank, bytes), unsafe {
            self.get_runs(rank, runs, dst)
        })
    }

    /// What [`Segment::get_vector_bytes`] does.
    ///
    /// # Safety
    /// As there.
    unsafe fn get_runs(&self, rank: usize, runs: Vector<'_>, dst: *mut u8) -> Result<()> {
        let base = self.check_remote("get_vector", rank, runs)?;
        let pairs = runs.remote.iter().zip(runs.local);
        if base.mapped.is_null() {
            // SAFETY: remote runs were checked, local ones are the caller's promise.
            if unsafe { self.transport().move_runs(base.place, runs.runs(), dst, Moving::Get) }? {
                return Ok(());
            }
            return self.in_turn(runs, |remote, local| {
                // SAFETY: the caller's promise; waited for before this returns.
                unsafe { self.get_run(rank, remote, dst.wrapping_add(local), runs.len_bytes) }
            });
        }
        let mapped = base.mapped.cast_const();
        // SAFETY: remote runs were checked, local ones are the caller's promise.
        unsafe {
            copy_runs(runs.len_bytes, pairs.map(|(r, l)| (dst.wrapping_add(*l), mapped.wrapping_add(*r))))
        };
        Ok(())
    }

    /// Moves runs of `rank`'s part and of local memory packed, many to a message, where that is quicker than one by one. False, and
    /// nothing was done, where it isn't: if the part is mapped here, if runs are long, or if not all of them are whole elements of the part.
    ///
    /// Not collective; locally complete on return. What the vector forms do by themselves; for callers that have runs in
    /// pieces of their own. Errors: `Rank`, `Foreign`, `Died`, `Finalized`.
    ///
    /// # Safety
    /// As [`Transport::move_runs`](crate::transport::Transport::move_runs), for the local side.
    pub unsafe fn move_runs(
        &self,
        rank: usize,
        runs: Runs<'_>,
        local: *mut u8,
        moving: Moving,
    ) -> Result<bool> {
        let spot = self.spot("move_runs", rank, 0, 0)?;
        let unit = if let Moving::Accumulate { dtype, .. } = moving { dtype.size_bytes() } else { 1 };
        let end = self.len_bytes(rank).checked_sub(runs.len);
        let is_good = |at: &usize| end.is_some_and(|end| *at <= end) && at.is_multiple_of(unit);
        let are_good = runs.len.is_multiple_of(unit) && runs.remote.iter().all(is_good);
        if !spot.mapped.is_null() || runs.remote.len() != runs.local.len() || !are_good {
            return Ok(false);
        }
        let bytes = runs.len * runs.remote.len();
        let mut span = observe::span(|| self.event(OpCode::MoveRuns, rank, bytes));
        // SAFETY: remote runs were checked, local ones are the caller's promise.
        let is_done = unsafe { self.transport().move_runs(spot.place, runs, local, moving) }?;
        if !is_done && let Some(span) = &mut span {
            span.cancel();
        }
        Ok(is_done)
    }

    /// Starts a transfer for each run, some ahead of the one that is waited for, and returns when all are locally complete.
    fn in_turn(&self, runs: Vector<'_>, mut start: impl FnMut(usize, usize) -> Result<Token>) -> Result<()> {
        const AHEAD: usize = 256;
        let mut under_way = VecDeque::with_capacity(AHEAD.min(runs.remote.len()));
        let mut outcome = Ok(());
        for (remote, local) in runs.remote.iter().zip(runs.local) {
            match start(*remote, *local) {
                Ok(Token::DONE) => {}
                Ok(token) => under_way.push_back(token),
                Err(error) => outcome = Err(error),
            }
            if under_way.len() == AHEAD {
                outcome = outcome.and(under_way.pop_front().map_or(Ok(()), |token| self.wait(token)));
            }
            if outcome.is_err() {
                break;
            }
        }
        // Whatever failed, nobody uses the buffer any more when this returns.
        under_way.into_iter().fold(outcome, |outcome, token| outcome.and(self.wait(token)))
    }

    /// Checks all remote runs; the spot is the beginning of the part.
    fn check_remote(&self, op: &'static str, rank: usize, runs: Vector<'_>) -> Result<crate::spot::Spot> {
        if runs.remote.len() != runs.local.len() {
            let message = format!("{} remote and {} local runs", runs.remote.len(), runs.local.len());
            return Err(Error::at(ErrorKind::Shape, op, rank, message));
        }
        if let Some(last) = runs.remote.iter().max() {
            self.spot(op, rank, *last, runs.len_bytes)?;
        }
        self.spot(op, rank, 0, 0)
    }
}

/// Copies runs of one length; the common lengths are single loads and stores.
///
/// # Safety
/// Each pair is `(destination, source)`, mapped for `len` bytes and disjoint.
#[inline]
unsafe fn copy_runs(len: usize, pairs: impl Iterator<Item = (*mut u8, *const u8)>) {
    // SAFETY: the caller's promise; the element types only give the length.
    unsafe {
        match len {
            4 => pairs
                .for_each(|(dst, src)| dst.cast::<u32>().write_unaligned(src.cast::<u32>().read_unaligned())),
            8 => pairs
                .for_each(|(dst, src)| dst.cast::<u64>().write_unaligned(src.cast::<u64>().read_unaligned())),
            16 => pairs.for_each(|(dst, src)| {
                dst.cast::<u128>().write_unaligned(src.cast::<u128>().read_unaligned())
            }),
            _ => pairs.for_each(|(dst, src)| shm::copy::copy(dst, src, len)),
        }
    }
}
