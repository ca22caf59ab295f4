//! Integer loops: everything wraps, division by zero gives 0, shifts beyond the width give 0 (or the sign).

use super::lanes::{each2, map1, map2, map3, slot, wide};
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

fn lcm<T: Int>(x: T, y: T) -> T {
    let g = gcd(x, y);
    if g == T::ZERO { T::ZERO } else { x.magnitude().quotient(g).mul(y.magnitude()) }
}

/// Loops with one input.
pub(crate) fn unary<T: Int>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Negative => map1(|x: T| x.neg()),
        Op::Positive | Op::Conjugate | Op::Floor | Op::Ceil | Op::Trunc | Op::Real => map1(|x: T| x),
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
        Op::Isfinite => map1(|_: T| 1u8),
        Op::Isnan | Op::Isinf => map1(|_: T| 0u8),
        Op::Imag => map1(|_: T| T::ZERO),
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
        Op::Gcd => each2(|x: T, y: T| Some(gcd(x, y))),
        Op::Lcm => each2(|x: T, y: T| Some(lcm(x, y))),
        _ => return None,
    })
}
