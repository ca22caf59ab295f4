//! Teams: a set of ranks with an order, and what each member needs to meet the others.
//!
//! Invariant: one thread of a process at a time is inside a collective of a team (`inner` is a mutex), and members agree on the number of
//! meetings they had. What is freed by dropping goes back to the arena as [`crate::retired`] says.

use crate::bell::BELLS_LEN;
use crate::call::{Call, OpCode};
use crate::control::{Progress, ROW_LEN, Row, Rows, Signature};
use crate::error::{Error, ErrorKind, Result};
use crate::retired::Retired;
use crate::session::Session;
use crate::world::{Shared, alive, no_such_rank};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// An ordered set of ranks. Clones are handles to the same team.
#[derive(Clone)]
pub struct Team(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) world: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) rank: usize,
    pub(crate) members: Box<[usize]>,
    pub(crate) rows: Rows,
    pub(crate) progress: Mutex<Progress>,
    pub(crate) epoch: AtomicU64,
    /// Collective calls this process has entered.
    pub(crate) entered: AtomicU64,
    children: AtomicU64,
    pub(crate) retired: Retired,
    /// Where this member's row came from: the parent it goes back to, and the offset. The world's row is never freed.
    origin: Option<(Team, usize)>,
    /// One more than the offset of this member's large outbox; 0 if there is none.
    pub(crate) large: AtomicU64,
}

impl std::fmt::Debug for Team {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Team {}: rank {} of {}", self.0.id, self.0.rank, self.size())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some((parent, row)) = &self.origin else { return };
        self.rows.live(self.rank).leave_team();
        let rows = Arc::new(self.rows.take());
        let segments = self.retired.take_all().into_iter().map(|block| block.offset);
        let large = self.large.load(Ordering::Relaxed).checked_sub(1).map(|offset| offset as usize);
        let entered = parent.0.entered.load(Ordering::Relaxed);
        for offset in segments.chain(large).chain([*row]) {
            parent.0.retired.put_of_team(entered, offset, rows.clone());
        }
    }
}

impl Team {
    /// The team of all ranks; its rows are in the heap's root area, so nothing needs to be exchanged.
    pub(crate) fn world(world: &Arc<Shared>) -> Result<Team> {
        let (root, root_len) = world.heap.root_area();
        assert!(root_len >= BELLS_LEN + world.size * ROW_LEN, "the heap's root area is too small");
        // SAFETY: the root area was just checked to hold all rows.
        let row = |rank| unsafe { root.add(BELLS_LEN + rank * ROW_LEN).cast::<Row>() };
        let rows = (0..world.size).map(row).collect();
        // SAFETY: the root area is zero at the start, page aligned, and mapped for the life of the process.
        let rows = unsafe { Rows::new(rows, world.rank) };
        Ok(Team::new(world.clone(), 0, world.rank, (0..world.size).collect(), rows, None))
    }

    fn new(
        world: Arc<Shared>,
        id: u64,
        rank: usize,
        members: Box<[usize]>,
        rows: Rows,
        origin: Option<(Team, usize)>,
    ) -> Team {
        Team(Arc::new(Inner {
            world,
            id,
            rank,
            members,
            rows,
            origin,
            progress: Mutex::new(Progress::new()),
            epoch: AtomicU64::new(0),
            entered: AtomicU64::new(0),
            children: AtomicU64::new(0),
            retired: Retired::default(),
            large: AtomicU64::new(0),
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
        self.0.members[rank]
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
        self.rendezvous(Call::new(OpCode::Barrier))
    }

    /// Fence to all ranks, then barrier: whatever any member did before is visible to every member. A full synchronisation.
    ///
    /// Collective. Stands for `GA_Pgroup_sync`, `ARMCI_Barrier`. Errors as [`Team::barrier`].
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        let call = Call::new(OpCode::Sync);
        alive("sync")?;
        self.0.world.transport.fence_all()?;
        self.rendezvous(call)
    }

    #[track_caller]
    pub(crate) fn finalize(&self) -> Result<()> {
        self.rendezvous(Call::new(OpCode::Finalize))
    }

    fn rendezvous(&self, call: Call) -> Result<()> {
        let mut session = self.session(call)?;
        session.meet(Signature::new(call.op), &[])?;
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
        let block = match color {
            Some(_) => world.heap.allocate_zeroed(ROW_LEN, 64).map(|block| block.offset),
            None => Ok(0),
        };
        let (offset, failed) = match block {
            Ok(offset) => (offset, 0),
            Err(_) => (0, 1),
        };
        let color_word = color.map_or(u64::MAX, u64::from);
        let met = session.meet(signature, &[color_word, key as u64, offset as u64, failed]);
        let bad = (0..self.size()).find(|rank| session.word(*rank, 3) != 0);
        if met.is_err() || bad.is_some() {
            if color.is_some() && failed == 0 {
                world.heap.free(offset);
            }
            met?;
            let message = format!("no {ROW_LEN} bytes for the control memory of a team");
            return Err(Error::at(ErrorKind::Memory, call.op.name(), bad.unwrap_or(0), message));
        }
        let child = self.0.children.fetch_add(1, Ordering::Relaxed) + 1;
        let mut chosen: Vec<(i64, usize, usize)> = (0..self.size())
            .filter(|rank| session.word(*rank, 0) == color_word)
            .map(|rank| (session.word(rank, 1) as i64, rank, session.word(rank, 2) as usize))
            .collect();
        if color.is_none() {
            return Ok(None);
        }
        chosen.sort_unstable();
        let place =
            chosen.iter().position(|(_, rank, _)| *rank == self.rank()).expect("own colour is my colour");
        let members: Box<[usize]> = chosen.iter().map(|(_, rank, _)| self.world_rank(*rank)).collect();
        let row = |(_, rank, offset): &(i64, usize, usize)| {
            let address = world.heap.address(self.world_rank(*rank), *offset);
            NonNull::new(address.cast::<Row>()).expect("the heap is not at address zero")
        };
        // SAFETY: each member allocated its row zeroed; the heap stays mapped for the life of the process.
        let rows = unsafe { Rows::new(chosen.iter().map(row).collect(), place) };
        rows.live(place).hold_team();
        let id = (self.0.id << 20) ^ (child << 12) ^ members[0] as u64;
        Ok(Some(Team::new(world.clone(), id, place, members, rows, Some((self.clone(), offset)))))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.world
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Gives a block of the own arena back after the next full synchronisation, once nobody has a handle of `slot`.
    pub(crate) fn retire(&self, offset: usize, slot: usize) {
        self.0.rows.live(self.rank()).clear(slot);
        self.0.retired.put(self.0.entered.load(Ordering::Relaxed), offset, slot);
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
fn list_number(ranks: &[usize]) -> usize {
    let step = |hash: u64, rank: &usize| (hash ^ *rank as u64).wrapping_mul(0x0000_0100_0000_01b3);
    ranks.iter().fold(0xcbf2_9ce4_8422_2325, step) as usize
}
