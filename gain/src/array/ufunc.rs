//! Operations, element by element: types and shapes are settled at the call, the work is recorded.
//!
//! Tiny replicated operands are computed at once, without a node of the graph.

use super::{Array, Operand, Options, ReduceOptions};
use crate::dtype::{Casting, DType, Kind as TypeKind, Scalar, can_cast, is_integer, kind, result_type};
use crate::error::{Error, Kind, Result, shape_text};
use crate::exec;
use crate::graph::{Arg, Expr, Node, WEIGHT_LIMIT};
use crate::ops::{Loop, Op, ReduceOp, check_output, resolve, resolve_values, resolve_with};
use crate::plan;
use crate::storage::Storage;
use crate::turn;
use crate::view::{Dims, broadcast_shapes};
use crate::world;
use smallvec::SmallVec;

/// Operands up to this size are computed at once.
const EAGER: usize = 2048;

impl Operand<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Operand::Array(a) => a.shape(),
            Operand::Scalar(_) => &[],
        }
    }

    fn size(&self) -> usize {
        match self {
            Operand::Array(a) => a.size(),
            Operand::Scalar(_) => 1,
        }
    }

    fn contributes(&self) -> crate::dtype::Operand {
        match self {
            Operand::Array(a) => a.dtype().into(),
            Operand::Scalar(x) => x.operand(),
        }
    }

    /// The operand as an argument over `shape`; numbers get the type `dtype`.
    fn arg(&self, shape: &[usize], dtype: DType) -> Result<Arg> {
        Ok(match self {
            Operand::Array(a) => Arg::Node(a.cell.get(), a.view.broadcast_to(shape)?),
            Operand::Scalar(x) => Arg::Const(x.convert(dtype)?),
        })
    }
}

/// # Operations
impl Array {
    /// A ufunc call: one array per output. With `out=` the result is a clone of that handle.
    pub fn ufunc(op: Op, operands: &[Operand<'_>], options: &Options<'_>) -> Result<SmallVec<[Array; 2]>> {
        let _turn = turn::take(op.name())?;
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
        let plain = options.out.iter().all(Option::is_none) && options.mask.is_none();
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
            && let Some(done) = eager(&op, operands)?
            && done.shape() == out.shape()
        {
            out.write(out.view.clone(), done.arg())?;
            return Ok(SmallVec::from_iter([Array::clone(out)]));
        }
        let mask_shape = options.mask.map(|m| m.shape());
        let mut shapes: SmallVec<[&[usize]; 4]> = operands.iter().map(Operand::shape).collect();
        shapes.extend(mask_shape);
        let shape = broadcast_shapes(&shapes)?;
        let shape = match options.out.iter().flatten().next() {
            Some(out) => output_shape(out.shape(), &shape)?,
            None => shape,
        };
        let args = record_args(&op, operands, &shape)?;
        let nodes: SmallVec<[_; 2]> = (0..op.op.outputs())
            .map(|output| {
                let expr = Expr::Map { op, output, args: args.clone() };
                Node::lazy(shape.clone(), op.outputs[output], expr)
            })
            .collect();
        let mut results = SmallVec::new();
        for (i, node) in nodes.into_iter().enumerate() {
            let out = options.out.get(i).copied().flatten();
            results.push(finish(node, out, options)?);
        }
        Ok(results)
    }

    /// A ufunc of one output without keywords: the short way for operators.
    #[inline]
    pub fn apply(op: Op, operands: &[Operand<'_>]) -> Result<Array> {
        let _turn = turn::take(op.name())?;
        let types: SmallVec<[_; 2]> = operands.iter().map(Operand::contributes).collect();
        let found = resolve(op, &types)?;
        if beyond(&found, operands) {
            let (found, typed) = resolve_values(op, &types, &numbers(operands), None, Casting::SameKind)?;
            return Array::elementwise(found, &with_numbers(operands, &typed));
        }
        Array::elementwise(found, operands)
    }

    fn elementwise(op: Loop, operands: &[Operand<'_>]) -> Result<Array> {
        if let Some(done) = eager(&op, operands)? {
            return Ok(done);
        }
        let shapes: SmallVec<[&[usize]; 2]> = operands.iter().map(Operand::shape).collect();
        let shape = broadcast_shapes(&shapes)?;
        let args = record_args(&op, operands, &shape)?;
        Ok(Array::from_node(Node::lazy(shape, op.outputs[0], Expr::Map { op, output: 0, args })))
    }

    /// `np.where(mask, if_true, if_false)`
    pub fn select(mask: &Array, if_true: Operand<'_>, if_false: Operand<'_>) -> Result<Array> {
        let _turn = turn::take("where")?;
        let dtype = result_type(&[if_true.contributes(), if_false.contributes()]);
        let shape = broadcast_shapes(&[mask.shape(), if_true.shape(), if_false.shape()])?;
        mask.bound()?;
        for operand in [&if_true, &if_false] {
            if let Operand::Array(array) = operand {
                array.bound()?;
            }
        }
        let mask = Operand::Array(&mask.cast_to(DType::Bool)).arg(&shape, DType::Bool)?;
        let arg = |operand: Operand<'_>| match operand {
            Operand::Scalar(x) => Ok(Arg::Const(x.wrapped(dtype)?)),
            array => array.arg(&shape, dtype),
        };
        let args = [arg(if_true)?, arg(if_false)?];
        Ok(Array::from_node(Node::lazy(shape, dtype, Expr::Select { mask, args })))
    }

    /// `self.astype(dtype)`: always a copy.
    pub fn astype(&self, dtype: DType, casting: Casting) -> Result<Array> {
        let _turn = turn::take("astype")?;
        if !can_cast(self.dtype(), dtype, casting) {
            return Err(Error::new(
                Kind::Type,
                format!(
                    "Cannot cast array data from dtype('{}') to dtype('{dtype}') according to the rule '{}'",
                    self.dtype(),
                    casting.name()
                ),
            ));
        }
        self.bound()?;
        Ok(self.cast_to(dtype))
    }

    /// `self.copy()`: costs nothing until one of the two is written.
    pub fn copy(&self) -> Result<Array> {
        let _turn = turn::take("copy")?;
        self.bound()?;
        Ok(self.cast_to(self.dtype()))
    }

    /// A copy that shares nothing.
    pub(super) fn fresh_copy(&self) -> Array {
        Array::from_node(Node::lazy(self.view.shape.clone(), self.dtype(), Expr::Cast(self.arg())))
    }

    /// A copy with elements of this type; shares the value where nothing changes.
    pub(crate) fn cast_to(&self, dtype: DType) -> Array {
        let node = self.cell.get();
        if dtype == node.dtype && self.view.shape == node.shape && self.view.is_whole(node.len()) {
            return Array::from_node(node);
        }
        Array::from_node(Node::lazy(self.view.shape.clone(), dtype, Expr::Cast(self.arg())))
    }
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

/// The arguments of a call, broadcast. Long expressions are stored first, so that none grows without bound.
fn record_args(op: &Loop, operands: &[Operand<'_>], shape: &Dims) -> Result<SmallVec<[Arg; 2]>> {
    if op.op == Op::Power && is_integer(op.outputs[0]) && !shape.contains(&0) {
        refuse_negative(&operands[1])?;
    }
    let args: SmallVec<[Arg; 2]> =
        operands.iter().enumerate().map(|(i, o)| o.arg(shape, op.inputs[i])).collect::<Result<_>>()?;
    let weight: u32 = args.iter().filter_map(Arg::node).map(|n| n.weight_now()).sum();
    if weight > WEIGHT_LIMIT {
        for node in args.iter().filter_map(Arg::node) {
            plan::force(node)?;
        }
    }
    Ok(args)
}

/// An error, and the same on all ranks, if an exponent is negative: the one thing that only values decide, and that
/// must be known at the call.
fn refuse_negative(exponent: &Operand<'_>) -> Result<()> {
    let is_negative = match exponent {
        Operand::Scalar(x) => x.as_f64() < 0.0,
        Operand::Array(a) if kind(a.dtype()) != TypeKind::Signed => false,
        Operand::Array(a) => {
            let below = Array::apply(Op::Less, &[(*a).into(), Operand::Scalar(Scalar::PyInt(0))])?;
            below.reduce(ReduceOp::Any, &ReduceOptions::default())?.item()?.as_bool()
        }
    };
    match is_negative {
        true => Err(Error::new(Kind::Value, "Integers to negative integer powers are not allowed.")),
        false => Ok(()),
    }
}

/// The shape of a call with `out=`: that of `out`, to which the operands must broadcast.
fn output_shape(out: &[usize], operands: &[usize]) -> Result<Dims> {
    let text = || {
        format!(
            "non-broadcastable output operand with shape {} doesn't match the broadcast shape {}",
            shape_text(out),
            shape_text(operands)
        )
    };
    match broadcast_shapes(&[out, operands]) {
        Ok(shape) if shape[..] == *out => Ok(shape),
        _ => Err(Error::new(Kind::Shape, text())),
    }
}

/// Apply `where=` and `out=` to a recorded result.
fn finish(node: std::sync::Arc<Node>, out: Option<&Array>, options: &Options<'_>) -> Result<Array> {
    let (dtype, shape) = (out.map_or(node.dtype, Array::dtype), node.shape.clone());
    let value = Arg::whole(node);
    let value = match options.mask {
        None => value,
        Some(mask) => {
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
            let mask = Operand::Array(mask).arg(&shape, DType::Bool)?;
            let keep = out.map_or(Arg::Const(Scalar::zero(dtype)), Array::arg);
            Arg::whole(Node::lazy(shape, dtype, Expr::Select { mask, args: [value, keep] }))
        }
    };
    match (out, value) {
        (Some(out), value) => {
            out.write(out.view.clone(), value)?;
            Ok(out.clone())
        }
        (None, Arg::Node(node, _)) => Ok(Array::from_node(node)),
        (None, Arg::Const(_)) => unreachable!("a recorded result is a node"),
    }
}

/// Compute now, if all operands are tiny, replicated, contiguous, of the loop's types and of one shape or one element.
#[inline]
fn eager(op: &Loop, operands: &[Operand<'_>]) -> Result<Option<Array>> {
    let mut shape: &[usize] = &[];
    for operand in operands {
        let own = operand.shape();
        if own.len() > shape.len() || own.len() == shape.len() && operand.size() > 1 {
            shape = own;
        }
    }
    let len: usize = shape.iter().product();
    if len > EAGER || len > world::get().threshold || op.op.outputs() != 1 {
        return Ok(None);
    }
    for (i, operand) in operands.iter().enumerate() {
        if let Operand::Array(a) = operand {
            let ready = a.dtype() == op.inputs[i]
                && (a.shape() == shape || a.size() == 1)
                && a.view.is_contiguous()
                && a.cell.peek(|n| n.storage().is_some_and(|s| !s.blocks().is_distributed()));
            if !ready {
                return Ok(None);
            }
        }
    }
    let mut numbers: SmallVec<[[u8; 16]; 2]> = SmallVec::new();
    for (i, operand) in operands.iter().enumerate() {
        numbers.push(match operand {
            Operand::Scalar(x) => x.convert(op.inputs[i])?.bytes(),
            Operand::Array(_) => [0; 16],
        });
    }
    let mut held: SmallVec<[std::sync::Arc<Storage>; 2]> = SmallVec::new();
    let mut inputs: SmallVec<[(*const u8, usize); 2]> = SmallVec::new();
    for (i, operand) in operands.iter().enumerate() {
        match operand {
            Operand::Scalar(_) => inputs.push((numbers[i].as_ptr(), 0)),
            Operand::Array(a) => {
                let storage = a.cell.peek(|n| n.storage().cloned()).expect("seen above");
                let step = if a.size() == 1 { 0 } else { storage.item_bytes() };
                inputs.push((storage.address(0, a.view.offset), step));
                held.push(storage);
            }
        }
    }
    let out = Storage::replicated(len, op.outputs[0].size_bytes())?;
    // SAFETY: each input is `len` elements of the loop's type in a replicated buffer that `held` keeps alive (the
    // view is contiguous and inside it), or one element with step 0; the output is a new buffer of `len` elements.
    // Replicated memory is written by operations of this process only, and it is this thread's turn.
    unsafe { exec::apply(op, len, &inputs, &[out.local()]) }?;
    let node = Node::stored(SmallVec::from_slice(shape), op.outputs[0], out);
    Ok(Some(Array::from_node(node)))
}
