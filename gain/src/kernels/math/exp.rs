//! Exponentials: the exponent apart, a polynomial for the rest.

use super::Math;
use super::parts::{at_least, at_most, pick, polynomial};

/// `x - k ln 2` for the nearest integer `k`, and `k`; `x` is bounded.
#[inline(always)]
pub(super) fn reduce_exponent<T: Math>(x: T) -> (T, T) {
    let k = x.mul_add(T::LOG2_E, T::ROUND) - T::ROUND;
    (k.mul_add(-T::LN_2_LOW, k.mul_add(-T::LN_2, x)), k)
}

/// `y 2^k`, in two steps: the result may be subnormal, or `2^k` too large where the result isn't.
#[inline(always)]
pub(super) fn scale<T: Math>(y: T, k: T) -> T {
    let half = k.mul_add(T::HALF, T::ROUND);
    y * T::power_of_two(half) * T::power_of_two(k - (half - T::ROUND) + T::ROUND)
}

/// `e^x`
#[inline(always)]
pub(super) fn exp<T: Math>(x: T) -> T {
    let x = at_least(at_most(x, T::EXPONENT_MAX), -(T::EXPONENT_MAX + T::EXPONENT_MAX * T::QUARTER));
    let (r, k) = reduce_exponent(x);
    scale(T::ONE + (r * r).mul_add(polynomial(r, T::EXP), r), k)
}

/// `2^x`
#[inline(always)]
pub(super) fn exp2<T: Math>(x: T) -> T {
    let limit = T::EXPONENT_MAX + T::EXPONENT_MAX * T::QUARTER;
    let x = at_least(at_most(x, limit), -limit);
    let k = (x + T::ROUND) - T::ROUND;
    let r = x - k;
    scale(r.mul_add(polynomial(r, T::EXP2), T::ONE), k)
}

/// `e^r - 1` for a reduced argument.
#[inline(always)]
fn expm1_reduced<T: Math>(r: T) -> T {
    (r * r).mul_add(polynomial(r, T::EXPM1), r)
}

/// `e^x - 1` for `0 <= x` far from overflow.
#[inline(always)]
pub(super) fn expm1_moderate<T: Math>(x: T) -> T {
    let (r, k) = reduce_exponent(x);
    let power = T::power_of_two(k + T::ROUND);
    power.mul_add(expm1_reduced(r), power - T::ONE)
}

/// `e^x - 1`
#[inline(always)]
pub(super) fn expm1<T: Math>(x: T) -> T {
    let bounded = at_least(at_most(x, T::EXP_OVERFLOW), T::EXPM1_IS_MINUS_1);
    let (r, k) = reduce_exponent(bounded);
    let half = T::power_of_two(k - T::ONE + T::ROUND);
    let y = T::TWO * half.mul_add(expm1_reduced(r), half - T::HALF);
    // Also keeps the sign of zero and subnormal numbers, which were halved.
    pick(x.abs() < T::TINY * T::TINY, x, y)
}
