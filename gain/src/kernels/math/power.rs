//! Powers: the exponential, to base 2, of the exponent times the logarithm, which has twice the digits.

use super::Math;
use super::coefficients::Coefficients;
use super::parts::{Float, pick, polynomial};
use crate::kernels::number::Real;

/// Factors of the series `log2((1 + s) / (1 - s)) = s (2 / ln 2 + z (2/3 / ln 2 + z P(z)))`, `z = s^2`: the first
/// two as sums of two numbers, and `P` with a relative error of 2^-70 and 2^-41 of the whole.
const FIRST: [f64; 2] = [2.8853900817779268, 4.0710547481862066e-17];
const SECOND: [f64; 2] = [0.9617966939259756, 5.0577616648125907e-17];
const REST: [f64; 8] = [
    0.5770780163555853,
    0.4121985831111439,
    0.3205988979671497,
    0.26230819146928386,
    0.22195278846420186,
    0.19238057260565664,
    0.16888511507764195,
    0.1691315576673111,
];
const REST_SHORT: [f64; 3] = [0.5770782336302194, 0.4120659367465552, 0.33251701401314315];
/// `2^r` on |r| <= 1/2, to 29 bits.
const EXP2_SHORT: [f64; 7] = [
    1.0,
    0.6931472067028326,
    0.24022650922288757,
    0.05550327226670302,
    0.009618056678524637,
    0.0013400428177615838,
    0.0001546144469856913,
];

/// `log2 (2^k m)` as a sum of two numbers.
#[inline(always)]
fn log2(k: f64, m: f64) -> (f64, f64) {
    let f = m - 1.0;
    let d = 2.0 + f;
    let inverse = 1.0 / d;
    let s = f * inverse;
    let s_low = inverse * (f - (d - 2.0)).mul_add(-s, s.mul_add(-d, f));
    let z = s * s;
    let z_low = s.mul_add(s, -z) + 2.0 * s * s_low;
    let rest = polynomial(z, &REST);
    let u = z.mul_add(rest, SECOND[0]);
    let u_low = z.mul_add(rest, SECOND[0] - u) + SECOND[1];
    let v = z * u;
    let v_low = z.mul_add(u, -v) + z.mul_add(u_low, z_low * u);
    let w = FIRST[0] + v;
    let w_low = ((FIRST[0] - w) + v) + (v_low + FIRST[1]);
    let l = s * w;
    let l_low = s.mul_add(w, -l) + s.mul_add(w_low, s_low * w);
    let sum = k + l;
    (sum, ((k - sum) + l) + l_low)
}

/// What a power is, given that of the size of `x` where both are numbers.
#[inline(always)]
fn with_signs<T: Math>(x: T, y: T, size: T) -> T {
    let half = y * T::HALF;
    let is_whole = y.trunc() == y;
    let is_odd = is_whole & (half.trunc() != half);
    let signed = pick(is_odd, size.with_sign_of(x), size);
    // -0 and -infinity are no less than 0 and have a power of any exponent.
    let undefined = (x < T::ZERO) & !is_whole & (x != T::NEG_INFINITY);
    let power = pick(undefined | x.is_nan() | y.is_nan(), T::NAN, signed);
    pick((y == T::ZERO) | (x == T::ONE), T::ONE, power)
}

/// Whether `x` is positive, finite and has all digits and the power's exponent stays within `limit`. One comparison,
/// which fails for all that is not a number; exponents of negative numbers come out too large.
#[inline(always)]
pub(super) fn is_plain<T: Math>(x: T, y: T) -> bool {
    let size = x.split().0.abs();
    y.abs().mul_add(size + T::ONE, size) < T::PLAIN_EXPONENT
}

/// Whether the power may be exceptional: all but those of plain numbers, of their negatives to whole exponents, and of
/// zero to positive ones.
#[inline(always)]
pub(super) fn is_suspect<T: Math>(x: T, y: T) -> bool {
    let of_zero = (x == T::ZERO) & (y >= T::ZERO);
    let of_root = (x < T::ZERO) & (y.trunc() != y);
    !(is_plain(x.abs(), y) | of_zero) | of_root
}

/// `2^(whole + rest)`, the whole part rounded to an integer and returned.
#[inline(always)]
fn exp2(whole: f64, rest: f64) -> (f64, f64) {
    let k = (whole + f64::ROUND) - f64::ROUND;
    let part = whole - k;
    let r = part + rest;
    let r_low = (part - r) + rest;
    (r.mul_add(polynomial(r, f64::EXP2), r_low * f64::LN_2) + 1.0, k)
}

/// `x^y` for plain numbers.
#[inline(always)]
pub(super) fn plain_f64(x: f64, y: f64) -> f64 {
    let (k, m) = x.split();
    let (high, low) = log2(k, m);
    let p = y * high;
    let (power, k) = exp2(p, y.mul_add(high, -p) + y * low);
    power * f64::power_of_two(k + f64::ROUND)
}

/// `x^y`
#[inline(always)]
pub(super) fn power_f64(x: f64, y: f64) -> f64 {
    let size = x.abs();
    let subnormal = size < f64::NORMAL;
    let (k, m) = (size * pick(subnormal, f64::LIFT, 1.0)).split();
    let (high, low) = log2(k - pick(subnormal, f64::LIFT_EXPONENT, 0.0), m);
    // Zero and infinity have infinite logarithms; 1 to an infinite power is 1.
    let high = pick(size == 0.0, f64::NEG_INFINITY, high);
    let high = pick(size == f64::INFINITY, size, high);
    let p = pick(size == 1.0, 0.0, y * high);
    let p_low = y.mul_add(high, -p) + y * low;
    let bounded = pick(p > 1100.0, 1100.0, p);
    let bounded = pick(bounded < -1200.0, -1200.0, bounded);
    let (power, k) = exp2(bounded, pick((bounded == p) & (size != 1.0), p_low, 0.0));
    with_signs(x, y, super::exp::scale(power, k))
}

/// `log2 |x|` and the power of 2, in `f64` for `f32`.
#[inline(always)]
fn log2_short(x: f32) -> f64 {
    let (k, m) = f64::from(x).split();
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    s.mul_add(z.mul_add(z.mul_add(polynomial(z, &REST_SHORT), SECOND[0]), FIRST[0]), k)
}

#[inline(always)]
fn exp2_short(p: f64) -> f32 {
    let rounded = p + f64::ROUND;
    (polynomial(p - (rounded - f64::ROUND), &EXP2_SHORT) * f64::power_of_two(rounded)) as f32
}

/// `x^y` for plain numbers, in `f64`.
#[inline(always)]
pub(super) fn plain_f32(x: f32, y: f32) -> f32 {
    exp2_short(f64::from(y) * log2_short(x))
}

/// `x^y`, in `f64`
#[inline(always)]
pub(super) fn power_f32(x: f32, y: f32) -> f32 {
    let size = x.abs();
    let log = log2_short(size);
    let log = pick(size == 0.0, f64::NEG_INFINITY, log);
    let log = pick(size == f32::INFINITY, f64::INFINITY, log);
    let p = pick(size == 1.0, 0.0, f64::from(y) * log);
    let p = pick(p > 300.0, 300.0, p);
    with_signs(x, y, exp2_short(pick(p < -300.0, -300.0, p)))
}
