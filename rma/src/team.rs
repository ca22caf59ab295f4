//! Teams: a set of ranks with an order, and what each member needs to meet the others.
//!
//! Invariant: one thread of a process at a time is inside a collective of a team (`inner` is a mutex), and members agree on the number of
//! meetings they had. What is freed by dropping goes back to the arena as [`crate::retired`] says.

use crate::bell::bells_len;
use crate::call::{Call, OpCode};
use crate::control::{Progress, ROW_LEN, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::founding::Departure;
use crate::mirror::{Mirror, mirror_len};
use crate::observe;
use crate::retired::Retired;
use crate::segment::Spot;
use crate::series::Series;
use crate::session::Session;
use crate::signature::Signature;
use crate::transport::Remote;
use crate::world::{Shared, no_such_rank};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Marks ids of the teams of a node.
const NODE_TEAM: u64 = 1 << 62;

/// An ordered set of ranks. Clones are handles to the same team.
#[derive(Clone)]
pub struct Team(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) world: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) rank: usize,
    pub(crate) members: Series,
    pub(crate) rows: Rows,
    pub(crate) progress: Mutex<Progress>,
    pub(crate) epoch: AtomicU64,
    /// What must be alike on all members when they meet next; see [`Team::pledge`].
    pub(crate) pledge: AtomicU64,
    /// Collective calls this process has entered.
    pub(crate) entered: AtomicU64,
    children: AtomicU64,
    /// Non-blocking collectives this process has begun.
    later: AtomicU64,
    pub(crate) retired: Retired,
    /// Where this member's row and mirror came from. Those of the world are never freed.
    pub(crate) origin: Option<Origin>,
    /// One more than the offset of this member's large outbox; 0 if there is none.
    pub(crate) large: AtomicU64,
    /// The parts that large collectives are made of; `None` inside if there was no memory for them.
    pub(crate) tiers: OnceLock<Option<Tiers>>,
}

/// Who looks after the memory that a team leaves.
#[derive(Clone)]
pub(crate) enum Home {
    /// The team it was split from, and that team's slot that stands for handles to this one.
    Parent(Team, usize),
    /// The members among themselves.
    Founded(Arc<Departure>),
}

/// Where a team's memory comes from and goes back to.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) home: Home,
    /// Where the team's blocks begin in the own arena.
    pub(crate) blocks: [Option<usize>; 2],
    /// Whether it is a part of another team, and lives as long as that.
    pub(crate) is_part: bool,
}

/// The parts of a team that spans nodes.
pub(crate) struct Tiers {
    /// The members of this node.
    pub(crate) node: Team,
    /// At a leader: the leaders, by node.
    pub(crate) leaders: Option<Team>,
}

/// What a member knows of another when a team is made.
pub(crate) struct Joint {
    /// World rank, and where its row is.
    pub(crate) row: Remote,
    /// Where its mirror is, if it is a leader in a team that spans nodes.
    pub(crate) mirror: usize,
    /// What people know it as: its rank, in the surrounding team if this one is a part of it.
    pub(crate) name: usize,
}

impl std::fmt::Debug for Team {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Team {}: rank {} of {}", self.0.id, self.0.rank, self.size())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(Origin { home, blocks, is_part }) = &self.origin else { return };
        let large = self.large.load(Ordering::Relaxed).checked_sub(1).map(|offset| offset as usize);
        let heap = &self.world.heap;
        let first = heap.address(heap.rank(), 0).addr();
        let pages = self.rows.my_pages().map(|page| page.addr().get() - first);
        let blocks = blocks.iter().copied().flatten();
        let blocks = self.retired.take_all().into_iter().chain(large).chain(pages).chain(blocks);
        let (parent, slot) = match home {
            Home::Founded(departure) => return departure.leave(blocks),
            Home::Parent(parent, slot) => (parent, *slot),
        };
        let entered = parent.0.entered.load(Ordering::Relaxed);
        if !is_part {
            parent.let_go(slot);
            parent.0.retired.put(entered, None, slot);
        }
        for block in blocks {
            parent.0.retired.put_part(entered, block, slot);
        }
    }
}

impl Team {
    /// The team of the ranks of this node; its rows are in the heap's root area, so nothing needs to be exchanged. In a world of
    /// one node this is the team of all ranks.
    pub(crate) fn of_node(world: &Arc<Shared>) -> Team {
        let (root, root_len) = world.heap.root_area();
        let ranks: Vec<usize> = world.layout.my_node().collect();
        let bells_len = bells_len(ranks.len());
        assert!(root_len >= bells_len + ranks.len() * ROW_LEN, "the heap's root area is too small");
        let row = |index: usize| NonNull::new(root.as_ptr().wrapping_add(bells_len + index * ROW_LEN));
        let me = world.layout.index(world.rank);
        let members = Series::new(ranks.iter().copied());
        // Mapped by all members, so nobody asks for the offsets.
        let (offsets, names) = (Series::new(ranks.iter().map(|_| 0)), Series::counting(ranks.len()));
        let in_rounds = |near| world.in_rounds(near);
        // SAFETY: the root area was just checked to hold all rows; it is zero at the start, page aligned, and mapped for the life of
        // the process.
        let rows = unsafe { Rows::new(members.clone(), offsets, row, me, names, None, in_rounds) };
        let id = if world.is_wide() { NODE_TEAM | world.layout.node(world.rank) as u64 } else { 0 };
        Team::new(world.clone(), id, me, members, rows, None)
    }

    /// A team of members of which this one is number `me`.
    ///
    /// # Safety
    /// Each member's row, and each leader's mirror, are zeroed blocks of their arenas, freed only after a later synchronisation
    /// of all members.
    pub(crate) unsafe fn join(
        world: &Arc<Shared>,
        id: u64,
        me: usize,
        joints: &[Joint],
        origin: Option<Origin>,
    ) -> Team {
        let members: Vec<usize> = joints.iter().map(|joint| joint.row.rank).collect();
        let spread = world.layout.among(&members, me);
        let mirror = (spread.nodes() > 1).then(|| {
            let leader = |node| &joints[spread.members(node).next().expect("a node has members")];
            let place = |node| Remote { rank: leader(node).row.rank, offset: leader(node).mirror };
            let places: Vec<Remote> = (0..spread.nodes()).map(place).collect();
            let base = world.reach(places[spread.node(me)]).mapped;
            let base = NonNull::new(base).expect("the leader's arena is mapped");
            // SAFETY: the caller's promise.
            unsafe { Mirror::new(spread, places.iter().copied(), base) }
        });
        let members = Series::new(members.iter().copied());
        let offsets = Series::new(joints.iter().map(|joint| joint.row.offset));
        let names = Series::new(joints.iter().map(|joint| joint.name));
        let row = |rank: usize| NonNull::new(world.reach(joints[rank].row).mapped);
        let in_rounds = |near| world.in_rounds(near);
        // SAFETY: the caller's promise; members of this node are mapped, and a mirror is there if there are others.
        let rows = unsafe { Rows::new(members.clone(), offsets, row, me, names, mirror, in_rounds) };
        Team::new(world.clone(), id, me, members, rows, origin)
    }

    fn new(
        world: Arc<Shared>,
        id: u64,
        rank: usize,
        members: Series,
        rows: Rows,
        origin: Option<Origin>,
    ) -> Team {
        Team(Arc::new(Inner {
            world,
            id,
            rank,
            members,
            origin,
            progress: Mutex::new(Progress::new(&rows)),
            rows,
            epoch: AtomicU64::new(0),
            pledge: AtomicU64::new(0),
            entered: AtomicU64::new(0),
            children: AtomicU64::new(0),
            later: AtomicU64::new(0),
            retired: Retired::default(),
            large: AtomicU64::new(0),
            tiers: OnceLock::new(),
        }))
    }

    /// This process's number in the team. Not collective.
    #[inline]
    pub fn rank(&self) -> usize {
        self.0.rank
    }

    /// Number of members. Not collective.
    #[inline]
    pub fn size(&self) -> usize {
        self.0.members.len()
    }

    /// World rank of a member. Panics when there is no such member. Not collective. Stands for `GA_Pgroup_absolute_id`.
    #[inline]
    pub fn world_rank(&self, rank: usize) -> usize {
        self.0.members.get(rank)
    }

    /// Number of full synchronisations of this team that have completed: `barrier`, `sync`, `allreduce` (and `_with`),
    /// `allgather`, `allgatherv`, `alltoall`, `alltoallv`, and the allocation and freeing of segments.
    ///
    /// The same on all members at the same place of the program: what was done before a synchronisation by any member
    /// is visible to all once the count has grown. Not collective.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Relaxed)
    }

    /// A word that has to be the same on all members whenever they meet from now on, at first 0: a digest of what they decided
    /// alike, say. It travels with the signatures of calls, so it costs nothing. Where members differ, their next collective is
    /// an error `Mismatch` on all of them, has no effect but that all have entered it, and may be called again.
    ///
    /// Not collective.
    #[inline]
    pub fn pledge(&self, word: u64) {
        self.0.pledge.store(word, Ordering::Relaxed);
    }

    /// Whether two handles mean the same team.
    #[inline]
    pub fn is_same(&self, other: &Team) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns when every member has entered. A full synchronisation.
    ///
    /// Collective. Puts to memory of the own node are visible to all members afterwards; across nodes use [`Team::sync`].
    /// Stands for `MPI_Barrier`. Errors: `Mismatch`, `Died`, `Finalized`.
    #[track_caller]
    pub fn barrier(&self) -> Result<()> {
        let call = Call::new(OpCode::Barrier);
        self.rendezvous(call, Signature::new(call.op))
    }

    /// Fence to all ranks, then barrier: whatever any member did before is visible to every member. A full synchronisation.
    ///
    /// Collective. Stands for `GA_Pgroup_sync`, `ARMCI_Barrier`. Errors as [`Team::barrier`].
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.sync_over(0, "")
    }

    /// [`Team::sync`] with a number and a purpose that are the same on all ranks.
    #[inline]
    #[track_caller]
    pub(crate) fn sync_over(&self, number: usize, purpose: &str) -> Result<()> {
        let call = Call::new(OpCode::Sync);
        self.0.world.alive("sync")?;
        self.0.world.transport.fence_all()?;
        self.rendezvous(call, Signature::new(call.op).purpose(purpose).count(number))
    }

    /// Returns when all operations of this process to member `rank` are remotely complete.
    ///
    /// Not collective. Stands for `ARMCI_Fence`, `MPI_Win_flush`. Errors: `Rank`, `Finalized`.
    pub fn fence(&self, rank: usize) -> Result<()> {
        self.0.world.alive("fence")?;
        if rank >= self.size() {
            return Err(no_such_rank("fence", rank, self.size()));
        }
        let _span = observe::span(|| self.0.world.fence_event(self.world_rank(rank)));
        self.0.world.transport.fence(self.world_rank(rank))
    }

    /// The last meeting. Each member says a word; whether all say the same, and not 0.
    #[track_caller]
    pub(crate) fn finalize(&self, word: u64) -> Result<bool> {
        let call = Call::new(OpCode::Finalize);
        let mut session = self.session(call)?;
        session.meet(Signature::new(call.op), &[word])?;
        let is_agreed = word != 0 && (0..self.size()).all(|rank| session.word(rank, 0) == word);
        session.complete();
        Ok(is_agreed)
    }

    fn rendezvous(&self, call: Call, signature: Signature) -> Result<()> {
        let mut session = self.session(call)?;
        session.meet(signature, &[])?;
        session.complete();
        Ok(())
    }

    /// New teams of the members that give the same `color`, ordered by `key`, then by rank here; `None` gives no team.
    ///
    /// Collective over this team. Stands for `MPI_Comm_split`, `GA_Pgroup_split`. Errors: `Memory`, `Mismatch`, `Died`, `Finalized`.
    #[track_caller]
    pub fn split(&self, color: Option<u32>, key: i64) -> Result<Option<Team>> {
        let call = Call::new(OpCode::Split);
        self.regroup(call, Signature::new(call.op), color, key)
    }

    /// The team of the listed ranks, in that order; `None` on members that aren't listed.
    ///
    /// Collective over this team, all with the same list. Stands for `MPI_Comm_create`, `GA_Pgroup_create`, `ARMCI_Group_create_child`.
    /// Errors: `Rank` (outside the team, or twice), `Mismatch` on every member when lists differ, else as [`Team::split`].
    #[track_caller]
    pub fn subset(&self, ranks: &[usize]) -> Result<Option<Team>> {
        let call = Call::new(OpCode::Subset);
        let signature = Signature::new(call.op).count(list_number(ranks));
        for (place, rank) in ranks.iter().enumerate() {
            if *rank >= self.size() {
                return Err(self.refuse(call, signature, no_such_rank("subset", *rank, self.size())));
            }
            if ranks[..place].contains(rank) {
                let error = Error::at(ErrorKind::Rank, "subset", *rank, "the rank is listed twice");
                return Err(self.refuse(call, signature, error));
            }
        }
        let place = ranks.iter().position(|rank| *rank == self.rank());
        self.regroup(call, signature, place.map(|_| 0), place.unwrap_or(0) as i64)
    }

    fn regroup(
        &self,
        call: Call,
        signature: Signature,
        color: Option<u32>,
        key: i64,
    ) -> Result<Option<Team>> {
        let mut session = self.session(call)?;
        let world = &self.0.world;
        let color_word = color.map_or(u64::MAX, u64::from);
        let slot = session.take_slot();
        let words = [color_word, key as u64, slot as u64];
        let len = color.map_or(0, |_| ROW_LEN);
        let row = session.offer(signature, words, len, None).inspect_err(|_| session.return_slot(slot))?;
        let slot = session.word(0, 2) as usize;
        let child = self.0.children.fetch_add(1, Ordering::Relaxed) + 1;
        let (color_of, node_of) =
            (|rank| session.word(rank, 0), |rank| world.layout.node(self.world_rank(rank)));
        let mut chosen: Vec<(i64, usize)> = (0..self.size())
            .filter(|rank| color.is_some() && color_of(*rank) == color_word)
            .map(|rank| (session.word(rank, 1) as i64, rank))
            .collect();
        chosen.sort_unstable();
        let offsets: Vec<usize> = chosen.iter().map(|(_, rank)| session.offered(*rank)).collect();
        // Whether any of the new teams spans nodes: all members come to the same answer.
        let mut homes = HashMap::new();
        let is_split = |rank| *homes.entry(color_of(rank)).or_insert(node_of(rank)) != node_of(rank);
        let spans = (0..self.size()).filter(|rank| color_of(*rank) != u64::MAX).any(is_split);
        let members: Vec<usize> = chosen.iter().map(|(_, rank)| self.world_rank(*rank)).collect();
        let place = chosen.iter().position(|(_, rank)| *rank == self.rank());
        let (mut mirror, mut mirrors) = (None, vec![0; chosen.len()]);
        if spans {
            let spread = world.layout.among(&members, place.unwrap_or(0));
            let is_leader = place.is_some_and(|place| spread.nodes() > 1 && spread.index(place) == 0);
            let len = if is_leader { mirror_len(spread.nodes(), members.len()) } else { 0 };
            let none = [u64::MAX, 0, slot as u64];
            let offered = session.offer(signature, none, len, row);
            mirror = offered.inspect_err(|_| session.return_slot(slot))?;
            mirrors = chosen.iter().map(|(_, rank)| session.offered(*rank)).collect();
        }
        session.make_bits(signature, slot).inspect_err(|_| {
            row.iter().chain(&mirror).for_each(|block| world.heap.free(*block));
        })?;
        session.allocated(slot);
        let Some(place) = place else {
            drop(session);
            self.let_go(slot);
            self.0.retired.put(self.0.entered.load(Ordering::Relaxed), None, slot);
            return Ok(None);
        };
        let joint = |name| {
            let row = Remote { rank: members[name], offset: offsets[name] };
            Joint { row, mirror: mirrors[name], name }
        };
        let joints: Vec<Joint> = (0..members.len()).map(joint).collect();
        let id = (self.0.id << 20) ^ (child << 12) ^ members[0] as u64;
        drop(session);
        let home = Home::Parent(self.clone(), slot);
        let origin = Origin { home, blocks: [row, mirror], is_part: false };
        // SAFETY: each member offered zeroed blocks, and frees them only when nobody has a handle to the team.
        Ok(Some(unsafe { Team::join(world, id, place, &joints, Some(origin)) }))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.world
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// A member's desk.
    pub(crate) fn desk(&self, rank: usize) -> Spot {
        self.0.rows.desk(rank)
    }

    /// What letters to a member call the team: a number that no other living team has there.
    pub(crate) fn key_at(&self, rank: usize) -> u64 {
        // The rows of the node's team are not in arenas.
        let is_of_node = self.0.origin.is_none() && self.0.rows.mirror().is_none();
        if is_of_node { 0 } else { self.desk(rank).place.offset as u64 }
    }

    /// The number of the next non-blocking collective; the same on all members, as they begin them in one order.
    pub(crate) fn next_later(&self) -> u64 {
        self.0.later.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives a segment's block of the own arena back once nobody has a handle of `slot`.
    pub(crate) fn retire(&self, block: usize, slot: usize) {
        self.let_go(slot);
        self.0.retired.put(self.0.entered.load(Ordering::Relaxed), Some(block), slot);
    }

    /// This process has no handle of a slot any more. Something is to be retired after this.
    fn let_go(&self, slot: usize) {
        match self.0.rows.mirror() {
            Some(_) => self.0.retired.fade(slot),
            None => self.0.rows.clear_live(slot),
        }
    }

    /// Begins a collective call.
    pub(crate) fn session(&self, call: Call) -> Result<Session<'_>> {
        Session::begin(&self.0, call)
    }

    /// Errors when `root` is no member, after telling the others.
    pub(crate) fn check_root(&self, call: Call, signature: Signature, root: usize) -> Result<()> {
        if root < self.size() {
            return Ok(());
        }
        Err(self.refuse(call, signature, no_such_rank(call.op.name(), root, self.size())))
    }

    /// What a collective whose arguments are wrong returns. Nobody is left waiting: the others meet a signature that no good
    /// call has, so theirs is a mismatch, or they have made the same mistake.
    #[cold]
    pub(crate) fn refuse(&self, call: Call, signature: Signature, error: Error) -> Error {
        match self.session(call) {
            Ok(mut session) => {
                // The mismatch that others are told is this error here.
                let _ = session.meet(signature, &[]);
                error
            }
            Err(finalized) => finalized,
        }
    }
}

/// A number that tells lists of ranks apart (FNV-1a).
pub(crate) fn list_number(ranks: &[usize]) -> usize {
    let step = |hash: u64, rank: &usize| (hash ^ *rank as u64).wrapping_mul(0x0000_0100_0000_01b3);
    ranks.iter().fold(0xcbf2_9ce4_8422_2325, step) as usize
}
