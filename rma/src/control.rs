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
//! On a node with many members, and a processor for each, nobody waits for every other: they hear of one another in the rounds of a
//! dissemination barrier ([`shm::sync::Barrier`]), whose signals carry the signatures. Lines are written as always, and read only where words
//! are asked for, or to say who differs. With few members, or more than processors, one look at each costs less than rounds that depend on one
//! another.
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
use crate::error::{Error, ErrorKind, Result};
use crate::founding::Desk;
use crate::mirror::{Meeting, Mirror, STEPS, Wait};
use crate::retired::{Bit, Live, NO_SLOT, PAGES, page_len, page_of};
use crate::segment::Spot;
use crate::series::Series;
use crate::signature::Signature;
use crate::stall::Needs;
use crate::transport::Remote;
use crate::wait::Cause;
use crate::world::Shared;
use shm::sync::{Barrier, BarrierRow, Counter, Sequence, WaitContext, WaitError};
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
    barrier: BarrierRow,
    steps: [Counter; STEPS],
    exchanged: Counter,
}

/// Where the desk is in a row.
pub(crate) const DESK: usize = std::mem::offset_of!(Row, desk);

const _: () = assert!(size_of::<Row>() <= ROW_LEN && size_of::<Line>() == 64);

/// The rows of a team as one member sees them. What is kept of members elsewhere follows a formula, mostly.
pub(crate) struct Rows {
    me: usize,
    /// The members of this node, this one included, by rank, and this one's place among them.
    near: Box<[Near]>,
    my_near: usize,
    /// Whether they meet in rounds.
    in_rounds: bool,
    /// The bits of further slots, of each member of this node.
    pages: [OnceLock<Box<[NonNull<AtomicU64>]>>; PAGES],
    /// World ranks, and where rows begin in their arenas.
    members: Series,
    offsets: Series,
    /// What members are called in messages to people.
    names: Series,
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

    /// The member and what it calls in a meeting that it has entered, if that isn't this.
    #[inline]
    fn differing(&self, signature: Signature, number: u64) -> Option<(usize, Signature)> {
        let line = &self.row().lines[(number % 2) as usize];
        let other = Signature {
            operation: line.operation.load(Ordering::Relaxed),
            count: line.count.load(Ordering::Relaxed),
        };
        (other != signature).then_some((self.rank, other))
    }
}

/// Who waits in which meeting.
struct Waiting<'a> {
    world: &'a Shared,
    team: u64,
    call: Call,
    number: u64,
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

/// Both halves of every member's outbox, one after the other.
pub(crate) struct Outboxes {
    half_len: usize,
    members: Series,
    /// Where they begin in the members' arenas.
    offsets: Series,
    /// The members of this node, and where theirs are mapped.
    near: Box<[(usize, *mut u8)]>,
}

impl Outboxes {
    /// Outboxes that begin at `offsets`.
    pub(crate) fn new(world: &Shared, rows: &Rows, half_len: usize, offsets: Series) -> Outboxes {
        let mapped = |near: &Near| {
            let place = Remote { rank: rows.members.get(near.rank), offset: offsets.get(near.rank) };
            (near.rank, world.reach(place).mapped)
        };
        let near = rows.near.iter().map(mapped).collect();
        Outboxes { half_len, members: rows.members.clone(), near, offsets }
    }

    #[inline]
    fn base(&self, rank: usize) -> Spot {
        let place = || Remote { rank: self.members.get(rank), offset: self.offsets.get(rank) };
        match find(&self.near, rank, |near| near.0) {
            Some((_, mapped)) => Spot { mapped: *mapped, place: place() },
            None => Spot { mapped: std::ptr::null_mut(), place: place() },
        }
    }
}

/// The entry of a rank, if it has one; entries are in order, and mostly of consecutive ranks.
#[inline(always)]
fn find<T>(entries: &[T], rank: usize, rank_of: impl Fn(&T) -> usize) -> Option<&T> {
    let first = rank_of(entries.first()?);
    match entries.get(rank.wrapping_sub(first)) {
        Some(entry) if rank_of(entry) == rank => Some(entry),
        _ if rank < first => None,
        _ => entries.binary_search_by_key(&rank, rank_of).ok().map(|place| &entries[place]),
    }
}

// SAFETY: the pointers lead into the node heap, which stays mapped; the meeting protocol orders accesses.
unsafe impl Send for Outboxes {}

impl Progress {
    pub(crate) fn new(rows: &Rows) -> Progress {
        let at = std::mem::offset_of!(Row, outbox);
        let mapped = |near: &Near| (near.rank, near.row.as_ptr().cast::<u8>().wrapping_add(at));
        let outboxes = Outboxes {
            half_len: OUTBOX_LEN,
            members: rows.members.clone(),
            offsets: rows.offsets.plus(at),
            near: rows.near.iter().map(mapped).collect(),
        };
        Progress { number: 0, exchanges: 0, outboxes }
    }

    /// Bytes it takes besides itself.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let Outboxes { members, offsets, near, .. } = &self.outboxes;
        members.heap_bytes() + offsets.heap_bytes() + size_of_val(&**near)
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
        self.outboxes.base(rank).plus((number % 2) as usize * self.outboxes.half_len)
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
    /// The rows of `members` (world ranks), which begin at `offsets` of their arenas; `near` says where those of this node are mapped.
    ///
    /// # Safety
    /// Each address leads to a row of its member (zero before any member's first meeting) that stays mapped; the other members are on other
    /// nodes, and `mirror` has their lines. All members of a node have the same answer from `in_rounds`, which is given their number.
    pub(crate) unsafe fn new(
        members: Series,
        offsets: Series,
        near: impl Fn(usize) -> Option<NonNull<u8>>,
        me: usize,
        names: Series,
        mirror: Option<Mirror>,
        in_rounds: impl FnOnce(usize) -> bool,
    ) -> Rows {
        let near: Box<[Near]> =
            (0..members.len()).filter_map(|rank| Some(Near { rank, row: near(rank)?.cast() })).collect();
        let my_near = near.iter().position(|near| near.rank == me).expect("the own row is mapped");
        assert!(near.len() == members.len() || mirror.is_some(), "a row elsewhere needs a mirror");
        let in_rounds = in_rounds(near.len());
        Rows { me, my_near, in_rounds, near, pages: Default::default(), members, offsets, names, mirror }
    }

    /// Bytes it takes besides itself.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let series = [&self.members, &self.offsets, &self.names].map(Series::heap_bytes);
        let mirror = self.mirror.as_ref().map_or(0, Mirror::heap_bytes);
        series.iter().sum::<usize>() + size_of_val(&*self.near) + mirror
    }

    fn near(&self, rank: usize) -> Option<&Near> {
        find(&self.near, rank, |near| near.rank)
    }

    /// This member's row.
    fn mine(&self) -> &Row {
        self.near[self.my_near].row()
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
        (slot != NO_SLOT).then(|| self.live(self.my_near, slot))
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
        let mapped = |near: &Near| near.row.as_ptr().cast::<u8>();
        let mapped = self.near(rank).map_or(std::ptr::null_mut(), mapped);
        let place = Remote { rank: self.members.get(rank), offset: self.offsets.get(rank) };
        Spot { mapped, place }.plus(DESK)
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
        self.pages.iter().filter_map(|page| Some(page.get()?[self.my_near].cast()))
    }

    /// What a member is called in messages to people.
    pub(crate) fn name(&self, rank: usize) -> usize {
        self.names.get(rank)
    }

    pub(crate) fn size(&self) -> usize {
        self.members.len()
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
        let waiting = Waiting { world, team, call, number };
        let mut differs = None;
        if self.in_rounds {
            let barrier =
                Barrier::new(|place: usize| &self.near[place].row().barrier, self.near.len(), self.my_near);
            let heard = |here: &Counter, from: usize| {
                let is_here = || here.load() >= number;
                self.await_near(&waiting, &self.near[from], is_here, |context| {
                    here.wait_at_least(number, context)
                })
            };
            let agree = barrier.wait(number, [signature.operation, signature.count], heard)?;
            mine.arrived.publish(number);
            if !agree {
                differs = self.near.iter().find_map(|near| near.differing(signature, number));
            }
        } else {
            mine.arrived.publish(number);
            for near in self.near.iter().filter(|near| near.rank != self.me) {
                let row = near.row();
                let line = &row.lines[(number % 2) as usize];
                let is_here = || line.number.load(Ordering::Acquire) == number;
                self.await_near(&waiting, near, is_here, |context| {
                    row.arrived.wait_at_least(number, context)
                })?;
                differs = differs.or_else(|| near.differing(signature, number));
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

    /// Waits until `is_here`, which member `near` makes true and wakes `sleep` for.
    #[inline]
    fn await_near(
        &self,
        waiting: &Waiting<'_>,
        near: &Near,
        is_here: impl Fn() -> bool,
        sleep: impl FnOnce(&WaitContext<'_>) -> std::result::Result<u64, WaitError>,
    ) -> Result<()> {
        let Waiting { world, team, call, number } = *waiting;
        let mut spins = world.policy().spins;
        while !is_here() {
            if spins == 0 {
                // A member that has done all for this meeting and ended is missed in the next one, if there is one; others don't matter.
                let is_missing = |near: &Near| near.row().arrived.load() < number;
                let is_member = |near: &&Near, dead| self.members.get(near.rank) == dead;
                let needs =
                    |dead| self.near.iter().find(|near| is_member(near, dead)).is_some_and(is_missing);
                let needs = Needs::These(&needs);
                let target = Some(self.name(near.rank));
                let cause = Cause { call, team, target, sequence: number, needs };
                return world.waiting(cause, sleep).map(drop);
            }
            spins -= 1;
            if world.is_wide() || world.post.is_open() {
                world.turn();
            }
            std::hint::spin_loop();
        }
        Ok(())
    }

    /// Whether the members of this node meet in rounds.
    pub(crate) fn in_rounds(&self) -> bool {
        self.in_rounds
    }

    /// The word of an exchange's step at a member of this node.
    fn step(&self, rank: usize, step: usize) -> &Counter {
        &self.near(rank).expect("in a team of one node all rows are mapped").row().steps[step]
    }

    /// Signals an exchange's step to a member of this node.
    pub(crate) fn signal_step(&self, to: usize, step: usize, number: u64) {
        self.step(to, step).publish(number);
    }

    /// Says that this member has sent all it sends in an exchange.
    pub(crate) fn exchanged(&self, number: u64) {
        self.mine().exchanged.publish(number);
    }

    /// Waits until member `from` of this node has signalled a step here.
    pub(crate) fn await_step(&self, wait: Wait<'_>, step: usize, from: usize) -> Result<()> {
        let Wait { world, team, call, number } = wait;
        let here = self.step(self.me, step);
        let is_missing =
            |near: &Near, dead| self.members.get(near.rank) == dead && near.row().exchanged.load() < number;
        let needs = |dead| self.near.iter().any(|near| is_missing(near, dead));
        let (target, needs) = (Some(self.name(from)), Needs::These(&needs));
        let cause = Cause { call, team, target, sequence: number, needs };
        world.waiting(cause, |context| here.wait_at_least(number, context)).map(drop)
    }

    /// What a member says in a meeting.
    #[inline]
    pub(crate) fn line(&self, rank: usize, number: u64) -> &Line {
        let half = (number % 2) as usize;
        match (self.near(rank), &self.mirror) {
            (Some(near), _) => &near.row().lines[half],
            // SAFETY: in the mirror, mapped by the promise of its constructor; made of atomics.
            (None, Some(mirror)) => unsafe { mirror.line(half, rank).as_ref() },
            (None, None) => unreachable!("a row elsewhere needs a mirror"),
        }
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
        if let Some(near) = self.near(rank) {
            return near.row().places[half].read();
        }
        let at = std::mem::offset_of!(Row, places) + half * size_of::<Place>();
        let (rank, offset) = (self.members.get(rank), self.offsets.get(rank) + at);
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
