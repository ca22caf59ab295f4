//! Waits of this process: what they are told to shm as, and what their failures are told to the caller as.
//!
//! Almost every wait is over before it begins, so its record is made by the first call of the hook, not before.

use crate::call::{Call, OpCode};
use crate::error::{Error, ErrorKind, Result};
use crate::stall::{Needs, Waiting};
use crate::world::Shared;
use shm::board::Record;
use shm::sync::{WaitContext, WaitError, WaitHook};
use std::cell::OnceCell;
use std::time::Duration;

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) call: Call,
    /// Id of the team.
    pub(crate) team: u64,
    /// A rank of the team, if it is a single one that is waited for.
    pub(crate) target: Option<usize>,
    /// Number of the meeting, or of the mutex.
    pub(crate) sequence: u64,
    /// Whose end makes the wait hopeless.
    pub(crate) needs: Needs<'a>,
}

struct Hook<'a> {
    world: &'a Shared,
    cause: Cause<'a>,
    waiting: OnceCell<Waiting<'a>>,
}

impl<'a> Hook<'a> {
    #[cold]
    fn waiting(&self) -> &Waiting<'a> {
        let Cause { call, team, target, sequence, needs } = self.cause;
        let record = Record {
            op: call.op as u32,
            team,
            target: target.map(|rank| rank as u32),
            sequence,
            text: call.op.name(),
            file: call.location.file(),
            line: call.location.line(),
        };
        self.waiting.get_or_init(|| Waiting::new(&self.world.watch, record, needs))
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
}

impl Shared {
    /// Runs `wait` with a context that knows the cause.
    #[inline]
    pub(crate) fn waiting<R>(
        &self,
        cause: Cause<'_>,
        wait: impl FnOnce(&WaitContext<'_>) -> std::result::Result<R, WaitError>,
    ) -> Result<R> {
        let hook = Hook { world: self, cause, waiting: OnceCell::new() };
        let context = WaitContext { hook: &hook, me: self.rank as u32, policy: self.policy() };
        wait(&context).map_err(|error| failed(cause.call.op, error))
    }
}

#[cold]
fn failed(op: OpCode, error: WaitError) -> Error {
    match error {
        WaitError::OwnerDied { owner } => Error::at(
            ErrorKind::Died,
            op.name(),
            owner as usize,
            format!("world rank {owner} died holding the lock"),
        ),
        WaitError::Interrupted { code } => {
            Error::at(ErrorKind::Died, op.name(), code as usize, format!("world rank {code} died"))
        }
    }
}
