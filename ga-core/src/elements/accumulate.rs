//! Accumulating to scattered single elements.
//!
//! Invariant: elements are added in the order of the locks they need, each of which is taken once for all that need
//! it; those of one lock in the order of the call.

use super::{BATCH, Indices, Runs, check_count};
use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::number::Number;
use rma::Vector;
use std::cell::Cell;
use std::ptr::NonNull;

/// Elements that are sorted together: few enough for the second-level cache, and enough for several to share
/// a lock.
const SORTED: usize = 1 << 15;

/// What accumulates are sorted with.
#[derive(Default)]
struct Sorting {
    owners: Vec<Runs>,
    sorted: Runs,
}

/// Most owners whose memory for sorting, half a MiB each, is kept.
const KEPT: usize = 8;

thread_local! {
    /// Empty, but with the memory of the last accumulate: from the allocator it would come page by page each time.
    static SORTING: Cell<Sorting> = const {
        let none = Runs { remote: Vec::new(), local: Vec::new() };
        Cell::new(Sorting { owners: Vec::new(), sorted: none })
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
        self.check_indices("scatter_accumulate", &indices)?;
        let mut sorting = SORTING.take();
        sorting.owners.resize_with(self.team().size(), Runs::default);
        let Sorting { owners, sorted } = &mut sorting;
        let (few, segment) = (self.distribution().few(indices.count(), |_| ()), self.raw().memory());
        for start in (0..indices.count()).step_by(SORTED) {
            for k in start..indices.count().min(start + SORTED) {
                let at = match &few {
                    Some(few) => few.locate(indices.pair(k)).map(|(at, ())| at),
                    None => indices.with(k, |index| self.distribution().try_locate(index)),
                };
                let at = at.ok_or_else(|| self.no_such_element("scatter_accumulate", &indices, k))?;
                owners[at.rank].push::<T>(at.offset, k);
            }
            for (rank, runs) in owners.iter_mut().enumerate().filter(|(_, runs)| !runs.remote.is_empty()) {
                runs.sort_into(sorted, |remote| segment.lock_of(rank, remote));
                let part = self.raw().mapped(rank);
                for vector in sorted.vectors::<T>(if part.is_some() { BATCH } else { SORTED }) {
                    if let Some(part) = part {
                        touch(part, vector.remote);
                    }
                    // SAFETY: the remote offsets are those of located elements, the local ones those of `values`.
                    let done = unsafe { segment.accumulate_vector_ptr(rank, vector, values, alpha) };
                    done.map_err(|e| Error::from_rma("scatter_accumulate", e))?;
                }
                runs.clear();
            }
        }
        if sorting.owners.len() <= KEPT {
            SORTING.set(sorting);
        }
        Ok(())
    }
}

impl Runs {
    fn clear(&mut self) {
        self.remote.clear();
        self.local.clear();
    }

    /// Makes `sorted` the same elements in the order of the locks they need; those of one lock stay in order.
    fn sort_into(&self, sorted: &mut Runs, lock: impl Fn(usize) -> usize) {
        const LOCKS: usize = 1024;
        let lock = |remote: usize| lock(remote) % LOCKS;
        let mut next = [0_usize; LOCKS];
        self.remote.iter().for_each(|&remote| next[lock(remote)] += 1);
        let mut before = 0;
        for next in &mut next {
            before += std::mem::replace(next, before);
        }
        sorted.remote.resize(self.remote.len(), 0);
        sorted.local.resize(self.local.len(), 0);
        for (&remote, &local) in self.remote.iter().zip(&self.local) {
            let next = &mut next[lock(remote)];
            sorted.remote[*next] = remote;
            sorted.local[*next] = local;
            *next += 1;
        }
    }

    /// The same in vectors of at most `most` elements.
    fn vectors<T>(&self, most: usize) -> impl Iterator<Item = Vector<'_>> {
        let pieces = self.remote.chunks(most).zip(self.local.chunks(most));
        pieces.map(|(remote, local)| Vector { remote, local, len_bytes: size_of::<T>() })
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
