//! Logarithms: the exponent apart, `log(1 + f)` of the rest as a sum of two numbers.

#![allow(clippy::approx_constant, reason = "close to a constant isn't the constant")]

use super::Math;
use super::exp::{exp, exp2};
use super::parts::{Float, pick, polynomial};
use crate::kernels::number::Real;

/// `log2(1 + f) = f P(f)` and `log10(1 + f) = f P(f)` for `f32`.
const LOG2: [f32; 10] = [
    1.442695,
    -0.72134733,
    0.48089853,
    -0.36069655,
    0.28855255,
    -0.23960812,
    0.20485765,
    -0.19138838,
    0.18476033,
    -0.10749789,
];
const LOG10: [f32; 10] = [
    0.4342945,
    -0.21714719,
    0.14476489,
    -0.10858048,
    0.086862974,
    -0.072129235,
    0.061668295,
    -0.05761364,
    0.0556184,
    -0.03236009,
];

/// Whether `x` is positive and [normal](super::root::is_normal).
#[inline(always)]
pub(super) fn is_plain<T: Math>(x: T) -> bool {
    (x > T::TWO * T::NORMAL) & (x < T::QUARTER_MAX)
}

/// Any logarithm of a plain number, as [`anywhere`].
#[inline(always)]
fn plain<T: Math>(x: T, log: impl Fn(T, T) -> T) -> T {
    let (k, m) = T::split(x);
    log(k, m - T::ONE)
}

/// Any logarithm of any number, by one that takes exponent and fraction: `x = 2^k (1 + f)`,
/// `sqrt(1/2) <= 1 + f < sqrt(2)`.
#[inline(always)]
fn anywhere<T: Math>(x: T, log: impl Fn(T, T) -> T) -> T {
    let subnormal = x < T::NORMAL;
    let (k, m) = T::split(x * pick(subnormal, T::LIFT, T::ONE));
    at_edges(x, log(k - pick(subnormal, T::LIFT_EXPONENT, T::ZERO), m - T::ONE), T::ZERO)
}

/// `y` where the logarithm of `x` is finite, else its value there.
#[inline(always)]
fn at_edges<T: Math>(x: T, y: T, pole: T) -> T {
    let y = pick(x > pole, y, T::NAN);
    let y = pick(x == pole, T::NEG_INFINITY, y);
    pick(x == T::INFINITY, x, y)
}

/// `k ln 2 + log(1 + f)`
#[inline(always)]
pub(super) fn joined<T: Math>(k: T, f: T) -> T {
    let (half, rest) = T::log_parts(f);
    k.mul_add(T::LN_2_SHORT, f - (half - k.mul_add(T::LN_2_REST, rest)))
}

/// `k a + log(1 + f) b` for `a` and `b` given as sums of two numbers, the product with the first of `a` being exact.
#[inline(always)]
fn joined_to_base<T: Math>(k: T, f: T, a: [T; 2], b: [T; 2]) -> T {
    let (half, rest) = T::log_parts(f);
    let small = (rest - half).mul_add(b[0], f.mul_add(b[1], k * a[1]));
    k.mul_add(a[0], f.mul_add(b[0], small))
}

/// `log x`
#[inline(always)]
pub(super) fn log<T: Math>(x: T) -> T {
    anywhere(x, joined)
}

/// The same of a plain number.
#[inline(always)]
pub(super) fn plain_log<T: Math>(x: T) -> T {
    plain(x, joined)
}

/// `log2 x`
#[inline(always)]
pub(super) fn log2<T: Math>(x: T) -> T {
    anywhere(x, T::log2_parts)
}

/// The same of a plain number.
#[inline(always)]
pub(super) fn plain_log2<T: Math>(x: T) -> T {
    plain(x, T::log2_parts)
}

/// `log10 x`
#[inline(always)]
pub(super) fn log10<T: Math>(x: T) -> T {
    anywhere(x, T::log10_parts)
}

/// The same of a plain number.
#[inline(always)]
pub(super) fn plain_log10<T: Math>(x: T) -> T {
    plain(x, T::log10_parts)
}

/// `k + log2(1 + f)`
#[inline(always)]
pub(super) fn log2_parts_f64(k: f64, f: f64) -> f64 {
    joined_to_base(k, f, [1.0, 0.0], [f64::LOG2_E, f64::LOG2_E_LOW])
}

/// `k log10 2 + log10(1 + f)`
#[inline(always)]
pub(super) fn log10_parts_f64(k: f64, f: f64) -> f64 {
    joined_to_base(k, f, [f64::LOG10_2_SHORT, f64::LOG10_2_REST], [f64::LOG10_E, f64::LOG10_E_LOW])
}

/// `k + log2(1 + f)`: as fast as can be, 2 units in the last place.
#[inline(always)]
pub(super) fn log2_parts_f32(k: f32, f: f32) -> f32 {
    f.mul_add(polynomial(f, &LOG2), k)
}

/// `k log10 2 + log10(1 + f)`: the same.
#[inline(always)]
pub(super) fn log10_parts_f32(k: f32, f: f32) -> f32 {
    k.mul_add(f32::LOG10_2_SHORT, f.mul_add(polynomial(f, &LOG10), k * f32::LOG10_2_REST))
}

/// `k` and `f` with `1 + x = 2^k (1 + f)`, for `x > -1` that is not too large for [`split_far_above_one`] not to be needed.
#[inline(always)]
pub(super) fn split_above_one<T: Math>(x: T) -> (T, T) {
    let u = T::ONE + x;
    let (k, m) = T::split(u);
    // What rounding took from the sum; its share of `f` where numbers lie close.
    let (large, small) = (pick(x > T::ONE, x, T::ONE), pick(x > T::ONE, T::ONE, x));
    let lost = small - (u - large);
    (k, lost.mul_add(T::power_of_two(T::ROUND - k), m - T::ONE))
}

/// The same for any `x > -1`.
#[inline(always)]
pub(super) fn split_far_above_one<T: Math>(x: T) -> (T, T) {
    // Beyond it the sum is `x`, and inverses of powers may not be normal.
    let giant = x >= T::GIANT;
    let (k, f) = split_above_one(pick(giant, T::ONE, x));
    let (far, m) = T::split(x);
    (pick(giant, far, k), pick(giant, m - T::ONE, f))
}

/// `log(1 + x)` where [`is_near`] holds.
#[inline(always)]
pub(super) fn near_log1p<T: Math>(x: T) -> T {
    let (k, f) = split_above_one(x);
    // The sign of the number itself, zero's, too.
    joined(k, f).abs().with_sign_of(x)
}

/// Whether `1 + x` is positive and may be more than `x`.
#[inline(always)]
pub(super) fn is_near<T: Math>(x: T) -> bool {
    (x > -T::ONE) & (x < T::GIANT)
}

/// `log(1 + x)`
#[inline(always)]
pub(super) fn log1p<T: Math>(x: T) -> T {
    let (k, f) = split_far_above_one(x);
    at_edges(x, joined(k, f).abs().with_sign_of(x), -T::ONE)
}

/// `log(e^x + e^y)`
#[inline(always)]
pub(super) fn log_add_exp<T: Math>(x: T, y: T) -> T {
    let (large, d) = (pick(x > y, x, y), (x - y).abs());
    let sum = large + near_log1p(exp(-d));
    // Equal infinities have no difference.
    pick(x == y, x + T::LN_2, pick(d.is_nan(), d, sum))
}

/// `log2(2^x + 2^y)`
#[inline(always)]
pub(super) fn log_add_exp2<T: Math>(x: T, y: T) -> T {
    let (large, d) = (pick(x > y, x, y), (x - y).abs());
    let sum = large + T::LOG2_E * near_log1p(exp2(-d));
    pick(x == y, x + T::ONE, pick(d.is_nan(), d, sum))
}
