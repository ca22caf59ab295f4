//! Vectorised mathematical functions.
//!
//! Each is written for one element, generic over `f32` and `f64`, without branches or tables in memory, so that the
//! drivers turn it into vectors of AVX2 or AVX-512; used where there is a fused multiply-add in hardware, else the C
//! library's. An element's result depends neither on its neighbours nor on its place.
//! Within one unit in the last place: exponentials, logarithms, sine, cosine, powers, roots; within three: the others.

mod coefficients;
mod drivers;
mod exp;
mod hyperbolic;
mod inverse;
mod log;
mod parts;
mod power;
mod quotient;
mod report;
mod root;
mod trig;

use super::lanes::{map1, slot, wide};
use super::number::Real;
use super::{Kernel, Operands, Slot};
use crate::ops::Op;
use coefficients::Coefficients;
use drivers::{Binary, Planar, Unary, math1, math2, planar1, split2};
pub(crate) use parts::pick;
use parts::{Float, polynomial};
pub(crate) use report::{of_function, planar_report};

/// All that the functions of this module need of a type.
pub(crate) trait Math: Real + Float + Coefficients {
    /// `half` and `rest` with `log(1 + f) = f - (half - rest)`, `half` being `f^2 / 2`.
    fn log_parts(f: Self) -> (Self, Self);
    /// `k + log2(1 + f)`
    fn log2_parts(k: Self, f: Self) -> Self;
    /// `k log10 2 + log10(1 + f)`
    fn log10_parts(k: Self, f: Self) -> Self;
    /// `x` to the power `y`.
    fn power(self, y: Self) -> Self;
    /// The same, where [`power::is_plain`].
    fn plain_power(self, y: Self) -> Self;
    /// The root of the sum of the squares.
    fn length(self, y: Self) -> Self;
    /// The cube root of `x` from about half the digits of its inverse.
    fn refined_cbrt(x: Self, inverse: Self) -> Self;
}

impl Math for f32 {
    #[inline(always)]
    fn log_parts(f: f32) -> (f32, f32) {
        let half = 0.5 * f * f;
        (half, f * (f * f) * polynomial(f, Self::LOG))
    }

    #[inline(always)]
    fn log2_parts(k: f32, f: f32) -> f32 {
        log::log2_parts_f32(k, f)
    }

    #[inline(always)]
    fn log10_parts(k: f32, f: f32) -> f32 {
        log::log10_parts_f32(k, f)
    }

    #[inline(always)]
    fn power(self, y: f32) -> f32 {
        power::power_f32(self, y)
    }

    #[inline(always)]
    fn plain_power(self, y: f32) -> f32 {
        power::plain_f32(self, y)
    }

    #[inline(always)]
    fn length(self, y: f32) -> f32 {
        root::hypot_f32(self, y)
    }

    #[inline(always)]
    fn refined_cbrt(x: f32, inverse: f32) -> f32 {
        root::refined_f32(x, inverse)
    }
}

impl Math for f64 {
    #[inline(always)]
    fn log_parts(f: f64) -> (f64, f64) {
        let (half, s) = (0.5 * f * f, f / (2.0 + f));
        let z = s * s;
        (half, s * z.mul_add(polynomial(z, Self::LOG), half))
    }

    #[inline(always)]
    fn log2_parts(k: f64, f: f64) -> f64 {
        log::log2_parts_f64(k, f)
    }

    #[inline(always)]
    fn log10_parts(k: f64, f: f64) -> f64 {
        log::log10_parts_f64(k, f)
    }

    #[inline(always)]
    fn power(self, y: f64) -> f64 {
        power::power_f64(self, y)
    }

    #[inline(always)]
    fn plain_power(self, y: f64) -> f64 {
        power::plain_f64(self, y)
    }

    #[inline(always)]
    fn length(self, y: f64) -> f64 {
        root::hypot_f64(self, y)
    }

    #[inline(always)]
    fn refined_cbrt(x: f64, inverse: f64) -> f64 {
        root::refined_f64(x, inverse)
    }
}

/// A kernel of one of this module's functions, where it is fast everywhere.
macro_rules! everywhere {
    ($T:ident, $f:path) => {{
        struct F;
        impl<$T: Math> Unary<$T> for F {
            #[inline(always)]
            fn of(x: $T) -> $T {
                $f(x)
            }
        }
        math1::<$T, F>()
    }};
}

/// A kernel of a function with a shorter way for most numbers.
macro_rules! mostly {
    ($T:ident, $of:path, $is_fast:path, $slow:path) => {{
        struct F;
        impl<$T: Math> Unary<$T> for F {
            const GUARDED: bool = true;
            const SLOW_IS_STRAIGHT: bool = true;
            #[inline(always)]
            fn of(x: $T) -> $T {
                $of(x)
            }
            #[inline(always)]
            fn is_fast(x: $T) -> bool {
                $is_fast(x)
            }
            #[inline(always)]
            fn slow(x: $T) -> $T {
                $slow(x)
            }
        }
        math1::<$T, F>()
    }};
}

/// As [`everywhere`] for functions of two numbers.
macro_rules! everywhere2 {
    ($T:ident, $f:path) => {{
        struct F;
        impl<$T: Math> Binary<$T> for F {
            type Out = $T;
            #[inline(always)]
            fn of(x: $T, y: $T) -> $T {
                $f(x, y)
            }
        }
        math2::<$T, F>()
    }};
}

/// A kernel of a function of angles: beyond the reach of the reduction the C library's.
macro_rules! of_angle {
    ($T:ident, $f:path, $slow:path) => {{
        struct F;
        impl<$T: Math> Unary<$T> for F {
            const GUARDED: bool = true;
            #[inline(always)]
            fn of(x: $T) -> $T {
                $f(x)
            }
            #[inline(always)]
            fn is_fast(x: $T) -> bool {
                trig::is_small(x)
            }
            #[inline(always)]
            fn slow(x: $T) -> $T {
                $slow(x)
            }
        }
        math1::<$T, F>()
    }};
}

/// A kernel that divides: quotients of many digits step by step.
macro_rules! quotient {
    ($driver:ident, $T:ident, $out:ty, $f:path, $slow:expr) => {{
        struct F;
        impl<$T: Math> Binary<$T> for F {
            type Out = $out;
            const GUARDED: bool = true;
            #[inline(always)]
            fn of(x: $T, y: $T) -> $out {
                $f(x, y)
            }
            #[inline(always)]
            fn is_fast(x: $T, y: $T) -> bool {
                quotient::is_small(x, y)
            }
            #[inline(always)]
            fn slow(x: $T, y: $T) -> $out {
                $slow(x, y)
            }
        }
        $driver::<$T, F>()
    }};
}

/// Loops that replace calls of the C library.
pub(crate) fn kernel<T: Math>(op: Op) -> Option<Kernel> {
    use super::float::{divmod, floor_divide, remainder as float_remainder};
    if !wide() {
        return None;
    }
    Some(match op {
        Op::Exp => everywhere!(T, exp::exp),
        Op::Exp2 => everywhere!(T, exp::exp2),
        Op::Expm1 => everywhere!(T, exp::expm1),
        Op::Log => mostly!(T, log::plain_log, log::is_plain, log::log),
        Op::Log2 => mostly!(T, log::plain_log2, log::is_plain, log::log2),
        Op::Log10 => mostly!(T, log::plain_log10, log::is_plain, log::log10),
        Op::Log1p => mostly!(T, log::near_log1p, log::is_near, log::log1p),
        Op::Sin => of_angle!(T, trig::sin, T::sin),
        Op::Cos => of_angle!(T, trig::cos, T::cos),
        Op::Tan => of_angle!(T, trig::tan, T::tan),
        Op::Arcsin => everywhere!(T, inverse::asin),
        Op::Arccos => everywhere!(T, inverse::acos),
        Op::Arctan => everywhere!(T, inverse::atan),
        Op::Sinh => everywhere!(T, hyperbolic::sinh),
        Op::Cosh => everywhere!(T, hyperbolic::cosh),
        Op::Tanh => everywhere!(T, hyperbolic::tanh),
        Op::Arcsinh => mostly!(T, hyperbolic::near_asinh, hyperbolic::is_near, hyperbolic::asinh),
        Op::Arccosh => mostly!(T, hyperbolic::near_acosh, hyperbolic::is_above_one, hyperbolic::acosh),
        Op::Arctanh => everywhere!(T, hyperbolic::atanh),
        Op::Cbrt => mostly!(T, root::normal_cbrt, root::is_normal, root::cbrt),
        Op::Arctan2 => everywhere2!(T, inverse::atan2),
        Op::Hypot => everywhere2!(T, T::length),
        Op::Power | Op::FloatPower => power_by::<T>,
        Op::Logaddexp => everywhere2!(T, log::log_add_exp),
        Op::Logaddexp2 => everywhere2!(T, log::log_add_exp2),
        Op::Fmod => quotient!(math2, T, T, quotient::fmod, std::ops::Rem::rem),
        Op::Remainder => quotient!(math2, T, T, quotient::remainder, float_remainder),
        Op::FloorDivide => {
            quotient!(math2, T, T, quotient::floor, floor_divide)
        }
        Op::Divmod => quotient!(split2, T, (T, T), quotient::divmod, divmod),
        _ => return None,
    })
}

/// Loops on complex numbers that replace calls of the C library: size and angle.
pub(crate) fn planar<T: Math>(op: Op) -> Option<Kernel> {
    struct Size;
    impl<T: Math> Planar<T> for Size {
        const GUARDED: bool = true;
        #[inline(always)]
        fn of(re: T, im: T) -> T {
            root::plain_size(re, im)
        }
        #[inline(always)]
        fn is_fast(re: T, im: T) -> bool {
            root::is_plain_size(re, im)
        }
        #[inline(always)]
        fn slow(re: T, im: T) -> T {
            pick(root::is_plain_size(re, im), root::plain_size(re, im), re.length(im))
        }
    }
    struct Angle;
    impl<T: Math> Planar<T> for Angle {
        #[inline(always)]
        fn of(re: T, im: T) -> T {
            inverse::atan2(im, re)
        }
    }
    match op {
        _ if !wide() => None,
        Op::Absolute => Some(planar1::<T, Size>()),
        Op::Angle => Some(planar1::<T, Angle>()),
        _ => None,
    }
}

/// A kernel of powers of plain numbers, with a longer way for all others.
fn power_of_each<T: Math>() -> Kernel {
    struct F;
    impl<T: Math> Binary<T> for F {
        type Out = T;
        const GUARDED: bool = true;
        const SLOW_IS_STRAIGHT: bool = true;
        #[inline(always)]
        fn of(x: T, y: T) -> T {
            x.plain_power(y)
        }
        #[inline(always)]
        fn is_fast(x: T, y: T) -> bool {
            power::is_plain(x, y)
        }
        #[inline(always)]
        fn slow(x: T, y: T) -> T {
            x.power(y)
        }
    }
    math2::<T, F>()
}

/// The kernel of powers: one exponent for all may have a short way.
///
/// # Safety
/// The kernel's contract.
unsafe fn power_by<T: Math>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: passed on; a splat is readable.
    unsafe {
        let (exponent, step) = slot::<T>(s, o.src[1]);
        let kernel = match (step == 0).then(|| exponent.read_unaligned()) {
            Some(y) if y == -T::ONE => map1(|x: T| T::ONE / x),
            Some(y) if y == T::HALF => map1(|x: T| x.sqrt()),
            Some(y) if y == T::ONE => map1(|x: T| x),
            Some(y) if y == T::TWO => map1(|x: T| x * x),
            Some(y) if y == T::THREE => map1(|x: T| x * x * x),
            Some(y) if y == T::ONE + T::HALF => everywhere!(T, root::power_three_halves),
            _ => power_of_each::<T>(),
        };
        kernel(n, s, o)
    }
}
