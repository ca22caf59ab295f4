//! Integer loops: everything wraps, division by zero gives 0, shifts beyond the width give 0 (or the sign).

use super::lanes::{always, map1, map2, map3, same, scalar_fence, slot, wide};
use super::number::Int;
use super::{CHUNK, Kernel, Operands, Slot, division};
use crate::ops::Op;

/// Powers, a chunk at a time by as many squarings as its largest exponent needs; negative exponents fail.
///
/// # Safety
/// The kernel's contract.
#[inline(always)]
unsafe fn powers<T: Int>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract; each access below stays within `n` elements, or within the splat.
    unsafe {
        let ((mut a, step_a), (mut b, step_b)) = (slot::<T>(s, o.src[0]), slot::<T>(s, o.src[1]));
        let (mut d, _) = slot::<T>(s, o.dst[0]);
        if step_b == 0 && b.read_unaligned() >= T::ZERO {
            return powers_to(n, (a, step_a), d, b.read_unaligned());
        }
        let mut fails = false;
        let mut left = n;
        while left > 0 {
            let len = left.min(CHUNK);
            let (mut base, mut exponent) = ([T::ONE; CHUNK], [T::ZERO; CHUNK]);
            a.copy_to_nonoverlapping(base.as_mut_ptr(), len);
            b.copy_to_nonoverlapping(exponent.as_mut_ptr(), len);
            let mut all = exponent.iter().fold(T::ZERO, |all, &y| all.or(y));
            fails |= all < T::ZERO;
            let mut result = [T::ONE; CHUNK];
            while all > T::ZERO {
                for i in 0..CHUNK {
                    let odd = exponent[i].and(T::ONE) != T::ZERO;
                    result[i] = if odd { result[i].mul(base[i]) } else { result[i] };
                    base[i] = base[i].mul(base[i]);
                    exponent[i] = exponent[i].shift_down(1);
                }
                all = all.shift_down(1);
            }
            d.copy_from_nonoverlapping(result.as_ptr(), len);
            (a, b, d) = (a.add(step_a), b.add(step_b), d.add(CHUNK));
            left -= len;
        }
        if fails {
            slot::<u8>(s, o.dst[1]).0.write(1);
        }
    }
}

/// The same to one power for all.
///
/// # Safety
/// The kernel's contract.
#[inline(always)]
unsafe fn powers_to<T: Int>(n: usize, (mut a, step): (*mut T, usize), mut d: *mut T, exponent: T) {
    #[inline(always)]
    fn product<T: Int>(x: [T; CHUNK], y: [T; CHUNK]) -> [T; CHUNK] {
        let (mut z, mut i) = (x, 0);
        while i < CHUNK {
            z[i] = x[i].mul(y[i]);
            i += 1;
        }
        z
    }
    let mut left = n;
    while left > 0 {
        let len = left.min(CHUNK);
        let mut x = [T::ONE; CHUNK];
        // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
        unsafe {
            if len == CHUNK {
                x = a.cast::<[T; CHUNK]>().read_unaligned();
            } else {
                a.copy_to_nonoverlapping(x.as_mut_ptr(), len);
            }
        }
        let result = if exponent == T::ONE.add(T::ONE) {
            product(x, x)
        } else if exponent == T::ONE.add(T::ONE).add(T::ONE) {
            product(product(x, x), x)
        } else {
            let (mut result, mut base, mut exponent) = ([T::ONE; CHUNK], x, exponent);
            while exponent != T::ZERO {
                if exponent.and(T::ONE) != T::ZERO {
                    result = product(result, base);
                }
                base = product(base, base);
                exponent = exponent.shift_down(1);
            }
            result
        };
        // SAFETY: as above.
        unsafe {
            if len == CHUNK {
                d.cast::<[T; CHUNK]>().write_unaligned(result);
            } else {
                d.copy_from_nonoverlapping(result.as_ptr(), len);
            }
            (a, d) = (a.add(step), d.add(CHUNK));
        }
        left -= len;
    }
}

fn power<T: Int>() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2<T: Int>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { powers::<T>(n, s, o) }
    }
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return avx2::<T>;
    }
    powers::<T>
}

/// `1 / x`, truncated.
#[inline(always)]
fn reciprocal<T: Int>(x: T) -> T {
    let is_unit = x == T::ONE || T::SIGNED && x == T::ALL_ONES;
    let y = if is_unit { x } else { T::ZERO };
    if x == T::ZERO { reciprocal_of_zero::<T>() } else { y }
}

fn gcd<T: Int>(x: T, y: T) -> T {
    let (mut a, mut b) = (x, y);
    while b != T::ZERO {
        (a, b) = (b, a.modulo(b));
    }
    a.magnitude()
}

/// What is made of a pair of numbers and their greatest common divisor.
trait Divisor<T: Int>: Copy {
    fn of(x: T, y: T, gcd: T) -> T;
}

#[derive(Clone, Copy)]
struct Gcd;
#[derive(Clone, Copy)]
struct Lcm;

impl<T: Int> Divisor<T> for Gcd {
    #[inline(always)]
    fn of(_: T, _: T, gcd: T) -> T {
        gcd
    }
}

impl<T: Int> Divisor<T> for Lcm {
    #[inline(always)]
    fn of(x: T, y: T, gcd: T) -> T {
        let by = if gcd == T::ZERO { T::ONE } else { gcd };
        x.magnitude().quotient(by).mul(y.magnitude())
    }
}

/// Greatest common divisors of chunks by Euclid's algorithm in floats, which hold all numbers or all small ones: all
/// elements take as many steps as the slowest.
///
/// # Safety
/// The kernel's contract.
#[inline(always)]
unsafe fn divisors<T: Int, D: Divisor<T>>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract; each access below stays within `n` elements, or within the splat.
    unsafe {
        let ((mut a, step_a), (mut b, step_b)) = (slot::<T>(s, o.src[0]), slot::<T>(s, o.src[1]));
        let (mut d, _) = slot::<T>(s, o.dst[0]);
        let mut left = n;
        while left > 0 {
            let len = left.min(CHUNK);
            let (mut x, mut y) = ([T::ZERO; CHUNK], [T::ZERO; CHUNK]);
            a.copy_to_nonoverlapping(x.as_mut_ptr(), len);
            b.copy_to_nonoverlapping(y.as_mut_ptr(), len);
            let mut bits = T::ZERO;
            for i in 0..CHUNK {
                bits = bits.or(x[i].magnitude()).or(y[i].magnitude());
            }
            let mut found = [T::ZERO; CHUNK];
            if T::BITS <= 32 || bits.shift_down(50) == T::ZERO {
                let (mut p, mut q) = ([0f64; CHUNK], [0f64; CHUNK]);
                for i in 0..CHUNK {
                    p[i] = x[i].to_float().abs();
                    q[i] = y[i].to_float().abs();
                }
                loop {
                    let mut most = 0f64;
                    for q in q {
                        most = if q > most { q } else { most };
                    }
                    if most == 0.0 {
                        break;
                    }
                    for i in 0..CHUNK {
                        let by = if q[i] == 0.0 { 1.0 } else { q[i] };
                        let rest = p[i] - (p[i] / by).trunc() * by;
                        let done = q[i] == 0.0;
                        (p[i], q[i]) = (if done { p[i] } else { by }, if done { 0.0 } else { rest });
                    }
                }
                for i in 0..CHUNK {
                    found[i] = T::from_float(p[i]);
                }
            } else {
                for i in 0..CHUNK {
                    found[i] = gcd(x[i], y[i]);
                    scalar_fence();
                }
            }
            for i in 0..CHUNK {
                found[i] = D::of(x[i], y[i], found[i]);
            }
            d.copy_from_nonoverlapping(found.as_ptr(), len);
            (a, b, d) = (a.add(step_a), b.add(step_b), d.add(CHUNK));
            left -= len;
        }
    }
}

fn divisor<T: Int, D: Divisor<T>>() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2<T: Int, D: Divisor<T>>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { divisors::<T, D>(n, s, o) }
    }
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return avx2::<T, D>;
    }
    divisors::<T, D>
}

/// Loops with one input.
pub(crate) fn unary<T: Int>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Negative => map1(|x: T| x.neg()),
        Op::Positive | Op::Conjugate | Op::Floor | Op::Ceil | Op::Trunc | Op::Real => same::<T>(),
        Op::Absolute => map1(|x: T| x.magnitude()),
        Op::Sign => map1(|x: T| {
            if x > T::ZERO {
                T::ONE
            } else if x < T::ZERO {
                T::ZERO.sub(T::ONE)
            } else {
                T::ZERO
            }
        }),
        Op::Square => map1(|x: T| x.mul(x)),
        Op::Reciprocal => map1(reciprocal::<T>),
        Op::Invert => map1(|x: T| x.not()),
        Op::BitwiseCount => map1(|x: T| x.ones()),
        Op::LogicalNot => map1(|x: T| u8::from(x == T::ZERO)),
        Op::Isfinite => always(|| 1u8),
        Op::Isnan | Op::Isinf => always(|| 0u8),
        Op::Imag => always(|| T::ZERO),
        _ => return None,
    })
}

/// What C on x86-64 makes of converting infinity: the smallest value for `i32` and `i64`, else its low bits.
fn reciprocal_of_zero<T: Int>() -> T {
    if T::SIGNED && T::BITS >= 32 { T::MIN } else { T::ZERO }
}

/// Loops with two inputs.
pub(crate) fn binary<T: Int>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Add => map2(|x: T, y: T| x.add(y)),
        Op::Subtract => map2(|x: T, y: T| x.sub(y)),
        Op::Multiply => map2(|x: T, y: T| x.mul(y)),
        Op::FloorDivide | Op::Remainder | Op::Fmod | Op::Divmod => return division::kernel::<T>(op),
        Op::Power => power::<T>(),
        Op::Maximum | Op::Fmax => map2(|x: T, y: T| if x > y { x } else { y }),
        Op::Minimum | Op::Fmin => map2(|x: T, y: T| if x < y { x } else { y }),
        Op::Clip => map3(|x: T, low: T, high: T| x.max(low).min(high)),
        Op::BitwiseAnd => map2(|x: T, y: T| x.and(y)),
        Op::BitwiseOr => map2(|x: T, y: T| x.or(y)),
        Op::BitwiseXor => map2(|x: T, y: T| x.xor(y)),
        Op::LeftShift => map2(|x: T, y: T| x.shift_left(y)),
        Op::RightShift => map2(|x: T, y: T| x.shift_right(y)),
        Op::LogicalAnd => map2(|x: T, y: T| u8::from(x != T::ZERO) & u8::from(y != T::ZERO)),
        Op::LogicalOr => map2(|x: T, y: T| u8::from(x.or(y) != T::ZERO)),
        Op::LogicalXor => map2(|x: T, y: T| u8::from((x != T::ZERO) != (y != T::ZERO))),
        Op::Gcd => divisor::<T, Gcd>(),
        Op::Lcm => divisor::<T, Lcm>(),
        _ => return None,
    })
}
