//! Superinstructions: two or three additions, subtractions and multiplications of one float type in one pass.
//!
//! Each step rounds as the single operations do (no contraction), so results are those of the steps apart.

use super::Kernel;
use super::lanes::{map3, map4, weighted};
use super::number::Real;
use crate::dtype::DType;

/// What a step does with the value so far and its operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// `value + operand`
    Add,
    /// `value - operand`
    Sub,
    /// `operand - value`
    SubFrom,
    /// `value * operand`
    Mul,
}

const ADD: u8 = 0;
const SUB: u8 = 1;
const SUB_FROM: u8 = 2;

#[inline(always)]
fn step<T: Real, const S: u8>(value: T, operand: T) -> T {
    match S {
        ADD => value + operand,
        SUB => value - operand,
        SUB_FROM => operand - value,
        _ => value * operand,
    }
}

/// Evaluates the expression with the step as the constant of that name.
macro_rules! with_step {
    ($step:expr, $name:ident => $body:expr) => {
        match $step {
            Step::Add => {
                const $name: u8 = 0;
                $body
            }
            Step::Sub => {
                const $name: u8 = 1;
                $body
            }
            Step::SubFrom => {
                const $name: u8 = 2;
                $body
            }
            Step::Mul => {
                const $name: u8 = 3;
                $body
            }
        }
    };
}

fn chain2_of<T: Real>(p: Step, q: Step) -> Kernel {
    with_step!(p, P => with_step!(q, Q => map3(|a: T, b: T, c: T| step::<T, Q>(step::<T, P>(a, b), c))))
}

fn chain3_of<T: Real>(p: Step, q: Step, r: Step) -> Kernel {
    with_step!(p, P => with_step!(q, Q => with_step!(r, R => {
        map4(|a: T, b: T, c: T, d: T| step::<T, R>(step::<T, Q>(step::<T, P>(a, b), c), d))
    })))
}

fn pair_of<T: Real>(p: Step, q: Step, r: Step) -> Kernel {
    with_step!(p, P => with_step!(q, Q => with_step!(r, R => {
        map4(|a: T, b: T, c: T, d: T| step::<T, R>(step::<T, P>(a, b), step::<T, Q>(c, d)))
    })))
}

/// `(a p b) q c`; `None` for types without superinstructions.
pub(crate) fn chain2(dtype: DType, p: Step, q: Step) -> Option<Kernel> {
    match dtype {
        DType::F32 => Some(chain2_of::<f32>(p, q)),
        DType::F64 => Some(chain2_of::<f64>(p, q)),
        _ => None,
    }
}

/// `((a p b) q c) r d`
pub(crate) fn chain3(dtype: DType, p: Step, q: Step, r: Step) -> Option<Kernel> {
    match dtype {
        DType::F32 => Some(chain3_of::<f32>(p, q, r)),
        DType::F64 => Some(chain3_of::<f64>(p, q, r)),
        _ => None,
    }
}

/// `(a p b) r (c q d)`
pub(crate) fn pair(dtype: DType, p: Step, q: Step, r: Step) -> Option<Kernel> {
    match dtype {
        DType::F32 => Some(pair_of::<f32>(p, q, r)),
        DType::F64 => Some(pair_of::<f64>(p, q, r)),
        _ => None,
    }
}

fn weighted_of<T: Real>(p: Step, q: Step, r: Step, scaled: bool) -> Option<Kernel> {
    /// Sums and differences alone; a difference the other way round is one of these with operands swapped.
    macro_rules! with_sign {
        ($step:expr, $name:ident => $body:expr) => {
            match $step {
                Step::Add => {
                    const $name: u8 = 0;
                    $body
                }
                Step::Sub => {
                    const $name: u8 = 1;
                    $body
                }
                _ => return None,
            }
        };
    }
    Some(with_sign!(p, P => with_sign!(q, Q => with_sign!(r, R => {
        if scaled {
            weighted(|[a, b]: [T; 2], v: T, [c, d]: [T; 2], w: T, u: T| {
                step::<T, R>(step::<T, P>(a, b) * v, step::<T, Q>(c, d) * w) * u
            })
        } else {
            weighted(|[a, b]: [T; 2], v: T, [c, d]: [T; 2], w: T, _: T| {
                step::<T, R>(step::<T, P>(a, b) * v, step::<T, Q>(c, d) * w)
            })
        }
    }))))
}

/// `(a p b) v r (c q d) w`, all times `u` if `scaled`, with constants `v`, `w`, `u`: five-point stencils. Operands in
/// the order `a b v c d w u`; steps are additions and subtractions.
pub(crate) fn weighted_pairs(dtype: DType, p: Step, q: Step, r: Step, scaled: bool) -> Option<Kernel> {
    match dtype {
        DType::F32 => weighted_of::<f32>(p, q, r, scaled),
        DType::F64 => weighted_of::<f64>(p, q, r, scaled),
        _ => None,
    }
}
