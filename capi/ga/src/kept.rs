//! Reading and writing arrays that have a property: what stands beside the array is read instead, or has to be forgotten.
//!
//! Invariant: nobody writes to an array that doesn't come from [`writable`].

use crate::bounds::{Bounds, Sizes};
use crate::fault::{Fault, Result};
use crate::property::Held;
use crate::table::Array;
use crate::types::elements;
use ga_core::ReadCache;
use ga_core::pointers::PatchPointers;
use std::ffi::c_void;

/// The array, unless nobody may write to it.
#[inline(always)]
pub(crate) fn writable(array: &Array) -> Result<&Array> {
    if array.property.is_none() { Ok(array) } else { written(array) }
}

#[cold]
fn written(array: &Array) -> Result<&Array> {
    if array.property.is_read_only() {
        return Err(Fault::new("the array is read-only"));
    }
    if let Some(Held::Cache(cache)) = &*array.property.held.read().expect("no panic holds it") {
        elements!(array, |_a: T| {
            cache.downcast_ref::<ReadCache<T>>().into_iter().for_each(ReadCache::clear);
            Ok(())
        })?;
    }
    Ok(array)
}

/// Reads a patch of an array that has a property.
///
/// # Safety
/// The buffer is writable at every element of the patch, whose rows lie as `ld` says.
#[cold]
pub(crate) unsafe fn get(array: &Array, patch: &Bounds, ld: &Sizes, buf: *mut c_void) -> Result<()> {
    let held = array.property.held.read().expect("no panic holds it");
    elements!(array, |a: T| {
        let (lo, hi, to) = (patch.lo(), patch.hi(), buf.cast::<T>());
        // SAFETY: the caller's promise.
        unsafe {
            match &*held {
                Some(Held::Copy(copy)) => {
                    Ok(copy.typed::<T>().unwrap_or(a).get_ptr(lo, hi, to, ld.list())?)
                }
                Some(Held::Cache(cache)) => match cache.downcast_ref::<ReadCache<T>>() {
                    Some(cache) => Ok(a.get_cached_ptr(cache, lo, hi, to, ld.list())?),
                    None => Ok(a.get_ptr(lo, hi, to, ld.list())?),
                },
                None => Ok(a.get_ptr(lo, hi, to, ld.list())?),
            }
        }
    })
}
