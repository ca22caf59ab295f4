//! Which ranks share a node.

use crate::fault::{Fault, Result};
use crate::guard::plain;
use crate::state::State;
use std::ffi::c_int;

impl State {
    fn node_of(&self, rank: c_int) -> Result<c_int> {
        let found = self.nodes.of(rank).map(|node| node as c_int);
        found.ok_or_else(|| Fault::new(format_args!("there is no rank {rank}")))
    }

    fn ranks_of(&self, node: c_int) -> Result<Vec<c_int>> {
        let ranks: Vec<c_int> = self.nodes.ranks(node).collect();
        if ranks.is_empty() { Err(Fault::new(format_args!("there is no node {node}"))) } else { Ok(ranks) }
    }
}

plain! {
    GA_Cluster_nnodes() -> c_int = |ga| Ok(ga.nodes.count() as c_int);
    GA_Cluster_nodeid() -> c_int = |ga| ga.node_of(ga.world.rank() as c_int);
    GA_Cluster_nprocs(node: c_int) -> c_int = |ga| Ok(ga.ranks_of(node)?.len() as c_int);
    GA_Cluster_procid(node: c_int, local: c_int) -> c_int = |ga| {
        let ranks = ga.ranks_of(node)?;
        let found = usize::try_from(local).ok().and_then(|local| ranks.get(local).copied());
        found.ok_or_else(|| Fault::new(format_args!("node {node} has {} ranks, not number {local}", ranks.len())))
    };
    GA_Cluster_proc_nodeid(rank: c_int) -> c_int = |ga| ga.node_of(rank);
    NGA_List_nodeid, GA_List_nodeid(list: *mut c_int, count: c_int) = |ga| {
        if count > 0 {
            ga.node_of(count - 1)?;
        }
        for rank in 0..count {
            list.add(rank as usize).write(rank);
        }
        Ok(())
    };
}
