//! Blocks in place: as `ndarray` views of the memory they live in, without their ghost cells.
//!
//! Where a rank owns several blocks these views are empty; see [`crate::Distribution::block_place`] there.
//!
//! Invariant: a view stands for an epoch. Either the call is collective and the epoch is its own, or the caller promises
//! the epoch, and the function is unsafe.
//!
//! # Why the collective ones are safe
//! Nobody else has a way to the block while a rank's view of it lives. All ranks have entered, with a signature that no other operation
//! has, so each has its array borrowed mutably, and what it did before is complete. The memory is this array's alone: a second array in
//! it, or its segment, is had by an unsafe function. Who leaves has heard that all have left their views; who leaves in any other way (an
//! error, since some rank died or called something else within its view) leaves without the array, which it has [given
//! up](rma::Segment::abandon), and who panics ends the job.

use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::{Error, Result};
use ndarray::{ArrayViewD, ArrayViewMutD, IxDyn, ShapeBuilder, StrideShape};
use rma::Element;
use std::ptr::NonNull;

impl<T: Element> GlobalArray<T> {
    /// Lets every rank read its block in place: `f` gets a view of [`GlobalArray::local_patch`].
    ///
    /// Collective. Synchronises before and after, so the view shows what everybody put before, and what is
    /// put after the call comes after the reading. `NGA_Access` + `NGA_Release` between two `GA_Sync`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below; after one that came while the closure ran (a rank died, or
    /// called another collective within it) the array is given up, and its use is an error.
    #[track_caller]
    pub fn with_local<R>(&mut self, f: impl FnOnce(ArrayViewD<'_, T>) -> R) -> Result<R> {
        // SAFETY: nobody else has a way to the block, see above.
        self.epoch_of_views(|array| f(unsafe { array.local() }))
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
        // SAFETY: as with_local.
        self.epoch_of_views(|array| f(unsafe { array.local_mut() }))
    }

    /// Runs `f` while all ranks are inside this function.
    #[track_caller]
    fn epoch_of_views<R>(&mut self, f: impl FnOnce(&Self) -> R) -> Result<R> {
        let op = "local";
        let memory = self.raw().memory();
        memory.sync_for(op).map_err(|error| {
            // A mismatch is one for all ranks. Of a death they may learn one after the other, some when they have their view.
            if error.kind() != rma::ErrorKind::Mismatch {
                memory.abandon();
            }
            Error::from_rma(op, error)
        })?;
        let guard = PanicGuard { ranks: self.team().size() };
        let result = f(self);
        std::mem::forget(guard);
        memory.sync_for(op).map_err(|error| {
            memory.abandon();
            Error::from_rma(op, error)
        })?;
        Ok(result)
    }

    /// My block in place. Not collective. `NGA_Access` to read.
    ///
    /// # Safety
    /// No rank writes to the block while the view lives (mine included), and what was written before is
    /// complete: a sync lies between.
    pub unsafe fn local(&self) -> ArrayViewD<'_, T> {
        let (layout, offset) = self.block_layout(self.team().rank());
        // SAFETY: the layout is that of my block in the memory at `local_ptr`; the rest is the caller's
        // promise.
        unsafe { ArrayViewD::from_shape_ptr(layout, self.local_ptr().add(offset)) }
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
        let (layout, offset) = self.block_layout(self.team().rank());
        // SAFETY: the layout is that of my block in the memory at `local_ptr`; the rest is the caller's
        // promise.
        unsafe { ArrayViewMutD::from_shape_ptr(layout, self.local_ptr().add(offset)) }
    }

    /// The block of any rank in place, or `None` when its memory is not mapped here (it is, on the same
    /// node). Not collective.
    ///
    /// # Safety
    /// As [`GlobalArray::local`], for that block.
    pub unsafe fn block_view(&self, rank: usize) -> Option<ArrayViewD<'_, T>> {
        let (layout, offset) = self.block_layout(rank);
        if layout.size() == 0 {
            // SAFETY: no element of an empty view is ever looked at.
            return Some(unsafe { ArrayViewD::from_shape_ptr(layout, NonNull::dangling().as_ptr()) });
        }
        let first = self.raw().mapped(rank)?.cast::<T>();
        // SAFETY: the layout is that of the block in its owner's part, which is aligned for any element type;
        // that nobody writes to it is the caller's promise.
        Some(unsafe { ArrayViewD::from_shape_ptr(layout, first.as_ptr().add(offset)) })
    }

    /// Shape and strides of a rank's block in memory, and the offset of its first element. The shape is that
    /// of its patch, but a 0-d array has nothing on ranks that don't own its element.
    fn block_layout(&self, rank: usize) -> (StrideShape<IxDyn>, usize) {
        let distribution = self.distribution();
        let block = distribution.block(rank);
        if distribution.len_of(rank) == 0 || !distribution.is_one_block() {
            let shape = if self.ndim() == 0 { IxDyn(&[0]) } else { IxDyn(&block.shape()) };
            return (shape.into(), 0);
        }
        let mut strides = Dims::filled(0, self.ndim());
        let at = distribution.single_owner(block.lo(), block.hi(), &mut strides);
        let offset = at.expect("a block has one owner").offset;
        (IxDyn(&block.shape()).strides(IxDyn(&strides)), offset)
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
