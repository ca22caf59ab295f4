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

/// `log2 x`
#[inline(always)]
pub(super) fn log2<T: Math>(x: T) -> T {
    anywhere(x, T::log2_parts)
}

/// `log10 x`
#[inline(always)]
pub(super) fn log10<T: Math>(x: T) -> T {
    anywhere(x, T::log10_parts)
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

/// `k` and `f` with `1 + x + low = 2^k (1 + f)`, for `x > -1` and a small `low`.
#[inline(always)]
pub(super) fn split_above_one<T: Math>(x: T) -> (T, T) {
    let u = T::ONE + x;
    let (k, m) = T::split(u);
    // What rounding took from the sum; its share of `f` where numbers lie close.
    let lost = pick(x.abs() < T::ONE, x - (u - T::ONE), T::ONE - (u - x));
    let lost = pick(x < T::GIANT, lost, T::ZERO);
    (k, (m - T::ONE) + lost * T::power_of_two(T::ROUND - at_least_exponent(k)))
}

/// Large exponents have inverses that are not normal; what is scaled by them is 0.
#[inline(always)]
fn at_least_exponent<T: Math>(k: T) -> T {
    pick(k > -T::EXPONENT_MIN, -T::EXPONENT_MIN, k)
}

/// `log(1 + x)` where `1 + x` is positive and finite.
#[inline(always)]
pub(super) fn log1p_inside<T: Math>(x: T) -> T {
    let (k, f) = split_above_one(x);
    joined(k, f)
}

/// `log(1 + x)`
#[inline(always)]
pub(super) fn log1p<T: Math>(x: T) -> T {
    let y = at_edges(x, log1p_inside(x), -T::ONE);
    pick(x.abs() < T::TINY * T::TINY, x, y)
}

/// `log(e^x + e^y)`
#[inline(always)]
pub(super) fn log_add_exp<T: Math>(x: T, y: T) -> T {
    let (large, d) = (pick(x > y, x, y), (x - y).abs());
    let sum = large + log1p_inside(exp(-d));
    // Equal infinities have no difference.
    pick(x == y, x + T::LN_2, pick(d.is_nan(), d, sum))
}

/// `log2(2^x + 2^y)`
#[inline(always)]
pub(super) fn log_add_exp2<T: Math>(x: T, y: T) -> T {
    let (large, d) = (pick(x > y, x, y), (x - y).abs());
    let sum = large + T::LOG2_E * log1p_inside(exp2(-d));
    pick(x == y, x + T::ONE, pick(d.is_nan(), d, sum))
}
