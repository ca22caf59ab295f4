//! Solvers, inverses and eigenvalues.
//!
//! As in the original these take C's matrices for Fortran's: a right-hand side is a row of `g_b`, an eigenvector is a row of `g_v`, and
//! `'n'` solves with the transpose of what C sees.
//!
//! Invariant: of the factors that `GA_Diag_reuse` keeps there is one set; it is made and dropped by collective calls.

use super::linalg::op;
use crate::fault::{Fault, Result, refuse};
use crate::guard::plain;
use crate::operand::typed;
use crate::table::Array;
use crate::types::dispatch;
use ga_core::linalg::{Cholesky, Field, Matrix, NotDefinite, Op, Solved};
use ga_core::linalg::{diag, diag_std, llt_solve, lu_solve, solve, spd_invert};
use rma::{Complex32, Complex64};
use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Mutex;

/// What `GA_Diag_reuse` keeps: the factors of a metric.
static KEPT: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);

/// All of a matrix as C sees it.
fn seen<T: Field>(array: &Array) -> Result<Matrix<'_, T>> {
    Ok(Matrix::whole(typed(array)?, Op::None)?)
}

/// All of a matrix as Fortran sees it.
fn turned<T: Field>(array: &Array) -> Result<Matrix<'_, T>> {
    Ok(Matrix::whole(typed(array)?, Op::Transpose)?)
}

/// LAPACK's code: 0, or the order of the first leading minor that isn't positive.
fn code(done: std::result::Result<(), NotDefinite>) -> c_int {
    done.map_or_else(|refused| refused.minor as c_int, |()| 0)
}

/// Writes eigenvalues to the caller's list.
///
/// # Safety
/// Null, or writable for as many.
unsafe fn write<R: Copy>(to: *mut c_void, values: &[R]) -> Result<()> {
    if to.is_null() {
        refuse!("eval is a null pointer");
    }
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to.cast(), values.len()) };
    Ok(())
}

/// `GA_Diag_reuse`: negative drops the factors, 0 makes new ones, and anything else uses those there are.
fn diag_again<T: Field>(reuse: c_int, a: &Array, s: &Array, v: &Array) -> Result<Vec<T::Real>> {
    let mut kept = KEPT.lock().expect("no panic holds it");
    if reuse <= 0 {
        *kept = None;
    }
    if reuse < 0 {
        return Ok(Vec::new());
    }
    if kept.is_none() {
        let factors = Cholesky::<T>::factor(&turned(s)?)?;
        *kept =
            Some(Box::new(factors.map_err(|refused| {
                Fault::new(format_args!("{s}: minor {} is not positive", refused.minor))
            })?));
    }
    match kept.as_ref().and_then(|kept| kept.downcast_ref::<Cholesky<T>>()) {
        Some(factors) => Ok(factors.diag(&turned(a)?, &turned(v)?)?),
        None => refuse!("the factors that were kept are of another type"),
    }
}

/// Runs a generic body for matrices of real or complex floating-point numbers.
macro_rules! fields {
    ($array:expr, |$t:ident| $body:expr) => {
        dispatch!($array, |_a: $t| $body; f32, f64, Complex32, Complex64)
    };
}

plain! {
    GA_Lu_solve(letter: c_char, g_a: c_int, g_b: c_int) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        let op = match op(letter)? {
            Op::None => Op::Transpose,
            Op::Transpose => Op::None,
            Op::ConjugateTranspose => refuse!("'c' is neither 'n' nor 't'"),
        };
        fields!(a, |T| Ok(lu_solve::<T>(&Matrix::whole(typed(a)?, op)?, &turned(b)?)?))
    };
    GA_Llt_solve(g_a: c_int, g_b: c_int) -> c_int = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        fields!(a, |T| Ok(code(llt_solve::<T>(&turned(a)?, &turned(b)?)?)))
    };
    GA_Solve(g_a: c_int, g_b: c_int) -> c_int = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        fields!(a, |T| {
            Ok(match solve::<T>(&turned(a)?, &turned(b)?)? {
                Solved::ByCholesky => 0,
                Solved::ByLu(refused) => refused.minor as c_int,
            })
        })
    };
    GA_Spd_invert(g_a: c_int) -> c_int = |ga| {
        let a = ga.target(g_a)?;
        fields!(a, |T| Ok(code(spd_invert::<T>(&seen(a)?)?)))
    };
    GA_Diag_std(g_a: c_int, g_v: c_int, eval: *mut c_void) = |ga| {
        let (a, v) = (ga.array(g_a)?, ga.target(g_v)?);
        fields!(a, |T| write(eval, &diag_std::<T>(&turned(a)?, &turned(v)?)?))
    };
    GA_Diag_std_seq(g_a: c_int, g_v: c_int, eval: *mut c_void) = |ga| {
        let (a, v) = (ga.array(g_a)?, ga.target(g_v)?);
        fields!(a, |T| write(eval, &diag_std::<T>(&turned(a)?, &turned(v)?)?))
    };
    GA_Diag(g_a: c_int, g_s: c_int, g_v: c_int, eval: *mut c_void) = |ga| {
        let (a, s, v) = (ga.array(g_a)?, ga.array(g_s)?, ga.target(g_v)?);
        fields!(a, |T| write(eval, &diag::<T>(&turned(a)?, &turned(s)?, &turned(v)?)?))
    };
    GA_Diag_seq(g_a: c_int, g_s: c_int, g_v: c_int, eval: *mut c_void) = |ga| {
        let (a, s, v) = (ga.array(g_a)?, ga.array(g_s)?, ga.target(g_v)?);
        fields!(a, |T| write(eval, &diag::<T>(&turned(a)?, &turned(s)?, &turned(v)?)?))
    };
    GA_Diag_reuse(reuse: c_int, g_a: c_int, g_s: c_int, g_v: c_int, eval: *mut c_void) = |ga| {
        let (a, s, v) = (ga.array(g_a)?, ga.array(g_s)?, ga.target(g_v)?);
        fields!(a, |T| write(eval, &diag_again::<T>(reuse, a, s, v)?))
    };
}
