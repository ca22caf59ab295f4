//! Ranks that end in the middle of what they say to the process manager.

use rma::World;
use rma::bootstrap::{Bootstrap, connect};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A process manager's client whose process ends in a certain call. A rank that is not the first of its node calls twice for the
/// node's socket, then for the nodes' ranks, for the addresses, and at the end of finalize.
pub struct Fragile {
    inner: Box<dyn Bootstrap>,
    calls: AtomicUsize,
    victim: usize,
    last: usize,
    end: fn() -> !,
}

impl Fragile {
    /// Starts the world; rank `victim` will end by `end` in its call number `last`, counted from 1.
    pub fn start(victim: usize, last: usize, end: fn() -> !) -> rma::Result<World> {
        let inner = connect().expect("a job has a process manager");
        World::init_with(Box::new(Fragile { inner, calls: AtomicUsize::new(0), victim, last, end }))
    }

    fn count(&self) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.inner.rank() == self.victim && calls == self.last {
            (self.end)()
        }
    }
}

impl Bootstrap for Fragile {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn job(&self) -> &str {
        self.inner.job()
    }

    fn is_secret(&self) -> bool {
        self.inner.is_secret()
    }

    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.count();
        self.inner.publish(mine)
    }

    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        self.count();
        self.inner.fetch(rank)
    }

    fn barrier(&mut self) -> io::Result<()> {
        self.count();
        self.inner.barrier()
    }

    fn abort(&mut self, code: i32, message: &str) {
        self.inner.abort(code, message)
    }

    fn leave(&mut self) -> io::Result<()> {
        self.inner.leave()
    }
}
