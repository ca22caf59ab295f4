//! Operations, element by element: types and shapes are settled at the call, the work is recorded.
//!
//! Few elements are computed at once (see [`direct`]).

use super::{Array, Operand, Options, ReduceOptions, direct};
use crate::dtype::{
    Casting, Category as TypeKind, DType, Scalar, can_cast, category, is_integer, result_type,
};
use crate::error::{Error, Kind, Result, shape_text};
use crate::exec;
use crate::ops::{Loop, Op, ReduceOp, check_output, resolve, resolve_values, resolve_with};
use crate::plan;
use crate::record::{Arg, Expr, Node, WEIGHT_LIMIT};
use crate::session;
use crate::status;
use crate::status::site;
use crate::view::{Dims, Layout, View, broadcast_shapes, order};
use smallvec::SmallVec;
use std::sync::Arc;

impl<'a> Operand<'a> {
    pub(super) fn shape(&self) -> &'a [usize] {
        match self {
            Operand::Array(a) => a.shape(),
            Operand::Scalar(_) => &[],
        }
    }

    pub(super) fn array(&self) -> Option<&'a Array> {
        match self {
            Operand::Array(a) => Some(a),
            Operand::Scalar(_) => None,
        }
    }

    pub(super) fn view(&self) -> Option<&'a View> {
        self.array().map(|array| &array.view)
    }

    fn contributes(&self) -> crate::dtype::Contribution {
        match self {
            Operand::Array(a) => a.dtype().into(),
            Operand::Scalar(x) => x.operand(),
        }
    }

    /// The operand as an argument over `shape`; numbers get the type `dtype`.
    pub(super) fn arg(&self, shape: &[usize], dtype: DType) -> Result<Arg> {
        Ok(match self {
            Operand::Array(a) => {
                status::converts(a.dtype(), dtype);
                match a.arg() {
                    Arg::Node(node, view) if view.shape[..] != *shape => {
                        Arg::Node(node, view.broadcast_to(shape)?)
                    }
                    arg => arg,
                }
            }
            Operand::Scalar(x) => Arg::Const(status::converted(*x, x.convert(dtype)?)),
        })
    }
}

/// # Operations
impl Array {
    /// A ufunc call: one array per output. With `out=` the result is a clone of that handle.
    pub fn ufunc(op: Op, operands: &[Operand<'_>], options: &Options<'_>) -> Result<SmallVec<[Array; 2]>> {
        let _turn = session::take_turn(op.name())?;
        if operands.len() != op.inputs() {
            return Err(Error::new(
                Kind::Type,
                format!("{}() takes {} arguments, {} given", op.name(), op.inputs(), operands.len()),
            ));
        }
        let types: SmallVec<[_; 2]> = operands.iter().map(Operand::contributes).collect();
        let op = match (options.dtype, options.casting) {
            (None, Casting::SameKind) => resolve(op, &types)?,
            (dtype, casting) => resolve_with(op, &types, dtype, casting)?,
        };
        if beyond(&op, operands) {
            let (values, dtype, casting) = (numbers(operands), options.dtype, options.casting);
            let (_, typed) = resolve_values(op.op, &types, &values, dtype, casting)?;
            // Typed numbers are compared exactly whatever the array's type: `dtype=` has had its say.
            let options = Options { dtype: None, casting: Casting::SameKind, ..*options };
            return Array::ufunc(op.op, &with_numbers(operands, &typed), &options);
        }
        let plain =
            options.out.iter().all(Option::is_none) && options.mask.is_none() && options.order == Layout::K;
        if plain && op.op.outputs() == 1 {
            return Ok(SmallVec::from_iter([Array::elementwise(op, operands)?]));
        }
        for (i, out) in options.out.iter().enumerate() {
            if let Some(out) = out {
                check_output(&op, i, out.dtype(), options.casting)?;
            }
        }
        if let ([Some(out)], None, 1) = (options.out, options.mask, op.op.outputs())
            && op.outputs[0] == out.dtype()
            && has_shape(operands, out.shape())
            && let Some(done) = direct::operation(&op, operands)?
        {
            out.write(out.view.clone(), done.arg())?;
            return Ok(SmallVec::from_iter([Array::clone(out)]));
        }
        let mask_shape = options.mask.map(|m| m.shape());
        let mut shapes: SmallVec<[&[usize]; 4]> = operands.iter().map(Operand::shape).collect();
        shapes.extend(mask_shape);
        // (As NumPy lists them.)
        let mut all: SmallVec<[&[usize]; 4]> = operands.iter().map(Operand::shape).collect();
        all.extend(options.out.iter().flatten().map(|out| out.shape()));
        all.extend(mask_shape);
        let shape =
            broadcast_shapes(&shapes).map_err(|error| broadcast_shapes(&all).err().unwrap_or(error))?;
        let shape = match options.out.iter().flatten().next() {
            Some(out) => output_shape(out.shape(), &shape, &all)?,
            None => shape,
        };
        let mut views = views(operands);
        views.extend(options.mask.map(|m| &m.view));
        views.extend(options.out.iter().flatten().map(|out| &out.view));
        let is_fortran = |o: &Operand<'_>| !matches!(o, Operand::Array(a) if !a.is_fortran());
        let layout = match options.order {
            Layout::A if operands.iter().all(is_fortran) => Layout::F,
            other => other,
        };
        let order = order::of_result(layout, shape.len(), &views);
        let mask = options.mask.map(|mask| mask_of(mask, &shape)).transpose()?;
        // What goes to an array of another type the operation itself converts: exceptions of that are its own.
        let dtypes: SmallVec<[DType; 2]> = (0..op.op.outputs())
            .map(|i| options.out.get(i).copied().flatten().map_or(op.outputs[i], Array::dtype))
            .collect();
        let converts = dtypes[..] != op.outputs[..dtypes.len()];
        op.outputs.iter().zip(&dtypes).for_each(|(&from, &to)| status::converts(from, to));
        let args = record_args(&op, operands, &shape, mask.as_ref(), converts)?;
        let (shape, args) = ordered(shape, args, order.as_deref());
        let mask = mask.map(|mask| in_order(mask, order.as_deref()));
        let nodes = match op.op.outputs() {
            1 => {
                SmallVec::from_iter([Node::lazy(shape.clone(), dtypes[0], Expr::Map { op, output: 0, args })])
            }
            _ => Node::outputs(&shape, op, &args, &dtypes),
        };
        if nodes.len() > 1 {
            // None may be delivered to memory that another one is computed from.
            nodes.iter().filter(|node| node.is_volatile()).try_for_each(plan::force)?;
        }
        let mut results = SmallVec::new();
        for (i, node) in nodes.into_iter().enumerate() {
            let out = options.out.get(i).copied().flatten();
            results.push(finish(node, out, mask.clone(), order.as_deref())?);
        }
        Ok(results)
    }

    /// A ufunc of one output without keywords: the short way for operators.
    #[inline]
    pub fn apply(op: Op, operands: &[Operand<'_>]) -> Result<Array> {
        let _turn = session::take_turn(op.name())?;
        // (Pushed one by one, which is half the time of collecting them.)
        let mut types: SmallVec<[_; 2]> = SmallVec::new();
        operands.iter().for_each(|operand| types.push(operand.contributes()));
        let found = resolve(op, &types)?;
        if beyond(&found, operands) {
            let (found, typed) = resolve_values(op, &types, &numbers(operands), None, Casting::SameKind)?;
            return Array::elementwise(found, &with_numbers(operands, &typed));
        }
        Array::elementwise(found, operands)
    }

    fn elementwise(op: Loop, operands: &[Operand<'_>]) -> Result<Array> {
        match direct::operation(&op, operands)? {
            Some(done) => Ok(done),
            None => Array::deferred(op, operands),
        }
    }

    #[inline(never)]
    fn deferred(op: Loop, operands: &[Operand<'_>]) -> Result<Array> {
        let mut shapes: SmallVec<[&[usize]; 2]> = SmallVec::new();
        operands.iter().for_each(|operand| shapes.push(operand.shape()));
        let shape = broadcast_shapes(&shapes)?;
        let args = record_args(&op, operands, &shape, None, false)?;
        let is_c = |o: &Operand<'_>| !matches!(o, Operand::Array(a) if !a.view.is_c_ordered());
        if operands.iter().all(is_c) {
            return Array::recorded(
                Node::lazy(shape, op.outputs[0], Expr::Map { op, output: 0, args }),
                None,
            );
        }
        let order = order::of_result(Layout::K, shape.len(), &views(operands));
        let (shape, args) = ordered(shape, args, order.as_deref());
        let node = Node::lazy(shape, op.outputs[0], Expr::Map { op, output: 0, args });
        Array::recorded(node, order.as_deref())
    }

    /// `np.where(mask, if_true, if_false)`
    pub fn select(mask: &Array, if_true: Operand<'_>, if_false: Operand<'_>) -> Result<Array> {
        let _turn = session::take_turn("where")?;
        let dtype = result_type(&[if_true.contributes(), if_false.contributes()]);
        let typed = |operand| match operand {
            Operand::Scalar(x) => Ok::<_, Error>(Operand::Scalar(x.wrapped(dtype)?)),
            array => Ok(array),
        };
        let tested;
        let mask = if mask.dtype() == DType::Bool {
            mask
        } else {
            tested = mask.cast_to(DType::Bool);
            &tested
        };
        Array::elementwise(Loop::choice(dtype), &[mask.into(), typed(if_true)?, typed(if_false)?])
    }

    /// `self.astype(dtype)`: always a copy, in the array's own order.
    pub fn astype(&self, dtype: DType, casting: Casting) -> Result<Array> {
        self.astype_in(dtype, casting, Layout::K)
    }

    /// `self.astype(dtype, order)`
    pub fn astype_in(&self, dtype: DType, casting: Casting, layout: Layout) -> Result<Array> {
        let _turn = session::take_turn("astype")?;
        if !can_cast(self.dtype(), dtype, casting) {
            return Err(Error::new(
                Kind::Type,
                format!(
                    "Cannot cast {} from dtype('{}') to dtype('{dtype}') according to the rule '{}'",
                    if self.ndim() == 0 { "scalar" } else { "array data" },
                    self.dtype(),
                    casting.name()
                ),
            ));
        }
        self.laid_out(dtype, layout)
    }

    /// `self.copy()`, in C order: costs nothing until one of the two is written.
    pub fn copy(&self) -> Result<Array> {
        self.copy_in(Layout::C)
    }

    /// `self.copy(order)`
    pub fn copy_in(&self, layout: Layout) -> Result<Array> {
        let _turn = session::take_turn("copy")?;
        self.laid_out(self.dtype(), layout)
    }

    /// A copy with elements of this type, in this order.
    pub(super) fn laid_out(&self, dtype: DType, layout: Layout) -> Result<Array> {
        let is_c = self.is_contiguous() && matches!(layout, Layout::C | Layout::K);
        let order = if is_c { None } else { self.order(layout) };
        if let Some(done) = direct::copied(self, dtype, order.as_deref()) {
            return Ok(done);
        }
        self.bound()?;
        Array::recorded(self.by_order(order.as_deref()).c_ordered(dtype), order.as_deref())
    }

    /// A copy with elements of this type, in the array's own order; shares the value where nothing changes.
    pub(crate) fn cast_to(&self, dtype: DType) -> Array {
        let order = if self.is_contiguous() { None } else { self.order(Layout::K) };
        if let Some(done) = direct::copied(self, dtype, order.as_deref()) {
            return done;
        }
        Array::from_node_in(self.by_order(order.as_deref()).c_ordered(dtype), order.as_deref())
    }

    /// The value of such a copy, in C order.
    fn c_ordered(&self, dtype: DType) -> Arc<Node> {
        let node = self.cell.get();
        let is_whole = self.view.shape == node.shape && self.view.is_whole(node.len());
        if dtype == node.dtype && self.lens.is_none() && is_whole {
            return node;
        }
        status::converts(self.dtype(), dtype);
        Node::lazy(self.view.shape.clone(), dtype, Expr::Cast(self.arg()))
    }
}

/// Whether operands broadcast to this shape.
fn has_shape(operands: &[Operand<'_>], shape: &[usize]) -> bool {
    let shapes: SmallVec<[&[usize]; 4]> = operands.iter().map(Operand::shape).collect();
    broadcast_shapes(&shapes).is_ok_and(|found| found[..] == *shape)
}

/// Whether an integer comparison is with a Python number that the loop's type can't hold: true or false of all elements.
#[inline]
fn beyond(op: &Loop, operands: &[Operand<'_>]) -> bool {
    let is_comparison = op.outputs[0] == DType::Bool && operands.len() == 2 && is_integer(op.inputs[0]);
    is_comparison
        && operands.iter().zip(op.inputs).any(|(operand, dtype)| {
            matches!(operand, Operand::Scalar(x @ Scalar::PyInt(_)) if x.convert(dtype).is_err())
        })
}

/// The numbers among two operands.
fn numbers(operands: &[Operand<'_>]) -> SmallVec<[Option<Scalar>; 2]> {
    operands.iter().map(|o| if let Operand::Scalar(x) = o { Some(*x) } else { None }).collect()
}

/// The operands with these numbers in the place of theirs.
fn with_numbers<'a>(operands: &[Operand<'a>], numbers: &[Option<Scalar>]) -> SmallVec<[Operand<'a>; 2]> {
    operands.iter().zip(numbers).map(|(o, x)| x.map_or(*o, Operand::Scalar)).collect()
}

/// `where=`, broadcast.
fn mask_of(mask: &Array, shape: &Dims) -> Result<Arg> {
    if mask.dtype() != DType::Bool {
        return Err(Error::new(
            Kind::Type,
            format!(
                "Cannot cast array data from dtype('{}') to dtype('bool') according to the rule 'safe'",
                mask.dtype()
            ),
        ));
    }
    mask.bound()?;
    Operand::Array(mask).arg(shape, DType::Bool)
}

/// An argument that no operation takes exception to.
fn harmless(op: Op, dtype: DType) -> Arg {
    Arg::Const(if op == Op::Arctanh { Scalar::zero(dtype) } else { Scalar::one(dtype) })
}

/// The arguments of a call, broadcast; where the mask doesn't hold they are nothing to take exception to. Long expressions are stored
/// first, so that none grows without bound, and so are short arrays that are repeated many times.
fn record_args(
    op: &Loop,
    operands: &[Operand<'_>],
    shape: &Dims,
    mask: Option<&Arg>,
    converts: bool,
) -> Result<SmallVec<[Arg; 2]>> {
    // (No unsigned type holds a negative number: converting it is an error of its own.)
    let is_integer_power = op.op == Op::Power && category(op.outputs[0]) == TypeKind::Signed;
    if is_integer_power && !shape.contains(&0) {
        refuse_negative(&operands[1], shape, mask)?;
    }
    let (mut args, mut weight) = (SmallVec::<[Arg; 2]>::new(), 0);
    for (operand, &dtype) in operands.iter().zip(&op.inputs) {
        let arg = operand.arg(shape, dtype)?;
        weight += arg.node().map_or(0, |node| node.weight_now());
        args.push(arg);
    }
    if weight > 0 {
        let len = shape.iter().product();
        for node in args.iter().filter_map(Arg::node) {
            if weight > WEIGHT_LIMIT || plan::is_little(node, len) {
                plan::force(node)?;
            }
        }
    }
    if let Some(mask) = mask
        && (is_integer_power
            || site::current().policy.wanted() != 0 && (converts || exec::has_exceptions(op)))
    {
        for (arg, dtype) in args.iter_mut().zip(op.inputs) {
            let args = [arg.clone(), harmless(op.op, dtype)];
            let chosen = Expr::choice(mask.clone(), args, dtype);
            *arg = Arg::whole(Node::lazy(shape.clone(), dtype, chosen));
        }
    }
    Ok(args)
}

/// An error, and the same on all ranks, if an exponent is negative: the one thing that only values decide, and that
/// must be known at the call.
fn refuse_negative(exponent: &Operand<'_>, shape: &Dims, mask: Option<&Arg>) -> Result<()> {
    let is_negative = match exponent {
        Operand::Scalar(x) if x.as_f64() >= 0.0 => false,
        Operand::Scalar(_) => mask.map_or(Ok(true), |mask| any(mask.clone(), shape))?,
        Operand::Array(a) if category(a.dtype()) != TypeKind::Signed => false,
        Operand::Array(a) => {
            let below = Array::apply(Op::Less, &[(*a).into(), Operand::Scalar(Scalar::PyInt(0))])?;
            match mask {
                None => below.reduce(ReduceOp::Any, &ReduceOptions::default())?.item()?.as_bool(),
                Some(mask) => {
                    let below = Operand::Array(&below).arg(shape, DType::Bool)?;
                    let args = [below, Arg::Const(Scalar::Bool(false))];
                    let chosen = Expr::choice(mask.clone(), args, DType::Bool);
                    any(Arg::whole(Node::lazy(shape.clone(), DType::Bool, chosen)), shape)?
                }
            }
        }
    };
    match is_negative {
        true => Err(Error::new(Kind::Value, "Integers to negative integer powers are not allowed.")),
        false => Ok(()),
    }
}

/// Whether a bool holds anywhere.
fn any(value: Arg, shape: &Dims) -> Result<bool> {
    let found = plan::fold_all(ReduceOp::Any, value, shape, "reduce")?;
    Ok(found.finish(DType::Bool).is_some_and(Scalar::as_bool))
}

/// The shape of a call with `out=`: that of `out`, to which the operands must broadcast.
fn output_shape(out: &[usize], operands: &[usize], all: &[&[usize]]) -> Result<Dims> {
    match broadcast_shapes(&[out, operands]) {
        Ok(shape) if shape[..] == *out => Ok(shape),
        Ok(shape) => Err(Error::new(
            Kind::Shape,
            format!(
                "non-broadcastable output operand with shape {} doesn't match the broadcast shape {}",
                shape_text(out),
                shape_text(&shape)
            ),
        )),
        Err(error) => Err(broadcast_shapes(all).err().unwrap_or(error)),
    }
}

/// The operands' views.
fn views<'a>(operands: &[Operand<'a>]) -> SmallVec<[&'a View; 4]> {
    operands.iter().filter_map(Operand::view).collect()
}

/// An operand of what is recorded with its axes in this order.
fn in_order(arg: Arg, order: Option<&[usize]>) -> Arg {
    match (arg, order) {
        (Arg::Node(node, view), Some(order)) => Arg::Node(node, view.permute(order)),
        (arg, _) => arg,
    }
}

/// Shape and operands of what is recorded with its axes in this order.
#[inline]
fn ordered(shape: Dims, args: SmallVec<[Arg; 2]>, order: Option<&[usize]>) -> (Dims, SmallVec<[Arg; 2]>) {
    let Some(axes) = order else { return (shape, args) };
    let args = args.into_iter().map(|arg| in_order(arg, order)).collect();
    (axes.iter().map(|&a| shape[a]).collect(), args)
}

/// Apply `where=` and `out=` to a recorded result; it and the mask have their axes in this order.
fn finish(node: Arc<Node>, out: Option<&Array>, mask: Option<Arg>, order: Option<&[usize]>) -> Result<Array> {
    let (dtype, shape) = (node.dtype, node.shape.clone());
    let value = Arg::whole(node);
    let value = match mask {
        None => value,
        Some(mask) => {
            let keep = in_order(out.map_or(Arg::Const(Scalar::zero(dtype)), Array::arg), order);
            Arg::whole(Node::lazy(shape, dtype, Expr::choice(mask, [value, keep], dtype)))
        }
    };
    match (out, value) {
        (Some(out), value) => {
            let back = order.map(order::inverse);
            out.write(out.view.clone(), in_order(value, back.as_deref()))?;
            Ok(out.clone())
        }
        (None, Arg::Node(node, _)) => Array::recorded(node, order),
        (None, Arg::Const(_)) => unreachable!("a recorded result is a node"),
    }
}
