//! Ghost cells.
//!
//! Invariant: an array without them has ghost cells of width 0, and everything here does what that means.

use super::access::leading;
use super::transfer::Round;
use crate::bounds::{AXES, Index, Sizes, write};
use crate::fault::{Result, refuse};
use crate::guard::{plain, wide};
use crate::table::Array;
use crate::types::elements;
use ga_core::pointers::BlockPointers;
use ga_core::{GlobalArray, Pending};
use rma::Element;
use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::Ordering;

/// Whether corners are updated.
fn has_corners(array: &Array) -> bool {
    array.has_corners.load(Ordering::Relaxed)
}

/// A direction: -1, 0 or 1 for each axis.
///
/// # Safety
/// A readable number for each axis.
unsafe fn direction<I: Index, T: Element>(
    a: &GlobalArray<T>,
    array: &Array,
    mask: *const I,
) -> Result<Pending> {
    let mut sides = [0isize; AXES];
    for (d, side) in sides[..array.ndim].iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *side = unsafe { I::read(mask, d, array.ndim) }.wide() as isize;
    }
    Ok(a.get_ghost_dir_nb(&sides[..a.ndim()])?)
}

/// # Safety
/// There are places for the pointer and the numbers; the subscript has a number for each axis.
unsafe fn element<I: Index>(
    array: &Array,
    ptr: *mut *mut c_void,
    subscript: *const I,
    ld: *mut I,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let mut index = unsafe { Sizes::places("subscript", subscript, array.ndim) }?;
    if array.item > 0 {
        index.push(0);
    }
    elements!(array, |a: T| {
        let place = a.ghost_element(index.list())?;
        // SAFETY: the caller's promise.
        unsafe {
            ptr.write(place.as_ptr().cast());
            write(ld, leading(array, &a.ghost_block().strides));
        }
        Ok(())
    })
}

/// # Safety
/// There are places for the pointer and the numbers.
unsafe fn block<I: Index>(array: &Array, dims: *mut I, ptr: *mut *mut c_void, ld: *mut I) -> Result<()> {
    elements!(array, |a: T| {
        let block = a.ghost_block();
        // SAFETY: the caller's promise.
        unsafe {
            write(dims, block.extents[..array.ndim].iter().map(|extent| *extent as i64));
            ptr.write(block.first.as_ptr().cast());
            write(ld, leading(array, &block.strides));
        }
        Ok(())
    })
}

plain! {
    NGA_Update_ghosts, GA_Update_ghosts(g_a: c_int) = |ga| {
        let array = ga.array(g_a)?;
        elements!(array, |a: T| Ok(a.update_ghosts(has_corners(array))?))
    };
    NGA_Update_ghost_dir(g_a: c_int, dimension: c_int, side: c_int, corners: c_int) -> c_int = |ga| {
        // The original counts axes as Fortran does here, from the last on, and programs count on it.
        let array = ga.array(g_a)?;
        let Some(axis) = usize::try_from(dimension).ok().and_then(|d| (array.ndim - 1).checked_sub(d)) else {
            refuse!("there is no axis {dimension}");
        };
        elements!(array, |a: T| Ok(a.update_ghost_dir(axis, side > 0, corners != 0)?))?;
        Ok(1)
    };
    NGA_Update_ghosts_nb(g_a: c_int, handle: *mut c_long) = |ga| {
        let array = ga.array(g_a)?;
        let pending = elements!(array, |a: T| Ok(a.update_ghosts_nb(has_corners(array))?))?;
        ga.keep(pending, handle)
    };
    NGA_Has_ghosts, GA_Has_ghosts(g_a: c_int) -> c_int = |ga| Ok(ga.array(g_a)?.layout.has_ghosts().into());
}

wide! {
    NGA_NbGet_ghost_dir / NGA_NbGet_ghost_dir64(g_a: c_int, mask: *const Int, handle: *mut c_long) = |ga| {
        let array = ga.array(g_a)?;
        let pending = elements!(array, |a: T| direction(a, array, mask))?;
        ga.keep(pending, handle)
    };
    NGA_Get_ghost_block / NGA_Get_ghost_block64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *mut c_void, ld: *const Int) = |ga| {
        let array = ga.array(g_a)?;
        let round = Round::read(array, lo, hi, ld)?;
        elements!(array, |a: T| Ok(a.get_ghost_block_ptr(round.lo(), round.hi(), buf.cast::<T>(), round.ld.list())?))
    };
    NGA_Access_ghosts / NGA_Access_ghosts64(g_a: c_int, dims: *mut Int, ptr: *mut *mut c_void, ld: *mut Int) =
        |ga| block(ga.array(g_a)?, dims, ptr, ld);
    NGA_Access_ghost_element / NGA_Access_ghost_element64(g_a: c_int, ptr: *mut *mut c_void, subscript: *const Int, ld: *mut Int) =
        |ga| element(ga.array(g_a)?, ptr, subscript, ld);
}
