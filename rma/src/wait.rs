//! Waits of this process: what they are told to shm as, and what their failures are told to the caller as.
//!
//! Almost every wait is over before it begins, so its record is made by the first call of the hook, not before.

use crate::call::OpCode;
use crate::cause::Cause;
use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::shared::Shared;
use crate::stall::Waiting;
use shm::sync::{Crank, WaitContext, WaitError, WaitHook, wait_with};
use std::cell::OnceCell;
use std::time::Duration;

struct Hook<'a> {
    world: &'a Shared,
    cause: Cause<'a>,
    waiting: OnceCell<Waiting<'a>>,
}

impl<'a> Hook<'a> {
    #[cold]
    fn waiting(&self) -> &Waiting<'a> {
        self.waiting.get_or_init(|| {
            let waiting = Waiting::new(&self.world.watch, self.cause);
            if self.world.is_wide() { waiting.over(&*self.world.transport) } else { waiting }
        })
    }
}

impl WaitHook for Hook<'_> {
    fn on_slow(&self, waited: Duration) -> std::result::Result<(), WaitError> {
        self.waiting().on_slow(waited)
    }

    fn on_end(&self) {
        self.waiting().on_end();
    }

    fn is_dead(&self, owner: u32) -> bool {
        self.waiting().is_dead(owner)
    }

    fn crank(&self) -> Option<&dyn Crank> {
        if self.world.is_wide() || self.runs_handlers() { Some(self) } else { None }
    }
}

impl Hook<'_> {
    /// Whether messages are read meanwhile: in a wait for other ranks' programs, not for an accumulate's locks.
    fn runs_handlers(&self) -> bool {
        self.world.post.is_open() && self.cause.call.op != OpCode::Accumulate
    }
}

impl Crank for Hook<'_> {
    fn turn(&self) -> bool {
        if self.runs_handlers() { self.world.turn() } else { self.world.transport.progress() }
    }

    fn longest_sleep(&self) -> Option<Duration> {
        let network = self.world.transport.longest_sleep();
        // Letters wake who sleeps on the own bell only.
        if self.runs_handlers() {
            Some(network.map_or(LETTERS, |longest| longest.min(LETTERS)))
        } else {
            network
        }
    }
}

/// The longest sleep of a process that may get letters.
const LETTERS: Duration = Duration::from_micros(100);

impl Shared {
    /// Moves the network on, and the post.
    pub(crate) fn turn(&self) -> bool {
        let network = self.is_wide() && self.transport.progress();
        self.post.turn(&*self.transport) || network
    }

    /// Waits until `ready`, which what rings this rank's bell makes true.
    pub(crate) fn await_bell(&self, cause: Cause<'_>, ready: impl Fn() -> bool) -> Result<()> {
        let bell = self.bell(self.rank);
        loop {
            let rings = bell.load();
            if ready() {
                return Ok(());
            }
            self.turn();
            self.waiting(cause, |context| bell.wait_at_least_or(rings + 1, &ready, context))?;
        }
    }

    /// Runs `wait` with a context that knows the cause.
    #[inline]
    pub(crate) fn waiting<R>(
        &self,
        cause: Cause<'_>,
        wait: impl FnOnce(&WaitContext<'_>) -> std::result::Result<R, WaitError>,
    ) -> Result<R> {
        // An accumulate waits now and then for a lock; what it does under it is no wait.
        let is_wait = cause.call.op != OpCode::Accumulate;
        let _span = if is_wait { observe::span(|| cause.event()) } else { None };
        let hook = Hook { world: self, cause, waiting: OnceCell::new() };
        let context = WaitContext { hook: &hook, me: self.rank as u32, policy: self.policy() };
        wait(&context).map_err(|error| self.failed(cause.call.op.name(), error))
    }

    /// Waits until messages from other nodes have made `ready` true.
    pub(crate) fn waiting_for_network(&self, cause: Cause<'_>, ready: impl Fn() -> bool) -> Result<()> {
        let doze = |longest| self.transport.doze(longest, &mut || ready());
        self.waiting(cause, |context| wait_with(context, &ready, doze))
    }

    #[cold]
    fn failed(&self, op: &'static str, error: WaitError) -> Error {
        match error {
            WaitError::OwnerDied { owner } => {
                let who = self.name(owner as usize);
                Error::at(ErrorKind::Died, op, owner as usize, format!("{who} died holding the lock"))
            }
            WaitError::Interrupted { code } => self.died(op, code as usize),
        }
    }

    /// The error of an operation that a death has ended.
    #[cold]
    pub(crate) fn died(&self, op: &'static str, rank: usize) -> Error {
        let why = match self.layout.local(rank) {
            None => self.transport.death(rank).map(|why| format!(" ({why})")),
            Some(_) => None,
        };
        Error::at(ErrorKind::Died, op, rank, format!("{} died{}", self.name(rank), why.unwrap_or_default()))
    }

    fn name(&self, rank: usize) -> String {
        match self.hosts.get(self.layout.node(rank)) {
            Some(host) if self.is_wide() => format!("world rank {rank} on host {host}"),
            _ => format!("world rank {rank}"),
        }
    }
}
