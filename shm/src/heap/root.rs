//! The root of the node heap: what all ranks share before the first arena begins.
//!
//! ```text
//! 0        Header                        one page
//! 4096     RankEntry x ranks             256 bytes each
//! ...      board slots x ranks           256 bytes each
//! ...      stripe locks x ranks          64 KiB each, page aligned
//! ...      area of the floor above       64 bytes x ranks, rounded up to 64 KiB, + 16 KiB x ranks
//! ...      rounded up to 2 MiB; arena of rank 0, rank 1, ...
//! ```
//!
//! What is one rank's, its locks and its part of the area, that rank commits: so it lies in the memory next to the rank's processors, and
//! starting costs a rank the same whatever the number of ranks. All else the creator commits, before it passes the descriptor on.
//!
//! | field | who writes | who reads | ordering |
//! | --- | --- | --- | --- |
//! | magic, ranks, stride, root_len, limit | the creator, before it passes the descriptor on | all | by passing the descriptor |
//! | committed, growing, pressure | any rank that grows or shrinks its arena | the same | relaxed: sums, nothing hangs on their order |
//! | `RankEntry` | its rank when it attaches, pid last | all | release / acquire on pid |

use super::stripes::Stripes;
use crate::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::board::Slot;
use crate::error::{Error, Result};
use crate::os::{self, CPU_WORDS};
use std::ops::Range;
use std::ptr::NonNull;

/// Unit of commitment and of huge pages; arenas begin on multiples of it.
pub(super) const CHUNK: usize = 2 << 20;
/// Most ranks of one node.
const MOST_RANKS: usize = 4096;
const MAGIC: u64 = u64::from_le_bytes(*b"gainhp01");
const PAGE: usize = 4096;
/// Bytes of the area of the floor above for each rank: what lies in a common part, of so many bytes or a multiple, and then what is the rank's.
const AREA_LEN_IN_COMMON: usize = 64;
const AREA_UNIT: usize = 64 * 1024;
const AREA_LEN_PER_RANK: usize = 16 * 1024;

#[repr(C, align(4096))]
pub(super) struct Header {
    magic: u64,
    pub(super) ranks: u64,
    pub(super) stride: u64,
    pub(super) root_len: u64,
    pub(super) limit: u64,
    /// Bytes that have pages or are about to, all arenas together; never above `limit`.
    pub(super) committed: AtomicU64,
    /// The part of `committed` whose pages are still being made: not yet missing in the system's "available".
    pub(super) growing: AtomicU64,
    /// Counts failed attempts to grow: a change asks every rank to return what it keeps unused.
    pub(super) pressure: AtomicU32,
}

#[repr(C, align(256))]
struct RankEntry {
    pid: AtomicU32,
    start_ticks: AtomicU64,
    pid_namespace: AtomicU64,
    cpus: [AtomicU64; CPU_WORDS],
}

const _: () = assert!(size_of::<Header>() == PAGE && size_of::<RankEntry>() == 256);
const _: () = assert!(size_of::<Stripes>().is_multiple_of(PAGE));

/// Where everything in the root is; computed alike by every rank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) ranks: usize,
    board: usize,
    stripes: usize,
    area: usize,
    /// Where the ranks' own parts of the area begin.
    area_own: usize,
    area_len: usize,
    pub(super) root_len: usize,
}

impl Layout {
    pub(super) fn new(operation: &'static str, ranks: usize) -> Result<Layout> {
        if ranks == 0 || ranks > MOST_RANKS {
            return Err(Error::new(
                operation,
                format!("{ranks} ranks on one node: must be 1 to {MOST_RANKS}"),
            ));
        }
        let board = PAGE + ranks * size_of::<RankEntry>();
        let stripes = (board + ranks * size_of::<Slot>()).next_multiple_of(PAGE);
        let area = stripes + ranks * size_of::<Stripes>();
        let own = (ranks * AREA_LEN_IN_COMMON).next_multiple_of(AREA_UNIT);
        let area_len = own + ranks * AREA_LEN_PER_RANK;
        Ok(Layout {
            ranks,
            board,
            stripes,
            area,
            area_own: area + own,
            area_len,
            root_len: (area + area_len).next_multiple_of(CHUNK),
        })
    }

    /// The parts that the creator commits.
    pub(super) fn common(&self) -> [Range<usize>; 2] {
        [0..self.stripes, self.area..self.area_own]
    }

    /// The parts that a rank commits before it enters.
    pub(super) fn own(&self, rank: usize) -> [Range<usize>; 2] {
        let part = |start: usize, len: usize| start + rank * len..start + (rank + 1) * len;
        [part(self.stripes, size_of::<Stripes>()), part(self.area_own, AREA_LEN_PER_RANK)]
    }
}

/// The root as mapped in this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    base: NonNull<u8>,
    layout: Layout,
}

impl Root {
    /// # Safety
    /// `layout.root_len` bytes at `base` are mapped for as long as the result is used, page aligned, and either zero or a root made by
    /// [`Root::initialise`] with the same number of ranks.
    pub(super) unsafe fn new(base: NonNull<u8>, layout: Layout) -> Root {
        Root { base, layout }
    }

    /// Reads a peer's header: the number of ranks and of bytes per arena.
    ///
    /// # Safety
    /// One page at `base` is mapped, committed and page aligned.
    pub(super) unsafe fn read_header(base: NonNull<u8>) -> Result<(usize, usize)> {
        // SAFETY: mapped and aligned (caller); the fields are plain integers, any bits will do.
        let header = unsafe { base.cast::<Header>().as_ref() };
        if header.magic != MAGIC {
            return Err(Error::new("heap attach", "the file is not a node heap of this version"));
        }
        Ok((header.ranks as usize, header.stride as usize))
    }

    /// Writes the header of a new heap.
    ///
    /// # Safety
    /// Nobody else has the memory yet.
    pub(super) unsafe fn initialise(&self, stride: usize, limit: u64) {
        // SAFETY: mapped, aligned, and ours alone (caller).
        let header = unsafe { self.base.cast::<Header>().as_mut() };
        header.ranks = self.layout.ranks as u64;
        header.stride = stride as u64;
        header.root_len = self.layout.root_len as u64;
        header.limit = limit;
        header.magic = MAGIC;
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: mapped (see `new`); plain fields do not change once a second process has the heap, the rest
        // is atomic.
        unsafe { self.base.cast().as_ref() }
    }

    /// The `index`th of an array of shared structs at `offset`.
    #[inline]
    fn element<T>(&self, offset: usize, index: usize) -> &T {
        assert!(index < self.layout.ranks, "node rank {index} of {}", self.layout.ranks);
        // SAFETY: the layout reserves `ranks` aligned elements there; T is atomics only (Slot, Stripes,
        // RankEntry), for which zeroed memory is a valid initial value.
        unsafe { self.base.byte_add(offset).cast::<T>().add(index).as_ref() }
    }

    pub(super) fn slot(&self, rank: usize) -> &Slot {
        self.element(self.layout.board, rank)
    }

    #[inline]
    pub(super) fn stripes(&self, rank: usize) -> &Stripes {
        self.element(self.layout.stripes, rank)
    }

    fn entry(&self, rank: usize) -> &RankEntry {
        self.element(PAGE, rank)
    }

    pub(super) fn area(&self) -> (NonNull<u8>, usize) {
        // SAFETY: inside the root.
        (unsafe { self.base.byte_add(self.layout.area) }, self.layout.area_len)
    }

    /// Says that this process is `rank`.
    pub(super) fn enter(&self, rank: usize) {
        let entry = self.entry(rank);
        for (word, bits) in entry.cpus.iter().zip(os::allowed_cpus()) {
            word.store(bits, Relaxed);
        }
        let pid = std::process::id();
        entry.start_ticks.store(os::start_ticks(pid), Relaxed);
        entry.pid_namespace.store(os::pid_namespace(), Relaxed);
        entry.pid.store(pid, Release);
    }

    pub(super) fn pid(&self, rank: usize) -> u32 {
        self.entry(rank).pid.load(Acquire)
    }

    /// Only a process of our own name space can be asked for; others count as alive.
    pub(super) fn is_dead(&self, rank: usize) -> bool {
        let (pid, entry) = (self.pid(rank), self.entry(rank));
        pid != 0
            && entry.pid_namespace.load(Relaxed) == os::pid_namespace()
            && os::is_dead(pid, entry.start_ticks.load(Relaxed))
    }

    /// How many CPUs the ranks that have attached may use, together.
    pub(super) fn cpus(&self) -> usize {
        (0..CPU_WORDS)
            .map(|word| {
                let union = (0..self.layout.ranks)
                    .fold(0, |bits, rank| bits | self.entry(rank).cpus[word].load(Relaxed));
                union.count_ones() as usize
            })
            .sum()
    }
}
