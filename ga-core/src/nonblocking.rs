//! Non-blocking access to patches: requests that own their buffer.
//!
//! Invariant: the buffer is neither given back nor freed before every transfer it takes part in is locally
//! complete. A request that is forgotten leaks its buffer and nothing else; one that is dropped waits first.

use crate::access::Fit;
use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::number::Number;
use crate::patch::Region;
use crate::transfer::{Slab, Verb};
use rma::transport::Token;
use rma::{Element, Segment};
use std::mem::ManuallyDrop;

/// Access to a patch under way, and its buffer.
#[must_use = "the buffer comes back from `wait`"]
pub struct PatchRequest<T: Element> {
    buffer: ManuallyDrop<Vec<T>>,
    /// Keeps the target's memory and knows the transport.
    segment: Segment,
    /// Transfers that were not complete when they were started: none on one node.
    pending: Vec<Token>,
}

impl<T: Element> GlobalArray<T> {
    /// Starts a [`GlobalArray::put`]; the request gives the vector back. `NGA_NbPut`.
    ///
    /// Not collective; nothing is complete on return.
    ///
    /// # Errors
    /// As [`GlobalArray::put`].
    pub fn put_nb(&self, region: impl Region, data: Vec<T>) -> Result<PatchRequest<T>> {
        self.start("put_nb", region, data, |buffer| Verb::Put(buffer.as_ptr()))
    }

    /// Starts a [`GlobalArray::get`] into a vector that has as many elements as the patch; the request gives
    /// it back, filled. `NGA_NbGet`.
    ///
    /// Not collective; nothing is complete on return.
    ///
    /// # Errors
    /// As [`GlobalArray::get`].
    pub fn get_nb(&self, region: impl Region, data: Vec<T>) -> Result<PatchRequest<T>> {
        self.start("get_nb", region, data, |buffer| Verb::Get(buffer.as_mut_ptr()))
    }

    /// Starts a [`GlobalArray::accumulate`]; the request gives the vector back. `NGA_NbAcc`.
    ///
    /// Not collective; nothing is complete on return.
    ///
    /// # Errors
    /// As [`GlobalArray::accumulate`].
    pub fn accumulate_nb(&self, region: impl Region, data: Vec<T>, alpha: T) -> Result<PatchRequest<T>>
    where
        T: Number,
    {
        self.start("accumulate_nb", region, data, |buffer| Verb::Accumulate(buffer.as_ptr(), alpha))
    }

    fn start(
        &self,
        op: &'static str,
        region: impl Region,
        data: Vec<T>,
        verb: impl FnOnce(&mut Vec<T>) -> Verb<T>,
    ) -> Result<PatchRequest<T>> {
        let segment = self.raw().segment().clone();
        // From here on the request owns the buffer: should the third of four transfers fail, dropping it
        // waits for the first.
        let mut request = PatchRequest { buffer: ManuallyDrop::new(data), segment, pending: Vec::new() };
        let (verb, len) = (verb(&mut request.buffer), request.buffer.len());
        region.with_bounds(|lo, hi| {
            self.buffered(op, verb, Slab { lo, hi, step: None }, len, Fit::Dense, &mut request.pending)
        })?;
        Ok(request)
    }
}

impl<T: Element> PatchRequest<T> {
    /// Whether the access is locally complete. Not collective. `NGA_NbTest`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when the target died.
    pub fn test(&mut self) -> Result<bool> {
        while let Some(&token) = self.pending.last() {
            if !self.segment.test(token).map_err(|e| Error::from_rma("test", e))? {
                return Ok(false);
            }
            self.pending.pop();
        }
        Ok(true)
    }

    /// Waits for local completion and gives the buffer back: sent, or filled. Not collective. `NGA_NbWait`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when the target died.
    pub fn wait(mut self) -> Result<Vec<T>> {
        self.finish()?;
        Ok(std::mem::take(&mut self.buffer))
    }

    fn finish(&mut self) -> Result<()> {
        while let Some(&token) = self.pending.last() {
            self.segment.wait(token).map_err(|e| Error::from_rma("wait", e))?;
            self.pending.pop();
        }
        Ok(())
    }
}

impl<T: Element> Drop for PatchRequest<T> {
    fn drop(&mut self) {
        // Leaked when the wait fails: the transport may still use it.
        if self.finish().is_ok() {
            // SAFETY: dropped once, here; `wait` leaves an empty vector behind.
            unsafe { ManuallyDrop::drop(&mut self.buffer) };
        }
    }
}
