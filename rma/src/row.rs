//! A row: one member's share of a team's control memory, and nothing of what is done with it.
//!
//! Invariant: fixed layout, the same in all processes of a job; zeroed memory is a row before its member's first meeting.
//!
//! ```text
//! row, 16 KiB     0  line of even meetings: number, operation, count, 5 words
//!                64  line of odd meetings
//!               128  arrived: the last number again, for those who sleep on it
//!               192  place of the call in even meetings, 128 bytes of text (under GAIN_CHECK=1)
//!               320  the same of odd meetings
//!               448  live: the segments this member has handles to, one bit each; those of the first slots
//!               704  outbox of even meetings, 7 KiB (or a larger one elsewhere in the arena)
//!              7872  outbox of odd meetings
//!             15040  desk, used in the world's team and in founded ones: see [`crate::founding`]
//!             15168  the rounds of the barrier
//!             15936  step words, for exchanges ([`crate::exchange`]), and the number of the last that the owner is done with
//! ```
//!
//! | field | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | line: operation, count, words; place | the owner, before publishing | all, after seeing the number | relaxed |
//! | line: number | the owner | the node | release, acquire |
//! | arrived | the owner, after the number; in rounds, after its last signal | sleepers | release, acquire |
//! | rounds | members behind | the owner | see the barrier |
//! | step words | members, in exchanges | the owner | release, acquire |
//! | live | the owner | the node | see [`crate::retired`] |
//! | outbox | the owner, before publishing | all, after seeing the number | plain |

use crate::call::Call;
use crate::departure::Desk;
use crate::retired::Live;
use crate::signature::Signature;
use shm::sync::{BarrierRow, Counter, Sequence};
use std::sync::atomic::{AtomicU64, Ordering};

/// Words a member can say in a meeting without using its outbox.
pub(crate) const WORDS: usize = 5;

/// Steps of an [exchange](crate::exchange) there is room for.
pub(crate) const STEPS: usize = 40;

/// Bytes of the built-in outbox.
pub(crate) const OUTBOX_LEN: usize = 7 * 1024;

/// Bytes of a row, and its alignment.
pub(crate) const ROW_LEN: usize = 16 * 1024;

/// What a member says in a meeting.
#[repr(C, align(64))]
pub(crate) struct Line {
    pub(crate) number: AtomicU64,
    pub(crate) operation: AtomicU64,
    pub(crate) count: AtomicU64,
    pub(crate) words: Words,
}

/// The words of a line, which are all that other nodes have of it.
#[repr(C)]
pub(crate) struct Words(pub(crate) [AtomicU64; WORDS]);

impl Words {
    /// Becomes what others are.
    pub(crate) fn copy_from(&self, other: &Words) {
        for (word, other) in self.0.iter().zip(&other.0) {
            word.store(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

impl Line {
    /// What its member calls, if that isn't this.
    #[inline]
    pub(crate) fn differing(&self, signature: Signature) -> Option<Signature> {
        let other = Signature {
            operation: self.operation.load(Ordering::Relaxed),
            count: self.count.load(Ordering::Relaxed),
        };
        (other != signature).then_some(other)
    }
}

/// The end of `file:line`, padded with zeros.
#[repr(C, align(64))]
pub(crate) struct Place {
    pub(crate) text: [AtomicU64; 16],
}

impl Place {
    pub(crate) fn write(&self, call: Call) {
        let text = call.location.to_string();
        let tail = &text.as_bytes()[text.len().saturating_sub(size_of::<Place>())..];
        let mut bytes = [0; size_of::<Place>()];
        bytes[..tail.len()].copy_from_slice(tail);
        for (word, chunk) in self.text.iter().zip(bytes.as_chunks().0) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> String {
        let bytes: Vec<u8> =
            self.text.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned()
    }
}

/// One member's share of a team's control memory. Zeroed memory is its initial state.
#[repr(C, align(64))]
pub(crate) struct Row {
    pub(crate) lines: [Line; 2],
    pub(crate) arrived: Sequence,
    pub(crate) places: [Place; 2],
    pub(crate) live: Live,
    pub(crate) outbox: [std::cell::UnsafeCell<[u8; OUTBOX_LEN]>; 2],
    pub(crate) desk: Desk,
    pub(crate) barrier: BarrierRow,
    pub(crate) steps: [Counter; STEPS],
    pub(crate) exchanged: Counter,
}

/// Where the desk is in a row.
pub(crate) const DESK: usize = std::mem::offset_of!(Row, desk);

const _: () = assert!(size_of::<Row>() <= ROW_LEN && size_of::<Line>() == 64);
