//! How a call waits: it turns the crank, first without pause, then asleep on the wire's descriptor.
//!
//! Invariant: a wait ends with what it waits for, or with the rank that would bring it. When the wait for a request has returned,
//! whatever came of it, the engine is done with its caller's memory.

use super::engine::Engine;
use super::{IT_DIED, Net, PATIENCE, progress, wire};
use crate::call::OpCode;
use crate::error::Result;
use crate::observe::{self, Event, Kind};
use crate::stall::{Needs, Waiting};
use crate::transport::{Token, Transport};
use shm::board::Record;
use shm::sync::{WaitError, WaitHook};
use std::panic::Location;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

impl Net {
    /// Turns the crank until `ready` says so.
    pub(super) fn wait_for<R>(
        &self,
        op: OpCode,
        rank: usize,
        caller: &'static Location<'static>,
        mut ready: impl FnMut(&mut Engine) -> Option<wire::Result<R>>,
    ) -> Result<R> {
        let _waiter = Counted::new(&self.waiters);
        let _span = observe::span(|| Event { peer: Some(rank), ..Event::new(op, Kind::Wait).at(caller) });
        if let Some(outcome) = self.spin(&mut ready) {
            return outcome.map_err(|why| self.died(op.name(), rank, &why));
        }
        let record = Record {
            op: op as u32,
            team: 0,
            target: Some(rank as u32),
            sequence: 0,
            text: op.name(),
            file: caller.file(),
            line: caller.line(),
        };
        // Of a rank of another node the engine notices the end, which fails what was started to it. Who has a mutex isn't known here.
        let it = |other: usize| other == rank;
        let needs = if op == OpCode::Lock { Needs::Any } else { Needs::These(&it) };
        let hook = Waiting::new(&self.watch, record, needs);
        let outcome = self.wait_long(rank, &hook, &mut ready);
        hook.on_end();
        match outcome {
            Ok(outcome) => outcome.map_err(|why| self.died(op.name(), rank, &why)),
            Err(WaitError::OwnerDied { owner: dead }) => Err(self.died(op.name(), dead as usize, IT_DIED)),
            Err(WaitError::Interrupted { code }) => Err(self.died(op.name(), code as usize, IT_DIED)),
        }
    }

    fn wait_long<R>(
        &self,
        rank: usize,
        hook: &Waiting<'_>,
        ready: &mut impl FnMut(&mut Engine) -> Option<R>,
    ) -> std::result::Result<R, WaitError> {
        let began = ::shm::clock_ns();
        let mut next_look = Duration::ZERO;
        loop {
            let now_ns = ::shm::clock_ns();
            let waited = Duration::from_nanos(now_ns - began);
            if waited >= next_look {
                hook.on_slow(waited)?;
                next_look = waited + Duration::from_millis(100);
                self.look_after_peer(rank, now_ns);
            }
            let mut engine = self.engine();
            let any = engine.progress();
            if let Some(outcome) = ready(&mut engine) {
                return Ok(outcome);
            }
            match any {
                true => drop(engine),
                false => self.sleep(engine, next_look - waited.min(next_look)),
            }
            // One message seldom comes alone.
            if let Some(outcome) = self.spin(ready) {
                return Ok(outcome);
            }
        }
    }

    /// Turns the crank until `ready` says so, or nothing has happened for as long as the policy allows.
    fn spin<R>(&self, ready: &mut impl FnMut(&mut Engine) -> Option<R>) -> Option<R> {
        let mut idle = 0;
        while idle < self.policy.spins + self.policy.yields {
            let mut engine = self.engine();
            let any = engine.progress();
            if let Some(outcome) = ready(&mut engine) {
                return Some(outcome);
            }
            drop(engine);
            match (any, idle < self.policy.spins) {
                (true, _) => idle = 0,
                (false, true) => std::hint::spin_loop(),
                (false, false) => std::thread::yield_now(),
            }
            idle += u32::from(!any);
        }
        None
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
