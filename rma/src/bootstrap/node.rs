//! Which ranks share this machine, and handing descriptors to them.
//!
//! Ranks are on one node when they reach the same abstract Unix socket: such names are scoped by network namespace, need
//! no file, and vanish with their process. The name holds the user and a part of the job's [secret](super::secret), so every rank of a job
//! computes the same, and nobody else can take it before.
//!
//! | step | who | what |
//! | --- | --- | --- |
//! | 1 | all | try to bind the name; exactly one per node succeeds and is the *hub*, the others are *spokes* |
//! | 2 | all | bootstrap barrier: every hub listens |
//! | 3 | spoke | connects; sends its rank with a pidfd of itself (a thread of the hub takes it in) |
//! | 4 | all | bootstrap barrier: every spoke has connected |
//! | 5 | hub | sorts all by rank, sends everybody the ranks and the set of their pidfds |
//! | 6 | leader (lowest rank) | publishes the ranks of its node, learns those of the other nodes, tells its members |
//!
//! In step 6 leaders find one another without reading what every rank published. Mostly nodes have equally many consecutive ranks, which is found
//! out in [`rounds`]. Else each leader reads all others' lists: rank 0 leads a node, and the lowest rank that no node read so far has is the lowest of its own, so a
//! leader. [`Node::exchange`] goes in rounds as well; what goes through the process manager's key-value space grows with the nodes and not with
//! the ranks, and what a leader fetches with the logarithm of the nodes.
//!
//! Afterwards the hub passes descriptors on from the member with the lowest rank ([`Node::give`], [`Node::take`]).
//! A pidfd names a process for good: no number is looked up that another process might have got meanwhile, and it works
//! between containers that share a network but not a process table.

mod gather;
mod rounds;

use super::Bootstrap;
use super::ends::Ends;
use super::frames::{receive, send};
use super::secret::Secret;
use gather::Place;
use rounds::{FEW, bring};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Environment variable: into how many nodes the ranks of one machine pretend to be divided. A testing aid.
const FAKE_NODES: &str = "GAIN_FAKE_NODES";

/// Whom a rank waits for here.
const MEMBERS: &str = "the ranks of this node";
const LEADER: &str = "the lowest rank of this node, which hears of the other nodes";

/// One process of this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its rank in the job.
    pub rank: usize,
}

/// The processes of this job on this machine, in rank order, and the connections between them.
#[derive(Debug)]
pub struct Node {
    members: Vec<Member>,
    my_index: usize,
    /// None in a job of one rank.
    ends: Option<Ends>,
    node_numbers: Vec<usize>,
    secret: Secret,
    links: Links,
}

#[derive(Debug)]
enum Links {
    /// By member index; `None` at this process's own place.
    Hub(Vec<Option<UnixStream>>),
    Spoke(UnixStream),
}

impl Node {
    /// Collective over the job: finds the members of this node.
    pub fn discover(bootstrap: &mut dyn Bootstrap) -> io::Result<Node> {
        let rank = bootstrap.rank();
        if bootstrap.size() == 1 {
            let (members, links) = (vec![Member { rank }], Links::Hub(vec![None]));
            let secret = Secret::agree(bootstrap)?;
            return Ok(Node { members, my_index: 0, ends: None, node_numbers: vec![0], secret, links });
        }
        let pretended = pretended_node(std::env::var(FAKE_NODES).ok().as_deref(), rank, bootstrap.size())?;
        let secret = Secret::agree(bootstrap)?;
        let place = Place::new(secret, pretended, rank);
        let mut part = place.open()?;
        bootstrap.barrier()?;
        place.come(&mut part)?;
        bootstrap.barrier()?;
        let (links, members, ends) = place.gather(part, bootstrap.size())?;
        let my_index = members.iter().position(|member| member.rank == rank).ok_or_else(|| {
            io::Error::other(format!("rank {rank} is missing from the list of its own node"))
        })?;
        let mut node = Node { members, my_index, ends: Some(ends), node_numbers: Vec::new(), secret, links };
        node.number_nodes(bootstrap)?;
        Ok(node)
    }

    /// What the ranks of the job know and nobody else does.
    pub(crate) fn secret(&self) -> Secret {
        self.secret
    }

    /// The processes on this node, by increasing rank.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The ranks of the members that have ended; a zombie has. One system call, local.
    pub fn dead(&self) -> Vec<usize> {
        self.ends.as_ref().map_or(Vec::new(), Ends::ranks)
    }

    /// The place of this process in [`members`](Node::members). Number 0 is the node's leader.
    pub fn my_index(&self) -> usize {
        self.my_index
    }

    /// For each rank of the job the number of its node; nodes are numbered by their lowest rank.
    pub fn node_numbers(&self) -> &[usize] {
        &self.node_numbers
    }

    /// On member 0, while all others call [`take`](Node::take): hands every member `descriptor`, or the news that there is none.
    pub fn give(&self, descriptor: Result<BorrowedFd<'_>, &str>) -> io::Result<()> {
        let (text, descriptor) = match descriptor {
            Ok(descriptor) => ("", Some(descriptor)),
            Err(text) => (text, None),
        };
        self.hand_out(text.as_bytes(), descriptor)
    }

    /// On every member but 0: the descriptor that member 0 gives. An error holds member 0's text.
    pub fn take(&mut self) -> io::Result<OwnedFd> {
        let (text, descriptor) = self.be_handed()?;
        descriptor.ok_or_else(|| io::Error::other(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Collective over the job: at the leaders, every rank's bytes, in rank order. `bootstrap` is the job's.
    ///
    /// Members give their bytes to the leader, and leaders exchange one value per node. What the others are to know they are [told](Node::tell).
    pub fn exchange(
        &mut self,
        bootstrap: &mut dyn Bootstrap,
        mine: &[u8],
    ) -> io::Result<Option<Vec<Vec<u8>>>> {
        let leaders = self.leaders();
        let number = self.node_numbers[bootstrap.rank()];
        let ours = self.collect(mine)?.map(|ours| (number, ours));
        let Some(all) = bring(bootstrap, leaders.len(), ours, |node| leaders[node])? else { return Ok(None) };
        let mut nodes = Vec::with_capacity(all.len());
        for node in &all {
            nodes.push(split(node)?.into_iter());
        }
        let missing = || io::Error::other("what a node's ranks said is damaged");
        let of_rank = |number: &usize| nodes[*number].next().map(<[u8]>::to_vec).ok_or_else(missing);
        self.node_numbers.iter().map(of_rank).collect::<io::Result<Vec<_>>>().map(Some)
    }

    /// On member 0, while all others call [`be_told`](Node::be_told): tells them something.
    pub fn tell(&self, bytes: &[u8]) -> io::Result<()> {
        self.hand_out(bytes, None)
    }

    /// On every member but 0: what member 0 tells.
    pub fn be_told(&mut self) -> io::Result<Vec<u8>> {
        self.be_handed().map(|(bytes, _)| bytes)
    }

    /// Collective over the node: member 0 returns once all have called it. Of the others only the one that passes things on waits.
    pub fn await_all(&mut self) -> io::Result<()> {
        self.collect(&[]).map(drop)
    }

    /// The lowest rank of each node, by node.
    pub fn leaders(&self) -> Vec<usize> {
        let mut leaders = Vec::new();
        for (rank, number) in self.node_numbers.iter().enumerate() {
            if *number == leaders.len() {
                leaders.push(rank);
            }
        }
        leaders
    }

    fn number_nodes(&mut self, bootstrap: &mut dyn Bootstrap) -> io::Result<()> {
        let ranks: Vec<u8> =
            self.members.iter().flat_map(|member| (member.rank as u32).to_le_bytes()).collect();
        let is_leader = self.my_index == 0;
        bootstrap.publish(is_leader.then_some(&ranks))?;
        if bootstrap.size() > FEW && self.is_regular(bootstrap)? {
            return Ok(());
        }
        self.node_numbers = match is_leader {
            true => {
                let numbers = number(bootstrap.size(), |leader| bootstrap.fetch(leader))?;
                let bytes: Vec<u8> =
                    numbers.iter().flat_map(|number| (*number as u32).to_le_bytes()).collect();
                self.tell(&bytes)?;
                numbers
            }
            false => {
                let bytes = self.be_told()?;
                bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number) as usize).collect()
            }
        };
        Ok(())
    }

    /// Whether each node has as many consecutive ranks as the first, the last one perhaps fewer; then they are numbered. If not, leaders have
    /// published their ranks again.
    ///
    /// Every rank whose number is a multiple of that many says whether it leads such a node; where a node is another, one of them doesn't.
    /// So all leaders come to the same answer, the others hear it, and the ranks that would be leaders are known beforehand.
    fn is_regular(&mut self, bootstrap: &mut dyn Bootstrap) -> io::Result<bool> {
        let (rank, size) = (bootstrap.rank(), bootstrap.size());
        let is_leader = self.my_index == 0;
        let width = match (is_leader, rank) {
            (true, 0) => Some(self.members.len()),
            (true, _) => Some(bootstrap.fetch(0)?.len() / size_of::<u32>()),
            (false, _) => None,
        };
        let width = self.agree(width.map(|width| width as u32))? as usize;
        if width == 0 || width > size {
            return Err(io::Error::other("a node's list of ranks is damaged"));
        }
        let nodes = size.div_ceil(width);
        if nodes <= FEW {
            return Ok(false);
        }
        let is_listed = |(place, member): (usize, &Member)| member.rank == rank + place;
        let is_mine = is_leader
            && self.members.len() == width.min(size - rank)
            && self.members.iter().enumerate().all(is_listed);
        let is_place = rank.is_multiple_of(width);
        let mine = is_place.then(|| (rank / width, vec![u8::from(is_mine)]));
        let all = bring(bootstrap, nodes, mine, |node| node * width)?;
        let is_regular = all.is_some_and(|all| all.iter().all(|said| said == &[1]));
        let is_regular = self.agree(is_leader.then_some(u32::from(is_regular)))? == 1;
        if is_regular {
            self.node_numbers = (0..size).map(|rank| rank / width).collect();
        } else {
            let ranks: Vec<u8> =
                self.members.iter().flat_map(|member| (member.rank as u32).to_le_bytes()).collect();
            bootstrap.publish(is_leader.then_some(&ranks))?;
        }
        Ok(is_regular)
    }

    /// What member 0 says.
    fn agree(&mut self, mine: Option<u32>) -> io::Result<u32> {
        if let Some(mine) = mine {
            return self.tell(&mine.to_le_bytes()).map(|()| mine);
        }
        let told = self.be_told()?.try_into();
        told.map(u32::from_le_bytes).map_err(|_| io::Error::other("what a node's leader says is damaged"))
    }

    /// At member 0, while all others do the same: the members' bytes, joined in their order.
    fn collect(&mut self, mine: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let is_leader = self.my_index == 0;
        match &mut self.links {
            Links::Spoke(stream) => {
                send(stream, mine, None)?;
                if is_leader { Ok(Some(receive(stream, MEMBERS)?.0)) } else { Ok(None) }
            }
            Links::Hub(streams) => {
                let mut parts = Vec::with_capacity(streams.len());
                for stream in streams.iter_mut() {
                    parts.push(match stream {
                        Some(stream) => receive(stream, MEMBERS)?.0,
                        None => mine.to_vec(),
                    });
                }
                let all = join(parts.iter().map(Vec::as_slice));
                match &streams[0] {
                    None => Ok(Some(all)),
                    Some(leader) => send(leader, &all, None).map(|()| None),
                }
            }
        }
    }

    /// On member 0, while all others call [`be_handed`](Node::be_handed).
    fn hand_out(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        match &self.links {
            Links::Hub(streams) => {
                streams.iter().flatten().try_for_each(|stream| send(stream, bytes, descriptor))
            }
            Links::Spoke(stream) => send(stream, bytes, descriptor),
        }
    }

    /// On every member but 0: what member 0 hands out. The hub passes it on.
    fn be_handed(&mut self) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
        match &mut self.links {
            Links::Spoke(stream) => receive(stream, LEADER),
            Links::Hub(streams) => {
                let (giver, others) = streams.split_first_mut().expect("a node has at least one member");
                let giver = giver.as_mut().expect("member 0 is not handed anything");
                let (bytes, descriptor) = receive(giver, LEADER)?;
                for stream in others.iter().flatten() {
                    send(stream, &bytes, descriptor.as_ref().map(AsFd::as_fd))?;
                }
                Ok((bytes, descriptor))
            }
        }
    }
}

/// Step 6's result from the leaders' lists, which `fetch` gets by the leader's rank.
fn number(size: usize, mut fetch: impl FnMut(usize) -> io::Result<Vec<u8>>) -> io::Result<Vec<usize>> {
    let damaged = || io::Error::other("a node's list of ranks is damaged");
    let mut numbers = vec![usize::MAX; size];
    let (mut nodes, mut leader) = (0, 0);
    while leader < size {
        let list = fetch(leader)?;
        for rank in list.as_chunks().0.iter().map(|rank| u32::from_le_bytes(*rank) as usize) {
            *numbers.get_mut(rank).filter(|number| **number == usize::MAX).ok_or_else(damaged)? = nodes;
        }
        nodes += 1;
        let next = numbers[leader..].iter().position(|number| *number == usize::MAX);
        match next {
            Some(0) => return Err(damaged()),
            Some(distance) => leader += distance,
            None => leader = size,
        }
    }
    Ok(numbers)
}

/// Byte strings as one.
pub(crate) fn join<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        all.extend((part.len() as u32).to_le_bytes());
        all.extend(part);
    }
    all
}

/// The reverse of [`join`].
pub(crate) fn split(mut all: &[u8]) -> io::Result<Vec<&[u8]>> {
    let damaged = || io::Error::other("what a node's ranks said is damaged");
    let mut parts = Vec::new();
    while !all.is_empty() {
        let (len, rest) = all.split_first_chunk().ok_or_else(damaged)?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(damaged)?;
        parts.push(part);
        all = rest;
    }
    Ok(parts)
}

/// The node that `rank` pretends to be on, when the variable's text says so: blocks of ranks, as even as can be.
fn pretended_node(text: Option<&str>, rank: usize, size: usize) -> io::Result<Option<usize>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse::<usize>() {
        Ok(nodes) if nodes > 0 => Ok(Some(rank * nodes.min(size) / size)),
        _ => Err(io::Error::other(format!("{FAKE_NODES}={text} is not a number of nodes"))),
    }
}

#[cfg(test)]
pub(crate) use rounds::traffic;

#[cfg(test)]
mod tests;
