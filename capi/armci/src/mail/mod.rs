//! Send and receive, on one segment.
//!
//! Every pair of ranks has a ring at the receiver, of [`MOST_RING`] bytes in small jobs and less in large ones. A message is a header and its bytes, filled up to a multiple of
//! [`UNIT`]; they go through the ring as one stream, in pieces if need be. Layout of each rank's part:
//!
//! ```text
//!      0  arrivals   whoever changes another word here adds one afterwards; the owner sleeps on it
//!      8  sent       a word for each rank: bytes that it has put into its ring so far; written by that rank
//!      .  counter    the last rank's is what everybody counts with
//!      .  taken      a word for each rank: bytes that it says it has taken out of *its* ring of mine; written by that rank
//!      .  rings      of rank 0, then of rank 1, and so on
//! ```
//!
//! A receive has a buffer; a message that finds one waiting goes from the ring right into it, any other is kept until it is wanted. Messages of one sender are given to
//! receives in the order in which they were sent, receives get them in the order in which they were started.
//!
//! Who waits, for room or for a message, takes out what has come in from everybody, so two ranks that send to each other first and
//! receive then don't wait for each other, however long the messages are. Threads that send to one rank take turns, message by message; those that
//! receive share what has come in.
//!
//! Invariant: `taken <= sent <= taken + ring`, all multiples of [`UNIT`], and what has left a ring is in `arriving`, in `queue` or in a receive's buffer. Whatever may
//! be a reason for a thread of the owner to wait no longer changes `arrivals` afterwards. Nobody waits with the inbox.

mod inbox;
mod outgoing;

pub use inbox::Channel;

use inbox::{Inbox, Mark, Peer, Wanted};
use outgoing::Outgoing;
use rma::{Compare, Error, ErrorKind, Result, Segment, SignalUpdate, World};
use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes under way between two ranks at most, and at least.
const MOST_RING: usize = 128 << 10;
const LEAST_RING: usize = 4096;
/// What all rings of a rank may take together.
const MOST_BYTES: usize = 16 << 20;
/// What messages are filled up to, and the length of a header: tag, length, who the tag is for.
const UNIT: usize = 16;
/// A message that goes in one transfer with its header.
const SHORT: usize = 240;
/// What is written by different ranks, or read at different times, begins at a multiple of this.
const LINE: usize = 64;

/// All exchanges.
pub(crate) struct Mail {
    segment: Segment,
    me: usize,
    size: usize,
    ring: usize,
    sent: Vec<Mutex<Outgoing>>,
    /// Ranks for which something waits in `sent`.
    waiting: AtomicUsize,
    inbox: Mutex<Inbox>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn header(channel: Channel, tag: c_int, bytes: &[u8]) -> [u8; UNIT] {
    let mut header = [0; UNIT];
    header[..4].copy_from_slice(&tag.to_le_bytes());
    header[4..8].copy_from_slice(&channel.0.to_le_bytes());
    header[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    header
}

impl Mail {
    /// Collective over the world.
    pub(crate) fn new(world: &World) -> Result<Mail> {
        let size = world.size();
        let fair = (MOST_BYTES / size + 1).next_power_of_two() / 2;
        let ring = fair.clamp(LEAST_RING, MOST_RING);
        let words = (8 * (1 + size)).next_multiple_of(LINE) + (LINE + 8 * size).next_multiple_of(LINE);
        let segment = Segment::allocate(&world.team(), words + size * ring)?;
        let peers = (0..size).map(|_| Peer::default()).collect();
        let (queue, wanted, over) = Default::default();
        let inbox = Mutex::new(Inbox { peers, queue, wanted, over, next: 0 });
        let sent = (0..size).map(|_| Mutex::default()).collect();
        // Rings are memory once something goes through them.
        segment.put(world.rank(), 0, &vec![0u64; words / 8])?;
        let mail = Mail { segment, me: world.rank(), size, ring, sent, waiting: AtomicUsize::new(0), inbox };
        world.sync()?;
        Ok(mail)
    }

    /// The counter that there is one of: the next number.
    #[inline(always)]
    pub(crate) fn count(&self) -> Result<i64> {
        self.segment.fetch_add(self.size - 1, self.counter(), 1i64)
    }

    /// Has it begin at 0 again. For one rank, while nobody counts.
    pub(crate) fn reset_counter(&self) -> Result<()> {
        self.segment.swap(self.size - 1, self.counter(), 0i64).map(drop)
    }

    /// Where a rank's `sent` is.
    fn sent_at(rank: usize) -> usize {
        8 * (1 + rank)
    }

    #[inline(always)]
    fn counter(&self) -> usize {
        (8 * (1 + self.size)).next_multiple_of(LINE)
    }

    /// Where a rank's `taken` is.
    fn taken_at(&self, rank: usize) -> usize {
        self.counter() + LINE + 8 * rank
    }

    /// Where a rank's ring is.
    fn ring_at(&self, rank: usize) -> usize {
        (self.counter() + LINE + 8 * self.size).next_multiple_of(LINE) + rank * self.ring
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

    /// Sends a message; its bytes may be reused on return.
    pub(crate) fn send(&self, channel: Channel, tag: c_int, bytes: &[u8], to: usize) -> Result<()> {
        if to == self.me {
            lock(&self.inbox).keep(to, Mark { channel, tag }, bytes);
            return self.arrive(to);
        }
        let mut out = lock(&self.sent[to]);
        self.drain(&mut out, to)?;
        let header = header(channel, tag, bytes);
        if bytes.len() <= SHORT {
            let mut whole = [0; UNIT + SHORT];
            whole[..UNIT].copy_from_slice(&header);
            whole[UNIT..UNIT + bytes.len()].copy_from_slice(bytes);
            return self.stream(&whole[..UNIT + bytes.len()], to, &mut out);
        }
        self.stream(&header, to, &mut out)?;
        self.stream(bytes, to, &mut out)
    }

    /// As [`send`](Mail::send), without waiting: [`finish_sends`](Mail::finish_sends) does.
    ///
    /// # Safety
    /// The bytes are readable until then.
    pub(crate) unsafe fn start_send(
        &self,
        channel: Channel,
        tag: c_int,
        bytes: &[u8],
        to: usize,
    ) -> Result<()> {
        if to == self.me {
            return self.send(channel, tag, bytes, to);
        }
        let mut out = lock(&self.sent[to]);
        if out.is_empty() {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise.
        unsafe { out.push(header(channel, tag, bytes), bytes) };
        self.advance(&mut out, to)
    }

    /// Waits until what [`start_send`](Mail::start_send) sends has gone.
    pub(crate) fn finish_sends(&self) -> Result<()> {
        (0..self.size).try_for_each(|to| self.drain(&mut lock(&self.sent[to]), to))
    }

    /// Waits until what waits for room has gone.
    fn drain(&self, out: &mut Outgoing, to: usize) -> Result<()> {
        while !out.is_empty() {
            let arrivals = self.arrivals()?;
            self.advance(out, to)?;
            if !out.is_empty() {
                drop(self.take_all()?);
                self.wait_for_arrivals(arrivals)?;
            }
        }
        Ok(())
    }

    /// Sends on what waits for room, as far as there is some.
    fn advance(&self, out: &mut Outgoing, to: usize) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        out.advance(|out, bytes| self.put_some(bytes, to, out))?;
        if out.is_empty() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Puts bytes into a ring, and what they are filled up by.
    fn stream(&self, mut bytes: &[u8], to: usize, out: &mut Outgoing) -> Result<()> {
        loop {
            bytes = &bytes[self.put_some(bytes, to, out)?..];
            if bytes.is_empty() {
                return Ok(());
            }
            let arrivals = self.arrivals()?;
            if self.room(bytes.len(), to, out)? == 0 {
                drop(self.take_all()?);
                self.wait_for_arrivals(arrivals)?;
            }
        }
    }

    /// The room of a ring; asks again unless it is enough.
    fn room(&self, wanted: usize, to: usize, out: &mut Outgoing) -> Result<usize> {
        let room = |out: &Outgoing| self.ring - (out.sent - out.taken) as usize;
        if room(out) < wanted {
            out.taken = self.word(self.taken_at(to))?;
        }
        Ok(room(out))
    }

    /// Puts as many of the bytes into a ring as are put at once; how many that was.
    fn put_some(&self, bytes: &[u8], to: usize, out: &mut Outgoing) -> Result<usize> {
        let room = self.room(bytes.len(), to, out)?;
        let at = out.sent as usize % self.ring;
        // The other one is to begin with the first while the next are copied.
        let len = bytes.len().min(room).min(self.ring - at).min(self.ring / 4);
        if len > 0 {
            let ring = self.ring_at(self.me);
            out.sent += len.next_multiple_of(UNIT) as u64;
            let update = SignalUpdate::Set(out.sent);
            self.segment.put_signal(to, ring + at, &bytes[..len], Mail::sent_at(self.me), update)?;
            self.arrive(to)?;
        }
        Ok(len)
    }

    /// Takes out whatever has arrived, and sends on what waits.
    fn take_all(&self) -> Result<MutexGuard<'_, Inbox>> {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            for (to, out) in self.sent.iter().enumerate() {
                // Who has it is sending.
                if let Ok(mut out) = out.try_lock() {
                    self.advance(&mut out, to)?;
                }
            }
        }
        let mut inbox = lock(&self.inbox);
        for from in 0..inbox.peers.len() {
            self.take(&mut inbox, from)?;
        }
        Ok(inbox)
    }

    /// Takes out what there is in a ring.
    fn take(&self, inbox: &mut Inbox, from: usize) -> Result<()> {
        let ring = self.ring_at(from);
        loop {
            let peer = &mut inbox.peers[from];
            let ready = (self.word(Mail::sent_at(from))? - peer.taken) as usize;
            if ready == 0 {
                return Ok(());
            }
            let at = peer.taken as usize % self.ring;
            match &mut peer.arriving {
                None => {
                    let mut header = [0; UNIT];
                    self.segment.get(self.me, ring + at, &mut header)?;
                    peer.taken += UNIT as u64;
                    inbox.open(from, header);
                }
                Some(message) => {
                    let len = (message.len - message.filled).min(ready).min(self.ring - at);
                    message.fill(len, |bytes| self.segment.get(self.me, ring + at, bytes))?;
                    peer.taken += len.next_multiple_of(UNIT) as u64;
                }
            }
            let peer = &mut inbox.peers[from];
            // It waits when it has no room; it need not hear of every byte.
            if peer.taken - peer.told >= self.ring as u64 / 4 {
                peer.told = peer.taken;
                let place = self.taken_at(self.me);
                self.segment.put_signal::<u8>(from, 0, &[], place, SignalUpdate::Set(peer.taken))?;
                self.arrive(from)?;
            }
            inbox.complete(from);
        }
    }

    /// Starts to receive a message from a rank, or from anybody; its number.
    ///
    /// # Safety
    /// The buffer is writable for the room until the receive is over, and nobody else uses it.
    pub(crate) unsafe fn start(
        &self,
        channel: Channel,
        tag: c_int,
        buffer: *mut u8,
        room: usize,
        from: Option<usize>,
    ) -> u64 {
        let mut inbox = lock(&self.inbox);
        let number = inbox.next;
        inbox.next += 1;
        inbox.want(Wanted { number, mark: Mark { channel, tag }, from, buffer, room });
        number
    }

    /// Waits for a message that [`start`](Mail::start) wanted; its sender and its length.
    pub(crate) fn finish(&self, number: u64) -> Result<(usize, usize)> {
        loop {
            let arrivals = self.arrivals()?;
            let mut inbox = self.take_all()?;
            if let Some(at) = inbox.over.iter().position(|(over, _)| *over == number) {
                return inbox.over.swap_remove(at).1.map_err(|(from, len)| {
                    let text = format!("a message of {len} bytes, which is more than there is room for");
                    Error::at(ErrorKind::Range, "receive", from, text)
                });
            }
            drop(inbox);
            self.wait_for_arrivals(arrivals)?;
        }
    }

    /// Waits for a message from a rank, or from anybody; its sender and its length.
    ///
    /// # Safety
    /// The buffer is writable for the room.
    pub(crate) unsafe fn receive(
        &self,
        channel: Channel,
        tag: c_int,
        buffer: *mut u8,
        room: usize,
        from: Option<usize>,
    ) -> Result<(usize, usize)> {
        // SAFETY: the caller's promise; it is over on return, or the job is.
        self.finish(unsafe { self.start(channel, tag, buffer, room, from) })
    }

    pub(crate) fn probe(&self, channel: Channel, tag: c_int, from: Option<usize>) -> Result<bool> {
        let mark = Mark { channel, tag };
        Ok(self.take_all()?.is_here(mark, from))
    }
}
