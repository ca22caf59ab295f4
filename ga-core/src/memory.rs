//! How much memory the arrays of this process take, and how much they may.
//!
//! Invariant: [`in_use`] is the sum of what the living arrays of this process have allocated here, overlays apart; an array that would
//! pass the limit of one rank is an error on all ranks of its team, and nothing is allocated.

use rma::World;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static IN_USE: AtomicU64 = AtomicU64::new(0);
static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Bytes that the arrays of this process take here. Not collective. `GA_Inquire_memory`.
pub fn in_use() -> u64 {
    IN_USE.load(Relaxed)
}

/// Most bytes that the arrays of this process may take here, if there is a limit. Not collective. `GA_Memory_limited`.
pub fn limit() -> Option<u64> {
    Some(LIMIT.load(Relaxed)).filter(|limit| *limit != u64::MAX)
}

/// Limits what the arrays of this process may take here, or lifts the limit; what there is already counts, and stays. Not collective:
/// ranks may differ. `GA_Set_memory_limit`, and the argument of `GA_Initialize_ltd`.
pub fn set_limit(most_bytes: Option<u64>) {
    LIMIT.store(most_bytes.unwrap_or(u64::MAX), Relaxed);
}

/// Bytes that new arrays of this process may still take here: what the limit leaves, and what the node's memory for segments leaves
/// to all of its ranks together. Not collective. `GA_Memory_avail`.
pub fn available(world: &World) -> u64 {
    allowed().min(world.heap_limit_bytes().saturating_sub(world.heap_committed_bytes()))
}

/// What the limit leaves.
pub(crate) fn allowed() -> u64 {
    LIMIT.load(Relaxed).saturating_sub(in_use())
}

/// Stands for the memory of an array.
#[derive(Debug)]
pub(crate) struct Charge(u64);

impl Charge {
    pub(crate) fn new(bytes: usize) -> Self {
        IN_USE.fetch_add(bytes as u64, Relaxed);
        Charge(bytes as u64)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        IN_USE.fetch_sub(self.0, Relaxed);
    }
}
