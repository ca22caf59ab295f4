//! Counters of notifications: word `r` of a rank's part counts those of rank `r`.
//!
//! Invariant: the words only grow, and each is written by one rank.

use rma::{Compare, Result, Segment, SignalUpdate, World};
use std::sync::atomic::{AtomicU64, Ordering};

/// All of them.
pub(crate) struct Notes {
    segment: Segment,
    me: usize,
    sent: Vec<AtomicU64>,
    waited: Vec<AtomicU64>,
}

impl Notes {
    /// Collective over the world.
    pub(crate) fn new(world: &World) -> Result<Notes> {
        let size = world.size();
        let segment = Segment::allocate_zeroed(&world.team(), 8 * size)?;
        let zeros = || (0..size).map(|_| AtomicU64::new(0)).collect();
        Ok(Notes { segment, me: world.rank(), sent: zeros(), waited: zeros() })
    }

    /// Tells a rank that everything before has arrived; how many times it was told.
    pub(crate) fn notify(&self, to: usize) -> Result<u64> {
        self.segment.put_signal::<u8>(to, 0, &[], 8 * self.me, SignalUpdate::Add(1))?;
        Ok(self.sent[to].fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Waits for one more notification of a rank; its number, and how many there are.
    pub(crate) fn wait(&self, from: usize) -> Result<(u64, u64)> {
        let number = self.waited[from].fetch_add(1, Ordering::Relaxed) + 1;
        Ok((number, self.segment.wait_signal(8 * from, Compare::AtLeast(number))?))
    }
}
