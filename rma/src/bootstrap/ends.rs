//! Which of a node's processes have ended: one question to the kernel, whatever their number.
//!
//! The hub collects a process descriptor of each member and puts them into a set (epoll) that it shares with all: so a member has two
//! descriptors and not one per peer. A set forgets a descriptor that nobody has open any more, and the hub may end before others do: therefore
//! the process descriptors lie in the queue of a socket that nobody reads and all members have.
//!
//! Invariant: as long as one member runs, the set knows of every other that has ended.

use super::frames::send_all;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The set. Where the kernel has no process descriptors it is empty, and nobody ever ends.
#[derive(Debug)]
pub(super) struct Ends {
    set: OwnedFd,
    /// What keeps the process descriptors open: the socket, or themselves if they don't fit it.
    keeper: Keeper,
    members: usize,
}

#[derive(Debug)]
enum Keeper {
    Queue(OwnedFd),
    /// Only held.
    Here(#[expect(dead_code)] Vec<OwnedFd>),
}

impl Ends {
    /// At the hub: the set of these processes, by rank.
    pub(super) fn new(processes: Vec<(usize, Option<OwnedFd>)>) -> io::Result<Ends> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let members = processes.len();
        let mut kept = Vec::with_capacity(members);
        for (rank, process) in processes {
            let Some(process) = process else { continue };
            epoll::add(&set, &process, epoll::EventData::new_u64(rank as u64), epoll::EventFlags::IN)?;
            kept.push(process);
        }
        let (queue, end) = UnixStream::pair()?;
        let borrowed: Vec<BorrowedFd<'_>> = kept.iter().map(AsFd::as_fd).collect();
        // A user may have only so many descriptors in queues.
        let keeper = match send_all(&end, &borrowed) {
            Ok(()) => Keeper::Queue(queue.into()),
            Err(_) => Keeper::Here(kept),
        };
        Ok(Ends { set, keeper, members })
    }

    /// At a spoke: what the hub's [`Ends::parts`] were.
    pub(super) fn of_hub(set: OwnedFd, socket: Option<OwnedFd>, members: usize) -> Ends {
        let keeper = match socket {
            Some(socket) => Keeper::Queue(socket),
            None => Keeper::Here(Vec::new()),
        };
        Ends { set, keeper, members }
    }

    /// What a member needs: the set, and what keeps it.
    pub(super) fn parts(&self) -> (BorrowedFd<'_>, Option<BorrowedFd<'_>>) {
        let keeper = match &self.keeper {
            Keeper::Queue(socket) => Some(socket.as_fd()),
            Keeper::Here(_) => None,
        };
        (self.set.as_fd(), keeper)
    }

    /// The ranks that have ended, in increasing order. A zombie has. One system call.
    pub(super) fn ranks(&self) -> Vec<usize> {
        let mut events = Vec::with_capacity(self.members);
        // A set that can't be read tells of nobody.
        let _ =
            epoll::wait(&self.set, spare_capacity(&mut events), Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        let mut ranks: Vec<usize> = events.iter().map(|event| event.data.u64() as usize).collect();
        ranks.sort_unstable();
        ranks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::FromRawFd;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, OwnedFd) {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        // SAFETY: the call takes two integers, and the result is checked before it is wrapped.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
        assert!(fd >= 0);
        // SAFETY: a fresh descriptor that nobody else owns.
        (child, unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
    }

    #[test]
    fn who_has_ended_is_known_also_when_the_hub_is_gone() {
        let (mut first, one) = sleeper();
        let (mut second, two) = sleeper();
        let hub = Ends::new(vec![(3, Some(one)), (5, None), (8, Some(two))]).unwrap();
        let (set, keeper) = hub.parts();
        let copy = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().unwrap();
        let spoke = Ends::of_hub(copy(set), keeper.map(copy), 3);
        assert!(keeper.is_some() && hub.ranks().is_empty() && spoke.ranks().is_empty());
        second.kill().unwrap();
        second.wait().unwrap();
        assert_eq!((hub.ranks(), spoke.ranks()), (vec![8], vec![8]));
        drop(hub);
        first.kill().unwrap();
        first.wait().unwrap();
        assert_eq!(spoke.ranks(), [3, 8]);
        assert_eq!(spoke.ranks(), [3, 8], "and stays so");
    }

    #[test]
    fn a_thousand_processes_fit() {
        let (mut child, process) = sleeper();
        // A set has a descriptor once, so copies stand for processes.
        let processes = (0..1000).map(|rank| (rank, Some(process.try_clone().unwrap()))).collect();
        let ends = Ends::new(processes).unwrap();
        assert!(ends.parts().1.is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        drop(process);
        assert_eq!(ends.ranks(), (0..1000).collect::<Vec<_>>());
    }
}
