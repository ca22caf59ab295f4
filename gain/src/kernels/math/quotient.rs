//! Remainders and floor quotients of floats: exact with one fused multiplication while quotients have few digits.

use super::Math;
use super::parts::pick;

/// Whether the quotient's integer part is exact. Zero divisors, infinities and NaN are left to the C library.
#[inline(always)]
pub(super) fn is_small<T: Math>(x: T, y: T) -> bool {
    ((x / y).abs() < T::ROUND * T::QUARTER) & (y.abs() < T::INFINITY)
}

/// Truncated quotient of the sizes and what remains of `x`, for which [`is_small`] holds.
#[inline(always)]
fn parts<T: Math>(x: T, y: T) -> (T, T) {
    let (size, by) = (x.abs(), y.abs());
    let q = (size / by).trunc();
    let r = q.mul_add(-by, size);
    // The quotient may have been rounded up to an integer, never down past one.
    let over = r < T::ZERO;
    (pick(over, q - T::ONE, q), pick(over, r + by, r))
}

/// C's `fmod`: the remainder has the sign of `x`.
#[inline(always)]
pub(super) fn fmod<T: Math>(x: T, y: T) -> T {
    parts(x, y).1.with_sign_of(x)
}

/// Quotient rounded down and remainder with the sign of `y`, as Python defines them.
#[inline(always)]
pub(super) fn divmod<T: Math>(x: T, y: T) -> (T, T) {
    let (q, r) = parts(x, y);
    let opposite = x.is_negative() != y.is_negative();
    let beyond = opposite && r != T::ZERO;
    let (q, r) = (pick(beyond, q + T::ONE, q), pick(beyond, y.abs() - r, r));
    let q = pick(opposite, -q, q);
    (q, r.with_sign_of(y))
}

/// The remainder of [`divmod`].
#[inline(always)]
pub(super) fn remainder<T: Math>(x: T, y: T) -> T {
    divmod(x, y).1
}

/// The quotient of [`divmod`].
#[inline(always)]
pub(super) fn floor<T: Math>(x: T, y: T) -> T {
    divmod(x, y).0
}
