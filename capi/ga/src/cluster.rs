//! Which ranks share a node.
//!
//! Invariant: nodes are numbered by their lowest rank; a node's ranks are listed in ascending order.

use crate::fault::{Fault, Result};
use crate::guard::exported;
use rma::World;
use std::ffi::c_int;

/// Each rank's node.
pub(crate) struct Nodes(Vec<usize>);

impl Nodes {
    /// Collective over the world.
    pub(crate) fn new(world: &World) -> Result<Nodes> {
        let lowest = world.team().allgather(&[world.node_team().world_rank(0) as u64])?;
        let mut firsts = lowest.clone();
        firsts.sort_unstable();
        firsts.dedup();
        Ok(Nodes(lowest.iter().map(|first| firsts.partition_point(|other| other < first)).collect()))
    }

    fn of(&self, rank: c_int) -> Result<c_int> {
        let found = usize::try_from(rank).ok().and_then(|rank| self.0.get(rank));
        found.map(|node| *node as c_int).ok_or_else(|| Fault::new(format_args!("there is no rank {rank}")))
    }

    fn count(&self) -> usize {
        self.0.iter().max().map_or(0, |last| last + 1)
    }

    fn ranks(&self, node: c_int) -> Result<Vec<c_int>> {
        let ranks: Vec<c_int> =
            (0..).zip(&self.0).filter(|(_, of)| **of as c_int == node).map(|(rank, _)| rank).collect();
        if ranks.is_empty() { Err(Fault::new(format_args!("there is no node {node}"))) } else { Ok(ranks) }
    }
}

exported! {
    GA_Cluster_nnodes() -> c_int = |ga| Ok(ga.nodes.count() as c_int);
    GA_Cluster_nodeid() -> c_int = |ga| ga.nodes.of(ga.world.rank() as c_int);
    GA_Cluster_nprocs(node: c_int) -> c_int = |ga| Ok(ga.nodes.ranks(node)?.len() as c_int);
    GA_Cluster_procid(node: c_int, local: c_int) -> c_int = |ga| {
        let ranks = ga.nodes.ranks(node)?;
        let found = usize::try_from(local).ok().and_then(|local| ranks.get(local).copied());
        found.ok_or_else(|| Fault::new(format_args!("node {node} has {} ranks, not number {local}", ranks.len())))
    };
    GA_Cluster_proc_nodeid(rank: c_int) -> c_int = |ga| ga.nodes.of(rank);
    NGA_List_nodeid, GA_List_nodeid(list: *mut c_int, count: c_int) = |ga| {
        if count > 0 {
            ga.nodes.of(count - 1)?;
        }
        for rank in 0..count {
            list.add(rank as usize).write(rank);
        }
        Ok(())
    };
}
