//! Which buffer a stored value gets: the one it updates or an operand's, when nobody else needs the old contents, or
//! another one.

use super::choice::Choice;
use super::{Pass, Target, lower::BoxPlan};
use crate::memory::Storage;
use crate::record::{Expr, Node};
use crate::view::View;
use smallvec::SmallVec;
use std::sync::Arc;

/// A choice for each store; `None` if an in-place pass would read what it overwrites.
///
/// `owned` are the buffers that kept values may take over, see [`exclusive_base`].
pub(super) fn choose(
    pass: &Pass,
    boxes: &[BoxPlan],
    owned: &[Option<Arc<Storage>>],
) -> Option<SmallVec<[Choice; 2]>> {
    let mut choices = SmallVec::new();
    for (store, owned) in pass.stores.iter().zip(owned) {
        choices.push(match &store.to {
            Target::At(storage, view) => {
                if !reads_at_same_index(storage, view, boxes) {
                    return None;
                }
                Choice::Existing(storage.clone(), view.clone())
            }
            Target::Keep(node) => {
                let view = View::contiguous(&pass.shape);
                match owned {
                    Some(storage) if reads_at_same_index(storage, &view, boxes) => {
                        Choice::Existing(storage.clone(), view)
                    }
                    _ => Choice::Fresh {
                        blocks: node.blocks,
                        shape: node.shape.clone(),
                        item_bytes: node.dtype.size_bytes(),
                        view,
                    },
                }
            }
        });
    }
    Some(choices)
}

/// Whether every read of the buffer is of the element that is then written.
fn reads_at_same_index(storage: &Arc<Storage>, to: &View, boxes: &[BoxPlan]) -> bool {
    boxes.iter().all(|plan| {
        let at = to.patch(&plan.lo, &plan.counts).canonical();
        let reads = plan.reads.iter().filter_map(|r| r.memory());
        reads.into_iter().all(|(s, v)| !s.overlaps(storage) || s.coincides(v, storage, &at))
    })
}

/// What the walk of [`exclusive_base`] knows of a node: how often it was met, and what it is.
struct Met {
    node: *const Node,
    edges: usize,
    strong: usize,
    is_named: bool,
    reaches: bool,
}

/// A stored node, and where.
type Stored = (*const Node, Arc<Storage>);

/// A buffer that `node` may be stored in, as it will be of no use to anybody then: all references to it come from inside
/// `node`'s own expression. It is the one that the assignments `node` consists of started from, or else an operand's
/// with the same cut (which the caller has yet to see to be read at the same index only). Open memory is always written where
/// it is by assignments, and never else.
pub(super) fn exclusive_base(node: &Arc<Node>) -> Option<Arc<Storage>> {
    let expr = node.expr()?;
    let base = if node.is_patch() { patched(&expr) } else { spare_operand(node, &expr) }?;
    if base.1.is_open() {
        return node.is_patch().then_some(base.1);
    }
    let mut met = Vec::new();
    walk(&expr, base.0, &mut met);
    let own = met.iter().filter(|m| m.reaches).all(|m| m.edges == m.strong && !m.is_named);
    own.then_some(base.1)
}

/// What a chain of assignments started from.
fn patched(expr: &Expr) -> Option<Stored> {
    let Expr::Patch { base, .. } = expr else { return None };
    match base.expr() {
        Some(inner) => patched(&inner),
        None => Some((Arc::as_ptr(base), base.storage()?.clone())),
    }
}

/// The first operand below `expr` that no variable names and whose buffer is like the one `node` would get, and ready to
/// be written.
fn spare_operand(node: &Node, expr: &Expr) -> Option<Stored> {
    expr.operands().filter(|below| !below.is_named()).find_map(|below| match below.expr() {
        Some(inner) => spare_operand(node, &inner),
        None => {
            let storage = below.storage()?;
            let is_like = storage.item_bytes() == node.dtype.size_bytes()
                && storage.blocks() == node.blocks
                && !storage.is_open()
                && !storage.is_being_read();
            is_like.then(|| (Arc::as_ptr(below), storage.clone()))
        }
    })
}

/// Whether computing `node` reads `base`, which is not stored yet or may be overwritten.
pub(crate) fn reads(node: &Arc<Node>, base: &Arc<Node>) -> bool {
    Arc::ptr_eq(node, base) || node.expr().is_some_and(|expr| walk(&expr, Arc::as_ptr(base), &mut Vec::new()))
}

/// The lazy nodes below an assignment that a variable names and that read `base`.
pub(super) fn named_readers(value: &Arc<Node>, base: &Arc<Node>, found: &mut Vec<Arc<Node>>) {
    let Some(expr) = value.expr() else { return };
    if found.iter().any(|n| Arc::ptr_eq(n, value)) || !reads(value, base) {
        return;
    }
    if value.is_named() {
        found.push(value.clone());
    } else {
        expr.operands().for_each(|below| named_readers(below, base, found));
    }
}

/// Count the edges from `expr` downwards; whether `base` is among what it reaches.
fn walk(expr: &Expr, base: *const Node, met: &mut Vec<Met>) -> bool {
    let mut reaches = false;
    for node in expr.operands() {
        let ptr = Arc::as_ptr(node);
        if let Some(m) = met.iter_mut().find(|m| m.node == ptr) {
            m.edges += 1;
            reaches |= m.reaches;
            continue;
        }
        let below = ptr == base || node.expr().is_some_and(|inner| walk(&inner, base, met));
        met.push(Met {
            node: ptr,
            edges: 1,
            strong: Arc::strong_count(node),
            is_named: node.is_named(),
            reaches: below,
        });
        reaches |= below;
    }
    reaches
}
