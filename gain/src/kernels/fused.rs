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
const MUL: u8 = 3;

#[inline(always)]
fn step<T: Real, const S: u8>(value: T, operand: T) -> T {
    match S {
        ADD => value + operand,
        SUB => value - operand,
        SUB_FROM => operand - value,
        _ => value * operand,
    }
}

/// Evaluates the expression with the step as the constant of that name; `in` restricts the steps, others give `else`.
macro_rules! with_step {
    ($step:expr, $name:ident => $body:expr) => {
        with_step!($step, $name in Add ADD, Sub SUB, SubFrom SUB_FROM, Mul MUL => $body)
    };
    ($step:expr, $name:ident in $($case:ident $number:ident),* => $body:expr $(, else $rest:expr)?) => {
        match $step {
            $(Step::$case => {
                const $name: u8 = $number;
                $body
            })*
            $(_ => $rest,)?
        }
    };
}

/// The kernel that a function generic over the element type makes; `None` for types without superinstructions.
macro_rules! of_float {
    ($dtype:expr, $make:ident($($arg:expr),*)) => {
        match $dtype {
            DType::F32 => $make::<f32>($($arg),*),
            DType::F64 => $make::<f64>($($arg),*),
            _ => None,
        }
    };
}

fn chain2_of<T: Real>(p: Step, q: Step) -> Option<Kernel> {
    Some(with_step!(p, P => with_step!(q, Q => map3(|a: T, b: T, c: T| step::<T, Q>(step::<T, P>(a, b), c)))))
}

fn chain3_of<T: Real>(p: Step, q: Step, r: Step) -> Option<Kernel> {
    Some(with_step!(p, P => with_step!(q, Q => with_step!(r, R => {
        map4(|a: T, b: T, c: T, d: T| step::<T, R>(step::<T, Q>(step::<T, P>(a, b), c), d))
    }))))
}

fn pair_of<T: Real>(p: Step, q: Step, r: Step) -> Option<Kernel> {
    Some(with_step!(p, P => with_step!(q, Q => with_step!(r, R => {
        map4(|a: T, b: T, c: T, d: T| step::<T, R>(step::<T, P>(a, b), step::<T, Q>(c, d)))
    }))))
}

/// `(a p b) q c`; `None` for other types than floats.
pub(crate) fn chain2(dtype: DType, p: Step, q: Step) -> Option<Kernel> {
    of_float!(dtype, chain2_of(p, q))
}

/// `((a p b) q c) r d`
pub(crate) fn chain3(dtype: DType, p: Step, q: Step, r: Step) -> Option<Kernel> {
    of_float!(dtype, chain3_of(p, q, r))
}

/// `(a p b) r (c q d)`
pub(crate) fn pair(dtype: DType, p: Step, q: Step, r: Step) -> Option<Kernel> {
    of_float!(dtype, pair_of(p, q, r))
}

fn weighted_of<T: Real>(p: Step, q: Step, r: Step, scaled: bool) -> Option<Kernel> {
    /// Sums and differences alone; a difference the other way round is one of these with operands swapped.
    macro_rules! with_sign {
        ($step:expr, $name:ident => $body:expr) => {
            with_step!($step, $name in Add ADD, Sub SUB => $body, else return None)
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
    of_float!(dtype, weighted_of(p, q, r, scaled))
}
