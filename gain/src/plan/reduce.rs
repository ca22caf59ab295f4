//! Reductions over all axes or some, over all ranks.
//!
//! Each rank reduces its share; the shares are combined in the order of ranks, by every rank alike, so that the
//! result is bitwise the same everywhere. Over axes, an output that is spread along the operand's first axis is
//! computed by its owner; otherwise each rank makes a row of partial results, and a second pass reduces the rows.

use super::{Anchor, Fold, Numbers, Outcome, Pass, pending};
use crate::dtype::{Category, DType, Scalar, category};
use crate::error::Result;
use crate::exec::{Partial, identity};
use crate::kernels::flags;
use crate::memory::{Blocks, Storage, blocks_for, is_small};
use crate::ops::ReduceOp;
use crate::record::{Arg, Node};
use crate::session::{self, is_private};
use crate::status::{self, site};
use crate::view::{Dims, Strides, View, c_strides};
use smallvec::SmallVec;
use std::sync::Arc;

/// Reduce all elements of `value`, whose view has shape `shape`; floating-point exceptions are of `name`. Collective.
pub(crate) fn fold_all(op: ReduceOp, value: Arg, shape: &[usize], name: &'static str) -> Result<Partial> {
    if shape.contains(&0) {
        return Ok(Partial::empty(op));
    }
    let (value, shape) = match value {
        // All of a value in another shape: in its own it needn't be looked for.
        Arg::Node(node, view) if !op.is_index() && view.shape != node.shape && view.is_whole(node.len()) => {
            let shape = node.shape.clone();
            (Arg::whole(node), shape)
        }
        value => (value, SmallVec::from_slice(shape)),
    };
    let index = op.is_index().then(|| Numbers::Coordinates(View::contiguous(&shape)));
    let pass = Pass {
        shape,
        stores: Vec::new(),
        folds: vec![Fold { op, value, index, to: None, name, origin: site::current() }],
        anchor: Anchor::Operand,
        alone: is_private(),
        reshaped: false,
    };
    match pass.run()? {
        Outcome::Done { partials, shared } => {
            let mine = partials.first().copied().unwrap_or(Partial::empty(op));
            if !shared {
                return Ok(mine);
            }
            flags::clear();
            let shares = session::get().share(mine.words())?;
            let parts = shares.into_iter().map(|words| Partial::from_words(op, words));
            let total = parts.fold(Partial::empty(op), Partial::combine);
            // Every rank combines alike.
            if matches!(op, ReduceOp::Sum | ReduceOp::Prod) {
                status::raised(name, flags::read());
            }
            Ok(total)
        }
        Outcome::Hazard => unreachable!("a reduction overwrites nothing"),
    }
}

/// What a reduction over axes leaves: the values, and for `ArgMin`, `ArgMax` their indices along the axis (-1 where
/// no element was better than the start value, which then all of them equal).
pub(crate) struct Folded {
    pub(crate) values: Arc<Node>,
    pub(crate) indices: Option<Arc<Node>>,
}

/// Reduce `value`, of type `dtype` and shape `shape`, over the axes marked: now, or when it is wanted
/// ([`super::pending`]). Collective.
pub(crate) fn fold_axes(
    op: ReduceOp,
    value: Arg,
    dtype: DType,
    shape: &[usize],
    reduced: &[bool],
) -> Result<Folded> {
    let axis = reduced.iter().position(|&r| r);
    let index = op.is_index().then(|| {
        let strides: Strides = (0..shape.len()).map(|d| isize::from(Some(d) == axis)).collect();
        Numbers::Coordinates(View { offset: 0, shape: SmallVec::from_slice(shape), strides })
    });
    let kept: Dims = (0..shape.len()).filter(|&d| !reduced[d]).map(|d| shape[d]).collect();
    let size: usize = shape.iter().product();
    if let Some(values) = pending::deferred(op, &value, dtype, &kept, reduced)? {
        return Ok(Folded { values, indices: None });
    }
    let session = session::get();
    let by_owner = blocks_for(&kept).is_distributed() && !reduced[0];
    if session.size == 1 || by_owner || is_small(size) || is_private() {
        return fold_rows(op, value, dtype, shape, reduced, index);
    }
    // A row of partial results per rank.
    let len: usize = kept.iter().product();
    let mut rows: Dims = SmallVec::from_slice(&[session.size]);
    rows.extend_from_slice(&kept);
    let blocks = Blocks::distributed(&rows, session.size);
    let to = Totals::new(op, dtype, |bytes| Storage::with_blocks(blocks, bytes))?;
    let mut view = out_view(shape, reduced);
    view.offset = (session.rank * len) as isize;
    to.run(op, value, shape, index, view, Anchor::Operand)?;
    let Folded { values, indices } = to.folded(&rows, dtype);
    let mut first = SmallVec::<[bool; 4]>::from_elem(false, rows.len());
    first[0] = true;
    let index = indices.map(|node| Numbers::Stored(Arg::whole(node)));
    fold_rows(op, Arg::whole(values), dtype, &rows, &first, index)
}

/// Reduce over axes where each result is made by one rank, its owner, or by every rank.
fn fold_rows(
    op: ReduceOp,
    value: Arg,
    dtype: DType,
    shape: &[usize],
    reduced: &[bool],
    index: Option<Numbers>,
) -> Result<Folded> {
    let kept: Dims = (0..shape.len()).filter(|&d| !reduced[d]).map(|d| shape[d]).collect();
    let view = out_view(shape, reduced);
    let anchor = anchor(&kept, &view);
    let to = Totals::new(op, dtype, |bytes| Storage::new(&kept, bytes))?;
    to.run(op, value, shape, index, view, anchor)?;
    Ok(to.folded(&kept, dtype))
}

/// Where each element of the operand goes.
pub(super) fn out_view(shape: &[usize], reduced: &[bool]) -> View {
    let kept: Dims = (0..shape.len()).filter(|&d| !reduced[d]).map(|d| shape[d]).collect();
    let mut steps = c_strides(&kept).into_iter();
    let strides = reduced.iter().map(|&r| if r { 0 } else { steps.next().unwrap_or(0) }).collect();
    View { offset: 0, shape: SmallVec::from_slice(shape), strides }
}

/// Who makes results of this shape, where `view` says which comes of what.
pub(super) fn anchor(kept: &[usize], view: &View) -> Anchor {
    let blocks = blocks_for(kept);
    if blocks.is_distributed() { Anchor::Owner(blocks, view.clone()) } else { Anchor::Everyone }
}

/// Buffers that hold the identity.
struct Totals {
    values: Arc<Storage>,
    indices: Option<Arc<Storage>>,
}

impl Totals {
    fn new(op: ReduceOp, dtype: DType, make: impl Fn(usize) -> Result<Arc<Storage>>) -> Result<Totals> {
        let values = make(dtype.size_bytes())?;
        values.fill(start_value(op, dtype));
        let indices = if op.is_index() { Some(make(8)?) } else { None };
        if let Some(indices) = &indices {
            indices.fill(Scalar::I64(-1));
        }
        Ok(Totals { values, indices })
    }

    fn run(
        &self,
        op: ReduceOp,
        value: Arg,
        shape: &[usize],
        index: Option<Numbers>,
        view: View,
        anchor: Anchor,
    ) -> Result<()> {
        let to = Some((self.values.clone(), self.indices.clone(), view));
        Pass {
            shape: SmallVec::from_slice(shape),
            stores: Vec::new(),
            folds: vec![Fold { op, value, index, to, name: "reduce", origin: site::current() }],
            anchor,
            alone: is_private(),
            reshaped: false,
        }
        .run()
        .map(drop)
    }

    fn folded(self, shape: &[usize], dtype: DType) -> Folded {
        let dims = || SmallVec::from_slice(shape);
        Folded {
            values: Node::stored(dims(), dtype, self.values),
            indices: self.indices.map(|s| Node::stored(dims(), DType::I64, s)),
        }
    }
}

/// The value that changes nothing; for extremes, one that no element is worse than (NaN where that loses).
pub(crate) fn start_value(op: ReduceOp, dtype: DType) -> Scalar {
    use ReduceOp::*;
    match op {
        Sum | Any | Parity | Or | Xor => Scalar::zero(dtype),
        Prod | All => Scalar::one(dtype),
        And => Scalar::I64(-1).cast(dtype),
        // To a NaN any number is preferred, so it is also what is left of nothing but NaNs.
        FMin | FMax if matches!(category(dtype), Category::Float | Category::Complex) => identity(op, dtype),
        Min | FMin | ArgMin => extreme(dtype, true),
        Max | FMax | ArgMax => extreme(dtype, false),
    }
}

fn extreme(dtype: DType, largest: bool) -> Scalar {
    macro_rules! ends {
        ($($d:ident: $t:ty),*) => {
            match dtype {
                $(DType::$d => Scalar::$d(if largest { <$t>::MAX } else { <$t>::MIN }),)*
                DType::Bool => Scalar::Bool(largest),
                DType::F16 | DType::F32 | DType::F64 => {
                    Scalar::F64(if largest { f64::INFINITY } else { f64::NEG_INFINITY }).cast(dtype)
                }
                DType::C64 | DType::C128 => {
                    let end = if largest { f64::INFINITY } else { f64::NEG_INFINITY };
                    Scalar::C128(crate::dtype::Complex64::new(end, end)).cast(dtype)
                }
            }
        };
    }
    ends!(I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64)
}
