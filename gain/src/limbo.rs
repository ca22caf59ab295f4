//! Variables that were dropped at a time that may differ between ranks.
//!
//! What a drop sets free decides which buffer is reused and what is written in place, and all ranks must decide alike.
//! Drops by reference count happen at the same place of the same program. A cyclic garbage collector runs when it
//! likes: what it drops is set aside here, and leaves in one of two ways.
//!
//! - *At once*, when the collection ends, if nobody can tell: nothing but what is set aside here refers to the value or
//!   to any value it would be computed from, and all of these lie in this process's own memory. No later decision
//!   can come upon them. A program that has small arrays only may never meet the other ranks; this is what keeps its
//!   memory bounded.
//! - *Together with the other ranks*, once all have dropped it. They meet at every barrier that the program asks for,
//!   and in every [`EVERY`]th pass that needs other ranks, before anything of it can fail on one rank alone. Passes over
//!   replicated arrays don't count: reading such an array on one rank alone is tolerated.

use crate::error::Result;
use crate::graph::{Node, lock};
use crate::storage::blocks_for;
use crate::world;
use rma::fork::PerProcess;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

/// Passes between two meetings.
const EVERY: u64 = 64;

thread_local! {
    static HOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Number and value of each variable that was set aside.
static HELD: PerProcess<Mutex<Vec<Named>>> = PerProcess::new();
static PASSES: AtomicU64 = AtomicU64::new(0);

type Named = (u64, Arc<Node>);

fn held() -> MutexGuard<'static, Vec<Named>> {
    lock(HELD.get_or_init(Mutex::default))
}

/// In a forked child: nobody is there to agree with on what was set aside.
pub(crate) fn renew() {
    HELD.forget();
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
pub(crate) fn takes(id: u64, value: &Arc<Node>) -> bool {
    // While a thread ends it collects nothing.
    let holding = HOLDING.try_with(Cell::get).unwrap_or(false);
    if holding {
        held().push((id, value.clone()));
    }
    holding
}

/// A pass needs other ranks, and nothing of it was done yet. Collective.
pub(crate) fn count_pass() -> Result<()> {
    if world::size() > 1 && PASSES.fetch_add(1, Relaxed) % EVERY == EVERY - 1 { meet() } else { Ok(()) }
}

/// Let go what all ranks have dropped. Collective.
pub(crate) fn meet() -> Result<()> {
    if world::size() == 1 {
        return Ok(());
    }
    let mine: Vec<u64> = held().iter().map(|(id, _)| *id).collect();
    let all = world::team().allgatherv(&mine)?;
    let mut common: Vec<u64> = mine.into_iter().filter(|id| all.iter().all(|ids| ids.contains(id))).collect();
    common.sort_unstable();
    for id in common {
        let at = held().iter().position(|(held, _)| *held == id);
        let gone = at.map(|at| held().swap_remove(at));
        if let Some((_, node)) = gone {
            node.unname();
        }
    }
    Ok(())
}

/// Let go what nobody can tell is gone.
fn sweep() {
    let mut held = held();
    let mut met = HashMap::new();
    held.iter().for_each(|(_, node)| count(node, &mut met));
    let mut hidden = HashMap::new();
    for (node, references) in met.values() {
        // A handle or pass of another thread can only be a reference more.
        if Arc::strong_count(node) > *references {
            expose(node, &mut hidden);
        }
    }
    drop(met);
    let (gone, kept): (Vec<_>, Vec<_>) = held.drain(..).partition(|(_, node)| is_hidden(node, &mut hidden));
    *held = kept;
    drop(held);
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
    let is_own = !blocks_for(&node.shape).is_distributed()
        && node.storage().is_none_or(|storage| !storage.blocks().is_distributed());
    let all_own =
        is_own && node.expr().is_none_or(|expr| expr.operands().all(|operand| is_hidden(operand, hidden)));
    hidden.insert(Arc::as_ptr(node), all_own);
    all_own
}
