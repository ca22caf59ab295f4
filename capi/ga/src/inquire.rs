//! What an array is.

use crate::bounds::{Index, write};
use crate::fault::Result;
use crate::groups::MIRROR;
use crate::guard::{exported, wide};
use crate::state::text;
use crate::table::{self, Array};
use std::ffi::{c_char, c_int};
use std::sync::atomic::Ordering;

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

exported! {
    NGA_Inquire_name, GA_Inquire_name(g_a: c_int) -> *const c_char = |ga| Ok(ga.array(g_a)?.name.as_ptr());
    NGA_Ndim, GA_Ndim, NGA_Get_dimension, GA_Get_dimension(g_a: c_int) -> c_int = |ga| Ok(ga.array(g_a)?.ndim as c_int);
    NGA_Is_mirrored, GA_Is_mirrored(g_a: c_int) -> c_int = |ga| Ok((ga.array(g_a)?.group == MIRROR).into());
    NGA_Valid_handle, GA_Valid_handle, NGA_Verify_handle, GA_Verify_handle(g_a: c_int) -> c_int =
        |_ga| Ok(table::find(g_a).is_some().into());
    GA_Check_handle(g_a: c_int, whose: *const c_char) = |ga| match ga.array(g_a) {
        Ok(_) => Ok(()),
        Err(fault) => crate::fault::refuse!("{}: {fault}", text(whose)),
    };
    // Reads are of memory that is mapped, on the node, whatever is promised; so all that a promise changes is who is told off.
    NGA_Set_property, GA_Set_property(g_a: c_int, property: *const c_char) = |ga| {
        let (array, property) = (ga.array(g_a)?, text(property));
        array.raw.sync()?;
        match property.as_str() {
            "read_only" => array.is_read_only.store(true, Ordering::Relaxed),
            "read_cache" => {}
            other => crate::fault::refuse!("there is no property \"{other}\": read_only and read_cache are those there are"),
        }
        Ok(())
    };
    NGA_Unset_property, GA_Unset_property(g_a: c_int) = |ga| {
        let array = ga.array(g_a)?;
        array.raw.sync()?;
        array.is_read_only.store(false, Ordering::Relaxed);
        Ok(())
    };
}

wide! {
    NGA_Inquire / NGA_Inquire64(g_a: c_int, kind: *mut c_int, ndim: *mut c_int, dims: *mut Int) =
        |ga| inquire(ga.array(g_a)?, kind, ndim, dims);
}
