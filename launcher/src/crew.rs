//! The ranks of one host: their processes, what they say, and what they are told.
//!
//! The launcher has a crew when it starts ranks on its own machine, an agent when it starts them for a launcher elsewhere.
//! Whoever has one polls its [`sources`](Crew::sources), lets it [`serve`](Crew::serve) what is ready, which may be an
//! event, and passes on orders.
//!
//! Invariant: no rank outlives its crew, nor the process that has the crew.

use crate::binding;
use crate::guardian::{GROUPS, Guardian};
use crate::pipes::read_some;
use crate::spawn::{self, Rank};
use crate::wire::{Event, Order, Task};
use rma::waits::Board;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;

/// A descriptor of a rank (by its place in the crew).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Stdout(usize),
    Stderr(usize),
    Pmi(usize),
    Process(usize),
    /// Rank 0 can take what it is to read.
    Input,
}

/// Ranks `first..first + ranks.len()` of the job.
#[derive(Debug)]
pub(crate) struct Crew {
    first: usize,
    ranks: Vec<Rank>,
    /// Present until drop.
    guardian: Option<Guardian>,
    board: Board,
    /// Rank 0's standard input, and what it hasn't taken yet.
    input: Option<File>,
    pending: Vec<u8>,
}

impl Crew {
    /// Starts the ranks. An error means that none runs.
    pub(crate) fn start(task: &Task) -> io::Result<Crew> {
        if task.count == 0 || task.count > GROUPS {
            return Err(io::Error::other(format!("{} ranks: 1 to {GROUPS} can be started", task.count)));
        }
        spawn::make_room(task.count);
        let guardian = Some(Guardian::start()?);
        let shares = if task.bind { binding::plan(task.count) } else { None };
        let (board, board_fd) = Board::create(task.size).map_err(io::Error::other)?;
        let ranks = Vec::with_capacity(task.count);
        let mut crew = Crew { first: task.first, ranks, guardian, board, input: None, pending: Vec::new() };
        for place in 0..task.count {
            let share = shares.as_ref().map(|shares| &shares[place][..]);
            let guardian = crew.guardian.as_ref().expect("present until drop").fd();
            let mut rank = spawn::start(task, place, share, board_fd.as_fd(), guardian)?;
            crew.input = crew.input.take().or(rank.stdin.take());
            crew.ranks.push(rank);
        }
        Ok(crew)
    }

    /// Process ids of the ranks.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.ranks.iter().map(|rank| rank.child.id()).collect()
    }

    /// What to poll, with the events of `poll` that matter.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Source, RawFd, i16)> + '_ {
        let input = self.input.iter().filter(|_| !self.pending.is_empty());
        let input = input.map(|pipe| (Source::Input, pipe.as_raw_fd(), libc::POLLOUT));
        let of_rank = |(place, rank): (usize, &Rank)| {
            let stdout = rank.stdout.as_ref().map(|pipe| (Source::Stdout(place), pipe.as_raw_fd()));
            let stderr = rank.stderr.as_ref().map(|pipe| (Source::Stderr(place), pipe.as_raw_fd()));
            let pmi = rank.pmi.as_ref().map(|stream| (Source::Pmi(place), stream.as_raw_fd()));
            let process = rank.status.is_none().then(|| (Source::Process(place), rank.process.as_raw_fd()));
            let all = [stdout, stderr, pmi, process].into_iter().flatten();
            all.map(|(source, fd)| (source, fd, libc::POLLIN))
        };
        input.chain(self.ranks.iter().enumerate().flat_map(of_rank))
    }

    /// Deals with a source that is ready.
    pub(crate) fn serve(&mut self, source: Source) -> Option<Event> {
        let mut buffer = [0; 65536];
        let first = self.first;
        match source {
            Source::Stdout(place) => {
                let bytes = read_some(&mut self.ranks[place].stdout, &mut buffer)?;
                Some(Event::Stdout(first + place, bytes))
            }
            Source::Stderr(place) => {
                let bytes = read_some(&mut self.ranks[place].stderr, &mut buffer)?;
                Some(Event::Stderr(first + place, bytes))
            }
            Source::Pmi(place) => {
                let bytes = read_some(&mut self.ranks[place].pmi, &mut buffer)?;
                Some(Event::Pmi(first + place, bytes))
            }
            Source::Process(place) => {
                let rank = &mut self.ranks[place];
                rank.status = rank.peek_status();
                Some(Event::Ended(first + place, rank.status?.into_raw()))
            }
            Source::Input => self.feed(),
        }
    }

    /// Does as it is told.
    pub(crate) fn obey(&mut self, order: Order) -> Option<Event> {
        match order {
            Order::Pmi(rank, text) => {
                // A rank that no longer listens has ended, which is noticed by itself.
                let stream = self.ranks[rank - self.first].pmi.as_mut();
                let _ = stream.map(|stream| stream.write_all(text.as_bytes()));
            }
            // What is for the program to handle would end what it has started, which may not know of it.
            Order::Signal(signal @ (libc::SIGUSR1 | libc::SIGUSR2)) => {
                self.ranks.iter().filter(|rank| rank.status.is_none()).for_each(|rank| rank.tell(signal));
            }
            Order::Signal(signal) => {
                self.ranks.iter().filter(|rank| rank.status.is_none()).for_each(|rank| rank.signal(signal));
            }
            Order::Sweep => self.ranks.iter().for_each(|rank| rank.signal(libc::SIGKILL)),
            Order::Mute => self.ranks.iter_mut().for_each(|rank| rank.stdout = None),
            Order::Ask => return Some(self.states()),
            Order::Input(bytes) if bytes.is_empty() => self.input = None,
            Order::Input(bytes) => {
                self.pending = bytes;
                return self.feed();
            }
        }
        None
    }

    fn states(&self) -> Event {
        let running = self.ranks.iter().enumerate().filter(|(_, rank)| rank.status.is_none());
        let numbers = running.map(|(place, _)| self.first + place);
        Event::States(numbers.map(|rank| (rank, self.board.slot(rank).read())).collect())
    }

    /// Gives rank 0 what it is to read, as much as it takes.
    fn feed(&mut self) -> Option<Event> {
        match self.input.as_mut()?.write(&self.pending) {
            Ok(len) => drop(self.pending.drain(..len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Rank 0 has closed its input: no more is asked for.
            Err(_) => self.input = None,
        }
        (self.input.is_some() && self.pending.is_empty()).then_some(Event::InputTaken)
    }
}

impl Drop for Crew {
    /// Whatever happened: no rank outlives its crew.
    fn drop(&mut self) {
        self.ranks.iter().for_each(|rank| rank.signal(libc::SIGKILL));
        let mut guardian = self.guardian.take().expect("taken here only");
        for rank in &mut self.ranks {
            // A rank that can't be waited for has been reaped by somebody else; a guardian that is gone needs no word.
            let _ = guardian.forget(rank.child.id());
            let _ = rank.child.wait();
        }
        let _ = guardian.dismiss();
    }
}
