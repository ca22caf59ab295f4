//! Standard input on its way to rank 0, when that can't simply inherit it: as a background process group it must not read
//! a terminal, and on another host it has none of ours.
//!
//! Never blocks: more is read only when everything read before has been taken.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// The reading end.
#[derive(Debug)]
pub(crate) struct Pump {
    input: File,
    is_taken: bool,
}

/// Whether standard input is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

impl Pump {
    pub(crate) fn new() -> io::Result<Pump> {
        Ok(Pump { input: File::from(io::stdin().as_fd().try_clone_to_owned()?), is_taken: true })
    }

    /// What to poll, if more is wanted.
    pub(crate) fn wants(&self) -> Option<RawFd> {
        self.is_taken.then(|| self.input.as_raw_fd())
    }

    /// Reads once. Nothing means the end, also after an error.
    pub(crate) fn read(&mut self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        self.is_taken = false;
        let len = self.input.read(&mut buffer).unwrap_or(0);
        buffer[..len].to_vec()
    }

    /// Rank 0 has taken what was read last.
    pub(crate) fn taken(&mut self) {
        self.is_taken = true;
    }
}
