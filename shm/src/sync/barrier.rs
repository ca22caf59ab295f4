//! A dissemination barrier across processes.

use super::wait::{WaitContext, WaitError};
use crate::atomic::AtomicU32;

/// One member's share of a barrier in shared memory: a flag per round. One cache line, zero at the start.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct BarrierRow {
    flags: [AtomicU32; 16],
}

/// A barrier over `rows.len()` members as member `me` sees it.
#[derive(Debug)]
pub struct Barrier<'a> {
    rows: &'a [BarrierRow],
    me: usize,
}

impl<'a> Barrier<'a> {
    /// A member's handle. Every member makes exactly one over the same rows (zero before the first is made), up to 65536 rows.
    pub fn new(rows: &'a [BarrierRow], me: usize) -> Barrier<'a> {
        Barrier { rows, me }
    }

    /// Collective: returns once every member has entered. One thread per member at a time. After an error the barrier is unusable.
    #[inline]
    pub fn wait(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        let _ = (ctx, self.rows.iter().map(|r| &r.flags), self.me);
        todo!()
    }
}
