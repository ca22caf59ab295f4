//! Long messages between ranks of one node, which are not copied twice: the sender tells where the bytes are, the receiver has the kernel copy
//! them out of the sender's memory (`process_vm_readv`) to where they belong, and says so by what it has taken.
//!
//! ```text
//!     header of the message, its length marked with LENT
//!     address     of the bytes
//!     process     the sender's number
//!     seal        where a random number is in the sender's memory
//!     number      the number
//! ```
//!
//! Invariant: the sender's bytes stay as they are until the receiver has taken the terms out of the ring. Who can't read (the system forbids it, or the
//! process's number means another one there: the seal says so) answers with [`REFUSED`] once and for all, and the bytes come through the ring behind their terms.

use super::UNIT;
use std::hash::{BuildHasher, RandomState};
use std::io;

/// In the length of a message whose bytes are elsewhere.
pub(super) const LENT: u64 = 1 << 63;
/// In what is told to be taken, which is a multiple of [`UNIT`]: nothing can be read there.
pub(super) const REFUSED: u64 = 1;
/// Bytes of the terms.
pub(super) const TERMS: usize = 2 * UNIT;

/// A random number of this process's, by which others know that they read its memory.
pub(super) struct Seal(Box<u64>);

impl Seal {
    pub(super) fn new() -> Seal {
        Seal(Box::new(RandomState::new().hash_one(std::process::id())))
    }

    /// The terms of bytes of this process's.
    pub(super) fn terms(&self, bytes: &[u8]) -> [u8; TERMS] {
        let words = [bytes.as_ptr() as u64, std::process::id().into(), &raw const *self.0 as u64, *self.0];
        let mut terms = [0; TERMS];
        terms.as_chunks_mut().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
        terms
    }
}

/// Copies the bytes that terms are about.
pub(super) fn fetch(terms: &[u8; TERMS], to: &mut [u8]) -> io::Result<()> {
    let word = |at: usize| u64::from_le_bytes(terms[8 * at..8 * at + 8].try_into().expect("eight bytes"));
    let [address, process, seal, wanted] = [0, 1, 2, 3].map(word);
    let mut found = [0u8; 8];
    read(process as libc::pid_t, seal, &mut found)?;
    if u64::from_le_bytes(found) != wanted {
        return Err(io::ErrorKind::NotFound.into());
    }
    read(process as libc::pid_t, address, to)
}

/// Copies from a process's memory.
fn read(process: libc::pid_t, address: u64, to: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < to.len() {
        let here = libc::iovec { iov_base: to[done..].as_mut_ptr().cast(), iov_len: to.len() - done };
        let place = (address as usize).wrapping_add(done) as *mut libc::c_void;
        let there = libc::iovec { iov_base: place, iov_len: to.len() - done };
        // SAFETY: `here` is the rest of an exclusive slice; the kernel checks what is the other process's, and fails where there is nothing.
        let moved = unsafe { libc::process_vm_readv(process, &raw const here, 1, &raw const there, 1, 0) };
        match moved {
            ..0 => return Err(io::Error::last_os_error()),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => done += moved as usize,
        }
    }
    Ok(())
}
