//! The memory behind a buffer: private to the process, or one block per rank of the team.

use super::Blocks;
use crate::error::{Error, Kind, Result};
use crate::world;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Owned memory of a buffer.
#[derive(Debug)]
pub(crate) enum Memory {
    /// Plain memory of this process.
    Private { ptr: NonNull<u8>, layout: Layout },
    /// The caller's, for the length of a call.
    Borrowed(*mut u8),
}

// SAFETY: the memory is owned by the value, and is reached through raw pointers only, whose users uphold the rules of
// the pass that made them (`plan`).
unsafe impl Send for Memory {}
// SAFETY: as above; `&Memory` gives out addresses, never references.
unsafe impl Sync for Memory {}

impl Memory {
    /// Uninitialised memory of this process alone.
    pub(super) fn private(len_bytes: usize) -> Result<Memory> {
        let align = if len_bytes >= 4096 { 64 } else { 16 };
        let layout =
            Layout::from_size_align(len_bytes.max(16), align).map_err(|_| out_of_memory(len_bytes))?;
        // SAFETY: the layout has a size of at least 16 bytes.
        let ptr =
            NonNull::new(unsafe { std::alloc::alloc(layout) }).ok_or_else(|| out_of_memory(len_bytes))?;
        Ok(Memory::Private { ptr, layout })
    }

    /// One block per rank. Collective.
    pub(super) fn shared(blocks: Blocks, item_bytes: usize) -> Result<Memory> {
        world::count(|c| &c.arrays_created, 1);
        world::count(|c| &c.bytes_allocated, (blocks.len() * item_bytes) as u64);
        Memory::private(blocks.len() * item_bytes)
    }

    /// Address of the block of `owner`; null if it isn't mapped.
    #[inline]
    pub(super) fn base(&self, _owner: usize) -> *mut u8 {
        match self {
            Memory::Private { ptr, .. } => ptr.as_ptr(),
            Memory::Borrowed(ptr) => *ptr,
        }
    }

    /// Copy from another rank's block.
    pub(super) fn fetch(&self, owner: usize, offset: usize, out: *mut u8, len_bytes: usize) -> Result<()> {
        let from = self.base(owner).wrapping_add(offset);
        // SAFETY: the caller (a planned read) asks for bytes of one block, and `out` is its scratch of that length.
        unsafe { std::ptr::copy_nonoverlapping(from, out, len_bytes) };
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        match self {
            // SAFETY: allocated with this layout in `private`, freed once.
            Memory::Private { ptr, layout } => unsafe { std::alloc::dealloc(ptr.as_ptr(), *layout) },
            Memory::Borrowed(_) => {}
        }
    }
}

#[cold]
fn out_of_memory(len_bytes: usize) -> Error {
    Error::new(Kind::Memory, format!("Unable to allocate {len_bytes} bytes"))
}
