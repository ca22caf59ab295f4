//! What has come in, and which receive gets it.
//!
//! Invariant: a receive that waits is in `wanted` or is the goal of a message that arrives; none waits for a message that is kept. The buffer of a receive is written to with the inbox only.

use super::UNIT;
use super::lent::{self, LENT, TERMS};
use rma::{Error, ErrorKind, Result};
use std::collections::VecDeque;
use std::ffi::c_int;

/// Whose tags: messages of one channel are nothing to the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Channel(pub u32);

/// What a message is known by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) channel: Channel,
    pub(super) tag: c_int,
}

/// A message that nobody wanted yet.
pub(super) struct Message {
    pub(super) from: usize,
    pub(super) mark: Mark,
    pub(super) bytes: Vec<u8>,
}

/// A receive that waits for its message.
pub(super) struct Wanted {
    pub(super) number: u64,
    pub(super) mark: Mark,
    pub(super) from: Option<usize>,
    pub(super) buffer: *mut u8,
    pub(super) room: usize,
}

// SAFETY: who started the receive lends the buffer until it is over, to whichever thread of the process takes messages out.
unsafe impl Send for Wanted {}

impl Wanted {
    fn is_for(&self, mark: Mark, from: usize) -> bool {
        self.mark == mark && self.from.is_none_or(|wanted| wanted == from)
    }
}

/// Where the bytes of a message go.
pub(super) enum Goal {
    Kept(Vec<u8>),
    Given(Wanted),
}

/// The message that comes out of a ring.
pub(super) struct Arriving {
    pub(super) mark: Mark,
    pub(super) len: usize,
    pub(super) filled: usize,
    pub(super) goal: Goal,
}

/// What this rank knows of what another sends.
#[derive(Default)]
pub(super) struct Peer {
    /// Bytes taken from it, and how many of them it was told of.
    pub(super) taken: u64,
    pub(super) told: u64,
    /// Its memory can't be read.
    pub(super) refuses: bool,
    pub(super) arriving: Option<Arriving>,
}

/// How a receive ended: from whom, and the length.
pub(super) type Received = std::result::Result<(usize, usize), (usize, usize)>;

/// What has come in.
pub(super) struct Inbox {
    pub(super) peers: Vec<Peer>,
    pub(super) queue: VecDeque<Message>,
    pub(super) wanted: Vec<Wanted>,
    pub(super) over: Vec<(u64, Received)>,
    pub(super) next: u64,
}

/// Where a header has the length.
fn length(header: &[u8; UNIT]) -> u64 {
    u64::from_le_bytes(header[8..].try_into().expect("eight bytes"))
}

/// Whether terms follow on a header, instead of the bytes.
pub(super) fn is_lent(header: &[u8; UNIT]) -> bool {
    length(header) & LENT != 0
}

impl Arriving {
    /// Copies all of its bytes out of the sender's memory; false if that can't be.
    pub(super) fn borrow(&mut self, terms: &[u8; TERMS]) -> bool {
        let is_copied = self.fill(self.len, |bytes| lent::fetch(terms, bytes)).is_ok();
        if !is_copied && let Goal::Kept(bytes) = &mut self.goal {
            // They come again.
            bytes.clear();
        }
        is_copied
    }

    /// Fetches so many of its bytes to where they belong.
    pub(super) fn fill<E>(
        &mut self,
        len: usize,
        fetch: impl FnOnce(&mut [u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        match &mut self.goal {
            Goal::Kept(bytes) => {
                let old = bytes.len();
                bytes.resize(old + len, 0);
                fetch(&mut bytes[old..])?;
            }
            Goal::Given(wanted) => {
                // SAFETY: the buffer has room for the whole message, and is lent until the receive is over.
                fetch(unsafe { std::slice::from_raw_parts_mut(wanted.buffer.add(self.filled), len) })?;
            }
        }
        self.filled += len;
        Ok(())
    }
}

impl Inbox {
    /// The receive that waits longest of those a message is for.
    fn receiver(&mut self, mark: Mark, from: usize) -> Option<Wanted> {
        let place = self.wanted.iter().position(|wanted| wanted.is_for(mark, from))?;
        Some(self.wanted.remove(place))
    }

    /// A message whose header came.
    pub(super) fn open(&mut self, from: usize, header: [u8; UNIT]) {
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let mark = Mark { channel: Channel(number(4)), tag: number(0) as c_int };
        let len = (length(&header) & !LENT) as usize;
        let goal = match self.receiver(mark, from) {
            Some(wanted) if len <= wanted.room => Goal::Given(wanted),
            Some(wanted) => {
                self.over.push((wanted.number, Err((from, len))));
                Goal::Kept(Vec::new())
            }
            None => Goal::Kept(Vec::with_capacity(len)),
        };
        self.peers[from].arriving = Some(Arriving { mark, len, filled: 0, goal });
    }

    /// Goes on from a whole message.
    pub(super) fn complete(&mut self, from: usize) {
        let Some(message) = self.peers[from].arriving.take_if(|message| message.filled == message.len) else {
            return;
        };
        match message.goal {
            Goal::Kept(bytes) => self.queue.push_back(Message { from, mark: message.mark, bytes }),
            Goal::Given(wanted) => self.over.push((wanted.number, Ok((from, message.len)))),
        }
    }

    /// A message of this rank to itself.
    pub(super) fn keep(&mut self, from: usize, mark: Mark, bytes: &[u8]) {
        match self.receiver(mark, from) {
            Some(wanted) => self.give(&wanted, from, bytes),
            None => self.queue.push_back(Message { from, mark, bytes: bytes.to_vec() }),
        }
    }

    /// Ends a receive with a whole message.
    fn give(&mut self, wanted: &Wanted, from: usize, bytes: &[u8]) {
        let len = bytes.len();
        if len > wanted.room {
            return self.over.push((wanted.number, Err((from, len))));
        }
        // SAFETY: the buffer has room, and is lent until the receive is over.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), wanted.buffer, len) };
        self.over.push((wanted.number, Ok((from, len))));
    }

    /// A receive gets what is there already, or waits.
    pub(super) fn want(&mut self, wanted: Wanted) {
        let is_it = |mark, from| wanted.is_for(mark, from);
        if let Some(place) = self.queue.iter().position(|message| is_it(message.mark, message.from)) {
            let message = self.queue.remove(place).expect("just found");
            return self.give(&wanted, message.from, &message.bytes);
        }
        let arriving = self
            .peers
            .iter_mut()
            .enumerate()
            .filter_map(|(from, peer)| Some((from, peer.arriving.as_mut()?)));
        let is_free = |message: &Arriving| matches!(message.goal, Goal::Kept(_));
        let mut found = arriving.filter(|(from, message)| is_free(message) && is_it(message.mark, *from));
        let Some((from, message)) = found.next() else {
            drop(found);
            return self.wanted.push(wanted);
        };
        if message.len > wanted.room {
            return self.over.push((wanted.number, Err((from, message.len))));
        }
        if let Goal::Kept(bytes) = &message.goal {
            // SAFETY: the buffer has room for the whole message, and is lent until the receive is over.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), wanted.buffer, bytes.len()) };
        }
        message.goal = Goal::Given(wanted);
    }

    /// How a receive ended, if it has.
    pub(super) fn ended(&mut self, number: u64) -> Option<Result<(usize, usize)>> {
        let at = self.over.iter().position(|(over, _)| *over == number)?;
        Some(self.over.swap_remove(at).1.map_err(|(from, len)| {
            let text = format!("a message of {len} bytes, which is more than there is room for");
            Error::at(ErrorKind::Range, "receive", from, text)
        }))
    }

    /// Whether such a message is here, as a whole or in part.
    pub(super) fn is_here(&self, mark: Mark, from: Option<usize>) -> bool {
        let is_it = |of: usize, that: Mark| that == mark && from.is_none_or(|from| from == of);
        let arriving =
            self.peers.iter().enumerate().filter_map(|(of, peer)| Some((of, peer.arriving.as_ref()?)));
        self.queue.iter().any(|message| is_it(message.from, message.mark))
            || arriving
                .into_iter()
                .any(|(of, message)| matches!(message.goal, Goal::Kept(_)) && is_it(of, message.mark))
    }
}
