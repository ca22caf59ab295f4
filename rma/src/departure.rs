//! What a process keeps of the teams that it makes with some others, and has left; see [`crate::founding`].
//!
//! Invariant: a team's memory of this process is in its [`Departure`] while there are handles, and then in `leaving` until nobody uses it.

use crate::transport::Remote;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One member's desk, and the words that a founded team ends by. Zeroed memory is its initial state.
#[repr(C, align(64))]
pub(crate) struct Desk {
    pub(crate) news: AtomicU64,
    pub(crate) read: AtomicU64,
    pub(crate) gone: AtomicU64,
    pub(crate) left: AtomicU64,
    pub(crate) notice: Notice,
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct Notice {
    pub(crate) key: AtomicU64,
    /// One more than where the table begins: entries by place in the list; 0 if `entry` is all there is.
    pub(crate) table: AtomicU64,
    pub(crate) entry: [AtomicU64; 3],
}

/// What a process keeps of the teams it founds and leaves.
#[derive(Default)]
pub(crate) struct Foundings {
    /// How often each list was tried. Held by the thread that founds a team.
    pub(crate) tried: Mutex<HashMap<usize, usize>>,
    pub(crate) leaving: Mutex<Vec<Leaving>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A team this process has no handle to any more.
pub(crate) struct Leaving {
    pub(crate) exit: Exit,
    pub(crate) blocks: Vec<usize>,
    /// Whether the others were told.
    pub(crate) is_told: bool,
}

/// How a member leaves.
#[derive(Clone, Copy)]
pub(crate) struct Exit {
    /// The desk in the first member's row.
    pub(crate) desk: Remote,
    pub(crate) is_first: bool,
    pub(crate) size: usize,
}

/// What the handles of a process to a founded team, and to its parts, have in common.
pub(crate) struct Departure {
    foundings: Arc<Foundings>,
    exit: Exit,
    blocks: Mutex<Vec<usize>>,
}

impl Departure {
    pub(crate) fn new(foundings: Arc<Foundings>, exit: Exit) -> Departure {
        Departure { foundings, exit, blocks: Mutex::default() }
    }

    /// More memory to be freed when the team is gone.
    pub(crate) fn leave(&self, blocks: impl IntoIterator<Item = usize>) {
        lock(&self.blocks).extend(blocks);
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        let blocks = std::mem::take(self.blocks.get_mut().unwrap_or_else(PoisonError::into_inner));
        lock(&self.foundings.leaving).push(Leaving { exit: self.exit, blocks, is_told: false });
    }
}
