//! How a call waits: by the wait engine of `shm`, with the network as its crank, and asleep on the wire's descriptor.
//!
//! Invariant: a wait ends with what it waits for, or with the rank that would bring it. When the wait for a request has returned,
//! whatever came of it, the engine is done with its caller's memory.

use super::engine::Engine;
use super::{IT_DIED, Net, PATIENCE, progress, wire};
use crate::call::OpCode;
use crate::cause::{Cause, Needs};
use crate::error::Result;
use crate::observe::{self, Event};
use crate::stall::Waiting;
use crate::transport::{Token, Transport};
use shm::sync::{Crank, WaitContext, WaitError, WaitHook, wait_with};
use std::cell::RefCell;
use std::panic::Location;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// One wait: its crank is the engine, which is asked after each turn whether that was it.
struct Turning<'a, F, R> {
    net: &'a Net,
    rank: usize,
    waiting: Waiting<'a>,
    ask: RefCell<F>,
    outcome: RefCell<Option<R>>,
}

impl<F: FnMut(&mut Engine) -> Option<R>, R> Turning<'_, F, R> {
    /// Moves everything on; whether anything happened.
    fn turn_with(&self, engine: &mut Engine) -> bool {
        let any = engine.progress();
        if !self.is_over() {
            *self.outcome.borrow_mut() = (self.ask.borrow_mut())(engine);
        }
        any
    }

    fn is_over(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    fn doze(&self, longest: Duration) {
        let mut engine = self.net.engine();
        if !self.turn_with(&mut engine) && !self.is_over() {
            self.net.sleep(engine, longest);
        }
    }
}

impl<F: FnMut(&mut Engine) -> Option<R>, R> Crank for Turning<'_, F, R> {
    fn turn(&self) -> bool {
        self.turn_with(&mut self.net.engine())
    }

    fn longest_sleep(&self) -> Option<Duration> {
        None
    }
}

impl<F: FnMut(&mut Engine) -> Option<R>, R> WaitHook for Turning<'_, F, R> {
    fn on_slow(&self, waited: Duration) -> std::result::Result<(), WaitError> {
        self.waiting.on_slow(waited)?;
        self.net.look_after_peer(self.rank, ::shm::clock_ns());
        Ok(())
    }

    fn on_end(&self) {
        self.waiting.on_end();
    }

    fn crank(&self) -> Option<&dyn Crank> {
        Some(self)
    }
}

impl Net {
    /// Turns the crank until `ready` says so.
    pub(super) fn wait_for<R>(
        &self,
        op: OpCode,
        rank: usize,
        caller: &'static Location<'static>,
        ready: impl FnMut(&mut Engine) -> Option<wire::Result<R>>,
    ) -> Result<R> {
        let _waiter = Counted::new(&self.waiters);
        // Of a rank of another node the engine notices the end, which fails what was started to it. Who has a mutex isn't known here.
        let it = |other: usize| other == rank;
        let needs = if op == OpCode::Lock { Needs::Any } else { Needs::These(&it) };
        let cause = Cause::at(op, rank, caller, needs);
        let _span = observe::span(|| Event { peer: Some(rank), ..cause.event() });
        let turning = Turning {
            net: self,
            rank,
            waiting: Waiting::new(&self.watch, cause),
            ask: RefCell::new(ready),
            outcome: RefCell::default(),
        };
        turning.turn();
        let context = WaitContext { hook: &turning, me: self.layout.me() as u32, policy: self.policy };
        let waited = wait_with(&context, || turning.is_over(), |longest| turning.doze(longest));
        match (waited, turning.outcome.into_inner()) {
            (_, Some(outcome)) => outcome.map_err(|why| self.died(op.name(), rank, &why)),
            (Err(WaitError::OwnerDied { owner: dead }), _) => {
                Err(self.died(op.name(), dead as usize, IT_DIED))
            }
            (Err(WaitError::Interrupted { code }), _) => Err(self.died(op.name(), code as usize, IT_DIED)),
            (Ok(()), None) => unreachable!("a wait ends with its outcome or an error"),
        }
    }

    /// Sleeps until the wire has something to say.
    pub(super) fn sleep(&self, mut engine: MutexGuard<'_, Engine>, longest: Duration) {
        let is_armed = engine.arm();
        let fd = engine.event_fd();
        drop(engine);
        // Another thread may take the event that this one waits for.
        let is_alone = is_armed && self.waiters.load(Ordering::Relaxed) == 1;
        let longest = if is_alone { longest } else { longest.min(Duration::from_millis(1)) };
        progress::sleep_on(fd.filter(|_| is_armed), longest);
    }

    /// Asks a peer that is waited for and stays silent for a sign of life.
    pub(super) fn look_after_peer(&self, rank: usize, now_ns: u64) {
        self.inside().check_peer(rank, now_ns, PATIENCE.as_nanos() as u64);
    }

    /// Waits for a request. After an error, too, the engine is done with its caller's memory.
    pub(super) fn wait_closed(
        &self,
        op: OpCode,
        rank: usize,
        caller: &'static Location<'static>,
        token: Token,
    ) -> Result<u64> {
        let outcome = self.wait_for(op, rank, caller, |engine| closed(engine, token));
        if outcome.is_err() {
            let mut engine = self.engine();
            // Another thread may have completed it since.
            if engine
                .core
                .requests
                .get(token)
                .is_some_and(|request| request.pending == 0 && request.failed.is_none())
            {
                return engine.core.requests.close(token).map_err(|why| self.died(op.name(), rank, &why));
            }
            engine.cancel(rank, token);
            drop(engine);
            while closed(&mut self.engine(), token).is_none() {
                self.progress();
                std::thread::yield_now();
            }
        }
        outcome
    }
}

/// The outcome of a request, if it is complete.
pub(super) fn closed(engine: &mut Engine, token: Token) -> Option<wire::Result<u64>> {
    match engine.core.requests.get(token) {
        Some(request) if request.pending > 0 => None,
        _ => Some(engine.core.requests.close(token)),
    }
}

/// Counts a thread as long as it lives.
pub(super) struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    pub(super) fn new(count: &'a AtomicU32) -> Counted<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
