//! A doorbell: somebody rings, one sleeper wakes; rings are not counted.

use super::wait::{WaitContext, WaitError};
use crate::atomic::AtomicU32;

/// A sticky event: rung or not. Any number may ring, one may wait. One cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Doorbell {
    word: AtomicU32,
}

impl Doorbell {
    /// Rings. Everything written before is visible to the one who answers. A system call only if somebody sleeps.
    pub fn ring(&self) {
        let _ = &self.word;
        todo!()
    }

    /// Waits for a ring and takes it.
    pub fn wait(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        let _ = ctx;
        todo!()
    }

    /// Takes a ring if there is one.
    pub fn try_take(&self) -> bool {
        todo!()
    }
}
