//! Variables that this rank has dropped while others may still hold them.
//!
//! What a drop sets free decides which buffer is reused and what is written in place, and all ranks must decide alike.
//! Most drops happen at the same place of the same program on all ranks; but one rank may keep a reference longer (a log, a
//! traceback, `Out[]`), and a cyclic garbage collector runs when it likes. So a dropped variable that is distributed, and
//! whatever a collection drops, is set aside here, but for the names of intermediate values: those go at once, since a value
//! is fused with what uses it only if no variable has it. What is set aside leaves in one of two ways:
//!
//! - *When the ranks next agree* ([`crate::agree`]) that all have dropped it. The digest of what is set aside is compared in
//!   every synchronisation; where it differs, the ranks tell each other what they dropped since, and wait for each other.
//! - *At once*, when a collection ends, if nobody can tell: nothing but what is set aside here refers to the value or to any
//!   value it would be computed from, and all of these lie in this process's own memory. No later decision can come upon
//!   them. A program that has small arrays only may never meet the other ranks; this is what keeps its memory bounded.

use crate::agree::mix;
use crate::graph::{Node, lock};
use crate::world;
use rma::fork::PerProcess;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

thread_local! {
    static HOLDING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct Limbo {
    /// Number and value of each variable dropped since the last synchronisation began. Another thread's collection may add to
    /// it at any time.
    new: Vec<(u64, Arc<Node>)>,
    /// Those that the synchronisation under way compares.
    sealed: Vec<(u64, Arc<Node>)>,
    /// Of the numbers of `sealed`, whatever their order.
    digest: u64,
    /// Variables that not all ranks have dropped: how many have, and the value if this rank has.
    awaited: HashMap<u64, (usize, Option<Arc<Node>>)>,
    /// Values of this process's own memory that the last sweep left.
    swept: usize,
}

static LIMBO: PerProcess<Mutex<Limbo>> = PerProcess::new();

fn limbo() -> MutexGuard<'static, Limbo> {
    lock(LIMBO.get_or_init(Mutex::default))
}

/// In a forked child: nobody is there to agree with on what was set aside.
pub(crate) fn renew() {
    LIMBO.forget();
}

/// Between `hold_drops(true)` and `hold_drops(false)` variables whose last handle is dropped by this thread are only set
/// aside; they are let go when that can't be noticed, or when all ranks have dropped them. For drops at times that
/// differ between ranks, as in a cyclic garbage collection. Not collective.
pub fn hold_drops(on: bool) {
    let was_on = HOLDING.replace(on && world::is_shared());
    if was_on && !on {
        sweep();
    }
}

/// Whether a variable being dropped is set aside; its value keeps its name until it is let go.
#[inline]
pub(crate) fn takes(id: u64, value: &Arc<Node>) -> bool {
    if !world::is_shared() {
        return false;
    }
    // While a thread ends it collects nothing.
    let holding = HOLDING.try_with(Cell::get).unwrap_or(false);
    let is_taken = holding || is_kept(value);
    if is_taken {
        limbo().new.push((id, value.clone()));
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

/// A digest of what was dropped since the ranks last told each other.
#[inline]
pub(crate) fn seal() -> u64 {
    let mut limbo = limbo();
    let Limbo { new, sealed, digest, .. } = &mut *limbo;
    if !new.is_empty() {
        *digest = new.iter().fold(*digest, |sum, (id, _)| sum.wrapping_add(mix(*id)));
        sealed.append(new);
    }
    *digest
}

/// Whether this rank dropped something that the ranks haven't compared yet.
pub(crate) fn is_waiting() -> bool {
    let limbo = limbo();
    !(limbo.new.is_empty() && limbo.sealed.is_empty())
}

/// The numbers of what was sealed.
pub(crate) fn told() -> Vec<u64> {
    limbo().sealed.iter().map(|(id, _)| *id).collect()
}

/// What each rank has told, this one included. On all ranks alike.
pub(crate) fn hear<'a>(dropped: impl Iterator<Item = &'a [u64]>) {
    let mut limbo = limbo();
    let limbo = &mut *limbo;
    for id in dropped.flatten() {
        limbo.awaited.entry(*id).or_default().0 += 1;
    }
    for (id, node) in limbo.sealed.drain(..) {
        limbo.awaited.entry(id).or_default().1 = Some(node);
    }
    limbo.digest = 0;
}

/// The ranks have agreed on what was sealed: what all have dropped goes. In an order that is the same on all ranks.
pub(crate) fn let_go() {
    let mut limbo = limbo();
    if limbo.sealed.is_empty() && limbo.awaited.is_empty() {
        return;
    }
    let size = world::size();
    let mut gone = std::mem::take(&mut limbo.sealed);
    limbo.digest = 0;
    let everywhere = limbo.awaited.extract_if(|_, (count, _)| *count == size);
    gone.extend(everywhere.filter_map(|(id, (_, node))| Some((id, node?))));
    drop(limbo);
    gone.sort_unstable_by_key(|(id, _)| *id);
    for (_, node) in gone {
        node.unname();
    }
}

/// Let go what nobody can tell is gone. Looks only when there is twice as much as the last look left, so that a long
/// program's looks cost no more than its drops.
fn sweep() {
    let mut limbo = limbo();
    let is_own = |node: &Node| !node.blocks.is_distributed();
    let own = limbo.new.iter().filter(|(_, node)| is_own(node)).count();
    if own < 2 * limbo.swept {
        return;
    }
    let mut met = HashMap::new();
    limbo.new.iter().for_each(|(_, node)| count(node, &mut met));
    let mut hidden = HashMap::new();
    for (node, references) in met.values() {
        // A handle or pass of another thread can only be a reference more.
        if Arc::strong_count(node) > *references {
            expose(node, &mut hidden);
        }
    }
    drop(met);
    let all = std::mem::take(&mut limbo.new);
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, node)| is_hidden(node, &mut hidden));
    limbo.new = kept;
    limbo.swept = own - gone.len();
    drop(limbo);
    gone.iter().for_each(|(_, node)| node.unname());
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
