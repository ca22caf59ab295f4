//! The element types of linear algebra.

use crate::number::Number;
use ga_dense::Dense;
use rma::{Complex32, Complex64, Reducible};

/// Real and complex floating-point numbers: `f32`, `f64`, [`Complex32`], [`Complex64`].
pub trait Field:
    Number + Reducible + ga_factor::Number<Part: Number + Reducible> + Dense<Real: Number + Reducible>
{
}

impl Field for f32 {}
impl Field for f64 {}
impl Field for Complex32 {}
impl Field for Complex64 {}
