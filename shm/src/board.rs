//! The board: one 256-byte slot per rank that says what the rank waits for.

use crate::error::Result;
use std::os::fd::{OwnedFd, RawFd};
use std::panic::Location;

/// What a rank is about to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The caller's code of the operation.
    pub op: u32,
    /// Team the operation belongs to.
    pub team: u64,
    /// The rank waited for, in the caller's numbering, if it is a single one.
    pub target: Option<u32>,
    /// Sequence number of the operation, the same on all ranks of a collective.
    pub sequence: u64,
    /// A few words, as in `"barrier"`; up to 39 bytes are kept.
    pub text: &'static str,
    /// The user's line.
    pub location: &'static Location<'static>,
}

/// What was read from a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// See [`Record::op`].
    pub op: u32,
    /// See [`Record::team`].
    pub team: u64,
    /// See [`Record::target`].
    pub target: Option<u32>,
    /// See [`Record::sequence`].
    pub sequence: u64,
    /// See [`Record::text`].
    pub text: String,
    /// The file of the user's line (its end, when it is long).
    pub file: String,
    /// The user's line.
    pub line: u32,
    /// When the wait began, on [`crate::clock_ns`]'s clock.
    pub since_ns: u64,
    /// Process that wrote it.
    pub pid: u32,
}

/// One slot.
#[repr(C, align(256))]
#[derive(Debug)]
pub struct Slot {
    bytes: [u8; 256],
}

impl Slot {
    /// Says what this rank waits for since `since_ns`. Local, relaxed stores only.
    pub fn enter(&self, record: &Record, since_ns: u64) {
        let _ = (record, since_ns);
        todo!()
    }

    /// Says that the wait is over.
    pub fn leave(&self) {
        todo!()
    }

    /// What the slot says now; `None` when its rank isn't waiting (or writes the slot this very moment).
    pub fn read(&self) -> Option<Snapshot> {
        todo!()
    }
}

/// The slots of all ranks.
#[derive(Debug)]
pub struct Board {
    slots: std::ptr::NonNull<Slot>,
    ranks: usize,
}

// SAFETY: the slots are shared memory accessed through atomics only.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl Board {
    /// A board of its own in a new memory file, to be inherited by the ranks (the launcher's).
    pub fn create(ranks: usize) -> Result<(Board, OwnedFd)> {
        let _ = ranks;
        todo!()
    }

    /// Maps the board behind `fd`, which stays the caller's; the number of ranks is that of its creator.
    pub fn attach(fd: RawFd) -> Result<Board> {
        let _ = fd;
        todo!()
    }

    /// Number of slots.
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// One rank's slot. Panics when there is no such rank.
    pub fn slot(&self, rank: usize) -> &Slot {
        assert!(rank < self.ranks, "board slot {rank} of {}", self.ranks);
        // SAFETY: in range; the mapping lives as long as self.
        unsafe { &*self.slots.as_ptr().add(rank) }
    }
}
