//! Steps 1 to 5 of [discovery](super): a node's ranks gather at its hub.
//!
//! The queue of a socket that listens is short (`somaxconn` is 4096 at best), and whoever shares the network namespace may stand in it. So
//! the hub has a thread that takes connections out of it as they come, those of other users to close them at once; who comes to a full queue
//! tries again. The first word of a rank has the job's cookie and the version of what we speak: who doesn't say that has lost its way.
//!
//! Invariant: nobody but a rank of this job makes the hub wait. What a rank says first is there when the hub reads: all ranks have said it
//! before the barrier that the hub has behind it.

use super::{Links, Member};
use crate::bootstrap::ends::Ends;
use crate::bootstrap::frames::{my_process, peer_user, receive, receive_now, send};
use crate::bootstrap::secret::{PROTOCOL, Secret};
use crate::helper;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use rustix::process::getuid;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a rank tries to connect to its hub.
const CONNECTING: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(1);
/// No queue of connections is longer.
const LONGEST_QUEUE: usize = 1 << 16;

/// Where the ranks of a node meet, as long as they don't.
pub(super) struct Place {
    name: Vec<u8>,
    secret: Secret,
    user: u32,
    rank: usize,
}

/// One rank's part in a gathering.
pub(super) enum Part {
    Hub(Hub),
    Spoke(Option<UnixStream>),
}

/// The thread that takes connections in.
pub(super) struct Hub {
    /// Ends the thread when something is written to it. (That it is closed a forked process could keep from being noticed.)
    stop: UnixStream,
    thread: JoinHandle<io::Result<Vec<UnixStream>>>,
}

impl Place {
    /// For `rank`, on the node that it pretends to be on, if so.
    pub(super) fn new(secret: Secret, pretended: Option<usize>, rank: usize) -> Place {
        let user = getuid().as_raw();
        Place { name: socket_name(secret, pretended, user), secret, user, rank }
    }

    /// Step 1. Who finds the place taken is a spoke.
    pub(super) fn open(&self) -> io::Result<Part> {
        let address = SocketAddr::from_abstract_name(&self.name)?;
        match UnixListener::bind_addr(&address) {
            Ok(listener) => Ok(Part::Hub(Hub::start(listener, self.user)?)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(Part::Spoke(None)),
            Err(error) => Err(error),
        }
    }

    /// Step 3, after all hubs have opened.
    pub(super) fn come(&self, part: &mut Part) -> io::Result<()> {
        let Part::Spoke(stream) = part else { return Ok(()) };
        let connected = connect(&self.name, CONNECTING)?;
        if peer_user(&connected)? != self.user {
            let message = "another user listens under this job's name";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        send(&connected, &self.word(self.rank), my_process().as_ref().map(AsFd::as_fd))?;
        *stream = Some(connected);
        Ok(())
    }

    /// Step 5, after all spokes have come: everyone on this node, by rank.
    pub(super) fn gather(&self, part: Part, size: usize) -> io::Result<(Links, Vec<Member>, Ends)> {
        match part {
            Part::Hub(hub) => self.welcome(hub.close()?, size),
            Part::Spoke(None) => unreachable!("a rank without listener has come"),
            Part::Spoke(Some(mut stream)) => {
                let (members, ends) = receive_members(&mut stream)?;
                Ok((Links::Spoke(stream), members, ends))
            }
        }
    }

    /// What a rank says first.
    fn word(&self, rank: usize) -> Vec<u8> {
        [&self.secret.cookie.to_le_bytes()[..], &PROTOCOL.to_le_bytes(), &(rank as u32).to_le_bytes()]
            .concat()
    }

    fn welcome(&self, streams: Vec<UnixStream>, size: usize) -> io::Result<(Links, Vec<Member>, Ends)> {
        let mut arrived = vec![(self.rank, my_process(), None)];
        let mut strangers = 0;
        for mut stream in streams {
            match receive_now(&mut stream, self.word(0).len())? {
                Some((word, process)) => {
                    let (start, rank) = word.split_at(word.len() - 4);
                    if start != &self.word(0)[..start.len()] {
                        strangers += 1;
                        continue;
                    }
                    arrived.push((read_rank(rank)?, process, Some(stream)));
                }
                None => strangers += 1,
            }
        }
        arrived.sort_by_key(|(rank, ..)| *rank);
        let is_strange = |pair: &[(usize, _, _)]| pair[0].0 == pair[1].0 || pair[1].0 >= size;
        if arrived.windows(2).any(is_strange) {
            return Err(io::Error::other("two ranks of this node say the same of themselves"));
        }
        if strangers > 0 {
            eprintln!(
                "gain: {strangers} connections to this node's ranks were none of this job's, or of another version of it"
            );
        }
        let (mut members, mut streams, mut processes) = (Vec::new(), Vec::new(), Vec::new());
        for (rank, process, stream) in arrived {
            members.push(Member { rank });
            processes.push((rank, process));
            streams.push(stream);
        }
        let ends = Ends::new(processes)?;
        let (set, keeper) = ends.parts();
        let ranks: Vec<u8> = members.iter().flat_map(|member| (member.rank as u32).to_le_bytes()).collect();
        for stream in streams.iter().flatten() {
            send(stream, &ranks, Some(set))?;
            send(stream, &[], keeper)?;
        }
        Ok((Links::Hub(streams), members, ends))
    }
}

impl Hub {
    fn start(listener: UnixListener, user: u32) -> io::Result<Hub> {
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        let take_in = move || {
            let mut streams = Vec::new();
            while wait_for_either(&listener, &stopped)? {
                streams.extend(accept(&listener, user)?.flatten());
            }
            // Those who were in the queue when it was time to stop; whoever has come since may stay there.
            for _ in 0..LONGEST_QUEUE {
                match accept(&listener, user)? {
                    Some(stream) => streams.extend(stream),
                    None => break,
                }
            }
            Ok(streams)
        };
        Ok(Hub { stop, thread: helper::spawn("gain-start", take_in)? })
    }

    /// All who have come.
    fn close(mut self) -> io::Result<Vec<UnixStream>> {
        self.stop.write_all(&[0])?;
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that takes connections in panicked")))
    }
}

/// Sleeps until somebody comes, or until it is time to stop: then false.
fn wait_for_either(listener: &UnixListener, stopped: &UnixStream) -> io::Result<bool> {
    let mut both = [PollFd::new(listener, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
    poll(&mut both, None)?;
    Ok(both[1].revents().is_empty())
}

/// Takes the next connection out of the queue: nothing if it is empty; the stream unless it is another user's.
fn accept(listener: &UnixListener, user: u32) -> io::Result<Option<Option<UnixStream>>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(if peer_user(&stream)? == user { Some(stream) } else { None })),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Ok(None),
            io::ErrorKind::ConnectionAborted => Ok(Some(None)),
            _ => Err(io::Error::new(error.kind(), format!("taking in a rank of this node: {error}"))),
        },
    }
}

/// Connects to an abstract name; waits for a place in the queue.
fn connect(name: &[u8], longest: Duration) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new_abstract_name(name)?;
    let start = Instant::now();
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let stream = UnixStream::from(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?);
        let error = match net::connect(&stream, &address) {
            Ok(()) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) => io::Error::from(error),
        };
        if start.elapsed() >= longest {
            let message =
                format!("connecting to this node's first rank for {} s: {error}", longest.as_secs_f64());
            return Err(io::Error::new(error.kind(), message));
        }
        std::thread::sleep(PAUSE);
    }
}

fn receive_members(stream: &mut UnixStream) -> io::Result<(Vec<Member>, Ends)> {
    let mut next = || receive(stream, "this node's first rank to tell who is there");
    let (ranks, set) = next()?;
    let (_, keeper) = next()?;
    let set = set.ok_or_else(|| io::Error::other("a message between ranks is damaged"))?;
    let rank = |bytes: &[u8; 4]| Member { rank: u32::from_le_bytes(*bytes) as usize };
    let members: Vec<Member> = ranks.as_chunks().0.iter().map(rank).collect();
    let ends = Ends::of_hub(set, keeper, members.len());
    Ok((members, ends))
}

fn read_rank(bytes: &[u8]) -> io::Result<usize> {
    let bytes = bytes.try_into().map_err(|_| io::Error::other("a message between ranks is damaged"))?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

/// The abstract name all ranks of a node meet at. Everybody on the machine can see it.
fn socket_name(secret: Secret, pretended: Option<usize>, user: u32) -> Vec<u8> {
    let node = pretended.map_or(String::new(), |node| format!("-{node}"));
    format!("gain-{user}{node}-{:016x}", secret.name).into_bytes()
}

#[cfg(test)]
mod tests;
