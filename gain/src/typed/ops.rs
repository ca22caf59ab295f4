//! Operators on references: `&a + &b`, `&a * 2.0`, `2.0 * &a`, `-&a`, `a += &b`.
//!
//! Operands broadcast to one another when their number of axes is the same, as in `ndarray`. The element type stays: an
//! operation whose result NumPy would promote (a quotient of integers) is converted back.

use super::DistArray;
use crate::array::{Array, Operand};
use crate::dtype::{Casting, Element, Scalar};
use crate::ops::Op;
use crate::session;
use ndarray::Dimension;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// The result of an operator; panics where `ndarray` does.
fn operate<T: Element + Into<Scalar>, D: Dimension>(op: Op, operands: &[Operand<'_>]) -> DistArray<T, D> {
    let typed = Array::apply(op, operands)
        .and_then(|a| if a.dtype() == T::DTYPE { Ok(a) } else { a.astype(T::DTYPE, Casting::Unsafe) });
    match typed {
        Ok(array) => DistArray::promise(array),
        Err(e) => panic!("{}: {e}", op.name()),
    }
}

fn operate_assign<T: Element + Into<Scalar>, D: Dimension>(
    op: Op,
    target: &DistArray<T, D>,
    value: Operand<'_>,
) {
    session::in_turn(|| {
        let result: DistArray<T, D> = operate(op, &[(&target.array).into(), value]);
        if let Err(e) = target.array.assign(&result.array) {
            panic!("{}: {e}", op.name());
        }
    })
}

macro_rules! operators {
    ($($trait:ident $method:ident $assign_trait:ident $assign:ident $op:ident),* $(,)?) => {$(
        impl<T: Element + Into<Scalar>, D: Dimension> $trait<&DistArray<T, D>> for &DistArray<T, D> {
            type Output = DistArray<T, D>;
            fn $method(self, other: &DistArray<T, D>) -> DistArray<T, D> {
                operate(Op::$op, &[(&self.array).into(), (&other.array).into()])
            }
        }
        impl<T: Element + Into<Scalar>, D: Dimension> $trait<T> for &DistArray<T, D> {
            type Output = DistArray<T, D>;
            fn $method(self, other: T) -> DistArray<T, D> {
                operate(Op::$op, &[(&self.array).into(), Operand::Scalar(other.into())])
            }
        }
        impl<T: Element + Into<Scalar>, D: Dimension> $assign_trait<&DistArray<T, D>> for DistArray<T, D> {
            fn $assign(&mut self, other: &DistArray<T, D>) {
                operate_assign(Op::$op, self, (&other.array).into());
            }
        }
        impl<T: Element + Into<Scalar>, D: Dimension> $assign_trait<T> for DistArray<T, D> {
            fn $assign(&mut self, other: T) {
                operate_assign(Op::$op, self, Operand::Scalar(other.into()));
            }
        }
    )*};
}

operators! {
    Add add AddAssign add_assign Add,
    Sub sub SubAssign sub_assign Subtract,
    Mul mul MulAssign mul_assign Multiply,
    Div div DivAssign div_assign Divide,
}

macro_rules! scalar_first {
    ($($t:ty),*) => {$(
        scalar_first!($t: Add add Add, Sub sub Subtract, Mul mul Multiply, Div div Divide);
    )*};
    ($t:ty: $($trait:ident $method:ident $op:ident),*) => {$(
        impl<D: Dimension> $trait<&DistArray<$t, D>> for $t {
            type Output = DistArray<$t, D>;
            fn $method(self, other: &DistArray<$t, D>) -> DistArray<$t, D> {
                operate(Op::$op, &[Operand::Scalar(self.into()), (&other.array).into()])
            }
        }
    )*};
}

scalar_first!(f32, f64, i32, i64);

impl<T: Element + Into<Scalar> + Neg<Output = T>, D: Dimension> Neg for &DistArray<T, D> {
    type Output = DistArray<T, D>;
    fn neg(self) -> DistArray<T, D> {
        operate(Op::Negative, &[(&self.array).into()])
    }
}
