//! The board: one 256-byte slot per rank that says what the rank waits for.
//!
//! A slot is written by its rank alone, with relaxed stores and only when a wait turns slow; others (ranks of
//! the node through the heap, the launcher through a file of its own, also after the rank died) read it
//! without disturbing the writer.
//!
//! ```text
//! word 0      version: odd while being written
//! word 1      since_ns, 0 = not waiting
//! word 2      op | line << 32
//! word 3      team
//! word 4      sequence
//! word 5      target + 1 | pid << 32          (0 = no single target)
//! words 6-10  text, 40 bytes, padded with zeros
//! words 11-31 file, 168 bytes, padded with zeros
//! ```
//!
//! The version makes it a sequence lock: a reader that saw the same even version before and after has a
//! consistent record.

use crate::error::{Error, Result};
use crate::os::{self, Mapping};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
// Not through the facade for loom: a diagnostic that no protocol depends on, and 32 words per slot would
// drown a model.
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

const WORDS: usize = 32;
const TEXT: std::ops::Range<usize> = 6..11;
const FILE: std::ops::Range<usize> = 11..WORDS;

/// What a rank is about to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The caller's code of the operation.
    pub op: u32,
    /// Team the operation belongs to.
    pub team: u64,
    /// The rank waited for, in the caller's numbering, if it is a single one.
    pub target: Option<u32>,
    /// Sequence number of the operation, the same on all ranks of a collective.
    pub sequence: u64,
    /// A few words, as in `"barrier"`; up to 40 bytes are kept.
    pub text: &'static str,
    /// The file of the user's line.
    pub file: &'a str,
    /// The user's line.
    pub line: u32,
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
    /// The file of the user's line (its last 168 bytes, when it is longer).
    pub file: String,
    /// The user's line.
    pub line: u32,
    /// When the wait began, on [`crate::clock_ns`]'s clock.
    pub since_ns: u64,
    /// Process that wrote it.
    pub pid: u32,
}

/// One rank's slot. Zeroed memory is an empty one.
#[repr(C, align(256))]
#[derive(Debug)]
pub struct Slot {
    words: [AtomicU64; WORDS],
}

impl Slot {
    /// Says what this rank waits for since `since_ns` (not 0). Local; one thread of the slot's rank at a
    /// time.
    pub fn enter(&self, record: &Record<'_>, since_ns: u64) {
        let fields = [
            since_ns,
            pack(record.op, record.line),
            record.team,
            record.sequence,
            pack(record.target.map_or(0, |rank| rank + 1), std::process::id()),
        ];
        self.write(|words| {
            for (word, value) in words[1..].iter().zip(fields) {
                word.store(value, Relaxed);
            }
            store_text(&words[TEXT], record.text.as_bytes());
            store_text(&words[FILE], record.file.as_bytes());
        });
    }

    /// Says that the wait is over. Local.
    pub fn leave(&self) {
        self.write(|words| words[1].store(0, Relaxed));
    }

    fn write(&self, store: impl FnOnce(&[AtomicU64; WORDS])) {
        let version = self.words[0].load(Relaxed);
        self.words[0].store(version | 1, Relaxed);
        fence(Release);
        store(&self.words);
        self.words[0].store((version | 1).wrapping_add(1), Release);
    }

    /// What the slot says now; `None` when its rank isn't waiting, or died or is busy while writing the slot.
    /// Local.
    pub fn read(&self) -> Option<Snapshot> {
        const ATTEMPTS: u32 = 100;
        for _ in 0..ATTEMPTS {
            let version = self.words[0].load(Acquire);
            let words: [u64; WORDS] = std::array::from_fn(|i| self.words[i].load(Relaxed));
            fence(Acquire);
            if version.is_multiple_of(2) && self.words[0].load(Relaxed) == version {
                return snapshot(&words);
            }
            std::hint::spin_loop();
        }
        None
    }
}

fn pack(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Stores the last bytes of `text` that fit, the rest zero.
fn store_text(words: &[AtomicU64], text: &[u8]) {
    let mut bytes = text[text.len().saturating_sub(8 * words.len())..].chunks(8);
    for word in words {
        let mut buffer = [0; 8];
        let chunk = bytes.next().unwrap_or_default();
        buffer[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_le_bytes(buffer), Relaxed);
    }
}

fn load_text(words: &[u64]) -> String {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn snapshot(words: &[u64; WORDS]) -> Option<Snapshot> {
    (words[1] != 0).then(|| Snapshot {
        since_ns: words[1],
        op: words[2] as u32,
        line: (words[2] >> 32) as u32,
        team: words[3],
        sequence: words[4],
        target: (words[5] as u32).checked_sub(1),
        pid: (words[5] >> 32) as u32,
        text: load_text(&words[TEXT]),
        file: load_text(&words[FILE]),
    })
}

/// A board in a memory file of its own: the launcher makes it, the ranks inherit the descriptor
/// (`GAIN_BOARD_FD`). Its size gives the number of slots.
#[derive(Debug)]
pub struct Board {
    mapping: Mapping,
    ranks: usize,
}

// SAFETY: the mapping is owned, and what is in it is accessed through atomics only.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl Board {
    /// A new board. The descriptor is closed on exec until the caller arranges otherwise. Not collective.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(ranks: usize) -> Result<(Board, OwnedFd)> {
        const OP: &str = "board create";
        let fd = os::memory_file(OP, c"gain-board", ranks.max(1) * size_of::<Slot>(), false)?;
        let board = Board::map(OP, fd.as_fd())?;
        Ok((board, fd))
    }

    /// Maps the board behind `fd`, which stays the caller's. Not collective.
    ///
    /// # Errors
    /// `fd` isn't open or no board.
    pub fn attach(fd: RawFd) -> Result<Board> {
        const OP: &str = "board attach";
        if fd < 0 {
            return Err(Error::new(OP, format!("descriptor {fd}")));
        }
        // SAFETY: borrowed for this call; a closed descriptor only makes the calls below fail.
        Board::map(OP, unsafe { BorrowedFd::borrow_raw(fd) })
    }

    fn map(operation: &'static str, fd: BorrowedFd<'_>) -> Result<Board> {
        const PAGE: usize = 4096;
        if !os::is_memory_file(fd, "gain-board") {
            return Err(Error::new(operation, format!("descriptor {} is no board", fd.as_raw_fd())));
        }
        let len = os::sized(operation, fd)?;
        if len == 0 || len % size_of::<Slot>() != 0 {
            return Err(Error::new(operation, format!("a file of {len} bytes is not a board")));
        }
        // SAFETY: duplicates an open descriptor; the result is new and ours.
        let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0) };
        if copy < 0 {
            return Err(Error::last_os(operation, "cannot duplicate the descriptor"));
        }
        // SAFETY: as above.
        let copy = unsafe { OwnedFd::from_raw_fd(copy) };
        let mapping = Mapping::new(operation, Some(copy), len.next_multiple_of(PAGE), PAGE)?;
        mapping
            .populate(0, len)
            .map_err(|error| Error::new(operation, format!("no memory for the board ({error})")))?;
        Ok(Board { mapping, ranks: len / size_of::<Slot>() })
    }

    /// In a forked child: what it writes from now on nobody reads. Async-signal-safe.
    pub fn isolate(&self) {
        self.mapping.isolate();
    }

    /// Number of slots.
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// One rank's slot. Panics when there is no such rank.
    pub fn slot(&self, rank: usize) -> &Slot {
        assert!(rank < self.ranks, "board slot {rank} of {}", self.ranks);
        let slots: NonNull<Slot> = self.mapping.base().cast();
        // SAFETY: in range, page aligned, populated; lives as long as `self`; a slot is atomics, for which
        // any bits will do.
        unsafe { slots.add(rank).as_ref() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn record(text: &'static str) -> Record<'static> {
        Record { op: 3, team: 1 << 40, target: Some(0), sequence: 9, text, file: file!(), line: 11 }
    }

    #[test]
    fn a_record_is_read_through_another_mapping() {
        let (board, fd) = Board::create(3).unwrap();
        let other = Board::attach(fd.as_raw_fd()).unwrap();
        assert_eq!((other.ranks(), other.slot(2).read()), (3, None));
        let record = record("allreduce");
        board.slot(2).enter(&record, 77);
        let expected = Snapshot {
            op: 3,
            team: 1 << 40,
            target: Some(0),
            sequence: 9,
            text: "allreduce".into(),
            file: file!().into(),
            line: 11,
            since_ns: 77,
            pid: std::process::id(),
        };
        assert_eq!(other.slot(2).read(), Some(expected));
        assert_eq!(other.slot(1).read(), None);
        board.slot(2).leave();
        assert_eq!(other.slot(2).read(), None);
    }

    #[test]
    fn a_reader_never_sees_half_a_record() {
        let (board, _fd) = Board::create(1).unwrap();
        let texts = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..20_000u64 {
                    let text = texts[i as usize % 2];
                    board.slot(0).enter(&Record { sequence: i, ..record(text) }, i + 1);
                }
            });
            for _ in 0..20_000 {
                if let Some(seen) = board.slot(0).read() {
                    assert_eq!(seen.since_ns, seen.sequence + 1);
                    let text = texts[seen.sequence as usize % 2];
                    assert_eq!(seen.text, text[text.len().saturating_sub(40)..]);
                }
            }
        });
    }

    #[test]
    fn what_is_no_board_is_refused() {
        assert!(Board::attach(-1).is_err());
        assert!(Board::attach(1 << 20).is_err());
        let attach = |fd: &OwnedFd| Board::attach(fd.as_raw_fd());
        assert!(attach(&os::memory_file("test", c"gain-board", 100, false).unwrap()).is_err());
        assert!(attach(&os::memory_file("test", c"test", 4096, false).unwrap()).is_err());
        // A file of the user's that happens to have a board's size.
        let path = std::env::temp_dir().join(format!("gain-board-{}", std::process::id()));
        let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.set_len(4096).unwrap();
        assert!(attach(&file.into()).is_err());
    }
}
