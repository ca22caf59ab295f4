//! The world: all ranks of the job, and what this process shares among all its teams.
//!
//! Invariant: there is at most one world per process; it is made once, lives until the process ends (so memory of
//! the node heap stays mapped whatever is still borrowed), and after [`World::finalize`] every operation is an error; so it is after
//! [`World::pause`], until [`World::init`] is called again.
//! A forked child is another process: it keeps a world of one rank, and may make its own in place of any other ([`crate::fork`]).

use crate::bootstrap::{self, Bootstrap};
use crate::call::OpCode;
use crate::error::{Error, ErrorKind, Result};
use crate::fork::{self, PerProcess};
use crate::observe::{self, Event, Kind, Observer};
use crate::report;
use crate::shared::{
    BESIDE_INHERITED, FINALIZED, INHERITED, OBSERVED, PAUSED, STATE, Shared, USABLE, call, gone, is_usable,
    no_such_rank, usable,
};
use crate::start::{failed, start};
use crate::team::Team;
use crate::transport::Transport;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The one world, once it is there.
static WORLD: PerProcess<Mutex<Option<World>>> = PerProcess::new();

/// What the handler of forks finds: the world that [`WORLD`] keeps.
static HERE: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

/// The process ends: nothing of ours may be inside a library any more when that is torn down, and a world that was paused and not used
/// again leaves the process manager.
extern "C" fn at_exit() {
    // SAFETY: null, or the world kept by `WORLD` of this process, which is never dropped.
    let Some(world) = (unsafe { HERE.load(Ordering::Acquire).as_ref() }) else { return };
    world.transport.stop();
    if STATE.load(Ordering::Relaxed) == PAUSED
        && !world.is_inherited()
        && let Ok(mut bootstrap) = world.bootstrap.try_lock()
    {
        // Nobody is left to be told.
        let _ = bootstrap.leave();
    }
}

/// All ranks of the job. Clones are handles to the same world.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) shared: Arc<Shared>,
    pub(crate) team: Team,
    pub(crate) node_team: Team,
}

impl World {
    /// Joins the job this process was started in, as one of `gain run`'s or `mpiexec`'s ranks, or as the only rank.
    ///
    /// Collective over the job; on return every rank's memory is mapped. Calling it again returns the same world. Adds a variable to the
    /// environment ([`bootstrap::claim`]), so other threads should not read or change that meanwhile. In a process that a rank has started or
    /// forked, the world is that of a single rank.
    /// Stands for `MPI_Init`, `ARMCI_Init`, `GA_Initialize`. Errors: `Bootstrap` (the start of the job failed),
    /// `Unsupported` (ranks on several nodes, and no network engine), `Memory`, `Finalized`.
    pub fn init() -> Result<World> {
        World::init_by(bootstrap::connect)
    }

    /// As [`World::init`], for a program whose ranks can talk already: `bootstrap` (mostly a [`bootstrap::Exchange`] over
    /// an allgather of MPI's or mpi4py's) says which rank this is and brings the ranks together, however they were started.
    ///
    /// Collective; if there is a world already, that one is returned and `bootstrap` is not used.
    pub fn init_with(bootstrap: Box<dyn Bootstrap>) -> Result<World> {
        World::init_by(|| Ok(bootstrap))
    }

    fn init_by(bootstrap: impl FnOnce() -> std::io::Result<Box<dyn Bootstrap>>) -> Result<World> {
        let world = WORLD.get_or_init(|| Mutex::new(None));
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        if STATE.load(Ordering::Relaxed) == FINALIZED {
            return Err(gone("init", FINALIZED));
        }
        if STATE.load(Ordering::Relaxed) == PAUSED && world.is_some() {
            STATE.store(usable(fork::count() > 0), Ordering::Release);
        }
        if world.is_none() {
            bootstrap::claim_here();
            // SAFETY: it maps memory anew and stores to atomics.
            unsafe { fork::on_leaving(leave_in_child) };
            let bootstrap = bootstrap().map_err(|error| failed("start of the job", &error))?;
            let (shared, team, node_team) = start(bootstrap)?;
            let made = World { shared, team, node_team };
            let host = made.shared.hosts.get(made.rank()).map_or("", |host| host);
            report::begin(made.rank(), made.size(), host)?;
            HERE.store(Arc::as_ptr(&made.shared).cast_mut(), Ordering::Release);
            let is_second = matches!(STATE.load(Ordering::Relaxed), INHERITED | BESIDE_INHERITED);
            STATE.store(usable(is_second), Ordering::Release);
            // Libraries are torn down after what was registered last, hence after this.
            // SAFETY: a function of this library; where that is unloaded, it runs before.
            unsafe { libc::atexit(at_exit) };
            *world = Some(made);
        }
        Ok(world.clone().expect("made above"))
    }

    /// This process's number, below [`World::size`]. Not collective.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shared.rank
    }

    /// Number of ranks of the job. Not collective.
    #[inline]
    pub fn size(&self) -> usize {
        self.shared.size
    }

    /// The team of all ranks. Not collective.
    pub fn team(&self) -> Team {
        self.team.clone()
    }

    /// The team of the ranks that share this node's memory. Not collective. Stands for `MPI_COMM_TYPE_SHARED`.
    ///
    /// In a job of one node this is the world's own team.
    pub fn node_team(&self) -> Team {
        self.node_team.clone()
    }

    /// Whether [`World::finalize`] was called, or [`World::pause`] and no [`World::init`] since. Not collective.
    #[inline]
    pub fn is_finalized(&self) -> bool {
        matches!(STATE.load(Ordering::Relaxed), FINALIZED | PAUSED)
    }

    /// Whether operations are possible: the world was neither finalized nor left behind by a fork. Not collective.
    pub fn is_usable(&self) -> bool {
        is_usable(STATE.load(Ordering::Relaxed)) && self.shared.check("").is_ok()
    }

    /// From now on tells `observer` of every call of this process, and of waits. May be called before [`World::init`], so that the start's
    /// collectives are told, too.
    ///
    /// Not collective. Stands for the profiling interface of MPI (`PMPI`), and PERUSE's events.
    pub fn observe(observer: Arc<dyn Observer>) {
        observe::add(observer);
        let _ = STATE.compare_exchange(USABLE, OBSERVED, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Most bytes that all segments of a node's ranks may take together. Not collective; the same on every rank of the node.
    pub fn heap_limit_bytes(&self) -> u64 {
        self.shared.heap.usage().1
    }

    /// Bytes that segments of this node's ranks have taken from the system so far; freed ones may still be among them. Not collective.
    pub fn heap_committed_bytes(&self) -> u64 {
        self.shared.heap.usage().0
    }

    /// The way to other ranks' memory that isn't mapped, and what it can do. Not collective.
    pub fn transport(&self) -> &dyn Transport {
        &*self.shared.transport
    }

    /// [`Team::barrier`] of all ranks.
    #[track_caller]
    pub fn barrier(&self) -> Result<()> {
        self.team.barrier()
    }

    /// [`Team::sync`] of all ranks. Stands for `ARMCI_Barrier`, `GA_Sync`.
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.team.sync()
    }

    /// Returns when all operations of this rank to world rank `rank` are remotely complete.
    ///
    /// Not collective. Stands for `ARMCI_Fence`, `MPI_Win_flush`. Errors: `Rank`, `Finalized`.
    #[inline]
    pub fn fence(&self, rank: usize) -> Result<()> {
        if rank >= self.size() {
            self.shared.alive("fence")?;
            return Err(no_such_rank("fence", rank, self.size()));
        }
        call!(self.shared, self.shared.fence_event(rank), self.shared.transport.fence(rank))
    }

    /// [`World::fence`] for all ranks. Not collective. Stands for `ARMCI_AllFence`, `MPI_Win_flush_all`.
    #[inline]
    pub fn fence_all(&self) -> Result<()> {
        call!(self.shared, Event::new(OpCode::FenceAll, Kind::Operation), self.shared.transport.fence_all())
    }

    /// Ends the job in good order: a [`World::sync`], after which every operation on any rank is an error of kind `Finalized`.
    ///
    /// Collective; a second call does nothing. Stands for `MPI_Finalize`. Memory stays mapped until the process ends. A program may also end without it.
    #[track_caller]
    pub fn finalize(&self) -> Result<()> {
        match STATE.load(Ordering::Relaxed) {
            state if is_usable(state) => self.end(FINALIZED)?,
            PAUSED => STATE.store(FINALIZED, Ordering::Relaxed),
            FINALIZED => return Ok(()),
            state => return Err(gone("finalize", state)),
        }
        if self.shared.is_inherited() {
            return Ok(());
        }
        let mut bootstrap = self.shared.bootstrap.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.is_wide() {
            self.shared.transport.stop();
        }
        bootstrap.leave().map_err(|e| Error::new(ErrorKind::Bootstrap, "finalize", e.to_string()))
    }

    /// As [`World::finalize`], but [`World::init`] makes the same world usable again. The process manager is left when the process exits.
    ///
    /// Collective; a second call does nothing. Stands for `ARMCI_Finalize`, `GA_Terminate`.
    #[track_caller]
    pub fn pause(&self) -> Result<()> {
        match STATE.load(Ordering::Relaxed) {
            state if is_usable(state) => {}
            FINALIZED | PAUSED => return Ok(()),
            state => return Err(gone("finalize", state)),
        }
        self.end(PAUSED)
    }

    /// The last synchronisation before a state in which nothing can be done.
    #[track_caller]
    fn end(&self, state: u8) -> Result<()> {
        self.shared.check("finalize")?;
        self.shared.transport.fence_all()?;
        if self.team.finalize(report::share())? {
            report::together(&self.team, self.node_team.world_rank(0))?;
            self.team.barrier()?;
        }
        STATE.store(state, Ordering::Relaxed);
        if self.shared.is_inherited() || !self.shared.is_wide() {
            return Ok(());
        }
        self.await_all(&mut **self.shared.bootstrap.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A last barrier past the network: what others still have on its way from or to this process has arrived when it is over.
    fn await_all(&self, bootstrap: &mut dyn Bootstrap) -> Result<()> {
        let outcome = std::thread::scope(|scope| {
            let barrier = scope.spawn(|| bootstrap.barrier());
            while !barrier.is_finished() {
                if !self.shared.transport.progress() {
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
            barrier.join()
        });
        let outcome = outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.map_err(|e| Error::new(ErrorKind::Bootstrap, "finalize", e.to_string()))
    }

    /// Ends all ranks of the job with exit code `code`, after printing `message` on standard error. A forked child ends alone.
    ///
    /// Not collective; never returns. Stands for `MPI_Abort`, `ARMCI_Error`.
    pub fn abort(&self, code: i32, message: &str) -> ! {
        eprintln!("rank {}: abort: {message}", self.rank());
        if !self.shared.is_inherited() {
            self.shared.bootstrap.lock().unwrap_or_else(PoisonError::into_inner).abort(code, message);
        }
        std::process::exit(code)
    }
}

/// In a forked child: it is no rank of its parent's world. Async-signal-safe.
fn leave_in_child() {
    // SAFETY: null, or the world kept by `WORLD` of this process or of the one it was forked from; that is never dropped.
    let Some(world) = (unsafe { HERE.load(Ordering::Acquire).as_ref() }) else {
        return;
    };
    world.heap.isolate();
    world.watch.isolate();
    if world.size > 1 || !is_usable(STATE.load(Ordering::Relaxed)) {
        STATE.store(INHERITED, Ordering::Relaxed);
        HERE.store(std::ptr::null_mut(), Ordering::Relaxed);
    } else {
        WORLD.keep();
    }
}
