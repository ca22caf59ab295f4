//! Reductions: NumPy's types, axes and keywords around the planner's folds.

use super::{Array, Operand, ReduceOptions, direct, fitting};
use crate::dtype::{Casting, Category as TypeKind, DType, Scalar, can_cast, category, real_part};
use crate::error::{Error, Kind, Result, normalize_axis};
use crate::exec;
use crate::ops::{Op, ReduceOp, resolve};
use crate::plan;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::status::site::{self, Origin};
use crate::status::{self, Policy};
use crate::view::order::of_result;
use crate::view::{Dims, Layout, View, distinct};
use smallvec::SmallVec;

/// Reductions of up to this many elements are computed at once.
const EAGER: usize = 1 << 14;

/// # Reductions
///
/// Computed at the call. The result over all axes is bitwise the same on every rank.
impl Array {
    /// A reduction; `ArgMin` and `ArgMax` take one axis or none.
    pub fn reduce(&self, op: ReduceOp, options: &ReduceOptions<'_>) -> Result<Array> {
        let _turn = session::take_turn(op.name())?;
        let reduced = axes_of(options.axes, self.ndim())?;
        check_types(op, self.dtype(), options.dtype)?;
        let dtype = options.dtype.unwrap_or_else(|| accumulator(op, self.dtype()));
        if !op.is_index() {
            fitting::check(op.name(), self.shape(), &reduced, options)?;
        }
        if options.mask.is_some() && !op.has_identity() && options.initial.is_none() {
            return Err(unmasked(op.name()));
        }
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
            let result = if op.is_index() { DType::I64 } else { working(dtype) };
            match partial.finish(working(dtype)) {
                Some(x) => Array::scalar(x.cast(result))?,
                None => Array::scalar(plan::start_value(op, working(dtype)))?,
            }
        } else {
            self.fold_some(op, value, working(dtype), &reduced, options.mask)?
        };
        let folded = match options.initial {
            Some(start) => combine(op, folded, start_of(start, dtype)?.cast(working(dtype)))?,
            None => folded,
        };
        let folded = if op.is_index() { folded } else { folded.rounded(dtype)? };
        self.shaped(op, folded, &reduced, options)
    }

    /// A reduction over all axes without keywords of an array so small that it is computed here and now; `None` of
    /// others. All ranks get the same.
    pub fn reduce_now(&self, op: ReduceOp) -> Result<Option<Scalar>> {
        let dtype = accumulator(op, self.dtype());
        Ok(self.fold_now(op, working(dtype))?.map(|x| if op.is_index() { x } else { rounded(x, dtype) }))
    }

    /// The same for `np.mean`, of real numbers.
    pub fn mean_now(&self) -> Result<Option<Scalar>> {
        let _turn = session::take_turn("mean")?;
        let dtype = match category(self.dtype()) {
            TypeKind::Complex => return Ok(None),
            TypeKind::Float => self.dtype(),
            _ => DType::F64,
        };
        Ok(match self.fold_now(ReduceOp::Sum, working(dtype))? {
            Some(Scalar::F32(x)) => Some(Scalar::F32(x / self.size() as f32).cast(dtype)),
            Some(Scalar::F64(x)) => Some(Scalar::F64(x / self.size() as f64)),
            _ => None,
        })
    }

    pub(super) fn fold_now(&self, op: ReduceOp, dtype: DType) -> Result<Option<Scalar>> {
        let size = self.size();
        // (An index comes of elements as they are.)
        if size == 0 || size > EAGER || op.is_index() && dtype != self.dtype() {
            return Ok(None);
        }
        let _turn = session::take_turn(op.name())?;
        if size > session::get().threshold || !self.view.is_contiguous() || self.lens.is_some() {
            return Ok(None);
        }
        let Some(home) = self.cell.home() else { return Ok(None) };
        let first = direct::first(home, &self.view, self.dtype());
        // SAFETY: the view is contiguous and lies in memory that the variable keeps, since it is this thread's turn. Operations
        // of this process write it in their turn only; who else has open memory may write it at any time, as NumPy's.
        let folded = unsafe { exec::fold_row(op, self.dtype(), dtype, first, size) };
        let Some((number, found)) = folded else { return Ok(None) };
        if found != 0 {
            status::raised("reduce", found);
        }
        Ok(Some(number))
    }

    /// `np.var` without keywords beyond these: of what `options` say, with `count - ddof` as the divisor.
    pub fn var(&self, options: &ReduceOptions<'_>, ddof: f64) -> Result<Array> {
        let _turn = session::take_turn("var")?;
        let is_whole = matches!(category(self.dtype()), TypeKind::Float | TypeKind::Complex);
        let dtype = options.dtype.or(if is_whole { None } else { Some(DType::F64) });
        if dtype.unwrap_or(self.dtype()) == DType::F16 {
            let wide = ReduceOptions { dtype: Some(DType::F32), ..*options };
            return Ok(self.cast_to(DType::F16).cast_to(DType::F32).var(&wide, ddof)?.cast_to(DType::F16));
        }
        let mean = self.mean(&ReduceOptions { dtype, keepdims: true, ..*options })?;
        let apart = Array::apply(Op::Subtract, &[self.into(), (&mean).into()])?;
        let square = |x: &Array| Array::apply(Op::Multiply, &[x.into(), x.into()]);
        let squares = match category(apart.dtype()) {
            TypeKind::Complex => {
                let part = |op: Op| square(&Array::apply(op, &[(&apart).into()])?);
                Array::apply(Op::Add, &[(&part(Op::Real)?).into(), (&part(Op::Imag)?).into()])?
            }
            _ => square(&apart)?,
        };
        let dtype = dtype.map(real_part);
        let sum = squares.reduce(ReduceOp::Sum, &ReduceOptions { dtype, ..*options })?;
        let reduced = axes_of(options.axes, self.ndim())?;
        let count: usize = (0..self.ndim()).filter(|&d| reduced[d]).map(|d| self.shape()[d]).product();
        over(&sum, (count as f64 - ddof).max(0.0))
    }

    /// `np.mean`
    pub fn mean(&self, options: &ReduceOptions<'_>) -> Result<Array> {
        let _turn = session::take_turn("mean")?;
        let result = options.dtype.unwrap_or(match category(self.dtype()) {
            TypeKind::Float | TypeKind::Complex => self.dtype(),
            _ => DType::F64,
        });
        // The mean of halves is no half until the end, unless it is asked for.
        let dtype = if options.dtype.is_some() { result } else { working(result) };
        let reduced = axes_of(options.axes, self.ndim())?;
        fitting::check(ReduceOp::Sum.name(), self.shape(), &reduced, options)?;
        let sum = self.reduce(ReduceOp::Sum, &ReduceOptions { dtype: Some(dtype), out: None, ..*options })?;
        let mean = match options.mask {
            None => {
                let shape = self.shape();
                let count: usize = (0..self.ndim()).filter(|&d| reduced[d]).map(|d| shape[d]).product();
                over(&sum, count as f64)?
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
            Some(out) => out.assign(&mean).map(|()| out.clone()),
            None => Ok(mean.cast_to(result)),
        }
    }

    /// Whether a mean of these options is that of no element somewhere. (Of a mask that doesn't fit the mean says so.)
    pub fn averages_none(&self, options: &ReduceOptions<'_>) -> Result<bool> {
        let _turn = session::take_turn("mean")?;
        let reduced = axes_of(options.axes, self.ndim())?;
        let Some(mask) = options.mask else {
            return Ok((0..self.ndim()).any(|d| reduced[d] && self.shape()[d] == 0));
        };
        let Ok(mask) = mask.cast_to(DType::Bool).broadcast_to(self.shape()) else { return Ok(false) };
        let is_some =
            mask.reduce(ReduceOp::Any, &ReduceOptions { axes: options.axes, ..Default::default() })?;
        Ok(!is_some.reduce(ReduceOp::All, &ReduceOptions::default())?.item()?.as_bool())
    }

    /// What is reduced: the elements converted to the working type of this one, the identity where the mask doesn't hold.
    fn operand(&self, op: ReduceOp, dtype: DType, options: &ReduceOptions<'_>) -> Result<Arg> {
        let lazy = |dtype, expr| Arg::whole(Node::lazy(self.view.shape.clone(), dtype, expr));
        let mut arg = self.arg();
        for (from, to) in [(self.dtype(), dtype), (dtype, working(dtype))] {
            if from != to {
                status::converts(from, to);
                arg = lazy(to, Expr::Cast(arg));
            }
        }
        let Some(mask) = options.mask else { return Ok(arg) };
        let mask = mask.cast_to(DType::Bool);
        let mask = Operand::Array(&mask).arg(self.shape(), DType::Bool)?;
        let args = [arg, Arg::Const(plan::start_value(op, working(dtype)))];
        Ok(lazy(working(dtype), Expr::choice(mask, args, working(dtype))))
    }

    /// What a reduction comes to, in the type of its result.
    fn rounded(&self, dtype: DType) -> Result<Array> {
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        if self.ndim() == 0 {
            return Array::scalar(rounded(self.item()?, dtype));
        }
        let Origin { site, policy } = site::current();
        let near = site::at(Origin { site, policy: Policy::IGNORE }, || self.cast_to(dtype));
        if policy.wanted() & status::OVER != 0 {
            let is_finite = |x: &Array| Array::apply(Op::Isfinite, &[x.into()]);
            let is_lost =
                Array::apply(Op::Greater, &[(&is_finite(self)?).into(), (&is_finite(&near)?).into()])?;
            if is_lost.reduce(ReduceOp::Any, &ReduceOptions::default())?.item()?.as_bool() {
                status::raised("reduce", status::OVER);
            }
        }
        Ok(near)
    }

    fn fold_some(
        &self,
        op: ReduceOp,
        value: Arg,
        dtype: DType,
        reduced: &[bool],
        mask: Option<&Array>,
    ) -> Result<Array> {
        if op.is_index() && self.is_elsewhere() {
            let left = (0..self.ndim()).filter(|&d| !reduced[d]).map(|d| self.shape()[d]);
            return Ok(Array::from_node(Node::elsewhere(left.collect(), DType::I64)));
        }
        // What is left of the axes keeps their order, which the mask has a say in, except in indices.
        let views: SmallVec<[_; 2]> = [Some(self), mask].into_iter().flatten().map(|a| &a.view).collect();
        let order = if op.is_index() { None } else { of_result(Layout::K, self.ndim(), &views) };
        if let Some(order) = order {
            let turned: SmallVec<[bool; 4]> = order.iter().map(|&d| reduced[d]).collect();
            let shape: Dims = order.iter().map(|&d| self.shape()[d]).collect();
            let value = value.map_view(|view| view.permute(&order));
            let folded = fold_axes(op, value, dtype, &shape, &turned)?;
            let mut left = order.clone();
            left.retain(|d| !reduced[*d]);
            let place = |d: usize| (0..d).filter(|&a| !reduced[a]).count();
            let left: Dims = left.iter().map(|&d| place(d)).collect();
            return Ok(Array::from_node_in(folded.values, Some(&left)));
        }
        let folded = fold_axes(op, value, dtype, self.shape(), reduced)?;
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
                let text = format!("output array does not match result of np.{}.", op.name());
                Err(Error::new(Kind::Value, text))
            }
            Some(out) if op.is_index() && !can_cast(out.dtype(), DType::I64, Casting::Safe) => {
                let what = if out.ndim() == 0 { "scalar" } else { "array data" };
                let text = format!(
                    "Cannot cast {what} from dtype('{}') to dtype('int64') according to the rule 'safe'",
                    out.dtype()
                );
                Err(Error::new(Kind::Type, text))
            }
            Some(out) => out.assign(&folded).map(|()| out.clone()),
        }
    }
}

/// Now, or when it is wanted.
fn fold_axes(
    op: ReduceOp,
    value: Arg,
    dtype: DType,
    shape: &[usize],
    reduced: &[bool],
) -> Result<plan::Folded> {
    match plan::deferred(op, &value, dtype, shape, reduced)? {
        Some(values) => Ok(plan::Folded { values, indices: None }),
        None => plan::fold_axes(op, value, dtype, shape, reduced),
    }
}

/// What a mask leaves out can't stand for nothing.
#[cold]
pub(super) fn unmasked(name: &str) -> Error {
    Error::new(
        Kind::Value,
        format!(
            "reduction operation '{name}' does not have an identity, so to use a where mask one has to specify 'initial'"
        ),
    )
}

/// The type in which elements of another are folded.
fn working(dtype: DType) -> DType {
    if dtype == DType::F16 { DType::F32 } else { dtype }
}

/// What a reduction comes to, in the type of its result.
fn rounded(x: Scalar, dtype: DType) -> Scalar {
    if x.dtype() == dtype {
        return x;
    }
    let near = x.cast(dtype);
    if x.as_f64().is_finite() && !near.as_f64().is_finite() {
        status::raised("reduce", status::OVER);
    }
    near
}

/// `initial=` in the type of the result, which makes an integer of it as Python's `int` does.
pub(super) fn start_of(start: Scalar, dtype: DType) -> Result<Scalar> {
    let is_whole = !matches!(category(start.dtype()), TypeKind::Float | TypeKind::Complex);
    if category(dtype) == TypeKind::Float {
        return start.assigned(dtype);
    }
    if is_whole || !matches!(category(dtype), TypeKind::Signed | TypeKind::Unsigned) {
        return start.convert(dtype);
    }
    if category(start.dtype()) == TypeKind::Complex {
        let text = "int() argument must be a string, a bytes-like object or a real number, not 'complex'";
        return Err(Error::new(Kind::Type, text));
    }
    match start.as_f64() {
        x if x.is_nan() => Err(Error::new(Kind::Value, "cannot convert float NaN to integer")),
        x if x.is_infinite() => Err(Error::new(Kind::Overflow, "cannot convert float infinity to integer")),
        x => Ok(Scalar::PyInt(x as i128).convert(dtype)?),
    }
}

/// A sum by a number of elements.
fn over(sum: &Array, count: f64) -> Result<Array> {
    // NumPy's number of elements is an `int64`: where that makes a difference, its type is the wider one.
    let wide = match sum.dtype() {
        DType::F16 => DType::F64,
        DType::C64 => DType::C128,
        other => other,
    };
    let divide = || -> Result<Array> {
        let sum = if wide == sum.dtype() { sum } else { &sum.cast_to(wide) };
        Array::apply(Op::Divide, &[sum.into(), Scalar::PyFloat(count).into()])
    };
    let divide = || Ok(if wide == sum.dtype() { divide()? } else { divide()?.cast_to(sum.dtype()) });
    if sum.ndim() > 0 {
        return divide();
    }
    // Of two numbers, which NumPy calls by another name, unless it has to convert the sum for it.
    let is_complex = category(sum.dtype()) == TypeKind::Complex;
    if count == 0.0 || is_complex {
        let z = sum.item()?.as_c128();
        let bits = match (z.is_finite(), count == 0.0) {
            (true, true) if z.re == 0.0 && z.im == 0.0 => status::INVALID,
            (true, true) => status::DIVIDE,
            // A part that is infinite times the other one of the divisor, which is zero.
            (false, _) if is_complex && (z.re.is_infinite() || z.im.is_infinite()) => status::INVALID,
            _ => 0,
        };
        status::raised(if sum.dtype() == DType::C64 { "divide" } else { "scalar divide" }, bits);
    }
    let origin = Origin { site: site::current().site, policy: Policy::IGNORE };
    site::at(origin, divide)
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
        ReduceOp::Sum | ReduceOp::Prod => match category(dtype) {
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
    let is_inexact = |dtype| matches!(category(dtype), TypeKind::Float | TypeKind::Complex);
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
