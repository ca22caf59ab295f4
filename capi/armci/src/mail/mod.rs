//! Send and receive, on one segment.
//!
//! Every pair of ranks has a ring at the receiver, of [`MOST_RING`] bytes in small jobs and less in large ones. A message is a header and its bytes, filled up to a multiple of
//! [`UNIT`]; they go through the ring as one stream, in pieces if need be. Layout of each rank's part:
//!
//! ```text
//!      0  own        messages of the owner to itself
//!      8  sent       a word for each rank: bytes that it has put into its ring so far; written by that rank
//!      .  counter    the last rank's is what everybody counts with
//!      .  taken      a word for each rank: bytes that it says it has taken out of *its* ring of mine; written by that rank
//!      .  rings      of rank 0, then of rank 1, and so on
//! ```
//!
//! What is longer than a ring goes between ranks of one node by the sender's address: [`lent`].
//!
//! A receive has a buffer; a message that finds one waiting goes from the ring right into it, any other is kept until it is wanted. Messages of one sender are given to
//! receives in the order in which they were sent, receives get them in the order in which they were started.
//!
//! Who waits, for room or for a message, takes out what has come in from everybody, so two ranks that send to each other first and
//! receive then don't wait for each other, however long the messages are. Threads that send to one rank take turns, message by message; those that
//! receive share what has come in.
//!
//! Invariant: `taken <= sent <= taken + ring`, all multiples of [`UNIT`], and what has left a ring is in `arriving`, in `queue` or in a receive's buffer. Whatever may
//! be a reason for a thread of the owner to wait no longer changes one of the words afterwards ([`Seen`]). Nobody waits with the inbox.

mod inbox;
mod lent;
mod outgoing;

pub use inbox::Channel;

use inbox::{Inbox, Mark, Peer, Wanted};
use lent::{LENT, REFUSED, Seal, TERMS};
use outgoing::Outgoing;
use rma::{Compare, Result, Segment, SignalUpdate, World};
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    own: Own,
    me: usize,
    size: usize,
    ring: usize,
    sent: Vec<Mutex<Outgoing>>,
    /// Ranks for which something waits in `sent`.
    waiting: AtomicUsize,
    inbox: Mutex<Inbox>,
    seal: Seal,
}

/// Where the own part is.
struct Own(NonNull<u8>);

// SAFETY: memory of atomics, and of bytes that the segment copies.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

/// Words of the own part as they were.
struct Seen(Vec<(usize, Compare)>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn header(channel: Channel, tag: c_int, len: u64) -> [u8; UNIT] {
    let mut header = [0; UNIT];
    header[..4].copy_from_slice(&tag.to_le_bytes());
    header[4..8].copy_from_slice(&channel.0.to_le_bytes());
    header[8..].copy_from_slice(&len.to_le_bytes());
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
        let own = Own(segment.mapped(world.rank()).expect("the own part is always mapped"));
        let peers = (0..size).map(|_| Peer::default()).collect();
        let (queue, wanted, over) = Default::default();
        let inbox = Mutex::new(Inbox { peers, queue, wanted, over, next: 0 });
        let sent = (0..size).map(|_| Mutex::default()).collect();
        // Rings are memory once something goes through them.
        segment.put(world.rank(), 0, &vec![0u64; words / 8])?;
        let mail = Mail {
            segment,
            own,
            me: world.rank(),
            size,
            ring,
            sent,
            waiting: AtomicUsize::new(0),
            inbox,
            seal: Seal::new(),
        };
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
    #[inline(always)]
    fn word(&self, offset: usize) -> u64 {
        // SAFETY: an aligned word of the own part, which everybody accesses atomically; it is there as long as the segment.
        unsafe { self.own.0.add(offset).cast::<AtomicU64>().as_ref() }.load(Ordering::Acquire)
    }

    /// What the words are that others change, or those of them that who isn't sending waits for.
    fn seen(&self, is_sending: bool) -> Seen {
        let others = (0..self.size).filter(|rank| *rank != self.me);
        let has_room = is_sending || self.waiting.load(Ordering::Relaxed) > 0;
        let sent = others.clone().map(Mail::sent_at);
        let taken = others.filter(|_| has_room).map(|rank| self.taken_at(rank));
        let words = std::iter::once(0).chain(sent).chain(taken);
        Seen(words.map(|at| (at, Compare::NotEqual(self.word(at)))).collect())
    }

    /// Waits until one of the words is another one than was seen.
    fn wait_beyond(&self, seen: &Seen) -> Result<()> {
        self.segment.wait_until_any(&seen.0, None).map(drop)
    }

    /// Sends a message; its bytes may be reused on return.
    pub(crate) fn send(&self, channel: Channel, tag: c_int, bytes: &[u8], to: usize) -> Result<()> {
        if to == self.me {
            lock(&self.inbox).keep(to, Mark { channel, tag }, bytes);
            return self.segment.put_signal::<u8>(to, 0, &[], 0, SignalUpdate::Add(1));
        }
        let mut out = lock(&self.sent[to]);
        self.drain(&mut out, to)?;
        let len = bytes.len() as u64;
        if bytes.len() > self.ring && !out.is_refused && self.segment.mapped(to).is_some() {
            return self.lend(header(channel, tag, len | LENT), bytes, to, &mut out);
        }
        let header = header(channel, tag, len);
        if bytes.len() <= SHORT {
            let mut whole = [0; UNIT + SHORT];
            whole[..UNIT].copy_from_slice(&header);
            whole[UNIT..UNIT + bytes.len()].copy_from_slice(bytes);
            return self.stream(&whole[..UNIT + bytes.len()], to, &mut out);
        }
        self.stream(&header, to, &mut out)?;
        self.stream(bytes, to, &mut out)
    }

    /// Has the receiver copy the bytes, or sends them by the ring if it can't.
    fn lend(&self, header: [u8; UNIT], bytes: &[u8], to: usize, out: &mut Outgoing) -> Result<()> {
        let mut front = [0; UNIT + TERMS];
        front[..UNIT].copy_from_slice(&header);
        front[UNIT..].copy_from_slice(&self.seal.terms(bytes));
        self.stream(&front, to, out)?;
        loop {
            let seen = self.seen(true);
            self.look(to, out);
            if out.taken == out.sent {
                return if out.is_refused { self.stream(bytes, to, out) } else { Ok(()) };
            }
            drop(self.take_all()?);
            self.wait_beyond(&seen)?;
        }
    }

    /// Looks how much a rank has taken.
    fn look(&self, to: usize, out: &mut Outgoing) {
        let told = self.word(self.taken_at(to));
        out.taken = told & !REFUSED;
        out.is_refused = told & REFUSED != 0;
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
        unsafe { out.push(header(channel, tag, bytes.len() as u64), bytes) };
        self.advance(&mut out, to)
    }

    /// Waits until what [`start_send`](Mail::start_send) sends has gone.
    pub(crate) fn finish_sends(&self) -> Result<()> {
        (0..self.size).try_for_each(|to| self.drain(&mut lock(&self.sent[to]), to))
    }

    /// Waits until what waits for room has gone.
    fn drain(&self, out: &mut Outgoing, to: usize) -> Result<()> {
        while !out.is_empty() {
            let seen = self.seen(true);
            self.advance(out, to)?;
            if !out.is_empty() {
                drop(self.take_all()?);
                self.wait_beyond(&seen)?;
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
            if self.room(bytes.len(), to, out) > 0 {
                continue;
            }
            let seen = self.seen(true);
            if self.room(bytes.len(), to, out) == 0 {
                drop(self.take_all()?);
                self.wait_beyond(&seen)?;
            }
        }
    }

    /// The room of a ring; asks again unless it is enough.
    fn room(&self, wanted: usize, to: usize, out: &mut Outgoing) -> usize {
        let room = |out: &Outgoing| self.ring - (out.sent - out.taken) as usize;
        if room(out) < wanted {
            self.look(to, out);
        }
        room(out)
    }

    /// Puts as many of the bytes into a ring as are put at once; how many that was.
    fn put_some(&self, bytes: &[u8], to: usize, out: &mut Outgoing) -> Result<usize> {
        let room = self.room(bytes.len(), to, out);
        let at = out.sent as usize % self.ring;
        // The other one is to begin with the first while the next are copied.
        let len = bytes.len().min(room).min(self.ring - at).min(self.ring / 4);
        if len > 0 {
            let ring = self.ring_at(self.me);
            out.sent += len.next_multiple_of(UNIT) as u64;
            let update = SignalUpdate::Set(out.sent);
            self.segment.put_signal(to, ring + at, &bytes[..len], Mail::sent_at(self.me), update)?;
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
            let ready = (self.word(Mail::sent_at(from)) - peer.taken) as usize;
            if ready == 0 {
                return Ok(());
            }
            let at = peer.taken as usize % self.ring;
            match &mut peer.arriving {
                None => {
                    let mut front = [[0; UNIT]; 1 + TERMS / UNIT];
                    self.segment.get(self.me, ring + at, &mut front[0])?;
                    let (is_lent, units) =
                        if inbox::is_lent(&front[0]) { (true, front.len()) } else { (false, 1) };
                    if ready < units * UNIT {
                        return Ok(());
                    }
                    for (place, unit) in front[..units].iter_mut().enumerate().skip(1) {
                        self.segment.get(self.me, ring + (at + place * UNIT) % self.ring, unit)?;
                    }
                    peer.taken += (units * UNIT) as u64;
                    inbox.open(from, front[0]);
                    if is_lent {
                        let terms = front[1..].as_flattened().try_into().expect("the terms");
                        let peer = &mut inbox.peers[from];
                        peer.refuses |= !peer.arriving.as_mut().is_some_and(|message| message.borrow(terms));
                        self.tell(peer, from)?;
                    }
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
                self.tell(peer, from)?;
            }
            inbox.complete(from);
        }
    }

    /// Tells a rank how much was taken of what it sent.
    fn tell(&self, peer: &mut Peer, from: usize) -> Result<()> {
        peer.told = peer.taken;
        let told = peer.taken | if peer.refuses { REFUSED } else { 0 };
        self.segment.put_signal::<u8>(from, 0, &[], self.taken_at(self.me), SignalUpdate::Set(told))
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
            let mut inbox = self.take_all()?;
            if let Some(received) = inbox.ended(number) {
                return received;
            }
            drop(inbox);
            let seen = self.seen(false);
            let mut inbox = self.take_all()?;
            if let Some(received) = inbox.ended(number) {
                return received;
            }
            drop(inbox);
            self.wait_beyond(&seen)?;
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
