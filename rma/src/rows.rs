//! The rows of a team, as one member of a node sees them: those of its own node, and what waits for them.
//!
//! Invariant: each is a [`Row`] that stays mapped. What is kept of members elsewhere follows a formula, mostly.

use crate::call::Call;
use crate::cause::{Cause, Needs};
use crate::error::Result;
use crate::retired::{Bit, NO_SLOT, PAGES, page_of};
use crate::row::{DESK, Line, Row};
use crate::series::Series;
use crate::shared::Shared;
use crate::signature::Signature;
use crate::spot::Spot;
use crate::transport::Remote;
use shm::sync::{Counter, WaitContext, WaitError};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// The rows of a team as one member sees them. What is kept of members elsewhere follows a formula, mostly.
pub(crate) struct Rows {
    pub(crate) me: usize,
    /// The members of this node, this one included, by rank, and this one's place among them.
    pub(crate) near: Box<[Near]>,
    pub(crate) my_near: usize,
    /// The bits of further slots, of each member of this node.
    pages: [OnceLock<Box<[NonNull<AtomicU64>]>>; PAGES],
    /// World ranks, and where rows begin in their arenas.
    pub(crate) members: Series,
    pub(crate) offsets: Series,
    /// What members are called in messages to people.
    names: Series,
}

/// A member whose row is mapped here.
pub(crate) struct Near {
    pub(crate) rank: usize,
    pub(crate) row: NonNull<Row>,
}

impl Near {
    #[inline]
    pub(crate) fn row(&self) -> &Row {
        // SAFETY: mapped by the promise of `Rows::new`; all fields allow shared access.
        unsafe { self.row.as_ref() }
    }

    /// The member and what it calls in a meeting that it has entered, if that isn't this.
    #[inline]
    pub(crate) fn differing(&self, signature: Signature, number: u64) -> Option<(usize, Signature)> {
        let other = self.row().lines[(number % 2) as usize].differing(signature)?;
        Some((self.rank, other))
    }
}

// SAFETY: rows are shared memory, mapped for the life of the process, and made of atomics but for outboxes, which follow the meeting
// protocol.
unsafe impl Send for Rows {}
// SAFETY: as above.
unsafe impl Sync for Rows {}

/// Who waits for what number.
#[derive(Clone, Copy)]
pub(crate) struct Wait<'a> {
    pub(crate) world: &'a Shared,
    pub(crate) team: u64,
    pub(crate) call: Call,
    pub(crate) number: u64,
}

/// The entry of a rank, if it has one; entries are in order, and mostly of consecutive ranks.
#[inline(always)]
pub(crate) fn find<T>(entries: &[T], rank: usize, rank_of: impl Fn(&T) -> usize) -> Option<&T> {
    let first = rank_of(entries.first()?);
    match entries.get(rank.wrapping_sub(first)) {
        Some(entry) if rank_of(entry) == rank => Some(entry),
        _ if rank < first => None,
        _ => entries.binary_search_by_key(&rank, rank_of).ok().map(|place| &entries[place]),
    }
}

impl Rows {
    /// The rows of `members` (world ranks), which begin at `offsets` of their arenas; `near` says where those of this node are mapped.
    ///
    /// # Safety
    /// Each address leads to a row of its member (zero before any member's first meeting) that stays mapped; the other members are on other
    /// nodes.
    pub(crate) unsafe fn new(
        members: Series,
        offsets: Series,
        near: impl Fn(usize) -> Option<NonNull<u8>>,
        me: usize,
        names: Series,
    ) -> Rows {
        let near: Box<[Near]> =
            (0..members.len()).filter_map(|rank| Some(Near { rank, row: near(rank)?.cast() })).collect();
        let my_near = near.iter().position(|near| near.rank == me).expect("the own row is mapped");
        Rows { me, my_near, near, pages: Default::default(), members, offsets, names }
    }

    /// Bytes they take besides themselves.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let series = [&self.members, &self.offsets, &self.names].map(Series::heap_bytes);
        series.iter().sum::<usize>() + size_of_val(&*self.near)
    }

    pub(crate) fn near(&self, rank: usize) -> Option<&Near> {
        find(&self.near, rank, |near| near.rank)
    }

    /// This member's row.
    pub(crate) fn mine(&self) -> &Row {
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

    /// Gives the slots of a page bits: each member of this node's at what `offered` says of its team rank.
    ///
    /// # Safety
    /// A zeroed page is mapped there, and stays as long as the team.
    pub(crate) unsafe fn grow(&self, page: usize, offered: impl Fn(usize) -> NonNull<u8>) {
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

    /// What a member of this node says in a meeting.
    #[inline]
    pub(crate) fn line(&self, rank: usize, number: u64) -> Option<&Line> {
        self.near(rank).map(|near| &near.row().lines[(number % 2) as usize])
    }

    /// Waits until `is_here`, which member `near` makes true and wakes `sleep` for.
    #[inline]
    pub(crate) fn await_near(
        &self,
        wait: Wait<'_>,
        near: &Near,
        is_here: impl Fn() -> bool,
        sleep: impl FnOnce(&WaitContext<'_>) -> std::result::Result<u64, WaitError>,
    ) -> Result<()> {
        let Wait { world, team, call, number } = wait;
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
}
