//! Scattered runs, many to a message.
//!
//! The body of such a message lists where its runs begin, 8 bytes each, counted from the head's offset; `value` is the length of a run. What is put or
//! accumulated follows; what is asked for comes back as data of the runs one after another, into memory of this file's own, and
//! goes from there to where it is wanted.
//!
//! Long runs go one by one, as their cost is in their bytes.

use super::message::{Head, Kind, LIST, Packed};
use super::peer::{List, Scale, Transfer, Work};
use super::requests::Awaits;
use super::shape::{Shape, Span};
use super::{Net, OpCode};
use crate::error::Result;
use crate::transport::{Moving, Remote, Runs, Token, Transport};
use shm::copy;
use std::collections::VecDeque;

/// Fewest runs of a message that is worth it.
const FEWEST: usize = 2;
/// Messages asked for before the first answer is waited for.
const AHEAD: usize = 16;

/// Data that was asked for, and where it is wanted.
struct Expected<'a> {
    token: Token,
    data: Vec<u8>,
    local: &'a [usize],
}

impl Net {
    /// Moves runs packed; false, and nothing is done, if they are better moved one by one.
    ///
    /// # Safety
    /// As [`Transport::move_runs`].
    pub(super) unsafe fn pack_runs(
        &self,
        base: Remote,
        runs: Runs<'_>,
        local: *mut u8,
        moving: Moving,
    ) -> Result<bool> {
        let (longest, direct) = self.inside().run_limits();
        let most = longest / (8 + runs.len);
        if runs.len == 0 || runs.len >= direct || most < FEWEST || runs.remote.len() < 2 {
            return Ok(false);
        }
        let chunks = runs.remote.chunks(most).zip(runs.local.chunks(most));
        let scale = match moving {
            Moving::Get => {
                // SAFETY: the caller's promise.
                return unsafe { self.ask_for_runs(base, runs.len, chunks, local) }.map(|()| true);
            }
            Moving::Put => None,
            // SAFETY: alpha is one element by the caller's promise.
            Moving::Accumulate { dtype, alpha } => Some(unsafe { Scale::new(dtype, alpha) }),
        };
        let (kind, op) = match scale {
            None => (Kind::Put, OpCode::Put),
            Some(_) => (Kind::Accumulate, OpCode::Accumulate),
        };
        for (remote, here) in chunks {
            let mut engine = self.engine();
            let mut body = engine.core.buffer();
            list(remote, &mut body);
            body.reserve(here.len() * runs.len);
            for at in here {
                let end = body.len();
                // SAFETY: readable by the caller's promise; there is room, and the bytes are initialised then.
                unsafe {
                    copy::copy(body.as_mut_ptr().add(end), local.wrapping_add(*at), runs.len);
                    body.set_len(end + runs.len);
                }
            }
            let variant = scale.map_or(0, |scale| scale.variant);
            let head = Head { variant, ..self.list_head(kind, base, remote.len(), runs.len) };
            let packed = Packed::new(head, scale.map(|scale| scale.alpha), None);
            let list = List { packed, body, span: span(base, remote, runs.len), expected: 0 };
            let transfer = Transfer { work: Work::List(Box::new(list)), token: Token::DONE, op: op.name() };
            let started = engine.start(base.rank, transfer);
            drop(engine);
            let token = started.map_err(|why| self.died(op.name(), base.rank, &why))?;
            // Until it has gone: so what waits in the queue is one message.
            self.wait(token)?;
        }
        Ok(true)
    }

    /// # Safety
    /// Each run at `local` is writable, and nobody else's.
    unsafe fn ask_for_runs<'a>(
        &self,
        base: Remote,
        len: usize,
        chunks: impl Iterator<Item = (&'a [usize], &'a [usize])>,
        local: *mut u8,
    ) -> Result<()> {
        let mut expected: VecDeque<Expected<'_>> = VecDeque::with_capacity(AHEAD);
        let take = |expected: Expected<'_>| {
            self.wait(expected.token)?;
            for (at, run) in expected.local.iter().zip(expected.data.chunks(len)) {
                // SAFETY: the caller's promise.
                unsafe { copy::copy(local.wrapping_add(*at), run.as_ptr(), len) };
            }
            Ok(())
        };
        let mut outcome = Ok(());
        for (remote, here) in chunks {
            if expected.len() == AHEAD {
                outcome = outcome.and(expected.pop_front().map_or(Ok(()), take));
            }
            if outcome.is_err() {
                break;
            }
            match self.ask_for_list(base, remote, len, here) {
                Ok(next) => expected.push_back(next),
                Err(error) => outcome = Err(error),
            }
        }
        // Whatever failed, nothing is on its way to this memory any more when this returns.
        expected.into_iter().fold(outcome, |outcome, expected| outcome.and(take(expected)))
    }

    fn ask_for_list<'a>(
        &self,
        base: Remote,
        remote: &[usize],
        len: usize,
        local: &'a [usize],
    ) -> Result<Expected<'a>> {
        let mut data = vec![0; remote.len() * len];
        let op = OpCode::Get.name();
        let mut engine = self.engine();
        let token = engine.core.requests.open(op, base.rank, data.len() as u64);
        if let Some(request) = engine.core.requests.get(token) {
            let (dst, left) = (data.as_mut_ptr(), data.len() as u64);
            request.awaits = Awaits::Data { dst, shape: Shape::run(data.len()), left };
        }
        let mut body = engine.core.buffer();
        list(remote, &mut body);
        let head = Head { token: token.number(), ..self.list_head(Kind::Get, base, remote.len(), len) };
        let (span, expected) = (span(base, remote, len), data.len());
        let list = List { packed: Packed::new(head, None, None), body, span, expected };
        let started = engine.start(base.rank, Transfer { work: Work::List(Box::new(list)), token, op });
        drop(engine);
        let token = started.map_err(|why| self.died(op, base.rank, &why))?;
        Ok(Expected { token, data, local })
    }

    fn list_head(&self, kind: Kind, base: Remote, count: usize, len: usize) -> Head {
        let (offset, bytes) = (base.offset as u64, (count * len) as u64);
        Head { flags: LIST, offset, len: bytes, value: len as u64, ..self.head(kind) }
    }
}

/// Appends the list of where runs begin.
fn list(remote: &[usize], body: &mut Vec<u8>) {
    remote.iter().for_each(|at| body.extend((*at as u64).to_ne_bytes()));
}

/// What runs touch.
fn span(base: Remote, remote: &[usize], len: usize) -> Span {
    let (first, last) = (remote.iter().min().copied(), remote.iter().max().copied());
    let base = base.offset as u64;
    Span { start: base + first.unwrap_or(0) as u64, end: base + (last.unwrap_or(0) + len) as u64 }
}
