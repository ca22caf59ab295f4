//! Exported functions.
//!
//! Invariant: nothing unwinds into C: a panic ends the job.

/// Exported functions, a row each: `exports! { call; NAME, OTHER (arguments) -> result = body; }`. All names do the same, and what is called
/// for is in the first one's: a program that defines another name itself, to see its calls, calls that one in turn.
///
/// `call` takes a function that gives the first name and the body, an expression of what `call` gives to it; it begins with [`bounded`].
#[macro_export]
macro_rules! exports {
    ($call:path; $($first:ident $(, $other:ident)* ($($args:tt)*) $(-> $ret:ty)? = $body:expr;)*) => {$(
        $crate::exports! { @one $call, $first ($($args)*) ($($ret)?) $body }
        $crate::exports! { @alias $first [$($other)*] ($($args)*) ($($ret)?) }
    )*};
    (@one $call:path, $name:ident ($($arg:ident: $ty:ty),* $(,)?) ($($ret:ty)?) $body:expr) => {
        #[allow(non_snake_case, unused_unsafe, unused_variables)]
        #[unsafe(no_mangle)]
        #[inline(never)]
        unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: pointers are what the headers say they must be: the C caller's promise.
            $call(|| stringify!($name), unsafe { $body })
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
        $crate::exports! { @alias $first [$($more)*] ($($arg: $ty),*) ($($ret)?) }
    };
}

/// Does `body`; should it panic, `end` ends the job.
///
/// Unlike `catch_unwind` it costs nothing until then: that hands its closure over in memory, and an atomic operation waits for all stores before
/// it. So `end` should know what it says by its type.
#[inline(always)]
pub fn bounded<R>(end: impl Fn(), body: impl FnOnce() -> R) -> R {
    let bug = Bug(end);
    let outcome = body();
    std::mem::forget(bug);
    outcome
}

struct Bug<F: Fn()>(F);

impl<F: Fn()> Drop for Bug<F> {
    fn drop(&mut self) {
        (self.0)();
        // It was to end the process.
        std::process::abort();
    }
}
