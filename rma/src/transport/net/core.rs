//! The receiving half of the protocol: what messages do to this process, and what is to be said in return.
//!
//! It never calls the wire (it runs inside [`Wire::progress`](super::wire::Wire::progress)); what has to be sent goes to `outgoing`.
//!
//! Invariant: numbered messages of a peer take effect in the order of their numbers, whatever order they arrive in.

use super::message::{Head, Kind, LIST, Message, Packed, WANT_ACK};
use super::peer::{Peer, Peers, WINDOW_MESSAGES};
use super::requests::Requests;
use super::serve::{Memory, Served};
use super::wire::{Result, Sink};
use crate::transport::Token;
use std::collections::VecDeque;

/// Buffers kept for reuse, at most.
const KEPT_BUFFERS: usize = 64;

/// What to do when the wire is done with a message or transfer.
pub(super) enum Flight {
    /// A part of a request's transfer.
    Part(Token),
    /// The body was in this buffer.
    Buffer(Vec<u8>),
    /// The body of an answer to `peer` was memory.
    Answer(usize),
    /// A part of a request's transfer to or from a peer's registered memory.
    Direct(usize, Token),
    /// A part of a request's data, from this place of its stream on, that the wire hands over.
    Fetch(usize, Token, usize),
    /// A flush to a peer.
    Flush(usize),
    /// Nothing.
    Free,
}

/// The body of an answer.
pub(super) enum Body {
    None,
    Memory(*const u8, usize),
    Buffer(Vec<u8>),
}

// SAFETY: the memory is this process's arena, mapped for good; the program's own synchronisation decides what is read there.
unsafe impl Send for Body {}

/// An unnumbered message to be sent.
pub(super) struct Outgoing {
    pub(super) to: usize,
    pub(super) packed: Packed,
    pub(super) body: Body,
}

impl Outgoing {
    pub(super) fn small(to: usize, head: Head) -> Outgoing {
        Outgoing { to, packed: Packed::new(head, None, None), body: Body::None }
    }

    pub(super) fn with_body(to: usize, head: Head, body: Vec<u8>) -> Outgoing {
        Outgoing { body: Body::Buffer(body), ..Outgoing::small(to, head) }
    }
}

/// A request for a mutex that somebody else holds.
struct Pending {
    source: usize,
    offset: u64,
    token: u64,
}

pub(super) struct Core {
    pub(super) memory: Memory,
    pub(super) peers: Peers,
    /// How many ranks there are.
    ranks: usize,
    pub(super) requests: Requests,
    pub(super) outgoing: VecDeque<Outgoing>,
    /// Peers to be told what was taken from them.
    pub(super) due: Vec<usize>,
    /// Mutexes that were granted when nobody waited any longer: at which peer, and where.
    pub(super) unwanted_locks: Vec<(usize, u64)>,
    /// Peers that want to use this process's memory, and the offset concerned.
    pub(super) wanted_keys: Vec<(usize, u64)>,
    /// Longest body of an answer.
    pub(super) piece: usize,
    pending_locks: Vec<Pending>,
    flights: Vec<Flight>,
    free_flights: Vec<u32>,
    buffers: Vec<Vec<u8>>,
    /// Peers broken off, of which the wire has not been told.
    pub(super) abandoned: Vec<usize>,
    /// Messages that were no rank's of this job.
    pub(super) strangers: u64,
    /// The first peer that broke, for those who wait for nobody in particular.
    pub(super) first_broken: Option<usize>,
}

impl Core {
    pub(super) fn new(memory: Memory, ranks: usize, piece: usize) -> Core {
        Core {
            memory,
            peers: Peers::default(),
            ranks,
            requests: Requests::default(),
            outgoing: VecDeque::new(),
            due: Vec::new(),
            unwanted_locks: Vec::new(),
            wanted_keys: Vec::new(),
            piece,
            pending_locks: Vec::new(),
            flights: Vec::new(),
            free_flights: Vec::new(),
            buffers: Vec::new(),
            abandoned: Vec::new(),
            strangers: 0,
            first_broken: None,
        }
    }

    /// The state of the talk with a rank, begun now if there was none.
    pub(super) fn peer(&mut self, rank: usize) -> &mut Peer {
        debug_assert!(rank < self.ranks);
        self.peers.entry(rank).or_default()
    }

    /// The ranks that something was sent to.
    pub(super) fn talked_to(&self) -> impl Iterator<Item = usize> + '_ {
        let talked = |peer: &Peer| peer.sent > 0 || !peer.queue.is_empty();
        self.peers.iter().filter(move |(_, peer)| talked(peer)).map(|(rank, _)| *rank)
    }

    /// Keeps `flight` until the wire reports the tag.
    pub(super) fn launch(&mut self, flight: Flight) -> u64 {
        let index = self.free_flights.pop().unwrap_or_else(|| {
            self.flights.push(Flight::Free);
            self.flights.len() as u32 - 1
        });
        self.flights[index as usize] = flight;
        u64::from(index)
    }

    /// Takes a flight back.
    pub(super) fn land(&mut self, tag: u64) -> Flight {
        let Some(flight) = self.flights.get_mut(tag as usize) else { return Flight::Free };
        let flight = std::mem::replace(flight, Flight::Free);
        if !matches!(flight, Flight::Free) {
            self.free_flights.push(tag as u32);
        }
        flight
    }

    pub(super) fn flight_mut(&mut self, tag: u64) -> &mut Flight {
        &mut self.flights[tag as usize]
    }

    /// An empty buffer.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.buffers.len() < KEPT_BUFFERS {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// Whether mutexes are waited for by peers: then somebody has to look after them.
    pub(super) fn has_pending_locks(&self) -> bool {
        !self.pending_locks.is_empty()
    }

    /// Whether peers wait for something that no message will announce.
    pub(super) fn is_needed(&self) -> bool {
        self.has_pending_locks() || !self.wanted_keys.is_empty()
    }

    /// Gives mutexes that have become free to those that wait for them, oldest first.
    pub(super) fn retry_locks(&mut self) {
        let mut at = 0;
        while let Some(Pending { source, offset, token }) = self.pending_locks.get(at) {
            let (source, token) = (*source, *token);
            if self.memory.try_lock(*offset, source).is_some() {
                at += 1;
                continue;
            }
            self.pending_locks.remove(at);
            self.answer(source, token, 0);
        }
    }

    /// Ends everything that concerns a peer.
    pub(super) fn break_off(&mut self, rank: usize, why: &str) {
        let peer = self.peer(rank);
        if peer.broken.is_some() {
            return;
        }
        peer.broken = Some(why.to_owned());
        peer.queue.clear();
        peer.early.clear();
        self.requests.fail(rank, why);
        self.outgoing.retain(|outgoing| outgoing.to != rank);
        self.pending_locks.retain(|pending| pending.source != rank);
        self.first_broken.get_or_insert(rank);
        self.abandoned.push(rank);
    }

    fn answer(&mut self, to: usize, token: u64, value: u64) {
        let head = Head { token, value, ..Head::new(Kind::Answer, self.memory.me()) };
        self.outgoing.push_back(Outgoing::small(to, head));
    }

    fn due(&mut self, rank: usize) {
        let peer = self.peer(rank);
        if !std::mem::replace(&mut peer.is_due, true) {
            self.due.push(rank);
        }
    }

    /// Lets a message whose turn it is take effect.
    fn take(&mut self, message: &Message<'_>, bytes: usize) {
        let source = message.head.source as usize;
        match self.memory.serve(message) {
            Served::Done => {}
            Served::Answer(value) => self.answer(source, message.head.token, value),
            Served::Busy => {
                let (offset, token) = (message.head.offset, message.head.token);
                self.pending_locks.push(Pending { source, offset, token });
            }
            Served::Data => self.send_data(message),
            Served::Refused(why) => return self.break_off(source, &why),
        }
        let wants = message.head.flags & WANT_ACK != 0;
        if self.peer(source).note_taken(bytes) || wants {
            self.due(source);
        }
    }

    /// Answers a get, in pieces.
    fn send_data(&mut self, message: &Message<'_>) {
        let (to, head) = (message.head.source as usize, message.head);
        let (from, len) = (head.at as usize, head.len as usize);
        let is_list = head.flags & LIST != 0;
        let mut runs = Vec::new();
        if is_list {
            self.memory.pack_runs(message, &mut runs);
        }
        let mut at = from;
        while at < from + len {
            let now = self.piece.min(from + len - at);
            let answer = Head {
                token: head.token,
                at: at as u64,
                len: now as u64,
                ..Head::new(Kind::Data, self.memory.me())
            };
            let body = if is_list {
                Body::Buffer(runs[at - from..][..now].to_vec())
            } else if message.head.levels == 0 {
                self.peer(to).answering += 1;
                Body::Memory(self.memory.address(head.offset).wrapping_add(at), now)
            } else {
                let mut buffer = self.buffer();
                self.memory.pack(head.offset, &message.shape, at, now, &mut buffer);
                Body::Buffer(buffer)
            };
            self.outgoing.push_back(Outgoing { to, packed: Packed::new(answer, None, None), body });
            at += now;
        }
    }

    /// The body of an answer to `rank` is read: what waited for that may take effect.
    pub(super) fn answered(&mut self, rank: usize) {
        let peer = self.peer(rank);
        peer.answering -= 1;
        if peer.answering == 0 {
            self.take_early(rank);
        }
    }

    fn may_take(peer: &Peer, number: u64, kind: Kind) -> bool {
        number == peer.taken + 1 && !(peer.answering > 0 && kind.is_writing())
    }

    fn take_early(&mut self, rank: usize) {
        loop {
            let peer = self.peer(rank);
            let next = peer.taken + 1;
            let Some(bytes) = peer.early.remove(&next) else { return };
            let message = Message::parse(&bytes, &[]).expect("parsed when it came");
            if !Self::may_take(peer, next, message.kind) {
                peer.early.insert(next, bytes);
                return;
            }
            self.take(&message, bytes.len());
        }
    }

    /// An answer to one of this process's requests.
    fn receive(&mut self, message: &Message<'_>) {
        let (head, source) = (message.head, message.head.source as usize);
        let token = Token::new(head.token);
        // Of those that were given up, whatever comes is late.
        let is_open = self.requests.get(token).is_some_and(|request| request.failed.is_none());
        if message.kind == Kind::Data {
            let peer = self.peer(source);
            peer.getting = peer.getting.saturating_sub(head.len as usize);
            let to =
                self.requests.data(token, source, head.len).filter(|_| message.body.len() as u64 == head.len);
            // SAFETY: the caller of the get promised the box until the request is closed; `unpack` checks the stretch.
            let fits = to.is_some_and(|(dst, shape)| unsafe {
                super::serve::unpack(dst, &shape, head.at as usize, message.body)
            });
            if is_open && !fits {
                self.break_off(source, "it sent data that was not asked for");
            }
        } else if is_open && !self.requests.answer(token, source, head.value) {
            self.break_off(source, "it answered what it was not asked");
        } else if !is_open
            && let Some(offset) = self.requests.take_unwanted(token, source)
            && head.value == 0
        {
            self.unwanted_locks.push((source, offset));
        }
    }
}

impl Sink for Core {
    fn message(&mut self, bytes: &[u8], body: &[u8]) {
        let ranks = self.ranks;
        let is_ours = |message: &Message<'_>| {
            (message.head.source as usize) < ranks && message.head.job == self.memory.job
        };
        let Some(message) = Message::parse(bytes, body).filter(is_ours) else {
            // Nobody to blame by number, and nothing that could be answered.
            self.strangers += 1;
            return;
        };
        let (head, source) = (message.head, message.head.source as usize);
        let peer = self.peer(source);
        peer.is_heard = true;
        peer.note_ack(head.ack);
        if peer.broken.is_some() {
            return;
        }
        if head.number == 0 {
            match message.kind {
                Kind::Data | Kind::Answer => self.receive(&message),
                // Each asks for one at a time.
                Kind::WantKey if self.wanted_keys.iter().any(|(asker, _)| *asker == source) => {}
                Kind::WantKey => self.wanted_keys.push((source, head.offset)),
                Kind::Key => self.note_key(source, &head, message.body),
                Kind::Read => self.memory.inbox.note_read(source, head.value),
                _ => {}
            }
            return;
        }
        if Self::may_take(peer, head.number, message.kind) {
            self.take(&message, bytes.len() + body.len());
            self.take_early(source);
        } else if head.number > peer.taken + WINDOW_MESSAGES as u64 {
            self.break_off(source, "it sent more than there was room for");
        } else if head.number > peer.taken {
            peer.early.insert(head.number, [bytes, body].concat().into());
        }
    }

    fn fetched(&mut self, tag: u64, outcome: Result<&[u8]>) {
        let Flight::Fetch(peer, token, at) = self.land(tag) else { return };
        self.peer(peer).direct.note_done();
        match outcome {
            Ok(bytes) => {
                if let Some((dst, shape)) = self.requests.data(token, peer, bytes.len() as u64) {
                    // SAFETY: the caller of the get promised the box until the request is closed; `unpack` checks the stretch.
                    unsafe { super::serve::unpack(dst, &shape, at, bytes) };
                }
            }
            Err(why) if self.requests.get(token).is_some() => self.break_off(peer, &why),
            Err(_) => {}
        }
    }

    fn done(&mut self, tag: u64, outcome: Result<()>) {
        match self.land(tag) {
            Flight::Part(token) => self.requests.part_landed(token, outcome),
            Flight::Direct(peer, token) => {
                self.peer(peer).direct.note_done();
                self.requests.part_landed(token, outcome);
            }
            Flight::Flush(peer) => match outcome {
                Ok(()) => self.peer(peer).direct.note_flushed(),
                Err(why) => self.break_off(peer, &why),
            },
            Flight::Buffer(buffer) => self.recycle(buffer),
            Flight::Answer(peer) => self.answered(peer),
            Flight::Fetch(..) | Flight::Free => {}
        }
    }

    fn broken(&mut self, peer: usize, why: String) {
        if peer < self.ranks {
            self.break_off(peer, &why);
        }
    }
}
