//! What every exported function goes through.
//!
//! Invariant: nothing unwinds into C. An error ends the job with a message that names rank and function, as the original's
//! assertions do; a function whose original has a return code for it says so in its body.

use crate::inside::Inside;
use crate::state::{self, Armci};
use rma::Result;
use std::ffi::c_int;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Exported functions, one line each: `name / profiling name (arguments) -> result = body;`. The body is an expression of what
/// [`call`] takes. The first name may be defined by the program instead, which then calls the second.
macro_rules! profiled {
    ($($name:ident / $profiling:ident ($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $body:expr;)*) => {
        $crate::guard::exported! { $($profiling ($($arg: $ty),*) $(-> $ret)? = stringify!($name), $body;)* }
        $(
            #[allow(non_snake_case)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the same promises.
                unsafe { $profiling($($arg),*) }
            }
        )*
    };
}

/// Exported functions with one name only: `name(arguments) -> result = body;`, or with the name for messages before the body.
macro_rules! exported {
    ($($name:ident ($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $body:expr $(, $inner:expr)?;)*) => {
        $($crate::guard::exported! { @one $name ($($arg: $ty),*) ($($ret)?) $body $(, $inner)? })*
    };
    (@one $name:ident ($($arg:ident: $ty:ty),*) ($($ret:ty)?) $body:expr) => {
        $crate::guard::exported! { @one $name ($($arg: $ty),*) ($($ret)?) stringify!($name), $body }
    };
    (@one $name:ident ($($arg:ident: $ty:ty),*) ($($ret:ty)?) $shown:expr, $body:expr) => {
        #[allow(non_snake_case, unused_unsafe)]
        #[unsafe(no_mangle)]
        #[inline(never)]
        unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: pointers are what the headers say they must be: the C caller's promise.
            $crate::guard::call(|| $shown, |armci| unsafe { $crate::guard::typed($body, armci) })
        }
    };
}

pub(crate) use {exported, profiled};

/// Tells the compiler what a body takes.
#[inline(always)]
pub(crate) fn typed<R>(body: impl FnOnce(&mut Armci) -> Result<R>, armci: &mut Armci) -> Result<R> {
    body(armci)
}

/// Runs the body of an exported function.
#[inline(always)]
pub(crate) fn call<R>(name: impl Fn() -> &'static str, body: impl FnOnce(&mut Armci) -> Result<R>) -> R {
    let inside = Inside::enter();
    let bug = Bug(&name);
    // SAFETY: this thread is inside, alone, and no exported function calls another by way of this.
    let outcome = unsafe { state::armci() }.and_then(body);
    std::mem::forget(bug);
    drop(inside);
    match outcome {
        Ok(value) => value,
        Err(error) => die(name(), &error),
    }
}

/// Ends the job when a panic gets here. Unlike `catch_unwind` it costs nothing until then: that hands its closure over in memory, and
/// an atomic operation waits for all stores before it. So the name is a function, too.
struct Bug<F: Fn() -> &'static str>(F);

impl<F: Fn() -> &'static str> Drop for Bug<F> {
    fn drop(&mut self) {
        die((self.0)(), &"a bug in libarmci")
    }
}

/// As [`call`], of what needs nobody inside.
pub(crate) fn outside<R>(name: &'static str, body: impl FnOnce() -> Result<R>) -> R {
    let bug = Bug(&|| name);
    let outcome = body();
    std::mem::forget(bug);
    match outcome {
        Ok(value) => value,
        Err(error) => die(name, &error),
    }
}

/// As [`call`], before there is a state: an error is printed, and the result is what `ARMCI_Init` returns then.
pub(crate) fn start(name: &'static str, body: impl FnOnce() -> Result<()>) -> c_int {
    let _inside = Inside::enter();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            eprintln!("{name}: {error}");
            1
        }
        Err(_) => 1,
    }
}

/// Ends the job.
#[cold]
#[inline(never)]
fn die(name: &'static str, error: &dyn Display) -> ! {
    abort(1, &format!("{name}: {error}"))
}

/// Ends the job with a message; without one, this process.
#[cold]
pub(crate) fn abort(code: c_int, message: &str) -> ! {
    if let Some(world) = state::world() {
        world.abort(if code == 0 { 1 } else { code }, message);
    }
    eprintln!("{message}");
    std::process::exit(if code == 0 { 1 } else { code })
}
