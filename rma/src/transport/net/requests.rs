//! Transfers that callers wait for.
//!
//! Invariant: a slot is live from [`Requests::open`] to [`Requests::close`]; its token names slot and generation, so an answer that
//! comes too late finds nobody. What a peer may say to a request follows from what it [waits for](Awaits). A mutex whose request was
//! [given up](Requests::cancel) may still be granted: it has to be given back then.

use super::shape::Shape;
use crate::transport::Token;
use std::collections::HashMap;

/// What a peer has to say to a request.
#[derive(Clone, Copy)]
pub(super) enum Awaits {
    /// Nothing: the wire takes memory along.
    Nothing,
    /// So many bytes of data, for this box.
    Data { dst: *mut u8, shape: Shape, left: u64 },
    /// A value.
    Answer,
    /// Whether the mutex at this offset is had.
    Grant(u64),
}

/// One transfer.
pub(super) struct Request {
    generation: u32,
    is_live: bool,
    pub(super) op: &'static str,
    pub(super) peer: usize,
    /// What is outstanding: bytes still to arrive, messages not yet locally complete, one while the transfer is not wholly
    /// sent. Zero is complete.
    pub(super) pending: u64,
    /// Those of them for which the wire still uses the caller's memory.
    flying: u64,
    pub(super) awaits: Awaits,
    /// An answer's value.
    pub(super) value: u64,
    pub(super) failed: Option<String>,
}

// SAFETY: the destination is used by the engine only, under its lock, while the caller that gave it waits or has promised to.
unsafe impl Send for Request {}

/// All of them.
#[derive(Default)]
pub(super) struct Requests {
    slots: Vec<Request>,
    free: Vec<u32>,
    /// Mutexes that were asked for by requests given up since: whose, and where.
    unwanted: HashMap<u64, (usize, u64)>,
}

impl Requests {
    /// A new request with `pending` parts.
    pub(super) fn open(&mut self, op: &'static str, peer: usize, pending: u64) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            let request = Request {
                generation: 0,
                is_live: false,
                op,
                peer,
                pending,
                flying: 0,
                awaits: Awaits::Nothing,
                value: 0,
                failed: None,
            };
            self.slots.push(request);
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[index as usize];
        (slot.op, slot.peer, slot.pending, slot.value) = (op, peer, pending, 0);
        (slot.is_live, slot.failed, slot.flying, slot.awaits) = (true, None, 0, Awaits::Nothing);
        Token::new(u64::from(slot.generation) << 32 | u64::from(index + 1))
    }

    /// The request of a token, if it is still open.
    pub(super) fn get(&mut self, token: Token) -> Option<&mut Request> {
        let (index, generation) = split(token)?;
        self.slots.get_mut(index).filter(|slot| slot.is_live && slot.generation == generation)
    }

    /// Ends a request that is complete: its value, or what went wrong.
    pub(super) fn close(&mut self, token: Token) -> Result<u64, String> {
        let Some((index, _)) = split(token) else { return Ok(0) };
        let Some(slot) = self.get(token) else { return Ok(0) };
        slot.is_live = false;
        slot.generation = slot.generation.wrapping_add(1);
        let outcome = slot.failed.take().map_or(Ok(slot.value), Err);
        self.free.push(index as u32);
        outcome
    }

    /// The wire began to use memory of the request's caller.
    pub(super) fn part_flies(&mut self, token: Token) {
        if let Some(slot) = self.get(token) {
            slot.pending += 1;
            slot.flying += 1;
        }
    }

    /// The wire is done with memory of the request's caller.
    pub(super) fn part_landed(&mut self, token: Token, outcome: Result<(), String>) {
        if let Some(slot) = self.get(token) {
            slot.pending = slot.pending.saturating_sub(1);
            slot.flying = slot.flying.saturating_sub(1);
            if let Err(why) = outcome {
                slot.failed.get_or_insert(why);
            }
        }
    }

    /// Data for a request: where to put `len` bytes from number `at` of its stream on. `None` if it gets none of that peer.
    pub(super) fn data(&mut self, token: Token, peer: usize, len: u64) -> Option<(*mut u8, Shape)> {
        let slot = self.get(token).filter(|slot| slot.peer == peer)?;
        let Awaits::Data { dst, shape, left } = &mut slot.awaits else { return None };
        *left = left.checked_sub(len)?;
        let to = (*dst, *shape);
        slot.pending = slot.pending.saturating_sub(len);
        Some(to)
    }

    /// A value for a request; false if it gets none of that peer.
    pub(super) fn answer(&mut self, token: Token, peer: usize, value: u64) -> bool {
        let Some(slot) = self.get(token).filter(|slot| slot.peer == peer) else { return false };
        if !matches!(slot.awaits, Awaits::Answer | Awaits::Grant(_)) {
            return false;
        }
        slot.awaits = Awaits::Nothing;
        slot.value = value;
        slot.pending = slot.pending.saturating_sub(1);
        true
    }

    /// Nobody waits for a request any longer: it is complete once the wire no longer uses its caller's memory. `is_sent`: the
    /// peer has, or will have, heard of it.
    pub(super) fn cancel(&mut self, token: Token, is_sent: bool) {
        let Some(slot) = self.get(token) else { return };
        slot.pending = slot.flying;
        slot.failed.get_or_insert_with(|| "it was given up".to_owned());
        let (peer, awaits) = (slot.peer, std::mem::replace(&mut slot.awaits, Awaits::Nothing));
        if let Awaits::Grant(offset) = awaits
            && is_sent
        {
            self.unwanted.insert(token.number(), (peer, offset));
        }
    }

    /// Where the mutex is that `peer` grants to a request given up before, if it is one.
    pub(super) fn take_unwanted(&mut self, token: Token, peer: usize) -> Option<u64> {
        let (owner, _) = self.unwanted.get(&token.number())?;
        if *owner != peer {
            return None;
        }
        self.unwanted.remove(&token.number()).map(|(_, offset)| offset)
    }

    /// All open requests to a peer end with an error, once the wire no longer uses their callers' memory.
    pub(super) fn fail(&mut self, peer: usize, why: &str) {
        self.unwanted.retain(|_, (owner, _)| *owner != peer);
        for slot in self.slots.iter_mut().filter(|slot| slot.is_live && slot.peer == peer) {
            (slot.pending, slot.awaits) = (slot.flying, Awaits::Nothing);
            slot.failed.get_or_insert_with(|| why.to_owned());
        }
    }
}

fn split(token: Token) -> Option<(usize, u32)> {
    let number = token.number();
    let index = (number as u32).checked_sub(1)?;
    Some((index as usize, (number >> 32) as u32))
}
