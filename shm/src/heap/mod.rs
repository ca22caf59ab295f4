//! The node heap: one memory file, mapped by every rank of the node, with one arena per rank.
//!
//! ```text
//! base                    base + root_len             + stride                  + 2 x stride
//! | root (see root.rs)    | arena of rank 0           | arena of rank 1         | ...
//! ```
//!
//! A place is `(node rank, byte offset)`, mapped at `base + root_len + rank * stride + offset`; the base is
//! the same in all processes where that place is free, but nothing here depends on it. The file has no name and its size is address space, not memory: pages
//! exist once an arena's owner committed them. A heap of one rank has no file: private memory gets huge pages
//! more readily.

mod arena;
mod root;
mod space;
mod stripes;

use crate::board::Slot;
use crate::error::{Error, Result};
use crate::os::{self, HugePages, Mapping};
use crate::sync::SpinPolicy;
use arena::{Arena, Need};
use root::{CHUNK, Layout, Root};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
pub(crate) use stripes::{LOCKS, STRIPE_SHIFT, Stripes, TOGETHER};

/// How big a heap to make.
#[derive(Clone, Copy, Debug)]
pub struct HeapConfig {
    /// Ranks of this node.
    pub ranks: usize,
    /// Most bytes all arenas together may hold; `None`: `GAIN_HEAP_BYTES`, else what the machine or the
    /// control group has.
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

/// Another thread is busy with what was asked for: ask again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

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

/// The heap of one node as one process sees it. Unmapped on drop: no pointer into it may be used afterwards.
#[derive(Debug)]
pub struct Heap {
    /// First byte of the first arena.
    arenas: NonNull<u8>,
    stride: usize,
    rank: usize,
    ranks: usize,
    root: Root,
    arena: Mutex<Arena>,
    /// Chunks of the arena have got pages, or won't.
    grown: Condvar,
    mapping: Mapping,
}

// SAFETY: the pointers lead into `mapping`, which the heap owns; shared state there is atomic or the arenas'
// bytes, which are handed out as raw pointers only; private state is behind the mutex.
unsafe impl Send for Heap {}
// SAFETY: as above.
unsafe impl Sync for Heap {}

impl Heap {
    /// Makes the heap; the caller becomes node rank 0. Not collective: peers attach to [`Heap::fd`].
    ///
    /// # Errors
    /// More ranks than a node can have, a malformed `GAIN_HEAP_BYTES` or `GAIN_HUGEPAGES`, or what the system
    /// says.
    pub fn create(config: HeapConfig) -> Result<Heap> {
        const OP: &str = "heap create";
        let huge = HugePages::from_env()?;
        let layout = Layout::new(OP, config.ranks)?;
        let limit = match config.limit_bytes {
            Some(bytes) => bytes,
            None => limit_from_env()?.unwrap_or_else(os::total_bytes),
        };
        let stride = stride(config.ranks, limit);
        let len = layout.root_len + config.ranks * stride;
        let file = match config.ranks {
            1 => None,
            _ => Some(os::memory_file(OP, c"gain-heap", len, huge == HugePages::Hugetlb)?),
        };
        let mapping = map(OP, file, len)?;
        populate(OP, &mapping, layout.common(), huge)?;
        populate(OP, &mapping, layout.own(0), huge)?;
        // SAFETY: root_len bytes are mapped (by `mapping`, which outlives the root), aligned to CHUNK, and zero.
        let root = unsafe { Root::new(mapping.base(), layout) };
        // SAFETY: the descriptor has not been given to anybody.
        unsafe { root.initialise(stride, limit) };
        Ok(Heap::assemble(mapping, root, layout, stride, 0, huge))
    }

    /// Maps the heap of another process as node rank `rank`. Each rank attaches once.
    ///
    /// # Errors
    /// The file is no node heap, there is no such rank or it is taken, or what the system says.
    pub fn attach(fd: OwnedFd, rank: usize) -> Result<Heap> {
        const OP: &str = "heap attach";
        let huge = HugePages::from_env()?;
        let len = os::sized(OP, fd.as_fd())?;
        let mapping = map(OP, Some(fd), len)?;
        if len < CHUNK {
            return Err(Error::new(OP, format!("a file of {len} bytes is not a node heap")));
        }
        // SAFETY: the first chunk is mapped and aligned; a page of a file of memory that nobody wrote is zero.
        let (ranks, stride) = unsafe { Root::read_header(mapping.base()) }?;
        let layout = Layout::new(OP, ranks)?;
        if len != layout.root_len + ranks * stride || rank >= ranks {
            return Err(Error::new(
                OP,
                format!("rank {rank} of {ranks}, {stride} bytes each, in {len} bytes"),
            ));
        }
        populate(OP, &mapping, layout.own(rank), huge)?;
        // SAFETY: root_len bytes are mapped and aligned; the creator initialised them before it passed the descriptor on.
        let root = unsafe { Root::new(mapping.base(), layout) };
        if root.pid(rank) != 0 {
            return Err(Error::new(OP, format!("rank {rank} is process {} already", root.pid(rank))));
        }
        Ok(Heap::assemble(mapping, root, layout, stride, rank, huge))
    }

    fn assemble(
        mapping: Mapping,
        root: Root,
        layout: Layout,
        stride: usize,
        rank: usize,
        huge: HugePages,
    ) -> Heap {
        mapping.prefer(layout.root_len, layout.ranks * stride, huge);
        root.enter(rank);
        let arena = Arena::new(layout.root_len + rank * stride, stride, root.header(), huge);
        // SAFETY: root_len is within the mapping.
        let arenas = unsafe { mapping.base().byte_add(layout.root_len) };
        Heap {
            arenas,
            stride,
            rank,
            ranks: layout.ranks,
            root,
            arena: Mutex::new(arena),
            grown: Condvar::new(),
            mapping,
        }
    }

    /// The memory file to pass to the peers; `None` for a heap of one rank.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.mapping.file().map(AsFd::as_fd)
    }

    /// In a forked child, which is no rank of this heap: what it writes from now on stays its own. Async-signal-safe.
    pub fn isolate(&self) {
        self.mapping.isolate();
    }

    /// Node rank of this process.
    #[inline]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Ranks of this node.
    #[inline]
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// Bytes of address space of each arena: no offset reaches this.
    #[inline]
    pub fn arena_len(&self) -> usize {
        self.stride
    }

    /// Where `(rank, offset)` is mapped in this process. Neither is checked: a wild offset gives a wild
    /// pointer.
    #[inline(always)]
    pub fn address(&self, rank: usize, offset: usize) -> *mut u8 {
        self.arenas.as_ptr().wrapping_add(rank.wrapping_mul(self.stride).wrapping_add(offset))
    }

    /// Allocates in this rank's arena: local, no system call unless the arena must grow, which keeps no other thread of this process from
    /// allocating. The contents are
    /// arbitrary (what a former block left). `align` is a power of two up to 2 MiB; at least 64 is used, a
    /// page for 64 KiB and more. Stands for `ARMCI_Malloc_local`.
    ///
    /// # Errors
    /// The memory isn't there: every byte of a block that is returned has its page.
    pub fn allocate(&self, len_bytes: usize, align: usize) -> std::result::Result<Block, OutOfMemory> {
        assert!(align.is_power_of_two() && align <= CHUNK, "alignment {align}");
        let (memory, header) = (&self.mapping, self.root.header());
        let mut arena = self.arena();
        let block = arena.take(memory, header, len_bytes, align)?;
        self.populate(arena, block, false)?;
        Ok(Block { offset: block.0, len: block.1 })
    }

    /// Gives pages to a block, or to a part of a reserved one.
    fn populate<'a>(
        &'a self,
        mut arena: MutexGuard<'a, Arena>,
        block: (usize, usize),
        is_part: bool,
    ) -> std::result::Result<(), OutOfMemory> {
        let (memory, header) = (&self.mapping, self.root.header());
        loop {
            match arena.need(memory, header, block, is_part)? {
                Need::Nothing => return Ok(()),
                Need::Others => arena = self.grown.wait(arena).unwrap_or_else(PoisonError::into_inner),
                Need::Pages(growth) => {
                    drop(arena);
                    let is_populated = growth.populate(memory);
                    arena = self.arena();
                    let outcome = arena.grown(memory, header, block, growth, is_populated);
                    self.grown.notify_all();
                    outcome?;
                }
            }
        }
    }

    /// [`Heap::allocate`], all bytes zero.
    pub fn allocate_zeroed(&self, len_bytes: usize, align: usize) -> std::result::Result<Block, OutOfMemory> {
        let block = self.allocate(len_bytes, align)?;
        // SAFETY: the block is ours, committed, and nobody knows of it yet.
        unsafe { self.address(self.rank, block.offset).write_bytes(0, block.len) };
        Ok(block)
    }

    /// Takes room for `len_bytes` in this rank's arena, at a multiple of 2 MiB, of which nothing may be used before [`Heap::commit`] has
    /// given it pages. Local, without a system call.
    ///
    /// # Errors
    /// There is no such room.
    pub fn reserve(&self, len_bytes: usize) -> std::result::Result<Block, OutOfMemory> {
        let (offset, len) = self.arena().reserve(self.root.header(), len_bytes)?;
        Ok(Block { offset, len })
    }

    /// Gives pages to a part of a block of [`Heap::reserve`], until that is freed; parts that have some already keep them. Local.
    ///
    /// # Errors
    /// The memory isn't there; nothing changed.
    pub fn commit(&self, offset: usize, len_bytes: usize) -> std::result::Result<(), OutOfMemory> {
        self.populate(self.arena(), (offset, len_bytes), true)
    }

    /// Frees the block of this rank's arena that begins at `offset`. The caller has made sure that nobody
    /// uses it any more. Panics when there is no such block.
    pub fn free(&self, offset: usize) {
        let found = self.arena().free(&self.mapping, self.root.header(), offset);
        assert!(found, "free: no block at offset {offset}");
    }

    /// Keeps the pages around `offset` of this rank's arena for good, as a network adapter that is told their addresses needs it:
    /// the run of committed memory that was not kept before, as far as it lies in the same multiple of `longest` bytes. Answers where it begins
    /// and ends; nothing if there is no memory at `offset` or it is kept already. Never waits: an error if another thread is busy with
    /// the arena, as when it gives much memory back. Local.
    pub fn try_pin(
        &self,
        offset: usize,
        longest: usize,
    ) -> std::result::Result<Option<(usize, usize)>, Busy> {
        match self.arena.try_lock() {
            Ok(mut arena) => Ok(arena.pin(offset, longest)),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner().pin(offset, longest)),
            Err(TryLockError::WouldBlock) => Err(Busy),
        }
    }

    fn arena(&self) -> MutexGuard<'_, Arena> {
        self.arena.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Zeroed memory that all ranks share, for the floor above: 64 bytes per rank, rounded up to 64 KiB, then 16 KiB per rank, which are that
    /// rank's: they are committed once it has attached, and near its processors. Page aligned.
    pub fn root_area(&self) -> (NonNull<u8>, usize) {
        self.root.area()
    }

    /// The wait record of a node rank.
    pub fn board(&self, rank: usize) -> &Slot {
        self.root.slot(rank)
    }

    /// The locks that accumulates into a rank's arena take.
    #[inline]
    pub(crate) fn stripes(&self, rank: usize) -> &Stripes {
        self.root.stripes(rank)
    }

    /// Process id of a node rank, 0 until it attached.
    pub fn pid(&self, rank: usize) -> u32 {
        self.root.pid(rank)
    }

    /// Whether the process of a node rank is gone (a zombie is gone, too). A few system calls.
    pub fn is_dead(&self, rank: usize) -> bool {
        self.root.is_dead(rank)
    }

    /// Whether waiting ranks may spin: only when all ranks, with `threads` busy threads each, fit the CPUs
    /// they may use. Right once all ranks have attached.
    pub fn spin_policy(&self, threads: usize) -> SpinPolicy {
        if self.ranks * threads <= self.root.cpus() { SpinPolicy::DEDICATED } else { SpinPolicy::SHARED }
    }

    /// Bytes of the node heap that are committed (have pages), all ranks together, and the limit.
    pub fn usage(&self) -> (u64, u64) {
        let header = self.root.header();
        (header.committed.load(crate::atomic::Ordering::Relaxed), header.limit)
    }
}

/// Gives parts of the root pages.
fn populate(
    operation: &'static str,
    mapping: &Mapping,
    parts: [Range<usize>; 2],
    huge: HugePages,
) -> Result<()> {
    parts.into_iter().try_for_each(|part| mapping.populate(part.start, part.len())).map_err(|error| {
        let advice = match huge {
            HugePages::Hugetlb => {
                "; GAIN_HUGEPAGES=hugetlb needs pages reserved in /proc/sys/vm/nr_hugepages"
            }
            _ => "",
        };
        Error::new(operation, format!("no memory for the root of the heap ({error}){advice}"))
    })
}

/// Maps a heap: at one address in all processes of a node, unless a process has something else there. Nothing in a heap depends on
/// that, but people who pass raw addresses on do. 64 TiB from here on are free in ordinary processes, and under AddressSanitizer: programs
/// begin at 85 TiB.
fn map(operation: &'static str, file: Option<OwnedFd>, len: usize) -> Result<Mapping> {
    const WANTED: usize = 18 << 40;
    match file {
        Some(_) => Mapping::at(operation, file, len, CHUNK, WANTED),
        None => Mapping::new(operation, None, len, CHUNK),
    }
}

/// Address space per arena: room for the whole limit in one arena twice over, as free memory may be in
/// pieces, as far as 46 bits go.
fn stride(ranks: usize, limit: u64) -> usize {
    const SPACE: usize = 1 << 46;
    let wanted = usize::try_from(limit.saturating_mul(2)).unwrap_or(SPACE).clamp(CHUNK, SPACE);
    let share = (SPACE / ranks + 1).next_power_of_two() / 2;
    wanted.next_power_of_two().min(share)
}

fn limit_from_env() -> Result<Option<u64>> {
    let Ok(text) = std::env::var("GAIN_HEAP_BYTES") else { return Ok(None) };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => Some(1u64),
        "K" | "KB" | "KIB" => Some(1 << 10),
        "M" | "MB" | "MIB" => Some(1 << 20),
        "G" | "GB" | "GIB" => Some(1 << 30),
        "T" | "TB" | "TIB" => Some(1 << 40),
        _ => None,
    };
    let bytes =
        digits.trim().parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    match bytes {
        Some(bytes) => Ok(Some(bytes)),
        None => {
            let detail =
                format!("GAIN_HEAP_BYTES={text}: must be a number of bytes, or one with K, M, G or T");
            Err(Error::new("heap create", detail))
        }
    }
}
