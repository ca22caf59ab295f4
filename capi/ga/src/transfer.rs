//! Put, get and accumulate of patches: blocking, strided and periodic.
//!
//! Invariant: bounds and leading dimensions are checked before anything moves.

use crate::bounds::{Bounds, Index, Sizes};
use crate::fault::Result;
use crate::guard::wide;
use crate::table::Array;
use crate::types::{elements, numbers};
use std::ffi::{c_int, c_void};

/// # Safety
/// The buffer is readable at every element of the patch, whose rows lie as `ld` says.
#[inline(always)]
unsafe fn put<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    buf: *const c_void,
    ld: *const I,
) -> Result<()> {
    // SAFETY: the caller's promises.
    unsafe {
        let patch = Bounds::read(array, lo, hi)?;
        let ld = Sizes::leading(array, ld, &patch)?;
        elements!(array, |a: T| Ok(a.put_ptr(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list())?))
    }
}

/// # Safety
/// The buffer is writable at every element of the patch, whose rows lie as `ld` says.
#[inline(always)]
unsafe fn get<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    buf: *mut c_void,
    ld: *const I,
) -> Result<()> {
    // SAFETY: the caller's promises.
    unsafe {
        let patch = Bounds::read(array, lo, hi)?;
        let ld = Sizes::leading(array, ld, &patch)?;
        elements!(array, |a: T| Ok(a.get_ptr(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list())?))
    }
}

/// # Safety
/// As [`put`]; `alpha` is readable as an element.
#[inline(always)]
unsafe fn accumulate<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    buf: *const c_void,
    ld: *const I,
    alpha: *const c_void,
) -> Result<()> {
    // SAFETY: the caller's promises.
    unsafe {
        let patch = Bounds::read(array, lo, hi)?;
        let ld = Sizes::leading(array, ld, &patch)?;
        numbers!(array, |a: T| {
            let alpha = alpha.cast::<T>().read_unaligned();
            Ok(a.accumulate_ptr(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list(), alpha)?)
        })
    }
}

wide! {
    NGA_Put / NGA_Put64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int) =
        |ga| put(ga.array(g_a)?, lo, hi, buf, ld);
    NGA_Get / NGA_Get64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *mut c_void, ld: *const Int) =
        |ga| get(ga.array(g_a)?, lo, hi, buf, ld);
    NGA_Acc / NGA_Acc64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int, alpha: *const c_void) =
        |ga| accumulate(ga.array(g_a)?, lo, hi, buf, ld, alpha);
}
