//! Blocks in place: as `ndarray` views of the memory they live in.
//!
//! Invariant: a view stands for an epoch. Either the call is collective and the epoch is its own
//! (synchronised on both sides, nothing else can be called on the array meanwhile), or the caller promises
//! the epoch, and the function is unsafe.

use crate::array::GlobalArray;
use crate::error::Result;
use ndarray::{ArrayViewD, ArrayViewMutD, Dimension, IxDyn};
use rma::Element;
use std::ptr::NonNull;

impl<T: Element> GlobalArray<T> {
    /// Lets every rank read its block in place: `f` gets a view of [`GlobalArray::local_patch`].
    ///
    /// Collective. Synchronises before and after, so the view shows what everybody put before, and what is
    /// put after the call comes after the reading. `NGA_Access` + `NGA_Release` between two `GA_Sync`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn with_local<R>(&mut self, f: impl FnOnce(ArrayViewD<'_, T>) -> R) -> Result<R> {
        self.sync()?;
        let guard = PanicGuard { ranks: self.team().size() };
        // SAFETY: all ranks are inside this function and hold their array mutably, so nobody writes until the
        // second sync.
        let result = f(unsafe { self.local() });
        std::mem::forget(guard);
        self.sync()?;
        Ok(result)
    }

    /// Lets every rank change its block in place: `f` gets a mutable view of [`GlobalArray::local_patch`].
    ///
    /// Collective. Synchronises before and after; see [`GlobalArray::with_local`]. `NGA_Access` +
    /// `NGA_Release_update` between two `GA_Sync`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn with_local_mut<R>(&mut self, f: impl FnOnce(ArrayViewMutD<'_, T>) -> R) -> Result<R> {
        self.sync()?;
        let guard = PanicGuard { ranks: self.team().size() };
        // SAFETY: all ranks are inside this function and hold their array mutably, so nobody else accesses
        // the block until the second sync.
        let result = f(unsafe { self.local_mut() });
        std::mem::forget(guard);
        self.sync()?;
        Ok(result)
    }

    /// My block in place. Not collective. `NGA_Access` to read.
    ///
    /// # Safety
    /// No rank writes to the block while the view lives (mine included), and what was written before is
    /// complete: a sync lies between.
    pub unsafe fn local(&self) -> ArrayViewD<'_, T> {
        // SAFETY: `local_ptr` is good for the elements of my block, which lie densely; the rest is the
        // caller's promise.
        unsafe { ArrayViewD::from_shape_ptr(self.block_shape(self.team().rank()), self.local_ptr()) }
    }

    /// My block in place, to be changed. Not collective. `NGA_Access` to write.
    ///
    /// # Safety
    /// No rank accesses the block but through this view while it lives, and what was written before is
    /// complete.
    // `&self`, as for a put: the array is shared memory, and whose turn it is was agreed on by the caller's
    // promise.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn local_mut(&self) -> ArrayViewMutD<'_, T> {
        // SAFETY: `local_ptr` is good for the elements of my block, which lie densely; the rest is the
        // caller's promise.
        unsafe { ArrayViewMutD::from_shape_ptr(self.block_shape(self.team().rank()), self.local_ptr()) }
    }

    /// The block of any rank in place, or `None` when its memory is not mapped here (it is, on the same
    /// node). Not collective.
    ///
    /// # Safety
    /// As [`GlobalArray::local`], for that block.
    pub unsafe fn block_view(&self, rank: usize) -> Option<ArrayViewD<'_, T>> {
        let shape = self.block_shape(rank);
        if shape.size() == 0 {
            // SAFETY: no element of an empty view is ever looked at.
            return Some(unsafe { ArrayViewD::from_shape_ptr(shape, NonNull::dangling().as_ptr()) });
        }
        let first = self.raw().mapped(rank)?.cast::<T>();
        // SAFETY: the part has as many elements, densely from there on, aligned for any element type; that
        // nobody writes to them is the caller's promise.
        Some(unsafe { ArrayViewD::from_shape_ptr(shape, first.as_ptr()) })
    }

    /// Shape of a block in memory: that of its patch, but a 0-d array has nothing on ranks that don't own its
    /// element.
    fn block_shape(&self, rank: usize) -> IxDyn {
        match self.distribution().len_of(rank) {
            0 if self.ndim() == 0 => IxDyn(&[0]),
            _ => IxDyn(&self.distribution().block(rank).shape()),
        }
    }
}

/// Ends the process, and with it the job, when the closure of a collective epoch panics (its message is out
/// by then): the others wait for this rank, and if the panic were caught it could write to blocks that they
/// still look at.
struct PanicGuard {
    ranks: usize,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if self.ranks > 1 {
            std::process::abort();
        }
    }
}
