//! Loops on complex numbers, with the formulas NumPy uses.

use super::compare::complex_less;
use super::lanes::{each1, each2, map1, map2, map3, slot, wide, write_chunk};
use super::math::{self, pick};
use super::number::Real;
use super::{CHUNK, Kernel, Operands, Slot};
use crate::ops::Op;
use num_complex::Complex;
use std::hint::black_box;

#[inline(always)]
fn mul<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    Complex { re: x.re * y.re - x.im * y.im, im: x.re * y.im + x.im * y.re }
}

/// As NumPy multiplies where the machine has fused multiply-add.
#[inline(always)]
fn mul_fused<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    Complex { re: x.re.mul_add(y.re, -(x.im * y.im)), im: x.re.mul_add(y.im, x.im * y.re) }
}

/// Smith's algorithm, in NumPy's order of operations. Apart: vectors would divide on both sides of each branch, and raise flags there.
#[inline(never)]
pub(super) fn div<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
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

/// The same without branches, for what isn't divided by zero: of the divisor's parts the larger comes first.
#[inline(always)]
fn quotient<T: Real>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    let upright = y.re.abs() >= y.im.abs();
    let (large, small) = (pick(upright, y.re, y.im), pick(upright, y.im, y.re));
    let ratio = small / large;
    let scale = T::ONE / (large + small * ratio);
    let (first, second) = (pick(upright, x.re, x.im), pick(upright, x.im, x.re));
    let scaled = first * ratio;
    let difference = pick(upright, second, scaled) - pick(upright, scaled, second);
    Complex { re: (first + second * ratio) * scale, im: difference * scale }
}

#[inline(always)]
fn reciprocal<T: Real>(x: Complex<T>) -> Complex<T> {
    let upright = x.im.abs() <= x.re.abs();
    let (large, small) = (pick(upright, x.re, x.im), pick(upright, x.im, x.re));
    let r = small / large;
    let d = large + small * r;
    Complex { re: pick(upright, T::ONE, r) / d, im: -pick(upright, r, T::ONE) / d }
}

/// Quotients, chunk by chunk; those with a zero among the divisors one by one.
fn divide<T: Real>() -> Kernel {
    #[inline(always)]
    unsafe fn body<T: Real>(n: usize, s: *const Slot, o: &Operands) {
        type C<T> = Complex<T>;
        // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
        unsafe {
            let ((mut a, step_a), (mut b, step_b)) = (slot::<C<T>>(s, o.src[0]), slot::<C<T>>(s, o.src[1]));
            let (mut d, _) = slot::<C<T>>(s, o.dst[0]);
            for _ in 0..n / CHUNK {
                let x = a.cast::<[C<T>; CHUNK]>().read_unaligned();
                let y = b.cast::<[C<T>; CHUNK]>().read_unaligned();
                let (mut all, mut i) = (true, 0);
                while i < CHUNK {
                    all &= is_true(y[i]);
                    i += 1;
                }
                if all {
                    write_chunk(d, |i| quotient(x[i], y[i]));
                } else {
                    for i in 0..CHUNK {
                        d.add(i).write_unaligned(div(x[i], y[i]));
                    }
                }
                (a, b, d) = (a.add(step_a), b.add(step_b), d.add(CHUNK));
            }
            for i in 0..n % CHUNK {
                d.add(i).write_unaligned(div(a.add(i).read_unaligned(), b.add(i).read_unaligned()));
            }
        }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2<T: Real>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { body::<T>(n, s, o) }
    }
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return avx2::<T>;
    }
    body::<T>
}

#[inline(always)]
pub(crate) fn is_nan<T: Real>(x: Complex<T>) -> bool {
    x.re.is_nan() | x.im.is_nan()
}

#[inline(always)]
fn is_true<T: Real>(x: Complex<T>) -> bool {
    (x.re != T::ZERO) | (x.im != T::ZERO)
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

/// `z / |z|`, 0 for 0; of one infinite part its sign.
fn sign<T: Real>(z: Complex<T>) -> Complex<T> {
    let [re, im] = [z.re, z.im].map(|x| x.abs() == T::INFINITY);
    if re != im {
        let part = |is_infinite, x: T| if is_infinite { T::ONE.copysign(x) } else { T::ZERO };
        return Complex { re: part(re, z.re), im: part(im, z.im) };
    }
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
        Op::Reciprocal => map1(reciprocal::<T>),
        Op::Real => map1(|z: C<T>| z.re),
        Op::Imag => map1(|z: C<T>| z.im),
        Op::Rint => map1(|z: C<T>| C { re: z.re.rint(), im: z.im.rint() }),
        Op::LogicalNot => map1(|z: C<T>| u8::from(!is_true(z))),
        Op::Isfinite => map1(|z: C<T>| u8::from(z.re.is_finite() & z.im.is_finite())),
        Op::Isinf => map1(|z: C<T>| u8::from((z.re.abs() == T::INFINITY) | (z.im.abs() == T::INFINITY))),
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
        Op::Divide => divide::<T>(),
        Op::Maximum => map2(maximum::<T>),
        Op::Minimum => map2(minimum::<T>),
        Op::Fmax => map2(fmax::<T>),
        Op::Fmin => map2(fmin::<T>),
        Op::Clip => map3(|x: C<T>, low: C<T>, high: C<T>| minimum(maximum(x, low), high)),
        Op::LogicalAnd => map2(|x: C<T>, y: C<T>| u8::from(is_true(x) & is_true(y))),
        Op::LogicalOr => map2(|x: C<T>, y: C<T>| u8::from(is_true(x) | is_true(y))),
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
        // (Not a number, and invalid: the processor is to notice.)
        let re = if y.re > T::ZERO { T::ZERO } else { black_box(T::ZERO) / black_box(T::ZERO) };
        return Complex { re, im: re };
    }
    let Some(exponent) = small_integer(y) else { return general() };
    let power = whole_power(x, exponent.unsigned_abs());
    if exponent < 0 { div(Complex { re: T::ONE, im: T::ZERO }, power) } else { power }
}

/// `x` to the power `n`, at least 1, by squarings that are needed and no others: they might overflow.
#[inline(always)]
pub(super) fn whole_power<T: Real>(x: Complex<T>, mut n: u32) -> Complex<T> {
    let mut base = x;
    while n & 1 == 0 {
        base = mul(base, base);
        n >>= 1;
    }
    let mut result = base;
    while n > 1 {
        base = mul(base, base);
        n >>= 1;
        if n & 1 == 1 {
            result = mul(result, base);
        }
    }
    result
}

/// A kernel of powers: one positive integer for all is taken in chunks, the rest goes to `general`.
///
/// # Safety
/// The kernel's contract.
#[inline(always)]
unsafe fn powers<T: Real>(n: usize, s: *const Slot, o: &Operands, general: Kernel) {
    type C<T> = Complex<T>;
    // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
    unsafe {
        let (exponent, step) = slot::<C<T>>(s, o.src[1]);
        let whole = (step == 0).then(|| small_integer(exponent.read_unaligned())).flatten();
        let Some(exponent) = whole.filter(|&exponent| exponent > 0) else { return general(n, s, o) };
        let ((mut a, step), (mut d, _)) = (slot::<C<T>>(s, o.src[0]), slot::<C<T>>(s, o.dst[0]));
        let zero = C { re: T::ZERO, im: T::ZERO };
        let of = |x: C<T>| {
            let power = whole_power(x, exponent as u32);
            let is_zero = !is_true(x);
            C { re: pick(is_zero, zero.re, power.re), im: pick(is_zero, zero.im, power.im) }
        };
        macro_rules! chunks {
            ($of:expr) => {{
                for _ in 0..n / CHUNK {
                    let x = a.cast::<[C<T>; CHUNK]>().read_unaligned();
                    write_chunk(d, |i| $of(x[i]));
                    (a, d) = (a.add(step), d.add(CHUNK));
                }
                for i in 0..n % CHUNK {
                    d.add(i).write_unaligned($of(a.add(i).read_unaligned()));
                }
            }};
        }
        match exponent {
            2 => chunks!(|x: C<T>| {
                let (square, is_zero) = (mul(x, x), !is_true(x));
                C { re: pick(is_zero, zero.re, square.re), im: pick(is_zero, zero.im, square.im) }
            }),
            3 => chunks!(|x: C<T>| {
                let (cube, is_zero) = (mul(x, mul(x, x)), !is_true(x));
                C { re: pick(is_zero, zero.re, cube.re), im: pick(is_zero, zero.im, cube.im) }
            }),
            _ => chunks!(of),
        }
    }
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
            if let Some(kernel) = math::planar::<$t>(op) {
                return Some(kernel);
            }
            Some(match op {
                Op::Power | Op::FloatPower => {
                    unsafe fn base(n: usize, s: *const Slot, o: &Operands) {
                        let general = each2(|x: C, y: C| Some(power(x, y, || c::cpow(x, y))));
                        // SAFETY: the kernel's contract.
                        unsafe { powers::<$t>(n, s, o, general) }
                    }
                    #[cfg(target_arch = "x86_64")]
                    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
                    unsafe fn avx2(n: usize, s: *const Slot, o: &Operands) {
                        let general = each2(|x: C, y: C| Some(power(x, y, || c::cpow(x, y))));
                        // SAFETY: the kernel's contract.
                        unsafe { powers::<$t>(n, s, o, general) }
                    }
                    #[cfg(target_arch = "x86_64")]
                    if wide() {
                        return Some(avx2);
                    }
                    base
                }
                Op::Absolute => each1(|z: C| z.re.hypot(z.im)),
                Op::Angle => each1(|z: C| z.im.atan2(z.re)),
                Op::Sign => each1(sign::<$t>),
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
