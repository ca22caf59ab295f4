//! Products of vectors and matrices.
//!
//! A dot product of vectors is a fused reduction. A matrix product is made block row by block row: each rank
//! multiplies its rows of the left matrix with the blocks of the right one, which it reads in place.

use super::Array;
use crate::dtype::{DType, promote};
use crate::error::{Error, Kind, Result, shape_text};
use crate::graph::{Arg, Expr, Node};
use crate::ops::{Op, ReduceOp, resolve};
use crate::plan;
use crate::site::{self, Origin};
use crate::status::Policy;
use crate::turn;
use crate::view::View;
use smallvec::SmallVec;

/// # Linear algebra
impl Array {
    /// `np.dot` for operands of 0, 1 and 2 axes.
    pub fn dot(&self, other: &Array) -> Result<Array> {
        let _turn = turn::take("dot")?;
        let name = "dot";
        if self.ndim() == 0 || other.ndim() == 0 {
            return Array::apply(Op::Multiply, &[self.into(), other.into()]);
        }
        let (inner, outer) = (self.shape()[self.ndim() - 1], other.shape()[other.ndim().saturating_sub(2)]);
        if inner != outer {
            return Err(Error::new(
                Kind::Shape,
                format!(
                    "shapes {} and {} not aligned: {inner} (dim {}) != {outer} (dim {})",
                    shape_text(self.shape()),
                    shape_text(other.shape()),
                    self.ndim() - 1,
                    other.ndim().saturating_sub(2)
                ),
            ));
        }
        self.product(other, name)
    }

    /// `np.matmul` for operands of 1 and 2 axes.
    pub fn matmul(&self, other: &Array) -> Result<Array> {
        let _turn = turn::take("matmul")?;
        for (i, a) in [self, other].iter().enumerate() {
            if a.ndim() == 0 {
                return Err(Error::new(
                    Kind::Value,
                    format!(
                        "matmul: Input operand {i} does not have enough dimensions (has 0, gufunc core with signature (n?,k),(k,m?)->(n?,m?) requires 1)"
                    ),
                ));
            }
        }
        let (inner, outer) = (self.shape()[self.ndim() - 1], other.shape()[other.ndim().saturating_sub(2)]);
        if inner != outer {
            return Err(Error::new(
                Kind::Shape,
                format!(
                    "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature (n?,k),(k,m?)->(n?,m?) (size {outer} is different from {inner})"
                ),
            ));
        }
        self.product(other, "matmul")
    }

    fn product(&self, other: &Array, name: &'static str) -> Result<Array> {
        let dtype = promote(self.dtype(), other.dtype());
        match (self.ndim(), other.ndim()) {
            (1, 1) => self.inner(other, dtype, name),
            (1..=2, 1..=2) => {
                let (a, b) = (self.cast_for(dtype)?, other.cast_for(dtype)?);
                let rows = if a.ndim() == 1 { a.reshape(&[1, -1])? } else { a };
                let cols = if b.ndim() == 1 { b.reshape(&[-1, 1])? } else { b };
                let node =
                    plan::product(dtype, (&rows.cell.get(), &rows.view), (&cols.cell.get(), &cols.view))?;
                let mut shape: SmallVec<[usize; 4]> = SmallVec::new();
                shape.extend((self.ndim() == 2).then_some(rows.shape()[0]));
                shape.extend((other.ndim() == 2).then_some(cols.shape()[1]));
                let is_placed = node.storage().is_some_and(|s| s.blocks() == node.blocks);
                let result = Array::from_node(node);
                result.tell_product([&rows, &cols], name)?;
                let placed = if is_placed { result } else { result.fresh_copy() };
                Ok(Array { view: View::contiguous(&shape), ..placed })
            }
            _ => Err(Error::new(Kind::Type, "dot and matmul are for arrays of up to 2 axes")),
        }
    }

    /// This array with stored elements of type `dtype`.
    fn cast_for(&self, dtype: DType) -> Result<Array> {
        let is_ready = dtype == self.dtype() && self.lens.is_none();
        let array = if is_ready { self.clone() } else { self.cast_to(dtype) };
        array.force()?;
        Ok(array)
    }

    /// The sum of products, in the operands' common type.
    fn inner(&self, other: &Array, dtype: DType, name: &'static str) -> Result<Array> {
        let op = resolve(Op::Multiply, &[dtype.into(), dtype.into()])?;
        let args = SmallVec::from_iter([self.arg(), other.arg()]);
        let shape = self.view.shape.clone();
        let multiply = || Node::lazy(shape.clone(), dtype, Expr::Map { op, output: 0, args });
        // Its floating-point exceptions are those of the sum.
        let site = site::current().site;
        let product = site::at(Origin { site, policy: Policy::IGNORE }, multiply);
        let fold = if dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
        let sum = plan::fold_all(fold, Arg::whole(product), &shape, name)?;
        match sum.finish(dtype) {
            Some(x) => Array::scalar(x.cast(dtype)),
            None => Array::scalar(plan::start_value(fold, dtype)),
        }
    }
}
