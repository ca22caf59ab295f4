//! A group of ranks as C programs have them.
//!
//! Invariant: `members` are world ranks in the group's order, known to members and to others; only members have the team.

use rma::{Result, Team, World};

/// A group.
pub struct Group {
    /// The team, at members.
    pub team: Option<Team>,
    /// World ranks.
    pub members: Vec<usize>,
}

impl Group {
    /// A group of these world ranks, which make it among themselves; others have a group at once that they are not in.
    ///
    /// # Errors
    /// Those of [`World::team_of`].
    pub fn found(world: &World, members: Vec<usize>) -> Result<Group> {
        let is_member = members.contains(&world.rank());
        let team = is_member.then(|| world.team_of(&members)).transpose()?;
        Ok(Group { team, members })
    }

    /// The members of a team that say the same colour, in the order of their keys. Collective over the team; without a colour, a group of nobody.
    ///
    /// # Errors
    /// Those of [`Team::split`].
    pub fn split(team: &Team, color: Option<u32>, key: i64) -> Result<Group> {
        let team = team.split(color, key)?;
        let members = team.iter().flat_map(|team| (0..team.size()).map(|rank| team.world_rank(rank)));
        let members = members.collect();
        Ok(Group { team, members })
    }

    /// What a rank of the group is in the world.
    pub fn absolute(&self, rank: i32) -> Option<usize> {
        usize::try_from(rank).ok().and_then(|rank| self.members.get(rank)).copied()
    }

    /// This process's number in the group; -1 if it is not in it.
    pub fn rank(&self) -> i32 {
        self.team.as_ref().map_or(-1, |team| team.rank() as i32)
    }
}
