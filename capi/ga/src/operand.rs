//! What operations on arrays take beside bounds: numbers behind pointers, arrays of one type, letters for transposition.
//!
//! Invariant: an array that comes out of [`typed`] has that element type, as C sees it, too.

use crate::fault::{Result, refuse};
use crate::table::Array;
use crate::types;
use ga_core::GlobalArray;
use rma::Element;
use std::ffi::{c_char, c_void};

/// A number of the caller's.
///
/// # Safety
/// Null, or readable as one `T`.
#[inline(always)]
pub(crate) unsafe fn scalar<T: Element>(what: &str, at: *const c_void) -> Result<T> {
    if at.is_null() {
        refuse!("{what} is a null pointer");
    }
    // SAFETY: not null, so readable: the caller's promise.
    Ok(unsafe { at.cast::<T>().read_unaligned() })
}

/// Where a result goes.
///
/// # Safety
/// Null, or writable as one `T`.
pub(crate) unsafe fn store<T>(what: &str, to: *mut c_void, value: T) -> Result<()> {
    if to.is_null() {
        refuse!("{what} is a null pointer");
    }
    // SAFETY: not null, so writable: the caller's promise.
    unsafe { to.cast::<T>().write_unaligned(value) };
    Ok(())
}

/// An array of this element type.
#[inline(always)]
pub(crate) fn typed<T: Element>(array: &Array) -> Result<&GlobalArray<T>> {
    match array.raw.typed::<T>() {
        Some(typed) => Ok(typed),
        None => refuse!("{array} is not of type {}", types::word(T::DTYPE)),
    }
}

/// Whether a letter asks for transposition.
pub(crate) fn is_transposed(letter: c_char) -> Result<bool> {
    match letter as u8 {
        b'n' | b'N' => Ok(false),
        b't' | b'T' => Ok(true),
        other => refuse!("'{}' is neither 'n' nor 't'", other.escape_ascii()),
    }
}
