//! Sine, cosine and tangent: multiples of a quarter turn apart, in three pieces of pi.

use super::Math;
use super::parts::{pick, polynomial};

/// Where the reduction below is exact enough; beyond it (and for infinities and NaN) the C library is asked.
#[inline(always)]
pub(super) fn is_small<T: Math>(x: T) -> bool {
    x.abs() < T::ANGLE_LIMIT
}

/// `x - q pi / 2` as a sum of two numbers, and `ROUND + q`.
#[inline(always)]
fn reduce_angle<T: Math>(x: T) -> (T, T, T) {
    let rounded = x.mul_add(T::FRAC_2_PI, T::ROUND);
    let q = rounded - T::ROUND;
    let t = q.mul_add(-T::FRAC_PI_2, x); // exact
    let p = q * T::PI_2_MIDDLE;
    let p_low = q.mul_add(T::PI_2_LOW, q.mul_add(T::PI_2_MIDDLE, -p));
    // Either of the two may be the larger.
    let r = t - p;
    let back = r - t;
    (r, ((t - (r - back)) - (p + back)) - p_low, rounded)
}

/// Sine and cosine of `r + rest`, at most pi / 4 in size.
#[inline(always)]
fn sine_and_cosine<T: Math>(r: T, rest: T) -> (T, T) {
    let z = r * r;
    let half = T::HALF * z;
    let sine = r + (z * r).mul_add(polynomial(z, T::SIN), half.mul_add(-rest, rest));
    let w = T::ONE - half;
    let low = (z * z).mul_add(polynomial(z, T::COS), -(r * rest));
    (sine, w + (((T::ONE - w) - half) + low))
}

/// `sin x`, for small `x`
#[inline(always)]
pub(super) fn sin<T: Math>(x: T) -> T {
    let (r, rest, q) = reduce_angle(x);
    let (sine, cosine) = sine_and_cosine(r, rest);
    let y = pick(T::is_odd(q), cosine, sine).flip_by_bit_1(q);
    pick(x == T::ZERO, x, y)
}

/// `cos x`, for small `x`
#[inline(always)]
pub(super) fn cos<T: Math>(x: T) -> T {
    let (r, rest, q) = reduce_angle(x);
    let (sine, cosine) = sine_and_cosine(r, rest);
    pick(T::is_odd(q), sine, cosine).flip_by_bit_1(q + pick(T::is_odd(q), T::ONE, T::ZERO))
}

/// `tan x`, for small `x`
#[inline(always)]
pub(super) fn tan<T: Math>(x: T) -> T {
    let (r, rest, q) = reduce_angle(x);
    let (sine, cosine) = sine_and_cosine(r, rest);
    let y = pick(T::is_odd(q), -cosine, sine) / pick(T::is_odd(q), sine, cosine);
    pick(x == T::ZERO, x, y)
}
