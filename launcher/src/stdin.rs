//! Copies the terminal to rank 0, which as a background process group must not read it.
//!
//! Never blocks: the terminal is read only when everything read before has been taken.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::ChildStdin;

/// What has to become ready next.
pub(crate) enum Wants {
    /// Something to read.
    Terminal(RawFd),
    /// Room to write.
    Rank(RawFd),
}

/// The copying.
#[derive(Debug)]
pub(crate) struct Pump {
    terminal: File,
    rank: File,
    pending: Vec<u8>,
}

/// Whether standard input is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

impl Pump {
    pub(crate) fn new(rank: ChildStdin) -> io::Result<Pump> {
        let rank = File::from(OwnedFd::from(rank));
        // SAFETY: a system call on a descriptor that is open.
        unsafe { libc::fcntl(rank.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Pump { terminal, rank, pending: Vec::new() })
    }

    pub(crate) fn wants(&self) -> Wants {
        match self.pending.is_empty() {
            true => Wants::Terminal(self.terminal.as_raw_fd()),
            false => Wants::Rank(self.rank.as_raw_fd()),
        }
    }

    /// Copies once. An error (or the end of the input) means that nothing more is to be copied.
    pub(crate) fn advance(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            let mut buffer = [0; 4096];
            let len = self.terminal.read(&mut buffer)?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.pending.extend_from_slice(&buffer[..len]);
        }
        match self.rank.write(&self.pending) {
            Ok(len) => drop(self.pending.drain(..len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
