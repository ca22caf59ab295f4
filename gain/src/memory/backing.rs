//! The memory behind a buffer: private to the process, or one part per rank of the team.

use super::Blocks;
use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::session::{self, Purpose};
use ga_core::{Distribution, RawArray};
use rma::Segment;
use rma::transport::{Rows, Token};
use smallvec::SmallVec;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Owned memory of a buffer.
pub(crate) enum Memory {
    /// Plain memory of this process: where it is, how far into what was allocated, and that.
    Private { ptr: NonNull<u8>, lead: usize, layout: Layout },
    /// A one-dimensional global array; where its parts are mapped in this process, null where they aren't.
    Shared { array: RawArray, bases: SmallVec<[*mut u8; 2]> },
    /// The caller's, for the length of a call.
    Borrowed(*mut u8),
    /// Somebody else's, which `_owner` keeps alive and in its place.
    Foreign { ptr: *mut u8, _owner: Owner },
}

/// What keeps foreign memory alive.
pub(crate) type Owner = Box<dyn std::any::Any + Send + Sync>;

// SAFETY: the memory is owned by the value, and is reached through raw pointers only, whose users uphold the rules of
// the pass that made them (`plan`).
unsafe impl Send for Memory {}
// SAFETY: as above; `&Memory` gives out addresses, never references.
unsafe impl Sync for Memory {}

impl Memory {
    /// None: in the place of memory that was taken.
    pub(crate) fn nowhere() -> Memory {
        Memory::Borrowed(std::ptr::null_mut())
    }

    /// Uninitialised memory of this process alone, aligned for each type. If other ranks went on without it, the job ends.
    #[inline]
    pub(crate) fn private(len_bytes: usize) -> Result<Memory> {
        // Cache lines are met by hand: an allocator that is asked for them takes several times as long.
        let (line, more) = if len_bytes >= 4096 { (64, 64) } else { (1, 0) };
        let room = len_bytes.saturating_add(more).max(16);
        let layout = Layout::from_size_align(room, 16).map_err(|_| out_of_memory(len_bytes))?;
        // SAFETY: the layout has a size of at least 16 bytes.
        let start = unsafe { std::alloc::alloc(layout) };
        let start = NonNull::new(start).ok_or_else(|| out_of_memory(len_bytes))?;
        let lead = start.align_offset(line);
        // SAFETY: less than `line` bytes, and the layout has `line` more than are needed.
        Ok(Memory::Private { ptr: unsafe { start.add(lead) }, lead, layout })
    }

    /// One block per rank. Collective.
    pub(super) fn shared(blocks: Blocks, item_bytes: usize) -> Result<Memory> {
        // (Words of algorithms may be larger than any element.)
        let units = item_bytes.div_ceil(DType::C128.size_bytes());
        let starts: Vec<usize> = (0..blocks.count()).map(|r| blocks.start(r) * units).collect();
        let distribution = Distribution::irregular(&[blocks.len() * units], &[starts], blocks.count())?;
        let make =
            || Ok(RawArray::create(session::get().team(), any_of_size(item_bytes), distribution.clone())?);
        let array =
            session::get().together(Purpose::Allocate, make)?.expect("only who is cautious goes on alone");
        let base = |rank| array.mapped(rank).map_or(std::ptr::null_mut(), NonNull::as_ptr);
        let bases = (0..blocks.count()).map(base).collect();
        session::get().count(|c| &c.arrays_created, 1);
        session::get().count(|c| &c.bytes_allocated, (blocks.len() * item_bytes) as u64);
        Ok(Memory::Shared { array, bases })
    }

    /// Address of the block of `owner`; null if it isn't mapped.
    #[inline]
    pub(crate) fn base(&self, owner: usize) -> *mut u8 {
        match self {
            Memory::Shared { bases, .. } => bases[owner],
            Memory::Private { ptr, .. } => ptr.as_ptr(),
            Memory::Borrowed(ptr) | Memory::Foreign { ptr, .. } => *ptr,
        }
    }

    /// Copy from another rank's block.
    pub(super) fn fetch(&self, owner: usize, offset: usize, out: *mut u8, len_bytes: usize) -> Result<()> {
        match self {
            // SAFETY: `out` is the caller's scratch of this length; the range is checked by the array.
            Memory::Shared { array, .. } => Ok(unsafe { array.get_bytes(owner, offset, out, len_bytes) }?),
            _ => unreachable!("private memory is always mapped"),
        }
    }
}

/// A transfer from another rank's block.
pub(crate) struct Transfer(Token);

impl Memory {
    /// Starts to copy from another rank's block.
    ///
    /// # Safety
    /// `out` is writable for `len_bytes` until the transfer was waited for.
    pub(super) unsafe fn start(
        &self,
        owner: usize,
        offset: usize,
        out: *mut u8,
        len_bytes: usize,
    ) -> Result<Transfer> {
        // SAFETY: the caller's promise; the segment checks the range.
        Ok(Transfer(unsafe { self.segment().start_get(owner, offset, out, len_bytes) }?))
    }

    /// Starts to copy a box of another rank's block.
    ///
    /// # Safety
    /// `out` is writable wherever the box's local strides lead until the transfer was waited for.
    pub(super) unsafe fn start_box(
        &self,
        owner: usize,
        offset: usize,
        rows: Rows<'_>,
        out: *mut u8,
    ) -> Result<Transfer> {
        // SAFETY: the caller's promise; the segment checks the range.
        Ok(Transfer(unsafe { self.segment().start_get_strided(owner, offset, rows, out) }?))
    }

    /// Waits for a transfer.
    pub(super) fn wait(&self, transfer: Transfer) -> Result<()> {
        Ok(self.segment().wait(transfer.0)?)
    }

    fn segment(&self) -> &Segment {
        match self {
            // SAFETY: transfers read from it, nothing else.
            Memory::Shared { array, .. } => unsafe { array.segment() },
            _ => unreachable!("private memory is always mapped"),
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Memory::Private { .. } => "private memory",
            Memory::Shared { .. } => "global array",
            Memory::Borrowed(_) => "borrowed memory",
            Memory::Foreign { .. } => "foreign memory",
        })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        match self {
            // SAFETY: allocated with this layout in `private`, `lead` bytes before; freed once.
            Memory::Private { ptr, lead, layout } => unsafe {
                std::alloc::dealloc(ptr.sub(*lead).as_ptr(), *layout)
            },
            Memory::Shared { .. } | Memory::Borrowed(_) | Memory::Foreign { .. } => {}
        }
    }
}

/// An element type of this size: the bytes are all that matters down there.
fn any_of_size(item_bytes: usize) -> DType {
    match item_bytes {
        1 => DType::U8,
        2 => DType::U16,
        4 => DType::U32,
        8 => DType::U64,
        _ => DType::C128,
    }
}

#[cold]
fn out_of_memory(len_bytes: usize) -> Error {
    session::get().give_up(Error::new(Kind::Memory, format!("Unable to allocate {len_bytes} bytes")))
}
