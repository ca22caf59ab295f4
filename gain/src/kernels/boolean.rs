//! Bool loops, on bytes that are 0 or 1.

use super::Kernel;
use super::lanes::{always, map1, map2, map3, same};
use crate::ops::Op;

/// Loops with one input.
pub(crate) fn unary(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::LogicalNot | Op::Invert => map1(|x: u8| x ^ 1),
        Op::Absolute | Op::Floor | Op::Ceil | Op::Trunc | Op::BitwiseCount | Op::Real => same::<u8>(),
        Op::Isfinite => always(|| 1u8),
        Op::Isnan | Op::Isinf | Op::Imag => always(|| 0u8),
        _ => return None,
    })
}

/// Loops with two inputs: sums are "or", products "and".
pub(crate) fn binary(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::Add | Op::LogicalOr | Op::BitwiseOr | Op::Maximum | Op::Fmax => map2(|x: u8, y: u8| x | y),
        Op::Multiply | Op::LogicalAnd | Op::BitwiseAnd | Op::Minimum | Op::Fmin => map2(|x: u8, y: u8| x & y),
        Op::LogicalXor | Op::BitwiseXor | Op::NotEqual => map2(|x: u8, y: u8| x ^ y),
        Op::Equal => map2(|x: u8, y: u8| x ^ y ^ 1),
        Op::Clip => map3(|x: u8, low: u8, high: u8| (x | low) & high),
        Op::Less => map2(|x: u8, y: u8| (x ^ 1) & y),
        Op::LessEqual => map2(|x: u8, y: u8| (x ^ 1) | y),
        Op::Greater => map2(|x: u8, y: u8| x & (y ^ 1)),
        Op::GreaterEqual => map2(|x: u8, y: u8| x | (y ^ 1)),
        _ => return None,
    })
}
