//! The one runtime of this process: ranks, threads, threshold, counters.
//!
//! A forked child is a job of its own. It keeps a runtime of one rank, arrays included, which are private memory, and so a copy. One of several ranks
//! belongs to the parent's job: the child begins anew ([`generation`] tells its buffers from those of the parent's job,
//! which it can't use).

use crate::agree::{self, Purpose};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, Kind, Result};
use crate::exec::Partial;
use crate::limbo;
use crate::status;
use crate::turn;
use rma::fork::{self, PerProcess};
use rma::{Team, World};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

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
    limit_bytes: u64,
    world: World,
    team: Team,
    counters: Counters,
}

/// Elements up to which arrays are replicated, unless `GAIN_THRESHOLD` says otherwise.
const THRESHOLD: usize = 65536;

static RUNTIME: PerProcess<Result<Runtime>> = PerProcess::new();

/// Counts the runtimes that this process and those it was forked from have left behind.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// This process was forked while another thread had the turn: what that thread was at stays half done.
static TORN: AtomicBool = AtomicBool::new(false);

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.trim().parse().ok()
}

/// The runtime, started on first use.
///
/// # Panics
/// If it can't be started; [`init`] returns the reason instead.
#[inline]
pub(crate) fn get() -> &'static Runtime {
    match started() {
        Ok(runtime) => runtime,
        Err(e) => panic!("{e}"),
    }
}

#[inline]
fn started() -> &'static Result<Runtime> {
    RUNTIME.get_or_init(start)
}

/// Which of the runtimes this process has had the present one is. Buffers of another one can't be used.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// What a forked child does first: see [`fork::on_fork`].
fn in_child() {
    let is_torn = turn::renew();
    TORN.fetch_or(is_torn, Relaxed);
    crate::exec::pool::renew();
    crate::storage::renew();
    crate::plan::renew();
    limbo::renew();
    agree::renew();
    status::renew();
    let keeps = match RUNTIME.get() {
        Some(Ok(runtime)) => runtime.world.is_usable() && !is_torn,
        Some(Err(_)) => false,
        None => true,
    };
    if !keeps {
        GENERATION.fetch_add(1, Relaxed);
        RUNTIME.forget();
    }
}

/// An error if the runtime, which is started if it wasn't, can't be or has ended.
#[inline]
pub(crate) fn check(operation: &str) -> Result<()> {
    match RUNTIME.get() {
        Some(Ok(runtime)) if !runtime.world.is_finalized() => Ok(()),
        _ => refuse(operation),
    }
}

#[cold]
fn refuse(operation: &str) -> Result<()> {
    init()?;
    match get().world.is_finalized() {
        true => Err(Error::new(Kind::Runtime, format!("{operation}: gain has been finalized"))),
        false => Ok(()),
    }
}

#[cold]
fn start() -> Result<Runtime> {
    fork::on_fork(in_child);
    if TORN.load(Relaxed) {
        let text =
            "this process was forked while another thread of its parent computed, and can't use arrays";
        return Err(Error::new(Kind::Runtime, text));
    }
    let world = World::init()?;
    let size = world.size();
    Ok(Runtime {
        rank: world.rank(),
        size,
        threads: number("GAIN_NUM_THREADS").unwrap_or_else(|| share_of_cores(size)).max(1),
        threshold: number("GAIN_THRESHOLD").unwrap_or(THRESHOLD),
        // Ranks of several nodes know their own node's only, and must not decide by what others don't know.
        limit_bytes: if world.node_team().size() == size { world.heap_limit_bytes() } else { u64::MAX },
        team: world.team(),
        world,
        counters: Counters::default(),
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

/// The team of all ranks.
pub(crate) fn team() -> &'static Team {
    &get().team
}

/// Whether the runtime runs and has several ranks.
pub(crate) fn is_shared() -> bool {
    matches!(RUNTIME.get(), Some(Ok(runtime)) if runtime.size > 1)
}

/// Most bytes that all distributed arrays may take together, if that is known: the same on every rank.
#[inline]
pub(crate) fn limit_bytes() -> u64 {
    get().limit_bytes
}

/// This rank alone can't go on. With others about that would wait for it, the job ends here; else the error is handed back.
#[cold]
pub(crate) fn give_up(error: Error) -> Error {
    match size() {
        1 => error,
        _ => abort(1, error.message()),
    }
}

/// Add to a counter.
pub(crate) fn count(which: impl Fn(&Counters) -> &AtomicU64, by: u64) {
    which(&get().counters).fetch_add(by, Relaxed);
}

/// A barrier that is needed for the sake of shared memory; counted.
pub(crate) fn synchronise(purpose: Purpose) -> Result<()> {
    count(|c| &c.barriers, 1);
    if status::is_undecided() {
        return status::agree(purpose);
    }
    agree::together(purpose, || Ok(team().barrier()?)).map(drop)
}

/// All ranks' shares of a reduction, combined in the order of ranks. Collective.
pub(crate) fn combine(mine: Partial) -> Result<Partial> {
    let runtime = get();
    if runtime.size == 1 {
        return Ok(mine);
    }
    let mut words = [0u64; 5];
    if let Some(value) = mine.value {
        let bytes = value.bytes();
        words[0] = 1 + value.dtype() as u64;
        words[1] = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
        words[2] = u64::from_le_bytes(bytes[8..].try_into().expect("8 bytes"));
        words[3] = mine.index as u64;
    }
    words[4] = status::word();
    let all = agree::together(Purpose::Combine, || Ok(runtime.team.allgather(&words)?))?;
    let all = all.expect("only who is cautious goes on alone");
    status::settle(all.chunks_exact(words.len()).any(|share| share[4] > 0))?;
    let mut total = Partial::empty(mine.op);
    for share in all.chunks_exact(words.len()) {
        if share[0] > 0 {
            let dtype = DType::ALL[share[0] as usize - 1];
            let mut bytes = [0u8; 16];
            bytes[..8].copy_from_slice(&share[1].to_le_bytes());
            bytes[8..].copy_from_slice(&share[2].to_le_bytes());
            let value = Some(Scalar::from_bytes(dtype, &bytes));
            total = total.combine(Partial { op: mine.op, value, index: share[3] as i64 });
        }
    }
    Ok(total)
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
    started().as_ref().map(drop).map_err(Clone::clone)
}

/// Says that this process is, or will be, the rank that a launcher has made a place for, before the runtime starts: processes that it starts
/// or forks from now on are jobs of their own. Returns the variable, name and value, that has to be added to the
/// environment for that, if there is one: see [`rma::bootstrap::claim`]. Not collective.
pub fn claim() -> Option<(&'static str, String)> {
    fork::on_fork(in_child);
    rma::bootstrap::claim()
}

/// This process's number, 0 without a launcher. Not collective. Panics, as do the other attributes here, if the runtime
/// isn't started and can't be; [`init`] says why.
pub fn rank() -> usize {
    get().rank
}

/// How many processes there are. Not collective.
pub fn size() -> usize {
    get().size
}

/// Wait for all ranks. Collective.
pub fn barrier() -> Result<()> {
    let _turn = turn::take("barrier")?;
    match status::is_undecided() {
        true => status::agree(Purpose::Barrier),
        false => agree::together(Purpose::Barrier, || Ok(team().barrier()?)).map(drop),
    }
}

/// End the runtime: wait for all ranks and leave the job. Operations on arrays are errors afterwards; a second call
/// does nothing. Collective.
pub fn finalize() -> Result<()> {
    match RUNTIME.get() {
        // There is nothing to end, and it was reported when the start failed.
        Some(Err(_)) => return Ok(()),
        // A forked child that has used no arrays.
        None if fork::count() > 0 => return Ok(()),
        _ => {}
    }
    init()?;
    turn::in_turn(|| {
        status::agree(Purpose::Combine)?;
        crate::storage::trim();
        agree::together(Purpose::Leave, || Ok(get().world.finalize()?)).map(drop)
    })
}

/// End all ranks with this exit code; a process that a rank has forked or started, alone.
pub fn abort(code: i32, message: &str) -> ! {
    get().world.abort(code, message)
}

/// Threads used by this rank.
pub fn threads() -> usize {
    get().threads
}

/// Arrays of at most this many elements are replicated instead of distributed (`GAIN_THRESHOLD`).
pub fn threshold() -> usize {
    get().threshold
}

pub use crate::limbo::hold_drops;
pub use crate::turn::{hold, if_free, in_turn, release};

impl From<rma::Error> for Error {
    #[cold]
    fn from(e: rma::Error) -> Error {
        let kind = match e.kind() {
            rma::ErrorKind::Memory => Kind::Memory,
            rma::ErrorKind::Mismatch => Kind::Mismatch,
            _ => Kind::Runtime,
        };
        Error::new(kind, e.to_string())
    }
}

impl From<ga_core::Error> for Error {
    #[cold]
    fn from(e: ga_core::Error) -> Error {
        let source = std::error::Error::source(&e).and_then(|source| source.downcast_ref::<rma::Error>());
        let is_mismatch = source.is_some_and(|source| source.kind() == rma::ErrorKind::Mismatch);
        let kind = match e.kind() {
            ga_core::ErrorKind::Memory => Kind::Memory,
            _ if is_mismatch => Kind::Mismatch,
            _ => Kind::Runtime,
        };
        Error::new(kind, e.to_string())
    }
}
