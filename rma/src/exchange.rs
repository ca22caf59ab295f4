//! Exchanges: what the leaders of nodes, or the many members of one node, tell one another step by step, without meeting.
//!
//! In a team with one member on each of several nodes, a member puts bytes into another's outbox, which serves as an inbox
//! meanwhile, and signals a step word there, in one message; the other waits for the word. On a node the bytes are copied, and the word is
//! in the other's row. Which member sends what in which step is up to [`crate::collective`].
//!
//! # Why nothing is overwritten early
//! Exchange `e` uses half `e % 2` of the outboxes. It begins only when nobody reads outboxes any more: after a meeting without
//! posts of this team, or, in a [part](crate::team::Tiers), of the one around it; and every byte sent is waited for by its receiver, so
//! none is on its way when the exchange is over. Exchanges may follow one another without a meeting if in each of them nobody is done before
//! all have begun: who sends for `e + 2` is done with `e + 1`, so its receiver has begun that, and is done with `e`.
//! Step words only grow; a word has one writer in an exchange, and the next one's writer is the same or has met the receiver since.

use crate::error::Result;
use crate::mirror::Mirror;
use crate::rows::Wait;
use crate::session::Session;
use crate::transport::{SignalUpdate, Token};
use shm::copy;

/// One exchange of one member.
pub(crate) struct Exchange<'a> {
    session: &'a Session<'a>,
    /// Between nodes.
    mirror: Option<&'a Mirror>,
    number: u64,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if self.mirror.is_none() {
            self.session.team.control.rows().exchanged(self.number);
        }
    }
}

/// Bytes that the transport may still read.
#[must_use = "the bytes are in use until `sent`"]
pub(crate) struct Sending(Token);

impl Session<'_> {
    /// Whether each member is alone on its node, and there are several: then exchanges are possible.
    pub(crate) fn is_among_leaders(&self) -> bool {
        self.team.control.mirror().is_some_and(|mirror| !mirror.has_company())
    }

    /// Whether the team is on one node and meets in rounds: then exchanges are possible, and worth while.
    pub(crate) fn is_crowded(&self) -> bool {
        self.team.control.mirror().is_none() && self.team.control.in_rounds()
    }

    /// Meets before the first exchange of a call, unless the call around this one has.
    pub(crate) fn meet_for_exchanges(&mut self, signature: crate::signature::Signature) -> Result<()> {
        let is_part = self.team.origin.as_ref().is_some_and(|origin| origin.is_part) && !self.is_crowded();
        if is_part { Ok(()) } else { self.meet(signature, &[]) }
    }

    /// Begins the next exchange. All members do.
    pub(crate) fn exchange(&mut self) -> Exchange<'_> {
        self.progress.exchanges += 1;
        let mirror = self.team.control.mirror();
        Exchange { session: self, mirror, number: self.progress.exchanges }
    }
}

impl Exchange<'_> {
    fn half(&self) -> usize {
        (self.number % 2) as usize
    }

    /// Sends bytes to byte `at` of a member's inbox, and signals the step there.
    ///
    /// # Safety
    /// `src` is readable for `len` bytes until [`Exchange::sent`].
    pub(crate) unsafe fn send(
        &self,
        to: usize,
        step: usize,
        at: usize,
        src: *const u8,
        len: usize,
    ) -> Result<Sending> {
        let (session, capacity) = (self.session, self.session.progress.capacity());
        assert!(at <= capacity && len <= capacity - at, "more than fits an inbox");
        let spot = session.progress.half(to, self.half()).plus(at);
        let Some(mirror) = self.mirror else {
            // SAFETY: inside the inbox, which is mapped here and free by the head of this file; the source is the caller's promise.
            unsafe { copy::copy(spot.mapped, src, len) };
            session.team.control.rows().signal_step(to, step, self.number);
            return Ok(Sending(Token::DONE));
        };
        let (place, word) = (spot.place, mirror.step_word(mirror.spread().node(to), step));
        let update = SignalUpdate::Set(self.number);
        // SAFETY: inside the inbox, which is free by the head of this file; an aligned word of the mirror; the source is the caller's promise.
        unsafe { session.team.world.transport.put_signal(place, src, len, word, update) }.map(Sending)
    }

    /// Waits until the bytes of a sending may change.
    pub(crate) fn sent(&self, sending: Sending) -> Result<()> {
        self.session.team.world.transport.wait(sending.0)
    }

    /// Waits until a member has signalled a step here: then what it sent before is in the inbox.
    pub(crate) fn await_step(&self, from: usize, step: usize) -> Result<()> {
        let team = self.session.team;
        let (call, number) = (self.session.call(), self.number);
        let wait = Wait { world: &team.world, team: team.id, call, number };
        match self.mirror {
            Some(mirror) => mirror.await_step(team.control.rows(), wait, step, mirror.spread().node(from)),
            None => team.control.rows().await_step(wait, step, from),
        }
    }

    /// Byte `at` of the own inbox, from which `len` bytes are readable until the next exchange but one.
    pub(crate) fn inbox(&self, at: usize, len: usize) -> *const u8 {
        let capacity = self.session.progress.capacity();
        assert!(at <= capacity && len <= capacity - at, "more than fits an inbox");
        self.session.progress.half(self.session.rank(), self.half()).mapped.wrapping_add(at)
    }
}
