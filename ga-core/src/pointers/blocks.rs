//! Memory of blocks, with their ghost cells; and patches that go on periodically.

use super::Pointed;
use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::ghosts::GhostBlock;
use crate::number::Number;
use crate::transfer::Verb;
use rma::Element;
use std::ptr::NonNull;

/// Blocks with ghost cells as memory, and periodic patches from and to pointers.
pub trait BlockPointers<T: Element>: Pointed<T> {
    /// My block with its ghost cells. Not collective; what may be done there when is up to the program. `NGA_Access_ghosts`.
    fn ghost_block(&self) -> GhostBlock<T> {
        self.array().ghost_memory()
    }

    /// Where the element or ghost cell is that has these indices in [`BlockPointers::ghost_block`]. Not collective.
    /// `NGA_Access_ghost_element`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] when there is none.
    fn ghost_element(&self, index: &[usize]) -> Result<NonNull<T>> {
        let (block, ndim) = (self.ghost_block(), self.array().ndim());
        if index.len() != ndim || index.iter().zip(&block.extents[..]).any(|(i, n)| i >= n) {
            let kind = if index.len() == ndim { ErrorKind::Range } else { ErrorKind::Shape };
            return Err(Error::numbered(kind, "ghost_element", |by| {
                let (index, extents) = (by.index(index), by.extents(&block.extents));
                format!("index {index} of a block with ghost cells of {extents}")
            }));
        }
        let offset = index.iter().zip(&block.strides[..]).map(|(i, s)| i * s).sum();
        // SAFETY: each index is below its extent, so the element lies in the block's memory.
        Ok(unsafe { block.first.add(offset) })
    }

    /// [`GlobalArray::get_ghost_block`] to a pointer, with leading dimensions.
    ///
    /// # Safety
    /// As [`PatchPointers::get_ptr`](super::PatchPointers::get_ptr).
    ///
    /// # Errors
    /// As [`BlockPointers::get_periodic_ptr`].
    unsafe fn get_ghost_block_ptr(
        &self,
        lo: &[isize],
        hi: &[isize],
        dst: *mut T,
        ld: &[usize],
    ) -> Result<()> {
        let roomy = |extents: &Dims| {
            ld.len() + 1 == extents.len().max(1) && extents.iter().skip(1).zip(ld).all(|(e, l)| e <= l)
        };
        let Some(extents) = self.array().in_ghost_block(lo, hi).filter(roomy) else {
            // SAFETY: the caller's promise.
            return unsafe { self.get_periodic_ptr(lo, hi, dst, ld) };
        };
        let mut strides = Dims::filled(1, extents.len());
        for d in (1..extents.len()).rev() {
            strides[d - 1] = strides[d].saturating_mul(ld[d - 1]);
        }
        // SAFETY: the caller's promise; the strides are those of the leading dimensions.
        unsafe { self.array().copy_ghosts(lo, &extents, dst, &strides) }
    }

    /// [`GlobalArray::put_periodic`] from a pointer, with leading dimensions.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`](super::PatchPointers::put_ptr).
    ///
    /// # Errors
    /// As [`GlobalArray::put_periodic`]; [`ErrorKind::Buffer`] for a leading dimension below the patch's extent.
    unsafe fn put_periodic_ptr(&self, lo: &[isize], hi: &[isize], src: *const T, ld: &[usize]) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.array().leading_periodic("put_periodic", Verb::Put(src), lo, hi, ld) }
    }

    /// [`GlobalArray::get_periodic`] to a pointer, with leading dimensions.
    ///
    /// # Safety
    /// As [`PatchPointers::get_ptr`](super::PatchPointers::get_ptr).
    ///
    /// # Errors
    /// As [`BlockPointers::put_periodic_ptr`].
    unsafe fn get_periodic_ptr(&self, lo: &[isize], hi: &[isize], dst: *mut T, ld: &[usize]) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.array().leading_periodic("get_periodic", Verb::Get(dst), lo, hi, ld) }
    }

    /// [`GlobalArray::accumulate_periodic`] from a pointer, with leading dimensions.
    ///
    /// # Safety
    /// As [`PatchPointers::put_ptr`](super::PatchPointers::put_ptr).
    ///
    /// # Errors
    /// As [`BlockPointers::put_periodic_ptr`].
    unsafe fn accumulate_periodic_ptr(
        &self,
        lo: &[isize],
        hi: &[isize],
        src: *const T,
        ld: &[usize],
        alpha: T,
    ) -> Result<()>
    where
        T: Number,
    {
        // SAFETY: the caller's promise.
        unsafe {
            self.array().leading_periodic("accumulate_periodic", Verb::Accumulate(src, alpha), lo, hi, ld)
        }
    }
}

impl<T: Element> BlockPointers<T> for GlobalArray<T> {}
