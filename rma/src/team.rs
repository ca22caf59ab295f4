//! Teams: a set of ranks with an order, and what each member needs to meet the others.
//!
//! Invariant: one thread of a process at a time is inside a collective of a team (`inner` is a mutex), and members agree on the number of
//! meetings they had. What is freed by dropping goes back to the arena as [`crate::retired`] says.

use crate::bell::bells_len;
use crate::control::Control;
use crate::departure::Departure;
use crate::error::Result;
use crate::mirror::Mirror;
use crate::observe;
use crate::outboxes::Progress;
use crate::retired::Retired;
use crate::row::ROW_LEN;
use crate::rows::Rows;
use crate::series::Series;
use crate::shared::{Shared, no_such_rank};
use crate::spot::Spot;
use crate::transport::Remote;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Marks ids of the teams of a node.
const NODE_TEAM: u64 = 1 << 62;

/// An ordered set of ranks. Clones are handles to the same team.
#[derive(Clone)]
pub struct Team(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) world: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) rank: usize,
    pub(crate) members: Series,
    pub(crate) control: Control,
    pub(crate) progress: Mutex<Progress>,
    pub(crate) epoch: AtomicU64,
    /// What must be alike on all members when they meet next; see [`Team::pledge`].
    pub(crate) pledge: AtomicU64,
    /// Collective calls this process has entered.
    pub(crate) entered: AtomicU64,
    pub(crate) children: AtomicU64,
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
        let pages = self.control.rows().my_pages().map(|page| page.addr().get() - first);
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
        // SAFETY: the root area was just checked to hold all rows; it is zero at the start, page aligned, and mapped for the life of
        // the process.
        let rows = unsafe { Rows::new(members.clone(), offsets, row, me, names) };
        let in_rounds = world.in_rounds(rows.near.len());
        let control = Control::new(rows, None, in_rounds);
        let id = if world.is_wide() { NODE_TEAM | world.layout.node(world.rank) as u64 } else { 0 };
        Team::new(world.clone(), id, me, members, control, None)
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
            unsafe { Mirror::new(spread, places.iter().copied(), base, world.words_of) }
        });
        let members = Series::new(members.iter().copied());
        let offsets = Series::new(joints.iter().map(|joint| joint.row.offset));
        let names = Series::new(joints.iter().map(|joint| joint.name));
        let row = |rank: usize| NonNull::new(world.reach(joints[rank].row).mapped);
        // SAFETY: the caller's promise; members of this node are mapped, and a mirror is there if there are others.
        let rows = unsafe { Rows::new(members.clone(), offsets, row, me, names) };
        let in_rounds = world.in_rounds(rows.near.len());
        let control = Control::new(rows, mirror, in_rounds);
        Team::new(world.clone(), id, me, members, control, origin)
    }

    fn new(
        world: Arc<Shared>,
        id: u64,
        rank: usize,
        members: Series,
        control: Control,
        origin: Option<Origin>,
    ) -> Team {
        Team(Arc::new(Inner {
            world,
            id,
            rank,
            members,
            origin,
            progress: Mutex::new(Progress::new(control.rows())),
            control,
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

    #[inline]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.world
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// A member's desk.
    pub(crate) fn desk(&self, rank: usize) -> Spot {
        self.0.control.rows().desk(rank)
    }

    /// What letters to a member call the team: a number that no other living team has there.
    pub(crate) fn key_at(&self, rank: usize) -> u64 {
        // The rows of the node's team are not in arenas.
        let is_of_node = self.0.origin.is_none() && self.0.control.mirror().is_none();
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
    pub(crate) fn let_go(&self, slot: usize) {
        match self.0.control.mirror() {
            Some(_) => self.0.retired.fade(slot),
            None => self.0.control.rows().clear_live(slot),
        }
    }
}

/// A number that tells lists of ranks apart (FNV-1a).
pub(crate) fn list_number(ranks: &[usize]) -> usize {
    let step = |hash: u64, rank: &usize| (hash ^ *rank as u64).wrapping_mul(0x0000_0100_0000_01b3);
    ranks.iter().fold(0xcbf2_9ce4_8422_2325, step) as usize
}
