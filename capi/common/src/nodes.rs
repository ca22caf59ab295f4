//! Which ranks share a node.
//!
//! Invariant: nodes are numbered by their lowest rank; a node's ranks are listed in ascending order.

use rma::{Result, World};

/// Each rank's node.
pub struct Nodes(Vec<usize>);

impl Nodes {
    /// Collective over the world.
    ///
    /// # Errors
    /// Those of an allgather.
    pub fn new(world: &World) -> Result<Nodes> {
        let lowest = world.team().allgather(&[world.node_team().world_rank(0) as u64])?;
        let mut firsts = lowest.clone();
        firsts.sort_unstable();
        firsts.dedup();
        Ok(Nodes(lowest.iter().map(|first| firsts.partition_point(|other| other < first)).collect()))
    }

    /// A rank's node.
    pub fn of(&self, rank: i32) -> Option<usize> {
        usize::try_from(rank).ok().and_then(|rank| self.0.get(rank)).copied()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().max().map_or(0, |last| last + 1)
    }

    /// A node's ranks.
    pub fn ranks(&self, node: i32) -> impl Iterator<Item = i32> + '_ {
        (0..).zip(&self.0).filter(move |(_, of)| **of as i64 == i64::from(node)).map(|(rank, _)| rank)
    }
}
