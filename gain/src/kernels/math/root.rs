//! Cube roots, and square roots of sums of squares.

use super::Math;
use super::parts::{chain, pick};

/// Whether `x` is finite and has all digits, by far: for the exact limits the compiler has instructions of one number.
#[inline(always)]
pub(super) fn is_normal<T: Math>(x: T) -> bool {
    let size = x.abs();
    (size > T::TWO * T::NORMAL) & (size < T::QUARTER_MAX)
}

/// The cube root of a [normal](is_normal) number: a guess of the inverse root, refined without division.
#[inline(always)]
pub(super) fn normal_cbrt<T: Math>(x: T) -> T {
    let size = x.abs();
    let guess = size.inverse_cbrt();
    let e = (size * guess).mul_add(-(guess * guess), T::ONE);
    T::refined_cbrt(size, guess * chain(e, T::CBRT, 0, 1)).with_sign_of(x)
}

/// The cube root of `x` from its inverse of 23 bits: with `x = y^3 (1 + u)`, the first two terms of the root of that.
#[inline(always)]
pub(super) fn refined_f64(x: f64, inverse: f64) -> f64 {
    let square = inverse * inverse;
    let y = x * square;
    let rest = y.mul_add(-(y * y), x);
    let u = rest * (square * inverse);
    (rest * square).mul_add(u.mul_add(2.0 / 9.0, 1.0 / 3.0), y)
}

/// The same from 18 bits, by the first term.
#[inline(always)]
pub(super) fn refined_f32(x: f32, inverse: f32) -> f32 {
    let square = inverse * inverse;
    let y = x * square;
    let rest = y.mul_add(-(y * y), x);
    (rest * square).mul_add(1.0 / 3.0, y)
}

/// The cube root.
#[inline(always)]
pub(super) fn cbrt<T: Math>(x: T) -> T {
    let subnormal = x.abs() < T::NORMAL;
    let number = pick(x.is_finite(), x, T::ONE);
    let y = normal_cbrt(number * pick(subnormal, T::LIFT, T::ONE)) * pick(subnormal, T::LIFT_ROOT, T::ONE);
    pick(x == T::ZERO || !x.is_finite(), x, y)
}

/// Infinite if either is, whatever the other; else the length.
#[inline(always)]
fn or_infinite<T: Math>(x: T, y: T, length: T) -> T {
    pick(x.abs() == T::INFINITY || y.abs() == T::INFINITY, T::INFINITY, length)
}

/// The root of the sum of the squares: in `f64` neither overflows.
#[inline(always)]
pub(super) fn hypot_f32(x: f32, y: f32) -> f32 {
    let (a, b) = (f64::from(x), f64::from(y));
    or_infinite(x, y, a.mul_add(a, b * b).sqrt() as f32)
}

/// The root of the sum of the squares, corrected by what rounding lost in them.
#[inline(always)]
pub(super) fn hypot_f64(x: f64, y: f64) -> f64 {
    const LARGE: f64 = 6.703903964971299e153; // 2^511
    const SMALL: f64 = 3.872591914849318e-121; // 2^-400
    const SCALE: f64 = 4.149515568880993e180; // 2^600
    let (x, y) = (x.abs(), y.abs());
    let (a, b) = (pick(x > y, x, y), pick(x > y, y, x));
    let factor = pick(a > LARGE, 1.0 / SCALE, pick(a < SMALL, SCALE, 1.0));
    let back = pick(a > LARGE, SCALE, pick(a < SMALL, 1.0 / SCALE, 1.0));
    let (a, b) = (a * factor, b * factor);
    let (a2, b2) = (a * a, b * b);
    let h = a.mul_add(a, b2).sqrt();
    let h2 = h * h;
    let excess = (-b).mul_add(b, h2 - a2) + h.mul_add(h, -h2) - a.mul_add(a, -a2);
    let corrected = h - pick(h > 0.0, excess / (2.0 * h), 0.0);
    or_infinite(x, y, corrected * back)
}

/// The sum of the squares, where it has all digits.
#[inline(always)]
pub(super) fn plain_size<T: Math>(x: T, y: T) -> T {
    x.mul_add(x, y * y).sqrt()
}

/// Whether neither square overflows, and the larger one is far from underflow.
#[inline(always)]
pub(super) fn is_plain_size<T: Math>(x: T, y: T) -> bool {
    let square = x.mul_add(x, y * y);
    (square > T::NORMAL / (T::TINY * T::TINY)) & (square < T::QUARTER_MAX)
}

/// `x^1.5`: infinite for both infinities, as powers are.
#[inline(always)]
pub(super) fn power_three_halves<T: Math>(x: T) -> T {
    pick(x == T::NEG_INFINITY, T::INFINITY, x * x.sqrt())
}
