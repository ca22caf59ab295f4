//! Ghost cells: copies of the neighbours' elements in the memory around a block.
//!
//! Invariant: a rank writes its own ghost cells only, and reads elements only, never ghost cells of others; so updates of all ranks
//! may run at the same time, in any order, and corners need no second step. The array goes on periodically at its borders, as in
//! the original.

use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::create::check_axes;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::nonblocking::Pending;
use crate::transfer::{Verb, Wait};
use ndarray::{Array, Dimension};
use rma::Element;
use rma::transport::Token;
use std::ptr::NonNull;

/// A block with its ghost cells, as memory.
#[derive(Clone, Debug)]
pub struct GhostBlock<T> {
    /// The first ghost cell; dangling if the block is empty.
    pub first: NonNull<T>,
    /// Extents, ghost cells on both sides included; all 0 if the block is empty.
    pub extents: Dims,
    /// Strides in elements; rows are dense.
    pub strides: Dims,
}

/// Which ghost cells of an axis a box has.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    Core,
    After,
    All,
}

impl<T: Element> GlobalArray<T> {
    /// Fills all ghost cells of my block with the elements they stand for; without `corners` only those that are beyond the
    /// block along one axis alone.
    ///
    /// Collective; synchronises before and after. `GA_Update_ghosts`, `GA_Set_ghost_corner_flag`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn update_ghosts(&self, corners: bool) -> Result<()> {
        self.sync_for("ghosts")?;
        let done = self.update_ghosts_nb(corners).and_then(|mut pending| pending.wait());
        self.sync_for("ghosts")?;
        done
    }

    /// Fills the ghost cells before (`after` is false) or after my block along one axis. With `corners`, also those that are
    /// beyond the block along other axes as well.
    ///
    /// Collective; synchronises before and after. `NGA_Update_ghost_dir`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] for an axis that there is not.
    #[track_caller]
    pub fn update_ghost_dir(&self, axis: usize, after: bool, corners: bool) -> Result<()> {
        if axis >= self.ndim() {
            // There is no number for such an axis in an order from the last one on.
            let message = format!("axis {axis} of an array of {} axes", self.ndim());
            return Err(Error::new(ErrorKind::Range, "update_ghost_dir", message));
        }
        self.sync_for("ghost_dir")?;
        let side = |d: usize| match (d == axis, after) {
            (true, false) => Side::Before,
            (true, true) => Side::After,
            (false, _) if corners => Side::All,
            (false, _) => Side::Core,
        };
        let pending = Pending::collect(self.raw(), |tokens| self.fetch_side(side, tokens));
        let done = pending.and_then(|mut pending| pending.wait());
        self.sync_for("ghost_dir")?;
        done
    }

    /// Starts [`GlobalArray::update_ghosts`] without its synchronisations: the neighbours' elements must be there, and stay
    /// until the answer says that all has arrived. Not collective. `NGA_Update_ghosts_nb`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    pub fn update_ghosts_nb(&self, corners: bool) -> Result<Pending> {
        Pending::collect(self.raw(), |tokens| self.fetch_ghosts(corners, tokens))
    }

    /// Starts filling the ghost cells in one direction: `mask[d]` is -1 for those before the block along axis `d`, 1 for those
    /// after it, and 0 for neither. The neighbours' elements must be there. Not collective. `NGA_NbGet_ghost_dir`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of axes or other numbers.
    pub fn get_ghost_dir_nb(&self, mask: &[isize]) -> Result<Pending> {
        if mask.len() != self.ndim() || mask.iter().any(|m| !(-1..=1).contains(m)) {
            return Err(Error::numbered(ErrorKind::Shape, "get_ghost_dir_nb", |by| {
                format!("direction {} of an array of {} axes", by.list(mask), self.ndim())
            }));
        }
        let side = |d: usize| match mask[d] {
            -1 => Side::Before,
            0 => Side::Core,
            _ => Side::After,
        };
        Pending::collect(self.raw(), |tokens| self.fetch_side(side, tokens))
    }

    /// My block with its ghost cells.
    pub(crate) fn ghost_memory(&self) -> GhostBlock<T> {
        let first = NonNull::new(self.local_ptr()).unwrap_or(NonNull::dangling());
        let (block, widths) = (self.local_patch(), self.distribution().ghosts());
        if self.distribution().storage_len(self.team().rank()) == 0 || block.is_empty() {
            let nothing = Dims::filled(0, self.ndim());
            return GhostBlock { first: NonNull::dangling(), extents: nothing.clone(), strides: nothing };
        }
        let extents = Dims::from_fn(self.ndim(), |d| block.shape()[d] + 2 * widths[d]);
        let strides = Dims::row_major_strides(&extents);
        GhostBlock { first, extents, strides }
    }

    /// Reads a periodic patch into a dense buffer: from my block and its ghost cells as they are, if it lies in these, else from
    /// the owners. Not collective; the data is there on return. `NGA_Get_ghost_block`.
    ///
    /// # Errors
    /// As [`GlobalArray::get_periodic`].
    pub fn get_ghost_block(&self, lo: &[isize], hi: &[isize], data: &mut [T]) -> Result<()> {
        match self.in_ghost_block(lo, hi) {
            Some(extents) if extents.iter().product::<usize>() == data.len() => {
                let strides = Dims::row_major_strides(&extents);
                // SAFETY: the buffer has as many elements as the patch, densely.
                unsafe { self.copy_ghosts(lo, &extents, data.as_mut_ptr(), &strides) }
            }
            // Where the buffer doesn't fit, this says so.
            _ => self.get_periodic(lo, hi, data),
        }
    }

    /// A copy of my block with its ghost cells as they are; empty where this rank has no block. Not collective; complete on return.
    /// `NGA_Access_ghosts` for reading.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of axes than the array's.
    pub fn ghost_array<D: Dimension>(&self) -> Result<Array<T, D>> {
        check_axes::<D>("ghost_array", self.shape())?;
        let (block, widths) = (self.local_patch(), self.distribution().ghosts());
        let mut shape = D::zeros(self.ndim());
        shape.slice_mut().copy_from_slice(&self.ghost_memory().extents);
        let mut array = Array::default(shape);
        if !array.is_empty() {
            let lo: Vec<isize> =
                (0..self.ndim()).map(|d| block.lo()[d] as isize - widths[d] as isize).collect();
            let hi: Vec<isize> = (0..self.ndim()).map(|d| (block.hi()[d] + widths[d]) as isize).collect();
            self.get_ghost_block(&lo, &hi, array.as_slice_mut().expect("a fresh array is dense"))?;
        }
        Ok(array)
    }

    /// The extents of a patch that lies in my block with its ghost cells.
    pub(crate) fn in_ghost_block(&self, lo: &[isize], hi: &[isize]) -> Option<Dims> {
        let (block, widths) = (self.local_patch(), self.distribution().ghosts());
        let is_here = self.distribution().storage_len(self.team().rank()) > 0 && !block.is_empty();
        if lo.len() != self.ndim() || hi.len() != self.ndim() || !is_here {
            return None;
        }
        let is_inside = |d: usize| {
            block.lo()[d] as isize - widths[d] as isize <= lo[d]
                && lo[d] <= hi[d]
                && hi[d] <= (block.hi()[d] + widths[d]) as isize
        };
        (0..lo.len()).all(is_inside).then(|| Dims::from_fn(lo.len(), |d| (hi[d] - lo[d]) as usize))
    }

    /// Copies a patch out of my block and its ghost cells.
    ///
    /// # Safety
    /// The patch lies there; `dst` is writable at every element of it, with these strides (in elements).
    pub(crate) unsafe fn copy_ghosts(
        &self,
        lo: &[isize],
        extents: &[usize],
        dst: *mut T,
        strides: &[usize],
    ) -> Result<()> {
        if extents.contains(&0) {
            return Ok(());
        }
        let (block, widths) = (self.local_patch(), self.distribution().ghosts());
        let memory = self.ghost_memory();
        let bytes = |stride: usize| (stride * size_of::<T>()) as isize;
        let from = ByteStrides::from_fn(extents.len(), |d| bytes(memory.strides[d]));
        let to = ByteStrides::from_fn(extents.len(), |d| bytes(strides[d]));
        let ahead = |d: usize| (lo[d] - block.lo()[d] as isize) + widths[d] as isize;
        let start: isize = (0..extents.len()).map(|d| ahead(d) * from.as_slice()[d]).sum();
        let rank = self.team().rank();
        let copied = crate::boxes::for_each_transfer(
            extents,
            from.as_slice(),
            to.as_slice(),
            size_of::<T>(),
            |levels, remote, local| {
                // SAFETY: the patch lies in my memory of the array from `start` on; the buffer is the caller's promise.
                unsafe {
                    let verb = Verb::Get(dst.byte_offset(local));
                    self.raw().move_levels(verb, rank, (start + remote) as usize, levels, &mut Wait)
                }
            },
        );
        copied.map_err(|e| Error::from_rma("get_ghost_block", e))
    }

    /// Starts fetching all ghost cells, each once: along each axis those before and after the block, wide along the axes before.
    fn fetch_ghosts(&self, corners: bool, tokens: &mut Vec<Token>) -> Result<()> {
        for axis in 0..self.ndim() {
            for side in [Side::Before, Side::After] {
                let of = |d: usize| match d.cmp(&axis) {
                    std::cmp::Ordering::Equal => side,
                    std::cmp::Ordering::Less if corners => Side::All,
                    _ => Side::Core,
                };
                self.fetch_side(of, tokens)?;
            }
        }
        Ok(())
    }

    /// Starts fetching one box of ghost cells.
    fn fetch_side(&self, side: impl Fn(usize) -> Side, tokens: &mut Vec<Token>) -> Result<()> {
        let block = self.local_patch();
        let memory = self.ghost_memory();
        if memory.extents.contains(&0) || (0..self.ndim()).all(|d| side(d) == Side::Core) {
            return Ok(());
        }
        let (widths, shape) = (self.distribution().ghosts(), block.shape());
        let mut lo = vec![0; self.ndim()];
        let (mut extents, mut start) = (Dims::filled(0, self.ndim()), 0);
        for d in 0..self.ndim() {
            // Where the box begins in memory, and how far it goes.
            let (first, extent) = match side(d) {
                Side::Before => (0, widths[d]),
                Side::Core => (widths[d], shape[d]),
                Side::After => (widths[d] + shape[d], widths[d]),
                Side::All => (0, shape[d] + 2 * widths[d]),
            };
            lo[d] = (block.lo()[d] + first) as isize - widths[d] as isize;
            extents[d] = extent;
            start += first * memory.strides[d];
        }
        // SAFETY: the box lies in the memory of my block, `start` elements from its beginning, in ghost cells, which are no
        // elements of the array and nobody else's.
        unsafe {
            let verb = Verb::Get(memory.first.as_ptr().wrapping_add(start));
            self.wrapped("update_ghosts", verb, &lo, &extents, &memory.strides, tokens)
        }
    }
}
