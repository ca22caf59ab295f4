//! Large collectives of teams that span nodes, made of collectives of the members of a node and of the nodes' leaders.
//!
//! Between nodes everything travels once per node, whatever the number of its members. The parts are teams of their own, flat ones;
//! the surrounding call has met already, so its members are known to agree.

use super::flat;
use super::ops::{Order, Wanted};
use crate::error::Result;
use crate::layout::Layout;
use crate::plain::Plain;
use crate::session::Session;
use crate::signature::Signature;
use crate::team::Tiers;

/// How the team of a call that has tiers is spread.
fn spread<'s>(session: &'s Session<'_>) -> &'s Layout {
    session.spread().expect("only teams that span nodes have tiers")
}

/// The root's node reads the root, the other leaders read that node's, the other nodes their leaders.
pub(super) fn broadcast<T: Plain>(
    tiers: &Tiers,
    session: &Session<'_>,
    data: &mut [T],
    root: usize,
) -> Result<()> {
    let (spread, call) = (spread(session), session.call());
    let is_roots = spread.node(root) == spread.node(session.rank());
    if is_roots {
        tiers.node.broadcast_as(call, data, spread.index(root))?;
    }
    if let Some(leaders) = &tiers.leaders {
        leaders.broadcast_as(call, data, spread.node(root))?;
    }
    if is_roots { Ok(()) } else { tiers.node.broadcast_as(call, data, 0) }
}

/// Each node's members to their leader, the leaders among themselves, and back.
pub(super) fn reduce<T: Plain, F: Fn(&mut [T], *const T) -> Result<()>>(
    tiers: &Tiers,
    session: &Session<'_>,
    data: &mut [T],
    kind: Signature,
    wanted: Wanted,
    order: Order,
    fold: &F,
) -> Result<()> {
    let (spread, call, me) = (spread(session), session.call(), session.rank());
    let Wanted::ByRoot(root) = wanted else {
        tiers.node.run(call, data, kind, Wanted::ByRoot(0), order, fold)?;
        if let Some(leaders) = &tiers.leaders {
            leaders.run(call, data, kind, Wanted::ByAll, order, fold)?;
        }
        return tiers.node.broadcast_as(call, data, 0);
    };
    // Only the root's data may change.
    let mut sum = data.to_vec();
    tiers.node.run(call, &mut sum, kind, Wanted::ByRoot(0), order, fold)?;
    if let Some(leaders) = &tiers.leaders {
        leaders.run(call, &mut sum, kind, Wanted::ByRoot(spread.node(root)), order, fold)?;
    }
    if spread.node(root) == spread.node(me) && spread.index(root) != 0 {
        tiers.node.broadcast_as(call, &mut sum, 0)?;
    }
    if me == root {
        data.copy_from_slice(&sum);
    }
    Ok(())
}

/// Each node's members' data to their leader, all nodes' to all leaders, and everything to everybody.
pub(super) fn collect<T: Plain>(
    tiers: &Tiers,
    session: &Session<'_>,
    data: &[T],
    kind: Signature,
    lens: &[usize],
) -> Result<Vec<Vec<T>>> {
    let (spread, call) = (spread(session), session.call());
    let of_node = |node: usize| spread.members(node).map(|rank| lens[rank]);
    let my_lens: Vec<usize> = of_node(spread.node(session.rank())).collect();
    let is_leader = tiers.leaders.is_some();
    let mut of_members = tiers.node.session(call)?;
    let mut whole = flat::collect(&mut of_members, data, kind, &my_lens, is_leader)?.concat();
    if let Some(leaders) = &tiers.leaders {
        let node_lens: Vec<usize> = (0..spread.nodes()).map(|node| of_node(node).sum()).collect();
        whole = flat::collect(&mut leaders.session(call)?, &whole, kind, &node_lens, true)?.concat();
    }
    let mut from_leader = vec![0; my_lens.len()];
    from_leader[0] = lens.iter().sum();
    let passed = flat::collect(&mut of_members, &whole, kind, &from_leader, !is_leader)?;
    if !is_leader {
        whole = passed.concat();
    }
    let mut starts = Vec::with_capacity(lens.len());
    let mut at = 0;
    for rank in (0..spread.nodes()).flat_map(|node| spread.members(node)) {
        starts.push((rank, at));
        at += lens[rank];
    }
    starts.sort_unstable();
    Ok(starts.into_iter().map(|(rank, start)| whole[start..][..lens[rank]].to_vec()).collect())
}
