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
//! receive then don't wait for each other, however long the messages are. Threads that send to one rank take turns, message by message; those that
//! receive share what has come in.
//!
//! Invariant: `taken <= sent <= taken + RING`, and what has left a ring is in `open` or in `queue`, in order of sending for each pair. Whatever may
//! be a reason for a thread of the owner to wait no longer changes `arrivals` afterwards. Nobody waits with the inbox.

use rma::{Compare, Result, Segment, SignalUpdate, World};
use std::collections::VecDeque;
use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// Bytes taken from it.
    taken: u64,
    /// A header that isn't whole, or the message that is arriving: its tag, and its length.
    open: Vec<u8>,
    arriving: Option<(c_int, usize)>,
}

/// What has come in.
struct Inbox {
    peers: Vec<Peer>,
    queue: VecDeque<Message>,
}

/// All exchanges.
pub(crate) struct Mail {
    segment: Segment,
    me: usize,
    /// Bytes sent to each rank; held by the thread that sends a message there.
    sent: Vec<Mutex<u64>>,
    inbox: Mutex<Inbox>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn slot(rank: usize) -> usize {
    64 + rank * SLOT
}

impl Mail {
    /// Collective over the world.
    pub(crate) fn new(world: &World) -> Result<Mail> {
        let size = world.size();
        let segment = Segment::allocate_zeroed(&world.team(), slot(size))?;
        let peers = (0..size).map(|_| Peer::default()).collect();
        let inbox = Mutex::new(Inbox { peers, queue: VecDeque::new() });
        let sent = (0..size).map(|_| Mutex::new(0)).collect();
        Ok(Mail { segment, me: world.rank(), sent, inbox })
    }

    /// A word of the own part, and everything that was written before it.
    fn word(&self, offset: usize) -> Result<u64> {
        self.segment.wait_signal(offset, Compare::AtLeast(0))
    }

    /// What the own part counts as arrivals, to be waited for from then on.
    fn arrivals(&self) -> Result<u64> {
        self.word(0)
    }

    fn wait_for_arrivals(&self, since: u64) -> Result<()> {
        self.segment.wait_signal(0, Compare::NotEqual(since)).map(drop)
    }

    fn arrive(&self, rank: usize) -> Result<()> {
        self.segment.put_signal::<u8>(rank, 0, &[], 0, SignalUpdate::Add(1))
    }

    /// Tells a rank something.
    fn tell(&self, rank: usize, offset: usize, value: u64) -> Result<()> {
        self.segment.put_signal::<u8>(rank, 0, &[], offset, SignalUpdate::Set(value))?;
        self.arrive(rank)
    }

    /// Sends a message; its bytes may be reused on return.
    pub(crate) fn send(&self, tag: c_int, bytes: &[u8], to: usize) -> Result<()> {
        if to == self.me {
            lock(&self.inbox).queue.push_back(Message { from: to, tag, bytes: bytes.to_vec() });
            return self.arrive(to);
        }
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&tag.to_le_bytes());
        header[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        let mut sent = lock(&self.sent[to]);
        self.stream(&header, to, &mut sent)?;
        self.stream(bytes, to, &mut sent)
    }

    fn stream(&self, mut bytes: &[u8], to: usize, sent: &mut u64) -> Result<()> {
        while !bytes.is_empty() {
            let arrivals = self.arrivals()?;
            let room = RING - (*sent - self.word(slot(to) + 8)?) as usize;
            if room == 0 {
                drop(self.take_all()?);
                self.wait_for_arrivals(arrivals)?;
                continue;
            }
            let at = *sent as usize % RING;
            let (now, later) = bytes.split_at(bytes.len().min(room).min(RING - at));
            self.segment.put(to, slot(self.me) + 64 + at, now)?;
            *sent += now.len() as u64;
            self.tell(to, slot(self.me), *sent)?;
            bytes = later;
        }
        Ok(())
    }

    /// Takes out whatever has arrived.
    fn take_all(&self) -> Result<MutexGuard<'_, Inbox>> {
        let mut inbox = lock(&self.inbox);
        for from in 0..inbox.peers.len() {
            while self.take(&mut inbox, from)? {}
        }
        Ok(inbox)
    }

    /// Takes one piece out of a ring; whether there was one.
    fn take(&self, inbox: &mut Inbox, from: usize) -> Result<bool> {
        let peer = &mut inbox.peers[from];
        let ready = (self.word(slot(from))? - peer.taken) as usize;
        if ready == 0 {
            return Ok(false);
        }
        let wanted = peer.arriving.map_or(HEADER, |(_, len)| len) - peer.open.len();
        let at = peer.taken as usize % RING;
        let len = wanted.min(ready).min(RING - at);
        let old = peer.open.len();
        peer.open.resize(old + len, 0);
        self.segment.get(self.me, slot(from) + 64 + at, &mut peer.open[old..])?;
        peer.taken += len as u64;
        self.tell(from, slot(self.me) + 8, peer.taken)?;
        inbox.complete(from);
        Ok(true)
    }

    /// Waits for a message from a rank, or from anybody; its sender and its bytes.
    pub(crate) fn receive(&self, tag: c_int, from: Option<usize>) -> Result<(usize, Vec<u8>)> {
        loop {
            let arrivals = self.arrivals()?;
            let mut inbox = self.take_all()?;
            if let Some(message) = inbox.position(tag, from).and_then(|place| inbox.queue.remove(place)) {
                return Ok((message.from, message.bytes));
            }
            drop(inbox);
            self.wait_for_arrivals(arrivals)?;
        }
    }

    pub(crate) fn probe(&self, tag: c_int, from: Option<usize>) -> Result<bool> {
        Ok(self.take_all()?.position(tag, from).is_some())
    }
}

impl Inbox {
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
}
