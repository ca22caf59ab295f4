//! Groups, and domains: which ranks share a node.
//!
//! Invariant: group 0 is the world and is never freed. A rank that is no member of a group has an entry without a team.

use common::{Group, Nodes, Numbered};
use rma::{Error, ErrorKind, Result, Team, World};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// The group of all ranks.
pub(crate) const WORLD: c_int = 0;

/// All groups of this process.
pub(crate) struct Groups {
    world: World,
    all: Team,
    list: Numbered<Group>,
    default: AtomicI32,
    /// The lowest rank of each node.
    pub(crate) masters: Option<Team>,
    pub(crate) nodes: Nodes,
}

impl Groups {
    /// Collective over the world.
    pub(crate) fn new(world: &World) -> Result<Groups> {
        let all = world.team();
        let nodes = Nodes::new(world)?;
        let masters = all.split((world.node_team().rank() == 0).then_some(0), 0)?;
        let list = Numbered::new();
        list.add(Group { team: Some(all.clone()), members: (0..world.size()).collect() });
        Ok(Groups { world: world.clone(), all, list, default: AtomicI32::new(WORLD), masters, nodes })
    }

    pub(crate) fn group(&self, group: c_int) -> Result<Arc<Group>> {
        let found = self.list.get(group as usize);
        found.ok_or_else(|| Error::new(ErrorKind::Foreign, "group", format!("there is no group {group}")))
    }

    /// The team of a group of which this rank is a member.
    pub(crate) fn team(&self, group: c_int) -> Result<Team> {
        if group == WORLD {
            return Ok(self.all.clone());
        }
        self.group(group)?.team.clone().ok_or_else(|| {
            Error::new(ErrorKind::Rank, "group", format!("this rank is no member of group {group}"))
        })
    }

    #[inline]
    pub(crate) fn default(&self) -> c_int {
        self.default.load(Ordering::Relaxed)
    }

    pub(crate) fn default_team(&self) -> Result<Team> {
        self.team(self.default())
    }

    /// Does something with the default group's team; the world's, which it is mostly, isn't even counted.
    #[inline]
    pub(crate) fn with_default<R>(&self, f: impl FnOnce(&Team) -> Result<R>) -> Result<R> {
        match self.default() {
            WORLD => f(&self.all),
            group => f(&self.team(group)?),
        }
    }

    /// Adds a group; its number.
    pub(crate) fn add(&self, group: Group) -> c_int {
        self.list.add(group) as c_int
    }

    /// A group of the listed ranks of the parent, which make it among themselves. Others that call it have a group that they are no members of
    /// at once.
    pub(crate) fn create(&self, list: &[c_int], parent: c_int) -> Result<c_int> {
        let members = list.iter().map(|rank| self.absolute(parent, *rank).map(|rank| rank as usize));
        let members = members.collect::<Result<_>>()?;
        Ok(self.add(Group::found(&self.world, members)?))
    }

    pub(crate) fn free(&self, group: c_int) -> Result<()> {
        self.group(group)?;
        if group != WORLD {
            self.list.take(group as usize);
        }
        let _ = self.default.compare_exchange(group, WORLD, Ordering::Relaxed, Ordering::Relaxed);
        Ok(())
    }

    /// What a rank of a group is in the world.
    pub(crate) fn absolute(&self, group: c_int, rank: c_int) -> Result<c_int> {
        let group = self.group(group)?;
        let message = || format!("rank {rank} of a group of {}", group.members.len());
        let found = group.absolute(rank).map(|rank| rank as c_int);
        found.ok_or_else(|| Error::new(ErrorKind::Rank, "group", message()))
    }

    pub(crate) fn set_default(&self, group: c_int) -> Result<()> {
        self.group(group)?;
        self.default.store(group, Ordering::Relaxed);
        Ok(())
    }

    /// A rank's node.
    pub(crate) fn node(&self, rank: c_int) -> Result<usize> {
        let missing = || Error::new(ErrorKind::Rank, "domain", format!("there is no rank {rank}"));
        self.nodes.of(rank).ok_or_else(missing)
    }

    /// The node of this rank.
    pub(crate) fn my_node(&self) -> Result<usize> {
        self.node(self.world.rank() as c_int)
    }
}
