//! Variables that were dropped at a time that may differ between ranks.
//!
//! What a drop sets free decides which buffer is reused and what is written in place, and all ranks must decide alike.
//! Drops by reference count happen at the same place of the same program. A cyclic garbage collector runs when it
//! likes: what it drops is set aside here and let go by all ranks together, once all have dropped it.
//!
//! The meeting is part of every [`EVERY`]th pass that involves other ranks: those are collective anyway.

use crate::error::Result;
use crate::graph::{Node, lock};
use crate::world;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Passes between two meetings.
const EVERY: u64 = 64;

static HOLDING: AtomicBool = AtomicBool::new(false);
static HELD: Mutex<Vec<(u64, Arc<Node>)>> = Mutex::new(Vec::new());
static PASSES: AtomicU64 = AtomicU64::new(0);

/// Between `hold_drops(true)` and `hold_drops(false)` variables whose last handle is dropped are only set aside; they
/// are let go when all ranks have dropped them. For drops at times that differ between ranks, as in a cyclic garbage
/// collection. Not collective.
pub fn hold_drops(on: bool) {
    HOLDING.store(on && world::size() > 1, Relaxed);
}

/// Whether a variable being dropped is set aside; its value keeps its name until it is let go.
pub(crate) fn takes(id: u64, value: &Arc<Node>) -> bool {
    let holding = HOLDING.load(Relaxed);
    if holding {
        lock(&HELD).push((id, value.clone()));
    }
    holding
}

/// A pass involves other ranks: let go what all have dropped, now and then. Collective.
pub(crate) fn meet() -> Result<()> {
    if world::size() == 1 || PASSES.fetch_add(1, Relaxed) % EVERY != EVERY - 1 {
        return Ok(());
    }
    let mine: Vec<u64> = lock(&HELD).iter().map(|(id, _)| *id).collect();
    let all = world::team().allgatherv(&mine)?;
    let mut common: Vec<u64> = mine.into_iter().filter(|id| all.iter().all(|ids| ids.contains(id))).collect();
    common.sort_unstable();
    for id in common {
        let at = lock(&HELD).iter().position(|(held, _)| *held == id);
        let gone = at.map(|at| lock(&HELD).swap_remove(at));
        if let Some((_, node)) = gone {
            node.unname();
        }
    }
    Ok(())
}
