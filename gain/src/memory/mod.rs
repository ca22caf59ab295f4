//! Buffers: where the elements of stored values are.
//!
//! A [`Storage`] is a flat run of elements, replicated (each rank has all of it in its own memory) or distributed by
//! [`Blocks`] (each rank owns one run, in memory that the other ranks of the node have mapped). Small ones are
//! replicated. Distributed buffers come from a pool and go back to it, so a loop in steady state allocates nothing.
//!
//! Epochs replace barriers. The team counts its full synchronisations; a buffer remembers the count at which its
//! owners last wrote it and at which other ranks may last have read it:
//!
//! | field | set when | asked before | rule |
//! | --- | --- | --- | --- |
//! | `written` | a pass stores to the buffer | a pass reads another rank's run | count must have grown, else barrier |
//! | `read` | a pass may read another rank's run | a pass stores to the buffer, or the pool hands it out | same |
//!
//! | `looked` | this rank reads for itself: prints, takes an element | as `read` | same, but a rank may want that barrier alone |
//!
//! The first two are set and asked by all ranks alike from what they know alike, so a barrier is made by all or by none. The
//! third is each rank's own, so that a rank may look at what is stored and visible without the others; see
//! [`Purpose::Caution`].
//!
//! *Open memory* is what others than the arrays of this process read and write at any time: foreign memory, which an array was
//! made over, and memory that was shown to others ([`Storage::expose`]), while they have it. Whoever decides about a buffer
//! asks [`Storage::is_open`] alone. Four rules make such a buffer act as NumPy's memory does:
//!
//! | rule | who keeps it |
//! | --- | --- |
//! | it is the value of one variable for good: no other has it, writes go to the memory at once and never to another buffer | assignment, [`poke`](crate::record::Cell::poke), `plan::force` |
//! | what is recorded over it is computed before the operation ends | [`is_volatile`](crate::record::Node::is_volatile), `plan::settled` |
//! | it is not taken over for another value | `plan::alias` |
//! | two such buffers may overlap | [`Storage::overlaps`] |
//!
//! There is none on several ranks: memory behind the back of others would have to be the same on all.

mod backing;
mod blocks;
mod pool;
mod spread;

pub(crate) use blocks::Blocks;
pub(crate) use spread::{blocks_for, blocks_like, is_small, set_group};

use crate::dtype::Scalar;
use crate::error::{Error, Kind, Result, cannot_allocate, size_text};
use crate::session::{self, Purpose};
use crate::view::{View, checked_size};
pub(crate) use backing::{Memory, Owner, Transfer};
use rma::transport::Rows;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A buffer of elements of one size.
#[derive(Debug)]
pub(crate) struct Storage {
    blocks: Blocks,
    item_bytes: usize,
    /// `None` while the buffer returns to the pool, and in one that shows another's memory.
    memory: Option<Memory>,
    /// The buffer whose memory this one shows as elements of another size.
    shown: Option<Arc<Storage>>,
    written: AtomicU64,
    read: AtomicU64,
    looked: AtomicU64,
    /// How many others have this memory: who it belongs to, if it is foreign, and those it was shown to.
    others: AtomicU32,
    /// The session that distributed memory belongs to.
    generation: u32,
}

impl Storage {
    /// A buffer for an array of this shape; its elements have no particular value. Collective.
    pub(crate) fn new(shape: &[usize], item_bytes: usize) -> Result<Arc<Storage>> {
        checked_size(shape)?;
        Storage::in_blocks(blocks_for(shape), shape, item_bytes)
    }

    /// A buffer for an array of this shape that is spread in this way. Collective.
    pub(crate) fn in_blocks(blocks: Blocks, shape: &[usize], item_bytes: usize) -> Result<Arc<Storage>> {
        let memory = if blocks.is_distributed() {
            pool::take(blocks, item_bytes).map_err(|e| lacking(e, shape, item_bytes))?
        } else {
            Memory::private(blocks.len() * item_bytes)?
        };
        Ok(Storage::from_parts(blocks, item_bytes, memory))
    }

    /// A replicated buffer, whatever its length.
    pub(crate) fn replicated(len: usize, item_bytes: usize) -> Result<Arc<Storage>> {
        let memory = Memory::private(len * item_bytes)?;
        Ok(Storage::from_parts(Blocks::replicated(len), item_bytes, memory))
    }

    /// Memory of this process alone, as a replicated buffer.
    pub(crate) fn of_own(memory: Memory, len: usize, item_bytes: usize) -> Arc<Storage> {
        Storage::from_parts(Blocks::replicated(len), item_bytes, memory)
    }

    /// Memory of the caller's, as a replicated buffer.
    ///
    /// # Safety
    /// `ptr` points to `len` elements, aligned to their size (16 at most) or such that no pass needs alignment, that
    /// nobody else touches while the buffer lives.
    pub(crate) unsafe fn borrowed(ptr: *mut u8, len: usize, item_bytes: usize) -> Arc<Storage> {
        Storage::from_parts(Blocks::replicated(len), item_bytes, Memory::Borrowed(ptr))
    }

    /// Memory that `owner` keeps alive, as the buffer of an array of this shape. On one rank.
    ///
    /// # Safety
    /// `ptr` points to the elements, aligned to their size (8 at most), which others may read and write but not move or free
    /// while `owner` lives. No pass writes elements that it wasn't told to.
    pub(crate) unsafe fn foreign(
        ptr: *mut u8,
        shape: &[usize],
        item_bytes: usize,
        owner: Owner,
    ) -> Result<Arc<Storage>> {
        debug_assert!(session::size() == 1, "foreign memory is of one rank");
        checked_size(shape)?;
        let memory = Memory::Foreign { ptr, _owner: owner };
        let storage = Storage::from_parts(blocks_for(shape), item_bytes, memory);
        storage.others.store(1, Relaxed);
        Ok(storage)
    }

    /// A distributed buffer cut in this way, whatever its length. Collective.
    pub(crate) fn with_blocks(blocks: Blocks, item_bytes: usize) -> Result<Arc<Storage>> {
        Ok(Storage::from_parts(blocks, item_bytes, pool::take(blocks, item_bytes)?))
    }

    fn from_parts(blocks: Blocks, item_bytes: usize, memory: Memory) -> Arc<Storage> {
        Arc::new(Storage {
            blocks,
            item_bytes,
            memory: Some(memory),
            shown: None,
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            others: AtomicU32::new(0),
            generation: session::get().generation,
        })
    }

    /// Whether others read and write this memory when they like.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.owner_of_memory().others.load(Relaxed) > 0
    }

    /// Shows the memory to somebody else, until [`Storage::conceal`]. The buffer is the value of one variable alone, and nothing
    /// recorded reads it.
    pub(crate) fn expose(&self) {
        self.owner_of_memory().others.fetch_add(1, Relaxed);
    }

    /// Somebody who was shown the memory has it no more. At any time: that the buffer was treated as open a moment longer
    /// than it was is nothing that can be noticed.
    pub(crate) fn conceal(&self) {
        self.owner_of_memory().others.fetch_sub(1, Relaxed);
    }

    /// This memory as a buffer of elements of another size, where the cut falls between them. It has the marks of the
    /// original.
    pub(crate) fn seen_as(self: &Arc<Storage>, item_bytes: usize) -> Option<Arc<Storage>> {
        if item_bytes == self.item_bytes {
            return Some(self.clone());
        }
        let blocks = self.blocks.resized(self.item_bytes, item_bytes)?;
        let shown = self.shown.as_ref().unwrap_or(self).clone();
        Some(Arc::new(Storage {
            blocks,
            item_bytes,
            memory: None,
            shown: Some(shown),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            others: AtomicU32::new(0),
            generation: self.generation,
        }))
    }

    /// The buffer that has the memory.
    fn owner_of_memory(&self) -> &Storage {
        self.shown.as_deref().unwrap_or(self)
    }

    /// Cut and element size of the buffer whose memory this one shows, if it has none itself.
    pub(crate) fn shows(&self) -> Option<(Blocks, usize)> {
        self.shown.as_ref().map(|home| (home.blocks, home.item_bytes))
    }

    /// Whether both are the same memory.
    pub(crate) fn is_same(&self, other: &Storage) -> bool {
        std::ptr::eq(self.owner_of_memory(), other.owner_of_memory())
    }

    /// Whether some of it is the same memory.
    #[inline]
    pub(crate) fn overlaps(&self, other: &Storage) -> bool {
        self.is_same(other) || self.is_open() && other.is_open() && self.meets(other)
    }

    /// Whether two open buffers have addresses in common.
    #[cold]
    fn meets(&self, other: &Storage) -> bool {
        let range = |storage: &Storage| {
            let home = storage.owner_of_memory();
            let start = home.memory().base(0).addr();
            (start, start + home.blocks.len() * home.item_bytes)
        };
        let ((start, end), (first, last)) = (range(self), range(other));
        start < last && first < end
    }

    /// A view of this buffer as one of the buffer that has the memory, and the cut of that: the elements in which the
    /// view's lie, if each lies in one.
    pub(crate) fn at_home(&self, view: &View) -> Option<(Blocks, View)> {
        let home = self.owner_of_memory();
        let factor = home.item_bytes / self.item_bytes;
        if factor == 0 {
            return None;
        }
        let first = View { offset: view.offset / factor as isize * factor as isize, ..view.clone() };
        Some((home.blocks, first.coarser(factor)?.canonical()))
    }

    /// Whether a view of this buffer and one of the other show, element by element, the same element of memory or parts
    /// of one. Both views are canonical. Where memory is the same but the buffers are not, nobody can tell.
    pub(crate) fn coincides(&self, view: &View, other: &Storage, at: &View) -> bool {
        if !self.is_same(other) {
            return false;
        }
        if self.item_bytes == other.item_bytes && view == at {
            return true;
        }
        let is_whole = self.shown.is_none() && other.shown.is_none();
        !is_whole && self.at_home(view).zip(other.at_home(at)).is_some_and(|(a, b)| a.1 == b.1)
    }

    fn memory(&self) -> &Memory {
        self.owner_of_memory().memory.as_ref().expect("a live storage has memory")
    }

    /// How the elements are spread.
    pub(crate) fn blocks(&self) -> Blocks {
        self.blocks
    }

    /// An error if the elements are not in this process's reach: it was forked from a rank, and they belong to that rank's job.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        if self.blocks.is_distributed() && session::running().is_none_or(|s| s.generation != self.generation)
        {
            Err(elsewhere())
        } else {
            Ok(())
        }
    }

    /// Size of an element.
    pub(crate) fn item_bytes(&self) -> usize {
        self.item_bytes
    }

    /// Address that element `i` would have if the run of rank `owner` held all elements; null if that rank's memory
    /// is not mapped here. Valid for the elements of that run only.
    #[inline]
    pub(crate) fn address(&self, owner: usize, i: isize) -> *mut u8 {
        let memory = self.memory();
        let start = if self.blocks.is_distributed() { self.blocks.start(owner) as isize } else { 0 };
        let base = memory.base(owner);
        if base.is_null() { base } else { base.wrapping_offset((i - start) * self.item_bytes as isize) }
    }

    /// Address of the first element of the run of rank `owner` (0 if the buffer is replicated); null if that rank's memory
    /// is not mapped here.
    #[inline]
    pub(crate) fn base(&self, owner: usize) -> *mut u8 {
        self.memory().base(owner)
    }

    /// Address of the first element of a replicated buffer.
    #[inline]
    pub(crate) fn local(&self) -> *mut u8 {
        self.memory().base(0)
    }

    /// Set all elements that this rank holds to `value`, which has the buffer's element size.
    pub(crate) fn fill(&self, value: Scalar) {
        let me = session::get().rank;
        let (ptr, count) = match self.blocks.is_distributed() {
            true => {
                let start = self.blocks.start(me);
                (self.address(me, start as isize), self.blocks.start(me + 1) - start)
            }
            false => (self.local(), self.blocks.len()),
        };
        let len_bytes = count * self.item_bytes;
        let bytes = &value.bytes()[..self.item_bytes];
        // SAFETY: `ptr` is the start of `count` elements that this rank holds; the buffer is new, so nobody else uses
        // it. What is copied was filled just before, and lies before where it is copied to.
        unsafe {
            if bytes.iter().all(|&byte| byte == 0) {
                ptr.write_bytes(0, len_bytes);
            } else if count > 0 {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), ptr, self.item_bytes);
                // Doubled up to a block that stays in the nearest cache.
                let (mut done, block) = (self.item_bytes, 1 << 12);
                while done < len_bytes {
                    let more = done.min(block).min(len_bytes - done);
                    std::ptr::copy_nonoverlapping(ptr, ptr.add(done), more);
                    done += more;
                }
            }
        }
        self.mark_written();
    }

    /// Set element `at` to `value`, which has the buffer's element size. Collective: its owner does it.
    pub(crate) fn poke(&self, at: usize, value: Scalar) -> Result<()> {
        self.check()?;
        self.await_readers()?;
        let me = session::get().rank;
        let owner = if self.blocks.is_distributed() { self.blocks.owner(at) } else { me };
        if owner == me {
            // SAFETY: element `at` is one of the buffer's, in this rank's own run or in its own replica, and nobody
            // reads it: passes are collective, earlier ones that read it are behind a synchronisation, and it is this
            // thread's turn.
            unsafe {
                let to = self.address(owner, at as isize);
                std::ptr::copy_nonoverlapping(value.bytes().as_ptr(), to, self.item_bytes);
            }
        }
        self.mark_written();
        Ok(())
    }

    /// Fetch `len_bytes` bytes of rank `owner`'s run from element `i` on, where it isn't mapped.
    pub(crate) fn fetch(&self, owner: usize, i: usize, out: *mut u8, len_bytes: usize) -> Result<()> {
        let offset = (i - self.blocks.start(owner)) * self.item_bytes;
        self.memory().fetch(owner, offset, out, len_bytes)
    }

    /// Starts [`Storage::fetch`].
    ///
    /// # Safety
    /// `out` is writable for `len_bytes` until [`Storage::await_fetch`] has returned.
    pub(crate) unsafe fn start_fetch(
        &self,
        owner: usize,
        i: usize,
        out: *mut u8,
        len_bytes: usize,
    ) -> Result<Transfer> {
        let offset = (i - self.blocks.start(owner)) * self.item_bytes;
        // SAFETY: passed on.
        unsafe { self.memory().start(owner, offset, out, len_bytes) }
    }

    /// Starts to fetch a box of rank `owner`'s run that begins at element `i`: bytes and repetitions, and the strides there and
    /// in `out`.
    ///
    /// # Safety
    /// `out` is writable wherever the strides lead until [`Storage::await_fetch`] has returned.
    pub(crate) unsafe fn start_fetch_box(
        &self,
        owner: usize,
        i: usize,
        (counts, remote_strides, local_strides): (&[usize], &[isize], &[isize]),
        out: *mut u8,
    ) -> Result<Transfer> {
        let offset = (i - self.blocks.start(owner)) * self.item_bytes;
        let rows = Rows { counts, remote_strides, local_strides };
        // SAFETY: passed on.
        unsafe { self.memory().start_box(owner, offset, rows, out) }
    }

    /// Returns when a transfer is over.
    pub(crate) fn await_fetch(&self, transfer: Transfer) -> Result<()> {
        self.memory().wait(transfer)
    }

    /// Whether what owners wrote may not yet be visible to other ranks.
    pub(crate) fn is_fresh(&self) -> bool {
        self.blocks.is_distributed() && self.owner_of_memory().written.load(Relaxed) >= session::get().epoch()
    }

    /// Whether other ranks may still be reading.
    pub(crate) fn is_being_read(&self) -> bool {
        self.blocks.is_distributed() && self.owner_of_memory().read.load(Relaxed) >= session::get().epoch()
    }

    /// Whether this rank may have looked at other ranks' runs since the last synchronisation.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.blocks.is_distributed() && self.owner_of_memory().looked.load(Relaxed) >= session::get().epoch()
    }

    /// This rank's elements become those of another buffer of the same cut and element size. This one is new.
    pub(crate) fn copy_own(&self, from: &Storage) {
        let rank = session::get().rank;
        let (start, end) = match self.blocks.is_distributed() {
            true => (self.blocks.start(rank), self.blocks.start(rank + 1)),
            false => (0, self.blocks.len()),
        };
        assert_eq!((from.blocks, from.item_bytes), (self.blocks, self.item_bytes), "buffers alike");
        let owner = if self.blocks.is_distributed() { rank } else { 0 };
        let (to, from) = (self.address(owner, start as isize), from.address(owner, start as isize));
        // SAFETY: both buffers hold these elements of this rank; nobody else has the new one, and it is this thread's turn.
        unsafe { std::ptr::copy_nonoverlapping(from, to, (end - start) * self.item_bytes) };
    }

    /// Returns when nobody reads any more. Collective.
    pub(crate) fn await_readers(&self) -> Result<()> {
        if self.is_being_read() {
            session::get().synchronise(Purpose::Pass)
        } else if self.is_looked_at() {
            session::get().synchronise(Purpose::Caution)
        } else {
            Ok(())
        }
    }

    /// The owners write in this epoch.
    pub(crate) fn mark_written(&self) {
        self.owner_of_memory().written.store(session::get().epoch(), Relaxed);
    }

    /// Other ranks may read in this epoch.
    pub(crate) fn mark_read(&self) {
        self.owner_of_memory().read.store(session::get().epoch(), Relaxed);
    }

    /// This rank reads in this epoch, by itself.
    pub(crate) fn mark_looked(&self) {
        self.owner_of_memory().looked.store(session::get().epoch(), Relaxed);
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if self.blocks.is_distributed()
            && let Some(memory @ Memory::Shared { .. }) = self.memory.take()
        {
            let idle =
                pool::Idle { memory, read: self.read.load(Relaxed), looked: self.looked.load(Relaxed) };
            match self.check() {
                Ok(()) => pool::give(self.blocks, self.item_bytes, idle),
                // Nothing of the parent's job is given back in a child.
                Err(_) => std::mem::forget(idle.memory),
            }
        }
    }
}

/// Fails if this process could not have so many bytes more for itself. Kernels take memory where they need it, and a process that
/// finds none there ends; an algorithm asks for as much as its kernels take at once, before they begin.
pub(crate) fn afford(len_bytes: usize) -> Result<()> {
    /// What is asked for no better than by any vector.
    const LITTLE: usize = 1 << 20;
    if len_bytes <= LITTLE || Vec::<u8>::new().try_reserve_exact(len_bytes).is_ok() {
        return Ok(());
    }
    let size = size_text(len_bytes as u64);
    Err(Error::new(Kind::Memory, format!("Unable to allocate {size} of memory to work in")))
}

#[cold]
fn elsewhere() -> Error {
    let text = "this array is spread over the ranks of the job that this process was forked from, and can't be used here: \
                make a NumPy array of what is needed before the fork";
    Error::new(Kind::Runtime, text)
}

/// The error of an allocation, with the array it was for.
#[cold]
fn lacking(error: Error, shape: &[usize], item_bytes: usize) -> Error {
    let len_bytes = shape.iter().fold(item_bytes as u64, |bytes, &n| bytes.saturating_mul(n as u64));
    match error.kind() {
        Kind::Memory => {
            let text = cannot_allocate(len_bytes, shape);
            Error::new(Kind::Memory, format!("{text}: {}", error.message()))
        }
        _ => error,
    }
}
