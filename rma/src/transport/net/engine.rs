//! The sending half of the protocol, and the turn of the crank: [`Engine::progress`].
//!
//! An operation is a [`Transfer`], sent message by message as the peer's window allows. What can't go at once waits in the peer's
//! queue, and behind it all later operations to that peer: so they take effect in the order of issue.

use super::core::{Body, Core, Flight, Outgoing};
use super::keys::Exported;
use super::message::{ADD_WORD, Head, Kind, MOST_HEAD, PADDED_HEAD, Packed, SET_WORD, WANT_ACK};
use super::peer::{List, Scale, Stream, Transfer, Way, Work};
use super::serve::pack;
use super::shape::Span;
use super::wire::{Result, Sent, Wire};
use crate::directory::Directory;
use crate::observe;
use crate::transport::verbs::{SILENCE, SignalUpdate, Token};
use std::os::fd::RawFd;

/// Bytes that one message asks for.
pub(super) const GET_PIECE: usize = 128 * 1024;

/// From how many bytes on data goes past the messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    /// What is contiguous on both sides.
    pub(super) run: usize,
    /// Each of many rows.
    pub(super) row: usize,
    /// A run that is waited for alone, and no longer than a message.
    pub(super) lone: usize,
}

pub(super) struct Engine {
    wire: Box<dyn Wire>,
    pub(super) core: Core,
    directory: Directory,
    /// Longest body behind the longest head.
    piece: usize,
    /// Peers with operations in their queue.
    busy: Vec<usize>,
    pub(super) exported: Exported,
    thresholds: Thresholds,
}

impl Engine {
    pub(super) fn new(
        wire: Box<dyn Wire>,
        core: Core,
        directory: Directory,
        thresholds: Thresholds,
    ) -> Engine {
        let piece = piece_len(&*wire);
        let (busy, exported) = (Vec::new(), Exported::default());
        Engine { wire, core, directory, piece, busy, exported, thresholds }
    }

    pub(super) fn wire(&mut self) -> &mut dyn Wire {
        &mut *self.wire
    }

    pub(super) fn describe(&self) -> String {
        match self.core.strangers {
            0 => self.wire.describe(),
            count => {
                format!("{}; {count} messages of no rank of this job were dropped", self.wire.describe())
            }
        }
    }

    pub(super) fn event_fd(&self) -> Option<RawFd> {
        self.wire.event_fd()
    }

    /// Whether the next event will be seen at [`Engine::event_fd`], and nothing waits for anything else.
    pub(super) fn arm(&mut self) -> bool {
        // An error of arming shows again in progress.
        self.core.outgoing.is_empty() && !self.core.is_needed() && self.wire.arm().unwrap_or(false)
    }

    /// Moves everything on. Returns whether anything happened.
    pub(super) fn progress(&mut self) -> bool {
        let any = self.wire.progress(&mut self.core);
        if self.core.has_pending_locks() {
            self.core.retry_locks();
        }
        for (to, offset) in std::mem::take(&mut self.core.unwanted_locks) {
            let head = Head { offset, ..Head::new(Kind::Unlock, self.core.memory.me()) };
            let work = Work::Small(Box::new(Packed::new(head, None, None)));
            // Of a peer that is broken by now there is nothing to be given back.
            let _ = self.start(to, Transfer { work, token: Token::DONE, op: "unlock" });
        }
        self.send_outgoing();
        self.pump();
        self.send_due();
        self.export();
        self.send_outgoing();
        for rank in std::mem::take(&mut self.core.abandoned) {
            self.wire.give_up(rank);
        }
        any
    }

    fn send_outgoing(&mut self) {
        while let Some(outgoing) = self.core.outgoing.pop_front() {
            let Outgoing { to, mut packed, body } = outgoing;
            let (at, len) = match &body {
                Body::None => (std::ptr::null(), 0),
                Body::Memory(at, len) => (*at, *len),
                Body::Buffer(buffer) => (buffer.as_ptr(), buffer.len()),
            };
            let memory = matches!(body, Body::Memory(..));
            let flight = match body {
                Body::None => Flight::Part(Token::DONE),
                Body::Memory(..) => Flight::Answer(to),
                Body::Buffer(buffer) => Flight::Buffer(buffer),
            };
            let tag = self.core.launch(flight);
            match self.send(to, &mut packed, at, len, tag) {
                Ok(Sent::Started) => {}
                Ok(Sent::Done) => match self.core.land(tag) {
                    Flight::Answer(peer) => self.core.answered(peer),
                    Flight::Buffer(buffer) => self.core.recycle(buffer),
                    _ => {}
                },
                Ok(Sent::Full) => {
                    let body = match self.core.land(tag) {
                        Flight::Buffer(buffer) => Body::Buffer(buffer),
                        _ if memory => Body::Memory(at, len),
                        _ => Body::None,
                    };
                    self.core.outgoing.push_front(Outgoing { to, packed, body });
                    return;
                }
                Err(why) => {
                    self.core.land(tag);
                    self.core.break_off(to, &why);
                }
            }
        }
    }

    fn pump(&mut self) {
        let mut at = 0;
        while let Some(&to) = self.busy.get(at) {
            self.pump_one(to);
            if self.core.peer(to).queue.is_empty() {
                self.busy.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn pump_one(&mut self, to: usize) {
        while let Some(mut transfer) = self.core.peer(to).queue.pop_front() {
            match self.advance(to, &mut transfer) {
                Ok(true) => {
                    if let Some(request) = self.core.requests.get(transfer.token) {
                        request.pending -= 1;
                    }
                }
                Ok(false) => return self.core.peer(to).queue.push_front(transfer),
                Err(why) => {
                    self.core.break_off(to, &why);
                }
            }
        }
    }

    fn send_due(&mut self) {
        let due = std::mem::take(&mut self.core.due);
        for to in due {
            let peer = self.core.peer(to);
            if !peer.is_due || peer.broken.is_some() {
                continue;
            }
            let head = Head::new(Kind::Ack, self.core.memory.me());
            let mut packed = Packed::new(head, None, None);
            let tag = self.core.launch(Flight::Part(Token::DONE));
            match self.send(to, &mut packed, std::ptr::null(), 0, tag) {
                Ok(Sent::Started) => {}
                Ok(Sent::Done) => drop(self.core.land(tag)),
                Ok(Sent::Full) => {
                    self.core.land(tag);
                    self.core.due.push(to);
                }
                Err(why) => {
                    self.core.land(tag);
                    self.core.break_off(to, &why);
                }
            }
        }
    }

    /// Gives one message to the wire, with the number of the last message taken from that peer.
    fn send(
        &mut self,
        to: usize,
        packed: &mut Packed,
        body: *const u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let peer = self.core.peer(to);
        if !peer.is_connected {
            let address = self.directory.address(to);
            self.wire.connect(to, address)?;
            peer.is_connected = true;
        }
        let head = packed.head_mut();
        (head.ack, head.job) = (peer.taken, self.core.memory.job);
        // SAFETY: bodies are buffers of the flight, memory of the arena, or local memory that the caller of the operation has
        // promised until it is complete.
        let sent = unsafe { self.wire.send(to, packed.bytes(), body, len, tag) }?;
        if sent != Sent::Full {
            self.core.peer(to).note_told();
        }
        Ok(sent)
    }

    /// Sends one numbered message.
    fn send_numbered(
        &mut self,
        to: usize,
        packed: &mut Packed,
        body: *const u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let number = self.core.peer(to).sent + 1;
        let head = packed.head_mut();
        head.number = number;
        let wants = head.flags & WANT_ACK != 0;
        let bytes = packed.bytes().len() + len;
        let sent = self.send(to, packed, body, len, tag)?;
        if sent != Sent::Full {
            let peer = self.core.peer(to);
            peer.note_sent(bytes);
            if wants {
                peer.asked = number;
            }
        }
        Ok(sent)
    }

    /// Starts an operation. The token is [`Token::DONE`] if it is complete, as far as this side is concerned.
    pub(super) fn start(&mut self, to: usize, mut transfer: Transfer) -> Result<Token> {
        let peer = self.core.peer(to);
        if let Some(why) = &peer.broken {
            let why = why.clone();
            self.core.requests.close(transfer.token).ok();
            return Err(why);
        }
        peer.note_begun();
        let is_first = peer.queue.is_empty();
        if let Work::In(stream) = &transfer.work {
            transfer.token = self.core.expect(to, transfer.token, transfer.op, stream);
        }
        if is_first {
            match self.advance(to, &mut transfer) {
                Ok(true) => return Ok(transfer.token),
                Ok(false) => {}
                Err(why) => {
                    self.core.break_off(to, &why);
                    // A part may be under way: then who waits for the rest learns of it, after that.
                    return if transfer.token == Token::DONE { Err(why) } else { Ok(transfer.token) };
                }
            }
        }
        if transfer.token == Token::DONE && !matches!(transfer.work, Work::Letter(_)) {
            transfer.token = self.core.requests.open(transfer.op, to, 0);
        }
        if let Some(request) = self.core.requests.get(transfer.token) {
            request.pending += 1;
        }
        let token = transfer.token;
        self.core.peer(to).queue.push_back(transfer);
        if is_first {
            self.busy.push(to);
        }
        Ok(token)
    }

    /// Nobody waits for a request to this peer any longer. What is not yet sent isn't; the request is complete once the wire no longer
    /// uses its caller's memory.
    pub(super) fn cancel(&mut self, to: usize, token: Token) {
        let queue = &mut self.core.peer(to).queue;
        let before = queue.len();
        queue.retain(|transfer| transfer.token != token);
        let is_sent = queue.len() == before;
        self.core.requests.cancel(token, is_sent);
    }

    /// Sends what can be sent of an operation. Returns whether that was all.
    pub(super) fn advance(&mut self, to: usize, transfer: &mut Transfer) -> Result<bool> {
        if !self.may_begin(to, transfer)? {
            return Ok(false);
        }
        match &mut transfer.work {
            Work::Small(packed) => {
                if !self.core.peer(to).has_room() {
                    return Ok(false);
                }
                let tag = self.core.launch(Flight::Part(Token::DONE));
                let sent = self.send_numbered(to, packed, std::ptr::null(), 0, tag)?;
                if sent != Sent::Started {
                    self.core.land(tag);
                }
                Ok(sent != Sent::Full)
            }
            Work::List(list) | Work::Letter(list) => self.send_list(to, list),
            Work::Out(stream, scale) => {
                while stream.at < stream.len {
                    if !self.core.peer(to).has_room()
                        || !self.send_piece(to, stream, *scale, transfer.op, &mut transfer.token)?
                    {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Work::In(stream) => {
                while stream.at < stream.len {
                    let peer = self.core.peer(to);
                    if !peer.has_room() || !peer.may_get() || !self.ask_piece(to, stream, transfer.token)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Work::Direct(..) => self.advance_direct(to, transfer),
        }
    }

    /// Whether messages of this operation may go: not while direct transfers are under way that touch the same memory.
    fn may_begin(&mut self, to: usize, transfer: &Transfer) -> Result<bool> {
        let span = match &transfer.work {
            Work::Out(stream, _) | Work::In(stream) => stream.span(),
            Work::Small(packed) => packed.span(),
            Work::List(list) | Work::Letter(list) => list.span,
            Work::Direct(..) => return Ok(true),
        };
        let peer = self.core.peer(to);
        if peer.direct.may_touch(span) {
            return self.settle(to);
        }
        if peer.acked == peer.sent && peer.getting == 0 {
            peer.span = Span::EMPTY;
        }
        peer.span = peer.span.with(span);
        Ok(true)
    }

    /// The work of moving a stream: directly if its runs are long enough, or it is one run that is likely to be waited for alone. All rows of a box are alike, so what is decided for the
    /// first one is decided for all.
    pub(super) fn by_length(&mut self, to: usize, stream: Stream, way: Way) -> Work {
        let is_lone = (self.thresholds.lone..=self.piece).contains(&stream.len)
            && stream.remote.is_run()
            && stream.shape.is_run()
            && self.core.peer(to).is_lone(way);
        let work = match way {
            _ if self.is_direct(&stream) => Work::Direct(stream, way),
            Way::Write if is_lone => Work::Direct(stream, way),
            Way::Read if is_lone => Work::Direct(stream, Way::Fetch),
            Way::Write => Work::Out(stream, None),
            Way::Read | Way::Fetch => Work::In(stream),
        };
        if matches!(work, Work::Direct(..)) {
            observe::took(observe::Path::Direct);
        }
        work
    }

    /// Whether the runs of a stream are long enough to go past the messages.
    pub(super) fn is_direct(&self, stream: &Stream) -> bool {
        let run = stream.remote.counts[0].min(stream.shape.counts[0]);
        run >= if run == stream.len { self.thresholds.run } else { self.thresholds.row }
    }

    /// Longest letter.
    pub(super) fn letter_len(&self) -> usize {
        self.piece.min(16 * 1024)
    }

    /// Longest body of a message or of its answer, and from which length on runs go directly.
    pub(super) fn run_limits(&self) -> (usize, usize) {
        (self.piece.min(self.core.piece), self.thresholds.row)
    }

    /// Sends a list. False if there is no room.
    fn send_list(&mut self, to: usize, list: &mut List) -> Result<bool> {
        let peer = self.core.peer(to);
        if !peer.has_room() || list.expected > 0 && !peer.may_get() {
            return Ok(false);
        }
        let body = std::mem::take(&mut list.body);
        let (at, len) = (body.as_ptr(), body.len());
        let tag = self.core.launch(Flight::Buffer(body));
        let sent = self.send_numbered(to, &mut list.packed, at, len, tag)?;
        if sent != Sent::Started
            && let Flight::Buffer(body) = self.core.land(tag)
        {
            if sent == Sent::Full {
                list.body = body;
                return Ok(false);
            }
            self.core.recycle(body);
        }
        self.core.peer(to).getting += list.expected;
        Ok(true)
    }

    /// Sends the next stretch of a put or accumulate. False if the wire has no room.
    fn send_piece(
        &mut self,
        to: usize,
        stream: &mut Stream,
        scale: Option<Scale>,
        op: &'static str,
        token: &mut Token,
    ) -> Result<bool> {
        let now = self.piece.min(stream.len - stream.at);
        let kind = if scale.is_some() { Kind::Accumulate } else { Kind::Put };
        let is_last = stream.at + now == stream.len;
        let (mut flags, mut word, mut value) = (0, 0, 0);
        if is_last && self.core.peer(to).expects_fence() {
            flags |= WANT_ACK;
        }
        if let Some((offset, update)) = stream.signal.filter(|_| is_last) {
            word = offset;
            match update {
                SignalUpdate::Set(number) => (flags, value) = (flags | SET_WORD, number),
                SignalUpdate::Add(number) => (flags, value) = (flags | ADD_WORD, number),
            }
        }
        let head = Head {
            offset: stream.offset,
            at: stream.at as u64,
            len: now as u64,
            variant: scale.map_or(0, |scale| scale.variant),
            flags,
            token: word,
            value,
            ..Head::new(kind, self.core.memory.me())
        };
        let mut packed = Packed::new(head, scale.map(|scale| scale.alpha), Some(&stream.remote));
        let (body, flight) = if stream.shape.is_run() {
            (stream.local.wrapping_add(stream.at).cast_const(), Flight::Part(*token))
        } else {
            let mut buffer = self.core.buffer();
            // SAFETY: the caller's box, until the transfer is complete.
            unsafe { pack(stream.local, &stream.shape, stream.at, now, &mut buffer) };
            (buffer.as_ptr(), Flight::Buffer(buffer))
        };
        let tag = self.core.launch(flight);
        let sent = self.send_numbered(to, &mut packed, body, now, tag)?;
        if sent == Sent::Started {
            if stream.shape.is_run() {
                if *token == Token::DONE {
                    *token = self.core.requests.open(op, to, 0);
                    *self.core.flight_mut(tag) = Flight::Part(*token);
                }
                self.core.requests.part_flies(*token);
            }
        } else if let Flight::Buffer(buffer) = self.core.land(tag) {
            self.core.recycle(buffer);
        }
        if sent != Sent::Full {
            stream.at += now;
        }
        Ok(sent != Sent::Full)
    }

    /// Asks for the next stretch of a get. False if the wire has no room.
    fn ask_piece(&mut self, to: usize, stream: &mut Stream, token: Token) -> Result<bool> {
        let now = GET_PIECE.min(stream.len - stream.at);
        let head = Head {
            offset: stream.offset,
            at: stream.at as u64,
            len: now as u64,
            token: token.number(),
            ..Head::new(Kind::Get, self.core.memory.me())
        };
        let mut packed = Packed::new(head, None, Some(&stream.remote));
        let tag = self.core.launch(Flight::Part(Token::DONE));
        let sent = self.send_numbered(to, &mut packed, std::ptr::null(), 0, tag)?;
        if sent != Sent::Started {
            self.core.land(tag);
        }
        if sent == Sent::Full {
            return Ok(false);
        }
        self.core.peer(to).getting += now;
        stream.at += now;
        Ok(true)
    }

    /// Whether everything to `rank` has taken effect; asks for an acknowledgement if none is under way.
    pub(super) fn is_fenced(&mut self, rank: usize) -> Result<bool> {
        let Some(peer) = self.core.peers.get_mut(&rank) else { return Ok(true) };
        peer.note_fence();
        if let Some(why) = &peer.broken {
            return Err(why.clone());
        }
        if peer.is_quiet() {
            return Ok(true);
        }
        if !peer.queue.is_empty() {
            return Ok(false);
        }
        if peer.asked < peer.sent {
            self.ask_now(rank)?;
        }
        let is_settled = self.settle(rank)?;
        let peer = self.core.peer(rank);
        Ok(is_settled && peer.acked == peer.sent)
    }

    /// Asks for an acknowledgement past the queue, if there is room for a message.
    pub(super) fn ask_now(&mut self, rank: usize) -> Result<()> {
        if !self.core.peer(rank).has_room() {
            return Ok(());
        }
        let head = Head { flags: WANT_ACK, ..Head::new(Kind::Nothing, self.core.memory.me()) };
        let mut packed = Packed::new(head, None, None);
        let tag = self.core.launch(Flight::Part(Token::DONE));
        let sent = self.send_numbered(rank, &mut packed, std::ptr::null(), 0, tag)?;
        if sent != Sent::Started {
            self.core.land(tag);
        }
        Ok(())
    }

    /// Looks after a peer that is waited for: if it owes no answer it is asked for a sign of life, and if it stays silent for
    /// `patience_ns` it is given up. What was sent without asking owes none, so it is no reason to wait for one. Silence counts only
    /// while somebody looks: this process may have had no reason to, or have been stopped itself.
    pub(super) fn check_peer(&mut self, rank: usize, now_ns: u64, patience_ns: u64) {
        let Some(peer) = self.core.peers.get_mut(&rank) else { return };
        if peer.broken.is_some() || !peer.is_connected {
            return;
        }
        let is_first =
            now_ns.saturating_sub(std::mem::replace(&mut peer.looked_ns, now_ns)) > patience_ns / 3;
        if std::mem::take(&mut peer.is_heard) || peer.silent_ns == 0 || is_first {
            peer.silent_ns = now_ns;
        }
        // Another thread may have looked in between, with a later time.
        let silent_ns = now_ns.saturating_sub(peer.silent_ns);
        if silent_ns > patience_ns {
            let why = format!("{SILENCE} for {:.1} s", silent_ns as f64 * 1e-9);
            self.core.break_off(rank, &why);
        } else if peer.asked <= peer.acked
            && let Err(why) = self.ask_now(rank)
        {
            self.core.break_off(rank, &why);
        }
    }
}

/// Longest body of a message, a multiple of the longest element.
pub(super) fn piece_len(wire: &dyn Wire) -> usize {
    (wire.limits().message_len - MOST_HEAD) / 16 * 16
}

/// Longest body of an answer, whose head has no extras.
pub(super) fn answer_len(wire: &dyn Wire) -> usize {
    wire.limits().message_len - PADDED_HEAD
}
