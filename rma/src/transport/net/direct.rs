//! Transfers past the numbered messages: the engine writes and reads registered memory by itself.
//!
//! That is what an adapter with remote memory access is for, and for large transfers it pays elsewhere, too. But such transfers keep no
//! order, neither with the messages nor among themselves. So each side of the talk notes which addresses it may touch (a [`Span`]), and
//! an operation that may overlap with what goes the other way waits until that is complete. Signals wait for everything.
//!
//! Keys of the peer's memory are asked for when they are first needed: a region is the run of memory that the peer's arena has at
//! that time, as far as it lies in one multiple of [`REGION`]; memory that came later is another region. The peer answers everything else first: who is
//! busy with its memory must not seem dead.

use super::core::{Core, Flight, Outgoing};
use super::engine::Engine;
use super::keys::PIECE;
use super::message::{Head, Kind, Packed};
use super::peer::{Stream, Transfer, Way, Work};
use super::requests::Awaits;
use super::shape::Span;
use super::wire::{Result, Sent};
use crate::transport::Token;

/// Direct transfers under way to a peer, at most.
const WINDOW: usize = 128;
/// Longest region: an adapter takes a fraction of a second to register so much, and nobody is answered meanwhile.
const REGION: usize = 256 << 20;

impl Engine {
    /// Sends what can be sent of a direct transfer. Returns whether that was all.
    pub(super) fn advance_direct(&mut self, to: usize, transfer: &mut Transfer) -> Result<bool> {
        self.import(to)?;
        let Work::Direct(stream, way) = &mut transfer.work else { return Ok(true) };
        let way = *way;
        if self.core.peer(to).direct.is_refused {
            self.use_messages(to, transfer);
            return self.advance(to, transfer);
        }
        let span = stream.remote.span(stream.offset);
        if stream.at == 0 && !self.is_clear(to, span)? {
            return Ok(false);
        }
        while stream.at < stream.len {
            let (remote, there) = stream.remote.run_at(stream.at);
            let (local, here) = stream.shape.run_at(stream.at);
            let offset = stream.offset.wrapping_add_signed(remote as i64);
            let direct = &self.core.peer(to).direct;
            let Some((region, key)) = direct.find(offset) else {
                self.want_key(to, offset);
                return Ok(false);
            };
            if direct.open >= WINDOW {
                return Ok(false);
            }
            let now = there.min(here).min(PIECE).min((region.end - offset) as usize);
            let tag = self.core.launch(Flight::Direct(to, transfer.token));
            let (at, local) = (offset - region.start, stream.local.wrapping_offset(local));
            // SAFETY: local memory is the caller's promise until the transfer is complete; the target lies in the region.
            let sent = unsafe {
                match way {
                    Way::Write => self.wire().write(to, key, at, local, now, tag),
                    Way::Read => self.wire().read(to, key, at, local, now, tag),
                    Way::Fetch => self.wire().fetch(to, key, at, now, tag),
                }
            }?;
            if sent == Sent::Full {
                self.core.land(tag);
                return Ok(false);
            }
            if way == Way::Fetch {
                if stream.at == 0 {
                    transfer.token = self.core.expect(to, transfer.token, transfer.op, stream);
                }
                *self.core.flight_mut(tag) = Flight::Fetch(to, transfer.token, stream.at);
            }
            stream.at += now;
            let direct = &mut self.core.peer(to).direct;
            direct.span = direct.span.with(span);
            direct.writes += u64::from(way == Way::Write);
            if sent == Sent::Done {
                self.core.land(tag);
                continue;
            }
            direct.open += 1;
            if way == Way::Fetch {
                continue;
            }
            if transfer.token == Token::DONE {
                transfer.token = self.core.requests.open(transfer.op, to, 0);
                *self.core.flight_mut(tag) = Flight::Direct(to, transfer.token);
            }
            self.core.requests.part_flies(transfer.token);
        }
        Ok(true)
    }

    /// Whether nothing under way may touch `span`; if something may, its completion is seen to.
    fn is_clear(&mut self, to: usize, span: Span) -> Result<bool> {
        let peer = self.core.peer(to);
        if peer.may_touch(span) {
            if peer.asked < peer.sent {
                self.ask_now(to)?;
            }
            return Ok(false);
        }
        if peer.direct.may_touch(span) {
            return self.settle(to);
        }
        Ok(true)
    }

    /// Whether all direct transfers to a peer are complete there; starts a flush if none is under way.
    pub(super) fn settle(&mut self, to: usize) -> Result<bool> {
        let direct = &mut self.core.peer(to).direct;
        if direct.writes > direct.flushed && direct.flushing.is_none() {
            let covered = direct.writes;
            let tag = self.core.launch(Flight::Flush(to));
            match self.wire().flush(to, tag)? {
                Sent::Full => drop(self.core.land(tag)),
                Sent::Done => {
                    self.core.land(tag);
                    self.core.peer(to).direct.flushed = covered;
                }
                Sent::Started => self.core.peer(to).direct.flushing = Some(covered),
            }
        }
        Ok(self.core.peer(to).direct.is_quiet())
    }

    fn want_key(&mut self, to: usize, offset: u64) {
        if !std::mem::replace(&mut self.core.peer(to).direct.is_asked, true) {
            let head = Head { offset, ..Head::new(Kind::WantKey, self.core.memory.me()) };
            self.core.outgoing.push_back(Outgoing::small(to, head));
        }
    }

    /// Makes keys usable that have arrived.
    fn import(&mut self, to: usize) -> Result<()> {
        let arrived = std::mem::take(&mut self.core.peer(to).direct.arrived);
        for (span, key) in arrived {
            let imported = if key.is_empty() { None } else { Some(self.wire().import(to, &key)?) };
            let direct = &mut self.core.peer(to).direct;
            direct.is_asked = false;
            match imported {
                Some(key) => direct.keys.push((span, key)),
                None => direct.is_refused = true,
            }
        }
        Ok(())
    }

    /// Turns a direct transfer, or what is left of it, into one by messages.
    fn use_messages(&mut self, to: usize, transfer: &mut Transfer) {
        let work = std::mem::replace(&mut transfer.work, Work::Small(Box::new(Packed::empty())));
        transfer.work = match work {
            Work::Direct(stream, Way::Write) => Work::Out(stream, None),
            Work::Direct(stream, way) => {
                // A fetch that has begun expects its data already.
                if way == Way::Read || stream.at == 0 {
                    transfer.token = self.core.expect(to, transfer.token, transfer.op, &stream);
                }
                Work::In(stream)
            }
            other => other,
        };
    }

    /// Answers one of the peers that want to use this process's memory. Who asks while that is busy waits.
    pub(super) fn export(&mut self) {
        if self.core.wanted_keys.is_empty() {
            return;
        }
        let (to, offset) = self.core.wanted_keys.remove(0);
        let is_it = |(span, _): &(Span, Vec<u8>)| span.start <= offset && offset < span.end;
        let known = match self.exported.0.iter().position(is_it) {
            Some(known) => Ok(Some(known)),
            None => self.register(offset),
        };
        match known {
            Ok(found) => self.tell_key(to, offset, found),
            Err(shm::Busy) => self.core.wanted_keys.push((to, offset)),
        }
    }

    /// Registers the memory around an offset of the arena; which of the exported it is, if it can be had.
    fn register(&mut self, offset: u64) -> std::result::Result<Option<usize>, shm::Busy> {
        let Some((start, end)) = self.core.memory.heap.try_pin(offset as usize, REGION)? else {
            return Ok(None);
        };
        let base = self.core.memory.address(start as u64);
        // SAFETY: pinned memory of the arena keeps its pages, and the heap is mapped for good.
        let key = unsafe { self.wire().register(base, end - start) };
        Ok(key.ok().map(|key| {
            self.exported.0.push((Span { start: start as u64, end: end as u64 }, key));
            self.exported.0.len() - 1
        }))
    }

    fn tell_key(&mut self, to: usize, offset: u64, found: Option<usize>) {
        let me = self.core.memory.me();
        let outgoing = match found.map(|index| &self.exported.0[index]) {
            Some((span, key)) => {
                let len = span.end - span.start;
                let head = Head { offset: span.start, len, ..Head::new(Kind::Key, me) };
                Outgoing::with_body(to, head, key.clone())
            }
            None => Outgoing::small(to, Head { offset, ..Head::new(Kind::Key, me) }),
        };
        self.core.outgoing.push_back(outgoing);
    }
}

impl Core {
    /// Prepares the request `token`, or a new one, for the data of `stream`.
    pub(super) fn expect(&mut self, to: usize, mut token: Token, op: &'static str, stream: &Stream) -> Token {
        if token == Token::DONE {
            token = self.requests.open(op, to, 0);
        }
        if let Some(request) = self.requests.get(token) {
            let left = (stream.len - stream.at) as u64;
            request.awaits = Awaits::Data { dst: stream.local, shape: stream.shape, left };
            request.pending += left;
        }
        token
    }

    /// A peer's key, or the news that there is none.
    pub(super) fn note_key(&mut self, source: usize, head: &Head, key: &[u8]) {
        let span = Span { start: head.offset, end: head.offset.saturating_add(head.len) };
        if self.peer(source).direct.is_asked {
            self.peer(source).direct.note_key(span, key);
        }
    }
}
