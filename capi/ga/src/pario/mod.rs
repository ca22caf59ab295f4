//! The files of programs, by their names in C; what they do is in the crate `pario`.
//!
//! | file | what |
//! | --- | --- |
//! | [`memory`] | an array as what an array on disk is written from and read to |
//! | [`disk`] | `dra.h` |
//! | [`files`] | `eaf.h`, `sf.h`, `elio.h` |
//!
//! Invariant: what the program does wrong ends it with the function's name; what a disk does is a code.

pub(crate) mod disk;
pub(crate) mod files;
mod memory;

use crate::fault::{Fault, Result};
use ::pario::Error;

/// A code that a function returns: 0 if all went well.
pub(crate) fn code(result: ::pario::Result<()>) -> Result<i32> {
    match result {
        Ok(()) => Ok(0),
        Err(Error::Code(code)) => Ok(code),
        Err(Error::Wrong(text)) => Err(Fault::new(text)),
    }
}

/// As [`code`], with a value that is written if all went well.
///
/// # Safety
/// The place is writable.
pub(crate) unsafe fn stored<T, U>(
    result: ::pario::Result<T>,
    place: *mut U,
    convert: impl FnOnce(T) -> U,
) -> Result<i32> {
    // SAFETY: the caller's promise.
    code(result.map(|value| unsafe { place.write(convert(value)) }))
}
