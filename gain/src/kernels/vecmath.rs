//! Vectorised exponential, logarithm, sine and cosine, within one unit in the last place.
//!
//! Written for one element, without branches or tables, so that the drivers turn them into vectors; used where there
//! is a fused multiply-add in hardware, else the C library's. `f32` is computed in `f64` with shorter polynomials.
//! An element's result doesn't depend on its neighbours.

use super::Kernel;
use super::lanes::{guarded1, map1, wide};
use crate::ops::Op;

/// Adding and subtracting it rounds to an integer, which is then in the low bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// `2^k` for the integer in the low bits of `rounded` (a sum with [`ROUND`]); -1022 <= k <= 1023.
#[inline(always)]
fn power_of_two(rounded: f64) -> f64 {
    f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// `c[0] + c[1] x + ...`
#[inline(always)]
fn polynomial<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut sum = c[N - 1];
    for k in (0..N - 1).rev() {
        sum = sum.mul_add(x, c[k]);
    }
    sum
}

/// `x - k ln 2` for the nearest integer `k`, and `k` (rounded sum and value). Keeps NaN, bounds everything else.
#[inline(always)]
fn reduce_exponent(x: f64) -> (f64, f64) {
    const HIGH: f64 = 0.693_147_180_369_123_8;
    const LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x > 1100.0 { 1100.0 } else { x };
    let x = if x < -1100.0 { -1100.0 } else { x };
    let k = x.mul_add(std::f64::consts::LOG2_E, ROUND) - ROUND;
    (k.mul_add(-LOW, k.mul_add(-HIGH, x)), k)
}

#[inline(always)]
fn exp(x: f64) -> f64 {
    let (r, k) = reduce_exponent(x);
    let z = r * r;
    // Even and odd powers apart: two short chains of dependent steps instead of a long one.
    let even = [1.0 / 2.0, 1.0 / 24.0, 1.0 / 720.0, 1.0 / 40320.0, 1.0 / 3_628_800.0, 1.0 / 479_001_600.0];
    let odd =
        [1.0 / 6.0, 1.0 / 120.0, 1.0 / 5040.0, 1.0 / 362_880.0, 1.0 / 39_916_800.0, 1.0 / 6_227_020_800.0];
    let q = r.mul_add(polynomial(z, odd), polynomial(z, even));
    let y = 1.0 + z.mul_add(q, r);
    // In two steps: the result may be subnormal, or 2^k too large where the result isn't.
    let half = k.mul_add(0.5, ROUND);
    y * power_of_two(half) * power_of_two(k - (half - ROUND) + ROUND)
}

#[inline(always)]
fn exp_f32(x: f32) -> f32 {
    // The reduced exponent fits one power of two: beyond it the result is 0 or infinite as `f32` anyway.
    let x = f64::from(x);
    let x = if x > 200.0 { 200.0 } else { x };
    let x = if x < -200.0 { -200.0 } else { x };
    let (r, k) = reduce_exponent(x);
    let c =
        [1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0];
    (polynomial(r, c) * power_of_two(k + ROUND)) as f32
}

/// `log(x)` by fdlibm's formula: `x = 2^k (1 + f)`, `s = f / (2 + f)`.
#[inline(always)]
fn log(x: f64) -> f64 {
    const HIGH: f64 = 0.693_147_180_369_123_8;
    const LOW: f64 = 1.908_214_929_270_587_7e-10;
    const HALF_SQRT: u64 = 0x3fe6_a09e_667f_3bcd; // sqrt(1/2)
    const ONE: u64 = 1023 << 52;
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    let subnormal = x < f64::MIN_POSITIVE;
    let scaled = if subnormal { x * 18_014_398_509_481_984.0 } else { x };
    let bits = scaled.to_bits();
    let exponent = bits.wrapping_sub(HALF_SQRT).wrapping_add(ONE) >> 52;
    let k = f64::from_bits(exponent | TWO_52.to_bits()) - (TWO_52 + 1023.0);
    let k = if subnormal { k - 54.0 } else { k };
    let f = f64::from_bits(bits.wrapping_sub(exponent << 52).wrapping_add(ONE)) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * polynomial(
        z,
        [
            0.666_666_666_666_673_5,
            0.399_999_999_994_094_2,
            0.285_714_287_436_623_9,
            0.222_221_984_321_497_84,
            0.181_835_721_616_180_5,
            0.153_138_376_992_093_73,
            0.147_981_986_051_165_86,
        ],
    );
    let half = 0.5 * f * f;
    let y = k * HIGH - ((half - (s * (half + r) + k * LOW)) - f);
    let y = if x > 0.0 { y } else { f64::NAN };
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    if x == f64::INFINITY { x } else { y }
}

/// Where the reduction below is exact enough; beyond it (and for infinities and NaN) the C library is asked.
#[inline(always)]
fn is_small(x: f64) -> bool {
    x.abs() < 100_000.0
}

/// `x - q pi / 2` as a sum of two numbers, and `q` in the low bits of a sum with [`ROUND`].
#[inline(always)]
fn reduce_angle(x: f64) -> (f64, f64, u64) {
    const HIGH: f64 = std::f64::consts::FRAC_PI_2;
    const MIDDLE: f64 = 6.123_233_995_736_766e-17;
    const LOW: f64 = -1.497_384_904_859_17e-33;
    let rounded = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND);
    let q = rounded - ROUND;
    let t = q.mul_add(-HIGH, x); // exact
    let r = q.mul_add(-MIDDLE, t);
    let rest = q.mul_add(-LOW, q.mul_add(-MIDDLE, t - r));
    (r, rest, rounded.to_bits())
}

/// Sine or cosine of `r + rest` with the sign of quadrant `q`: fdlibm's polynomials on [-pi/4, pi/4].
#[inline(always)]
fn of_quadrant(r: f64, rest: f64, q: u64) -> f64 {
    let z = r * r;
    let p = polynomial(
        z,
        [
            8.333_333_333_322_49e-3,
            -1.984_126_982_985_795e-4,
            2.755_731_370_707_006_8e-6,
            -2.505_076_025_340_686_3e-8,
            1.589_690_995_211_55e-10,
        ],
    );
    let v = z * r;
    let sine = r - (z.mul_add(rest.mul_add(0.5, -(v * p)), -rest) - v * -1.666_666_666_666_663_2e-1);
    let p = z * polynomial(
        z,
        [
            4.166_666_666_666_66e-2,
            -1.388_888_888_887_411e-3,
            2.480_158_728_947_673e-5,
            -2.755_731_435_139_066_3e-7,
            2.087_572_321_298_175e-9,
            -1.135_964_755_778_819_5e-11,
        ],
    );
    let half = 0.5 * z;
    let w = 1.0 - half;
    let cosine = w + (((1.0 - w) - half) + z.mul_add(p, -(r * rest)));
    let value = if q & 1 == 0 { sine } else { cosine };
    f64::from_bits(value.to_bits() ^ ((q & 2) << 62))
}

#[inline(always)]
fn sin(x: f64) -> f64 {
    let (r, rest, q) = reduce_angle(x);
    let y = of_quadrant(r, rest, q);
    if x == 0.0 { x } else { y }
}

#[inline(always)]
fn cos(x: f64) -> f64 {
    let (r, rest, q) = reduce_angle(x);
    of_quadrant(r, rest, q.wrapping_add(1))
}

/// Loops on `f32` that replace calls of the C library.
pub(crate) fn f32(op: Op) -> Option<Kernel> {
    if !wide() {
        return None;
    }
    let is_small32 = |x: f32| is_small(x.into());
    Some(match op {
        Op::Exp => map1(exp_f32),
        Op::Log => map1(|x: f32| log(x.into()) as f32),
        Op::Sin => guarded1(is_small32, |x: f32| sin(x.into()) as f32, f32::sin),
        Op::Cos => guarded1(is_small32, |x: f32| cos(x.into()) as f32, f32::cos),
        _ => return None,
    })
}

/// Loops on `f64` that replace calls of the C library.
pub(crate) fn f64(op: Op) -> Option<Kernel> {
    if !wide() {
        return None;
    }
    Some(match op {
        Op::Exp => map1(exp),
        Op::Log => map1(log),
        Op::Sin => guarded1(is_small, sin, f64::sin),
        Op::Cos => guarded1(is_small, cos, f64::cos),
        _ => return None,
    })
}
