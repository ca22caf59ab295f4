//! Accumulating to scattered single elements.
//!
//! All are located first, which is what finds indices that are none. Then, some thousands at a time, they are put in the order of the locks
//! they need, values with them, so that a lock is taken once for several and what is added is read one after the other.
//!
//! Invariant: elements of one lock are added in the order of the call.

use super::{BATCH, Indices, check_count};
use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::number::Number;
use rma::Vector;
use std::cell::Cell;
use std::ptr::NonNull;

/// Elements that are sorted together: few enough for the second-level cache, and enough for several to share
/// a lock.
const SORTED: usize = 1 << 15;

/// Kinds of locks that sorting tells apart, of all owners together unless there are more of these.
const BINS: usize = 1 << 13;

/// Bits of an offset in elements, below the owner, where an element's place is one word.
const OFFSET_BITS: u32 = 44;

/// Most elements whose memory for sorting is kept.
const KEPT: usize = 1 << 18;

/// What accumulates are sorted with.
#[derive(Default)]
struct Sorting {
    /// Owner and offset of each element.
    places: Vec<u64>,
    /// Where each bin's next element goes.
    next: Vec<u32>,
    /// Sorted: offsets in bytes, and values.
    remote: Vec<usize>,
    values: Vec<u64>,
    /// Where values are: one after the other.
    local: Vec<usize>,
}

thread_local! {
    /// Nothing that is of use, but with the memory of the last accumulate: from the allocator it would come page by page each time.
    static SORTING: Cell<Sorting> = const {
        Cell::new(Sorting { places: Vec::new(), next: Vec::new(), remote: Vec::new(), values: Vec::new(), local: Vec::new() })
    };
}

impl<T: Number> GlobalArray<T> {
    /// Adds `alpha * values[k]` to the element at `indices[k]`, each atomically with regard to other
    /// accumulates. `NGA_Scatter_acc`.
    ///
    /// Locally complete on return.
    ///
    /// # Errors
    /// As [`GlobalArray::gather`]; then nothing was added.
    pub fn scatter_accumulate<I: AsRef<[usize]>>(&self, indices: &[I], values: &[T], alpha: T) -> Result<()> {
        check_count("scatter_accumulate", indices, values.len())?;
        // SAFETY: as many values as indices.
        unsafe { self.scatter_accumulate_from(indices, values.as_ptr(), alpha) }
    }

    /// # Safety
    /// `values` is readable for as many elements as there are indices, and not array memory.
    pub(crate) unsafe fn scatter_accumulate_from(
        &self,
        indices: impl Indices,
        values: *const T,
        alpha: T,
    ) -> Result<()> {
        let count = indices.count();
        let mut sorting = SORTING.take();
        let Sorting { places, next, remote, values: sorted, local } = &mut sorting;
        let few = self.distribution().few(count, |_| ());
        places.clear();
        places.reserve(count);
        for k in 0..count {
            let at = match &few {
                Some(few) => few.locate(indices.pair(k)).map(|(at, ())| at),
                None => indices.with(k, |index| self.distribution().try_locate(index)),
            };
            let at = at.ok_or_else(|| self.no_such_element("scatter_accumulate", &indices, k))?;
            places.push((at.rank as u64) << OFFSET_BITS | at.offset as u64);
        }
        let (size, most) = (size_of::<T>(), SORTED.min(count));
        local.clear();
        local.extend((0..most).map(|k| k * size));
        remote.resize(most, 0);
        sorted.resize((most * size).div_ceil(8), 0);
        let sorted = sorted.as_mut_ptr().cast::<T>();
        let (ranks, segment) = (self.team().size(), self.raw().memory());
        // Bins of one owner, a power of two.
        let each = 1 << (BINS.min(4 * most) / ranks).max(1).ilog2();
        let owner = |place: u64| (place >> OFFSET_BITS) as usize;
        let offset = |place: u64| (place & ((1 << OFFSET_BITS) - 1)) as usize * size;
        let bin = |place: u64| {
            let rank = owner(place);
            rank * each + (segment.lock_of(rank, offset(place)) & (each - 1))
        };
        for (batch, places) in places.chunks(SORTED).enumerate() {
            next.clear();
            next.resize(ranks * each, 0);
            places.iter().for_each(|place| next[bin(*place)] += 1);
            let mut before = 0;
            for next in next.iter_mut() {
                before += std::mem::replace(next, before);
            }
            for (k, place) in places.iter().enumerate() {
                let next = &mut next[bin(*place)];
                let to = *next as usize;
                *next += 1;
                remote[to] = offset(*place);
                // SAFETY: below the number of places, for which there is room; as many values as indices.
                unsafe { sorted.add(to).write(values.add(batch * SORTED + k).read_unaligned()) };
            }
            let mut first = 0;
            for rank in 0..ranks {
                let end = next[(rank + 1) * each - 1] as usize;
                let part = self.raw().mapped(rank);
                while first < end {
                    let count = (end - first).min(if part.is_some() { BATCH } else { SORTED });
                    let remote = &remote[first..first + count];
                    if let Some(part) = part {
                        touch(part, remote);
                    }
                    let vector = Vector { remote, local: &local[..count], len_bytes: size };
                    // SAFETY: the remote offsets are those of located elements, the local ones those of sorted values.
                    let done =
                        unsafe { segment.accumulate_vector_ptr(rank, vector, sorted.add(first), alpha) };
                    done.map_err(|e| Error::from_rma("scatter_accumulate", e))?;
                    first += count;
                }
            }
        }
        if count <= KEPT {
            SORTING.set(sorting);
        }
        Ok(())
    }
}

/// Reads a byte at each of these offsets, so that what locks and adds one by one afterwards finds them in the
/// cache: the misses overlap here, and would not there. (The processor's prefetches took four times as long
/// as these reads.)
fn touch(part: NonNull<u8>, offsets: &[usize]) {
    for &offset in offsets {
        // SAFETY: the offsets are those of located elements of this part, which is mapped; a byte that
        // changes meanwhile is no matter, since it is thrown away.
        unsafe { part.as_ptr().add(offset).read_volatile() };
    }
}
