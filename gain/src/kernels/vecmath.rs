//! Vectorised elementary functions of real numbers.

use super::Kernel;
use crate::ops::Op;

/// Loops on `f32` that replace calls of the C library.
pub(crate) fn f32(_op: Op) -> Option<Kernel> {
    None
}

/// Loops on `f64` that replace calls of the C library.
pub(crate) fn f64(_op: Op) -> Option<Kernel> {
    None
}
