//! Non-blocking access to patches: requests that own their buffer, and handles that don't.
//!
//! Invariant: the buffer is neither given back nor freed before every transfer it takes part in is locally
//! complete. A request that is forgotten leaks its buffer and nothing else; one that is dropped waits first.

use crate::access::Fit;
use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::number::Number;
use crate::patch::Region;
use crate::raw::RawArray;
use crate::transfer::{Slab, Verb};
use rma::transport::Token;
use rma::{Element, Segment};
use std::mem::ManuallyDrop;

/// Access under way whose buffer is somebody else's business: what the unsafe non-blocking forms return. May be
/// kept in a table and waited for by any thread; dropping it waits.
#[derive(Default)]
#[must_use = "the access is complete only after `wait`"]
pub struct Pending {
    /// Keeps the target's memory and knows the transport; none when all was complete at once, as on one node.
    segment: Option<Segment>,
    /// Transfers that were not complete when they were started.
    tokens: Vec<Token>,
}

impl Pending {
    /// What `start` leaves to be waited for. Should it fail, what it had started is waited for.
    #[inline]
    pub(crate) fn collect(
        array: &RawArray,
        start: impl FnOnce(&mut Vec<Token>) -> Result<()>,
    ) -> Result<Self> {
        let mut pending = Pending::default();
        let started = start(&mut pending.tokens);
        if !pending.tokens.is_empty() {
            pending.segment = Some(array.memory().clone());
        }
        started.map(|()| pending)
    }

    /// Known to be locally complete: neither `test` nor `wait` would have anything to do. Not collective.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether the access is locally complete. Not collective. `NGA_NbTest`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when the target died.
    pub fn test(&mut self) -> Result<bool> {
        let Some(segment) = &self.segment else { return Ok(true) };
        while let Some(&token) = self.tokens.last() {
            if !segment.test(token).map_err(|e| Error::from_rma("test", e))? {
                return Ok(false);
            }
            self.tokens.pop();
        }
        Ok(true)
    }

    /// Waits for local completion. Not collective; once is enough. `NGA_NbWait`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when the target died.
    #[inline]
    pub fn wait(&mut self) -> Result<()> {
        if let Some(segment) = &self.segment {
            while let Some(&token) = self.tokens.last() {
                segment.wait(token).map_err(|e| Error::from_rma("wait", e))?;
                self.tokens.pop();
            }
        }
        Ok(())
    }
}

impl Drop for Pending {
    #[inline]
    fn drop(&mut self) {
        // An error means that the target died, which whatever comes next will say.
        let _ = self.wait();
    }
}

/// Access to a patch under way, and its buffer.
#[must_use = "the buffer comes back from `wait`"]
pub struct PatchRequest<T: Element> {
    buffer: ManuallyDrop<Vec<T>>,
    pending: Pending,
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
        // From here on the request owns the buffer: should the third of four transfers fail, dropping it
        // waits for the first.
        let mut request = PatchRequest { buffer: ManuallyDrop::new(data), pending: Pending::default() };
        let (verb, len) = (verb(&mut request.buffer), request.buffer.len());
        request.pending = Pending::collect(self.raw(), |tokens| {
            region.with_bounds(|lo, hi| {
                self.buffered(op, verb, Slab { lo, hi, step: None }, len, Fit::Dense, tokens)
            })
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
        self.pending.test()
    }

    /// Waits for local completion and gives the buffer back: sent, or filled. Not collective. `NGA_NbWait`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) when the target died.
    pub fn wait(mut self) -> Result<Vec<T>> {
        self.pending.wait()?;
        Ok(std::mem::take(&mut self.buffer))
    }
}

impl<T: Element> Drop for PatchRequest<T> {
    fn drop(&mut self) {
        // Leaked when the wait fails: the transport may still use it.
        if self.pending.wait().is_ok() {
            // SAFETY: dropped once, here; `wait` leaves an empty vector behind.
            unsafe { ManuallyDrop::drop(&mut self.buffer) };
        }
    }
}
