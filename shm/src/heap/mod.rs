//! The node heap.

use crate::board::Slot;
use crate::error::Result;
use crate::sync::SpinPolicy;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr::NonNull;

/// How big a heap to make.
#[derive(Clone, Copy, Debug)]
pub struct HeapConfig {
    /// Ranks of this node.
    pub ranks: usize,
    /// Most bytes all arenas together may hold; `None`: `GAIN_HEAP_BYTES`, else what the machine or the control group has.
    pub limit_bytes: Option<u64>,
}

/// A piece of the caller's own arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Byte offset in the arena.
    pub offset: usize,
    /// Usable bytes: at least what was asked.
    pub len: usize,
}

/// An allocation that can't be had; nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub asked: u64,
    /// Bytes that could still be had at that moment.
    pub free: u64,
    /// Limit of the node heap.
    pub limit: u64,
}

impl std::fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "out of memory: asked for {} bytes, {} free of the node heap's {}",
            self.asked, self.free, self.limit
        )
    }
}

impl std::error::Error for OutOfMemory {}

/// The heap of one node as one process sees it.
#[derive(Debug)]
pub struct Heap {
    base: NonNull<u8>,
    stride: usize,
    ranks: usize,
    rank: usize,
}

// SAFETY: shared state is behind atomics; the allocator is behind a mutex.
unsafe impl Send for Heap {}
// SAFETY: as above.
unsafe impl Sync for Heap {}

impl Heap {
    /// Makes the heap; the caller becomes node rank 0. Not collective: peers attach to [`Heap::fd`].
    /// With one rank the memory is private to the process.
    pub fn create(config: HeapConfig) -> Result<Heap> {
        let _ = config;
        todo!()
    }

    /// Maps the heap of another process as node rank `rank`. Each rank attaches once.
    pub fn attach(fd: OwnedFd, rank: usize) -> Result<Heap> {
        let _ = (fd, rank);
        todo!()
    }

    /// The memory file to pass to the peers; `None` for a heap of one rank.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        todo!()
    }

    /// Node rank of this process.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Ranks of this node.
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// Where `(rank, offset)` is mapped in this process. Neither is checked: a wild offset gives a wild pointer.
    #[inline(always)]
    pub fn address(&self, rank: usize, offset: usize) -> *mut u8 {
        self.base.as_ptr().wrapping_add(rank.wrapping_mul(self.stride).wrapping_add(offset))
    }

    /// Allocates in this rank's arena. Contents are arbitrary. `align` is a power of two up to 2 MiB; at least 64 is used.
    pub fn allocate(&self, len_bytes: usize, align: usize) -> std::result::Result<Block, OutOfMemory> {
        let _ = (len_bytes, align);
        todo!()
    }

    /// [`Heap::allocate`], all bytes zero.
    pub fn allocate_zeroed(&self, len_bytes: usize, align: usize) -> std::result::Result<Block, OutOfMemory> {
        let _ = (len_bytes, align);
        todo!()
    }

    /// Frees the block that begins at `offset`. Panics when none does.
    pub fn free(&self, offset: usize) {
        let _ = offset;
        todo!()
    }

    /// Zeroed memory that all ranks share, for the floor above: at least 64 KiB + 16 KiB per rank, page aligned.
    pub fn root_area(&self) -> (NonNull<u8>, usize) {
        todo!()
    }

    /// The wait record of a node rank.
    pub fn board(&self, rank: usize) -> &Slot {
        let _ = rank;
        todo!()
    }

    /// Process id of a node rank, 0 until it attached.
    pub fn pid(&self, rank: usize) -> u32 {
        let _ = rank;
        todo!()
    }

    /// Whether the process of a node rank is gone (a zombie is gone, too). A system call.
    pub fn is_dead(&self, rank: usize) -> bool {
        let _ = rank;
        todo!()
    }

    /// Whether waiting ranks may spin: only when all ranks, with `threads` threads each, fit the CPUs they may use.
    /// Right once all ranks have attached.
    pub fn spin_policy(&self, threads: usize) -> SpinPolicy {
        let _ = threads;
        todo!()
    }

    /// Bytes of the node heap that are committed (have pages), all ranks together, and the limit.
    pub fn usage(&self) -> (u64, u64) {
        todo!()
    }
}
