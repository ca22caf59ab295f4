//! The transport between nodes: one protocol of active messages over a network engine.
//!
//! | file | what |
//! | --- | --- |
//! | `wire` | what an engine offers; `ucx`, `ofi` implement it |
//! | `message`, `shape` | what messages look like; strided boxes as streams |
//! | `choose` | which engine |
//! | `peer`, `requests` | the state of a talk; what callers wait for |
//! | `engine` | sending, and the turn of the crank |
//! | `runs` | scattered runs, many to a message |
//! | `direct`, `keys` | transfers past the messages, by the engine's own remote memory access; their state |
//! | `core`, `serve` | receiving, and what messages do to memory |
//! | `progress`, `wait` | who turns the crank, and how a call waits |
//!
//! Every operation travels as numbered messages, which the target takes in order; so operations of one process to one target take
//! effect in the order of issue. The target acknowledges numbers, not messages: cumulatively, along with whatever it sends
//! anyway, and at once when asked. [`Net::fence`] is complete when the last number is acknowledged. A source has a window of
//! messages and bytes not acknowledged, so a target's memory is bounded by its sources, not by their speed; answers are bounded by the
//! windows of those that asked. Receiving never waits for sending, hence no cycle of full windows can come about.

pub(crate) mod choose;
mod core;
mod direct;
mod engine;
mod keys;
mod message;
mod ofi;
mod peer;
mod progress;
mod requests;
mod runs;
mod serve;
mod shape;
#[cfg(test)]
mod tests;
mod ucx;
mod wait;
pub(crate) mod wire;

use self::core::{Core, Outgoing};
use self::engine::{Engine, GET_PIECE, Thresholds, answer_len};
use self::message::{Head, Kind, Packed, UNHEARD};
use self::peer::{List, Scale, Stream, Transfer, Way, Work};
use self::progress::Helper;
use self::requests::Awaits;
use self::serve::Memory;
use self::shape::Span;
use self::wait::{Counted, closed};
use self::wire::{Progress, Wire};
use super::bundle::Bundle;
use super::letter::Inbox;
use super::verbs::{
    Amo, Capabilities, Held, Moving, Remote, Rows, Runs, SILENCE, SignalUpdate, Token, Transport,
};
use crate::call::OpCode;
use crate::directory::Directory;
use crate::error::{Error, ErrorKind, Result};
use crate::fork;
use crate::layout::Layout;
use crate::stall::Watch;
use ::shm::sync::SpinPolicy;
use ::shm::{DType, Heap};
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The variables that set from how many bytes on a run, and each of many rows, goes past the messages.
const DIRECT_BYTES: &str = "GAIN_RDMA_BYTES";
const DIRECT_ROW_BYTES: &str = "GAIN_RDMA_ROW_BYTES";

/// How long a peer that is waited for may stay silent, and how often that is looked at.
const PATIENCE: Duration = Duration::from_secs(6);

/// What a network transport needs to know of its process.
pub(crate) struct Surroundings {
    pub(crate) heap: Arc<Heap>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) policy: SpinPolicy,
    /// Whether peers' memory on the node counts as mapped.
    pub(crate) direct: bool,
    pub(crate) progress: Progress,
    /// Where letters for the program go.
    pub(crate) inbox: Arc<Inbox>,
    /// By node, for messages to people.
    pub(crate) hosts: Arc<[Box<str>]>,
    /// What every message of this job says of it.
    pub(crate) job: u64,
}

/// The transport over one engine.
pub(crate) struct Net {
    name: &'static str,
    engine: Mutex<Engine>,
    heap: Arc<Heap>,
    layout: Arc<Layout>,
    watch: Arc<Watch>,
    policy: SpinPolicy,
    direct: bool,
    progress: Progress,
    hosts: Arc<[Box<str>]>,
    /// Until it is stopped.
    helper: Mutex<Option<Helper>>,
    /// Threads that wait and turn the crank meanwhile.
    waiters: AtomicU32,
    /// Counts calls of the program, so that the helper knows whether it communicates.
    calls: AtomicU64,
    /// [`fork::count`] of the process that has the engine.
    forks: u32,
}

/// Why a rank can't be reached that a wait found dead.
const IT_DIED: &str = "it died";

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Net over {}", self.name)
    }
}

impl Net {
    /// The transport of a process that has `wire`; `directory` has every rank's [`Wire::address`].
    pub(crate) fn start(wire: Box<dyn Wire>, directory: Directory, around: Surroundings) -> Result<Arc<Net>> {
        let Surroundings { heap, layout, watch, policy, direct, progress, inbox, hosts, job } = around;
        let name = wire.name();
        let thresholds = thresholds(&*wire)?;
        let piece = answer_len(&*wire);
        let longest_get = GET_PIECE.max(piece);
        let memory = Memory {
            heap: heap.clone(),
            layout: layout.clone(),
            watch: watch.clone(),
            policy,
            inbox,
            job,
            longest_get,
        };
        let core = Core::new(memory, directory.ranks(), piece);
        let net = Arc::new(Net {
            name,
            engine: Mutex::new(Engine::new(wire, core, directory, thresholds)),
            heap,
            layout,
            watch,
            policy,
            direct,
            progress,
            hosts,
            helper: Mutex::new(None),
            waiters: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            forks: fork::count(),
        });
        let helper = Helper::start(&net).map_err(|error| {
            Error::new(ErrorKind::Bootstrap, "init", format!("no thread for progress: {error}"))
        })?;
        *net.helper() = Some(helper);
        Ok(net)
    }

    fn helper(&self) -> MutexGuard<'_, Option<Helper>> {
        self.helper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inside(&self) -> MutexGuard<'_, Engine> {
        // In a forked child there is nothing to be done with the parent's connections, and no thread to give the engine back.
        assert!(self.forks == fork::count(), "what belongs to the job of a forked process's parent was used");
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error in a forked child.
    fn check(&self, op: &'static str) -> Result<()> {
        if self.forks == fork::count() { Ok(()) } else { Err(Error::of_parent(op)) }
    }

    /// The engine, for a call of the program.
    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inside()
    }

    /// Apart from the fence inside the node, which else would make room for all this.
    #[inline(never)]
    fn fence_far(&self, rank: usize) -> Result<()> {
        self.check("fence")?;
        self.wait_for(OpCode::Fence, rank, Location::caller(), |engine| fenced(engine, rank))
    }

    /// The number in the node heap of a rank whose memory is mapped, so that nothing goes there over the network.
    fn mapped_index(&self, rank: usize) -> Option<usize> {
        self.layout.local(rank).filter(|index| self.direct || *index == self.heap.rank())
    }

    fn died(&self, op: &'static str, rank: usize, why: &str) -> Error {
        // Of a silence the launcher knows no more.
        if why != IT_DIED && !why.starts_with(SILENCE) {
            self.watch.leave_to_launcher();
        }
        let host = self.hosts.get(self.layout.node(rank)).map_or("", |host| host);
        Error::at(
            ErrorKind::Died,
            op,
            rank,
            format!("world rank {rank} on host {host} can't be reached: {why}"),
        )
    }

    fn start_transfer(&self, op: OpCode, to: Remote, work: Work, token: Token) -> Result<Token> {
        let transfer = Transfer { work, token, op: op.name() };
        self.engine().start(to.rank, transfer).map_err(|why| self.died(op.name(), to.rank, &why))
    }

    fn start_stream(
        &self,
        op: OpCode,
        place: Remote,
        stream: Stream,
        way: Way,
        scale: Option<Scale>,
    ) -> Result<Token> {
        if stream.len == 0 {
            return Ok(Token::DONE);
        }
        let mut engine = self.engine();
        let work = match scale {
            Some(_) => Work::Out(stream, scale),
            None => engine.by_length(place.rank, stream, way),
        };
        engine
            .start(place.rank, Transfer { work, token: Token::DONE, op: op.name() })
            .map_err(|why| self.died(op.name(), place.rank, &why))
    }

    /// Sends a message that is answered with a value, and waits for that.
    fn ask(&self, op: OpCode, at: Remote, mut head: Head, caller: &'static Location<'static>) -> Result<u64> {
        let mut engine = self.engine();
        let token = engine.core.requests.open(op.name(), at.rank, 1);
        if let Some(request) = engine.core.requests.get(token) {
            request.awaits = match op {
                OpCode::Lock => Awaits::Grant(at.offset as u64),
                _ => Awaits::Answer,
            };
        }
        (head.offset, head.token) = (at.offset as u64, token.number());
        let work = Work::Small(Box::new(Packed::new(head, None, None)));
        let started = engine.start(at.rank, Transfer { work, token, op: op.name() });
        drop(engine);
        started.map_err(|why| self.died(op.name(), at.rank, &why))?;
        self.wait_closed(op, at.rank, caller, token)
    }

    fn head(&self, kind: Kind) -> Head {
        Head::new(kind, self.layout.me())
    }

    /// What an answer about a mutex says.
    fn held(answer: u64) -> Held {
        match answer {
            0 => Held::Done,
            1 => Held::Free,
            owner => Held::By(owner as usize - 2),
        }
    }
}

/// From how many bytes on data goes past the messages.
///
/// An adapter that needs no processor at the target gets everything but scattered bytes. Elsewhere both ways are software, and each
/// engine says where they break even; see `docs/src/network.md`. Who sets the length of a run means rows, too, unless they are set apart.
fn thresholds(wire: &dyn Wire) -> Result<Thresholds> {
    let read = |name: &str| match std::env::var(name) {
        Err(_) => Ok(None),
        Ok(text) if text == "never" => Ok(Some(usize::MAX)),
        Ok(text) => text.parse().map(Some).map_err(|_| {
            let message = format!("{name}={text}: must be a number of bytes, or never");
            Error::new(ErrorKind::Bootstrap, "init", message)
        }),
    };
    let (run, row, limits) = (read(DIRECT_BYTES)?, read(DIRECT_ROW_BYTES)?, wire.limits());
    Ok(Thresholds {
        run: run.unwrap_or(limits.direct_len),
        row: row.or(run).unwrap_or(limits.direct_row_len),
        lone: run.map_or(limits.lone_len, |_| usize::MAX),
    })
}

// SAFETY: the engine touches local memory of a transfer until its request is complete, and addresses in the own arena only after
// checking them.
unsafe impl Transport for Net {
    fn name(&self) -> &'static str {
        self.name
    }

    fn describe(&self) -> String {
        self.inside().describe()
    }

    fn capabilities(&self) -> Capabilities {
        let verbs = Capabilities::STRIDED.with(Capabilities::ACCUMULATE).with(Capabilities::ATOMICS);
        if self.direct { verbs.with(Capabilities::MAPPED) } else { verbs }
    }

    fn mapped(&self, place: Remote) -> Option<NonNull<u8>> {
        NonNull::new(self.heap.address(self.mapped_index(place.rank)?, place.offset))
    }

    unsafe fn put(&self, to: Remote, src: *const u8, len: usize) -> Result<Token> {
        let stream = Stream::run(to, src.cast_mut(), len);
        self.start_stream(OpCode::Put, to, stream, Way::Write, None)
    }

    unsafe fn get(&self, from: Remote, dst: *mut u8, len: usize) -> Result<Token> {
        self.start_stream(OpCode::Get, from, Stream::run(from, dst, len), Way::Read, None)
    }

    unsafe fn put_strided(&self, to: Remote, rows: Rows<'_>, src: *const u8) -> Result<Token> {
        self.start_stream(OpCode::Put, to, Stream::rows(to, rows, src.cast_mut()), Way::Write, None)
    }

    unsafe fn get_strided(&self, from: Remote, rows: Rows<'_>, dst: *mut u8) -> Result<Token> {
        self.start_stream(OpCode::Get, from, Stream::rows(from, rows, dst), Way::Read, None)
    }

    unsafe fn accumulate(
        &self,
        to: Remote,
        rows: Rows<'_>,
        dtype: DType,
        src: *const u8,
        alpha: *const u8,
    ) -> Result<Token> {
        // SAFETY: alpha is one element by the caller's promise.
        let scale = unsafe { Scale::new(dtype, alpha) };
        let stream = Stream::rows(to, rows, src.cast_mut());
        self.start_stream(OpCode::Accumulate, to, stream, Way::Write, Some(scale))
    }

    unsafe fn move_runs(&self, base: Remote, runs: Runs<'_>, local: *mut u8, moving: Moving) -> Result<bool> {
        // SAFETY: the caller's promises.
        unsafe { self.pack_runs(base, runs, local, moving) }
    }

    unsafe fn amo(&self, at: Remote, amo: Amo, len: usize, operand: u64, comparand: u64) -> Result<u64> {
        let head = Head {
            variant: amo as u8,
            len: len as u64,
            value: operand,
            at: comparand,
            ..self.head(Kind::Amo)
        };
        self.ask(OpCode::Amo, at, head, Location::caller())
    }

    unsafe fn amo_unheard(&self, at: Remote, amo: Amo, len: usize, operand: u64) -> Result<()> {
        let head = Head {
            variant: amo as u8,
            flags: UNHEARD,
            len: len as u64,
            value: operand,
            at: operand,
            offset: at.offset as u64,
            ..self.head(Kind::Amo)
        };
        let work = Work::Small(Box::new(Packed::new(head, None, None)));
        let token = self.start_transfer(OpCode::Amo, at, work, Token::DONE)?;
        self.wait(token)
    }

    unsafe fn signal(&self, at: Remote, update: SignalUpdate) -> Result<()> {
        let (variant, value) = match update {
            SignalUpdate::Set(value) => (0, value),
            SignalUpdate::Add(value) => (1, value),
        };
        let head = Head { variant, value, offset: at.offset as u64, ..self.head(Kind::Signal) };
        let work = Work::Small(Box::new(Packed::new(head, None, None)));
        let token = self.start_transfer(OpCode::PutSignal, at, work, Token::DONE)?;
        self.wait(token)
    }

    unsafe fn put_signal(
        &self,
        to: Remote,
        src: *const u8,
        len: usize,
        word: usize,
        update: SignalUpdate,
    ) -> Result<Token> {
        let mut stream = Stream::run(to, src.cast_mut(), len);
        let mut engine = self.engine();
        if len == 0 || engine.is_direct(&stream) {
            drop(engine);
            // SAFETY: the caller's promises.
            return unsafe { self.put_then_signal(to, src, len, word, update) };
        }
        stream.signal = Some((word as u64, update));
        let op = OpCode::PutSignal.name();
        let transfer = Transfer { work: Work::Out(stream, None), token: Token::DONE, op };
        engine.start(to.rank, transfer).map_err(|why| self.died(op, to.rank, &why))
    }

    unsafe fn lock(&self, at: Remote, wait: bool, caller: &'static Location<'static>) -> Result<Held> {
        let head = Head { variant: u8::from(wait), ..self.head(Kind::Lock) };
        self.ask(OpCode::Lock, at, head, caller).map(Net::held)
    }

    unsafe fn unlock(&self, at: Remote) -> Result<Held> {
        self.ask(OpCode::Unlock, at, self.head(Kind::Unlock), Location::caller()).map(Net::held)
    }

    unsafe fn send_bundle(&self, to: usize, bundle: &Bundle) -> Result<Token> {
        let op = OpCode::Flush.name();
        self.check(op)?;
        let mut engine = self.engine();
        let mut body = engine.core.buffer();
        body.extend_from_slice(bundle.bytes());
        let head = Head { len: body.len() as u64, ..self.head(Kind::Bundle) };
        let (start, end) = bundle.span();
        let list =
            List { packed: Packed::new(head, None, None), body, span: Span { start, end }, expected: 0 };
        let transfer = Transfer { work: Work::List(Box::new(list)), token: Token::DONE, op };
        let started = engine.start(to, transfer);
        drop(engine);
        started.map_err(|why| self.died(op, to, &why))
    }

    fn bundle_len(&self) -> usize {
        self.inside().run_limits().0
    }

    fn send_letter(&self, to: usize, letter: &[u8]) -> Result<()> {
        let op = OpCode::Am.name();
        self.check(op)?;
        let mut engine = self.engine();
        let mut body = engine.core.buffer();
        body.extend_from_slice(letter);
        let head = Head { len: body.len() as u64, ..self.head(Kind::Letter) };
        // After everything, as signals.
        let list = List { packed: Packed::new(head, None, None), body, span: Span::ALL, expected: 0 };
        let transfer = Transfer { work: Work::Letter(Box::new(list)), token: Token::DONE, op };
        let started = engine.start(to, transfer);
        drop(engine);
        started.map(drop).map_err(|why| self.died(op, to, &why))
    }

    fn letter_len(&self) -> usize {
        self.inside().letter_len()
    }

    fn tell_read(&self, to: usize, count: u64) {
        if self.forks == fork::count() {
            let head = Head { value: count, ..self.head(Kind::Read) };
            self.engine().core.outgoing.push_back(Outgoing::small(to, head));
        }
    }

    fn progress(&self) -> bool {
        if self.forks != fork::count() {
            return false;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.engine.try_lock() {
            Ok(mut engine) => engine.progress(),
            Err(_) => false,
        }
    }

    fn stop(&self) {
        // A forked child has no helper.
        if self.forks == fork::count() {
            let helper = self.helper().take();
            helper.into_iter().for_each(Helper::stop);
        }
    }

    fn longest_sleep(&self) -> Option<Duration> {
        (self.progress == Progress::Poll).then_some(Duration::from_micros(50))
    }

    fn doze(&self, longest: Duration, ready: &mut dyn FnMut() -> bool) {
        let _waiter = Counted::new(&self.waiters);
        let mut engine = self.engine();
        if engine.progress() || ready() {
            return;
        }
        self.sleep(engine, longest);
    }

    fn death(&self, rank: usize) -> Option<String> {
        self.look_after_peer(rank, ::shm::clock_ns());
        let mut engine = self.inside();
        if !engine.core.peers.contains_key(&rank) {
            // Nothing was sent to it so far, so its end would go unnoticed. What goes wrong shows at the peer.
            let _ = engine.ask_now(rank);
        }
        engine.core.peers.get(&rank).and_then(|peer| peer.broken.clone())
    }

    fn test(&self, token: Token) -> Result<bool> {
        self.check("test")?;
        let mut engine = self.engine();
        engine.progress();
        let rank = engine.core.requests.get(token).map_or(0, |request| request.peer);
        match closed(&mut engine, token) {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(why)) => Err(self.died("test", rank, &why)),
        }
    }

    fn wait(&self, token: Token) -> Result<()> {
        if token == Token::DONE {
            return Ok(());
        }
        self.check("wait")?;
        let rank = self.engine().core.requests.get(token).map_or(0, |request| request.peer);
        self.wait_closed(OpCode::Wait, rank, Location::caller(), token).map(drop)
    }

    fn fence(&self, rank: usize) -> Result<()> {
        if self.mapped_index(rank).is_some() {
            fence(Ordering::SeqCst);
            return Ok(());
        }
        self.fence_far(rank)
    }

    fn fence_all(&self) -> Result<()> {
        fence(Ordering::SeqCst);
        self.check("fence_all")?;
        // All are asked before any is waited for.
        let ranks: Vec<usize> = self.engine().core.talked_to().collect();
        for &rank in &ranks {
            self.engine().is_fenced(rank).map_err(|why| self.died("fence", rank, &why))?;
        }
        ranks.into_iter().try_for_each(|rank| self.fence(rank))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.stop();
    }
}

fn fenced(engine: &mut Engine, rank: usize) -> Option<wire::Result<()>> {
    match engine.is_fenced(rank) {
        Ok(false) => None,
        Ok(true) => Some(Ok(())),
        Err(why) => Some(Err(why)),
    }
}
