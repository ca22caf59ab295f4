//! Pipes to and from ranks, which nobody waits for.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;

/// Reads what is there: nothing at the end of the stream, which is then closed. `None`: interrupted, or closed before.
pub(crate) fn read_some(stream: &mut Option<impl Read>, buffer: &mut [u8]) -> Option<Vec<u8>> {
    match stream.as_mut()?.read(buffer) {
        Ok(len) if len > 0 => Some(buffer[..len].to_vec()),
        Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => None,
        Ok(_) | Err(_) => {
            *stream = None;
            Some(Vec::new())
        }
    }
}

/// The end of rank 0's standard input that its starter writes to; never blocks.
pub(crate) fn nonblocking(pipe: File) -> File {
    // SAFETY: a system call on a descriptor that is open.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    pipe
}
