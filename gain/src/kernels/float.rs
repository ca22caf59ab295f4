//! Loops on `f32` and `f64`.

use super::exponent::{self, Parts};
use super::lanes::{always, each1, each2, map1, map2, map3, same, slot, split1, split2};
use super::number::Real;
use super::{Kernel, Operands, Slot};
use crate::ops::Op;

/// Floor quotient and remainder as Python defines them: the remainder has the divisor's sign.
#[inline(always)]
pub(crate) fn divmod<T: Real>(x: T, y: T) -> (T, T) {
    let mut r = x % y;
    if y == T::ZERO {
        return (x / y, r);
    }
    let mut q = (x - r) / y;
    // What compares for order raises a flag for NaN: signs are asked for as bits.
    if r != T::ZERO {
        if y.is_negative() != r.is_negative() {
            r = r + y;
            q = q - T::ONE;
        }
    } else {
        r = T::ZERO.copysign(y);
    }
    if q == T::ZERO {
        return (T::ZERO.copysign(x / y), r);
    }
    let floor = q.floor();
    (if (T::HALF - (q - floor)).is_negative() { floor + T::ONE } else { floor }, r)
}

/// The quotient of [`divmod`]: by zero, what isn't asked for would raise a flag of its own.
#[inline(always)]
pub(crate) fn floor_divide<T: Real>(x: T, y: T) -> T {
    if y == T::ZERO { x / y } else { divmod(x, y).0 }
}

/// The remainder of [`divmod`].
#[inline(always)]
pub(crate) fn remainder<T: Real>(x: T, y: T) -> T {
    if y == T::ZERO { x % y } else { divmod(x, y).1 }
}

/// A NaN wins.
#[inline(always)]
pub(crate) fn maximum<T: Real>(x: T, y: T) -> T {
    if x >= y || x.is_nan() { x } else { y }
}

/// A NaN wins.
#[inline(always)]
pub(crate) fn minimum<T: Real>(x: T, y: T) -> T {
    if x <= y || x.is_nan() { x } else { y }
}

/// A NaN loses.
#[inline(always)]
pub(crate) fn fmax<T: Real>(x: T, y: T) -> T {
    if x >= y || y.is_nan() { x } else { y }
}

/// A NaN loses.
#[inline(always)]
pub(crate) fn fmin<T: Real>(x: T, y: T) -> T {
    if x <= y || y.is_nan() { x } else { y }
}

#[inline(always)]
fn sign<T: Real>(x: T) -> T {
    let size = if x == T::ZERO { T::ZERO } else { T::ONE.copysign(x) };
    if x.is_nan() { x } else { size }
}

pub(crate) fn log_add_exp<T: Real>(x: T, y: T) -> T {
    if x == y {
        return x + T::LN_2;
    }
    let d = x - y;
    if d > T::ZERO {
        x + (-d).exp().ln_1p()
    } else if d <= T::ZERO {
        y + d.exp().ln_1p()
    } else {
        d
    }
}

pub(crate) fn log_add_exp2<T: Real>(x: T, y: T) -> T {
    if x == y {
        return x + T::ONE;
    }
    let d = x - y;
    if d > T::ZERO {
        x + T::LOG2_E * (-d).exp2().ln_1p()
    } else if d <= T::ZERO {
        y + T::LOG2_E * d.exp2().ln_1p()
    } else {
        d
    }
}

/// Distance to the next number away from zero.
#[inline(always)]
fn spacing<T: Real>(x: T) -> T {
    let next = if x == T::ZERO { T::ZERO.farther() } else { x.farther() };
    if x.is_finite() { next - x } else { T::NAN }
}

#[inline(always)]
fn modf<T: Real>(x: T) -> (T, T) {
    let whole = x.trunc();
    let part = if x.is_finite() || x.is_nan() { x - whole } else { T::ZERO };
    (part.copysign(x), whole)
}

/// Between two bounds; a NaN wins. What equals a bound is left as it is if the bounds are numbers, else it is the bound's:
/// zeros have signs.
///
/// # Safety
/// The kernel's contract.
unsafe fn clip<T: Real>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: passed on.
    unsafe {
        let are_numbers = slot::<T>(s, o.src[1]).1 == 0 && slot::<T>(s, o.src[2]).1 == 0;
        let kernel = if are_numbers {
            map3(|x: T, low: T, high: T| {
                let x = if x >= low || x.is_nan() { x } else { low };
                if x <= high || x.is_nan() { x } else { high }
            })
        } else {
            map3(|x: T, low: T, high: T| {
                let x = if x > low || x.is_nan() { x } else { low };
                if x < high || x.is_nan() { x } else { high }
            })
        };
        kernel(n, s, o)
    }
}

/// Loops with one input.
pub(crate) fn unary<T: Parts>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Negative => map1(|x: T| -x),
        Op::Positive | Op::Conjugate | Op::Real => same::<T>(),
        Op::Imag => always(|| T::ZERO),
        Op::Angle => each1(|x: T| T::ZERO.atan2(x)),
        Op::Absolute | Op::Fabs => map1(|x: T| x.abs()),
        Op::Sign => map1(sign::<T>),
        Op::Rint => map1(|x: T| x.rint()),
        Op::Floor => map1(|x: T| x.floor()),
        Op::Ceil => map1(|x: T| x.ceil()),
        Op::Trunc => map1(|x: T| x.trunc()),
        Op::Sqrt => map1(|x: T| x.sqrt()),
        Op::Square => map1(|x: T| x * x),
        Op::Reciprocal => map1(|x: T| T::ONE / x),
        Op::Degrees | Op::Rad2deg => map1(|x: T| x * T::DEGREES),
        Op::Radians | Op::Deg2rad => map1(|x: T| x * T::RADIANS),
        Op::LogicalNot => map1(|x: T| u8::from(x == T::ZERO)),
        Op::Isfinite => map1(|x: T| u8::from(x.abs() < T::INFINITY)),
        Op::Isinf => map1(|x: T| u8::from(x.abs() == T::INFINITY)),
        Op::Isnan => map1(|x: T| u8::from(x.is_nan())),
        Op::Signbit => map1(|x: T| u8::from(x.is_negative())),
        Op::Spacing => map1(spacing::<T>),
        Op::Frexp => exponent::frexp::<T>(),
        Op::Modf => split1(modf::<T>),
        Op::Cbrt => each1(|x: T| x.cbrt()),
        Op::Exp => each1(|x: T| x.exp()),
        Op::Exp2 => each1(|x: T| x.exp2()),
        Op::Expm1 => each1(|x: T| x.exp_m1()),
        Op::Log => each1(|x: T| x.ln()),
        Op::Log2 => each1(|x: T| x.log2()),
        Op::Log10 => each1(|x: T| x.log10()),
        Op::Log1p => each1(|x: T| x.ln_1p()),
        Op::Sin => each1(|x: T| x.sin()),
        Op::Cos => each1(|x: T| x.cos()),
        Op::Tan => each1(|x: T| x.tan()),
        Op::Arcsin => each1(|x: T| x.asin()),
        Op::Arccos => each1(|x: T| x.acos()),
        Op::Arctan => each1(|x: T| x.atan()),
        Op::Sinh => each1(|x: T| x.sinh()),
        Op::Cosh => each1(|x: T| x.cosh()),
        Op::Tanh => each1(|x: T| x.tanh()),
        Op::Arcsinh => each1(|x: T| x.asinh()),
        Op::Arccosh => each1(|x: T| x.acosh()),
        Op::Arctanh => each1(|x: T| x.atanh()),
        _ => return None,
    })
}

/// Loops with more inputs.
pub(crate) fn binary<T: Parts>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Add => map2(|x: T, y: T| x + y),
        Op::Subtract => map2(|x: T, y: T| x - y),
        Op::Multiply => map2(|x: T, y: T| x * y),
        Op::Divide => map2(|x: T, y: T| x / y),
        Op::Maximum => map2(maximum::<T>),
        Op::Minimum => map2(minimum::<T>),
        Op::Fmax => map2(fmax::<T>),
        Op::Fmin => map2(fmin::<T>),
        Op::Clip => clip::<T>,
        Op::Copysign => map2(|x: T, y: T| x.copysign(y)),
        Op::Heaviside => map2(|x: T, y: T| {
            if x.is_nan() {
                x
            } else if x == T::ZERO {
                y
            } else if x < T::ZERO {
                T::ZERO
            } else {
                T::ONE
            }
        }),
        Op::LogicalAnd => map2(|x: T, y: T| u8::from(x != T::ZERO) & u8::from(y != T::ZERO)),
        Op::LogicalOr => map2(|x: T, y: T| u8::from(x != T::ZERO) | u8::from(y != T::ZERO)),
        Op::LogicalXor => map2(|x: T, y: T| u8::from(x != T::ZERO) ^ u8::from(y != T::ZERO)),
        Op::FloorDivide => each2(|x: T, y: T| Some(floor_divide(x, y))),
        Op::Remainder => each2(|x: T, y: T| Some(remainder(x, y))),
        Op::Fmod => each2(|x: T, y: T| Some(x % y)),
        Op::Divmod => split2(divmod::<T>),
        Op::Power | Op::FloatPower => each2(|x: T, y: T| Some(x.powf(y))),
        Op::Arctan2 => each2(|x: T, y: T| Some(x.atan2(y))),
        Op::Hypot => each2(|x: T, y: T| Some(x.hypot(y))),
        Op::Logaddexp => each2(|x: T, y: T| Some(log_add_exp(x, y))),
        Op::Logaddexp2 => each2(|x: T, y: T| Some(log_add_exp2(x, y))),
        Op::Nextafter => map2(|x: T, y: T| x.nextafter(y)),
        Op::Ldexp => exponent::ldexp::<T>(),
        _ => return None,
    })
}
