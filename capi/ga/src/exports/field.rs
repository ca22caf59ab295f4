//! Fields of registered types: put and get of some bytes of each element.
//!
//! Invariant: a field is a range of the last axis of the array below, so it is a patch like others.

use crate::bounds::{Bounds, Index, Sizes};
use crate::fault::{Result, refuse};
use crate::guard::plain;
use crate::table::Array;
use ga_core::GlobalArray;
use ga_core::pointers::PatchPointers;
use std::ffi::{c_int, c_long, c_void};

/// The box of bytes that a field of a patch's elements is, and how they lie in a buffer.
///
/// # Safety
/// Bounds have a readable number for each axis, `ld` one less.
pub(crate) unsafe fn field<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    offset: c_int,
    len: c_int,
    ld: *const I,
) -> Result<(&GlobalArray<u8>, Bounds, Sizes)> {
    let Some(bytes) = array.raw.typed::<u8>().filter(|_| array.item > 0) else {
        refuse!("elements of {} have no fields", crate::types::name(array.kind));
    };
    let (from, to) = (i64::from(offset), i64::from(offset) + i64::from(len));
    if from < 0 || len < 0 || to > array.item as i64 {
        refuse!("a field of {len} bytes at {offset} of elements of {} bytes", array.item);
    }
    // SAFETY: the caller's promises.
    unsafe {
        let patch = Bounds::read(array, lo, hi)?;
        let mut ld = Sizes::leading(array, ld, &patch, |_| 1)?;
        ld.set_last(len as usize);
        Ok((bytes, patch.with_last(from as usize, to as usize), ld))
    }
}

plain! {
    NGA_Put_field(g_a: c_int, lo: *const c_int, hi: *const c_int, offset: c_int, len: c_int, buf: *const c_void, ld: *const c_int) = |ga| {
        let (bytes, patch, ld) = field(ga.target(g_a)?, lo, hi, offset, len, ld)?;
        Ok(bytes.put_ptr(patch.lo(), patch.hi(), buf.cast(), ld.list())?)
    };
    NGA_Get_field(g_a: c_int, lo: *const c_int, hi: *const c_int, offset: c_int, len: c_int, buf: *mut c_void, ld: *const c_int) = |ga| {
        let (bytes, patch, ld) = field(ga.array(g_a)?, lo, hi, offset, len, ld)?;
        Ok(bytes.get_ptr(patch.lo(), patch.hi(), buf.cast(), ld.list())?)
    };
    NGA_Nbput_field(g_a: c_int, lo: *const c_int, hi: *const c_int, offset: c_int, len: c_int, buf: *const c_void, ld: *const c_int, handle: *mut c_long) = |ga| {
        let (bytes, patch, ld) = field(ga.target(g_a)?, lo, hi, offset, len, ld)?;
        ga.keep(bytes.put_ptr_nb(patch.lo(), patch.hi(), buf.cast(), ld.list())?, handle)
    };
    NGA_Nbget_field(g_a: c_int, lo: *const c_int, hi: *const c_int, offset: c_int, len: c_int, buf: *mut c_void, ld: *const c_int, handle: *mut c_long) = |ga| {
        let (bytes, patch, ld) = field(ga.array(g_a)?, lo, hi, offset, len, ld)?;
        ga.keep(bytes.get_ptr_nb(patch.lo(), patch.hi(), buf.cast(), ld.list())?, handle)
    };
}
