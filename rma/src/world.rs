//! The world: all ranks of the job, and what this process shares among all its teams.
//!
//! Invariant: there is at most one world per process; it is made once, lives until the process ends (so memory of
//! the node heap stays mapped whatever is still borrowed), and after [`World::finalize`] every operation is an error.

use crate::bell;
use crate::bootstrap::{self, Bootstrap, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::stall::Watch;
use crate::team::Team;
use crate::transport::{Shm, Transport};
use shm::sync::{Sequence, SpinPolicy};
use shm::{Heap, HeapConfig};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Set by finalize; read by every operation. Static because there is one world, and a load from a fixed address is cheapest.
static FINALIZED: AtomicBool = AtomicBool::new(false);

/// The one world, once it is there.
static WORLD: Mutex<Option<World>> = Mutex::new(None);

/// All ranks of the job. Clones are handles to the same world.
#[derive(Clone, Debug)]
pub struct World {
    shared: Arc<Shared>,
    team: Team,
}

/// What teams and segments need of their world.
pub(crate) struct Shared {
    pub(crate) rank: usize,
    pub(crate) size: usize,
    pub(crate) heap: Arc<Heap>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) transport: Box<dyn Transport>,
    /// Under `GAIN_CHECK=1` every collective leaves its call site for the others' error messages.
    pub(crate) check: bool,
    pub(crate) watch: Arc<Watch>,
    policy: SpinPolicy,
    bootstrap: Mutex<Box<dyn Bootstrap>>,
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
    /// `Unsupported` (ranks on several nodes), `Memory`, `Finalized`.
    pub fn init() -> Result<World> {
        let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
        if FINALIZED.load(Ordering::Relaxed) {
            return Err(finalized("init"));
        }
        if world.is_none() {
            *world = Some(World::start()?);
        }
        Ok(world.clone().expect("made above"))
    }

    fn start() -> Result<World> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Bootstrap, "init", format!("{what}: {error}"))
        };
        let mut bootstrap = bootstrap::connect().map_err(|e| failed("start of the job", &e))?;
        let mut node =
            Node::discover(&mut *bootstrap).map_err(|e| failed("finding the ranks of this node", &e))?;
        let (rank, size) = (bootstrap.rank(), bootstrap.size());
        if node.members().len() != size {
            let nodes = node.node_numbers().iter().max().map_or(1, |last| last + 1);
            let message =
                format!("{size} ranks are spread over {nodes} nodes, and there is no network transport");
            return Err(Error::new(ErrorKind::Unsupported, "init", message));
        }
        let heap = map_heap(&mut node);
        let status = heap.as_ref().err().map_or(String::new(), |e| e.to_string());
        let statuses = bootstrap.allgather(status.as_bytes()).map_err(|e| failed("start of the job", &e))?;
        if let Some(bad) = statuses.iter().position(|status| !status.is_empty()) {
            let message = String::from_utf8_lossy(&statuses[bad]).into_owned();
            return Err(Error::at(ErrorKind::Memory, "init", bad, message));
        }
        let heap = Arc::new(heap.expect("no rank reported an error"));
        let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|text| text == value);
        let layout = Arc::new(Layout::new(rank, node.node_numbers()));
        let watch = Arc::new(Watch::new(heap.clone(), node));
        let policy = heap.spin_policy(1);
        let direct = !is_set("GAIN_DIRECT", "0");
        let transport = Shm::new(heap.clone(), layout.clone(), watch.clone(), policy, direct);
        let shared = Arc::new(Shared {
            rank,
            size,
            transport: Box::new(transport),
            check: is_set("GAIN_CHECK", "1"),
            policy,
            watch,
            bootstrap: Mutex::new(bootstrap),
            heap,
            layout,
        });
        Ok(World { team: Team::world(&shared)?, shared })
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
    /// Every rank is on one node as long as there is no network transport, so this is the world's own team.
    pub fn node_team(&self) -> Team {
        self.team.clone()
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
        bootstrap.leave().map_err(|e| Error::new(ErrorKind::Bootstrap, "finalize", e.to_string()))
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

    pub(crate) fn policy(&self) -> SpinPolicy {
        self.policy
    }
}

fn map_heap(node: &mut Node) -> std::result::Result<Heap, String> {
    if node.my_index() > 0 {
        let fd = node.take().map_err(|e| e.to_string())?;
        return Heap::attach(fd, node.my_index()).map_err(|e| e.to_string());
    }
    let config = HeapConfig { ranks: node.members().len(), limit_bytes: None };
    let heap = Heap::create(config).map_err(|e| e.to_string());
    let given = match &heap {
        Ok(heap) => heap.fd().map_or(Ok(()), |fd| node.give(Ok(fd))),
        Err(error) => node.give(Err(error)),
    };
    given.map_err(|e| e.to_string()).and(heap)
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
