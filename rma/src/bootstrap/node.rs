//! Which ranks share this machine, and handing descriptors to them.
//!
//! Ranks are on one node when they reach the same abstract Unix socket: such names are scoped by network namespace, need
//! no file, and vanish with their process. The name holds the user and the job, so every rank of a job computes the same.
//!
//! | step | who | what |
//! | --- | --- | --- |
//! | 1 | all | try to bind the name; exactly one per node succeeds and is the *hub*, the others are *spokes* |
//! | 2 | all | bootstrap barrier: every hub listens |
//! | 3 | spoke | connects; sends its rank with a pidfd of itself (the backlog takes it, nobody accepts yet) |
//! | 4 | all | bootstrap barrier: every spoke has connected |
//! | 5 | hub | accepts all, sorts by rank, sends everybody every rank with its pidfd |
//! | 6 | all | bootstrap allgather of the node's lowest rank: everyone knows every node |
//!
//! Afterwards the hub passes descriptors on from the member with the lowest rank ([`Node::give`], [`Node::take`]).
//! A pidfd names a process for good: no number is looked up that another process might have got meanwhile, and it works
//! between containers that share a network but not a process table.

use super::Bootstrap;
use super::frames::{my_process, peer_user, receive, send};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

/// Environment variable: into how many nodes the ranks of one machine pretend to be divided. A testing aid.
const FAKE_NODES: &str = "GAIN_FAKE_NODES";

/// One process of this node.
#[derive(Debug)]
pub struct Member {
    /// Its rank in the job.
    pub rank: usize,
    /// Its process; absent where the kernel has no pidfds, then its death goes unnoticed by us.
    process: Option<OwnedFd>,
}

impl Member {
    /// Whether the process still runs. A zombie does not run.
    pub fn is_alive(&self) -> bool {
        let Some(process) = &self.process else { return true };
        let mut poll = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one initialised pollfd, alive during the call; a timeout of zero returns at once.
        let ready = unsafe { libc::poll(&mut poll, 1, 0) };
        ready != 1
    }

    /// The descriptor that turns readable when the process ends.
    pub fn process(&self) -> Option<BorrowedFd<'_>> {
        self.process.as_ref().map(AsFd::as_fd)
    }
}

/// The processes of this job on this machine, in rank order, and the connections between them.
#[derive(Debug)]
pub struct Node {
    members: Vec<Member>,
    my_index: usize,
    node_numbers: Vec<usize>,
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
            let members = vec![Member { rank, process: None }];
            return Ok(Node { members, my_index: 0, node_numbers: vec![0], links: Links::Hub(vec![None]) });
        }
        // SAFETY: no arguments, cannot fail.
        let user = unsafe { libc::getuid() };
        let pretended = pretended_node(std::env::var(FAKE_NODES).ok().as_deref(), rank, bootstrap.size())?;
        let address = SocketAddr::from_abstract_name(socket_name(user, bootstrap.job(), pretended))?;
        let listener = match UnixListener::bind_addr(&address) {
            Ok(listener) => Some(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
            Err(error) => return Err(error),
        };
        bootstrap.barrier()?;
        let spoke = match listener {
            Some(_) => None,
            None => Some(connect(&address, user, rank)?),
        };
        bootstrap.barrier()?;
        let (links, members) = match (listener, spoke) {
            (Some(listener), _) => accept(listener, user, rank)?,
            (None, Some(mut stream)) => {
                let members = receive_members(&mut stream)?;
                (Links::Spoke(stream), members)
            }
            (None, None) => unreachable!("a rank without listener has connected"),
        };
        let my_index = members.iter().position(|member| member.rank == rank).ok_or_else(|| {
            io::Error::other(format!("rank {rank} is missing from the list of its own node"))
        })?;
        let node_numbers = number_nodes(bootstrap, members[0].rank)?;
        Ok(Node { members, my_index, node_numbers, links })
    }

    /// The processes on this node, by increasing rank.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The ranks of the members that have ended. One system call, local.
    pub fn dead(&self) -> Vec<usize> {
        let watched = |member: &Member| member.process.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let poll = |member| libc::pollfd { fd: watched(member), events: libc::POLLIN, revents: 0 };
        let mut polled: Vec<libc::pollfd> = self.members.iter().map(poll).collect();
        // SAFETY: an initialised array of the length given; a timeout of zero returns at once; -1 is skipped by the kernel.
        let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, 0) };
        if ready <= 0 {
            return Vec::new();
        }
        let ended = self.members.iter().zip(&polled).filter(|(_, polled)| polled.revents & libc::POLLIN != 0);
        ended.map(|(member, _)| member.rank).collect()
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
        match &self.links {
            Links::Hub(streams) => {
                streams.iter().flatten().try_for_each(|stream| send(stream, text.as_bytes(), descriptor))
            }
            Links::Spoke(stream) => send(stream, text.as_bytes(), descriptor),
        }
    }

    /// On every member but 0: the descriptor that member 0 gives. An error holds member 0's text.
    pub fn take(&mut self) -> io::Result<OwnedFd> {
        let (text, descriptor) = match &mut self.links {
            Links::Spoke(stream) => receive(stream)?,
            Links::Hub(streams) => {
                let (giver, others) = streams.split_first_mut().expect("a node has at least one member");
                let giver = giver.as_mut().expect("member 0 does not take");
                let (text, descriptor) = receive(giver)?;
                for stream in others.iter().flatten() {
                    send(stream, &text, descriptor.as_ref().map(AsFd::as_fd))?;
                }
                (text, descriptor)
            }
        };
        descriptor.ok_or_else(|| io::Error::other(String::from_utf8_lossy(&text).into_owned()))
    }
}

/// The node that `rank` pretends to be on, when the variable's text says so: blocks of ranks, as even as can be.
fn pretended_node(text: Option<&str>, rank: usize, size: usize) -> io::Result<Option<usize>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse::<usize>() {
        Ok(nodes) if nodes > 0 => Ok(Some(rank * nodes.min(size) / size)),
        _ => Err(io::Error::other(format!("{FAKE_NODES}={text} is not a number of nodes"))),
    }
}

/// The abstract name all ranks of a node meet at. Names have room for 107 bytes and some managers' job names don't fit,
/// so a long one is cut and a hash of the whole put after it.
fn socket_name(user: u32, job: &str, pretended: Option<usize>) -> Vec<u8> {
    const ROOM: usize = 60;
    let node = pretended.map_or(String::new(), |node| format!("-{node}"));
    let mut name = format!("gain-{user}{node}-").into_bytes();
    name.extend(&job.as_bytes()[..job.len().min(ROOM)]);
    if job.len() > ROOM {
        // FNV-1a: every rank must compute the same, whatever its build.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        name.extend(format!("-{:x}", job.bytes().fold(0xcbf2_9ce4_8422_2325, step)).bytes());
    }
    name
}

/// A spoke's side of step 3.
fn connect(address: &SocketAddr, user: u32, rank: usize) -> io::Result<UnixStream> {
    let stream = UnixStream::connect_addr(address)?;
    if peer_user(&stream)? != user {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user listens under this job's name",
        ));
    }
    send(&stream, &(rank as u32).to_le_bytes(), my_process().as_ref().map(AsFd::as_fd))?;
    Ok(stream)
}

/// The hub's side of step 5: everyone has connected, so an empty backlog means all are here.
fn accept(listener: UnixListener, user: u32, rank: usize) -> io::Result<(Links, Vec<Member>)> {
    listener.set_nonblocking(true)?;
    let mut arrived = vec![(Member { rank, process: my_process() }, None)];
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        };
        if peer_user(&stream)? != user {
            continue;
        }
        let (bytes, process) = receive(&mut stream)?;
        arrived.push((Member { rank: read_rank(&bytes)?, process }, Some(stream)));
    }
    arrived.sort_by_key(|(member, _)| member.rank);
    let (members, streams): (Vec<Member>, Vec<Option<UnixStream>>) = arrived.into_iter().unzip();
    for stream in streams.iter().flatten() {
        send(stream, &(members.len() as u32).to_le_bytes(), None)?;
        for member in &members {
            send(stream, &(member.rank as u32).to_le_bytes(), member.process())?;
        }
    }
    Ok((Links::Hub(streams), members))
}

fn receive_members(stream: &mut UnixStream) -> io::Result<Vec<Member>> {
    let count = read_rank(&receive(stream)?.0)?;
    let member = |_| {
        let (bytes, process) = receive(stream)?;
        Ok(Member { rank: read_rank(&bytes)?, process })
    };
    (0..count).map(member).collect()
}

/// Step 6.
fn number_nodes(bootstrap: &mut dyn Bootstrap, lowest: usize) -> io::Result<Vec<usize>> {
    let lowest_of = bootstrap.allgather(&(lowest as u32).to_le_bytes())?;
    let lowest_of: Vec<usize> = lowest_of.iter().map(|bytes| read_rank(bytes)).collect::<io::Result<_>>()?;
    let mut leaders = lowest_of.clone();
    leaders.sort_unstable();
    leaders.dedup();
    Ok(lowest_of.iter().map(|lowest| leaders.partition_point(|leader| leader < lowest)).collect())
}

fn read_rank(bytes: &[u8]) -> io::Result<usize> {
    let bytes = bytes.try_into().map_err(|_| io::Error::other("a message between ranks is damaged"))?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

#[cfg(test)]
mod tests;
