//! A collective call in progress: the right to meet the other members, and typed access to the outboxes.
//!
//! Invariant: while a session lives, its thread is the only one of this process inside the team's protocol.

use crate::call::Call;
use crate::control::{Large, Progress, Signature};
use crate::error::Result;
use crate::plain::{self, Plain};
use crate::retired::{Live, NO_SLOT};
use crate::team::Inner;
use crate::world::alive;
use shm::copy;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

/// Size of each half of a large outbox.
const LARGE_HALF: usize = 256 * 1024;

/// The session of one collective call.
pub(crate) struct Session<'a> {
    team: &'a Inner,
    progress: MutexGuard<'a, Progress>,
    call: Call,
}

impl<'a> Session<'a> {
    /// Enters; waits for other threads of this process that are in a collective of the team.
    pub(crate) fn begin(team: &'a Inner, call: Call) -> Result<Session<'a>> {
        alive(call.op.name())?;
        let progress = team.progress.lock().unwrap_or_else(PoisonError::into_inner);
        team.entered.fetch_add(1, Ordering::Relaxed);
        Ok(Session { team, progress, call })
    }
}

impl Session<'_> {
    pub(crate) fn rank(&self) -> usize {
        self.team.rank
    }

    pub(crate) fn size(&self) -> usize {
        self.team.members.len()
    }

    pub(crate) fn call(&self) -> Call {
        self.call
    }

    /// One meeting; see [`Rows::meet`].
    pub(crate) fn meet(&mut self, signature: Signature, words: &[u64]) -> Result<()> {
        let Inner { world, id, members, rows, .. } = self.team;
        rows.meet(world, (*id, members), &mut self.progress, self.call, signature, words)
    }

    pub(crate) fn word(&self, rank: usize, index: usize) -> u64 {
        self.team.rows.word(&self.progress, rank, index)
    }

    /// Elements of `T` that fit an outbox, at least one.
    pub(crate) fn capacity<T: Plain>(&self) -> usize {
        let capacity = self.team.rows.capacity(&self.progress) / size_of::<T>().max(1);
        assert!(capacity > 0, "an element of {} bytes is too large for a collective", size_of::<T>());
        capacity
    }

    /// Writes elements from number `index` on into this member's outbox for the next meeting.
    #[inline]
    pub(crate) fn post<T: Plain>(&mut self, index: usize, data: &[T]) {
        assert!(index + data.len() <= self.capacity::<T>(), "a piece larger than the outbox");
        let outbox = self.team.rows.my_outbox(&self.progress).wrapping_add(index * size_of::<T>());
        // SAFETY: inside the outbox, which nobody reads before this member enters the next meeting.
        unsafe { copy::copy(outbox, data.as_ptr().cast(), size_of_val(data)) }
    }

    /// The elements that `rank` posted, from number `index` on: `count` of them are readable until this member enters the next meeting.
    #[inline]
    pub(crate) fn posted<T: Plain>(&self, rank: usize, index: usize, count: usize) -> *const T {
        assert!(index + count <= self.capacity::<T>(), "a piece larger than the outbox");
        self.team.rows.bytes(&self.progress, rank).cast::<T>().wrapping_add(index)
    }

    /// Copies what `rank` posted from number `index` on to `dst`.
    #[inline]
    pub(crate) fn fetch<T: Plain>(&self, rank: usize, index: usize, dst: &mut [T]) -> Result<()> {
        let (src, len) = (self.posted::<T>(rank, index, dst.len()), size_of_val(dst));
        plain::fill(self.call.op.name(), dst, |bytes| {
            // SAFETY: `posted` promises the elements; the destination is a slice of our own.
            unsafe { copy::copy(bytes, src.cast(), len) };
            Ok(())
        })
    }

    /// Appends `count` elements that `rank` posted from number `index` on.
    pub(crate) fn append<T: Plain>(
        &self,
        rank: usize,
        index: usize,
        count: usize,
        to: &mut Vec<T>,
    ) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        // SAFETY: at least one element is there.
        let first = unsafe { plain::read(self.call.op.name(), self.posted::<T>(rank, index, count).cast()) }?;
        let start = to.len();
        to.resize(start + count, first);
        self.fetch(rank, index + 1, &mut to[start + 1..])
    }

    /// Makes outboxes large if `len` bytes don't fit the small ones. Called with the same `len` by all, with the signature of the
    /// call, whose first meeting this may be. Without memory for that the small ones go on serving.
    pub(crate) fn make_room(&mut self, len: usize, signature: Signature) -> Result<()> {
        if len <= self.capacity::<u8>() || self.progress.has_large() {
            return Ok(());
        }
        let heap = &self.team.world.heap;
        let block = heap.allocate(2 * LARGE_HALF, 64).ok();
        let word = block.map_or(0, |block| block.offset as u64 + 1);
        let met = self.meet(signature, &[word]);
        let words: Vec<u64> = (0..self.size()).map(|rank| self.word(rank, 0)).collect();
        if met.is_err() || words.contains(&0) {
            if let Some(block) = block {
                heap.free(block.offset);
            }
            return met;
        }
        let base = |(rank, word): (usize, &u64)| {
            let address = heap.address(self.team.members[rank], *word as usize - 1);
            NonNull::new(address).expect("the heap is not at address zero")
        };
        let bases = words.iter().enumerate().map(base).collect();
        self.progress.set_large(Large { half_len: LARGE_HALF, bases });
        self.team.large.store(word, Ordering::Relaxed);
        Ok(())
    }

    /// A slot for a segment that is about to be allocated, at rank 0; the others learn it in the meeting.
    pub(crate) fn take_slot(&self) -> usize {
        if self.rank() == 0 { self.team.retired.take_slot() } else { NO_SLOT }
    }

    /// Nobody uses a slot any more. At rank 0 it can be had again.
    pub(crate) fn return_slot(&self, slot: usize) {
        if self.rank() == 0 {
            self.team.retired.return_slot(slot);
        }
    }

    /// Which segments this member has handles to.
    pub(crate) fn my_live(&self) -> &Live {
        self.team.rows.live(self.rank())
    }

    /// Counts a full synchronisation, and gives back what was retired before it.
    #[inline]
    pub(crate) fn complete(&mut self) {
        let epoch = self.team.epoch.load(Ordering::Relaxed) + 1;
        self.team.epoch.store(epoch, Ordering::Relaxed);
        let Inner { rows, retired, entered, world, .. } = self.team;
        let is_live = |slot| (0..rows.size()).any(|rank| rows.live(rank).is_set(slot));
        for block in retired.take(entered.load(Ordering::Relaxed), is_live) {
            world.heap.free(block.offset);
            self.return_slot(block.slot);
        }
    }
}
