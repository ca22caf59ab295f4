//! Start and end, time, files and logs of a process.
//!
//! Invariant: [`BEGUN`] is set from the start by these functions to the end by them.

use crate::exports::start::terminate;
use crate::fault::{Fault, Result, refuse};
use crate::mpi;
use armci::host::{self, Messages};
use rma::World;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

static BEGUN: AtomicBool = AtomicBool::new(false);

/// How much of a file goes at once.
const PIECE: usize = 1 << 20;

/// The other ranks.
pub(crate) struct Peers {
    pub(crate) messages: Messages,
}

impl Peers {
    #[inline(always)]
    pub(crate) fn get() -> Result<Peers> {
        match host::messages() {
            Ok(messages) => Ok(Peers { messages }),
            Err(_) => Err(missing()),
        }
    }

    /// A rank that there is.
    #[inline(always)]
    pub(crate) fn rank(&self, node: i64) -> Result<usize> {
        let size = self.messages.world().size();
        match usize::try_from(node) {
            Ok(rank) if rank < size => Ok(rank),
            _ => refuse!("there is no node {node}: they are 0 to {}", size - 1),
        }
    }
}

#[cold]
fn missing() -> Fault {
    Fault::new("called before PBEGINF, tcg_pbegin or GA_Initialize, or after the end")
}

pub(crate) fn is_begun() -> bool {
    BEGUN.load(Ordering::Relaxed)
}

/// Starts the runtime, and MPI before if the program was linked with it: the original is MPI's, and programs expect that. Collective.
pub(crate) fn begin() -> Result<()> {
    if BEGUN.swap(true, Ordering::AcqRel) {
        refuse!("called a second time");
    }
    mpi::start()?;
    host::start(|| mpi::found(World::init))?;
    Ok(())
}

/// As the original's: it doesn't return. Collective.
pub(crate) fn end() -> Result<()> {
    terminate()?;
    host::end()?;
    BEGUN.store(false, Ordering::Release);
    mpi::finish()?;
    std::process::exit(0)
}

/// All ranks meet.
pub(crate) fn synchronise() -> Result<()> {
    if !is_begun() && !host::is_started() {
        begin()?;
    }
    Ok(Peers::get()?.messages.world().sync()?)
}

/// A number of a counter that all share. Collective for a negative count of processes, which has it begin at 0 again.
#[inline(always)]
pub(crate) fn next_value(processes: i64) -> Result<i64> {
    let messages = Peers::get()?.messages;
    if processes > 0 {
        return Ok(messages.count()?);
    }
    if processes < 0 {
        messages.reset_counter()?;
    }
    Ok(0)
}

/// Copies a rank's file to a file of each other rank's. Collective.
pub(crate) fn copy_file(root: i64, name: &str) -> Result<()> {
    let peers = Peers::get()?;
    let (root, team) = (peers.rank(root)?, peers.messages.world().team());
    let is_root = peers.messages.world().rank() == root;
    let failed = |error: std::io::Error| Fault::new(format_args!("file '{name}': {error}"));
    let mut file = if is_root { File::open(name) } else { File::create(name) }.map_err(failed)?;
    let mut piece = vec![0u8; PIECE];
    loop {
        let mut len = [0u64];
        if is_root {
            len[0] = file.read(&mut piece).map_err(failed)? as u64;
        }
        team.broadcast(&mut len, root)?;
        let bytes = &mut piece[..len[0] as usize];
        if bytes.is_empty() {
            return Ok(());
        }
        team.broadcast(bytes, root)?;
        if !is_root {
            file.write_all(bytes).map_err(failed)?;
        }
    }
}

/// Output and errors go to the end of `log.NNN` from now on.
pub(crate) fn log() -> Result<()> {
    let name = format!("log.{:03}", Peers::get()?.messages.world().rank());
    let failed = |error: std::io::Error| Fault::new(format_args!("file '{name}': {error}"));
    let file = OpenOptions::new().append(true).create(true).open(&name).map_err(failed)?;
    let opened = c"\n\nLog file opened\n";
    // SAFETY: descriptors of ours, null for all streams, and a terminated text.
    unsafe {
        libc::fflush(std::ptr::null_mut());
        for output in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
            if libc::dup2(file.as_raw_fd(), output) < 0 {
                return Err(failed(std::io::Error::last_os_error()));
            }
        }
        libc::puts(opened.as_ptr());
        libc::fflush(std::ptr::null_mut());
    }
    Ok(())
}
