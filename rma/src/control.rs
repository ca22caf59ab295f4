//! The meeting: the one protocol below all collectives.
//!
//! Every member of a team owns a [`Row`] in its own arena (the world's rows lie in the heap's root area). In meeting number `n` a
//! member writes its words into line `n % 2` and its bytes into outbox `n % 2`, publishes `n`, and waits until every
//! other member has published `n`. Then it may read everybody's line and outbox number `n % 2`.
//!
//! One round is enough: nobody writes line `n % 2` again before meeting `n + 2`, which it enters only after everybody
//! has entered meeting `n + 1`, hence is done reading what belongs to `n`. A line is one cache line with number, signature and up
//! to [`WORDS`] words, so a small collective moves one cache line per member.
//!
//! ```text
//! row, 16 KiB     0  line of even meetings: number, operation, count, 5 words
//!                64  line of odd meetings
//!               128  arrived: the last number again, for those who sleep on it
//!               192  place of the call in even meetings, 128 bytes of text (under GAIN_CHECK=1)
//!               320  the same of odd meetings
//!               448  live: the segments this member has handles to, one bit each, and the team
//!               704  outbox of even meetings, 7 KiB (or a larger one elsewhere in the arena)
//!              7872  outbox of odd meetings
//! ```
//!
//! | field | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | line: operation, count, words; place | the owner, before publishing | all, after seeing the number | relaxed |
//! | line: number | the owner | all | release, acquire |
//! | arrived | the owner, after the number | sleepers | release, acquire |
//! | live | the owner | all | see [`crate::retired`] |
//! | outbox | the owner, before publishing | all, after seeing the number | plain |

use crate::call::{Call, OpCode};
use crate::error::{Error, ErrorKind, Result};
use crate::retired::Live;
use crate::stall::Needs;
use crate::wait::Cause;
use crate::world::Shared;
use shm::sync::Sequence;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words a member can say in a meeting without using its outbox.
pub(crate) const WORDS: usize = 5;

/// Bytes of the built-in outbox.
pub(crate) const OUTBOX_LEN: usize = 7 * 1024;

/// Bytes of a row, and its alignment.
pub(crate) const ROW_LEN: usize = 16 * 1024;

#[repr(C, align(64))]
struct Line {
    number: AtomicU64,
    operation: AtomicU64,
    count: AtomicU64,
    words: [AtomicU64; WORDS],
}

/// The end of `file:line`, padded with zeros.
#[repr(C, align(64))]
struct Place {
    text: [AtomicU64; 16],
}

impl Place {
    fn write(&self, call: Call) {
        let text = call.location.to_string();
        let tail = &text.as_bytes()[text.len().saturating_sub(size_of::<Place>())..];
        let mut bytes = [0; size_of::<Place>()];
        bytes[..tail.len()].copy_from_slice(tail);
        for (word, chunk) in self.text.iter().zip(bytes.as_chunks().0) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
    }

    fn read(&self) -> String {
        let bytes: Vec<u8> =
            self.text.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned()
    }
}

/// One member's share of a team's control memory. Zeroed memory is its initial state.
#[repr(C, align(64))]
pub(crate) struct Row {
    lines: [Line; 2],
    arrived: Sequence,
    places: [Place; 2],
    live: Live,
    outbox: [std::cell::UnsafeCell<[u8; OUTBOX_LEN]>; 2],
}

const _: () = assert!(size_of::<Row>() <= ROW_LEN && size_of::<Line>() == 64);

/// What a collective call must have in common on all ranks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signature {
    /// Operation, reduction operator, element type, root.
    operation: u64,
    /// Elements or bytes; 0 where they may differ.
    count: u64,
}

impl Signature {
    pub(crate) fn new(op: OpCode) -> Signature {
        Signature { operation: op as u64, count: 0 }
    }

    pub(crate) fn reduction(mut self, op: u8) -> Signature {
        self.operation |= u64::from(op) << 8;
        self
    }

    /// `kind`: the number of a [`shm::DType`], or 0x1000 + size for other plain data.
    pub(crate) fn element(mut self, kind: u16) -> Signature {
        self.operation |= u64::from(kind) << 16;
        self
    }

    pub(crate) fn root(mut self, root: usize) -> Signature {
        self.operation |= (root.min(u32::MAX as usize) as u64) << 32;
        self
    }

    pub(crate) fn count(mut self, count: usize) -> Signature {
        self.count = count as u64;
        self
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", OpCode::name_of(self.operation as u8))?;
        let reduction = (self.operation >> 8) as u8;
        if reduction != 0 {
            write!(f, "{}, ", crate::collective::Op::name_of(reduction))?;
        }
        match (self.operation >> 16) as u16 {
            0 => {}
            plain @ 0x1000.. => write!(f, "elements of {} bytes, ", plain - 0x1000)?,
            dtype => match shm::DType::ALL.get(dtype as usize - 1) {
                Some(dtype) => write!(f, "{dtype}, ")?,
                None => write!(f, "unknown elements, ")?,
            },
        }
        write!(f, "count {}, root {})", self.count, self.operation >> 32)
    }
}

/// The rows of a team as one member sees them.
pub(crate) struct Rows {
    rows: Box<[NonNull<Row>]>,
    me: usize,
}

// SAFETY: rows are shared memory, mapped for the life of the process; lines are atomics, outboxes follow the meeting protocol.
unsafe impl Send for Rows {}
// SAFETY: as above.
unsafe impl Sync for Rows {}

/// Where this member stands in the sequence of meetings, and its private side of the outboxes. One thread at a time uses it.
pub(crate) struct Progress {
    number: u64,
    /// Large outboxes, once all members have one: both halves of every member, by rank.
    large: Option<Large>,
}

/// Outboxes beyond the row's own.
pub(crate) struct Large {
    pub(crate) half_len: usize,
    pub(crate) bases: Box<[NonNull<u8>]>,
}

// SAFETY: the pointers lead into the node heap, which stays mapped; the meeting protocol orders accesses.
unsafe impl Send for Large {}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress { number: 0, large: None }
    }

    pub(crate) fn set_large(&mut self, large: Large) {
        self.large = Some(large);
    }

    pub(crate) fn has_large(&self) -> bool {
        self.large.is_some()
    }
}

impl Rows {
    /// # Safety
    /// Each pointer leads to a row of its member (zero before any member's first meeting) that stays mapped.
    pub(crate) unsafe fn new(rows: Box<[NonNull<Row>]>, me: usize) -> Rows {
        Rows { rows, me }
    }

    fn row(&self, rank: usize) -> &Row {
        // SAFETY: mapped by the promise of `new`; all fields allow shared access.
        unsafe { self.rows[rank].as_ref() }
    }

    /// The same rows, for what outlives the team.
    pub(crate) fn take(&mut self) -> Rows {
        Rows { rows: std::mem::take(&mut self.rows), me: self.me }
    }

    /// Whether any member has a handle to the team.
    pub(crate) fn is_held(&self) -> bool {
        (0..self.size()).any(|rank| self.live(rank).holds_team())
    }

    /// Which segments a member has handles to.
    pub(crate) fn live(&self, rank: usize) -> &Live {
        &self.row(rank).live
    }

    pub(crate) fn size(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that fit into an outbox now.
    pub(crate) fn capacity(&self, progress: &Progress) -> usize {
        progress.large.as_ref().map_or(OUTBOX_LEN, |large| large.half_len)
    }

    fn outbox(&self, progress: &Progress, rank: usize, number: u64) -> *mut u8 {
        let half = (number % 2) as usize;
        match &progress.large {
            Some(large) => large.bases[rank].as_ptr().wrapping_add(half * large.half_len),
            None => self.row(rank).outbox[half].get().cast(),
        }
    }

    /// Where this member puts its bytes for the next meeting: [`Rows::capacity`] of them, aligned to 64.
    pub(crate) fn my_outbox(&self, progress: &Progress) -> *mut u8 {
        self.outbox(progress, self.me, progress.number + 1)
    }

    /// Meets all members of the team with this id. Errors: `Mismatch` on every member when signatures differ (the meeting has taken place then); `Died`.
    pub(crate) fn meet(
        &self,
        world: &Shared,
        team: (u64, &[usize]),
        progress: &mut Progress,
        call: Call,
        signature: Signature,
        words: &[u64],
    ) -> Result<()> {
        progress.number += 1;
        let number = progress.number;
        let mine = self.row(self.me);
        let line = &mine.lines[(number % 2) as usize];
        line.operation.store(signature.operation, Ordering::Relaxed);
        line.count.store(signature.count, Ordering::Relaxed);
        for (slot, word) in line.words.iter().zip(words) {
            slot.store(*word, Ordering::Relaxed);
        }
        if self.size() == 1 {
            return Ok(());
        }
        if world.check {
            mine.places[(number % 2) as usize].write(call);
        }
        line.number.store(number, Ordering::Release);
        mine.arrived.publish(number);
        let mut differs = None;
        for rank in (0..self.size()).filter(|rank| *rank != self.me) {
            let line = self.await_line(world, team, call, rank, number)?;
            let other = Signature {
                operation: line.operation.load(Ordering::Relaxed),
                count: line.count.load(Ordering::Relaxed),
            };
            if other != signature && differs.is_none() {
                differs = Some((rank, other));
            }
        }
        match differs {
            None => Ok(()),
            Some((rank, other)) => {
                let place = self.row(rank).places[(number % 2) as usize].read();
                Err(mismatch(world, call, signature, rank, other, &place))
            }
        }
    }

    #[inline]
    fn await_line(
        &self,
        world: &Shared,
        (team, members): (u64, &[usize]),
        call: Call,
        rank: usize,
        number: u64,
    ) -> Result<&Line> {
        let row = self.row(rank);
        let line = &row.lines[(number % 2) as usize];
        let mut spins = world.policy().spins;
        while line.number.load(Ordering::Acquire) != number {
            if spins == 0 {
                // A member that came here and ended is missed in the next meeting, if there is one; others don't matter.
                let is_missing = |place: usize| {
                    let line = &self.row(place).lines[(number % 2) as usize];
                    line.number.load(Ordering::Acquire) != number
                };
                let needs = |dead| members.iter().position(|member| *member == dead).is_some_and(is_missing);
                let cause =
                    Cause { call, team, target: Some(rank), sequence: number, needs: Needs::These(&needs) };
                world.waiting(cause, |context| row.arrived.wait_at_least(number, context))?;
                break;
            }
            spins -= 1;
            std::hint::spin_loop();
        }
        Ok(line)
    }

    /// A word of `rank` in the meeting that has just taken place.
    pub(crate) fn word(&self, progress: &Progress, rank: usize, index: usize) -> u64 {
        self.row(rank).lines[(progress.number % 2) as usize].words[index].load(Ordering::Relaxed)
    }

    /// The bytes of `rank` in the meeting that has just taken place; valid until this member enters the next one.
    pub(crate) fn bytes(&self, progress: &Progress, rank: usize) -> *const u8 {
        self.outbox(progress, rank, progress.number)
    }
}

#[cold]
fn mismatch(
    world: &Shared,
    call: Call,
    mine: Signature,
    rank: usize,
    other: Signature,
    place: &str,
) -> Error {
    let (me, at) = (world.rank, call.location);
    let place = if world.check { format!(" at {place}") } else { " (GAIN_CHECK=1 says where)".into() };
    let message = format!(
        "ranks called different collectives: world rank {me} {mine} at {at}, team rank {rank} {other}{place}"
    );
    Error::at(ErrorKind::Mismatch, call.op.name(), rank, message)
}
