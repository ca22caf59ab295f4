//! Hyperbolic functions and their inverses.

use super::Math;
use super::exp::{expm1_moderate, reduce_exponent};
use super::log::{joined, split_above_one, split_far_above_one};
use super::parts::{at_least, at_most, pick, polynomial};

/// With `x = k ln 2 + r`: `2^(k-2)` plus and minus `2^(-k-2)`, `sinh r` and `cosh r - 1`, for `x >= 0`.
#[inline(always)]
fn parts<T: Math>(x: T) -> (T, T, T, T) {
    let (r, k) = reduce_exponent(at_most(x, T::SINH_OVERFLOW));
    let up = T::power_of_two(k - T::TWO + T::ROUND);
    let down = T::power_of_two(at_least(-k - T::TWO, T::EXPONENT_MIN) + T::ROUND);
    let z = r * r;
    let sine = (r * z).mul_add(polynomial(z, T::SINH), r);
    let cosine = (z * z).mul_add(polynomial(z, T::COSH), z * T::HALF);
    (up + down, up - down, sine, cosine)
}

/// `sinh x`
#[inline(always)]
pub(super) fn sinh<T: Math>(x: T) -> T {
    let (sum, difference, sine, cosine) = parts(x.abs());
    let y = T::TWO * (difference + difference.mul_add(cosine, sum * sine));
    // Also keeps subnormal numbers, which were halved.
    pick(x.abs() < T::TINY, x, y.with_sign_of(x))
}

/// `cosh x`
#[inline(always)]
pub(super) fn cosh<T: Math>(x: T) -> T {
    let (sum, difference, sine, cosine) = parts(x.abs());
    T::TWO * (sum + sum.mul_add(cosine, difference * sine))
}

/// `tanh x`
#[inline(always)]
pub(super) fn tanh<T: Math>(x: T) -> T {
    let e = expm1_moderate(T::TWO * at_most(x.abs(), T::TANH_IS_1));
    (e / (e + T::TWO)).with_sign_of(x)
}

/// Whether the square of `x` is finite, and 1 may be more than nothing beside `x`.
#[inline(always)]
pub(super) fn is_near<T: Math>(x: T) -> bool {
    x.abs() < T::GIANT
}

/// `arsinh x` for [near](is_near) numbers: the logarithm of `x + sqrt(x^2 + 1)`, a polynomial near 0.
#[inline(always)]
pub(super) fn near_asinh<T: Math>(x: T) -> T {
    let size = x.abs();
    let z = size * size;
    let near = (size * z).mul_add(polynomial(z, T::ASINH), size);
    let root = size.mul_add(size, T::ONE).sqrt();
    // What the sum is beyond 1, in an order that keeps its digits.
    let (k, f) = split_above_one(size + (root - T::ONE));
    pick(size < T::HALF, near, joined(k, f)).with_sign_of(x)
}

/// `arsinh x`
#[inline(always)]
pub(super) fn asinh<T: Math>(x: T) -> T {
    let size = x.abs();
    let (k, f) = split_far_above_one(size);
    let far = pick(size < T::INFINITY, joined(k + T::ONE, f), size).with_sign_of(x);
    pick(is_near(x), near_asinh(x), far)
}

/// Whether `x` is near and `arcosh x` more than 0.
#[inline(always)]
pub(super) fn is_above_one<T: Math>(x: T) -> bool {
    (x > T::ONE) & (x < T::GIANT)
}

/// `arcosh x` for such numbers: the logarithm of `1 + t + sqrt(2t + t^2)`, `t = x - 1`.
#[inline(always)]
pub(super) fn near_acosh<T: Math>(x: T) -> T {
    let t = x - T::ONE;
    let (k, f) = split_above_one(t + t.mul_add(t, T::TWO * t).sqrt());
    joined(k, f)
}

/// `arcosh x`
#[inline(always)]
pub(super) fn acosh<T: Math>(x: T) -> T {
    let (k, f) = split_far_above_one(x);
    let far = pick(x < T::INFINITY, joined(k + T::ONE, f), x);
    let y = pick(x < T::GIANT, near_acosh(x), far);
    pick(x >= T::ONE, pick(x == T::ONE, T::ZERO, y), T::NAN)
}

/// `artanh x`: half the logarithm of `(1 + x) / (1 - x) = 2^k (1 + s) / (1 - s)`, with one division for `s`.
#[inline(always)]
pub(super) fn atanh<T: Math>(x: T) -> T {
    let size = x.abs();
    let inside = pick(size < T::ONE, size, T::HALF);
    let rounded = (T::ONE + inside).octaves_above(T::ONE - inside);
    let (k, power) = (rounded - T::ROUND, T::power_of_two(rounded));
    // s = ((1 + x) - 2^k (1 - x)) / ((1 + x) + 2^k (1 - x)), and x itself near 0.
    let (above, below) = (T::ONE + inside, power * (T::ONE - inside));
    let near = k == T::ZERO;
    let s = pick(near, inside, above - below) / pick(near, T::ONE, above + below);
    let z = s * s;
    let whole = T::HALF * k;
    let tail = (s * z).mul_add(T::HALF * polynomial(z, T::ATANH), whole * T::LN_2_REST);
    let y = whole.mul_add(T::LN_2_SHORT, s + tail);
    let y = pick(size == T::ONE, T::INFINITY, y);
    let y = pick(size > T::ONE, T::NAN, y);
    let y = pick(x.is_nan(), x, y);
    y.with_sign_of(x)
}
