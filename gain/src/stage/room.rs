//! What an algorithm finds behind the door: its runs of operands and results, and ways to the other ranks.
//!
//! A run is a contiguous piece of the flat index in C order. Those of a replicated array are the whole array, on every
//! rank. What is on another node is fetched into memory of the caller's.

use super::Reads;
use crate::error::Result;
use crate::exec::Stream;
use crate::memory::{Blocks, Storage};
use crate::plan::{Fetched, source};
use crate::session::{self, Purpose};
use crate::view::View;
use bytemuck::Pod;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// Operands, and what connects the ranks.
pub(crate) struct Room<'a> {
    inputs: &'a [(&'a Arc<Storage>, Reads)],
    scratch: Option<&'a Arc<Storage>>,
    /// Whether other ranks have shares of their own.
    is_shared: bool,
}

/// Borrowed memory that everybody has written to and reads now.
pub(crate) struct Shown<'r> {
    room: &'r Room<'r>,
    storage: &'r Arc<Storage>,
    /// (Nobody writes it any more.)
    _own: PhantomData<&'r mut u8>,
}

impl<'r> Shown<'r> {
    /// Elements of it, whoever wrote them: in place where they lie together in memory that is mapped here.
    pub(crate) fn at<T: Pod>(&self, range: Range<usize>) -> Result<Cow<'r, [T]>> {
        self.room.parts_of(self.storage, range)
    }
}

/// This rank's run of a result.
pub(crate) struct Run<'a> {
    start: usize,
    ptr: *mut u8,
    len: usize,
    item_bytes: usize,
    blocks: Blocks,
    _of: PhantomData<&'a mut u8>,
}

impl<'a> Run<'a> {
    /// This rank's run of a new buffer. Called once for each.
    pub(super) fn own(storage: &'a Arc<Storage>) -> Run<'a> {
        let range = own_range(storage);
        let owner = if storage.blocks().is_distributed() { session::get().rank } else { 0 };
        Run {
            start: range.start,
            ptr: storage.address(owner, range.start as isize),
            len: range.len(),
            item_bytes: storage.item_bytes(),
            blocks: storage.blocks(),
            _of: PhantomData,
        }
    }

    /// Whether other ranks have runs of their own.
    pub(crate) fn is_shared(&self) -> bool {
        self.blocks.is_distributed() && self.blocks.count() > 1
    }

    /// Flat indices of the elements that `rank` has.
    pub(crate) fn range_of(&self, rank: usize) -> Range<usize> {
        range_of(self.blocks, rank)
    }

    /// Who has element `i`.
    pub(crate) fn owner(&self, i: usize) -> usize {
        if self.is_shared() { self.blocks.owner(i) } else { session::get().rank }
    }

    /// Flat indices of its elements.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.len
    }

    /// Where element `i` of the flat index would be if the run were all of the result: for elements of the run only.
    pub(crate) fn address(&mut self, i: isize) -> *mut u8 {
        self.ptr.wrapping_offset((i - self.start as isize) * self.item_bytes as isize)
    }

    /// The bytes of its elements.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: as in `elements`.
        unsafe { slice_mut(self.ptr, self.len * self.item_bytes) }
    }

    /// The elements, of a type of the result's size.
    pub(crate) fn elements<T: Pod>(&mut self) -> &mut [T] {
        fits::<T>(self.item_bytes);
        // SAFETY: the run lies in a buffer that was allocated for this result and lives as long as `'a`; it belongs to this
        // rank alone, and this is the only way to it (`own` is called once); `T` is as large as an element and any bits make
        // one. Buffers are aligned to their elements.
        unsafe { slice_mut(self.ptr, self.len) }
    }
}

/// # Safety
/// `len` elements at `ptr` are the caller's alone for as long as `'a`.
unsafe fn slice_mut<'a, T: Pod>(ptr: *mut u8, len: usize) -> &'a mut [T] {
    if len == 0 {
        return &mut [];
    }
    assert!(ptr.cast::<T>().is_aligned(), "buffers are aligned to their elements");
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(ptr.cast(), len) }
}

/// # Safety
/// `len` elements are readable at `ptr` for as long as `'a`, and nobody writes them.
unsafe fn slice<'a, T: Pod>(ptr: *const u8, len: usize) -> &'a [T] {
    if len == 0 {
        return &[];
    }
    assert!(ptr.cast::<T>().is_aligned(), "buffers are aligned to their elements");
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(ptr.cast(), len) }
}

fn fits<T>(item_bytes: usize) {
    assert_eq!(size_of::<T>(), item_bytes, "an algorithm knows the size of its elements");
}

/// The flat indices that this rank has of a buffer.
fn own_range(storage: &Storage) -> Range<usize> {
    range_of(storage.blocks(), session::get().rank)
}

/// The flat indices that a rank has of what is cut so.
fn range_of(blocks: Blocks, rank: usize) -> Range<usize> {
    if blocks.is_distributed() { blocks.start(rank)..blocks.start(rank + 1) } else { 0..blocks.len() }
}

/// All elements of an operand, wherever they are mapped here.
#[derive(Debug)]
pub(crate) struct Reach<'a> {
    /// Where each run begins, and the address that element 0 would have there; null where it isn't mapped.
    runs: SmallVec<[(usize, *const u8); 4]>,
    is_near: bool,
    _of: PhantomData<&'a u8>,
}

// SAFETY: addresses of memory that is read only while the algorithm runs.
unsafe impl Sync for Reach<'_> {}

impl Reach<'_> {
    /// Whether all is mapped, on every rank.
    pub(crate) fn is_near(&self) -> bool {
        self.is_near
    }

    /// The address that element 0 has, if all lie together in memory that is mapped here.
    pub(crate) fn only<T: Pod>(&self) -> Option<*const T> {
        match self.runs[..] {
            [(_, base)] if !base.is_null() => Some(base.cast()),
            _ => None,
        }
    }

    fn owner(&self, i: usize) -> usize {
        self.runs.iter().rposition(|&(start, _)| start <= i).unwrap_or(0)
    }

    /// The address that element 0 would have in memory where elements `first` to `last` lie together, if there is any.
    #[inline]
    pub(crate) fn run<T: Pod>(&self, first: isize, last: isize) -> Option<*const T> {
        let base = match &self.runs[..] {
            [(_, base)] => *base,
            _ => {
                let owner = self.owner(first as usize);
                let (_, base) = self.runs[owner];
                // (Runs may be empty: the last that begins so early is meant.)
                if owner != self.owner(last as usize) {
                    return None;
                }
                base
            }
        };
        (!base.is_null()).then_some(base.cast())
    }

    /// Where element `i` is, or whose it is, if its memory isn't mapped.
    pub(crate) fn element<T: Pod>(&self, i: usize) -> std::result::Result<*const T, usize> {
        let owner = self.owner(i);
        let (_, base) = self.runs[owner];
        if base.is_null() { Err(owner) } else { Ok(base.cast::<T>().wrapping_add(i)) }
    }
}

impl<'a> Room<'a> {
    pub(super) fn new(
        inputs: &'a [(&'a Arc<Storage>, Reads)],
        scratch: Option<&'a Arc<Storage>>,
        is_shared: bool,
    ) -> Room<'a> {
        Room { inputs, scratch, is_shared }
    }

    /// Whether each rank has a share: else every rank does everything.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Number of elements of operand `k`.
    pub(crate) fn len(&self, k: usize) -> usize {
        self.inputs[k].0.blocks().len()
    }

    /// Flat indices of operand `k` that this rank has.
    pub(crate) fn range(&self, k: usize) -> Range<usize> {
        own_range(self.inputs[k].0)
    }

    /// Flat indices of operand `k` that `rank` has.
    pub(crate) fn range_of(&self, k: usize, rank: usize) -> Range<usize> {
        range_of(self.inputs[k].0.blocks(), rank)
    }

    /// How operand `k` is cut.
    pub(crate) fn blocks(&self, k: usize) -> Blocks {
        self.inputs[k].0.blocks()
    }

    /// Where element `i` of operand `k`, which lies in one piece, is.
    pub(crate) fn address(&self, k: usize, i: isize) -> *mut u8 {
        let storage = self.inputs[k].0;
        assert_eq!(storage.blocks().count(), 1, "an operand in one piece");
        storage.address(0, i)
    }

    /// Where to read a part of operand `k` that one rank owns: in place if it is mapped here, else in `fetched`, once that has
    /// arrived.
    pub(crate) fn part(&self, k: usize, view: &View, fetched: &mut Fetched<'a>) -> Result<Stream> {
        let (storage, reads) = self.inputs[k];
        assert!(reads == Reads::All, "an operand of which only the own run may be read");
        source(storage, view, fetched)
    }

    /// Operand `k`, which was declared to be read as a whole, for who looks for single elements.
    pub(crate) fn reach(&self, k: usize) -> Reach<'a> {
        let (storage, reads) = self.inputs[k];
        assert!(reads == Reads::All, "an operand of which only the own run may be read");
        let blocks = storage.blocks();
        let runs = (0..blocks.count()).map(|owner| {
            let start = if blocks.is_distributed() { blocks.start(owner) } else { 0 };
            (start, storage.address(owner, 0).cast_const())
        });
        let is_near = blocks.count() == 1 || session::get().is_one_node;
        Reach { runs: runs.collect(), is_near, _of: PhantomData }
    }

    /// This rank's run of operand `k`.
    pub(crate) fn own<T: Pod>(&self, k: usize) -> &'a [T] {
        let storage: &'a Arc<Storage> = self.inputs[k].0;
        let range = own_range(storage);
        let owner = if storage.blocks().is_distributed() { session::get().rank } else { 0 };
        fits::<T>(storage.item_bytes());
        // SAFETY: the run is this rank's, in a buffer that lives as long as `'a`; nobody writes operands while the algorithm
        // runs (passes and stages are collective, and it is this thread's turn).
        unsafe { slice(storage.address(owner, range.start as isize), range.len()) }
    }

    /// Elements of operand `k`, whoever owns them: in place where they lie together in memory that is mapped here. The
    /// operand was declared to be read as a whole.
    pub(crate) fn at<T: Pod>(&self, k: usize, range: Range<usize>) -> Result<Cow<'a, [T]>> {
        let (storage, reads): (&'a Arc<Storage>, Reads) = self.inputs[k];
        assert!(reads == Reads::All, "an operand of which only the own run may be read");
        self.parts_of(storage, range)
    }

    /// Shows everybody what the ranks have written to the memory that the algorithm borrowed, `own` of which is this rank's.
    /// Collective.
    pub(crate) fn show<'r>(&'r self, own: &'r mut Run<'_>) -> Result<Shown<'r>> {
        let storage = self.scratch.expect("borrowed memory");
        assert_eq!(own.item_bytes, storage.item_bytes(), "the run of the borrowed memory");
        session::get().together(Purpose::Combine, || Ok(session::get().team().barrier()?))?;
        Ok(Shown { room: self, storage, _own: PhantomData })
    }

    /// Elements of a buffer, whoever owns them, that nobody writes while the algorithm reads: in place where they lie together in
    /// memory that is mapped here.
    fn parts_of<'s, T: Pod>(&self, storage: &'s Arc<Storage>, range: Range<usize>) -> Result<Cow<'s, [T]>> {
        assert!(range.end <= storage.blocks().len(), "elements outside an operand");
        fits::<T>(storage.item_bytes());
        if range.is_empty() {
            return Ok(Cow::Borrowed(&[]));
        }
        let blocks = storage.blocks();
        let owner = |i| if blocks.is_distributed() { blocks.owner(i) } else { 0 };
        let (first, last) = (owner(range.start), owner(range.end - 1));
        let ptr = storage.address(first, range.start as isize);
        if first == last && !ptr.is_null() {
            self.moved(first, range.len() * storage.item_bytes());
            // SAFETY: the elements lie in one rank's run, which is mapped and lives as long as `'a`. It was written before the
            // last synchronisation (the door saw to that) and is written by nobody while the algorithm runs.
            return Ok(Cow::Borrowed(unsafe { slice(ptr, range.len()) }));
        }
        let mut all = vec![T::zeroed(); range.len()];
        let mut i = range.start;
        while i < range.end {
            let owner = owner(i);
            let end =
                range.end.min(if blocks.is_distributed() { blocks.start(owner + 1) } else { blocks.len() });
            let part = &mut all[i - range.start..end - range.start];
            let from = storage.address(owner, i as isize);
            self.moved(owner, size_of_val(part));
            if from.is_null() {
                storage.fetch(owner, i, part.as_mut_ptr().cast(), size_of_val(part))?;
            } else {
                // SAFETY: as above; `part` is memory of our own.
                unsafe { std::ptr::copy_nonoverlapping(from.cast::<T>(), part.as_mut_ptr(), part.len()) };
            }
            i = end;
        }
        Ok(Cow::Owned(all))
    }

    fn moved(&self, owner: usize, len_bytes: usize) {
        if self.is_shared && owner != session::get().rank {
            session::get().count(|c| &c.bytes_moved, len_bytes as u64);
        }
    }

    /// This rank's run of operand `k` with up to `before` and `after` elements of its neighbours, and where the run begins in
    /// that.
    pub(crate) fn halo<T: Pod>(
        &self,
        k: usize,
        before: usize,
        after: usize,
    ) -> Result<(Cow<'a, [T]>, usize)> {
        let own = self.range(k);
        let (start, end) = (own.start.saturating_sub(before), (own.end + after).min(self.len(k)));
        Ok((self.at(k, start..end.max(start))?, own.start - start))
    }

    /// What each rank has for this one: `parts[r]` goes to rank `r`. Collective.
    pub(crate) fn exchange<T: Pod>(&self, parts: Vec<Vec<T>>) -> Result<Vec<Vec<T>>> {
        if !self.is_shared || session::get().size == 1 {
            return Ok(parts);
        }
        // (What was copied is given back at once: parts may be as large as operands.)
        let bytes: Vec<Vec<u8>> =
            parts.into_iter().map(|part| bytemuck::cast_slice(&part).to_vec()).collect();
        let all =
            session::get().together(Purpose::Combine, || Ok(session::get().team().alltoallv(&bytes)?))?;
        drop(bytes);
        Ok(all.unwrap_or_default().into_iter().map(|bytes| typed(&bytes)).collect())
    }

    /// What every rank says, by rank. Collective.
    pub(crate) fn everybodys<T: Pod>(&self, mine: &[T]) -> Result<Vec<Vec<T>>> {
        if !self.is_shared || session::get().size == 1 {
            return Ok(vec![mine.to_vec()]);
        }
        let bytes: &[u8] = bytemuck::cast_slice(mine);
        let all =
            session::get().together(Purpose::Combine, || Ok(session::get().team().allgatherv(bytes)?))?;
        Ok(all.unwrap_or_default().iter().map(|bytes| typed(bytes)).collect())
    }

    /// What the ranks before this one have, combined in their order; `None` on the first, and where nothing is shared.
    /// Collective.
    pub(crate) fn prefix<T: Pod>(&self, mine: T, combine: impl Fn(T, T) -> T) -> Result<Option<T>> {
        let all = self.everybodys(&[mine])?;
        let before = if self.is_shared { session::get().rank } else { 0 };
        Ok(all.iter().take(before).flatten().copied().reduce(combine))
    }

    /// Operand `k` as storage, for those that find their own way in it.
    pub(super) fn storage(&self, k: usize) -> &'a Arc<Storage> {
        self.inputs[k].0
    }
}

/// Elements that came as bytes.
fn typed<T: Pod>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect()
}

impl std::fmt::Debug for Room<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lens: SmallVec<[usize; 2]> = (0..self.inputs.len()).map(|k| self.len(k)).collect();
        f.debug_struct("Room").field("operands", &lens).field("is_shared", &self.is_shared).finish()
    }
}
