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

    /// The number itself, as a cast makes it; as a `bool`, whether it isn't 0.
    fn from_count(count: usize) -> Self;
}

macro_rules! numbers {
    ($($t:ty: $zero:expr, $one:expr, $plus:expr, $times:expr, $count:expr;)*) => {$(
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

            #[inline]
            fn from_count(count: usize) -> Self {
                $count(count)
            }
        }
    )*};
}

use std::ops::{Add, BitAnd, BitOr, Mul};

numbers! {
    bool: false, true, bool::bitor, bool::bitand, |n| n != 0;
    i8: 0, 1, i8::wrapping_add, i8::wrapping_mul, |n| n as i8;
    i16: 0, 1, i16::wrapping_add, i16::wrapping_mul, |n| n as i16;
    i32: 0, 1, i32::wrapping_add, i32::wrapping_mul, |n| n as i32;
    i64: 0, 1, i64::wrapping_add, i64::wrapping_mul, |n| n as i64;
    u8: 0, 1, u8::wrapping_add, u8::wrapping_mul, |n| n as u8;
    u16: 0, 1, u16::wrapping_add, u16::wrapping_mul, |n| n as u16;
    u32: 0, 1, u32::wrapping_add, u32::wrapping_mul, |n| n as u32;
    u64: 0, 1, u64::wrapping_add, u64::wrapping_mul, |n| n as u64;
    f32: 0.0, 1.0, f32::add, f32::mul, |n| n as f32;
    f64: 0.0, 1.0, f64::add, f64::mul, |n| n as f64;
    Complex32: Complex32::ZERO, Complex32::ONE, Complex32::add, Complex32::mul, |n| Complex32::new(n as f32, 0.0);
    Complex64: Complex64::ZERO, Complex64::ONE, Complex64::add, Complex64::mul, |n| Complex64::new(n as f64, 0.0);
}
