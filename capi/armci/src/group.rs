//! Groups, and domains: which ranks share a node.
//!
//! Invariant: a group is an index into `list`; 0 is the world and is never freed. A rank that is no member of a group has an entry
//! without a team.

use crate::guard::{exported, profiled};
use crate::state::Armci;
use rma::{Error, ErrorKind, Result, Team, World};
use std::ffi::{c_int, c_ulong};

/// A group as its creator listed it.
pub(crate) struct Group {
    team: Option<Team>,
    /// World ranks.
    members: Vec<usize>,
}

/// All groups of this process.
pub(crate) struct Groups {
    list: Vec<Option<Group>>,
    default: c_int,
    /// The lowest rank of each node.
    pub(crate) masters: Option<Team>,
    /// Each rank's node; nodes are numbered by their lowest rank.
    nodes: Vec<usize>,
}

impl Groups {
    pub(crate) fn new(world: &World) -> Result<Groups> {
        let team = world.team();
        let node = world.node_team();
        let lowest = team.allgather(&[node.world_rank(0) as u64])?;
        let mut firsts = lowest.clone();
        firsts.sort_unstable();
        firsts.dedup();
        let number = |first: &u64| firsts.binary_search(first).expect("a node has a first rank");
        let nodes = lowest.iter().map(number).collect();
        let masters = team.split((node.rank() == 0).then_some(0), 0)?;
        let members = (0..world.size()).collect();
        let list = vec![Some(Group { team: Some(team), members })];
        Ok(Groups { list, default: 0, masters, nodes })
    }

    fn group(&self, group: c_int) -> Result<&Group> {
        let found = self.list.get(group as usize).and_then(Option::as_ref);
        found.ok_or_else(|| Error::new(ErrorKind::Foreign, "group", format!("there is no group {group}")))
    }

    /// The team of a group of which this rank is a member.
    pub(crate) fn team(&self, group: c_int) -> Result<Team> {
        self.member(group).cloned()
    }

    fn member(&self, group: c_int) -> Result<&Team> {
        self.group(group)?.team.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Rank, "group", format!("this rank is no member of group {group}"))
        })
    }

    /// The default group's team, where it needn't be kept.
    #[inline]
    pub(crate) fn default_member(&self) -> Result<&Team> {
        self.member(self.default)
    }

    pub(crate) fn default_team(&self) -> Result<Team> {
        self.team(self.default)
    }

    /// Adds a group; its number.
    pub(crate) fn add(&mut self, team: Option<Team>, members: Vec<usize>) -> c_int {
        let group = Some(Group { team, members });
        let free = self.list.iter().position(Option::is_none).unwrap_or(self.list.len());
        match self.list.get_mut(free) {
            Some(place) => *place = group,
            None => self.list.push(group),
        }
        free as c_int
    }

    /// Collective over the listed ranks of the parent, which make the group among themselves. Others that call it have a group that
    /// they are no members of at once.
    fn create(&mut self, world: &World, list: &[c_int], parent: c_int) -> Result<c_int> {
        let among = &self.group(parent)?.members;
        let mut members = Vec::with_capacity(list.len());
        for rank in list {
            let found = usize::try_from(*rank).ok().and_then(|rank| among.get(rank));
            members.push(*found.ok_or_else(|| {
                let message = format!("rank {rank} of a group of {}", among.len());
                Error::new(ErrorKind::Rank, "group", message)
            })?);
        }
        let team = match members.contains(&world.rank()) {
            true => Some(world.team_of(&members)?),
            false => None,
        };
        Ok(self.add(team, members))
    }

    pub(crate) fn free(&mut self, group: c_int) -> Result<()> {
        self.group(group)?;
        if group != 0 {
            self.list[group as usize] = None;
        }
        if self.default == group {
            self.default = 0;
        }
        Ok(())
    }

    fn absolute(&self, group: c_int, rank: c_int) -> Result<c_int> {
        let members = &self.group(group)?.members;
        let found = members.get(rank as usize).map(|rank| *rank as c_int);
        let message = || format!("rank {rank} of a group of {}", members.len());
        found.ok_or_else(|| Error::new(ErrorKind::Rank, "group", message()))
    }

    pub(crate) fn set_default(&mut self, group: c_int) -> Result<()> {
        self.group(group)?;
        self.default = group;
        Ok(())
    }

    /// A rank's node.
    pub(crate) fn node(&self, rank: c_int) -> Result<usize> {
        let found = self.nodes.get(rank as usize).copied();
        found.ok_or_else(|| Error::new(ErrorKind::Rank, "domain", format!("there is no rank {rank}")))
    }

    /// The ranks of a node.
    pub(crate) fn of_node(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().enumerate().filter(move |(_, other)| **other == node).map(|(rank, _)| rank)
    }
}

impl Armci {
    fn is_near(&self, rank: c_int) -> Result<c_int> {
        Ok((self.groups.node(rank)? == self.groups.node(self.world.rank() as c_int)?).into())
    }
}

/// A list of ranks of the caller's.
///
/// # Safety
/// Readable for so many numbers.
unsafe fn ranks<'a>(count: c_int, list: *const c_int) -> &'a [c_int] {
    match count {
        // SAFETY: the caller's promise.
        1.. => unsafe { std::slice::from_raw_parts(list, count as usize) },
        _ => &[],
    }
}

profiled! {
    ARMCI_Group_create / PARMCI_Group_create(count: c_int, list: *const c_int, group: *mut c_int) =
        |armci| { let parent = armci.groups.default; group.write(armci.groups.create(&armci.world, ranks(count, list), parent)?); Ok(()) };
    ARMCI_Group_create_child / PARMCI_Group_create_child(count: c_int, list: *const c_int, group: *mut c_int, parent: *const c_int) =
        |armci| { let parent = parent.read(); group.write(armci.groups.create(&armci.world, ranks(count, list), parent)?); Ok(()) };
    ARMCI_Group_free / PARMCI_Group_free(group: *const c_int) = |armci| armci.groups.free(*group);
    ARMCI_Group_rank / PARMCI_Group_rank(group: *const c_int, rank: *mut c_int) -> c_int = |armci| {
        let team = armci.groups.group(*group)?.team.as_ref();
        rank.write(team.map_or(-1, |team| team.rank() as c_int));
        Ok(team.is_none().into())
    };
    ARMCI_Group_size / PARMCI_Group_size(group: *const c_int, size: *mut c_int) =
        |armci| { size.write(armci.groups.group(*group)?.members.len() as c_int); Ok(()) };
    ARMCI_Group_set_default / PARMCI_Group_set_default(group: *const c_int) = |armci| armci.groups.set_default(*group);
    ARMCI_Group_get_default / PARMCI_Group_get_default(group: *mut c_int) = |armci| { group.write(armci.groups.default); Ok(()) };
    ARMCI_Group_get_world / PARMCI_Group_get_world(group: *mut c_int) = |_armci| { group.write(0); Ok(()) };
    ARMCI_Absolute_id / PARMCI_Absolute_id(group: *const c_int, rank: c_int) -> c_int = |armci| armci.groups.absolute(*group, rank);
    ARMCI_Same_node / PARMCI_Same_node(proc: c_int) -> c_int = |armci| armci.is_near(proc);
    ARMCI_Uses_shm / PARMCI_Uses_shm() -> c_int = |armci| Ok((armci.world.node_team().size() > 1).into());
    ARMCI_Uses_shm_grp / PARMCI_Uses_shm_grp(group: *const c_int) -> c_int = |armci| {
        let node = armci.groups.node(armci.world.rank() as c_int)?;
        let near = armci.groups.group(*group)?.members.iter().filter(|rank| armci.groups.nodes[**rank] == node).count();
        Ok((near > 1).into())
    };
    ARMCI_Set_shm_limit / PARMCI_Set_shm_limit(_bytes: c_ulong) = |_armci| Ok(());
}

exported! {
    armci_sameclusnode(proc: c_int) -> c_int = |armci| armci.is_near(proc);
    armci_domain_same_id(_domain: c_int, proc: c_int) -> c_int = |armci| armci.is_near(proc);
    armci_domain_nprocs(_domain: c_int, id: c_int) -> c_int = |armci| {
        let node = if id < 0 { armci.groups.node(armci.world.rank() as c_int)? } else { id as usize };
        Ok(armci.groups.of_node(node).count() as c_int)
    };
    armci_domain_id(_domain: c_int, proc: c_int) -> c_int = |armci| Ok(armci.groups.node(proc)? as c_int);
    armci_domain_glob_proc_id(_domain: c_int, id: c_int, local: c_int) -> c_int = |armci| {
        let found = armci.groups.of_node(id as usize).nth(local as usize).map(|rank| rank as c_int);
        found.ok_or_else(|| Error::new(ErrorKind::Rank, "domain", format!("domain {id} has no process {local}")))
    };
    armci_domain_my_id(_domain: c_int) -> c_int = |armci| Ok(armci.groups.node(armci.world.rank() as c_int)? as c_int);
    armci_domain_count(_domain: c_int) -> c_int = |armci| Ok(armci.groups.nodes.iter().max().map_or(0, |last| last + 1) as c_int);
}
