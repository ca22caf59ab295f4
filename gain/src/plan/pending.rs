//! Folds over axes that are made when they are wanted, several by one pass.
//!
//! A fold of what is computed from much smaller arrays (forces between all pairs, say) is recorded only: it keeps nothing
//! large in memory, and what others like it compute on the way, the pass that makes the first of them computes once for
//! all. Nothing small is left to be computed below it, so that such a pass needs no other one before.
//!
//! Several ranks make theirs at the call: one of them may look at it alone.

use super::reduce::{anchor, out_view, start_value};
use super::{Fold, Pass, force};
use crate::dtype::DType;
use crate::error::Result;
use crate::memory::Storage;
use crate::ops::ReduceOp;
use crate::record::{Arg, Expr, Node};
use crate::session::{self, is_private};
use crate::status::site;
use crate::view::View;
use smallvec::SmallVec;
use std::any::Any;
use std::sync::Arc;

/// Fewer elements cost little.
const WORTH: usize = 1 << 15;

/// What is little has so many times fewer elements.
const SHARE: usize = 16;

/// Folds of one pass.
const TOGETHER: usize = 8;

/// Whether a value is little beside `len` elements that are computed from it: then it is stored rather than computed again
/// and again, and nothing is lost by keeping it.
pub(crate) fn is_little(node: &Node, len: usize) -> bool {
    len >= WORTH && node.len() <= len / SHARE && !node.is_formula()
}

/// The fold of `value` over the axes marked, which leaves `kept`, recorded if that is to be.
pub(super) fn deferred(
    op: ReduceOp,
    value: &Arg,
    dtype: DType,
    kept: &[usize],
    reduced: &[bool],
) -> Result<Option<Arc<Node>>> {
    let session = session::get();
    let Arg::Node(node, view) = value else { return Ok(None) };
    let size = view.size();
    let is_fit = session.size == 1
        && !is_private()
        && !op.is_index()
        && !site::current().policy.raises()
        && !node.is_volatile();
    let mut below = Below { len: size, ..Below::default() };
    if !is_fit || !below.reads_little(node) {
        return Ok(None);
    }
    below.little.iter().try_for_each(force)?;
    let expr = Expr::Fold { op, value: value.clone(), reduced: SmallVec::from_slice(reduced) };
    let node = Node::folded(SmallVec::from_slice(kept), dtype, expr);
    let weak = Arc::downgrade(&node);
    session.pending.add(weak);
    Ok(Some(node))
}

/// What a value is computed from.
#[derive(Default)]
struct Below {
    /// Elements that are folded.
    len: usize,
    /// The large values, all of them lazy.
    large: Vec<Arc<Node>>,
    /// The others.
    little: Vec<Arc<Node>>,
}

impl Below {
    /// Whether nothing large is stored, nor to be stored, for this value.
    fn reads_little(&mut self, node: &Arc<Node>) -> bool {
        if node.is_formula() || self.large.iter().chain(&self.little).any(|met| Arc::ptr_eq(met, node)) {
            return true;
        }
        if is_little(node, self.len) {
            self.little.push(node.clone());
            return true;
        }
        let Some(expr) = node.expr() else { return false };
        let is_stored_first = matches!(*expr, Expr::Patch { .. } | Expr::Lens { .. } | Expr::Fold { .. });
        self.large.push(node.clone());
        !is_stored_first
            && !node.wants_storage(&expr)
            && expr.operands().all(|below| self.reads_little(below))
    }
}

/// Makes a recorded fold, and with it others that share what is computed for it.
pub(super) fn fold_pending(node: &Arc<Node>) -> Result<()> {
    let Some(first) = Recorded::of(node) else { return Ok(()) };
    let pending = session::get().pending.alive();
    let others = pending.into_iter().filter_map(|other| {
        let other: Arc<dyn Any + Send + Sync> = other;
        other.downcast::<Node>().ok()
    });
    let others = others.filter(|other| !Arc::ptr_eq(other, node)).filter_map(|other| Recorded::of(&other));
    let mut folds: SmallVec<[Recorded; TOGETHER]> = SmallVec::new();
    if first.is_fit {
        folds.extend(others.filter(|other| other.is_fit && other.shares_with(&first)).take(TOGETHER - 1));
    }
    folds.insert(0, first);
    make(&folds)
}

/// A recorded fold.
struct Recorded {
    node: Arc<Node>,
    expr: Arc<Expr>,
    below: Below,
    /// Whether it still reads little.
    is_fit: bool,
}

impl Recorded {
    /// If this node is one, and isn't made yet.
    fn of(node: &Arc<Node>) -> Option<Recorded> {
        let expr = node.expr()?;
        let Expr::Fold { value: Arg::Node(value, view), .. } = &*expr else { return None };
        let mut below = Below { len: view.size(), ..Below::default() };
        let is_fit =
            below.reads_little(value) && below.little.iter().all(|little| little.storage().is_some());
        Some(Recorded { node: node.clone(), below, is_fit, expr })
    }

    fn parts(&self) -> (ReduceOp, &Arg, &View, &[bool]) {
        match &*self.expr {
            Expr::Fold { op, value, reduced } => match value {
                Arg::Node(_, view) => (*op, value, view, reduced),
                Arg::Const(_) => unreachable!("a recorded fold is of a node"),
            },
            _ => unreachable!("a recorded fold"),
        }
    }

    /// Whether both are over the same axes, and something large is computed for both.
    fn shares_with(&self, other: &Recorded) -> bool {
        let ((_, _, view, reduced), (_, _, seen, over)) = (self.parts(), other.parts());
        let is_met = |one: &Arc<Node>| other.below.large.iter().any(|met| Arc::ptr_eq(met, one));
        view.shape == seen.shape && reduced == over && self.below.large.iter().any(is_met)
    }
}

/// One pass over all of them.
fn make(recorded: &[Recorded]) -> Result<()> {
    let (_, _, view, reduced) = recorded[0].parts();
    let to = out_view(&view.shape, reduced);
    let mut folds = Vec::with_capacity(recorded.len());
    for fold in recorded {
        let (op, value, ..) = fold.parts();
        let Node { shape, dtype, origin, .. } = &*fold.node;
        let totals = Storage::new(shape, dtype.size_bytes())?;
        totals.fill(start_value(op, *dtype));
        let to = Some((totals, None, to.clone()));
        folds.push(Fold { op, value: value.clone(), index: None, to, name: "reduce", origin: *origin });
    }
    let totals: SmallVec<[Arc<Storage>; TOGETHER]> =
        folds.iter().filter_map(|fold| fold.to.as_ref().map(|(totals, ..)| totals.clone())).collect();
    Pass {
        shape: view.shape.clone(),
        stores: Vec::new(),
        folds,
        anchor: anchor(&recorded[0].node.shape, &to),
        alone: false,
        reshaped: false,
    }
    .run()?;
    recorded.iter().zip(totals).for_each(|(fold, totals)| fold.node.set_stored(totals));
    Ok(())
}
