//! The one runtime of this process: ranks, threads, threshold, counters.

use crate::error::Result;
use crate::exec::Partial;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) arrays_created: AtomicU64,
    pub(crate) bytes_allocated: AtomicU64,
    pub(crate) passes: AtomicU64,
    pub(crate) bytes_moved: AtomicU64,
    pub(crate) barriers: AtomicU64,
}

/// What every operation needs to know.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) rank: usize,
    pub(crate) size: usize,
    pub(crate) threads: usize,
    pub(crate) threshold: usize,
    counters: Counters,
}

/// Elements up to which arrays are replicated, unless `GAIN_THRESHOLD` says otherwise.
const THRESHOLD: usize = 65536;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.trim().parse().ok()
}

/// The runtime, started on first use.
#[inline]
pub(crate) fn get() -> &'static Runtime {
    RUNTIME.get_or_init(start)
}

#[cold]
fn start() -> Runtime {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    Runtime {
        rank: 0,
        size: 1,
        threads: number("GAIN_NUM_THREADS").unwrap_or(cores).max(1),
        threshold: number("GAIN_THRESHOLD").unwrap_or(THRESHOLD),
        counters: Counters::default(),
    }
}

/// Full synchronisations of the ranks so far.
#[inline]
pub(crate) fn epoch() -> u64 {
    1
}

/// Add to a counter.
pub(crate) fn count(which: impl Fn(&Counters) -> &AtomicU64, by: u64) {
    which(&get().counters).fetch_add(by, Relaxed);
}

/// A barrier that is needed for the sake of shared memory; counted.
pub(crate) fn synchronise() -> Result<()> {
    count(|c| &c.barriers, 1);
    barrier()
}

/// All ranks' shares of a reduction, combined in the order of ranks. Collective.
pub(crate) fn combine(mine: Partial) -> Result<Partial> {
    Ok(mine)
}

/// The counters. Not collective.
pub fn stats() -> Stats {
    let c = &get().counters;
    Stats {
        arrays_created: c.arrays_created.load(Relaxed),
        bytes_allocated: c.bytes_allocated.load(Relaxed),
        passes: c.passes.load(Relaxed),
        bytes_moved: c.bytes_moved.load(Relaxed),
        barriers: c.barriers.load(Relaxed),
    }
}

/// Start the runtime, if it isn't. Collective; every operation that needs it does so by itself.
pub fn init() -> Result<()> {
    get();
    Ok(())
}

/// This process's number, 0 without a launcher. Not collective.
pub fn rank() -> usize {
    get().rank
}

/// How many processes there are. Not collective.
pub fn size() -> usize {
    get().size
}

/// Wait for all ranks. Collective.
pub fn barrier() -> Result<()> {
    Ok(())
}

/// End the runtime: wait for all ranks and leave the job. Arrays can't be used afterwards. Collective.
pub fn finalize() -> Result<()> {
    Ok(())
}

/// End all ranks with this exit code.
pub fn abort(code: i32, _message: &str) -> ! {
    std::process::exit(code)
}

/// Threads used by this rank.
pub fn threads() -> usize {
    get().threads
}

/// Arrays of at most this many elements are replicated instead of distributed (`GAIN_THRESHOLD`).
pub fn threshold() -> usize {
    get().threshold
}

/// Between `hold_drops(true)` and `hold_drops(false)` handles that are dropped are only set aside; they are given
/// back when all ranks have dropped them. For drops at times that differ between ranks, as in a cyclic garbage
/// collection. Not collective.
pub fn hold_drops(_on: bool) {}
