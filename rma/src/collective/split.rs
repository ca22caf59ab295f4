//! New teams of some members of one.
//!
//! Invariant: what a member offers for a new team's control memory goes back when any member has none to offer, or with the team.

use crate::call::{Call, OpCode};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Extent;
use crate::row::ROW_LEN;
use crate::shared::no_such_rank;
use crate::signature::Signature;
use crate::team::{Home, Joint, Origin, Team, list_number};
use crate::transport::Remote;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

impl Team {
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
            let extent = Extent::new(spread.nodes(), members.len(), world.words_of);
            let len = if is_leader { extent.mirror_len() } else { 0 };
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
}
