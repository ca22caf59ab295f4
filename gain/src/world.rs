//! The one runtime of this process: ranks, threads, threshold, counters.
#![allow(clippy::todo, unused_variables)]

use crate::error::Result;

/// What was done since the process started. All counters are of this rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Buffers of distributed arrays that were newly allocated (taking one from the pool is not counted).
    pub arrays_created: u64,
    /// Bytes of these, over all ranks.
    pub bytes_allocated: u64,
    /// Passes over memory.
    pub passes: u64,
    /// Bytes read from the memory of other ranks.
    pub bytes_moved: u64,
    /// Barriers made because a pass read what another rank wrote, or wrote what another rank read.
    pub barriers: u64,
}

/// The counters. Not collective.
pub fn stats() -> Stats {
    todo!()
}

/// Start the runtime, if it isn't. Collective; every operation that needs it does so by itself.
pub fn init() -> Result<()> {
    todo!()
}

/// This process's number, 0 before and without a launcher. Not collective.
pub fn rank() -> usize {
    todo!()
}

/// How many processes there are. Not collective.
pub fn size() -> usize {
    todo!()
}

/// Wait for all ranks. Collective.
pub fn barrier() -> Result<()> {
    todo!()
}

/// End the runtime: wait for all ranks and leave the job. Arrays can't be used afterwards. Collective.
pub fn finalize() -> Result<()> {
    todo!()
}

/// End all ranks with this exit code.
pub fn abort(code: i32, message: &str) -> ! {
    todo!()
}

/// Threads used by this rank.
pub fn threads() -> usize {
    todo!()
}

/// Arrays of at most this many elements are replicated instead of distributed (`GAIN_THRESHOLD`).
pub fn threshold() -> usize {
    todo!()
}

/// Between `hold_drops(true)` and `hold_drops(false)` handles that are dropped are only set aside; they are given
/// back when all ranks have dropped them. For drops at times that differ between ranks, as in a cyclic garbage
/// collection. Not collective.
pub fn hold_drops(on: bool) {
    todo!()
}
