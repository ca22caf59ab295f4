//! Methods of the binary operations: NumPy's types, axes and errors around the algorithms that fold and scan.

use super::reduce::{start_of, unmasked};
use super::{Array, Item, ReduceOptions, fitting};
use crate::algo::{self, Segments};
use crate::dtype::{Casting, Category as TypeKind, DType, Scalar, category};
use crate::error::{Error, Kind, Result, normalize_axis, shape_text};
use crate::ops::{Loop, Op, ReduceOp, no_loop, resolve, resolve_with};
use crate::view::order::of_result;
use crate::view::{Dims, Layout, View};
use crate::{session, status};
use smallvec::SmallVec;
use std::ops::Range;

/// # Methods of operations
///
/// Computed at the call.
impl Array {
    /// `op.reduce` of the operations that no fused reduction is for: from left to right, along one axis unless the order
    /// is free. Without `initial` it begins with the operation's identity, or with the first element.
    pub fn fold(&self, op: Op, options: &ReduceOptions<'_>) -> Result<Array> {
        let _turn = session::take_turn(op.name())?;
        let axes: SmallVec<[usize; 4]> = match options.axes {
            None => (0..self.ndim()).collect(),
            Some(axes) => axes.iter().map(|&a| normalize_axis(a, self.ndim())).collect::<Result<_>>()?,
        };
        crate::view::distinct(&axes, "duplicate value in 'axis'")?;
        let found = closed(op, self.dtype(), options.dtype, "reduce")?;
        let dtype = found.outputs[0];
        status::converts(self.dtype(), dtype);
        if axes.len() > 1 && !op.is_reorderable() {
            let text = format!(
                "reduction operation '{}' is not reorderable, so at most one axis may be specified",
                op.name()
            );
            return Err(Error::new(Kind::Value, text));
        }
        let reduced: SmallVec<[bool; 4]> = (0..self.ndim()).map(|d| axes.contains(&d)).collect();
        fitting::check(op.name(), self.shape(), &reduced, options)?;
        let start = match options.initial {
            Some(initial) => Some(start_of(initial, dtype)?),
            None => op.identity(dtype),
        };
        if start.is_none() && options.mask.is_some() {
            return Err(unmasked(op.name()));
        }
        if start.is_none() && axes.iter().any(|&d| self.shape()[d] == 0) {
            let text = format!("zero-size array to reduction operation {} which has no identity", op.name());
            return Err(Error::new(Kind::Value, text));
        }
        let mask =
            options.mask.map(|mask| mask.cast_to(DType::Bool).broadcast_to(self.shape())).transpose()?;
        // What is left of the axes keeps their order.
        let views: SmallVec<[&View; 2]> =
            [Some(self), options.mask].into_iter().flatten().map(|a| &a.view).collect();
        let folded = match of_result(Layout::K, self.ndim(), &views) {
            None => self.fold_axes(&found, &axes, start, mask.as_ref())?,
            Some(order) => {
                let place = |&axis: &usize| order.iter().position(|&d| d == axis).unwrap_or(axis);
                let axes: SmallVec<[usize; 4]> = axes.iter().map(place).collect();
                let mask = mask.map(|mask| mask.by_order(Some(&order)));
                let folded = self.by_order(Some(&order)).fold_axes(&found, &axes, start, mask.as_ref())?;
                let left = order.iter().filter(|&&d| !reduced[d]);
                let left: Dims = left.map(|&d| (0..d).filter(|&a| !reduced[a]).count()).collect();
                folded.in_order(&left)
            }
        };
        self.delivered_reduced(folded, options, &reduced)
    }

    /// The fold along these axes, in C order; the mask is of the array's shape.
    fn fold_axes(
        &self,
        found: &Loop,
        axes: &[usize],
        start: Option<Scalar>,
        mask: Option<&Array>,
    ) -> Result<Array> {
        // One axis stays where it is; several come last.
        let kept: Dims = (0..self.ndim()).filter(|d| !axes.contains(d)).collect();
        let (order, place): (Dims, Range<usize>) = match axes[..] {
            [axis] => ((0..self.ndim()).collect(), axis..axis + 1),
            _ => (kept.iter().chain(axes).copied().collect(), kept.len()..self.ndim()),
        };
        let shape: Dims = order.iter().map(|&d| self.shape()[d]).collect();
        let result: Dims = kept.iter().map(|&d| self.shape()[d]).collect();
        let segment = 0..shape[place.clone()].iter().product();
        let what = Segments {
            name: "reduce",
            shape: &shape,
            axes: place,
            segments: &[segment],
            result: &result,
            start,
            mask: mask.map(|mask| mask.arg().map_view(|view| view.permute(&order))),
        };
        let value = self.arg().map_view(|view| view.permute(&order));
        Ok(Array::from_node(algo::fold(found, value, &what)?))
    }

    /// Applies `keepdims=` and `out=`, which fits.
    fn delivered_reduced(
        &self,
        folded: Array,
        options: &ReduceOptions<'_>,
        reduced: &[bool],
    ) -> Result<Array> {
        let folded = match options.keepdims {
            true => {
                let extent = |d: usize| if reduced[d] { 1 } else { self.shape()[d] as isize };
                folded.reshape(&(0..self.ndim()).map(extent).collect::<SmallVec<[isize; 4]>>())?
            }
            false => folded,
        };
        match options.out {
            Some(out) => out.assign(&folded).map(|()| out.clone()),
            None => Ok(folded),
        }
    }

    /// `op.accumulate(self, axis, dtype, out)`
    pub fn accumulate(
        &self,
        op: Op,
        axis: isize,
        dtype: Option<DType>,
        out: Option<&Array>,
    ) -> Result<Array> {
        let _turn = session::take_turn(op.name())?;
        let axis = normalize_axis(axis, self.ndim())?;
        let found = closed(op, self.dtype(), dtype, "accumulate")?;
        status::converts(self.dtype(), found.inputs[0]);
        let (turned, order, axis) = self.turned(axis, true);
        let node = algo::accumulate(&found, turned.arg(), turned.shape(), axis)?;
        let made = Array::from_node_in(node, order.as_deref());
        self.delivered(op, made, out)
    }

    /// `op.reduceat(self, indices, axis, dtype, out)`
    pub fn reduceat(
        &self,
        op: Op,
        indices: &[i64],
        axis: isize,
        dtype: Option<DType>,
        out: Option<&Array>,
    ) -> Result<Array> {
        let _turn = session::take_turn(op.name())?;
        let axis = normalize_axis(axis, self.ndim())?;
        let n = self.shape()[axis];
        if let Some(i) = indices.iter().find(|&&i| i < 0 || i as usize >= n) {
            let text = format!("index {i} out-of-bounds in {}.reduceat [0, {n})", op.name());
            return Err(Error::new(Kind::Index, text));
        }
        let found = closed(op, self.dtype(), dtype, "reduceat")?;
        status::converts(self.dtype(), found.inputs[0]);
        let nexts = indices.iter().skip(1).map(|&i| i as usize).chain([n]);
        let segments: Vec<Range<usize>> =
            indices.iter().zip(nexts).map(|(&i, next)| i as usize..next.max(i as usize + 1)).collect();
        let (turned, order, axis) = self.turned(axis, false);
        let mut result: Dims = SmallVec::from_slice(turned.shape());
        result[axis] = indices.len();
        let what = Segments {
            name: "reduceat",
            shape: turned.shape(),
            axes: axis..axis + 1,
            segments: &segments,
            result: &result,
            start: None,
            mask: None,
        };
        let made = Array::from_node_in(algo::fold(&found, turned.arg(), &what)?, order.as_deref());
        match out {
            Some(out) if out.shape() != made.shape() => Err(mismatch(out.shape(), made.shape())),
            Some(out) => out.assign(&made).map(|()| out.clone()),
            None => Ok(made),
        }
    }

    /// `op.at(self, items, values)`: `values` broadcast to what the items name, or are missing if the operation has one input.
    ///
    /// # Errors
    /// As [`Array::picked`], and those of the operation. Nothing is written then.
    pub fn update_at(&self, op: Op, items: &[Item<'_>], values: Option<&Array>) -> Result<()> {
        let _turn = session::take_turn(op.name())?;
        let (dtype, mine) = (self.dtype(), self.dtype().into());
        let found = match values {
            None => resolve(op, &[mine])?,
            Some(values) => resolve(op, &[mine, values.dtype().into()])?,
        };
        if self.lens.is_some() {
            let copy = self.laid_out(dtype, Layout::C)?;
            copy.update_at(op, items, values)?;
            return self.assign(&copy);
        }
        // (What NumPy has loops by indices for is told of by the operation's name.)
        let is_indexed = self.ndim() == 1
            && matches!(items, [Item::Array(_)])
            && values.is_some_and(|values| values.dtype() == dtype)
            && found.outputs[0] == dtype
            && matches!(
                op,
                Op::Add
                    | Op::Subtract
                    | Op::Multiply
                    | Op::Divide
                    | Op::FloorDivide
                    | Op::Maximum
                    | Op::Minimum
                    | Op::Fmax
                    | Op::Fmin
            );
        let pick = self.pick(items)?;
        let shape = pick.shape();
        let values = match values.map(|values| values_at(values, &shape)).transpose() {
            Ok(values) => values,
            // (Indices are looked at first.)
            Err(error) => return self.picked(items).and(Err(error)),
        };
        if shape.contains(&0) {
            // (Indices of nothing are looked at all the same.)
            return self.picked(items).map(drop);
        }
        if let Some((exponents, _)) = &values
            && op == Op::Power
            && category(found.outputs[0]) == TypeKind::Signed
            && category(exponents.dtype()) == TypeKind::Signed
            && exponents.reduce(ReduceOp::Min, &ReduceOptions::default())?.item()?.as_i64() < 0
        {
            let text = "Integers to negative integer powers are not allowed.";
            return Err(Error::new(Kind::Value, text));
        }
        status::converts(found.outputs[0], dtype);
        let name = if is_indexed { op.name() } else { "at" };
        let values = values.map(|(values, is_one)| (values.arg(), is_one));
        self.cell.set(algo::scatter(&found, name, self.cell.get(), dtype, &pick, values)?);
        Ok(())
    }

    /// The view that lists the axes in the order of a result's, which is their own in memory, this order, and the place of one
    /// of the axes; of a result that has another extent along that axis, which then counts as one without steps.
    fn turned(&self, axis: usize, is_kept: bool) -> (Array, Option<Dims>, usize) {
        let mut view = self.view.clone();
        if !is_kept {
            view.strides[axis] = 0;
        }
        let order = of_result(Layout::K, self.ndim(), &[&view]);
        let axis = order.as_ref().map_or(axis, |order| order.iter().position(|&d| d == axis).unwrap_or(axis));
        (self.by_order(order.as_deref()), order, axis)
    }

    fn delivered(&self, op: Op, made: Array, out: Option<&Array>) -> Result<Array> {
        let Some(out) = out else { return Ok(made) };
        if out.shape() == made.shape() {
            return out.assign(&made).map(|()| out.clone());
        }
        let text = match out.ndim() == made.ndim() {
            false => format!(
                "output parameter for reduction operation {} has the wrong number of dimensions: Found {} but expected {}",
                op.name(),
                out.ndim(),
                made.ndim()
            ),
            true => format!(
                "operands could not be broadcast together with remapped shapes [original->remapped]: {0}->{0} {1}->{1} ",
                shape_text(out.shape()),
                shape_text(self.shape())
            ),
        };
        Err(Error::new(Kind::Value, text))
    }
}

/// Values for as many places, or one for all.
fn values_at(values: &Array, shape: &[usize]) -> Result<(Array, bool)> {
    values.bound()?;
    if values.size() == 1 && values.ndim() <= shape.len() {
        return Ok((values.reshape(&[1])?, true));
    }
    let wrong = |_| Error::new(Kind::Value, "array is not broadcastable to correct shape");
    Ok((values.broadcast_to(shape).map_err(wrong)?, false))
}

#[cold]
fn mismatch(out: &[usize], made: &[usize]) -> Error {
    let text = format!(
        "output array of shape {} does not fit a result of shape {}",
        shape_text(out),
        shape_text(made)
    );
    Error::new(Kind::Value, text)
}

/// The loop that combines two elements to another of their type.
fn closed(op: Op, own: DType, asked: Option<DType>, method: &str) -> Result<Loop> {
    let of_truth = op.outputs() == 1
        && resolve(op, &[DType::F64.into(), DType::F64.into()]).is_ok_and(|l| l.outputs[0] == DType::Bool);
    let is_logical = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
    let wide = match (op, category(own)) {
        (Op::Add | Op::Multiply, TypeKind::Bool | TypeKind::Signed) => DType::I64,
        (Op::Add | Op::Multiply, TypeKind::Unsigned) => DType::U64,
        _ if is_logical => DType::Bool,
        _ => own,
    };
    let dtype = asked.unwrap_or(wide);
    if of_truth && dtype != DType::Bool {
        let text = "No loop matching the specified signature and casting was found for ufunc";
        return Err(Error::new(Kind::Type, format!("{text} {}", op.name())));
    }
    let types = [dtype.into(), dtype.into()];
    let found = match asked {
        Some(asked) if !of_truth => resolve_with(op, &types, Some(asked), Casting::SameKind),
        _ => resolve(op, &types),
    };
    let found = found.map_err(|error| match error.message().split_once("types (<class") {
        Some(_) if asked.is_some() => Error::new(Kind::Type, no_loop(op, &[dtype.into(), own.into()], asked)),
        // The first operand is the result so far, which has no type of its own.
        Some((text, types)) => {
            let second = types.split_once(", ").map_or(types, |(_, second)| second);
            Error::new(Kind::Casting, format!("{text}types (None, {second}"))
        }
        None => error,
    })?;
    if found.inputs[..2] != [found.outputs[0]; 2] {
        let [first, second, ..] = found.inputs;
        let text = format!(
            "the resolved dtypes are not compatible with {}.{method}. Resolved (dtype('{first}'), dtype('{second}'), dtype('{}'))",
            op.name(),
            found.outputs[0]
        );
        return Err(Error::new(Kind::Type, text));
    }
    Ok(found)
}
