//! Making folds over axes that were recorded ([`super::defer`]): those that need the same values in one pass.

use super::below::Below;
use super::reduce::{anchor, out_view, start_value};
use super::{Fold, Pass};
use crate::error::Result;
use crate::memory::Storage;
use crate::ops::ReduceOp;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::view::View;
use smallvec::SmallVec;
use std::any::Any;
use std::sync::Arc;

/// Folds of one pass.
const TOGETHER: usize = 8;

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
