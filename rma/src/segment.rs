//! Segments: memory of every member of a team that every member may reach.
//!
//! Invariant: `parts` describes live blocks of the members' arenas as long as the segment isn't freed, and every address
//! an operation uses has been checked against them. Blocks go back to the arenas after a meeting of all members.

use crate::call::{Call, OpCode};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::{Event, Kind, Path};
use crate::series::Series;
use crate::shared::{Shared, no_such_rank};
use crate::signature::Signature;
use crate::spot::Spot;
use crate::team::Team;
use crate::transport::{Remote, Transport};
use shm::accumulate::Target;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering, fence};

/// Memory of a team: a part of its own length at every member. Clones are handles to the same memory.
///
/// Dropping the last handle is not collective; this rank's part goes back to its arena with a later full synchronisation of
/// the team, once every other rank has dropped its handles, too. [`Segment::free`] frees at once.
#[derive(Clone)]
pub struct Segment(Arc<Inner>);

/// What may be done with a segment.
mod state {
    /// Everything.
    pub(super) const GOOD: u8 = 0;
    /// Nothing; another handle has freed it, and the last one to be dropped gives the memory back.
    pub(super) const STALE: u8 = 1;
    /// Nothing; this process has given its memory back, or never will.
    pub(super) const GONE: u8 = 2;
}

pub(crate) struct Inner {
    parts: Parts,
    /// One of [`state`].
    state: AtomicU8,
    /// See [`crate::retired`].
    slot: usize,
    team: Team,
}

/// What new memory holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Contents {
    Any,
    Zero,
    /// There is no memory yet.
    None,
}

/// One member's memory.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// Where it is mapped here; null if it isn't.
    base: *mut u8,
    len: usize,
    /// The owner's number in its node's heap.
    index: u32,
    /// The owner's world rank, and where the part begins in its arena.
    place: Remote,
}

/// All members' memory: of consecutive members on this node a table, of others what follows from where their arenas have it. Where
/// this node's members are not consecutive all are in the table.
struct Parts {
    near: Box<[Part]>,
    /// The member of the first part in the table.
    first: usize,
    /// Lengths and offsets of all members, if there are others.
    far: Option<(Series, Series)>,
}

impl Parts {
    fn new(team: &Team, len: impl Fn(usize) -> usize, offset: impl Fn(usize) -> usize) -> Parts {
        let size = team.size();
        let world = team.shared();
        let is_near = |rank: &usize| world.layout.local(team.world_rank(*rank)).is_some();
        let first = (0..size).find(is_near).unwrap_or(0);
        let end = (first..size).find(|rank| !is_near(rank)).unwrap_or(size);
        let range = if (end..size).any(|rank| is_near(&rank)) { 0..size } else { first..end };
        let part = |rank: usize| Part::new(team, rank, len(rank), offset(rank));
        let far = (range.len() < size)
            .then(|| (Series::new((0..size).map(&len)), Series::new((0..size).map(&offset))));
        Parts { first: range.start, near: range.map(part).collect(), far }
    }

    /// The part of a member, if there is such a one.
    #[inline(always)]
    fn get(&self, team: &Team, rank: usize) -> Option<Part> {
        match self.near.get(rank.wrapping_sub(self.first)) {
            Some(part) => Some(*part),
            None => self.far(team, rank),
        }
    }

    #[inline(never)]
    fn far(&self, team: &Team, rank: usize) -> Option<Part> {
        let (lens, offsets) = self.far.as_ref().filter(|(lens, _)| rank < lens.len())?;
        Some(Part::new(team, rank, lens.get(rank), offsets.get(rank)))
    }
}

impl Part {
    fn new(team: &Team, rank: usize, len: usize, offset: usize) -> Part {
        let world = team.shared();
        let place = Remote { rank: team.world_rank(rank), offset };
        let base = world.transport.mapped(place).map_or(std::ptr::null_mut(), NonNull::as_ptr);
        Part { base, len, index: world.layout.index(place.rank) as u32, place }
    }
}

// SAFETY: `base` leads into the node heap, which all threads may use and which stays mapped for the life of the process.
unsafe impl Send for Part {}
// SAFETY: as above.
unsafe impl Sync for Part {}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lens = (0..self.0.team.size()).map(|rank| self.len_bytes(rank));
        f.debug_list().entries(lens).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if *self.state.get_mut() != state::GONE {
            let mine = self.parts.near[self.team.rank() - self.parts.first];
            self.team.retire(mine.place.offset, self.slot);
        }
    }
}

impl Segment {
    /// Allocates `len_bytes` at this rank; every member says its own length, zero included. Contents are arbitrary.
    ///
    /// Collective over `team`, a full synchronisation; on return every member may access all parts. Parts begin at multiples of
    /// 64 bytes. No system call in steady state. Stands for `ARMCI_Malloc_group`, `MPI_Win_allocate`.
    /// Errors: `Memory` on every member if one has none left; `Mismatch`, `Died`, `Finalized`.
    #[track_caller]
    pub fn allocate(team: &Team, len_bytes: usize) -> Result<Segment> {
        Segment::allocate_as(Call::new(OpCode::Allocate), team, len_bytes, Contents::Any, u64::MAX)
    }

    /// [`Segment::allocate`] of room without memory: a member may use of its part, and let others use, what it has
    /// [committed](Segment::commit). Errors as there, but memory is found wanting only later.
    #[track_caller]
    pub fn reserve(team: &Team, len_bytes: usize) -> Result<Segment> {
        Segment::allocate_as(Call::new(OpCode::Allocate), team, len_bytes, Contents::None, u64::MAX)
    }

    /// Gives memory to `len_bytes` from `offset` on of this rank's part of a [reserved](Segment::reserve) segment, until that is freed.
    /// Contents are arbitrary; what has memory already keeps it.
    ///
    /// Not collective. Errors: `Memory`, then nothing has changed; `Range`, `Foreign`, `Finalized`.
    pub fn commit(&self, offset: usize, len_bytes: usize) -> Result<()> {
        let rank = self.0.team.rank();
        let start = self.spot("commit", rank, offset, len_bytes)?.place.offset;
        let failed =
            |error: shm::OutOfMemory| Error::at(ErrorKind::Memory, "commit", rank, error.to_string());
        self.shared().heap.commit(start, len_bytes).map_err(failed)
    }

    /// [`Segment::allocate`] by a member that may take `most_bytes` at most, whatever the node has; members may differ.
    #[track_caller]
    pub fn allocate_within(team: &Team, len_bytes: usize, most_bytes: u64) -> Result<Segment> {
        Segment::allocate_as(Call::new(OpCode::Allocate), team, len_bytes, Contents::Any, most_bytes)
    }

    /// [`Segment::allocate`] with every byte zero.
    #[track_caller]
    pub fn allocate_zeroed(team: &Team, len_bytes: usize) -> Result<Segment> {
        Segment::allocate_as(Call::new(OpCode::Allocate), team, len_bytes, Contents::Zero, u64::MAX)
    }

    /// [`Segment::allocate_within`] with every byte zero.
    #[track_caller]
    pub fn allocate_zeroed_within(team: &Team, len_bytes: usize, most_bytes: u64) -> Result<Segment> {
        Segment::allocate_as(Call::new(OpCode::Allocate), team, len_bytes, Contents::Zero, most_bytes)
    }

    pub(crate) fn allocate_as(
        call: Call,
        team: &Team,
        len_bytes: usize,
        contents: Contents,
        most_bytes: u64,
    ) -> Result<Segment> {
        let mut session = team.session(call)?;
        let world = team.shared();
        let asked = len_bytes.max(1);
        // Of a member that may not, the limit is 0, which no heap has.
        let block = match contents {
            _ if len_bytes as u64 > most_bytes => Err((most_bytes, 0)),
            Contents::Zero => world.heap.allocate_zeroed(asked, 64).map_err(|e| (e.free, e.limit)),
            Contents::Any => world.heap.allocate(asked, 64).map_err(|e| (e.free, e.limit)),
            Contents::None => world.heap.reserve(asked).map_err(|e| (e.free, e.limit)),
        };
        let slot = session.take_slot();
        let words = match block {
            Ok(block) => [block.offset as u64, len_bytes as u64, 0, slot as u64, 0],
            Err((free, limit)) => [0, len_bytes as u64, 1, free, limit],
        };
        let met = session.meet(Signature::new(call.op), &words);
        let bad = (0..team.size()).find(|rank| session.word(*rank, 2) != 0);
        if met.is_err() || bad.is_some() {
            if let Ok(block) = block {
                world.heap.free(block.offset);
            }
            session.return_slot(slot);
            met?;
            let rank = bad.unwrap_or(0);
            let [asked, free, limit] = [1, 3, 4].map(|index| session.word(rank, index));
            let message = match limit {
                0 => format!("asked for {asked} bytes, of which it may take {free}"),
                _ => format!("asked for {asked} bytes, {free} free of the node heap's {limit}"),
            };
            return Err(Error::at(ErrorKind::Memory, call.op.name(), rank, message));
        }
        let (len, offset) = (|rank| session.word(rank, 1) as usize, |rank| session.word(rank, 0) as usize);
        let parts = Parts::new(team, len, offset);
        let slot = session.word(0, 3) as usize;
        session.make_bits(Signature::new(call.op), slot).inspect_err(|_| {
            block.iter().for_each(|block| world.heap.free(block.offset));
        })?;
        session.allocated(slot);
        session.complete();
        drop(session);
        Ok(Segment(Arc::new(Inner { parts, state: AtomicU8::new(state::GOOD), slot, team: team.clone() })))
    }

    /// Frees the memory. Other handles to it turn stale: using them is an error of kind `Foreign`. Where a member has any, their thread may be
    /// using the memory this very moment; it then goes back as if all had dropped the segment now.
    ///
    /// Collective over the segment's team, a full synchronisation. Stands for `ARMCI_Free_group`, `MPI_Win_free`.
    /// Errors: `Foreign` (freed already), `Mismatch`, `Died`, `Finalized`; the memory is freed unless a rank died.
    #[track_caller]
    pub fn free(self) -> Result<()> {
        let call = Call::new(OpCode::Free);
        let team = &self.0.team;
        let mut session = team.session(call)?;
        let stale =
            self.0.state.compare_exchange(state::GOOD, state::STALE, Ordering::Relaxed, Ordering::Relaxed);
        if stale.is_err() {
            return Err(Error::new(ErrorKind::Foreign, call.op.name(), "the segment has been freed already"));
        }
        if team.shared().is_wide() {
            // Nothing of this process is on its way to memory that is about to be free.
            team.shared().transport.fence_all()?;
        }
        let slot = self.0.slot;
        // Of the last handle no other is made; what was done through those dropped before comes first.
        let has_others = Arc::strong_count(&self.0) > 1;
        fence(Ordering::Acquire);
        if !has_others {
            session.clear_live(slot);
        }
        // The slot tells segments apart: all must free the same.
        let met = session.meet(Signature::new(call.op).count(slot), &[has_others.into()]);
        let is_kept = met.is_ok() && (0..session.size()).any(|rank| session.word(rank, 0) != 0);
        if (met.is_err() || is_kept) && !has_others {
            session.set_live(slot);
        }
        if met.is_err() {
            self.0.state.store(state::GOOD, Ordering::Relaxed);
            return met;
        }
        if !is_kept {
            self.0.state.store(state::GONE, Ordering::Relaxed);
            session.freed(slot);
            team.shared().heap.free(self.part(team.rank()).place.offset);
        }
        session.complete();
        Ok(())
    }

    /// From now on every use of the segment by this process is an error of kind `Foreign`, through whatever handle, and this rank's part of
    /// the memory is never given back: for who can't know that the others have stopped using it.
    ///
    /// Not collective.
    pub fn abandon(&self) {
        self.0.state.store(state::GONE, Ordering::Relaxed);
    }

    /// [`Team::sync`] of its team, whose members are all to sync the same segment.
    ///
    /// Collective over the segment's team. Stands for `GA_Pgroup_sync` before and after an operation on an array. Errors as there;
    /// `Mismatch` also where members name different segments.
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.sync_for("")
    }

    /// [`Segment::sync`] before or after an operation that has a name: small letters, digits and `_`, of which the first nine
    /// must be the same on all members.
    ///
    /// Collective over the segment's team. Errors as there; `Mismatch` also where members name different operations.
    #[inline]
    #[track_caller]
    pub fn sync_for(&self, operation: &str) -> Result<()> {
        if !self.is_good() {
            let (call, message) = (Call::new(OpCode::Sync), "the segment has been freed or given up");
            let error = Error::new(ErrorKind::Foreign, call.op.name(), message);
            return Err(self.0.team.refuse(call, Signature::new(call.op), error));
        }
        // The slot tells segments apart; 0 stands for none.
        self.0.team.sync_over(self.0.slot + 1, operation)
    }

    /// The team it belongs to. Not collective.
    pub fn team(&self) -> &Team {
        &self.0.team
    }

    /// Whether two handles mean the same memory.
    #[inline]
    pub(crate) fn is_same(&self, other: &Segment) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Length of `rank`'s part. Panics when there is no such rank. Not collective.
    #[inline]
    pub fn len_bytes(&self, rank: usize) -> usize {
        self.part(rank).len
    }

    /// Where `rank`'s part is mapped in this process, if it is (it is on the same node). Panics when there is no such rank.
    ///
    /// Not collective. Stands for `MPI_Win_shared_query`, `NGA_Access`. The pointer is good until the segment is freed (there is none
    /// any more then) or dropped; other ranks may write there at any time, so no reference to it may be made without a protocol that says they don't.
    #[inline]
    pub fn mapped(&self, rank: usize) -> Option<NonNull<u8>> {
        NonNull::new(self.part(rank).base).filter(|_| self.is_good())
    }

    #[inline]
    fn is_good(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == state::GOOD
    }

    #[inline]
    fn part(&self, rank: usize) -> Part {
        self.0.parts.get(&self.0.team, rank).expect("a rank of the segment's team")
    }

    /// Where `rank`'s part begins in its owner's arena. Panics when there is no such rank. Not collective.
    pub fn arena_offset(&self, rank: usize) -> usize {
        self.part(rank).place.offset
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.0.team.shared()
    }

    /// Where accumulates to a place of `rank`'s part go; for ranks of this node.
    #[inline]
    pub(crate) fn target(&self, rank: usize, spot: Spot) -> Target<'_> {
        let index = self.part(rank).index as usize;
        Target { heap: &self.shared().heap, rank: index, offset: spot.place.offset }
    }

    #[inline]
    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.shared().transport
    }

    /// Checks that `len` bytes from `offset` on are inside `rank`'s part of a living segment.
    #[inline]
    pub(crate) fn spot(&self, op: &'static str, rank: usize, offset: usize, len: usize) -> Result<Spot> {
        self.shared().alive(op)?;
        self.within(op, rank, offset, len)
    }

    /// [`Segment::spot`] for operations that `call` of `world.rs` runs, which has asked for the world.
    #[inline(always)]
    pub(crate) fn within(&self, op: &'static str, rank: usize, offset: usize, len: usize) -> Result<Spot> {
        let inner = &*self.0;
        match inner.parts.get(&inner.team, rank) {
            Some(part) if offset <= part.len && len <= part.len - offset && self.is_good() => {
                Ok(Spot { mapped: part.base, place: part.place }.plus(offset))
            }
            _ => Err(self.refuse(op, rank, offset, len)),
        }
    }

    /// An operation upon `rank`, for observers.
    #[cold]
    pub(crate) fn event(&self, op: OpCode, rank: usize, bytes: usize) -> Event {
        let part = self.0.parts.get(&self.0.team, rank);
        let path = match part {
            None => Path::None,
            Some(part) if part.base.is_null() => Path::Messages,
            Some(_) => Path::Shared,
        };
        let peer = part.map(|part| part.place.rank);
        Event { peer, bytes, path, ..Event::new(op, Kind::Operation) }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, op: &'static str, rank: usize, offset: usize, len: usize) -> Error {
        let Some(part) = self.0.parts.get(&self.0.team, rank) else {
            return no_such_rank(op, rank, self.0.team.size());
        };
        if !self.is_good() {
            return Error::at(ErrorKind::Foreign, op, rank, "the segment has been freed or given up");
        }
        let message = format!("{len} bytes at offset {offset} reach beyond the part's {} bytes", part.len);
        Error::at(ErrorKind::Range, op, rank, message)
    }
}
