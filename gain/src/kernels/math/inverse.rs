//! Inverse trigonometric functions: symmetries until the argument is small, then a polynomial.

use super::Math;
use super::parts::{pick, polynomial};

/// `arcsin s` of `0 <= s <= 1/2` with `z = s^2`.
#[inline(always)]
fn arcsine<T: Math>(s: T, z: T) -> T {
    (s * z).mul_add(polynomial(z, T::ASIN), s)
}

/// Argument, its square and whether it is that of the half angle: `arcsin a = pi/2 - 2 arcsin sqrt((1 - a) / 2)`.
#[inline(always)]
fn halved<T: Math>(a: T) -> (T, T, bool) {
    let large = a > T::HALF;
    let z = pick(large, (T::ONE - a) * T::HALF, a * a);
    (pick(large, z.sqrt(), a), z, large)
}

/// `arcsin x`
#[inline(always)]
pub(super) fn asin<T: Math>(x: T) -> T {
    let (s, z, large) = halved(x.abs());
    let y = arcsine(s, z);
    let y = pick(large, T::FRAC_PI_2 - (T::TWO * y - T::PI_2_MIDDLE), y);
    y.with_sign_of(x)
}

/// `arccos x`
#[inline(always)]
pub(super) fn acos<T: Math>(x: T) -> T {
    let (s, z, large) = halved(x.abs());
    let y = arcsine(s, z);
    let negative = x < T::ZERO;
    let far = T::PI - (T::TWO * y - T::TWO * T::PI_2_MIDDLE);
    let far = pick(negative, far, T::TWO * y);
    let near = T::FRAC_PI_2 - (y.with_sign_of(x) - T::PI_2_MIDDLE);
    pick(large, far, near)
}

/// `arctan (a / b)` for `0 <= a <= b`, `0 < b < infinity / 2`
#[inline(always)]
fn octant<T: Math>(a: T, b: T) -> T {
    // tan(x - pi/4) = (tan x - 1) / (tan x + 1)
    let beyond = a > b * T::TAN_PI_8;
    let t = pick(beyond, a - b, a) / pick(beyond, a + b, b);
    let z = t * t;
    let y = (t * z).mul_add(polynomial(z, T::ATAN), t);
    pick(beyond, T::FRAC_PI_4 + (y + T::HALF * T::PI_2_MIDDLE), y)
}

/// `arctan x`
#[inline(always)]
pub(super) fn atan<T: Math>(x: T) -> T {
    let size = x.abs();
    let large = size > T::ONE;
    let y = octant(pick(large, T::ONE, size), pick(large, size, T::ONE));
    let y = pick(large, T::FRAC_PI_2 - (y - T::PI_2_MIDDLE), y);
    y.with_sign_of(x)
}

/// The angle of the point (`x`, `y`).
#[inline(always)]
pub(super) fn atan2<T: Math>(y: T, x: T) -> T {
    let (rise, run) = (y.abs(), x.abs());
    let steep = rise > run;
    let (a, b) = (pick(steep, run, rise), pick(steep, rise, run));
    // Two infinities are as far, infinity is infinitely far, and a sum must not overflow.
    let a = pick(a == T::INFINITY, T::ONE, a);
    let infinite = b == T::INFINITY;
    let b = pick(infinite && rise == run, T::ONE, b);
    let scale = pick(b >= T::QUARTER_MAX, T::QUARTER, T::ONE);
    let (a, b) = (a * scale, b * scale);
    let b = pick(b == T::ZERO, T::ONE, b);
    let angle = octant(a, b);
    let angle = pick(steep, T::FRAC_PI_2 - (angle - T::PI_2_MIDDLE), angle);
    let back = T::PI - (angle - T::TWO * T::PI_2_MIDDLE);
    let angle = pick(x.is_negative(), back, angle);
    pick(x.is_nan() || y.is_nan(), T::NAN, angle.with_sign_of(y))
}
