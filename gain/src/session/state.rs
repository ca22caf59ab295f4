//! What belongs to a session, and how it begins.

use super::limbo::Limbo;
use super::pending::Pending;
use super::trail::Trail;
use super::turn;
use super::undecided::Undecided;
use crate::error::{Error, Kind, Result};
use crate::lock;
use rma::fork::{self, PerProcess};
use rma::{Team, World};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

/// See [`super`].
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) rank: usize,
    pub(crate) size: usize,
    pub(crate) threads: usize,
    /// Elements up to which arrays are replicated.
    pub(crate) threshold: usize,
    /// Whether all ranks share memory.
    pub(crate) is_one_node: bool,
    /// Most bytes that all distributed arrays may take together, if that is known: the same on every rank.
    pub(crate) limit_bytes: u64,
    /// Which of the sessions of this process and those it was forked from this is. Buffers of another one can't be used.
    pub(crate) generation: u32,
    pub(crate) limbo: Limbo,
    pub(crate) pending: Pending,
    pub(super) world: World,
    team: Team,
    pub(super) counters: Counters,
    pub(super) trail: Trail,
    pub(super) epoch: AtomicU64,
    /// The error that all ranks have in common once they decided differently.
    pub(super) diverged: OnceLock<Error>,
    pub(super) undecided: Undecided,
    /// What is done before it ends.
    ending: Mutex<Vec<fn()>>,
    /// The next number of a distributed thing, and of a replicated one.
    numbers: [AtomicU64; 2],
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) arrays_created: AtomicU64,
    pub(crate) bytes_allocated: AtomicU64,
    pub(crate) passes: AtomicU64,
    pub(crate) bytes_moved: AtomicU64,
    pub(crate) barriers: AtomicU64,
}

/// Elements up to which arrays are replicated, unless `GAIN_THRESHOLD` says otherwise.
const THRESHOLD: usize = 65536;

pub(super) static SESSION: PerProcess<Result<Session>> = PerProcess::new();

/// This process was forked while another thread had the turn: what that thread was at stays half done.
static TORN: AtomicBool = AtomicBool::new(false);

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.trim().parse().ok()
}

/// The session, begun on first use.
///
/// # Panics
/// If it can't be begun; [`init`] returns the reason instead.
#[inline]
pub(crate) fn get() -> &'static Session {
    match started() {
        Ok(session) => session,
        Err(e) => panic!("{e}"),
    }
}

/// The session, or why there is none.
#[inline]
pub(super) fn started() -> &'static Result<Session> {
    SESSION.get_or_init(start)
}

/// The session, if it was begun.
#[inline]
pub(crate) fn running() -> Option<&'static Session> {
    SESSION.get()?.as_ref().ok()
}

/// The session, if it was begun and has several ranks.
#[inline]
pub(crate) fn shared() -> Option<&'static Session> {
    running().filter(|session| session.size > 1)
}

/// What a forked child does first: see [`fork::on_fork`].
pub(super) fn in_child() {
    let is_torn = turn::renew();
    TORN.fetch_or(is_torn, Relaxed);
    if let Some(Ok(session)) = SESSION.inherited()
        && session.world.is_usable()
        && !is_torn
    {
        SESSION.keep();
    }
}

/// An error if the session, which is begun if it wasn't, can't be or has ended.
#[inline]
pub(crate) fn check(operation: &str) -> Result<()> {
    match running() {
        Some(session) if !session.world.is_finalized() => Ok(()),
        _ => refuse(operation),
    }
}

#[cold]
fn refuse(operation: &str) -> Result<()> {
    started().as_ref().map_err(Clone::clone)?;
    match get().world.is_finalized() {
        true => Err(Error::new(Kind::Runtime, format!("{operation}: gain has been finalized"))),
        false => Ok(()),
    }
}

/// The first thing an operation does: an error if there is no session, else its turn.
#[inline]
pub(crate) fn take_turn(operation: &str) -> Result<turn::Turn> {
    check(operation)?;
    Ok(turn::Turn::wait())
}

#[cold]
fn start() -> Result<Session> {
    // SAFETY: the handler loads and stores atomics, and neither locks nor allocates.
    unsafe { fork::on_fork(in_child) };
    if TORN.load(Relaxed) {
        let text =
            "this process was forked while another thread of its parent computed, and can't use arrays";
        return Err(Error::new(Kind::Runtime, text));
    }
    let world = World::init()?;
    let size = world.size();
    let is_one_node = world.node_team().size() == size;
    Ok(Session {
        rank: world.rank(),
        size,
        threads: number("GAIN_NUM_THREADS").unwrap_or_else(|| share_of_cores(size)).max(1),
        threshold: number("GAIN_THRESHOLD").unwrap_or(THRESHOLD),
        is_one_node,
        // Ranks of several nodes know their own node's only, and must not decide by what others don't know.
        limit_bytes: if is_one_node { world.heap_limit_bytes() } else { u64::MAX },
        generation: fork::count(),
        limbo: Limbo::default(),
        pending: Pending::default(),
        team: world.team(),
        world,
        counters: Counters::default(),
        trail: Trail::default(),
        epoch: AtomicU64::new(1),
        diverged: OnceLock::new(),
        undecided: Undecided::default(),
        ending: Mutex::default(),
        numbers: [AtomicU64::new(2), AtomicU64::new(1)],
    })
}

/// The cores this rank is bound to, or an even share if it isn't bound.
fn share_of_cores(ranks: usize) -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, |n| n.get());
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let count = |range: &str| {
        let mut ends = range.trim().split('-').filter_map(|n| n.parse::<usize>().ok());
        let first = ends.next()?;
        Some(ends.next().unwrap_or(first) + 1 - first)
    };
    let online: usize = online.split(',').filter_map(count).sum();
    if allowed < online { allowed } else { allowed / ranks }
}

impl Session {
    /// The team of all ranks.
    pub(crate) fn team(&self) -> &Team {
        &self.team
    }

    /// The number of a new variable or value. Distributed ones are even, and the same on every rank even if one of them made
    /// a few replicated ones, which are odd, by itself, for a report, say.
    pub(crate) fn number(&self, is_distributed: bool) -> u64 {
        self.numbers[usize::from(!is_distributed)].fetch_add(2, Relaxed)
    }

    /// Add to a counter.
    pub(crate) fn count(&self, which: impl Fn(&Counters) -> &AtomicU64, by: u64) {
        which(&self.counters).fetch_add(by, Relaxed);
    }

    /// Has `work` done before the session ends. What was given before is done once.
    pub(crate) fn before_end(&self, work: fn()) {
        let mut ending = lock(&self.ending);
        if !ending.iter().any(|&known| std::ptr::fn_addr_eq(known, work)) {
            ending.push(work);
        }
    }

    /// Does what was to be done before the end.
    pub(super) fn prepare_end(&self) {
        let ending = std::mem::take(&mut *lock(&self.ending));
        ending.iter().for_each(|work| work());
    }

    /// This rank alone can't go on. With others about that would wait for it, the job ends here; else the error is handed back.
    #[cold]
    pub(crate) fn give_up(&self, error: Error) -> Error {
        match self.size {
            1 => error,
            _ => self.world.abort(1, error.message()),
        }
    }
}
