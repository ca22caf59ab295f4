//! Cube roots, and square roots of sums of squares.

use super::Math;
use super::parts::{pick, polynomial};

/// The cube root: exponent by thirds, a guess of the inverse root, refined without division.
#[inline(always)]
pub(super) fn cbrt<T: Math>(x: T) -> T {
    let size = x.abs();
    let subnormal = size < T::NORMAL;
    let (k, m) = (size * pick(subnormal, T::LIFT, T::ONE)).split();
    let rounded = k.mul_add(T::THIRD, T::ROUND);
    let left = k - T::THREE * (rounded - T::ROUND);
    // The fraction takes the one or two octaves that three don't divide.
    let octave = pick(left > T::ZERO, T::TWO, pick(left < T::ZERO, T::HALF, T::ONE));
    let root = pick(left > T::ZERO, T::CBRT_HALF, pick(left < T::ZERO, T::CBRT_2, T::ONE));
    let guess = polynomial(m, T::CBRT) * root;
    let m = m * octave;
    let e = (m * guess).mul_add(-(guess * guess), T::ONE);
    let inverse = (guess * e).mul_add(e.mul_add(T::TWO * T::THIRD * T::THIRD, T::THIRD), guess);
    let square = inverse * inverse;
    let y = m * square;
    // One of Newton's steps.
    let rest = y.mul_add(-(y * y), m);
    let y = (rest * T::THIRD).mul_add(square, y) * T::power_of_two(rounded);
    let y = (y * pick(subnormal, T::LIFT_ROOT, T::ONE)).with_sign_of(x);
    pick(size == T::ZERO || !x.is_finite(), x, y)
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

/// `x^1.5`: infinite for both infinities, as powers are.
#[inline(always)]
pub(super) fn power_three_halves<T: Math>(x: T) -> T {
    pick(x == T::NEG_INFINITY, T::INFINITY, x * x.sqrt())
}
