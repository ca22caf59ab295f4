//! Comparisons: ordered types as they are, `u64` against signed exactly, complex lexicographically.

use super::Kernel;
use super::lanes::map2;
use super::number::Real;
use crate::ops::Op;
use num_complex::Complex;

/// Comparison of two values of an ordered type (a NaN is unequal to all and neither less nor greater).
pub(crate) fn ordered<T: Copy + PartialOrd>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Less => map2(|x: T, y: T| u8::from(x < y)),
        Op::LessEqual => map2(|x: T, y: T| u8::from(x <= y)),
        Op::Greater => map2(|x: T, y: T| u8::from(x > y)),
        Op::GreaterEqual => map2(|x: T, y: T| u8::from(x >= y)),
        Op::Equal => map2(|x: T, y: T| u8::from(x == y)),
        Op::NotEqual => map2(|x: T, y: T| u8::from(x != y)),
        _ => return None,
    })
}

/// `i64` against `u64`, by value.
pub(crate) fn signed_unsigned(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Less => map2(|x: i64, y: u64| u8::from(x < 0 || (x as u64) < y)),
        Op::LessEqual => map2(|x: i64, y: u64| u8::from(x < 0 || x as u64 <= y)),
        Op::Greater => map2(|x: i64, y: u64| u8::from(x >= 0 && x as u64 > y)),
        Op::GreaterEqual => map2(|x: i64, y: u64| u8::from(x >= 0 && x as u64 >= y)),
        Op::Equal => map2(|x: i64, y: u64| u8::from(x >= 0 && x as u64 == y)),
        Op::NotEqual => map2(|x: i64, y: u64| u8::from(x < 0 || x as u64 != y)),
        _ => return None,
    })
}

/// `u64` against `i64`, by value.
pub(crate) fn unsigned_signed(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Less => map2(|x: u64, y: i64| u8::from(y >= 0 && x < y as u64)),
        Op::LessEqual => map2(|x: u64, y: i64| u8::from(y >= 0 && x <= y as u64)),
        Op::Greater => map2(|x: u64, y: i64| u8::from(y < 0 || x > y as u64)),
        Op::GreaterEqual => map2(|x: u64, y: i64| u8::from(y < 0 || x >= y as u64)),
        Op::Equal => map2(|x: u64, y: i64| u8::from(y >= 0 && x == y as u64)),
        Op::NotEqual => map2(|x: u64, y: i64| u8::from(y < 0 || x != y as u64)),
        _ => return None,
    })
}

/// `x < y`, NumPy's order of complex numbers: real parts first, imaginary parts between equals.
#[inline(always)]
pub(crate) fn complex_less<T: Real>(x: Complex<T>, y: Complex<T>) -> bool {
    ((x.re < y.re) & !x.im.is_nan() & !y.im.is_nan()) | ((x.re == y.re) & (x.im < y.im))
}

#[inline(always)]
fn complex_less_equal<T: Real>(x: Complex<T>, y: Complex<T>) -> bool {
    ((x.re < y.re) & !x.im.is_nan() & !y.im.is_nan()) | ((x.re == y.re) & (x.im <= y.im))
}

/// Both parts equal, asked for so that the parts go different ways: else the compiler sees no vectors in it.
#[inline(always)]
fn complex_equal<T: Real>(x: Complex<T>, y: Complex<T>) -> bool {
    (x.re == y.re) & (x.im <= y.im) & (x.im >= y.im)
}

/// Comparison of complex numbers.
pub(crate) fn complex<T: Real>(op: Op) -> Option<Kernel> {
    type C<T> = Complex<T>;
    Some(match op {
        Op::Less => map2(|x: C<T>, y: C<T>| u8::from(complex_less(x, y))),
        Op::LessEqual => map2(|x: C<T>, y: C<T>| u8::from(complex_less_equal(x, y))),
        Op::Greater => map2(|x: C<T>, y: C<T>| u8::from(complex_less(y, x))),
        Op::GreaterEqual => map2(|x: C<T>, y: C<T>| u8::from(complex_less_equal(y, x))),
        Op::Equal => map2(|x: C<T>, y: C<T>| u8::from(complex_equal(x, y))),
        Op::NotEqual => map2(|x: C<T>, y: C<T>| u8::from(!complex_equal(x, y))),
        _ => return None,
    })
}
