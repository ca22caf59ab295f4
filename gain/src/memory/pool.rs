//! Buffers kept for reuse.
//!
//! Keyed by cut and element size. A buffer that other ranks may still be reading is passed over until the next full
//! synchronisation; when all are such, a new one is allocated, unless several lie there: then a barrier is
//! cheaper. Deterministic: all ranks take and give in the same order, so they agree on each choice.

use super::{Blocks, Memory};
use crate::error::{Kind, Result};
use crate::lock;
use crate::session::{self, Decision, Purpose};
use crate::status::site::Site;
use rma::fork::PerProcess;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Bytes of one kind of buffer that may lie idle, though two buffers always may.
const SPARE_BYTES: usize = 256 << 20;

/// Buffers of one kind that may lie idle.
fn spare(blocks: Blocks, item_bytes: usize) -> usize {
    (SPARE_BYTES / (blocks.len() * item_bytes).max(1)).clamp(2, 8)
}

/// A buffer that lies idle, and when it was last read (see [`super`]).
pub(super) struct Idle {
    pub(super) memory: Memory,
    pub(super) read: u64,
    pub(super) looked: u64,
}

/// Buffers of one kind.
#[derive(Default)]
struct Shelf {
    idle: Vec<Idle>,
    /// How many were allocated although some that had been dropped would have come back with the next synchronisation.
    ahead: usize,
}

/// Buffers of one kind that may be allocated ahead of those that come back, so that a loop that synchronises anyway doesn't
/// synchronise for them.
const AHEAD: usize = 2;

type Shelves = HashMap<(Blocks, usize), Shelf>;

static POOL: PerProcess<Mutex<Shelves>> = PerProcess::new();

fn shelves() -> MutexGuard<'static, Shelves> {
    lock(POOL.get_or_init(Mutex::default))
}

/// A buffer that nobody reads any more. Collective.
pub(super) fn take(blocks: Blocks, item_bytes: usize) -> Result<Memory> {
    let (found, waiting, comes_back) = {
        let mut pool = shelves();
        let shelf = pool.entry((blocks, item_bytes)).or_default();
        let epoch = session::get().epoch();
        let at = shelf.idle.iter().rposition(|idle| idle.read < epoch);
        let is_waiting = at.is_none() && session::get().limbo.is_waiting();
        let comes_back = is_waiting && shelf.ahead >= AHEAD;
        shelf.ahead += usize::from(is_waiting && !comes_back);
        (at.map(|at| (at, shelf.idle.swap_remove(at))), shelf.idle.len(), comes_back)
    };
    let note = |choice| session::get().note(Decision::Take, blocks.number(), choice, Site::UNKNOWN);
    if let Some((at, idle)) = found {
        note(at as u64);
        if idle.looked >= session::get().epoch() {
            session::get().synchronise(Purpose::Caution)?;
        }
        return Ok(idle.memory);
    }
    if comes_back {
        session::get().synchronise(Purpose::Caution)?;
        return take(blocks, item_bytes);
    }
    if waiting >= spare(blocks, item_bytes) {
        session::get().synchronise(Purpose::Pass)?;
        return take(blocks, item_bytes);
    }
    session::get().before_end(give_back);
    note(session::NEW);
    match Memory::shared(blocks, item_bytes) {
        Err(e) if e.kind() == Kind::Memory && trim() > 0 => {
            session::get().synchronise(Purpose::Pass)?;
            Memory::shared(blocks, item_bytes)
        }
        other => other,
    }
}

/// A buffer comes back.
pub(super) fn give(blocks: Blocks, item_bytes: usize, idle: Idle) {
    let mut pool = shelves();
    let shelf = pool.entry((blocks, item_bytes)).or_default();
    if shelf.idle.len() < spare(blocks, item_bytes) {
        shelf.idle.push(idle);
    }
}

/// What is done before a session ends.
fn give_back() {
    trim();
}

/// Free all idle buffers; returns how many there were. Collective.
pub(crate) fn trim() -> usize {
    let shelves = std::mem::take(&mut *shelves());
    shelves.values().map(|shelf| shelf.idle.len()).sum()
}
