//! How the nodes of a job bring together what each has: in rounds, so that what a leader fetches grows with the logarithm of their number.
//!
//! Nodes stand in a circle. In round `k` each has published what it has, the values of the last `RADIX^k` nodes up to its own, and fetches the
//! same of the nodes `RADIX^k`, `2 RADIX^k` and so on before it. A round costs a barrier of all ranks, so few nodes fetch from all others in one.
//!
//! Invariant: all ranks of the job publish equally often, which follows from the number of nodes.

use super::super::Bootstrap;
use super::{join, split};
use std::io;

/// How many values of a round a leader has when it is over, for each that it had before.
const RADIX: usize = 16;

/// Nodes that need no more than one round.
pub(super) const FEW: usize = 32;

/// For each round how far the nodes are apart that fetch from one another.
fn distances(nodes: usize) -> impl Iterator<Item = usize> {
    let radix = radix(nodes);
    std::iter::successors(Some(1), move |far| Some(far * radix)).take_while(move |far| *far < nodes)
}

fn radix(nodes: usize) -> usize {
    if nodes <= FEW { nodes.max(2) } else { RADIX }
}

/// From how far before it a leader fetches in a round.
fn sources(nodes: usize, far: usize) -> impl Iterator<Item = usize> {
    (1..radix(nodes)).map(move |times| times * far).take_while(move |back| *back < nodes)
}

/// Values that a leader fetches, and rounds.
#[cfg(test)]
pub(crate) fn traffic(nodes: usize) -> (usize, usize) {
    (distances(nodes).map(|far| sources(nodes, far).count()).sum(), distances(nodes).count())
}

/// Collective over the job: at a leader, every node's value, by node. `mine` is the number and the value of the node that this rank leads, `leader` tells
/// the leader of each.
pub(super) fn bring(
    bootstrap: &mut dyn Bootstrap,
    nodes: usize,
    mine: Option<(usize, Vec<u8>)>,
    leader: impl Fn(usize) -> usize,
) -> io::Result<Option<Vec<Vec<u8>>>> {
    let me = mine.as_ref().map(|(me, _)| *me);
    // By how far the node is before this one.
    let mut have: Vec<Vec<u8>> = mine.into_iter().map(|(_, value)| value).collect();
    for far in distances(nodes) {
        let shown = me.map(|_| join(have.iter().map(Vec::as_slice)));
        bootstrap.publish(shown.as_deref())?;
        let Some(me) = me else { continue };
        for back in sources(nodes, far) {
            let theirs = bootstrap.fetch(leader((me + nodes - back) % nodes))?;
            let parts = split(&theirs)?;
            if parts.len() != far {
                return Err(io::Error::other("what a node has heard of the others is damaged"));
            }
            have.extend(parts.into_iter().take(nodes - back).map(<[u8]>::to_vec));
        }
    }
    let Some(me) = me else { return Ok(None) };
    // Number 0 first.
    have.reverse();
    have.rotate_right((me + 1) % nodes);
    Ok(Some(have))
}
