//! Where the exceptions of this module's functions are to be found: in the few inputs that can have any, which the C
//! library is asked about. The kernels themselves raise what they like.

use super::{Math, power, quotient};
use crate::dtype::DType;
use crate::kernels::flags::{Report, raised_by, scan, scan2};
use crate::kernels::float::{divmod, floor_divide, remainder};
use crate::kernels::lanes::wide;
use crate::ops::Op;
use num_complex::Complex;

/// The exceptions of the functions that have kernels of ours.
pub(crate) fn of_function(op: Op, dtype: DType) -> Report {
    if op.is_quiet() {
        return Report::Never;
    }
    if matches!(op, Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Square | Op::Sqrt) {
        return Report::Exact;
    }
    if matches!(op, Op::Absolute | Op::Sign) {
        return Report::Never;
    }
    let ours = match dtype {
        DType::F32 => report::<f32>(op),
        _ => report::<f64>(op),
    };
    ours.unwrap_or(Report::Exact)
}

/// The report of a function that has a kernel here.
fn report<T: Math>(op: Op) -> Option<Report> {
    if op == Op::Nextafter {
        // What comes out infinite or without all digits, and a NaN.
        let is_suspect = |x: T, y: T| {
            let next = x.nextafter(y).abs();
            !((next >= T::NORMAL) & (next < T::INFINITY))
        };
        return Some(scan2(is_suspect, |x: T, y: T| raised_by(|| x.libm_nextafter(y))));
    }
    if !wide() {
        return None;
    }
    Some(match op {
        Op::Exp => scan(|x: T| x.abs() > T::EXP_SAFE, |x: T| raised_by(|| x.exp())).covered(),
        Op::Exp2 => scan(|x: T| x.abs() > T::EXPONENT_MAX - T::ONE, |x: T| raised_by(|| x.exp2())).covered(),
        Op::Expm1 => scan(|x: T| x > T::EXP_SAFE, |x: T| raised_by(|| x.exp_m1())),
        Op::Log => scan(|x: T| x <= T::ZERO, |x: T| raised_by(|| x.ln())),
        Op::Log2 => scan(|x: T| x <= T::ZERO, |x: T| raised_by(|| x.log2())),
        Op::Log10 => scan(|x: T| x <= T::ZERO, |x: T| raised_by(|| x.log10())),
        Op::Log1p => scan(|x: T| x <= -T::ONE, |x: T| raised_by(|| x.ln_1p())),
        Op::Sin => scan(|x: T| x.abs() == T::INFINITY, |x: T| raised_by(|| x.sin())).covered(),
        Op::Cos => scan(|x: T| x.abs() == T::INFINITY, |x: T| raised_by(|| x.cos())).covered(),
        Op::Tan => scan(|x: T| x.abs() == T::INFINITY, |x: T| raised_by(|| x.tan())).covered(),
        Op::Arcsin => scan(|x: T| x.abs() > T::ONE, |x: T| raised_by(|| x.asin())),
        Op::Arccos => scan(|x: T| x.abs() > T::ONE, |x: T| raised_by(|| x.acos())),
        Op::Arccosh => scan(|x: T| x < T::ONE, |x: T| raised_by(|| x.acosh())),
        Op::Arctanh => scan(|x: T| x.abs() >= T::ONE, |x: T| raised_by(|| x.atanh())),
        Op::Sinh => scan(|x: T| x.abs() > T::EXP_SAFE, |x: T| raised_by(|| x.sinh())),
        Op::Cosh => scan(|x: T| x.abs() > T::EXP_SAFE, |x: T| raised_by(|| x.cosh())),
        Op::Hypot => {
            let is_large = |x: T, y: T| (x.abs() >= T::QUARTER_MAX) | (y.abs() >= T::QUARTER_MAX);
            scan2(is_large, |x: T, y: T| raised_by(|| x.hypot(y)))
        }
        Op::Power | Op::FloatPower => scan2(power::is_suspect::<T>, |x: T, y: T| raised_by(|| x.powf(y))),
        Op::Fmod => scan2(is_long::<T>, |x: T, y: T| raised_by(|| x % y)),
        Op::Remainder => scan2(is_long::<T>, |x: T, y: T| raised_by(|| remainder(x, y))),
        Op::FloorDivide => scan2(is_long::<T>, |x: T, y: T| raised_by(|| floor_divide(x, y))),
        Op::Divmod => scan2(is_long::<T>, |x: T, y: T| raised_by(|| divmod(x, y))),
        Op::Arctan | Op::Arctan2 | Op::Arcsinh | Op::Tanh | Op::Cbrt | Op::Logaddexp | Op::Logaddexp2 => {
            Report::Never
        }
        _ => return None,
    })
}

/// The same of a function of complex numbers.
pub(crate) fn planar_report<T: Math>(op: Op) -> Option<Report> {
    match op {
        // (A kernel that divides two parts by one number may divide more lanes than these, zero by zero.)
        Op::Absolute | Op::Sign if wide() || op == Op::Sign => {
            let is_large = |z: Complex<T>| (z.re.abs() >= T::QUARTER_MAX) | (z.im.abs() >= T::QUARTER_MAX);
            Some(scan(is_large, |z: Complex<T>| raised_by(|| z.re.hypot(z.im))))
        }
        _ if !wide() => None,
        Op::Angle => Some(Report::Never),
        _ => None,
    }
}

#[inline(always)]
fn is_long<T: Math>(x: T, y: T) -> bool {
    !quotient::is_small(x, y)
}
