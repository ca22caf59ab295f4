//! The outboxes of a collective call: typed access to the bytes that members post for one another.
//!
//! What members of this node posted is read where it lies; what members elsewhere posted is fetched by gets, all of them started before
//! any is waited for. Invariant: no get outlives the call that started it.

use crate::error::Result;
use crate::plain::{self, Plain};
use crate::session::Session;
use crate::transport::Token;
use shm::copy;
use std::mem::MaybeUninit;
use std::ops::Range;

/// A stretch of a member's outbox and where it is wanted.
pub(crate) struct Piece {
    pub(crate) rank: usize,
    /// Bytes from the beginning of the outbox.
    pub(crate) start: usize,
    pub(crate) dst: *mut u8,
    pub(crate) len: usize,
}

/// Copies of what members elsewhere posted.
pub(crate) struct Far<T> {
    scratch: Vec<MaybeUninit<T>>,
    /// For each rank where its copy begins, if it has one.
    starts: Vec<Option<usize>>,
}

impl Session<'_> {
    /// Elements of `T` that fit an outbox, at least one.
    pub(crate) fn capacity<T: Plain>(&self) -> usize {
        let capacity = self.progress.capacity() / size_of::<T>().max(1);
        assert!(capacity > 0, "an element of {} bytes is too large for a collective", size_of::<T>());
        capacity
    }

    /// Writes elements from number `index` on into this member's outbox for the next meeting.
    #[inline]
    pub(crate) fn post<T: Plain>(&mut self, index: usize, data: &[T]) {
        assert!(index + data.len() <= self.capacity::<T>(), "a piece larger than the outbox");
        let outbox = self.team.control.my_outbox(&self.progress).wrapping_add(index * size_of::<T>());
        // SAFETY: inside the outbox, which nobody reads before this member enters the next meeting.
        unsafe { copy::copy(outbox, data.as_ptr().cast(), size_of_val(data)) }
    }

    /// The `count` elements that `rank` posted, from number `index` on; `far` has them if `rank` is on another node. They are readable
    /// until this member enters the next meeting.
    #[inline]
    pub(crate) fn posted<T: Plain>(&self, far: &Far<T>, rank: usize, index: usize, count: usize) -> *const T {
        assert!(index + count <= self.capacity::<T>(), "a piece larger than the outbox");
        let copied = far.starts.get(rank).copied().flatten();
        match copied {
            Some(start) => far.scratch.as_ptr().wrapping_add(start).cast(),
            None => self.progress.posted(rank).mapped.cast_const().cast::<T>().wrapping_add(index),
        }
    }

    /// Fetches what those of `ranks` that are on other nodes posted: `count` elements from number `index` on.
    #[inline]
    pub(crate) fn far<T: Plain>(&self, ranks: Range<usize>, index: usize, count: usize) -> Result<Far<T>> {
        let mut far = Far { scratch: Vec::new(), starts: Vec::new() };
        if self.spread().is_none() {
            return Ok(far);
        }
        far.starts.resize(ranks.end, None);
        let mut copies = 0;
        for rank in ranks.filter(|rank| self.progress.posted(*rank).mapped.is_null()) {
            far.starts[rank] = Some(copies * count);
            copies += 1;
        }
        far.scratch.reserve_exact(copies * count);
        let base = far.scratch.as_mut_ptr();
        let pieces = far.starts.iter().enumerate().filter_map(|(rank, start)| {
            let dst = base.wrapping_add((*start)?).cast();
            Some(Piece { rank, start: index * size_of::<T>(), dst, len: count * size_of::<T>() })
        });
        // SAFETY: room for as many copies is reserved; each has its own.
        unsafe { self.bring(pieces) }?;
        Ok(far)
    }

    /// Copies pieces of what members posted in the last meeting; returns when all are there.
    ///
    /// # Safety
    /// Each destination is writable for the piece's length and nobody else's.
    pub(crate) unsafe fn bring(&self, pieces: impl Iterator<Item = Piece>) -> Result<()> {
        let transport = &self.team.world.transport;
        let (mut started, mut outcome) = (Vec::new(), Ok(()));
        for Piece { rank, start, dst, len } in pieces {
            let capacity = self.progress.capacity();
            assert!(start <= capacity && len <= capacity - start, "a piece larger than the outbox");
            let src = self.progress.posted(rank).plus(start);
            if !src.mapped.is_null() {
                // SAFETY: the member posted as much; the destination is the caller's promise.
                unsafe { copy::copy(dst, src.mapped, len) };
                continue;
            }
            // SAFETY: as above, until the wait below.
            match unsafe { transport.get(src.place, dst, len) } {
                Ok(Token::DONE) => {}
                Ok(token) => started.push(token),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        started.into_iter().fold(outcome, |outcome, token| outcome.and(transport.wait(token)))
    }

    /// Fills ranges of `dst`, given as `(rank, index, range)`, with what the ranks posted from number `index` on.
    #[inline]
    pub(crate) fn fetch<T: Plain>(
        &self,
        dst: &mut [T],
        ranges: impl Iterator<Item = (usize, usize, Range<usize>)>,
    ) -> Result<()> {
        let (len, size) = (dst.len(), size_of::<T>());
        plain::fill(self.call().op.name(), dst, |bytes| {
            let pieces = ranges.map(|(rank, index, range)| {
                assert!(range.start <= range.end && range.end <= len, "a range outside the slice");
                let dst = bytes.wrapping_add(range.start * size);
                Piece { rank, start: index * size, dst, len: range.len() * size }
            });
            // SAFETY: inside a slice of our own; callers give disjoint ranges, and equal bytes in any order would do no harm.
            unsafe { self.bring(pieces) }
        })
    }

    /// Appends to each member's vector what it posted: elements `(index, count)` as `wanted(rank)` says.
    pub(crate) fn append<T: Plain>(
        &self,
        to: &mut [Vec<T>],
        wanted: impl Fn(usize) -> (usize, usize),
    ) -> Result<()> {
        for (rank, to) in to.iter_mut().enumerate() {
            to.reserve(wanted(rank).1);
        }
        let pieces = to.iter_mut().enumerate().filter(|(rank, _)| wanted(*rank).1 > 0).map(|(rank, to)| {
            let (index, count) = wanted(rank);
            let dst = to.spare_capacity_mut().as_mut_ptr().cast();
            Piece { rank, start: index * size_of::<T>(), dst, len: count * size_of::<T>() }
        });
        // SAFETY: each piece goes to the spare room of a vector of its own, which was reserved.
        unsafe { self.bring(pieces) }?;
        for (rank, to) in to.iter_mut().enumerate() {
            // SAFETY: as many elements' bytes were just written.
            unsafe { plain::lengthen(self.call().op.name(), to, wanted(rank).1) }?;
        }
        Ok(())
    }
}
