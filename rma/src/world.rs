//! The world: all ranks of the job, and what this process shares among all its teams.
//!
//! Invariant: there is at most one world per process; it is made once, lives until the process ends (so memory of
//! the node heap stays mapped whatever is still borrowed), and after [`World::finalize`] every operation is an error.

use crate::bell;
use crate::bootstrap::{self, Bootstrap};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::segment::Spot;
use crate::stall::Watch;
use crate::start::failed;
use crate::team::Team;
use crate::transport::{Remote, Transport};
use shm::Heap;
use shm::sync::{Sequence, SpinPolicy};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Set by finalize; read by every operation. Static because there is one world, and a load from a fixed address is cheapest.
static FINALIZED: AtomicBool = AtomicBool::new(false);

/// The one world, once it is there.
static WORLD: Mutex<Option<World>> = Mutex::new(None);

/// All ranks of the job. Clones are handles to the same world.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) shared: Arc<Shared>,
    pub(crate) team: Team,
    pub(crate) node_team: Team,
}

/// What teams and segments need of their world.
pub(crate) struct Shared {
    pub(crate) rank: usize,
    pub(crate) size: usize,
    pub(crate) heap: Arc<Heap>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) transport: Arc<dyn Transport>,
    /// Under `GAIN_CHECK=1` every collective leaves its call site for the others' error messages.
    pub(crate) check: bool,
    pub(crate) watch: Arc<Watch>,
    pub(crate) policy: SpinPolicy,
    /// By rank, for messages to people.
    pub(crate) hosts: Box<[Box<str>]>,
    pub(crate) bootstrap: Mutex<Box<dyn Bootstrap>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rank {} of {} over {}", self.rank, self.size, self.transport.name())
    }
}

impl World {
    /// Joins the job this process was started in, as one of `gain run`'s or `mpiexec`'s ranks, or as the only rank.
    ///
    /// Collective over the job; on return every rank's memory is mapped. Calling it again returns the same world.
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
        let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
        if FINALIZED.load(Ordering::Relaxed) {
            return Err(finalized("init"));
        }
        if world.is_none() {
            let bootstrap = bootstrap().map_err(|error| failed("start of the job", &error))?;
            *world = Some(World::start(bootstrap)?);
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

    /// Whether [`World::finalize`] was called. Not collective.
    #[inline]
    pub fn is_finalized(&self) -> bool {
        FINALIZED.load(Ordering::Relaxed)
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
        alive("fence")?;
        if rank >= self.size() {
            return Err(no_such_rank("fence", rank, self.size()));
        }
        self.shared.transport.fence(rank)
    }

    /// [`World::fence`] for all ranks. Not collective. Stands for `ARMCI_AllFence`, `MPI_Win_flush_all`.
    #[inline]
    pub fn fence_all(&self) -> Result<()> {
        alive("fence_all")?;
        self.shared.transport.fence_all()
    }

    /// Ends the job in good order: a [`World::sync`], after which every operation on any rank is an error of kind `Finalized`.
    ///
    /// Collective; a second call does nothing. Stands for `MPI_Finalize`. Memory stays mapped until the process ends. A program may also end without it.
    #[track_caller]
    pub fn finalize(&self) -> Result<()> {
        if FINALIZED.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.shared.transport.fence_all()?;
        self.team.finalize()?;
        FINALIZED.store(true, Ordering::Relaxed);
        let mut bootstrap = self.shared.bootstrap.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.is_wide() {
            self.await_all(&mut **bootstrap)?;
        }
        bootstrap.leave().map_err(|e| Error::new(ErrorKind::Bootstrap, "finalize", e.to_string()))
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

    /// Ends all ranks of the job with exit code `code`, after printing `message` on standard error.
    ///
    /// Not collective; never returns. Stands for `MPI_Abort`, `ARMCI_Error`.
    pub fn abort(&self, code: i32, message: &str) -> ! {
        eprintln!("rank {}: abort: {message}", self.rank());
        self.shared.bootstrap.lock().unwrap_or_else(PoisonError::into_inner).abort(code, message);
        std::process::exit(code)
    }
}

impl Shared {
    /// The bell of a world rank of this node.
    pub(crate) fn bell(&self, rank: usize) -> &Sequence {
        bell::bell(&self.heap, self.layout.index(rank))
    }

    /// Whether the job has ranks on several nodes.
    #[inline]
    pub(crate) fn is_wide(&self) -> bool {
        self.layout.nodes() > 1
    }

    /// A place in some rank's arena, with its address if the rank is on this node.
    pub(crate) fn reach(&self, place: Remote) -> Spot {
        let address = |index| self.heap.address(index, place.offset);
        Spot { mapped: self.layout.local(place.rank).map_or(std::ptr::null_mut(), address), place }
    }

    pub(crate) fn policy(&self) -> SpinPolicy {
        self.policy
    }
}

/// An error once the world is finalized.
#[inline(always)]
pub(crate) fn alive(op: &'static str) -> Result<()> {
    if FINALIZED.load(Ordering::Relaxed) { Err(finalized(op)) } else { Ok(()) }
}

#[cold]
fn finalized(op: &'static str) -> Error {
    Error::new(ErrorKind::Finalized, op, "the world has been finalized")
}

#[cold]
pub(crate) fn no_such_rank(op: &'static str, rank: usize, size: usize) -> Error {
    Error::at(ErrorKind::Rank, op, rank, format!("there are ranks 0 to {} only", size.saturating_sub(1)))
}
