//! Dropped variables: which of them are set aside until all ranks have dropped them, and which may go at once.
//!
//! See [`crate::session::limbo`] for why. What a cyclic garbage collection drops is set aside first; when it ends, what
//! nobody can miss goes: nothing but what is set aside refers to the value or to any value it would be computed from, and
//! all of these lie in this process's own memory. No later decision can come upon them. A program that has small arrays only
//! may never meet the other ranks; this is what keeps its memory bounded.

use super::Node;
use crate::session::limbo::{Dropped, Value};
use crate::session::{self, Session};
use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

thread_local! {
    static HOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Values of this process's own memory that the last sweep left.
static SWEPT: AtomicUsize = AtomicUsize::new(0);

impl Value for Node {
    fn unname(&self) {
        self.unname();
    }
}

/// Between `hold_drops(true)` and `hold_drops(false)` variables whose last handle is dropped by this thread are only set
/// aside; they are let go when that can't be noticed, or when all ranks have dropped them. For drops at times that
/// differ between ranks, as in a cyclic garbage collection. Not collective.
pub fn hold_drops(on: bool) {
    let was_on = HOLDING.replace(on && session::shared().is_some());
    if let Some(session) = session::shared()
        && was_on
        && !on
    {
        sweep(session);
    }
}

/// Whether a variable being dropped is set aside; its value keeps its name until it is let go.
#[inline]
pub(super) fn takes(id: u64, value: &Arc<Node>) -> bool {
    let Some(session) = session::shared() else { return false };
    // While a thread ends it collects nothing.
    let holding = HOLDING.try_with(Cell::get).unwrap_or(false);
    let is_taken = holding || is_kept(value);
    if is_taken {
        session.limbo.take(id, value.clone());
    }
    is_taken
}

/// Whether a drop of the last handle matters beyond the name: the value is in memory, was assigned to, or was never used
/// and nothing else refers to it.
fn is_kept(value: &Arc<Node>) -> bool {
    match value.storage() {
        Some(storage) => storage.blocks().is_distributed(),
        None => {
            let is_idle = || Arc::strong_count(value) == 1 && !value.was_computed();
            value.blocks.is_distributed() && (value.is_patch() || is_idle())
        }
    }
}

/// Let go what nobody can tell is gone. Looks only when there is twice as much as the last look left, so that a long
/// program's looks cost no more than its drops.
fn sweep(session: &Session) {
    let gone: Vec<_> = session.limbo.sift(|new| {
        let new: Vec<(u64, Arc<Node>)> = new.into_iter().filter_map(known).collect();
        let own = new.iter().filter(|(_, node)| !node.blocks.is_distributed()).count();
        if own < 2 * SWEPT.load(Relaxed) {
            return (new.into_iter().map(aside).collect(), Vec::new());
        }
        let mut met = HashMap::new();
        new.iter().for_each(|(_, node)| count(node, &mut met));
        let mut hidden = HashMap::new();
        for (node, references) in met.values() {
            // A handle or pass of another thread can only be a reference more.
            if Arc::strong_count(node) > *references {
                expose(node, &mut hidden);
            }
        }
        drop(met);
        let (gone, kept): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|(_, node)| is_hidden(node, &mut hidden));
        SWEPT.store(own - gone.len(), Relaxed);
        (kept.into_iter().map(aside).collect(), gone)
    });
    gone.iter().for_each(|(_, node)| node.unname());
}

fn known((number, value): Dropped) -> Option<(u64, Arc<Node>)> {
    let value: Arc<dyn Any + Send + Sync> = value;
    Some((number, value.downcast().ok()?))
}

fn aside((number, node): (u64, Arc<Node>)) -> Dropped {
    (number, node)
}

/// The nodes set aside and below, each with the number of references to it from there; the one here is counted, too.
type Met = HashMap<*const Node, (Arc<Node>, usize)>;

fn count(node: &Arc<Node>, met: &mut Met) {
    let (_, references) = met.entry(Arc::as_ptr(node)).or_insert_with(|| (node.clone(), 1));
    *references += 1;
    if *references == 2
        && let Some(expr) = node.expr()
    {
        expr.operands().for_each(|operand| count(operand, met));
    }
}

/// Whether each node is hidden: referred to by what is set aside alone, like all it is computed from, and in this
/// process's own memory.
type Hidden = HashMap<*const Node, bool>;

/// Somebody else refers to this node, and so comes upon all below it.
fn expose(node: &Arc<Node>, hidden: &mut Hidden) {
    if hidden.insert(Arc::as_ptr(node), false).is_none()
        && let Some(expr) = node.expr()
    {
        expr.operands().for_each(|operand| expose(operand, hidden));
    }
}

fn is_hidden(node: &Arc<Node>, hidden: &mut Hidden) -> bool {
    if let Some(&known) = hidden.get(&Arc::as_ptr(node)) {
        return known;
    }
    let is_own = !node.blocks.is_distributed()
        && node.storage().is_none_or(|storage| !storage.blocks().is_distributed());
    let all_own =
        is_own && node.expr().is_none_or(|expr| expr.operands().all(|operand| is_hidden(operand, hidden)));
    hidden.insert(Arc::as_ptr(node), all_own);
    all_own
}
