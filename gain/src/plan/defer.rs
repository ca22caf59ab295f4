//! Folds over axes that are only recorded.
//!
//! A fold of what is computed from much smaller arrays (forces between all pairs, say) keeps nothing large in memory; others
//! like it may need the same values, which the pass that makes one of them computes once for all ([`super::pending`]). Nothing
//! small is left to be computed below it, so that such a pass needs no other one before.
//!
//! Several ranks make theirs at the call: one of them may look at it alone.

use super::below::Below;
use super::force::force;
use crate::dtype::DType;
use crate::error::Result;
use crate::ops::ReduceOp;
use crate::record::{Arg, Expr, Node};
use crate::session::{self, is_private};
use crate::status::site;
use crate::view::Dims;
use smallvec::SmallVec;
use std::sync::Arc;

/// The fold of `value`, of this shape, over the axes marked, recorded if that is to be.
pub(crate) fn deferred(
    op: ReduceOp,
    value: &Arg,
    dtype: DType,
    shape: &[usize],
    reduced: &[bool],
) -> Result<Option<Arc<Node>>> {
    let session = session::get();
    let Arg::Node(node, view) = value else { return Ok(None) };
    if node.is_elsewhere() && !op.is_index() {
        return Ok(Some(Node::elsewhere(kept(shape, reduced), dtype)));
    }
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
    let node = Node::folded(kept(shape, reduced), dtype, expr);
    let weak = Arc::downgrade(&node);
    session.pending.add(weak);
    Ok(Some(node))
}

/// The shape that is left.
fn kept(shape: &[usize], reduced: &[bool]) -> Dims {
    shape.iter().zip(reduced).filter(|(_, reduced)| !**reduced).map(|(&n, _)| n).collect()
}
