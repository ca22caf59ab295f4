//! What every exported function goes through.
//!
//! Invariant: nothing unwinds into C. An error ends the job with a message that names the rank, the function and the arrays the
//! call named; a function whose original returns a code for it does so in its body.

use crate::fault::Fault;
use crate::property::writable;
use crate::state::{self, State};
use crate::table::{self, Array};
use std::cell::Cell;
use std::ffi::c_int;
use std::fmt::{Display, Write};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Exported functions: `NAME, OTHER_NAME (arguments) -> result = body;`. The body is an expression of what [`call`] takes; all
/// names do the same.
macro_rules! exported {
    ($($first:ident $(, $other:ident)* ($($args:tt)*) $(-> $ret:ty)? = $body:expr;)*) => {$(
        $crate::guard::exported! { @one $first ($($args)*) ($($ret)?) $body }
        $crate::guard::exported! { @alias $first [$($other)*] ($($args)*) ($($ret)?) }
    )*};
    (@one $name:ident ($($arg:ident: $ty:ty),* $(,)?) ($($ret:ty)?) $body:expr) => {
        #[allow(non_snake_case, unused_unsafe)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: pointers are what the header says they must be: the C caller's promise.
            $crate::guard::call(stringify!($name), |ga| unsafe { $crate::guard::typed($body, ga) })
        }
    };
    (@alias $first:ident [] $args:tt $ret:tt) => {};
    (@alias $first:ident [$name:ident $($more:ident)*] ($($arg:ident: $ty:ty),* $(,)?) ($($ret:ty)?)) => {
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the same promises.
            unsafe { $first($($arg),*) }
        }
        $crate::guard::exported! { @alias $first [$($more)*] ($($arg: $ty),*) ($($ret)?) }
    };
}

/// Functions that there are twice, with the C type `Int` standing for `int` in those before the `/` and for `int64_t` in the others.
macro_rules! wide {
    ($($($narrow:ident),+ / $($wide:ident),+ ($($args:tt)*) $(-> $ret:ty)? = $body:expr;)*) => {$(
        const _: () = {
            #[allow(dead_code)]
            type Int = std::ffi::c_int;
            $crate::guard::exported! { $($narrow),+ ($($args)*) $(-> $ret)? = $body; }
        };
        const _: () = {
            #[allow(dead_code)]
            type Int = i64;
            $crate::guard::exported! { $($wide),+ ($($args)*) $(-> $ret)? = $body; }
        };
    )*};
}

pub(crate) use {exported, wide};

/// What the body of an exported function works with: the state, and a note of the arrays it asked for.
pub(crate) struct Call {
    state: &'static State,
    seen: [Cell<c_int>; 4],
    count: Cell<usize>,
}

impl Deref for Call {
    type Target = State;

    #[inline(always)]
    fn deref(&self) -> &State {
        self.state
    }
}

impl Call {
    /// The array of a handle.
    #[inline(always)]
    pub(crate) fn array(&self, handle: c_int) -> Result<&Array, Fault> {
        let count = self.count.get();
        if let Some(place) = self.seen.get(count) {
            place.set(handle);
            self.count.set(count + 1);
        }
        table::find(handle).ok_or_else(|| table::missing(handle))
    }

    /// The array of a handle, to be written to.
    #[inline(always)]
    pub(crate) fn target(&self, handle: c_int) -> Result<&Array, Fault> {
        writable(self.array(handle)?)
    }

    /// The arrays the call named, for messages.
    #[cold]
    fn arrays(&self) -> String {
        let mut text = String::new();
        for handle in self.seen[..self.count.get()].iter().map(Cell::get) {
            if let Some(array) = table::find(handle) {
                let _ = write!(text, "{array}: ");
            }
        }
        text
    }
}

/// Tells the compiler what a body takes.
#[inline(always)]
pub(crate) fn typed<'a, R>(
    body: impl FnOnce(&'a Call) -> Result<R, Fault>,
    ga: &'a Call,
) -> Result<R, Fault> {
    body(ga)
}

/// Runs the body of an exported function.
#[inline(always)]
pub(crate) fn call<R>(name: &'static str, body: impl FnOnce(&Call) -> Result<R, Fault>) -> R {
    let Some(state) = state::get() else {
        die(name, "", &"called before GA_Initialize or after GA_Terminate")
    };
    let call = Call { state, seen: [const { Cell::new(0) }; 4], count: Cell::new(0) };
    match catch_unwind(AssertUnwindSafe(|| body(&call))) {
        Ok(Ok(value)) => value,
        Ok(Err(fault)) => fail(name, &call, &fault),
        Err(_) => die(name, "", &"a bug in libga"),
    }
}

/// As [`call`], whether there is a state or not.
pub(crate) fn bare<R>(name: &'static str, body: impl FnOnce() -> Result<R, Fault>) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(fault)) => die(name, "", &fault),
        Err(_) => die(name, "", &"a bug in libga"),
    }
}

#[cold]
#[inline(never)]
fn fail(name: &'static str, call: &Call, fault: &Fault) -> ! {
    die(name, &call.arrays(), fault)
}

/// Ends the job.
#[cold]
#[inline(never)]
fn die(name: &'static str, arrays: &str, fault: &dyn Display) -> ! {
    armci::host::abort(1, &format!("{name}: {arrays}{fault}"))
}
