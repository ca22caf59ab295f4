//! What a rank does while it waits in vain: says so on the boards, looks after its peers, tells the user.
//!
//! A wait that spinning did not end calls [`Waiting::on_slow`] at once and then about every 100 ms. From then on
//!
//! - the wait is on two boards: the heap's, for the ranks of this node, and the launcher's, which outlives all ranks;
//! - at the second call, bindings of another language may say which line of the user's program this is;
//! - after `GAIN_STALL_SECONDS` (default 30, 0 = never), and at every `SIGUSR1`, one error line says what *all* ranks of the
//!   node wait for; every rank finds the same words, so the launcher prints them once;
//! - a peer that has ended ends the wait with an error, if the wait can't end well without it ([`Needs`]): programs may end
//!   without a word, each rank when it is done, as long as nobody waits for one that is gone. That is believed at the second look only: a peer may have done all
//!   that was waited for and then ended, and between two looks the wait sees its effects. Under our own launcher a rank
//!   leaves it some time to report the dead rank's exit code and end the job ([`LAUNCHER_TIME`]).
//!
//! Invariant: nothing here runs, and no system call is made, while waits are short.

use crate::bootstrap::{self, Node};
use crate::call::OpCode;
use crate::cause::{Cause, Needs};
use crate::fork;
use crate::transport::verbs::{SILENCE, Transport};
use crate::waits::{self, Board};
use shm::Heap;
use shm::board::Record;
use shm::sync::{WaitError, WaitHook};
use std::cell::{Cell, OnceCell};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Default of `GAIN_STALL_SECONDS`.
const STALL_SECONDS: f64 = 30.0;

/// How long our launcher may take to end the job before ranks act on a peer's death by themselves.
const LAUNCHER_TIME: Duration = Duration::from_millis(1500);

/// Number of `SIGUSR1` this process got.
static REQUESTS: AtomicU32 = AtomicU32::new(0);
/// Number of threads of this process that wait.
static WAITING: AtomicU32 = AtomicU32::new(0);
/// What the signal handler writes when nobody waits.
static NOT_WAITING: OnceLock<String> = OnceLock::new();

/// What all waits of this process share.
#[derive(Debug)]
pub(crate) struct Watch {
    heap: Arc<Heap>,
    node: Node,
    my_rank: usize,
    /// This host's name, if the job has others.
    host: String,
    launcher_board: Option<Board>,
    has_launcher: bool,
    stall_after: Option<Duration>,
    /// The wait that is on the boards, by its beginning; 0 = none. Held while a board is written, as only one thread may.
    shown: Mutex<u64>,
}

impl Watch {
    /// `host` is empty in a job of one node. Reads the environment and installs the handler of `SIGUSR1`, unless the program has one.
    pub(crate) fn new(heap: Arc<Heap>, node: Node, host: String) -> Watch {
        let seconds = std::env::var("GAIN_STALL_SECONDS").ok().and_then(|text| text.trim().parse().ok());
        let seconds: f64 = seconds.unwrap_or(STALL_SECONDS);
        let my_rank = node.members()[node.my_index()].rank;
        // A process that a rank has started finds the launcher's variables, and gets the signals meant for the rank's group.
        let is_rank = !bootstrap::is_child();
        // SAFETY: it stores a number.
        unsafe { fork::on_leaving(forget_waits) };
        listen(is_rank.then_some(my_rank));
        Watch {
            heap,
            my_rank,
            host,
            launcher_board: if is_rank { launcher_board(my_rank) } else { None },
            has_launcher: is_rank
                && std::env::var_os(waits::LAUNCHER).is_some_and(|launcher| !launcher.is_empty()),
            stall_after: Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero()),
            node,
            shown: Mutex::new(0),
        }
    }

    /// Leaves the launcher, if there is one, the time to end the job with the reason, before an operation fails of a death that the
    /// engine noticed at once. Waits have it behind them when they end.
    #[cold]
    pub(crate) fn leave_to_launcher(&self) {
        if self.has_launcher {
            std::thread::sleep(LAUNCHER_TIME);
        }
    }

    /// In a forked child: what it would write to the launcher's board nobody reads. Async-signal-safe.
    pub(crate) fn isolate(&self) {
        if let Some(board) = &self.launcher_board {
            board.isolate();
        }
    }

    fn shown(&self) -> MutexGuard<'_, u64> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, record: &Record<'_>, since_ns: u64) {
        let mut shown = self.shown();
        *shown = since_ns;
        self.heap.board(self.node.my_index()).enter(record, since_ns);
        if let Some(board) = &self.launcher_board {
            board.slot(self.my_rank).enter(record, since_ns);
        }
    }

    /// Takes a wait off the boards, unless another thread's has taken its place.
    fn leave(&self, since_ns: u64) {
        let mut shown = self.shown();
        if *shown != since_ns {
            return;
        }
        *shown = 0;
        self.heap.board(self.node.my_index()).leave();
        if let Some(board) = &self.launcher_board {
            board.slot(self.my_rank).leave();
        }
    }

    /// One line with what every rank of this node waits for.
    fn report(&self, why: &str) {
        let members = self.node.members().iter().enumerate();
        let states: Vec<_> =
            members.map(|(index, member)| (member.rank, self.heap.board(index).read())).collect();
        // Our launcher says whose line it is.
        let who = if self.has_launcher { String::new() } else { format!(" rank {}:", self.my_rank) };
        let place = if self.host.is_empty() { String::new() } else { format!(" on host {}", self.host) };
        eprintln!("gain:{who} {why}{place}: {}", waits::describe(&states));
    }

    /// A peer whose death must end this wait now.
    ///
    /// `since_ns` is when the wait has first seen it, on the clock of [`shm::clock_ns`]; 0 = never.
    fn fatal_death(
        &self,
        needs: Needs<'_>,
        network: Option<&dyn Transport>,
        since_ns: &Cell<u64>,
    ) -> Option<usize> {
        let mut dead = self.node.dead().into_iter();
        let dead = match needs {
            Needs::Any => dead.next(),
            Needs::Owner => None,
            Needs::These(missing) => dead.find(|rank| missing(*rank)),
            Needs::AnyOther if dead.len() + 1 < self.node.node_numbers().len() => None,
            Needs::AnyOther => dead.next(),
            Needs::Elsewhere(rank) => match network.and_then(|network| network.death(rank)) {
                // Of that the launcher knows no more, and it was waited for long enough.
                Some(why) if why.starts_with(SILENCE) => return Some(rank),
                why => why.map(|_| rank),
            },
        }?;
        let now = shm::clock_ns();
        let first = match since_ns.get() {
            0 => {
                since_ns.set(now);
                return None;
            }
            first => first,
        };
        let patience = if self.has_launcher { LAUNCHER_TIME } else { Duration::ZERO };
        (Duration::from_nanos(now.saturating_sub(first)) >= patience).then_some(dead)
    }
}

/// The hook of one wait.
pub(crate) struct Waiting<'a> {
    watch: &'a Watch,
    cause: Cause<'a>,
    /// The way to other nodes, if there are any.
    network: Option<&'a dyn Transport>,
    since_ns: Cell<u64>,
    death_ns: Cell<u64>,
    /// World rank of the mutex's holder when it was last looked at.
    holder: Cell<Option<u32>>,
    /// The line of the user's program, once the locator was asked.
    place: OnceCell<Option<(String, u32)>>,
    is_told: Cell<bool>,
    requests: Cell<u32>,
}

impl<'a> Waiting<'a> {
    #[inline]
    pub(crate) fn new(watch: &'a Watch, cause: Cause<'a>) -> Waiting<'a> {
        Waiting {
            watch,
            cause,
            network: None,
            since_ns: Cell::new(0),
            death_ns: Cell::new(0),
            holder: Cell::new(None),
            place: OnceCell::new(),
            is_told: Cell::new(false),
            requests: Cell::new(0),
        }
    }

    /// A wait of a process that has peers on other nodes.
    pub(crate) fn over(mut self, network: &'a dyn Transport) -> Waiting<'a> {
        self.network = Some(network);
        self
    }

    /// Writes what is known to the boards.
    fn enter(&self) {
        let mut record = self.cause.record();
        if let Some(Some((file, line))) = self.place.get() {
            (record.file, record.line) = (file, *line);
        }
        if let Some(holder) = self.holder.get() {
            record.sequence = waits::with_holder(record.sequence, holder);
        }
        self.watch.enter(&record, self.since_ns.get());
    }
}

impl WaitHook for Waiting<'_> {
    fn on_slow(&self, waited: Duration) -> Result<(), WaitError> {
        let requests = REQUESTS.load(Ordering::Relaxed);
        if waited.is_zero() {
            WAITING.fetch_add(1, Ordering::Relaxed);
            self.since_ns.set(shm::clock_ns());
            self.enter();
            self.requests.set(requests);
            return Ok(());
        }
        let is_located = self.place.get().is_none() && self.place.get_or_init(waits::locate).is_some();
        // The wait of another thread may have come and gone.
        let is_hidden = *self.watch.shown() == 0;
        if is_located || is_hidden {
            self.enter();
        }
        if self.requests.replace(requests) != requests {
            self.watch.report("asked by SIGUSR1");
        }
        if let Some(limit) = self.watch.stall_after.filter(|limit| waited >= *limit && !self.is_told.get()) {
            self.is_told.set(true);
            self.watch.report(&format!("no progress for {} s", limit.as_secs_f64()));
        }
        match self.watch.fatal_death(self.cause.needs, self.network, &self.death_ns) {
            Some(rank) => Err(WaitError::Interrupted { code: rank as i32 }),
            None => Ok(()),
        }
    }

    fn on_end(&self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
        self.watch.leave(self.since_ns.get());
    }

    fn is_dead(&self, owner: u32) -> bool {
        // The lock has just told its owner.
        if self.cause.call.op == OpCode::Lock && self.holder.replace(Some(owner)) != Some(owner) {
            self.enter();
        }
        let owner = owner as usize;
        match self.watch.node.members().iter().any(|member| member.rank == owner) {
            true => self.watch.node.dead().contains(&owner),
            false => self.network.is_some_and(|network| network.death(owner).is_some()),
        }
    }
}

/// The board inherited from our launcher, if there is one with a place for this rank.
fn launcher_board(rank: usize) -> Option<Board> {
    let fd: RawFd = std::env::var(waits::BOARD_FD).ok()?.parse().ok()?;
    Board::attach(fd).ok().filter(|board| rank < board.ranks())
}

/// In a forked child: the waits of its parent's other threads are not its own. Async-signal-safe.
fn forget_waits() {
    WAITING.store(0, Ordering::Relaxed);
}

/// Counts `SIGUSR1` from now on. A program's own handler stays. Who is no rank of a job says nothing of it.
fn listen(rank: Option<usize>) {
    if let Some(rank) = rank
        && NOT_WAITING.set(format!("gain: rank {rank} is not waiting\n")).is_err()
    {
        return;
    }
    // SAFETY: all-zero is a valid sigaction (default action, empty mask).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: reads the present action into a sigaction of ours.
    let known = unsafe { libc::sigaction(libc::SIGUSR1, std::ptr::null(), &mut action) } == 0;
    if known && action.sa_sigaction == libc::SIG_DFL {
        action.sa_sigaction = on_request as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the handler touches atomics and an initialised static, and writes to a descriptor: async-signal-safe.
        unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) };
    }
}

extern "C" fn on_request(_signal: libc::c_int) {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    if WAITING.load(Ordering::Relaxed) > 0 || fork::count() > 0 {
        return;
    }
    if let Some(text) = NOT_WAITING.get() {
        // SAFETY: writes initialised bytes that live for ever; write is async-signal-safe. Its errno is put back, for the
        // code that was interrupted.
        unsafe {
            let errno = *libc::__errno_location();
            libc::write(2, text.as_ptr().cast(), text.len());
            *libc::__errno_location() = errno;
        }
    }
}
