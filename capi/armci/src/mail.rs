//! Send and receive, on one segment.
//!
//! Every pair of ranks has a ring of [`RING`] bytes at the receiver. A message is a header and its bytes; both go through the ring as
//! one stream, in pieces if need be. Layout of each rank's part:
//!
//! ```text
//!      0  arrivals   whoever changes another word here adds one afterwards; the owner sleeps on it
//!     64  slot of rank 0, then of rank 1, and so on, each of 64 + RING bytes:
//!          +0  sent      bytes that rank has put into the ring so far; written by that rank
//!          +8  taken     bytes that rank has taken out of *its* ring of mine; written by that rank
//!         +64  the ring
//! ```
//!
//! Who waits, for room or for a message, takes out what has come in from everybody, so two ranks that send to each other first and
//! receive then don't wait for each other, however long the messages are.
//!
//! Invariant: `taken <= sent <= taken + RING`, and what has left a ring is in `open` or in `queue`, in order of sending for each pair.

use crate::guard::exported;
use crate::state::Armci;
use rma::{Compare, Error, ErrorKind, Result, Segment, SignalUpdate, World};
use std::collections::VecDeque;
use std::ffi::{c_int, c_void};

/// Bytes under way between two ranks.
const RING: usize = 4096;
const SLOT: usize = 64 + RING;
const HEADER: usize = 16;

/// A message that has arrived.
struct Message {
    from: usize,
    tag: c_int,
    bytes: Vec<u8>,
}

/// What this rank knows of its exchange with another.
#[derive(Default)]
struct Peer {
    /// Bytes sent to it.
    sent: u64,
    /// Bytes taken from it.
    taken: u64,
    /// A header that isn't whole, or the message that is arriving: its tag, and its length.
    open: Vec<u8>,
    arriving: Option<(c_int, usize)>,
}

/// All exchanges.
pub(crate) struct Mail {
    segment: Segment,
    me: usize,
    peers: Vec<Peer>,
    queue: VecDeque<Message>,
}

fn slot(rank: usize) -> usize {
    64 + rank * SLOT
}

impl Mail {
    pub(crate) fn new(world: &World) -> Result<Mail> {
        let size = world.size();
        let segment = Segment::allocate_zeroed(&world.team(), slot(size))?;
        let peers = (0..size).map(|_| Peer::default()).collect();
        Ok(Mail { segment, me: world.rank(), peers, queue: VecDeque::new() })
    }

    /// A word of the own part, and everything that was written before it.
    fn word(&self, offset: usize) -> Result<u64> {
        self.segment.wait_signal(offset, Compare::AtLeast(0))
    }

    /// Tells a rank something.
    fn tell(&self, rank: usize, offset: usize, value: u64) -> Result<()> {
        self.segment.put_signal::<u8>(rank, 0, &[], offset, SignalUpdate::Set(value))?;
        self.segment.put_signal::<u8>(rank, 0, &[], 0, SignalUpdate::Add(1))
    }

    /// Sends a message; its bytes may be reused on return.
    fn send(&mut self, tag: c_int, bytes: &[u8], to: usize) -> Result<()> {
        if to == self.me {
            self.queue.push_back(Message { from: to, tag, bytes: bytes.to_vec() });
            return Ok(());
        }
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&tag.to_le_bytes());
        header[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.stream(&header, to)?;
        self.stream(bytes, to)
    }

    fn stream(&mut self, mut bytes: &[u8], to: usize) -> Result<()> {
        while !bytes.is_empty() {
            let arrivals = self.word(0)?;
            let sent = self.peers[to].sent;
            let room = RING - (sent - self.word(slot(to) + 8)?) as usize;
            if room == 0 {
                self.take_all()?;
                self.segment.wait_signal(0, Compare::NotEqual(arrivals))?;
                continue;
            }
            let at = sent as usize % RING;
            let (now, later) = bytes.split_at(bytes.len().min(room).min(RING - at));
            self.segment.put(to, slot(self.me) + 64 + at, now)?;
            let sent = sent + now.len() as u64;
            self.peers[to].sent = sent;
            self.tell(to, slot(self.me), sent)?;
            bytes = later;
        }
        Ok(())
    }

    /// Takes out whatever has arrived.
    fn take_all(&mut self) -> Result<()> {
        for from in 0..self.peers.len() {
            while self.take(from)? {}
        }
        Ok(())
    }

    /// Takes one piece out of a ring; whether there was one.
    fn take(&mut self, from: usize) -> Result<bool> {
        let ready = (self.word(slot(from))? - self.peers[from].taken) as usize;
        if ready == 0 {
            return Ok(false);
        }
        let peer = &mut self.peers[from];
        let wanted = peer.arriving.map_or(HEADER, |(_, len)| len) - peer.open.len();
        let at = peer.taken as usize % RING;
        let len = wanted.min(ready).min(RING - at);
        let old = peer.open.len();
        peer.open.resize(old + len, 0);
        self.segment.get(self.me, slot(from) + 64 + at, &mut peer.open[old..])?;
        peer.taken += len as u64;
        let taken = peer.taken;
        self.tell(from, slot(self.me) + 8, taken)?;
        self.complete(from);
        Ok(true)
    }

    /// Goes on from a whole header to the message, and from a whole message to the queue.
    fn complete(&mut self, from: usize) {
        let peer = &mut self.peers[from];
        if peer.arriving.is_none() && peer.open.len() == HEADER {
            let tag = c_int::from_le_bytes(peer.open[..4].try_into().expect("four bytes"));
            let len = u64::from_le_bytes(peer.open[8..].try_into().expect("eight bytes"));
            peer.arriving = Some((tag, len as usize));
            peer.open = Vec::with_capacity(len as usize);
        }
        if let Some((tag, len)) = peer.arriving
            && peer.open.len() == len
        {
            peer.arriving = None;
            self.queue.push_back(Message { from, tag, bytes: std::mem::take(&mut peer.open) });
        }
    }

    fn position(&self, tag: c_int, from: Option<usize>) -> Option<usize> {
        let is_it = |message: &Message| message.tag == tag && from.is_none_or(|from| from == message.from);
        self.queue.iter().position(is_it)
    }

    /// Waits for a message from a rank, or from anybody.
    fn receive(&mut self, tag: c_int, from: Option<usize>) -> Result<Message> {
        loop {
            let arrivals = self.word(0)?;
            self.take_all()?;
            if let Some(message) = self.position(tag, from).and_then(|place| self.queue.remove(place)) {
                return Ok(message);
            }
            self.segment.wait_signal(0, Compare::NotEqual(arrivals))?;
        }
    }

    fn probe(&mut self, tag: c_int, from: Option<usize>) -> Result<bool> {
        self.take_all()?;
        Ok(self.position(tag, from).is_some())
    }
}

impl Armci {
    /// # Safety
    /// `bytes` is readable for the length.
    pub(crate) unsafe fn send(
        &mut self,
        tag: c_int,
        bytes: *const c_void,
        len: c_int,
        to: c_int,
    ) -> Result<()> {
        let to = self.groups.node(to).map(|_| to as usize)?;
        let bytes = match len {
            // SAFETY: the caller's promise.
            1.. => unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), len as usize) },
            _ => &[],
        };
        self.mail.send(tag, bytes, to)
    }

    /// The sender.
    ///
    /// # Safety
    /// `buffer` is writable for the length, and `len` null or writable.
    pub(crate) unsafe fn receive(
        &mut self,
        tag: c_int,
        buffer: *mut c_void,
        room: c_int,
        len: *mut c_int,
        from: Option<c_int>,
    ) -> Result<c_int> {
        let from = from.map(|from| self.groups.node(from).map(|_| from as usize)).transpose()?;
        let message = self.mail.receive(tag, from)?;
        if message.bytes.len() > room.max(0) as usize {
            let text = format!("a message of {} bytes, and room for {room}", message.bytes.len());
            return Err(Error::at(ErrorKind::Range, "receive", message.from, text));
        }
        // SAFETY: the caller's promise.
        unsafe {
            std::ptr::copy_nonoverlapping(message.bytes.as_ptr(), buffer.cast(), message.bytes.len());
            if !len.is_null() {
                len.write(message.bytes.len() as c_int);
            }
        }
        Ok(message.from as c_int)
    }
}

exported! {
    armci_msg_snd(tag: c_int, buffer: *const c_void, len: c_int, to: c_int) = |armci| armci.send(tag, buffer, len, to);
    armci_msg_rcv(tag: c_int, buffer: *mut c_void, room: c_int, len: *mut c_int, from: c_int) =
        |armci| armci.receive(tag, buffer, room, len, Some(from)).map(drop);
    armci_msg_rcvany(tag: c_int, buffer: *mut c_void, room: c_int, len: *mut c_int) -> c_int =
        |armci| armci.receive(tag, buffer, room, len, None);
    armci_msg_probe(tag: c_int, from: c_int) -> c_int =
        |armci| Ok(armci.mail.probe(tag, usize::try_from(from).ok())?.into());
}
