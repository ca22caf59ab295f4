//! Non-blocking operations whose buffer the request owns.
//!
//! Invariant: the buffer is neither given back nor freed before the transfer is locally complete. A request that is forgotten leaks its
//! buffer and nothing else; one that is dropped waits first.

use super::contiguous::aligned;
use super::shaped::Strided;
use crate::call::{Call, OpCode};
use crate::error::Result;
use crate::plain::{self, Plain};
use crate::segment::Segment;
use crate::transport::{SignalUpdate, Token};
use shm::Element;
use std::mem::ManuallyDrop;

/// A transfer under way, and the buffer it uses.
#[derive(Debug)]
#[must_use = "the buffer comes back from `wait`"]
pub struct Request<T: Plain> {
    buffer: ManuallyDrop<Vec<T>>,
    token: Token,
    segment: Segment,
    /// Of a get, the first element before it: what arrives must be checked before it is shown, and replaced where it isn't valid.
    before: Option<T>,
}

impl<T: Plain> Request<T> {
    /// Whether the transfer is locally complete. Not collective. Stands for `ARMCI_Test`, `MPI_Test`.
    pub fn test(&mut self) -> Result<bool> {
        if self.token != Token::DONE && self.segment.transport().test(self.token)? {
            self.token = Token::DONE;
        }
        Ok(self.token == Token::DONE)
    }

    /// Waits for local completion and gives the buffer back: sent, or filled.
    ///
    /// Not collective. Stands for `ARMCI_Wait`, `MPI_Wait`. Errors: `Died`; `Type` when bytes that arrived are no values of `T`.
    pub fn wait(mut self) -> Result<Vec<T>> {
        self.finish()?;
        if let Some(before) = self.before {
            // An error drops the request, whose buffer holds values again.
            plain::check("get_nb", &mut self.buffer, before)?;
        }
        // SAFETY: taken once: `self` is forgotten at once.
        let buffer = unsafe { ManuallyDrop::take(&mut self.buffer) };
        // SAFETY: read once; `self` is forgotten at once, so the segment is dropped here and nowhere else.
        drop(unsafe { std::ptr::read(&self.segment) });
        std::mem::forget(self);
        Ok(buffer)
    }

    fn finish(&mut self) -> Result<()> {
        if self.token != Token::DONE {
            self.segment.transport().wait(self.token)?;
            self.token = Token::DONE;
        }
        Ok(())
    }
}

impl<T: Plain> Drop for Request<T> {
    fn drop(&mut self) {
        // Leaked when the wait fails: the transport may still use it.
        if self.finish().is_ok() {
            // SAFETY: dropped once; `wait` forgets the request instead of dropping it.
            unsafe { ManuallyDrop::drop(&mut self.buffer) };
        }
    }
}

impl Segment {
    fn request<T: Plain>(
        &self,
        buffer: Vec<T>,
        before: Option<T>,
        start: impl FnOnce(*mut u8) -> Result<Token>,
    ) -> Result<Request<T>> {
        let mut buffer = ManuallyDrop::new(buffer);
        match start(buffer.as_mut_ptr().cast()) {
            Ok(token) => Ok(Request { buffer, token, segment: self.clone(), before }),
            Err(error) => {
                // SAFETY: dropped once; nothing was started.
                unsafe { ManuallyDrop::drop(&mut buffer) };
                Err(error)
            }
        }
    }

    /// Starts writing `src` to `rank`'s part at byte `offset`; the request gives the vector back.
    ///
    /// Not collective. Stands for `ARMCI_NbPut`, `MPI_Rput`. Errors: as [`Segment::put`].
    pub fn put_nb<T: Plain>(&self, rank: usize, offset: usize, src: Vec<T>) -> Result<Request<T>> {
        let len = size_of_val(src.as_slice());
        // SAFETY: the request keeps the buffer until the transfer is complete.
        self.request(src, None, |bytes| unsafe { self.start_put(rank, offset, bytes, len) })
    }

    /// Starts reading `rank`'s part at byte `offset` into `dst`, as many elements as it has.
    ///
    /// Not collective. Stands for `ARMCI_NbGet`, `MPI_Rget`. Errors: as [`Segment::get`].
    pub fn get_nb<T: Plain>(&self, rank: usize, offset: usize, dst: Vec<T>) -> Result<Request<T>> {
        let (len, before) = (size_of_val(dst.as_slice()), dst.first().copied());
        // SAFETY: as put_nb; nobody else sees the buffer meanwhile.
        self.request(dst, before, |bytes| unsafe { self.start_get(rank, offset, bytes, len) })
    }

    /// Starts [`Segment::put_signal`].
    ///
    /// Not collective. Stands for `shmem_put_signal_nbi`. Errors: as there.
    pub fn put_signal_nb<T: Plain>(
        &self,
        rank: usize,
        offset: usize,
        src: Vec<T>,
        signal_offset: usize,
        update: SignalUpdate,
    ) -> Result<Request<T>> {
        let len = size_of_val(src.as_slice());
        self.request(src, None, |bytes| {
            // SAFETY: the request keeps the buffer until the transfer is complete.
            unsafe { self.start_put_signal(rank, offset, bytes, len, signal_offset, update) }
        })
    }

    /// Starts `target += alpha * src`.
    ///
    /// Not collective. Stands for `ARMCI_NbAcc`, `MPI_Raccumulate`. Errors: as [`Segment::accumulate`].
    #[track_caller]
    pub fn accumulate_nb<T: Element>(
        &self,
        rank: usize,
        offset: usize,
        src: Vec<T>,
        alpha: T,
    ) -> Result<Request<T>> {
        aligned::<T>("accumulate_nb", rank, offset, &[])?;
        let call = Call::new(OpCode::Accumulate);
        let count = src.len();
        self.request(src, None, |bytes| {
            // SAFETY: the request keeps the buffer until the transfer is complete.
            unsafe {
                self.start_accumulate_run(call, rank, offset, bytes.cast::<T>().cast_const(), count, alpha)
            }
        })
    }

    /// Starts `target += alpha * src` on strided boxes.
    ///
    /// Not collective. Stands for `ARMCI_NbAccS`. Errors: as [`Segment::accumulate_strided`].
    #[track_caller]
    pub fn accumulate_strided_nb<T: Element>(
        &self,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        src: Vec<T>,
        alpha: T,
    ) -> Result<Request<T>> {
        shape.check::<T>("accumulate_strided_nb", rank, src.len())?;
        aligned::<T>("accumulate_strided_nb", rank, offset, shape.rows().remote_strides)?;
        let alpha = (&raw const alpha).cast();
        // SAFETY: local rows were checked; the request keeps the buffer until the transfer is complete.
        self.request(src, None, |bytes| unsafe {
            let src = bytes.wrapping_add(shape.local_offset);
            self.start_accumulate_strided(rank, offset, shape.rows(), T::DTYPE, src, alpha)
        })
    }

    /// Starts writing a strided box of `src`. Not collective. Stands for `ARMCI_NbPutS`. Errors: as [`Segment::put_strided`].
    pub fn put_strided_nb<T: Plain>(
        &self,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        src: Vec<T>,
    ) -> Result<Request<T>> {
        shape.check::<T>("put_strided_nb", rank, src.len())?;
        // SAFETY: local rows were checked; the request keeps the buffer until the transfer is complete.
        self.request(src, None, |bytes| unsafe {
            self.start_put_strided(rank, offset, shape.rows(), bytes.wrapping_add(shape.local_offset))
        })
    }

    /// Starts reading into a strided box of `dst`. Not collective. Stands for `ARMCI_NbGetS`. Errors: as [`Segment::get_strided`].
    pub fn get_strided_nb<T: Plain>(
        &self,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        dst: Vec<T>,
    ) -> Result<Request<T>> {
        shape.check::<T>("get_strided_nb", rank, dst.len())?;
        let before = dst.first().copied();
        // SAFETY: as put_strided_nb; nobody else sees the buffer meanwhile.
        self.request(dst, before, |bytes| unsafe {
            self.start_get_strided(rank, offset, shape.rows(), bytes.wrapping_add(shape.local_offset))
        })
    }
}
