//! Loops on complex numbers, with the formulas NumPy uses.

use super::Kernel;
use super::compare::complex_less;
use super::lanes::{each1, each2, map1, map2, map3, wide};
use super::number::Real;
use crate::ops::Op;
use num_complex::Complex;

#[inline(always)]
fn mul<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    Complex { re: x.re * y.re - x.im * y.im, im: x.re * y.im + x.im * y.re }
}

/// As NumPy multiplies where the machine has fused multiply-add.
#[inline(always)]
fn mul_fused<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    Complex { re: x.re.mul_add(y.re, -(x.im * y.im)), im: x.re.mul_add(y.im, x.im * y.re) }
}

/// Smith's algorithm, in NumPy's order of operations.
fn div<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    let (re, im) = (y.re.abs(), y.im.abs());
    if re >= im {
        if re == T::ZERO && im == T::ZERO {
            return Complex { re: x.re / re, im: x.im / re };
        }
        let ratio = y.im / y.re;
        let scale = T::ONE / (y.re + y.im * ratio);
        Complex { re: (x.re + x.im * ratio) * scale, im: (x.im - x.re * ratio) * scale }
    } else {
        let ratio = y.re / y.im;
        let scale = T::ONE / (y.im + y.re * ratio);
        Complex { re: (x.re * ratio + x.im) * scale, im: (x.im * ratio - x.re) * scale }
    }
}

fn reciprocal<T: Real>(x: Complex<T>) -> Complex<T> {
    if x.im.abs() <= x.re.abs() {
        let r = x.im / x.re;
        let d = x.re + x.im * r;
        Complex { re: T::ONE / d, im: -r / d }
    } else {
        let r = x.re / x.im;
        let d = x.re * r + x.im;
        Complex { re: r / d, im: -T::ONE / d }
    }
}

#[inline(always)]
pub(crate) fn is_nan<T: Real>(x: Complex<T>) -> bool {
    x.re.is_nan() || x.im.is_nan()
}

#[inline(always)]
fn is_true<T: Real>(x: Complex<T>) -> bool {
    x.re != T::ZERO || x.im != T::ZERO
}

/// The lexicographically larger; a NaN wins.
#[inline(always)]
pub(crate) fn maximum<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    if is_nan(x) || (!is_nan(y) && !complex_less(x, y)) { x } else { y }
}

/// The lexicographically smaller; a NaN wins.
#[inline(always)]
pub(crate) fn minimum<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    if is_nan(x) || (!is_nan(y) && !complex_less(y, x)) { x } else { y }
}

/// The lexicographically larger; a NaN loses.
#[inline(always)]
pub(crate) fn fmax<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    if is_nan(y) || (!is_nan(x) && !complex_less(x, y)) { x } else { y }
}

/// The lexicographically smaller; a NaN loses.
#[inline(always)]
pub(crate) fn fmin<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    if is_nan(y) || (!is_nan(x) && !complex_less(y, x)) { x } else { y }
}

/// `z / |z|`, 0 for 0.
fn sign<T: Real>(z: Complex<T>) -> Complex<T> {
    let size = z.re.hypot(z.im);
    // Zero by zero would raise a flag, even where nobody asks for the quotient: the compiler must not bring it back.
    let by = std::hint::black_box(if size == T::ZERO { T::ONE } else { size });
    let part = |x: T| if size == T::ZERO { T::ZERO } else { x / by };
    Complex { re: part(z.re), im: part(z.im) }
}

/// Loops that need arithmetic only, with one input.
pub(crate) fn unary<T: Real>(op: Op) -> Option<Kernel> {
    type C<T> = Complex<T>;
    Some(match op {
        Op::Negative => map1(|z: C<T>| C { re: -z.re, im: -z.im }),
        Op::Positive => map1(|z: C<T>| z),
        Op::Conjugate => map1(|z: C<T>| C { re: z.re, im: -z.im }),
        Op::Square if wide() => map1(|z: C<T>| mul_fused(z, z)),
        Op::Square => map1(|z: C<T>| mul(z, z)),
        Op::Reciprocal => each1(reciprocal::<T>),
        Op::Absolute => each1(|z: C<T>| z.re.hypot(z.im)),
        Op::Angle => each1(|z: C<T>| z.im.atan2(z.re)),
        Op::Real => map1(|z: C<T>| z.re),
        Op::Imag => map1(|z: C<T>| z.im),
        Op::Sign => each1(sign::<T>),
        Op::Rint => map1(|z: C<T>| C { re: z.re.rint(), im: z.im.rint() }),
        Op::LogicalNot => map1(|z: C<T>| u8::from(!is_true(z))),
        Op::Isfinite => map1(|z: C<T>| u8::from(z.re.is_finite() && z.im.is_finite())),
        Op::Isinf => map1(|z: C<T>| u8::from(z.re.abs() == T::INFINITY || z.im.abs() == T::INFINITY)),
        Op::Isnan => map1(|z: C<T>| u8::from(is_nan(z))),
        _ => return None,
    })
}

/// Loops with two inputs; `pow` is the C library's `cpow` of the type.
pub(crate) fn binary<T: Real>(op: Op) -> Option<Kernel> {
    type C<T> = Complex<T>;
    Some(match op {
        Op::Add => map2(|x: C<T>, y: C<T>| C { re: x.re + y.re, im: x.im + y.im }),
        Op::Subtract => map2(|x: C<T>, y: C<T>| C { re: x.re - y.re, im: x.im - y.im }),
        Op::Multiply if wide() => map2(mul_fused::<T>),
        Op::Multiply => map2(mul::<T>),
        Op::Divide => each2(|x: C<T>, y: C<T>| Some(div(x, y))),
        Op::Maximum => map2(maximum::<T>),
        Op::Minimum => map2(minimum::<T>),
        Op::Fmax => map2(fmax::<T>),
        Op::Fmin => map2(fmin::<T>),
        Op::Clip => map3(|x: C<T>, low: C<T>, high: C<T>| minimum(maximum(x, low), high)),
        Op::LogicalAnd => map2(|x: C<T>, y: C<T>| u8::from(is_true(x) && is_true(y))),
        Op::LogicalOr => map2(|x: C<T>, y: C<T>| u8::from(is_true(x) || is_true(y))),
        Op::LogicalXor => map2(|x: C<T>, y: C<T>| u8::from(is_true(x) != is_true(y))),
        _ => return None,
    })
}

/// Powers: small integer exponents by multiplication, as NumPy, else `general`.
#[inline(always)]
fn power<T: Real>(x: Complex<T>, y: Complex<T>, general: impl Fn() -> Complex<T>) -> Complex<T> {
    if !is_true(y) {
        return Complex { re: T::ONE, im: T::ZERO };
    }
    if !is_true(x) {
        let re = if y.re > T::ZERO { T::ZERO } else { T::NAN };
        return Complex { re, im: re };
    }
    let Some(exponent) = small_integer(y) else { return general() };
    let mut n = exponent.unsigned_abs();
    let (mut result, mut base) = (Complex { re: T::ONE, im: T::ZERO }, x);
    let mut first = true;
    while n != 0 {
        if n & 1 == 1 {
            result = if first { base } else { mul(result, base) };
            first = false;
        }
        base = mul(base, base);
        n >>= 1;
    }
    if exponent < 0 { div(Complex { re: T::ONE, im: T::ZERO }, result) } else { result }
}

/// The exponent, when it is a real integer between -100 and 100.
fn small_integer<T: Real>(y: Complex<T>) -> Option<i32> {
    if y.im != T::ZERO || y.re.trunc() != y.re {
        return None;
    }
    let (mut n, mut x) = (0, T::ZERO);
    while x < y.re.abs() && n < 100 {
        n += 1;
        x = x + T::ONE;
    }
    (n < 100).then_some(if y.re < T::ZERO { -n } else { n })
}

macro_rules! transcendental {
    ($name:ident, $t:ident) => {
        /// Loops that call the C library, for this width.
        pub(crate) fn $name(op: Op) -> Option<Kernel> {
            use super::libm::$t as c;
            type C = Complex<$t>;
            Some(match op {
                Op::Power | Op::FloatPower => each2(|x: C, y: C| Some(power(x, y, || c::cpow(x, y)))),
                Op::Sqrt => each1(|z: C| c::csqrt(z)),
                Op::Exp => each1(|z: C| c::cexp(z)),
                Op::Exp2 => each1(|z: C| c::cexp(z * std::$t::consts::LN_2)),
                Op::Expm1 => each1(|z: C| {
                    let half = (z.im / 2.0).sin();
                    C { re: z.re.exp_m1() * z.im.cos() - 2.0 * half * half, im: z.re.exp() * z.im.sin() }
                }),
                Op::Log => each1(|z: C| c::clog(z)),
                Op::Log2 => each1(|z: C| c::clog(z) * std::$t::consts::LOG2_E),
                Op::Log10 => each1(|z: C| c::clog(z) * std::$t::consts::LOG10_E),
                Op::Log1p => {
                    each1(|z: C| C { re: (z.re + 1.0).hypot(z.im).ln(), im: z.im.atan2(z.re + 1.0) })
                }
                Op::Sin => each1(|z: C| c::csin(z)),
                Op::Cos => each1(|z: C| c::ccos(z)),
                Op::Tan => each1(|z: C| c::ctan(z)),
                Op::Arcsin => each1(|z: C| c::casin(z)),
                Op::Arccos => each1(|z: C| c::cacos(z)),
                Op::Arctan => each1(|z: C| c::catan(z)),
                Op::Sinh => each1(|z: C| c::csinh(z)),
                Op::Cosh => each1(|z: C| c::ccosh(z)),
                Op::Tanh => each1(|z: C| c::ctanh(z)),
                Op::Arcsinh => each1(|z: C| c::casinh(z)),
                Op::Arccosh => each1(|z: C| c::cacosh(z)),
                Op::Arctanh => each1(|z: C| c::catanh(z)),
                _ => return None,
            })
        }
    };
}

transcendental!(calls_f32, f32);
transcendental!(calls_f64, f64);
