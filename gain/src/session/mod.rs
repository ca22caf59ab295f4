//! A session: ranks that use arrays together, and what they must decide alike.
//!
//! The process has one, begun on first use ([`get`]). What belongs to it and must not outlive it is in it: the team, the trail
//! of decisions, what was dropped, exceptions not yet told of, the numbers of values. The rest of the crate holds no state of
//! the job's but buffers kept for reuse and plans.
//!
//! A forked child is a job of its own. It keeps a session of one rank, arrays included, which are private memory, and so a copy.
//! One of several ranks belongs to the parent's job: the child begins anew, and can't use distributed buffers of before
//! ([`Session::generation`]).

mod agree;
mod alone;
mod events;
pub(crate) mod limbo;
mod pending;
pub mod profile;
mod state;
mod told;
mod trail;
mod turn;
mod undecided;

pub(crate) use alone::{is_private, privately};
pub(crate) use state::{Session, check, get, running, shared, take_turn};
pub(crate) use trail::{Decision, NEW, Purpose, mix};
pub use turn::{if_free, in_turn, release};

use crate::error::Result;
use rma::fork;
use state::{SESSION, in_child, started};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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

/// Start the runtime, if it isn't. Collective; every operation that needs it does so by itself.
pub fn init() -> Result<()> {
    started().as_ref().map(drop).map_err(Clone::clone)
}

/// Says that this process is, or will be, the rank that a launcher has made a place for, before the runtime starts: processes that it starts
/// or forks from now on are jobs of their own. Returns the variable, name and value, that has to be added to the
/// environment for that, if there is one: see [`rma::bootstrap::claim`]. Not collective.
pub fn claim() -> Option<(&'static str, String)> {
    // SAFETY: the handler loads and stores atomics, and neither locks nor allocates.
    unsafe { fork::on_fork(in_child) };
    rma::bootstrap::claim()
}

/// This process's number, 0 without a launcher. Not collective. Panics, as do the other attributes here, if the runtime
/// isn't started and can't be; [`init`] says why.
pub fn rank() -> usize {
    get().rank
}

/// How many processes there are. Not collective.
#[inline]
pub fn size() -> usize {
    get().size
}

/// Wait for all ranks. Collective.
pub fn barrier() -> Result<()> {
    let _turn = take_turn("barrier")?;
    get().meet(Purpose::Barrier)
}

/// End the runtime: wait for all ranks and leave the job. Operations on arrays are errors afterwards; a second call
/// does nothing. Collective.
pub fn finalize() -> Result<()> {
    match SESSION.get() {
        // There is nothing to end, and it was reported when the start failed.
        Some(Err(_)) => return Ok(()),
        // A forked child that has used no arrays.
        None if fork::count() > 0 => return Ok(()),
        _ => {}
    }
    init()?;
    let session = get();
    turn::in_turn(|| {
        session.agree_on_events(Purpose::Combine)?;
        session.prepare_end();
        session.together(Purpose::Leave, || Ok(session.world.finalize()?)).map(drop)
    })
}

/// End all ranks with this exit code; a process that a rank has forked or started, alone.
pub fn abort(code: i32, message: &str) -> ! {
    get().world.abort(code, message)
}

/// What every rank says, by rank. Collective.
pub(crate) fn gathered(mine: &[u8]) -> Result<Vec<Vec<u8>>> {
    let session = get();
    if session.size == 1 {
        return Ok(vec![mine.to_vec()]);
    }
    let all = session.together(Purpose::Combine, || Ok(session.team().allgatherv(mine)?))?;
    Ok(all.unwrap_or_default())
}

/// Threads used by this rank.
pub fn threads() -> usize {
    get().threads
}

/// Arrays of at most this many elements are replicated instead of distributed (`GAIN_THRESHOLD`).
pub fn threshold() -> usize {
    get().threshold
}

/// Takes the turn until [`release`], in the same thread: for who is about to fork. Waits until no other thread is at work, but with
/// several ranks for a second at most, since work may then wait for other ranks, and they for the child: a process forked
/// nevertheless can't use arrays. Not collective.
pub fn hold() {
    turn::hold(shared().map(|_| Duration::from_secs(1)));
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
