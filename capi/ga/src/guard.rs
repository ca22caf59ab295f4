//! What every exported function goes through.
//!
//! Invariant: nothing unwinds into C. An error ends the job with a message that names the rank, the function and the arrays the
//! call named; a function whose original returns a code for it does so in its body.

use crate::fault::Fault;
use crate::kept::writable;
use crate::state::{self, State};
use crate::table::{self, Array};
use common::bounded;
use common::fortran::Routine;
use ga_core::Sight;
use std::cell::Cell;
use std::ffi::c_int;
use std::fmt::Write;
use std::ops::Deref;

/// Functions of C's, a row each as [`common::exports`] has them. What a function does is a method of [`Call`] that has its first name, so that
/// other languages' names ([`crate::fortran`]) get there, too.
macro_rules! plain {
    ($($first:ident $(, $other:ident)* ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:expr;)*) => {$(
        $crate::guard::plain! { @method $first () ($($arg: $ty),*) ($($ret)?) $body }
        common::exports! {
            $crate::guard::call;
            $first $(, $other)* ($($arg: $ty),*) $(-> $ret)? = |ga| ga.$first($($arg),*);
        }
    )*};
    (@method $name:ident ($($int:ident)?) ($($arg:ident: $ty:ty),*) ($($ret:ty)?) $body:expr) => {
        impl $crate::guard::Call {
            /// # Safety
            /// Pointers are what the headers say they must be.
            #[allow(non_snake_case, unused_unsafe, unused_variables, clippy::too_many_arguments)]
            #[inline]
            pub(crate) unsafe fn $name $(<$int: $crate::bounds::Index>)? (
                &self, $($arg: $ty),*
            ) -> $crate::fault::Result<$crate::guard::plain!(@ret $($ret)?)> {
                // SAFETY: the caller's promise.
                unsafe { $crate::guard::with(self, $body) }
            }
        }
    };
    (@ret) => { () };
    (@ret $ret:ty) => { $ret };
}

/// Functions that there are twice, with the C type `Int` standing for `int` in those before the `/` and for `int64_t` in the others; the
/// method is generic over it.
macro_rules! wide {
    ($($narrow:ident $(, $other:ident)* / $($wide:ident),+ ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:expr;)*) => {$(
        $crate::guard::plain! { @method $narrow (Int) ($($arg: $ty),*) ($($ret)?) $body }
        $crate::guard::wide! { @column std::ffi::c_int, $narrow [$narrow $(, $other)*] ($($arg: $ty),*) ($($ret)?) }
        $crate::guard::wide! { @column i64, $narrow [$($wide),+] ($($arg: $ty),*) ($($ret)?) }
    )*};
    (@column $int:ty, $method:ident [$($name:ident),+] ($($arg:ident: $ty:ty),*) ($($ret:ty)?)) => {
        const _: () = {
            #[allow(dead_code)]
            type Int = $int;
            common::exports! { $crate::guard::call; $($name),+ ($($arg: $ty),*) $(-> $ret)? = |ga| ga.$method::<Int>($($arg),*); }
        };
    };
}

pub(crate) use plain;
pub(crate) use wide;

/// Who called: the name that a message begins with, and how its numbers are counted. A function of C's has its name, a routine of Fortran's has
/// a type of its own.
pub(crate) trait Caller: Copy {
    const SIGHT: Sight;
    fn name(self) -> &'static str;
}

impl Caller for &'static str {
    const SIGHT: Sight = Sight::C;

    #[inline(always)]
    fn name(self) -> &'static str {
        self
    }
}

impl Caller for Routine {
    const SIGHT: Sight = Sight::Fortran;

    #[inline(always)]
    fn name(self) -> &'static str {
        self.0
    }
}

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
pub(crate) fn with<'a, R>(
    call: &'a Call,
    body: impl FnOnce(&'a Call) -> Result<R, Fault>,
) -> Result<R, Fault> {
    body(call)
}

/// Runs the body of an exported function.
#[inline(always)]
pub(crate) fn call<R, C: Caller>(
    caller: impl Fn() -> C + Copy,
    body: impl FnOnce(&Call) -> Result<R, Fault>,
) -> R {
    let name = move || caller().name();
    let Some(state) = state::get() else { die(name(), "called before GA_Initialize or after GA_Terminate") };
    let call = Call { state, seen: [const { Cell::new(0) }; 4], count: Cell::new(0) };
    match bounded(move || die(name(), "a bug in libga"), || body(&call)) {
        Ok(value) => value,
        Err(fault) => fail(name(), &call, &fault, C::SIGHT),
    }
}

/// As [`call`], whether there is a state or not.
pub(crate) fn bare<R, C: Caller>(
    caller: impl Fn() -> C + Copy,
    body: impl FnOnce() -> Result<R, Fault>,
) -> R {
    let name = move || caller().name();
    match bounded(move || die(name(), "a bug in libga"), body) {
        Ok(value) => value,
        Err(fault) => die(name(), &fault.seen(C::SIGHT)),
    }
}

#[cold]
#[inline(never)]
fn fail(name: &'static str, call: &Call, fault: &Fault, sight: Sight) -> ! {
    die(name, &format!("{}{}", call.arrays(), fault.seen(sight)))
}

/// Ends the job.
#[cold]
#[inline(never)]
fn die(name: &'static str, text: &str) -> ! {
    armci::host::abort(1, &format!("{name}: {text}"))
}
