//! What a world shares among its teams and segments, and whether it can be used.
//!
//! Invariant: made once per world, and never changed; what every operation asks of it first is in [`STATE`].

use crate::bell;
use crate::bootstrap::Bootstrap;
use crate::call::OpCode;
use crate::departure::Foundings;
use crate::error::{Error, ErrorKind, Result};
use crate::fork;
use crate::layout::Layout;
use crate::observe::{self, Event, Kind, Path, Span};
use crate::post::Post;
use crate::spot::Spot;
use crate::stall::Watch;
use crate::transport::{Remote, Transport};
use shm::Heap;
use shm::sync::{Counter, SpinPolicy};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// Whether the world can be used; read by every operation. Static because there is one world, and a load from a fixed address is cheapest.
pub(crate) static STATE: AtomicU8 = AtomicU8::new(USABLE);
pub(crate) const USABLE: u8 = 0;
/// Set by finalize.
pub(crate) const FINALIZED: u8 = 1;
/// This process was forked from a rank whose world it can't keep.
pub(crate) const INHERITED: u8 = 2;
/// Set by pause.
pub(crate) const PAUSED: u8 = 3;
/// As usable, but observers want to know of operations.
pub(crate) const OBSERVED: u8 = 4;
/// As inherited, but it has made its own: which of the two is meant has to be looked at.
pub(crate) const BESIDE_INHERITED: u8 = 5;

/// Whether the state is that of a process with a world to be used.
pub(crate) fn is_usable(state: u8) -> bool {
    matches!(state, USABLE | OBSERVED | BESIDE_INHERITED)
}

/// The state of a world to be used.
pub(crate) fn usable(is_second: bool) -> u8 {
    match is_second {
        true => BESIDE_INHERITED,
        false if observe::is_on() => OBSERVED,
        false => USABLE,
    }
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
    /// From how many members of a node on they meet in rounds.
    pub(crate) rounds_from: usize,
    /// Up to how many members of a team on several nodes all hear the words of each, in reductions and broadcasts.
    pub(crate) words_of: usize,
    /// By rank, for messages to people.
    pub(crate) hosts: Arc<[Box<str>]>,
    pub(crate) bootstrap: Mutex<Box<dyn Bootstrap>>,
    /// Letters between programs.
    pub(crate) post: Post,
    /// Teams that this process makes with some others, and has left.
    pub(crate) foundings: Arc<Foundings>,
    /// [`fork::count`] of the process that made this.
    pub(crate) forks: u32,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rank {} of {} over {}", self.rank, self.size, self.transport.name())
    }
}

impl Shared {
    /// The bell of a world rank of this node.
    pub(crate) fn bell(&self, rank: usize) -> &Counter {
        bell::bell(&self.heap, self.layout.index(rank))
    }

    /// Whether this process was forked from the rank whose world this is.
    pub(crate) fn is_inherited(&self) -> bool {
        self.forks != fork::count()
    }

    /// An error if this is the world of a job that this process was forked out of. (A world of one rank goes on in the child.)
    #[inline]
    pub(crate) fn check(&self, op: &'static str) -> Result<()> {
        if self.size > 1 && self.is_inherited() { Err(gone(op, INHERITED)) } else { Ok(()) }
    }

    /// A fence to a world rank, for observers.
    #[cold]
    pub(crate) fn fence_event(&self, rank: usize) -> Event {
        let path = if self.layout.local(rank).is_some() { Path::Shared } else { Path::Messages };
        Event { peer: Some(rank), path, ..Event::new(OpCode::Fence, Kind::Operation) }
    }

    /// An error once this world is finalized, or if it is that of a job that this process was forked out of.
    #[inline(always)]
    pub(crate) fn alive(&self, op: &'static str) -> Result<()> {
        match STATE.load(Ordering::Relaxed) {
            USABLE => Ok(()),
            state => self.alive_in_child(op, state),
        }
    }

    #[cold]
    fn alive_in_child(&self, op: &'static str, state: u8) -> Result<()> {
        if is_usable(state) { self.check(op) } else { Err(gone(op, state)) }
    }

    /// Whether an operation has nothing to ask and nobody to tell. What else there is, [`Shared::watched`] finds out. Usable without more is no world of a parent's job,
    /// unless it goes on in the child.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        STATE.load(Ordering::Relaxed) == USABLE
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn watched<R>(
        &self,
        event: impl FnOnce() -> Event,
        go: impl FnOnce() -> Result<R>,
    ) -> Result<R> {
        let event = event();
        self.alive(event.name)?;
        let _span = observe::is_on().then(|| Span::begin(event));
        go()
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

    /// Whether so many members of a team on one node meet in rounds: many, each with a processor. The same on all ranks of a node.
    pub(crate) fn in_rounds(&self, members: usize) -> bool {
        members >= self.rounds_from
    }

    pub(crate) fn policy(&self) -> SpinPolicy {
        self.policy
    }
}

/// An error once the world is finalized, or of another process.
#[inline(always)]
pub(crate) fn alive(op: &'static str) -> Result<()> {
    match STATE.load(Ordering::Relaxed) {
        USABLE | BESIDE_INHERITED => Ok(()),
        state => alive_if(op, state),
    }
}

#[cold]
fn alive_if(op: &'static str, state: u8) -> Result<()> {
    if is_usable(state) { Ok(()) } else { Err(gone(op, state)) }
}

/// The operation `$go` if `$world` can be used; observers are told of `$event` if there are any. Where there are none this asks no more than
/// [`Shared::alive`] does. A macro, so that what is told and what isn't are two pieces of code: a closure would be one, called from both.
macro_rules! call {
    ($world:expr, $event:expr, $go:expr) => {
        if $world.is_plain() { $go } else { $world.watched(move || $event, move || $go) }
    };
}
pub(crate) use call;

#[cold]
pub(crate) fn gone(op: &'static str, state: u8) -> Error {
    match state {
        FINALIZED | PAUSED => Error::new(ErrorKind::Finalized, op, "the world has been finalized"),
        _ => Error::of_parent(op),
    }
}

#[cold]
pub(crate) fn no_such_rank(op: &'static str, rank: usize, size: usize) -> Error {
    Error::at(ErrorKind::Rank, op, rank, format!("there are ranks 0 to {} only", size.saturating_sub(1)))
}
