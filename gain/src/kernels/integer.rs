//! Integer loops: everything wraps, division by zero gives 0, shifts beyond the width give 0 (or the sign).

use super::lanes::{each1, each2, map1, map2};
use super::number::Int;
use super::{Kernel, division};
use crate::ops::Op;

/// `x` to a non-negative power; `None` for a negative one.
#[inline(always)]
fn power<T: Int>(mut x: T, mut y: T) -> Option<T> {
    if y < T::ZERO {
        return None;
    }
    let mut result = T::ONE;
    while y != T::ZERO {
        if y.and(T::ONE) != T::ZERO {
            result = result.mul(x);
        }
        x = x.mul(x);
        y = y.shift_right(T::ONE);
    }
    Some(result)
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
        Op::Reciprocal => {
            each1(|x: T| if x == T::ZERO { reciprocal_of_zero::<T>() } else { T::ONE.quotient(x) })
        }
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
        Op::Power => each2(|x: T, y: T| power(x, y)),
        Op::Maximum | Op::Fmax => map2(|x: T, y: T| if x > y { x } else { y }),
        Op::Minimum | Op::Fmin => map2(|x: T, y: T| if x < y { x } else { y }),
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
