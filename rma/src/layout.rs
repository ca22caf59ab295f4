//! Which rank lives where: nodes, and the numbers of ranks within their nodes.
//!
//! Invariant: fixed when the world starts and equal on all ranks. Nodes are numbered by their lowest rank; within a node ranks are
//! numbered in increasing order, which is their number in the node heap. A team that spans nodes has a layout of its own, of
//! team ranks.

use std::ops::Range;

/// The job's or a team's ranks by node.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    me: usize,
    len: usize,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    /// Each node has so many consecutive ranks, the last one perhaps fewer. Takes no memory.
    Blocks(usize),
    Table {
        node_of: Box<[u32]>,
        index_of: Box<[u32]>,
        /// All ranks, node by node.
        by_node: Box<[u32]>,
        /// Where each node's ranks begin in `by_node`; one more entry than nodes.
        starts: Box<[u32]>,
    },
}

impl Layout {
    /// From the number of each rank's node.
    pub(crate) fn new(me: usize, node_numbers: &[usize]) -> Layout {
        let len = node_numbers.len();
        let per_node = node_numbers.iter().take_while(|node| **node == 0).count().max(1);
        if node_numbers.iter().enumerate().all(|(rank, node)| *node == rank / per_node) {
            return Layout { me, len, shape: Shape::Blocks(per_node) };
        }
        let nodes = node_numbers.iter().max().map_or(0, |last| last + 1);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); nodes];
        let mut index_of = Vec::with_capacity(node_numbers.len());
        for (rank, node) in node_numbers.iter().enumerate() {
            index_of.push(members[*node].len() as u32);
            members[*node].push(rank as u32);
        }
        let mut starts = vec![0];
        starts.extend(members.iter().scan(0, |end, ranks| {
            *end += ranks.len() as u32;
            Some(*end)
        }));
        let shape = Shape::Table {
            node_of: node_numbers.iter().map(|node| *node as u32).collect(),
            index_of: index_of.into(),
            by_node: members.concat().into(),
            starts: starts.into(),
        };
        Layout { me, len, shape }
    }

    /// This process's world rank.
    pub(crate) fn me(&self) -> usize {
        self.me
    }

    /// Number of ranks.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        match &self.shape {
            Shape::Blocks(per_node) => self.len.div_ceil(*per_node),
            Shape::Table { starts, .. } => starts.len() - 1,
        }
    }

    /// The node of a world rank.
    #[inline]
    pub(crate) fn node(&self, rank: usize) -> usize {
        match &self.shape {
            Shape::Blocks(per_node) => rank / per_node,
            Shape::Table { node_of, .. } => node_of[rank] as usize,
        }
    }

    /// The number of a world rank in its node's heap.
    #[inline]
    pub(crate) fn index(&self, rank: usize) -> usize {
        match &self.shape {
            Shape::Blocks(per_node) => rank % per_node,
            Shape::Table { index_of, .. } => index_of[rank] as usize,
        }
    }

    /// The number of a world rank in this node's heap, if it is there.
    #[inline]
    pub(crate) fn local(&self, rank: usize) -> Option<usize> {
        (self.node(rank) == self.node(self.me)).then(|| self.index(rank))
    }

    /// The world ranks of a node, in increasing order.
    pub(crate) fn members(&self, node: usize) -> impl ExactSizeIterator<Item = usize> + Clone + '_ {
        let range = Range { start: self.first(node), end: self.first(node + 1) };
        range.map(|place| match &self.shape {
            Shape::Blocks(_) => place,
            Shape::Table { by_node, .. } => by_node[place] as usize,
        })
    }

    /// Where the ranks of a node begin when all ranks are listed node by node; for `nodes()` their number.
    pub(crate) fn first(&self, node: usize) -> usize {
        match &self.shape {
            Shape::Blocks(per_node) => (node * per_node).min(self.len),
            Shape::Table { starts, .. } => starts[node] as usize,
        }
    }

    /// The lowest rank of a node.
    pub(crate) fn first_member(&self, node: usize) -> usize {
        self.members(node).next().unwrap_or(0)
    }

    /// Whether that list is in order: each node has consecutive ranks.
    pub(crate) fn is_in_order(&self) -> bool {
        match &self.shape {
            Shape::Blocks(_) => true,
            Shape::Table { by_node, .. } => by_node.is_sorted(),
        }
    }

    /// Bytes it takes besides itself.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.shape {
            Shape::Blocks(_) => 0,
            Shape::Table { node_of, index_of, by_node, starts } => {
                [node_of, index_of, by_node, starts].iter().map(|table| size_of_val(&***table)).sum()
            }
        }
    }

    /// How some of these ranks are spread over nodes, by their places in `members`; their nodes are numbered anew.
    pub(crate) fn among(&self, members: &[usize], me: usize) -> Layout {
        let mut numbers = vec![usize::MAX; self.nodes()];
        let mut used = 0;
        let number = |rank: &usize| {
            let slot = &mut numbers[self.node(*rank)];
            if *slot == usize::MAX {
                (*slot, used) = (used, used + 1);
            }
            *slot
        };
        Layout::new(me, &members.iter().map(number).collect::<Vec<_>>())
    }

    /// The world ranks of this node.
    pub(crate) fn my_node(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.members(self.node(self.me))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Oracle: the same questions to the list.
    #[test]
    fn blocks_of_ranks_need_no_table() {
        for (len, per_node) in [(1, 1), (5, 1), (6, 3), (7, 3), (2, 3), (100_000, 128)] {
            let numbers: Vec<usize> = (0..len).map(|rank| rank / per_node).collect();
            let layout = Layout::new(len / 2, &numbers);
            assert_eq!((layout.heap_bytes(), layout.len(), layout.nodes()), (0, len, len.div_ceil(per_node)));
            let listed: Vec<usize> = (0..layout.nodes()).flat_map(|node| layout.members(node)).collect();
            assert!(layout.is_in_order() && listed == (0..len).collect::<Vec<_>>());
            for rank in [0, len / 2, len - 1] {
                assert_eq!((layout.node(rank), layout.index(rank)), (rank / per_node, rank % per_node));
                assert_eq!(layout.local(rank).is_some(), rank / per_node == len / 2 / per_node);
            }
            assert_eq!(layout.first(layout.nodes()), len);
        }
        assert!(Layout::new(0, &[0, 0, 1, 2, 2]).heap_bytes() > 0);
    }

    #[test]
    fn ranks_are_numbered_within_their_nodes() {
        let layout = Layout::new(3, &[0, 1, 0, 2, 1, 0]);
        assert_eq!(layout.nodes(), 3);
        let members: Vec<Vec<usize>> = (0..3).map(|node| layout.members(node).collect()).collect();
        assert_eq!(members, [vec![0, 2, 5], vec![1, 4], vec![3]]);
        assert_eq!((layout.node(5), layout.index(5), layout.index(4)), (0, 2, 1));
        assert_eq!((layout.local(3), layout.local(0)), (Some(0), None));
        assert_eq!(layout.my_node().collect::<Vec<_>>(), [3]);
        assert_eq!((0..4).map(|node| layout.first(node)).collect::<Vec<_>>(), [0, 3, 5, 6]);
        assert!(!layout.is_in_order() && Layout::new(0, &[0, 0, 1, 2]).is_in_order());
        // Of ranks 3, 5, 1, 2 the first is on a node of its own, 5 and 2 share one.
        let team = layout.among(&[3, 5, 1, 2], 1);
        assert_eq!((0..4).map(|rank| team.node(rank)).collect::<Vec<_>>(), [0, 1, 2, 1]);
        assert_eq!(team.my_node().collect::<Vec<_>>(), [1, 3]);
    }
}
