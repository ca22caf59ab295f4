//! What a rank does while it waits in vain: says so on the board, looks after its peers.

use shm::Heap;
use shm::board::Record;
use shm::sync::{WaitError, WaitHook};
use std::sync::Arc;
use std::time::Duration;

/// What all waits of this process share.
#[derive(Debug)]
pub(crate) struct Watch {
    heap: Arc<Heap>,
    node: crate::bootstrap::Node,
}

impl Watch {
    pub(crate) fn new(heap: Arc<Heap>, node: crate::bootstrap::Node) -> Watch {
        Watch { heap, node }
    }

    /// World rank of the member that is gone, if one is.
    fn dead(&self) -> Option<usize> {
        self.node.members().iter().find(|member| !member.is_alive()).map(|member| member.rank)
    }
}

/// The hook of one wait.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    pub(crate) watch: &'a Watch,
    pub(crate) record: Record,
}

impl WaitHook for Waiting<'_> {
    fn on_slow(&self, waited: Duration) -> Result<(), WaitError> {
        if waited.is_zero() {
            self.watch.heap.board(self.watch.heap.rank()).enter(&self.record, shm::clock_ns());
        }
        match self.watch.dead() {
            Some(rank) => Err(WaitError::Interrupted { code: rank as i32 }),
            None => Ok(()),
        }
    }

    fn on_end(&self) {
        self.watch.heap.board(self.watch.heap.rank()).leave();
    }

    fn is_dead(&self, owner: u32) -> bool {
        self.watch.node.members().iter().any(|member| member.rank == owner as usize && !member.is_alive())
    }
}
