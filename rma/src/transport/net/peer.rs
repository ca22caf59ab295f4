//! What a process knows of another one it talks to.
//!
//! Invariant: exists only for ranks that something was sent to or received from. Numbered messages leave in the order of
//! `queue`, and are taken in the order of their numbers.

use super::keys::Direct;
use super::message::Packed;
use super::shape::{Shape, Span};
use crate::transport::{Remote, Rows, SignalUpdate, Token};
use shm::DType;
use std::collections::HashMap;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Numbered messages under way to a peer, at most.
pub(super) const WINDOW_MESSAGES: usize = 512;
/// And their bytes.
const WINDOW_BYTES: usize = 1 << 20;
/// Bytes asked of a peer and not yet here, at most.
const WINDOW_GET: usize = 1 << 20;

/// What is still to be sent for one operation.
pub(super) struct Transfer {
    pub(super) work: Work,
    /// The request of those who wait for it, made when the first part could not be completed at once.
    pub(super) token: Token,
    pub(super) op: &'static str,
}

/// What one operation sends.
pub(super) enum Work {
    /// One message without body, as it is.
    Small(Box<Packed>),
    /// One message with a body of its own.
    List(Box<List>),
    /// The same, for which nobody waits.
    Letter(Box<List>),
    /// A stream of local memory, put or accumulated.
    Out(Stream, Option<Scale>),
    /// A stream wanted from the peer.
    In(Stream),
    /// A stream that the engine itself writes to, or reads from, the peer's registered memory.
    Direct(Stream, Way),
}

/// A message about [scattered runs](super::runs).
pub(super) struct List {
    pub(super) packed: Packed,
    pub(super) body: Vec<u8>,
    pub(super) span: Span,
    /// Bytes that it asks for.
    pub(super) expected: usize,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Write,
    Read,
    /// As a read of a single run, whose bytes the engine hands over.
    Fetch,
}

/// Element type (as [`Head::variant`](super::message::Head) has it) and factor of an accumulate.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) variant: u8,
    pub(super) alpha: [u8; 16],
}

impl Scale {
    /// # Safety
    /// `alpha` points to one element of `dtype`.
    pub(super) unsafe fn new(dtype: DType, alpha: *const u8) -> Scale {
        let mut scale = Scale { variant: dtype as u8 + 1, alpha: [0; 16] };
        // SAFETY: the caller's promise; an element has at most 16 bytes.
        unsafe { std::ptr::copy_nonoverlapping(alpha, scale.alpha.as_mut_ptr(), dtype.size_bytes()) };
        scale
    }
}

/// A stream between a box there and a box here.
pub(super) struct Stream {
    pub(super) offset: u64,
    pub(super) remote: Shape,
    pub(super) local: *mut u8,
    pub(super) shape: Shape,
    /// Bytes dealt with.
    pub(super) at: usize,
    pub(super) len: usize,
    /// A word there that changes when a put is visible: its offset, and how.
    pub(super) signal: Option<(u64, SignalUpdate)>,
}

impl Stream {
    /// Between a run there and a run here.
    pub(super) fn run(there: Remote, local: *mut u8, len: usize) -> Stream {
        let shape = Shape::run(len);
        Stream { offset: there.offset as u64, remote: shape, local, shape, at: 0, len, signal: None }
    }

    /// Between strided boxes.
    pub(super) fn rows(there: Remote, rows: Rows<'_>, local: *mut u8) -> Stream {
        let (remote, shape) = (Shape::remote(rows), Shape::local(rows));
        Stream { offset: there.offset as u64, remote, local, shape, at: 0, len: remote.len(), signal: None }
    }

    /// What it touches at its target. Signals come after everything.
    pub(super) fn span(&self) -> Span {
        if self.signal.is_some() { Span::ALL } else { self.remote.span(self.offset) }
    }
}

// SAFETY: the local memory is the caller's promise until the transfer is complete, whichever thread completes it.
unsafe impl Send for Stream {}

/// A message that came before its turn.
pub(super) type Early = Box<[u8]>;

/// The peers there was ever anything to say to, by world rank: a rank that there never was costs nothing.
pub(super) type Peers = HashMap<usize, Box<Peer>, BuildHasherDefault<RankHasher>>;

/// Spreads ranks, which nobody chooses to do harm.
#[derive(Default)]
pub(super) struct RankHasher(u64);

impl Hasher for RankHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    #[inline]
    fn write_usize(&mut self, rank: usize) {
        // Tables look at the highest and at the lowest bits.
        self.0 = (self.0 ^ rank as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// The state of the talk with one other process.
#[derive(Default)]
pub(super) struct Peer {
    /// Operations not wholly sent.
    pub(super) queue: VecDeque<Transfer>,
    /// Number of the last numbered message sent, and of the last one the peer has taken.
    pub(super) sent: u64,
    pub(super) acked: u64,
    /// Sizes of those between, and their sum.
    under_way: VecDeque<u32>,
    under_way_bytes: usize,
    /// Number of the last message that asked for an acknowledgement.
    pub(super) asked: u64,
    /// Operations since the last fence, and whether a fence is to be expected after the first one.
    unfenced: u32,
    is_fence_expected: bool,
    /// Bytes asked for and not yet here.
    pub(super) getting: usize,
    /// Number of the last message taken from the peer.
    pub(super) taken: u64,
    /// Messages and bytes taken since the peer was last told.
    pub(super) untold: usize,
    pub(super) untold_bytes: usize,
    pub(super) is_due: bool,
    /// Messages that can't be taken yet, by number.
    pub(super) early: BTreeMap<u64, Early>,
    /// Answers whose bodies the engine still reads from memory.
    pub(super) answering: usize,
    /// What the numbered messages not yet acknowledged, and the gets not yet answered, may touch.
    pub(super) span: Span,
    /// Transfers past the numbered messages.
    pub(super) direct: Direct,
    /// Why nothing works any more.
    pub(super) broken: Option<String>,
    /// Whether anything was heard since that was last asked, and when silence began, on [`shm::clock_ns`]'s clock; 0 = not yet.
    pub(super) is_heard: bool,
    /// When it was last looked after.
    pub(super) looked_ns: u64,
    pub(super) silent_ns: u64,
    pub(super) is_connected: bool,
}

impl Peer {
    /// Whether another numbered message may go.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < WINDOW_MESSAGES && self.under_way_bytes < WINDOW_BYTES
    }

    /// Whether more may be asked for.
    pub(super) fn may_get(&self) -> bool {
        self.getting < WINDOW_GET
    }

    /// A numbered message of so many bytes has gone.
    pub(super) fn note_sent(&mut self, bytes: usize) {
        self.sent += 1;
        self.under_way.push_back(bytes as u32);
        self.under_way_bytes += bytes;
    }

    /// An operation begins.
    pub(super) fn note_begun(&mut self) {
        self.unfenced = self.unfenced.saturating_add(1);
        self.is_fence_expected &= self.unfenced == 1;
    }

    /// A fence begins, or goes on. Who fences after a single operation will do so again.
    pub(super) fn note_fence(&mut self) {
        if self.unfenced > 0 {
            self.is_fence_expected = self.unfenced == 1;
            self.unfenced = 0;
        }
    }

    /// Whether the operation that begins had better ask for the acknowledgement itself, as a fence will want it.
    pub(super) fn expects_fence(&self) -> bool {
        self.is_fence_expected
    }

    /// Whether what is about to begin is likely to be waited for before anything else begins: a read when nothing is under way, and
    /// a write then if a fence is expected right behind it.
    pub(super) fn is_lone(&self, way: Way) -> bool {
        let is_waited_for = way != Way::Write || self.is_fence_expected && self.unfenced == 0;
        is_waited_for && self.getting == 0 && self.is_quiet()
    }

    /// The peer has taken everything up to `number`.
    pub(super) fn note_ack(&mut self, number: u64) {
        while self.acked < number.min(self.sent) {
            self.acked += 1;
            self.under_way_bytes -= self.under_way.pop_front().unwrap_or(0) as usize;
        }
    }

    /// A numbered message has been taken. Whether the peer should be told soon, to keep its window open.
    pub(super) fn note_taken(&mut self, bytes: usize) -> bool {
        self.taken += 1;
        self.untold += 1;
        self.untold_bytes += bytes;
        self.untold >= WINDOW_MESSAGES / 4 || self.untold_bytes >= WINDOW_BYTES / 4
    }

    /// A message that says `ack` has gone.
    pub(super) fn note_told(&mut self) {
        (self.untold, self.untold_bytes, self.is_due) = (0, 0, false);
    }

    /// Whether everything sent has taken effect.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.acked == self.sent && self.direct.is_quiet()
    }

    /// Whether numbered messages that may touch `span` are under way.
    pub(super) fn may_touch(&mut self, span: Span) -> bool {
        if self.acked == self.sent && self.getting == 0 {
            self.span = Span::EMPTY;
        }
        self.span.overlaps(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program does to one peer, as far as the prediction is concerned; gets are answered at once.
    fn lone_after(history: &str) -> [bool; 2] {
        let mut peer = Peer::default();
        for step in history.chars() {
            match step {
                'f' => {
                    peer.note_ack(peer.sent);
                    peer.note_fence();
                }
                'p' => {
                    peer.note_begun();
                    peer.note_sent(64);
                }
                _ => peer.note_begun(),
            }
        }
        [peer.is_lone(Way::Read), peer.is_lone(Way::Write)]
    }

    #[test]
    fn a_read_is_alone_when_nothing_is_under_way_and_a_write_where_each_was_fenced() {
        assert_eq!(lone_after(""), [true, false]);
        assert_eq!(lone_after("g"), [true, false]);
        assert_eq!(lone_after("p"), [false, false]);
        assert_eq!(lone_after("pf"), [true, true]);
        assert_eq!(lone_after("pfp"), [false, false]);
        assert_eq!(lone_after("pfpf"), [true, true]);
        assert_eq!(lone_after("pfppf"), [true, false]);
        assert_eq!(lone_after("ppfpf"), [true, true]);
        assert_eq!(lone_after("pfg"), [true, false]);
    }
}
