//! Letters: what a process says to the program of another one, as opposed to its memory.
//!
//! ```text
//! 0    Stamp, 48 bytes
//! 48   header, then the contents
//! ```
//!
//! A letter is carried whole: through a ring inside a node, as the body of a message between nodes. What is longer than a letter may be is sent as several, of
//! which each says how much is still to come. Who takes letters from the network is an [`Inbox`]: it lets in only what makes sense, and knows how many of a
//! sender's letters others have read, which bounds what lies there.

use bytemuck::{Pod, Zeroable};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest header.
pub(crate) const HEADER_LEN: usize = 64;

/// Longest contents that letters carry together.
pub(crate) const MOST_BYTES: usize = 256 << 20;

/// Letters to one rank of another node that it has not read, at most.
pub(crate) const UNREAD: u64 = 128;

/// What a letter is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Sort {
    /// For a handler.
    Message = 1,
    /// For a handler, whose reply is waited for as `token`.
    Call,
    /// The reply to a call.
    Reply,
    /// A share in a collective under way: number `token` of the team known by `place[0]`, step `place[1]`.
    Share,
}

impl Sort {
    pub(crate) fn of(number: u8) -> Option<Sort> {
        [Sort::Message, Sort::Call, Sort::Reply, Sort::Share]
            .get(usize::from(number).checked_sub(1)?)
            .copied()
    }
}

/// What a letter begins with.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) token: u64,
    /// Where a long message's contents are, and their length.
    pub(crate) place: [u64; 2],
    /// Bytes of the contents that follow in further letters.
    pub(crate) rest: u64,
    /// World rank of the sender.
    pub(crate) source: u32,
    pub(crate) handler: u32,
    /// Bytes of the contents in this letter.
    pub(crate) len: u32,
    pub(crate) header_len: u8,
    pub(crate) sort: u8,
    pub(crate) has_place: u8,
    pub(crate) unused: u8,
}

pub(crate) const STAMP_LEN: usize = size_of::<Stamp>();
const _: () = assert!(STAMP_LEN == 48);

impl Stamp {
    pub(crate) fn new(sort: Sort, source: usize) -> Stamp {
        Stamp { sort: sort as u8, source: source as u32, ..Stamp::zeroed() }
    }

    /// Takes a letter apart: its stamp, header and contents.
    pub(crate) fn open(letter: &[u8]) -> Option<(Stamp, &[u8], &[u8])> {
        let stamp: Stamp = bytemuck::pod_read_unaligned(letter.get(..STAMP_LEN)?);
        let (header, contents) = letter[STAMP_LEN..].split_at_checked(stamp.header_len.into())?;
        (contents.len() == stamp.len as usize).then_some((stamp, header, contents))
    }
}

/// Letters from other nodes that wait to be read.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    waiting: AtomicUsize,
    /// Handlers there are.
    handlers: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    /// With the rank that each came from.
    letters: VecDeque<(usize, Vec<u8>)>,
    /// How many of a rank's lie there.
    unread: HashMap<usize, u64>,
    /// Letters of this process that others have read, by their ranks.
    read: HashMap<usize, u64>,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There are so many handlers from now on. Set before anybody may send to the last of them.
    pub(crate) fn set_handlers(&self, count: usize) {
        self.handlers.store(count as u32, Ordering::Release);
    }

    /// A letter from the network; an error if it makes no sense.
    pub(crate) fn accept(&self, source: usize, letter: &[u8]) -> Result<(), String> {
        let Some((stamp, header, _)) = Stamp::open(letter) else {
            return Err("it sent a letter whose lengths make no sense".into());
        };
        let handlers = self.handlers.load(Ordering::Acquire);
        let is_known = match Sort::of(stamp.sort) {
            Some(Sort::Message | Sort::Call) => stamp.handler < handlers,
            sort => sort.is_some(),
        };
        if !is_known {
            return Err(format!("it sent a letter to handler {} of {handlers}: {stamp:?}", stamp.handler));
        }
        let is_long = stamp.rest as usize > MOST_BYTES || stamp.len as usize > MOST_BYTES;
        if stamp.source as usize != source || header.len() > HEADER_LEN || is_long {
            return Err(format!("it sent a letter that makes no sense: {stamp:?}"));
        }
        let mut state = self.state();
        let unread = state.unread.entry(source).or_default();
        if *unread >= UNREAD {
            return Err(format!("it sent a letter although {UNREAD} of its lie here unread"));
        }
        *unread += 1;
        state.letters.push_back((source, letter.to_vec()));
        drop(state);
        self.waiting.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The oldest letter.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        if self.waiting.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut state = self.state();
        let (source, letter) = state.letters.pop_front()?;
        if let Some(unread) = state.unread.get_mut(&source) {
            *unread -= 1;
        }
        drop(state);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(letter)
    }

    /// A rank has read so many letters of this process, all in all.
    pub(crate) fn note_read(&self, rank: usize, count: u64) {
        let mut state = self.state();
        let read = state.read.entry(rank).or_default();
        *read = count.max(*read);
    }

    /// How many that are.
    pub(crate) fn read_by(&self, rank: usize) -> u64 {
        self.state().read.get(&rank).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(stamp: Stamp, header: &[u8], contents: &[u8]) -> Vec<u8> {
        let stamp = Stamp { header_len: header.len() as u8, len: contents.len() as u32, ..stamp };
        [bytemuck::bytes_of(&stamp), header, contents].concat()
    }

    #[test]
    fn only_letters_that_make_sense_are_let_in() {
        let inbox = Inbox::default();
        inbox.set_handlers(2);
        let good = Stamp { handler: 1, token: 7, ..Stamp::new(Sort::Call, 3) };
        let bytes = letter(good, b"head", b"contents");
        let (stamp, header, contents) = Stamp::open(&bytes).unwrap();
        assert_eq!((stamp.token, header, contents), (7, &b"head"[..], &b"contents"[..]));
        assert!((0..bytes.len()).all(|len| inbox.accept(3, &bytes[..len]).is_err()), "cut short");
        assert!(inbox.accept(2, &bytes).is_err(), "of another sender");
        assert!(inbox.accept(3, &letter(Stamp { handler: 2, ..good }, b"", b"")).is_err(), "unknown handler");
        assert!(inbox.accept(3, &letter(Stamp { sort: 9, ..good }, b"", b"")).is_err());
        assert!(inbox.accept(3, &letter(good, &[0; HEADER_LEN + 1], b"")).is_err());
        assert!(inbox.accept(3, &letter(Stamp { rest: 1 << 60, ..good }, b"", b"")).is_err());
        assert_eq!(inbox.take(), None);
        inbox.accept(3, &bytes).unwrap();
        assert_eq!((inbox.take(), inbox.take()), (Some(bytes.clone()), None));
        let many = (0..UNREAD + 1).map(|_| inbox.accept(3, &bytes).is_ok()).filter(|is_in| *is_in).count();
        assert_eq!(many as u64, UNREAD, "more than a sender may have unread");
        assert!(inbox.accept(4, &letter(Stamp { source: 4, ..good }, b"", b"")).is_ok());
        inbox.take();
        assert!(inbox.accept(3, &bytes).is_ok());
        inbox.note_read(5, 9);
        inbox.note_read(5, 4);
        assert_eq!((inbox.read_by(5), inbox.read_by(6)), (9, 0));
    }
}
