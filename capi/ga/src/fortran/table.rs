//! The macro that makes routines of rows.
//!
//! Invariant: a routine's message has the name that was called. Lengths of texts come behind all arguments, in the order of the texts.

/// Routines, a row each (see [`crate::fortran`]): a result, names, arguments with their kinds, and behind these
///
/// - `=> Method;` a method of [`crate::guard::Call`] that gets the same,
/// - `= |ga| body;` something else with the state, or
/// - `bare = body;` something that needs no state, or
/// - `ma Function = |state| body;` something with MA's state, counted as that function of C's.
macro_rules! fortran {
    ($($rows:tt)*) => {
        /// With INTEGERs of 8 bytes.
        pub mod i8 {
            #[allow(unused_imports)]
            use {super::*, $crate::bounds::{AXES, Fortran, Index}, $crate::fortran::pass::{Give, Out, filled}};
            #[allow(dead_code)]
            pub(crate) type Integer = i64;
            $crate::fortran::table::rows! { $($rows)* }
        }
        /// With INTEGERs of 4 bytes.
        pub mod i4 {
            #[allow(unused_imports)]
            use {super::*, $crate::bounds::{AXES, Fortran, Index}, $crate::fortran::pass::{Give, Out, filled}};
            #[allow(dead_code)]
            pub(crate) type Integer = i32;
            $crate::fortran::table::rows! { $($rows)* }
        }
    };
}

/// The rows, in a module that says what an INTEGER is.
macro_rules! rows {
    ($(
        $result:ident $($name:ident),+ ($($arg:ident: $kind:ident),* $(,)?)
        $($mode:ident)* $(=> $method:ident)? $(= $body:expr)?;
    )*) => {$(
        $crate::fortran::table::rows! {
            @take ($($arg: $kind,)*) [] [] [] [] { $result [$($name),+] $($mode)* $(=> $method)? $(= $body)? }
        }
    )*};

    // Arguments, one by one: [what the function takes] [lengths behind it] [what the body sees] [what is passed on].
    (@take ($arg:ident: int, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*) [$($take)* ($arg: *const Integer)] [$($len)*]
            [$($see)* let $arg = $crate::fortran::pass::Number($arg.read());] [$($pass)* ($arg.give())] $row }
    };
    (@take ($arg:ident: ints, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*) [$($take)* ($arg: *const $crate::bounds::Fortran<Integer>)] [$($len)*]
            [$($see)*] [$($pass)* ($arg)] $row }
    };
    (@take ($arg:ident: out, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*) [$($take)* ($arg: *mut Integer)] [$($len)*]
            [$($see)* let $arg = $crate::fortran::pass::Out($arg);] [$($pass)* ($arg.give())] $row }
    };
    (@take ($arg:ident: outs, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*) [$($take)* ($arg: *mut $crate::bounds::Fortran<Integer>)] [$($len)*]
            [$($see)*] [$($pass)* ($arg)] $row }
    };
    (@take ($arg:ident: any, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*) [$($take)* ($arg: *mut std::ffi::c_void)] [$($len)*]
            [$($see)* let $arg = $crate::fortran::pass::Any($arg);] [$($pass)* ($arg.give())] $row }
    };
    (@take ($arg:ident: text, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*) [$($take)* ($arg: *mut std::ffi::c_char)] [$($len)* (len: common::fortran::Length)]
            [$($see)* let $arg = $crate::fortran::pass::Text::new($arg, len);] [$($pass)* ($arg.give())] $row }
    };
    // The four bounds of a patch of a matrix, which are passed on as two lists.
    (@take ($arg:ident: patch, $($rest:tt)*) [$($take:tt)*] [$($len:tt)*] [$($see:tt)*] [$($pass:tt)*] $row:tt) => {
        $crate::fortran::table::rows! { @take ($($rest)*)
            [$($take)* (ilo: *const Integer) (ihi: *const Integer) (jlo: *const Integer) (jhi: *const Integer)] [$($len)*]
            [$($see)* let $arg = $crate::fortran::pass::Corners::read([ilo, jlo], [ihi, jhi]);] [$($pass)* ($arg.lo()) ($arg.hi())] $row }
    };
    (@take () [$($take:tt)*] [$($len:tt)*] $see:tt $pass:tt {$result:ident [$($name:ident),+] $($what:tt)+}) => {
        $crate::fortran::table::rows! { @define [$($name)+] $result [$($take)* $($len)*] $see $pass {$($what)+} }
    };

    // With one name, or with two that do the same.
    (@define [$name:ident] $result:ident [$(($arg:ident: $ty:ty))*] $see:tt $pass:tt $what:tt) => {
        #[allow(missing_docs, clippy::missing_safety_doc, clippy::too_many_arguments, unused_variables, unused_unsafe)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> $crate::fortran::table::rows!(@type $result) {
            // SAFETY: arguments are what a Fortran program gives for a routine of this kind: the caller's promise.
            unsafe { $crate::fortran::table::rows! { @body (common::fortran::routine(stringify!($name))) $result $see $pass $what } }
        }
    };
    (@define [$first:ident $second:ident] $result:ident [$(($arg:ident: $ty:ty))*] $see:tt $pass:tt $what:tt) => {
        mod $first {
            #[allow(unused_imports)]
            use super::*;
            #[allow(clippy::too_many_arguments, unused_variables, unused_unsafe)]
            pub(super) unsafe fn both($($arg: $ty,)* name: common::fortran::Routine) -> $crate::fortran::table::rows!(@type $result) {
                // SAFETY: arguments are what a Fortran program gives for a routine of this kind: the caller's promise.
                unsafe { $crate::fortran::table::rows! { @body name $result $see $pass $what } }
            }
        }
        $crate::fortran::table::rows! { @call $first $first $result [$(($arg: $ty))*] }
        $crate::fortran::table::rows! { @call $first $second $result [$(($arg: $ty))*] }
    };
    (@call $module:ident $name:ident $result:ident [$(($arg:ident: $ty:ty))*]) => {
        #[allow(missing_docs, clippy::missing_safety_doc, clippy::too_many_arguments)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> $crate::fortran::table::rows!(@type $result) {
            // SAFETY: the caller's promise.
            unsafe { $module::both($($arg,)* common::fortran::routine(stringify!($name))) }
        }
    };

    (@body $name:tt $result:ident [$($see:tt)*] [$($pass:tt)*] {=> $method:ident}) => {
        $crate::guard::call(|| $name, |ga| {
            $($see)*
            $crate::fortran::table::rows!(@value $result ga.$method $($pass)*)
        })
    };
    (@body $name:tt $result:ident [$($see:tt)*] $pass:tt {= $body:expr}) => {
        $crate::guard::call(|| $name, |ga| {
            $($see)*
            $crate::fortran::pass::$result::<Integer, _>($crate::guard::with(ga, $body))
        })
    };
    (@body $name:tt $result:ident [$($see:tt)*] $pass:tt {bare = $body:expr}) => {
        $crate::guard::bare(|| $name, || {
            $($see)*
            $crate::fortran::pass::$result::<Integer, _>($body)
        })
    };
    (@body $name:tt $result:ident [$($see:tt)*] $pass:tt {ma $function:ident = $body:expr}) => {{
        $($see)*
        let run = || $crate::ma::call(
            ($name.0, $crate::ma::exports::Function::$function as usize),
            0,
            |state| $crate::fortran::ma::with(state, $body),
        );
        let code = common::bounded(|| armci::host::abort(1, &format!("{}: a bug in libga", $name.0)), run);
        $crate::fortran::table::rows!(@code $result code)
    }};
    (@code subroutine $code:ident) => {{ let _: i64 = $code; }};
    (@code $result:ident $code:ident) => { <Integer as common::fortran::Integer>::narrow($code) };
    (@value $result:ident $ga:ident.$method:ident $(($($pass:tt)*))*) => {
        $crate::fortran::pass::$result::<Integer, _>($ga.$method($($($pass)*),*))
    };

    (@type subroutine) => { () };
    (@type logical) => { Integer };
    (@type integer) => { Integer };
    (@type real) => { f32 };
    (@type double_precision) => { f64 };
    (@type complex) => { rma::Complex32 };
    (@type double_complex) => { rma::Complex64 };
}

pub(crate) use {fortran, rows};
