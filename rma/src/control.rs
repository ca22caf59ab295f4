//! The meeting: the one protocol below all collectives.
//!
//! Every member of a team owns a [`Row`] in its own arena (those of a world of one node lie in the heap's root area). In meeting
//! number `n` a member writes its words into line `n % 2` and its bytes into outbox `n % 2`, publishes `n`, and waits until every
//! other member has published `n`. Then it may read everybody's line and outbox number `n % 2`.
//!
//! One round is enough: nobody writes line `n % 2` again before meeting `n + 2`, which it enters only after everybody
//! has entered meeting `n + 1`, hence is done reading what belongs to `n`. A line is one cache line with number, signature and up
//! to [`WORDS`] words, so a small collective moves one cache line per member.
//!
//! Members on other nodes are met through their nodes' leaders, which copy lines into one another's mirrors: see
//! [`crate::mirror`]. Their lines are read in the mirror of this node, their outboxes by gets of the transport.
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
//! ```
//!
//! | field | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | line: operation, count, words; place | the owner, before publishing | all, after seeing the number | relaxed |
//! | line: number | the owner | the node | release, acquire |
//! | arrived | the owner, after the number | sleepers | release, acquire |
//! | live | the owner | the node | see [`crate::retired`] |
//! | outbox | the owner, before publishing | all, after seeing the number | plain |

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::founding::Desk;
use crate::mirror::{Meeting, Mirror};
use crate::retired::{Bit, Live, NO_SLOT, PAGES, page_len, page_of};
use crate::segment::Spot;
use crate::signature::Signature;
use crate::stall::Needs;
use crate::transport::Remote;
use crate::wait::Cause;
use crate::world::Shared;
use shm::sync::Sequence;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words a member can say in a meeting without using its outbox.
pub(crate) const WORDS: usize = 5;

/// Bytes of the built-in outbox.
pub(crate) const OUTBOX_LEN: usize = 7 * 1024;

/// Bytes of a row, and its alignment.
pub(crate) const ROW_LEN: usize = 16 * 1024;

/// What a member says in a meeting.
#[repr(C, align(64))]
pub(crate) struct Line {
    number: AtomicU64,
    operation: AtomicU64,
    count: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl Line {
    /// Takes over signature and words of another line.
    pub(crate) fn copy_from(&self, other: &Line) {
        self.operation.store(other.operation.load(Ordering::Relaxed), Ordering::Relaxed);
        self.count.store(other.count.load(Ordering::Relaxed), Ordering::Relaxed);
        for (word, other) in self.words.iter().zip(&other.words) {
            word.store(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
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
    desk: Desk,
}

/// Where the desk is in a row.
pub(crate) const DESK: usize = std::mem::offset_of!(Row, desk);

const _: () = assert!(size_of::<Row>() <= ROW_LEN && size_of::<Line>() == 64);

/// The rows of a team as one member sees them.
pub(crate) struct Rows {
    me: usize,
    /// Everybody's lines of even and of odd meetings, by rank.
    lines: [Box<[NonNull<Line>]>; 2],
    /// The members of this node, this one included.
    near: Box<[Near]>,
    /// The bits of further slots, of each member of this node.
    pages: [OnceLock<Box<[NonNull<AtomicU64>]>>; PAGES],
    /// Where all rows are.
    places: Box<[Spot]>,
    /// What members are called in messages to people.
    names: Box<[usize]>,
    /// The way to the members of other nodes, if there are any.
    mirror: Option<Mirror>,
}

/// A member whose row is mapped here.
struct Near {
    rank: usize,
    row: NonNull<Row>,
}

impl Near {
    fn row(&self) -> &Row {
        // SAFETY: mapped by the promise of `Rows::new`; all fields allow shared access.
        unsafe { self.row.as_ref() }
    }
}

// SAFETY: rows and mirrors are shared memory, mapped for the life of the process; lines are atomics, outboxes follow the meeting
// protocol.
unsafe impl Send for Rows {}
// SAFETY: as above.
unsafe impl Sync for Rows {}

/// Where this member stands in the sequence of meetings, and its private side of the outboxes. One thread at a time uses it.
pub(crate) struct Progress {
    number: u64,
    /// Exchanges there have been; see [`crate::exchange`].
    pub(crate) exchanges: u64,
    outboxes: Outboxes,
}

/// Both halves of every member's outbox, one after the other; by rank.
pub(crate) struct Outboxes {
    pub(crate) half_len: usize,
    pub(crate) bases: Box<[Spot]>,
}

// SAFETY: the pointers lead into the node heap, which stays mapped; the meeting protocol orders accesses.
unsafe impl Send for Outboxes {}

impl Progress {
    pub(crate) fn new(rows: &Rows) -> Progress {
        let outbox = |row: &Spot| row.plus(std::mem::offset_of!(Row, outbox));
        let bases = rows.places.iter().map(outbox).collect();
        Progress { number: 0, exchanges: 0, outboxes: Outboxes { half_len: OUTBOX_LEN, bases } }
    }

    pub(crate) fn set_large(&mut self, large: Outboxes) {
        self.outboxes = large;
    }

    pub(crate) fn has_large(&self) -> bool {
        self.outboxes.half_len > OUTBOX_LEN
    }

    /// Bytes that fit into an outbox now.
    pub(crate) fn capacity(&self) -> usize {
        self.outboxes.half_len
    }

    fn outbox(&self, rank: usize, number: u64) -> Spot {
        self.outboxes.bases[rank].plus((number % 2) as usize * self.outboxes.half_len)
    }

    /// A half of a member's outbox.
    pub(crate) fn half(&self, rank: usize, half: usize) -> Spot {
        self.outbox(rank, half as u64)
    }

    /// The bytes of `rank` in the meeting that has just taken place; valid until this member enters the next one.
    pub(crate) fn posted(&self, rank: usize) -> Spot {
        self.outbox(rank, self.number)
    }
}

impl Rows {
    /// # Safety
    /// Each place that is mapped leads to a row of its member (zero before any member's first meeting) that stays mapped; what
    /// isn't is on another node, and `mirror` has its lines.
    pub(crate) unsafe fn new(
        places: Box<[Spot]>,
        me: usize,
        names: Box<[usize]>,
        mirror: Option<Mirror>,
    ) -> Rows {
        let row = |rank: usize| NonNull::new(places[rank].mapped.cast::<Row>());
        let line = |half: usize, rank: usize| match (row(rank), &mirror) {
            // SAFETY: a mapped row by the caller's promise.
            (Some(row), _) => NonNull::from(unsafe { &row.as_ref().lines[half] }),
            (None, Some(mirror)) => mirror.line(half, rank),
            (None, None) => unreachable!("a row elsewhere needs a mirror"),
        };
        let lines = [0, 1].map(|half| (0..places.len()).map(|rank| line(half, rank)).collect());
        let near = (0..places.len()).filter_map(|rank| Some(Near { rank, row: row(rank)? })).collect();
        Rows { me, lines, near, pages: Default::default(), places, names, mirror }
    }

    /// This member's row.
    fn mine(&self) -> &Row {
        // SAFETY: as `Near::row`; the own row is always mapped.
        unsafe { &*self.places[self.me].mapped.cast::<Row>() }
    }

    /// A member of this node's bit that says whether it has handles to the segment of a slot.
    fn live(&self, near: usize, slot: usize) -> Bit<'_> {
        let words = match page_of(slot) {
            None => self.near[near].row().live.words(),
            Some(page) => self.pages[page].get().expect("a slot has a page")[near],
        };
        // SAFETY: in a row or a page, mapped by the promises of `new` and `grow`.
        unsafe { Bit::new(words, slot) }
    }

    fn my_live(&self, slot: usize) -> Option<Bit<'_>> {
        let near = self.near.iter().position(|near| near.rank == self.me).expect("I am on my node");
        (slot != NO_SLOT).then(|| self.live(near, slot))
    }

    /// This member has a handle to the segment of a slot.
    pub(crate) fn set_live(&self, slot: usize) {
        self.my_live(slot).iter().for_each(Bit::set);
    }

    /// This member has none any more.
    pub(crate) fn clear_live(&self, slot: usize) {
        self.my_live(slot).iter().for_each(Bit::clear);
    }

    /// A member's desk.
    pub(crate) fn desk(&self, rank: usize) -> Spot {
        self.places[rank].plus(DESK)
    }

    /// Whether a member of this node has a handle to a segment.
    pub(crate) fn is_live_here(&self, slot: usize) -> bool {
        slot != NO_SLOT && (0..self.near.len()).any(|near| self.live(near, slot).is_set())
    }

    /// Whether a slot has bits.
    pub(crate) fn has_bits(&self, slot: usize) -> bool {
        page_of(slot).is_none_or(|page| self.pages[page].get().is_some())
    }

    /// Gives the slots of a page bits: each member of this node's at what `offered` says of its team rank. Behind them are those of its leader.
    ///
    /// # Safety
    /// Two zeroed pages are mapped there, and stay as long as the team.
    pub(crate) unsafe fn grow(&self, page: usize, offered: impl Fn(usize) -> NonNull<u8>) {
        if let Some(mirror) = &self.mirror {
            // SAFETY: the second page.
            mirror.grow(page, unsafe { offered(self.near[0].rank).add(page_len(page)) });
        }
        // A page is given once.
        let _ = self.pages[page].set(self.near.iter().map(|near| offered(near.rank).cast()).collect());
    }

    /// Where this member's pages begin, as they are mapped.
    pub(crate) fn my_pages(&self) -> impl Iterator<Item = NonNull<u8>> + '_ {
        let near = self.near.iter().position(|near| near.rank == self.me).expect("I am on my node");
        self.pages.iter().filter_map(move |page| Some(page.get()?[near].cast()))
    }

    /// What a member is called in messages to people.
    pub(crate) fn name(&self, rank: usize) -> usize {
        self.names[rank]
    }

    pub(crate) fn size(&self) -> usize {
        self.places.len()
    }

    /// The way to other nodes, if the team has members there.
    pub(crate) fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_ref()
    }

    /// Where this member puts its bytes for the next meeting: as many as fit, aligned to 64.
    pub(crate) fn my_outbox(&self, progress: &Progress) -> *mut u8 {
        progress.outbox(self.me, progress.number + 1).mapped
    }

    /// Meets all members. Without `words` nobody may read anybody's after it. Errors: `Mismatch` on every member when
    /// signatures differ (the meeting has taken place then); `Died`.
    pub(crate) fn meet(
        &self,
        world: &Shared,
        team: u64,
        progress: &mut Progress,
        call: Call,
        signature: Signature,
        words: &[u64],
    ) -> Result<()> {
        progress.number += 1;
        let number = progress.number;
        let mine = self.mine();
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
        for near in self.near.iter().filter(|near| near.rank != self.me) {
            let line = self.await_line(world, team, call, near, number)?;
            let other = Signature {
                operation: line.operation.load(Ordering::Relaxed),
                count: line.count.load(Ordering::Relaxed),
            };
            if other != signature && differs.is_none() {
                differs = Some((near.rank, other));
            }
        }
        if let Some(mirror) = &self.mirror {
            let meeting = Meeting { world, team, call, number, signature, has_words: !words.is_empty() };
            let found = mirror.meet(self, &meeting, differs)?;
            differs = differs.or(found);
        }
        match differs {
            None => Ok(()),
            Some((rank, other)) => {
                let place = self.place(world, rank, number);
                Err(mismatch(world, call, signature, self.name(rank), other, &place))
            }
        }
    }

    #[inline]
    fn await_line<'a>(
        &self,
        world: &Shared,
        team: u64,
        call: Call,
        near: &'a Near,
        number: u64,
    ) -> Result<&'a Line> {
        let row = near.row();
        let line = &row.lines[(number % 2) as usize];
        let mut spins = world.policy().spins;
        while line.number.load(Ordering::Acquire) != number {
            if spins == 0 {
                // A member that came here and ended is missed in the next meeting, if there is one; others don't matter.
                let is_missing = |near: &Near| {
                    near.row().lines[(number % 2) as usize].number.load(Ordering::Acquire) != number
                };
                let is_member = |near: &&Near, dead| self.places[near.rank].place.rank == dead;
                let needs =
                    |dead| self.near.iter().find(|near| is_member(near, dead)).is_some_and(is_missing);
                let needs = Needs::These(&needs);
                let target = Some(self.name(near.rank));
                let cause = Cause { call, team, target, sequence: number, needs };
                world.waiting(cause, |context| row.arrived.wait_at_least(number, context))?;
                break;
            }
            spins -= 1;
            if world.is_wide() {
                world.transport.progress();
            }
            std::hint::spin_loop();
        }
        Ok(line)
    }

    /// What a member says in a meeting.
    #[inline]
    pub(crate) fn line(&self, rank: usize, number: u64) -> &Line {
        // SAFETY: in a row or in the mirror, mapped by the promises of their constructors; made of atomics.
        unsafe { self.lines[(number % 2) as usize][rank].as_ref() }
    }

    /// A word of `rank` in the meeting that has just taken place.
    #[inline]
    pub(crate) fn word(&self, progress: &Progress, rank: usize, index: usize) -> u64 {
        self.line(rank, progress.number).words[index].load(Ordering::Relaxed)
    }

    /// From where `rank` called, if that is known.
    #[cold]
    fn place(&self, world: &Shared, rank: usize, number: u64) -> String {
        if !world.check {
            return String::new();
        }
        let half = (number % 2) as usize;
        if let Some(near) = self.near.iter().find(|near| near.rank == rank) {
            return near.row().places[half].read();
        }
        let at = std::mem::offset_of!(Row, places) + half * size_of::<Place>();
        let Remote { rank, offset } = self.places[rank].plus(at).place;
        let copy = Place { text: Default::default() };
        let dst = copy.text.as_ptr().cast_mut().cast::<u8>();
        // SAFETY: the place of a member's row, which that member keeps until this one meets it again; the copy is atomics of
        // our own, written by the transport only, until the wait is over.
        let read = unsafe { world.transport.get(Remote { rank, offset }, dst, size_of::<Place>()) };
        match read.and_then(|token| world.transport.wait(token)) {
            Ok(()) => copy.read(),
            // It may have ended over this already.
            Err(_) => "an unknown place".into(),
        }
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
