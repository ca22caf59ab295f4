//! A collective call in progress: the right to meet the other members, and typed access to the outboxes.
//!
//! Invariant: while a session lives, its thread is the only one of this process inside the team's protocol.

use crate::call::Call;
use crate::control::{Outboxes, Progress, ROW_LEN, Signature};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::mirror::{Mirror, mirror_len};
use crate::plain::{self, Plain};
use crate::retired::{Live, NO_SLOT};
use crate::team::{Inner, Joint, Origin, Team, Tiers};
use crate::transport::{Remote, Token};
use crate::world::alive;
use shm::copy;
use std::mem::MaybeUninit;
use std::ops::Range;
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
        if let Some(mirror) = team.rows.mirror() {
            settle(team, mirror)?;
        }
        team.entered.fetch_add(1, Ordering::Relaxed);
        Ok(Session { team, progress, call })
    }
}

/// Clears the bits of segments dropped since the last call, once nothing is on its way to them.
fn settle(team: &Inner, mirror: &Mirror) -> Result<()> {
    let fading = team.retired.take_fading();
    if fading.is_empty() {
        return Ok(());
    }
    if let Err(error) = team.world.transport.fence_all() {
        fading.into_iter().for_each(|slot| team.retired.fade(slot));
        return Err(error);
    }
    for slot in fading {
        team.rows.my_live().clear(slot);
        mirror.dropped(slot);
    }
    Ok(())
}

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

impl<'a> Session<'a> {
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
        let Inner { world, id, rows, .. } = self.team;
        rows.meet(world, *id, &mut self.progress, self.call, signature, words)
    }

    pub(crate) fn word(&self, rank: usize, index: usize) -> u64 {
        self.team.rows.word(&self.progress, rank, index)
    }

    /// How the team is spread over nodes, if it is.
    pub(crate) fn spread(&self) -> Option<&Layout> {
        self.team.rows.mirror().map(Mirror::spread)
    }

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
        let outbox = self.team.rows.my_outbox(&self.progress).wrapping_add(index * size_of::<T>());
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
        plain::fill(self.call.op.name(), dst, |bytes| {
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
            unsafe { plain::lengthen(self.call.op.name(), to, wanted(rank).1) }?;
        }
        Ok(())
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
            self.team.world.reach(Remote { rank: self.team.members[rank], offset: *word as usize - 1 })
        };
        let bases = words.iter().enumerate().map(base).collect();
        self.progress.set_large(Outboxes { half_len: LARGE_HALF, bases });
        self.team.large.store(word, Ordering::Relaxed);
        Ok(())
    }

    /// Meets with three words, and offers the others a zeroed block of `len` bytes (none if 0) for control memory; returns where
    /// it begins. Without memory on any member it is an error on all, and the blocks given as `besides` are freed, too.
    pub(crate) fn offer(
        &mut self,
        signature: Signature,
        words: [u64; 3],
        len: usize,
        besides: Option<usize>,
    ) -> Result<Option<usize>> {
        const NO_MEMORY: u64 = u64::MAX;
        let heap = &self.team.world.heap;
        let (block, word) = match len {
            0 => (None, 0),
            _ => match heap.allocate_zeroed(len, 64) {
                Ok(block) => (Some(block.offset), block.offset as u64 + 1),
                Err(_) => (None, NO_MEMORY),
            },
        };
        let met = self.meet(signature, &[words[0], words[1], words[2], word]);
        let bad = (0..self.size()).find(|rank| self.word(*rank, 3) == NO_MEMORY);
        if met.is_ok() && bad.is_none() {
            return Ok(block);
        }
        block.into_iter().chain(besides).for_each(|block| heap.free(block));
        met?;
        let message = format!("no {len} bytes for the control memory of a team");
        Err(Error::at(ErrorKind::Memory, self.call.op.name(), bad.unwrap_or(0), message))
    }

    /// Where the block begins that `rank` offered; anything if it offered none.
    pub(crate) fn offered(&self, rank: usize) -> usize {
        (self.word(rank, 3) as usize).wrapping_sub(1)
    }

    /// The parts of this team that large collectives are made of, if it has members on several nodes, several of them on some, and memory
    /// for that. A first meeting of the call takes place.
    pub(crate) fn tiers(&mut self, signature: Signature) -> Result<Option<&'a Tiers>> {
        let team = self.team;
        let Some(mirror) = team.rows.mirror().filter(|mirror| mirror.has_company()) else { return Ok(None) };
        if let Some(tiers) = team.tiers.get() {
            return self.meet(signature, &[]).map(|()| tiers.as_ref());
        }
        let made = match self.make_tiers(signature, mirror) {
            Ok(tiers) => Some(tiers),
            // On all members alike.
            Err(error) if error.kind() == ErrorKind::Memory => None,
            Err(error) => return Err(error),
        };
        Ok(team.tiers.get_or_init(|| made).as_ref())
    }

    fn make_tiers(&mut self, signature: Signature, mirror: &Mirror) -> Result<Tiers> {
        let Inner { world, id, members, origin, .. } = self.team;
        let (spread, rank) = (mirror.spread(), self.rank());
        let nodes = spread.nodes();
        let is_leader = mirror.is_leader();
        // A row in the node's team, then a leader's row and mirror among the leaders.
        let len = ROW_LEN + if is_leader { ROW_LEN + mirror_len(nodes, nodes) } else { 0 };
        let block = self.offer(signature, [0; 3], len, None)?;
        let joint = |rank: usize, at: usize| {
            let offset = self.offered(rank) + at;
            Joint { row: Remote { rank: members[rank], offset }, mirror: offset + ROW_LEN, name: rank }
        };
        let near: Vec<Joint> = spread.my_node().map(|rank| joint(rank, 0)).collect();
        let leader = |node| spread.members(node).next().expect("a node has members");
        let leaders: Vec<Joint> = (0..nodes).map(|node| joint(leader(node), ROW_LEN)).collect();
        let origin = |block| {
            let of_team = origin.clone()?;
            Some(Origin { blocks: [block, None], is_part: true, ..of_team })
        };
        // SAFETY: zeroed blocks just offered; they are freed with those of this team.
        unsafe {
            Ok(Tiers {
                node: Team::join(world, *id, spread.index(rank), &near, origin(block)),
                leaders: is_leader.then(|| Team::join(world, *id, spread.node(rank), &leaders, origin(None))),
            })
        }
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
        self.team.rows.my_live()
    }

    /// All members have got a handle to the segment of this slot.
    pub(crate) fn allocated(&self, slot: usize) {
        self.my_live().set(slot);
        if let Some(mirror) = self.team.rows.mirror() {
            mirror.allocated(slot);
        }
    }

    /// All members have freed the segment of this slot.
    pub(crate) fn freed(&self, slot: usize) {
        if let Some(mirror) = self.team.rows.mirror() {
            mirror.freed(slot);
        }
        self.return_slot(slot);
    }

    /// Counts a full synchronisation, and gives back what was retired before it.
    #[inline]
    pub(crate) fn complete(&mut self) {
        let epoch = self.team.epoch.load(Ordering::Relaxed) + 1;
        self.team.epoch.store(epoch, Ordering::Relaxed);
        let Inner { rows, retired, entered, world, .. } = self.team;
        let is_live_elsewhere = |slot| rows.mirror().is_some_and(|mirror| mirror.is_live_elsewhere(slot));
        let is_live = |slot| rows.is_live_here(slot) || is_live_elsewhere(slot);
        for retiree in retired.take(entered.load(Ordering::Relaxed), is_live) {
            if let Some(block) = retiree.block {
                world.heap.free(block);
            }
            if retiree.has_slot {
                self.return_slot(retiree.slot);
            }
        }
    }
}
