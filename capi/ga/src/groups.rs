//! Processor groups.
//!
//! As in the original, the world is group -1, the ranks of a node are group 0 (the mirror), and created groups come after.
//!
//! Invariant: an entry is there on members and on others; only members have its team. The world and the mirror are never freed.

use crate::fault::{Fault, Result, refuse};
use crate::mpi::{self, Comm};
use crate::table::{self, Array};
use common::Numbered;
use rma::{Team, World};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// The group of all ranks.
pub(crate) const WORLD: c_int = -1;
/// The group of this node's ranks.
pub(crate) const MIRROR: c_int = 0;

/// A group, beside what it is in MPI and in ARMCI.
pub(crate) struct Group {
    group: common::Group,
    comm: Option<Comm>,
    /// The same group's number in ARMCI; the world's for the mirror, as in the original.
    armci: c_int,
}

/// ARMCI's group of all ranks.
const ARMCI_WORLD: c_int = 0;

/// All groups of this process.
pub(crate) struct Groups {
    all: World,
    world: Team,
    me: Team,
    list: Numbered<Group>,
    default: AtomicI32,
    comm: Option<Comm>,
}

impl Groups {
    /// Collective over the world; `comm` is MPI's communicator of the same ranks, if there is one.
    pub(crate) fn new(world: &World, comm: Option<Comm>) -> Result<Groups> {
        let (team, node) = (world.team(), world.node_team());
        let Some(me) = team.split(Some(team.rank() as u32), 0)? else {
            refuse!("a group of one rank has no team")
        };
        // The program gets a communicator that nobody else talks over.
        let comm = comm.map(mpi::duplicate).transpose()?;
        let members: Vec<usize> = (0..node.size()).map(|rank| node.world_rank(rank)).collect();
        let node_comm = comm.map(|comm| mpi::group(comm, &members)).transpose()?;
        let group = common::Group { team: Some(node), members };
        let list = Numbered::new();
        list.add(Group { group, comm: node_comm, armci: ARMCI_WORLD });
        Ok(Groups { all: world.clone(), world: team, me, list, default: AtomicI32::new(WORLD), comm })
    }

    fn group(&self, group: c_int) -> Result<Arc<Group>> {
        self.list
            .get(group as usize)
            .ok_or_else(|| Fault::new(format_args!("there is no processor group {group}")))
    }

    /// The team of a group that has this rank in it.
    pub(crate) fn team(&self, group: c_int) -> Result<Team> {
        if group == WORLD {
            return Ok(self.world.clone());
        }
        let found = self.group(group)?;
        found.group.team.clone().ok_or_else(|| {
            let members = crate::bounds::listed(&found.group.members);
            Fault::new(format_args!(
                "rank {} is not in processor group {group} of ranks {members}",
                self.world.rank()
            ))
        })
    }

    /// Does something with the team of a group that has this rank in it; the world's, which most calls are about, isn't even counted.
    #[inline]
    pub(crate) fn with<R>(&self, group: c_int, f: impl FnOnce(&Team) -> Result<R>) -> Result<R> {
        if group == WORLD { f(&self.world) } else { f(&self.team(group)?) }
    }

    #[inline]
    pub(crate) fn default(&self) -> c_int {
        self.default.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn default_team(&self) -> Result<Team> {
        self.team(self.default())
    }

    /// What a rank of the default group is in the world.
    pub(crate) fn members(&self, group: c_int) -> Result<Vec<usize>> {
        if group == WORLD {
            return Ok((0..self.world.size()).collect());
        }
        Ok(self.group(group)?.group.members.clone())
    }

    pub(crate) fn size(&self, group: c_int) -> Result<usize> {
        if group == WORLD { Ok(self.world.size()) } else { Ok(self.group(group)?.group.members.len()) }
    }

    /// This rank's number in a group; -1 if it is not in it.
    pub(crate) fn rank(&self, group: c_int) -> Result<c_int> {
        if group == WORLD {
            return Ok(self.world.rank() as c_int);
        }
        Ok(self.group(group)?.group.rank())
    }

    pub(crate) fn add(&self, group: common::Group) -> Result<c_int> {
        let comm = match (&group.team, self.comm) {
            (Some(_), Some(world)) => Some(mpi::group(world, &group.members)?),
            _ => None,
        };
        let armci = armci::host::add_group(group.team.clone(), group.members.clone())?;
        Ok(self.list.add(Group { group, comm, armci }) as c_int)
    }

    /// A group of this rank alone.
    pub(crate) fn alone(&self) -> Result<c_int> {
        self.add(common::Group { team: Some(self.me.clone()), members: vec![self.world.rank()] })
    }

    /// Collective over the listed ranks of the default group. As in the original, members are in ascending order, however they are
    /// listed.
    pub(crate) fn create(&self, list: &[c_int]) -> Result<c_int> {
        let (among, mut list) = (self.members(self.default())?, list.to_vec());
        list.sort_unstable();
        for (place, rank) in list.iter().enumerate() {
            if *rank < 0 || *rank as usize >= among.len() {
                refuse!("rank {rank} of a group of {}", among.len());
            }
            if place > 0 && list[place - 1] == *rank {
                refuse!("rank {rank} is listed twice");
            }
        }
        self.found(list.iter().map(|rank| among[*rank as usize]).collect())
    }

    /// A group of these world ranks, which make it among themselves; others have a group at once that they are not in.
    pub(crate) fn found(&self, members: Vec<usize>) -> Result<c_int> {
        self.add(common::Group::found(&self.all, members)?)
    }

    /// Collective over the group, whose members tell each other their colours: its parts by colour.
    pub(crate) fn split(&self, group: c_int, color: c_int) -> Result<c_int> {
        let team = self.team(group)?;
        let Ok(color) = u32::try_from(color) else { refuse!("colour {color}, and 0 is the least") };
        self.add(common::Group::split(&team, Some(color), 0)?)
    }

    /// `parts` groups of consecutive ranks, of which the last is the smaller one if it doesn't come out even; 0 parts are the group
    /// itself. Collective over each of them.
    pub(crate) fn divide(&self, group: c_int, parts: c_int) -> Result<c_int> {
        let team = self.team(group)?;
        let each = match parts {
            ..0 => refuse!("{parts} groups of {} ranks", team.size()),
            0 => return Ok(group),
            _ => team.size().div_ceil(parts as usize),
        };
        let first = team.rank() / each * each;
        let range = first..team.size().min(first + each);
        self.found(range.map(|rank| team.world_rank(rank)).collect())
    }

    pub(crate) fn destroy(&self, group: c_int) -> Result<()> {
        if group <= MIRROR {
            refuse!("group {group} can't be destroyed");
        }
        self.group(group)?;
        let has = |array: &&Array| array.group == group;
        if let Some(array) = table::handles().into_iter().filter_map(table::find).find(has) {
            refuse!("group {group} has {array}");
        }
        let gone = self.list.take(group as usize);
        if self.default() == group {
            self.default.store(WORLD, Ordering::Relaxed);
        }
        let Some(gone) = gone else { return Ok(()) };
        armci::host::free_group(gone.armci)?;
        gone.comm.map_or(Ok(()), mpi::free)
    }

    /// Makes a group the default, ARMCI's as well.
    pub(crate) fn set_default(&self, group: c_int) -> Result<()> {
        self.team(group)?;
        let armci = if group == WORLD { ARMCI_WORLD } else { self.group(group)?.armci };
        armci::host::set_default_group(armci)?;
        self.default.store(group, Ordering::Relaxed);
        Ok(())
    }

    /// What the world's end leaves to be done: ARMCI has its own default again, and MPI its communicators, unless it ended before.
    pub(crate) fn end(&self) -> Result<()> {
        let groups: Vec<_> = self.list.drain().collect();
        armci::host::set_default_group(ARMCI_WORLD)?;
        for group in &groups {
            armci::host::free_group(group.armci)?;
        }
        if mpi::is_up() {
            groups.iter().filter_map(|group| group.comm).chain(self.comm).try_for_each(mpi::free)?;
        }
        Ok(())
    }

    /// The world rank of a group's rank.
    pub(crate) fn absolute(&self, group: c_int, rank: c_int) -> Result<c_int> {
        let members = self.members(group)?;
        let found = usize::try_from(rank).ok().and_then(|rank| members.get(rank));
        let message = || format!("rank {rank} of a group of {}", members.len());
        found.map(|rank| *rank as c_int).ok_or_else(|| Fault::new(message()))
    }

    /// MPI's communicator of a group.
    pub(crate) fn comm(&self, group: c_int) -> Result<Comm> {
        let comm = if group == WORLD { self.comm } else { self.group(group)?.comm };
        comm.ok_or_else(|| {
            Fault::new("MPI was not initialized before GA_Initialize, or this rank is not in the group")
        })
    }
}
