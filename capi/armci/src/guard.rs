//! What every exported function goes through.
//!
//! Invariant: nothing unwinds into C. An error ends the job with a message that names rank and function, as the original's
//! assertions do; a function whose original has a return code for it says so in its body.

use crate::end::abort;
use crate::state::{self, Armci};
use common::bounded;
use rma::Result;
use std::ffi::c_int;
use std::fmt::Display;

/// A function's name, by a function so that it isn't kept anywhere as long as nobody asks.
pub(crate) trait Name: Fn() -> &'static str + Copy {}

impl<F: Fn() -> &'static str + Copy> Name for F {}

/// Runs the body of an exported function.
#[inline(always)]
pub(crate) fn call<R>(name: impl Name, body: impl FnOnce(&Armci) -> Result<R>) -> R {
    outside(name, || state::armci().and_then(body))
}

/// As [`call`], whether there is a state or not.
#[inline(always)]
pub(crate) fn outside<R>(name: impl Name, body: impl FnOnce() -> Result<R>) -> R {
    match bounded(move || die(name(), &"a bug in libarmci"), body) {
        Ok(value) => value,
        Err(error) => die(name(), &error),
    }
}

/// As [`call`], before there is a state: an error is printed, and the result is what `ARMCI_Init` returns then.
pub(crate) fn start(name: impl Name, body: impl FnOnce() -> Result<()>) -> c_int {
    match bounded(move || die(name(), &"a bug in libarmci"), body) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}: {error}", plain(name()));
            1
        }
    }
}

/// The name as programs know it: that of the profiling interface has one letter more.
fn plain(name: &str) -> &str {
    name.strip_prefix(['P', 'p']).unwrap_or(name)
}

/// Ends the job.
#[cold]
#[inline(never)]
fn die(name: &'static str, error: &dyn Display) -> ! {
    abort(1, &format!("{}: {error}", plain(name)))
}
