//! Outboxes: where members leave bytes for one another, and where this member stands in the sequence of meetings that say when.
//!
//! Invariant: what a member leaves for meeting `n` lies in half `n % 2` of its outbox, until it enters meeting `n + 2`.

use crate::row::{OUTBOX_LEN, Row};
use crate::rows::{Near, Rows, find};
use crate::series::Series;
use crate::shared::Shared;
use crate::spot::Spot;
use crate::transport::Remote;

/// Where this member stands in the sequence of meetings, and its private side of the outboxes. One thread at a time uses it.
pub(crate) struct Progress {
    pub(crate) number: u64,
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

    pub(crate) fn outbox(&self, rank: usize, number: u64) -> Spot {
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
