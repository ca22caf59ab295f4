//! The peephole step of compilation: superinstructions and folds.
//!
//! Works on values used once, so that nothing is computed twice, and never changes an order of operations.

use super::builder::{Builder, Output, Parts, Source, Val};
use crate::dtype::DType;
use crate::kernels::flags::Report;
use crate::kernels::fused::{self, Step};
use crate::kernels::{Kernel, count, reduce};
use crate::ops::{Op, ReduceOp};
use smallvec::{SmallVec, smallvec};

/// The kernel of a reduction and what it reads.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kernel: Kernel,
    pub(super) args: SmallVec<[Val; 2]>,
}

/// How often each value is read, counting only what outputs need.
pub(super) fn count_uses(nodes: &[Source], outputs: &[Output]) -> Vec<usize> {
    let mut uses = vec![0; nodes.len()];
    for output in outputs {
        let (Output::Store(value) | Output::Reduce { value, .. }) = *output;
        uses[value.index()] += 1;
    }
    count_from(nodes, uses)
}

/// Adds to the given uses those by arguments of needed nodes; a second output keeps its operation alive.
pub(super) fn count_from(nodes: &[Source], mut uses: Vec<usize>) -> Vec<usize> {
    for i in (0..nodes.len()).rev() {
        if uses[i] == 0 {
            continue;
        }
        match &nodes[i] {
            Source::Apply { args, .. } => args.iter().for_each(|arg| uses[arg.index()] += 1),
            Source::Second(of) => uses[of.index()] += 1,
            Source::Leaf(_) | Source::Const(_) => {}
        }
    }
    uses
}

/// Rewrites the nodes in place and returns a fold per reduction.
pub(super) fn fuse(builder: &mut Builder, outputs: &[Output]) -> Vec<Fold> {
    let mut uses = count_uses(&builder.nodes, outputs);
    let mut folds = Vec::new();
    for output in outputs {
        if let Output::Reduce { op, value, axes, .. } = *output {
            folds.push(fold(builder, &mut uses, op, value, axes));
        }
    }
    for i in (0..builder.nodes.len()).rev() {
        if uses[i] > 0 {
            superinstruction(builder, &mut uses, i);
        }
    }
    folds
}

/// The step and operands of an addition, subtraction or multiplication of floats.
fn arithmetic(builder: &Builder, value: Val) -> Option<(Step, Val, Val)> {
    let Source::Apply { op: Some(op), args, .. } = &builder.nodes[value.index()] else { return None };
    if !matches!(builder.dtype(value), DType::F32 | DType::F64) {
        return None;
    }
    let step = match op.op {
        Op::Add => Step::Add,
        Op::Subtract => Step::Sub,
        Op::Multiply => Step::Mul,
        Op::Square => return Some((Step::Mul, args[0], args[0])),
        _ => return None,
    };
    Some((step, args[0], args[1]))
}

/// As [`arithmetic`], for a value nobody else reads.
fn inner(builder: &Builder, uses: &[usize], value: Val) -> Option<(Step, Val, Val)> {
    if uses[value.index()] == 1 { arithmetic(builder, value) } else { None }
}

/// The step seen from the right operand: `x - value` takes `value` first.
fn from_right(step: Step) -> Step {
    if step == Step::Sub { Step::SubFrom } else { step }
}

/// A step whose left operand is itself a step nobody else reads, either way round.
fn chain(builder: &Builder, uses: &[usize], step: Step, x: Val, y: Val) -> Option<(Step, Val, Val)> {
    if x == y {
        None
    } else if inner(builder, uses, x).is_some() {
        Some((step, x, y))
    } else if inner(builder, uses, y).is_some() {
        Some((from_right(step), y, x))
    } else {
        None
    }
}

/// Replaces the value at `i` by the longest superinstruction that ends there.
fn superinstruction(builder: &mut Builder, uses: &mut [usize], i: usize) {
    let value = Val(i as u32);
    let Some((last, x, y)) = arithmetic(builder, value) else { return };
    let dtype = builder.dtype(value);
    if weighted_pairs(builder, uses, value).is_some() {
        return;
    }
    let (left, right) = (inner(builder, uses, x), inner(builder, uses, y));
    if let (Some((p, a, b)), Some((q, c, d)), true) = (left, right, x != y) {
        if let Some(kernel) = fused::pair(dtype, p, q, last) {
            replace(builder, uses, i, kernel, &[x, y], smallvec![a, b, c, d]);
        }
        return;
    }
    let Some((r, x, d)) = chain(builder, uses, last, x, y) else { return };
    let Some((q, x2, c)) = arithmetic(builder, x) else { return };
    if let Some((q, x3, c)) = chain(builder, uses, q, x2, c)
        && let Some((p, a, b)) = arithmetic(builder, x3)
        && let Some(kernel) = fused::chain3(dtype, p, q, r)
    {
        return replace(builder, uses, i, kernel, &[x, x3], smallvec![a, b, c, d]);
    }
    if let Some(kernel) = fused::chain2(dtype, q, r) {
        replace(builder, uses, i, kernel, &[x], smallvec![x2, c, d]);
    }
}

/// A sum of two values nobody else reads times a constant: operands and step, constant, and the inner value.
fn weighted(builder: &Builder, uses: &[usize], value: Val) -> Option<(Step, [Val; 3], Val)> {
    let (Step::Mul, x, y) = inner(builder, uses, value)? else { return None };
    let (sum, weight) = if is_const(builder, y) { (x, y) } else { (y, x) };
    let (step, a, b) = inner(builder, uses, sum)?;
    (is_const(builder, weight) && step != Step::Mul).then_some((step, [a, b, weight], sum))
}

/// Turns `(a + b) v + (c + d) w`, or that times a constant, into one kernel.
fn weighted_pairs(builder: &mut Builder, uses: &mut [usize], value: Val) -> Option<()> {
    let (mut step, mut x, mut y) = arithmetic(builder, value)?;
    let mut gone: SmallVec<[Val; 8]> = SmallVec::new();
    let mut scale = None;
    if step == Step::Mul {
        let (sum, factor) = if is_const(builder, y) { (x, y) } else { (y, x) };
        if !is_const(builder, factor) {
            return None;
        }
        (step, x, y) = inner(builder, uses, sum)?;
        scale = Some(factor);
        gone.push(sum);
    }
    let (p, [a, b, v], first) = weighted(builder, uses, x)?;
    let (q, [c, d, w], second) = weighted(builder, uses, y)?;
    let kernel = fused::weighted_pairs(builder.dtype(value), p, q, step, scale.is_some())?;
    gone.extend([x, y, first, second]);
    let args = smallvec![a, b, v, c, d, w, scale.unwrap_or(v)];
    replace(builder, uses, value.index(), kernel, &gone, args);
    Some(())
}

fn is_const(builder: &Builder, value: Val) -> bool {
    matches!(builder.nodes[value.index()], Source::Const(_))
}

/// Source `i` becomes one kernel on `args`; the values in `gone` are no longer computed.
fn replace(
    builder: &mut Builder,
    uses: &mut [usize],
    i: usize,
    kernel: Kernel,
    gone: &[Val],
    args: SmallVec<[Val; 4]>,
) {
    for value in gone {
        uses[value.index()] = 0;
    }
    Parts::record(builder, i, gone, false);
    builder.nodes[i] = Source::Apply { op: None, kernel, args, report: Report::Exact };
}

/// The kernel that reduces `value`, with a product or squared difference folded into a sum.
fn fold(builder: &mut Builder, uses: &mut [usize], op: ReduceOp, value: Val, axes: bool) -> Fold {
    let dtype = builder.dtype(value);
    let plain = reduce::row(op, dtype).unwrap_or_else(|| panic!("{op:?} of {dtype}"));
    let plain = Fold { kernel: plain, args: smallvec![value] };
    if axes || op != ReduceOp::Sum {
        return plain;
    }
    if let Some(bools) = counted(builder, uses, value) {
        uses[value.index()] = 0;
        return Fold { kernel: count::kernel(), args: smallvec![bools] };
    }
    let Some((Step::Mul, x, y)) = inner(builder, uses, value) else { return plain };
    let Some(products) = reduce::sum_of_products(dtype) else { return plain };
    uses[value.index()] = 0;
    let product = value;
    let reads = if is_square(builder, value) { 1 } else { 2 };
    if x == y
        && uses[x.index()] == reads
        && let Some((Step::Sub, a, b)) = arithmetic(builder, x)
        && let Some(kernel) = reduce::sum_of_squared_differences(dtype)
    {
        uses[x.index()] = 0;
        Parts::record(builder, product.index(), &[x], true);
        return Fold { kernel, args: smallvec![a, b] };
    }
    Parts::record(builder, product.index(), &[], true);
    Fold { kernel: products, args: smallvec![x, y] }
}

/// The bools that a value nobody else reads is the `i64` of: an operation of one argument without a name is a cast.
fn counted(builder: &Builder, uses: &[usize], value: Val) -> Option<Val> {
    match &builder.nodes[value.index()] {
        Source::Apply { op: None, args, .. } if args.len() == 1 && uses[value.index()] == 1 => {
            let types = (builder.dtype(args[0]), builder.dtype(value));
            (types == (DType::Bool, DType::I64)).then_some(args[0])
        }
        _ => None,
    }
}

fn is_square(builder: &Builder, value: Val) -> bool {
    matches!(&builder.nodes[value.index()], Source::Apply { args, .. } if args.len() == 1)
}
