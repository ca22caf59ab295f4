//! What an array is.

use crate::bounds::{Index, write};
use crate::fault::Result;
use crate::guard::{plain, wide};
use crate::table::{self, Array};
use common::text;
use std::ffi::{c_char, c_int};

/// # Safety
/// There are places for the numbers.
unsafe fn inquire<I: Index>(array: &Array, kind: *mut c_int, ndim: *mut c_int, dims: *mut I) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        kind.write(array.kind);
        ndim.write(array.ndim as c_int);
        write(dims, array.shape().iter().map(|extent| *extent as i64));
    }
    Ok(())
}

plain! {
    NGA_Inquire_name, GA_Inquire_name(g_a: c_int) -> *const c_char = |ga| Ok(ga.array(g_a)?.name.as_ptr());
    NGA_Ndim, GA_Ndim, NGA_Get_dimension, GA_Get_dimension(g_a: c_int) -> c_int = |ga| Ok(ga.array(g_a)?.ndim as c_int);
    NGA_Valid_handle, GA_Valid_handle, NGA_Verify_handle, GA_Verify_handle(g_a: c_int) -> c_int =
        |_ga| Ok(table::find(g_a).is_some().into());
    GA_Check_handle(g_a: c_int, whose: *const c_char) = |ga| match ga.array(g_a) {
        Ok(_) => Ok(()),
        Err(fault) => Err(fault.of(text(whose))),
    };
}

wide! {
    NGA_Inquire / NGA_Inquire64(g_a: c_int, kind: *mut c_int, ndim: *mut c_int, dims: *mut Int) =
        |ga| inquire(ga.array(g_a)?, kind, ndim, dims);
}
