//! Arithmetic on element types.
//!
//! Invariant: integers wrap, as in NumPy and C; booleans add by "or" and multiply by "and"; nothing panics.

use rma::{Complex32, Complex64, Element};

/// An [`Element`] one can add and multiply. Implemented for all of them.
pub trait Number: Element {
    /// Nothing to add.
    const ZERO: Self;
    /// Nothing to multiply by.
    const ONE: Self;

    /// `self + other`
    fn plus(self, other: Self) -> Self;

    /// `self * other`
    fn times(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($t:ty: $zero:expr, $one:expr, $plus:expr, $times:expr;)*) => {$(
        impl Number for $t {
            const ZERO: Self = $zero;
            const ONE: Self = $one;

            #[inline]
            fn plus(self, other: Self) -> Self {
                $plus(self, other)
            }

            #[inline]
            fn times(self, other: Self) -> Self {
                $times(self, other)
            }
        }
    )*};
}

use std::ops::{Add, BitAnd, BitOr, Mul};

numbers! {
    bool: false, true, bool::bitor, bool::bitand;
    i8: 0, 1, i8::wrapping_add, i8::wrapping_mul;
    i16: 0, 1, i16::wrapping_add, i16::wrapping_mul;
    i32: 0, 1, i32::wrapping_add, i32::wrapping_mul;
    i64: 0, 1, i64::wrapping_add, i64::wrapping_mul;
    u8: 0, 1, u8::wrapping_add, u8::wrapping_mul;
    u16: 0, 1, u16::wrapping_add, u16::wrapping_mul;
    u32: 0, 1, u32::wrapping_add, u32::wrapping_mul;
    u64: 0, 1, u64::wrapping_add, u64::wrapping_mul;
    f32: 0.0, 1.0, f32::add, f32::mul;
    f64: 0.0, 1.0, f64::add, f64::mul;
    Complex32: Complex32::ZERO, Complex32::ONE, Complex32::add, Complex32::mul;
    Complex64: Complex64::ZERO, Complex64::ONE, Complex64::add, Complex64::mul;
}
