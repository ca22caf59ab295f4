//! What operations tell tools: statistics, traces, and whatever a program registers.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `mod` | events, who is told, and the span from begin to end |
//! | `stats` | counters by operation and path, and by peer |
//! | `trace` | the list of spans, and their text as a Chrome trace |
//! | [`crate::report`] | what becomes of both when the job ends |
//!
//! Off, all this costs nothing on the way of a put or get: an operation asks anyway whether the world can be used, and a world that is
//! watched isn't plainly usable (`call` in `world.rs`). A collective call and a wait ask once more.
//!
//! Invariant: an observer is told of each end after its begin, by the thread that made the call, and of nothing that it does itself.

pub(crate) mod stats;
pub(crate) mod trace;

use crate::call::OpCode;
use std::cell::Cell;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// One call, or one wait within a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What was called, as in `"put"` or `"allreduce"`; of a wait, the call that waits.
    pub name: &'static str,
    /// A call of one rank, of all, or a wait.
    pub kind: Kind,
    /// World rank of the other side, if there is a single one.
    pub peer: Option<usize>,
    /// Bytes that this rank moves, or contributes to a collective; 0 where that makes no sense.
    pub bytes: usize,
    /// Which way they go. Of a transfer between nodes it is known at the end only.
    pub path: Path,
    /// The line of the program that called, where that is known.
    pub location: Option<&'static Location<'static>>,
    pub(crate) op: OpCode,
}

/// What an [`Event`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A one-sided call.
    Operation,
    /// A call of all members of a team.
    Collective,
    /// The time in which a call had nothing to do but wait for others.
    Wait,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// No way of their own: waits, and fences of all ranks.
    None,
    /// By loads and stores.
    Shared,
    /// By messages that the target's processor takes.
    Messages,
    /// By the network engine's own remote memory access.
    Direct,
}

impl Path {
    pub(crate) const ALL: [Path; 4] = [Path::None, Path::Shared, Path::Messages, Path::Direct];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Path::None => "-",
            Path::Shared => "shared memory",
            Path::Messages => "messages",
            Path::Direct => "direct",
        }
    }
}

impl Event {
    pub(crate) fn new(op: OpCode, kind: Kind) -> Event {
        Event { name: op.name(), kind, peer: None, bytes: 0, path: Path::None, location: None, op }
    }

    /// The same with the line that called.
    pub(crate) fn at(self, location: &'static Location<'static>) -> Event {
        Event { location: Some(location), ..self }
    }
}

/// Who wants to know of calls: see [`World::observe`](crate::World::observe).
///
/// Both are called by the thread that makes the call, while it makes it: they should be quick, and may be called by several threads at
/// once. What they call themselves is told to nobody.
pub trait Observer: Send + Sync {
    /// A call begins.
    fn begin(&self, event: &Event) {
        let _ = event;
    }

    /// It has ended, however that was. `began` is when.
    fn end(&self, event: &Event, began: Instant, spent: Duration);
}

/// All of them, once there is one.
static OBSERVERS: RwLock<Vec<Arc<dyn Observer>>> = RwLock::new(Vec::new());

/// Whether there is any.
static IS_ON: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread is telling an observer something.
    static IS_TELLING: Cell<bool> = const { Cell::new(false) };
    /// The way that the present transfer took.
    static TOOK: Cell<Option<Path>> = const { Cell::new(None) };
}

/// Adds an observer. The caller sees to it that operations ask.
pub(crate) fn add(observer: Arc<dyn Observer>) {
    OBSERVERS.write().unwrap_or_else(PoisonError::into_inner).push(observer);
    IS_ON.store(true, Ordering::Release);
}

/// Whether anybody wants to know.
#[inline]
pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// A span of this event if anybody wants to know: to be kept until it ends.
#[inline]
pub(crate) fn span(event: impl FnOnce() -> Event) -> Option<Box<Span>> {
    if is_on() { Some(begin(event)) } else { None }
}

/// In a box, so that who has none is not larger for it.
#[cold]
#[inline(never)]
fn begin(event: impl FnOnce() -> Event) -> Box<Span> {
    Box::new(Span::begin(event()))
}

/// The present transfer goes this way, as the network knows.
#[inline]
pub(crate) fn took(path: Path) {
    if is_on() {
        TOOK.set(Some(path));
    }
}

fn tell(what: impl Fn(&dyn Observer)) {
    if IS_TELLING.replace(true) {
        return;
    }
    for observer in OBSERVERS.read().unwrap_or_else(PoisonError::into_inner).iter() {
        what(&**observer);
    }
    IS_TELLING.set(false);
}

/// A call from its begin to its end, which is when this is dropped.
#[derive(Debug)]
pub(crate) struct Span {
    event: Event,
    began: Instant,
    is_void: bool,
}

impl Span {
    pub(crate) fn begin(event: Event) -> Span {
        if event.kind == Kind::Operation {
            TOOK.set(None);
        }
        tell(|observer| observer.begin(&event));
        Span { event, began: Instant::now(), is_void: false }
    }

    /// It came to nothing: nobody is told of its end.
    pub(crate) fn cancel(&mut self) {
        self.is_void = true;
    }

    /// What a collective call contributes, as its first meeting knows.
    pub(crate) fn moves(&mut self, bytes: usize) {
        self.event.bytes = self.event.bytes.max(bytes);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let spent = self.began.elapsed();
        if self.event.kind == Kind::Operation
            && let Some(path) = TOOK.take()
        {
            self.event.path = path;
        }
        if !self.is_void {
            tell(|observer| observer.end(&self.event, self.began, spent));
        }
    }
}
