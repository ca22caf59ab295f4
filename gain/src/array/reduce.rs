//! Reductions: NumPy's types, axes and keywords around the planner's folds.

use super::{Array, Operand, ReduceOptions};
use crate::dtype::{DType, Kind as TypeKind, Scalar, kind};
use crate::error::{Error, Kind, Result, normalize_axis, open_shape_text, shape_text};
use crate::graph::{Arg, Expr, Node};
use crate::ops::{Op, ReduceOp, resolve};
use crate::plan;
use crate::site::{self, Origin};
use crate::status::{self, Policy};
use crate::turn;
use crate::view::order::of_result;
use crate::view::{Dims, Layout, View, distinct};
use smallvec::SmallVec;

/// # Reductions
///
/// Computed at the call. The result over all axes is bitwise the same on every rank.
impl Array {
    /// A reduction; `ArgMin` and `ArgMax` take one axis or none.
    pub fn reduce(&self, op: ReduceOp, options: &ReduceOptions<'_>) -> Result<Array> {
        let _turn = turn::take(op.name())?;
        let reduced = axes_of(options.axes, self.ndim())?;
        check_types(op, self.dtype(), options.dtype)?;
        let dtype = options.dtype.unwrap_or_else(|| accumulator(op, self.dtype()));
        let empty = (0..self.ndim()).any(|d| reduced[d] && self.shape()[d] == 0);
        if empty && !op.has_identity() && options.initial.is_none() {
            return Err(no_identity(op));
        }
        if op.is_index() && reduced.iter().filter(|&&r| r).count() > 1 && !reduced.iter().all(|&r| r) {
            return Err(Error::new(Kind::Type, format!("{} takes one axis or none", op.name())));
        }
        let value = self.operand(op, dtype, options)?;
        let folded = if reduced.iter().all(|&r| r) {
            let partial = plan::fold_all(op, value, self.shape(), "reduce")?;
            let result = if op.is_index() { DType::I64 } else { dtype };
            match partial.finish(dtype) {
                Some(x) => Array::scalar(x.cast(result))?,
                None => Array::scalar(plan::start_value(op, dtype))?,
            }
        } else {
            self.fold_some(op, value, dtype, &reduced)?
        };
        let folded = match options.initial {
            Some(start) => combine(op, folded, start.convert(dtype)?)?,
            None => folded,
        };
        self.shaped(op, folded, &reduced, options)
    }

    /// `np.mean`
    pub fn mean(&self, options: &ReduceOptions<'_>) -> Result<Array> {
        let _turn = turn::take("mean")?;
        let dtype = options.dtype.unwrap_or(match kind(self.dtype()) {
            TypeKind::Float | TypeKind::Complex => self.dtype(),
            _ => DType::F64,
        });
        let reduced = axes_of(options.axes, self.ndim())?;
        let sum = self.reduce(ReduceOp::Sum, &ReduceOptions { dtype: Some(dtype), out: None, ..*options })?;
        let mean = match options.mask {
            None => {
                let shape = self.shape();
                let count: usize = (0..self.ndim()).filter(|&d| reduced[d]).map(|d| shape[d]).product();
                let by = Scalar::PyFloat(count as f64);
                if sum.ndim() > 0 {
                    Array::apply(Op::Divide, &[(&sum).into(), by.into()])?
                } else {
                    // Of two numbers, which NumPy calls by another name.
                    if count == 0 {
                        status::raised("scalar divide", status::INVALID);
                    }
                    let origin = Origin { site: site::current().site, policy: Policy::IGNORE };
                    site::at(origin, || Array::apply(Op::Divide, &[(&sum).into(), by.into()]))?
                }
            }
            Some(mask) => {
                let ones = mask.broadcast_to(self.shape())?;
                let keep =
                    ReduceOptions { axes: options.axes, keepdims: options.keepdims, ..Default::default() };
                let count = ones.reduce(ReduceOp::Sum, &keep)?;
                Array::apply(Op::Divide, &[(&sum).into(), (&count).into()])?
            }
        };
        match options.out {
            Some(out) if out.shape() != mean.shape() => {
                Err(self.wrong_output(ReduceOp::Sum, out.shape(), mean.ndim(), &reduced, options.keepdims))
            }
            Some(out) => out.assign(&mean).map(|()| out.clone()),
            None => Ok(mean.cast_to(dtype)),
        }
    }

    /// What is reduced: the elements converted, the identity where the mask doesn't hold.
    fn operand(&self, op: ReduceOp, dtype: DType, options: &ReduceOptions<'_>) -> Result<Arg> {
        let arg = if dtype == self.dtype() {
            self.arg()
        } else {
            Arg::whole(Node::lazy(self.view.shape.clone(), dtype, Expr::Cast(self.arg())))
        };
        let Some(mask) = options.mask else { return Ok(arg) };
        if !op.has_identity() && options.initial.is_none() {
            return Err(Error::new(
                Kind::Value,
                format!(
                    "reduction operation '{}' does not have an identity, so to use a where mask one has to specify 'initial'",
                    op.name()
                ),
            ));
        }
        let mask = mask.cast_to(DType::Bool);
        let mask = Operand::Array(&mask).arg(self.shape(), DType::Bool)?;
        let args = [arg, Arg::Const(plan::start_value(op, dtype))];
        Ok(Arg::whole(Node::lazy(self.view.shape.clone(), dtype, Expr::Select { mask, args })))
    }

    fn fold_some(&self, op: ReduceOp, value: Arg, dtype: DType, reduced: &[bool]) -> Result<Array> {
        // What is left of the axes keeps their order, except in indices.
        let order = if op.is_index() { None } else { of_result(Layout::K, self.ndim(), &[&self.view]) };
        if let Some(order) = order {
            let turned: SmallVec<[bool; 4]> = order.iter().map(|&d| reduced[d]).collect();
            let shape: Dims = order.iter().map(|&d| self.shape()[d]).collect();
            let value = value.map_view(|view| view.permute(&order));
            let folded = plan::fold_axes(op, value, dtype, &shape, &turned)?;
            let mut left = order.clone();
            left.retain(|d| !reduced[*d]);
            let place = |d: usize| (0..d).filter(|&a| !reduced[a]).count();
            let left: Dims = left.iter().map(|&d| place(d)).collect();
            return Ok(Array::from_node_in(folded.values, Some(&left)));
        }
        let folded = plan::fold_axes(op, value, dtype, self.shape(), reduced)?;
        match folded.indices {
            None => Ok(Array::from_node(folded.values)),
            // Where no element beat the start value all are equal to it: the first one's index.
            Some(indices) => {
                Array::apply(Op::Maximum, &[(&Array::from_node(indices)).into(), Scalar::I64(0).into()])
            }
        }
    }

    /// Apply `keepdims=` and `out=`.
    fn shaped(
        &self,
        op: ReduceOp,
        folded: Array,
        reduced: &[bool],
        options: &ReduceOptions<'_>,
    ) -> Result<Array> {
        let folded = if options.keepdims {
            let shape: Dims =
                (0..self.ndim()).map(|d| if reduced[d] { 1 } else { self.shape()[d] }).collect();
            let mut view = View::contiguous(&shape);
            if !folded.is_contiguous() {
                let mut left = folded.view.strides.iter();
                for d in (0..self.ndim()).filter(|&d| !reduced[d]) {
                    view.strides[d] = *left.next().expect("an axis that is left");
                }
            }
            Array { view, ..folded }
        } else {
            folded
        };
        match options.out {
            None => Ok(folded),
            Some(out) if out.shape() != folded.shape() => {
                Err(self.wrong_output(op, out.shape(), folded.ndim(), reduced, options.keepdims))
            }
            Some(out) => out.assign(&folded).map(|()| out.clone()),
        }
    }

    /// The error for an `out=` of another shape than the result's, which has `ndim` axes.
    #[cold]
    fn wrong_output(
        &self,
        op: ReduceOp,
        out: &[usize],
        ndim: usize,
        reduced: &[bool],
        keepdims: bool,
    ) -> Error {
        if op.is_index() {
            let text = format!("output array does not match result of np.{}.", op.name());
            return Error::new(Kind::Value, text);
        }
        if out.len() != ndim {
            let why = if keepdims { " (must match the operand's when keepdims=True)" } else { "" };
            return Error::new(
                Kind::Value,
                format!(
                    "output parameter for reduction operation {} has the wrong number of dimensions: Found {} but expected {ndim}{why}",
                    op.name(),
                    out.len()
                ),
            );
        }
        let mut extents = out.iter().map(|&n| n as isize);
        let remapped: SmallVec<[isize; 4]> =
            reduced.iter().map(|&r| if r && !keepdims { -1 } else { extents.next().unwrap_or(-1) }).collect();
        Error::new(
            Kind::Value,
            format!(
                "operands could not be broadcast together with remapped shapes [original->remapped]: {}->{} {} ",
                shape_text(out),
                open_shape_text(&remapped),
                shape_text(self.shape())
            ),
        )
    }
}

/// Which axes are reduced.
fn axes_of(axes: Option<&[isize]>, ndim: usize) -> Result<SmallVec<[bool; 4]>> {
    let mut reduced: SmallVec<[bool; 4]> = SmallVec::from_elem(axes.is_none(), ndim);
    if let Some(axes) = axes {
        let axes: SmallVec<[usize; 4]> =
            axes.iter().map(|&a| normalize_axis(a, ndim)).collect::<Result<_>>()?;
        distinct(&axes, "duplicate value in 'axis'")?;
        axes.iter().for_each(|&a| reduced[a] = true);
    }
    Ok(reduced)
}

/// The type in which NumPy accumulates.
fn accumulator(op: ReduceOp, dtype: DType) -> DType {
    match op {
        ReduceOp::Any | ReduceOp::All | ReduceOp::Parity => DType::Bool,
        ReduceOp::Sum | ReduceOp::Prod => match kind(dtype) {
            TypeKind::Bool | TypeKind::Signed => DType::I64,
            TypeKind::Unsigned => DType::U64,
            _ => dtype,
        },
        _ => dtype,
    }
}

/// An error if there is no such reduction of elements of this type, or in the type asked for.
fn check_types(op: ReduceOp, dtype: DType, asked: Option<DType>) -> Result<()> {
    let is_bitwise = matches!(op, ReduceOp::And | ReduceOp::Or | ReduceOp::Xor);
    let is_logical = matches!(op, ReduceOp::Any | ReduceOp::All | ReduceOp::Parity);
    let is_inexact = |dtype| matches!(kind(dtype), TypeKind::Float | TypeKind::Complex);
    match asked {
        Some(asked) if is_bitwise && is_inexact(asked) || is_logical && asked != DType::Bool => {
            let text = "No loop matching the specified signature and casting was found for ufunc";
            Err(Error::new(Kind::Type, format!("{text} {}", op.name())))
        }
        None if is_bitwise => match op.op() {
            Some(op) => Ok(resolve(op, &[dtype.into(), dtype.into()]).map(drop)?),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// `initial=` joined to a result.
fn combine(op: ReduceOp, folded: Array, initial: Scalar) -> Result<Array> {
    let dtype = folded.dtype();
    let Some(op) = op.op() else { return Ok(folded) };
    Ok(Array::apply(op, &[Operand::Scalar(initial), (&folded).into()])?.cast_to(dtype))
}

#[cold]
fn no_identity(op: ReduceOp) -> Error {
    let text = if op.is_index() {
        format!("attempt to get {} of an empty sequence", op.name())
    } else {
        format!("zero-size array to reduction operation {} which has no identity", op.name())
    };
    Error::new(Kind::Value, text)
}
