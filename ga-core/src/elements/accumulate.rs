//! Accumulating to scattered single elements: a list for each owner, which goes there as one vector.
//!
//! Invariant: elements of one owner are added in the order of the call.

use super::{Indices, Runs, check_count};
use crate::array::GlobalArray;
use crate::distribution::Location;
use crate::error::{Error, Result};
use crate::number::Number;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Most elements of one owner that are added together: enough for several to share a lock, few enough for the second-level cache.
const LISTED: usize = 1 << 14;

/// Most elements in the lists that are kept.
const KEPT: usize = 1 << 17;

/// Ranks that have a list each that is kept; those beyond have one when they need it.
const LISTS: usize = 64;

thread_local! {
    /// Empty lists, but with the memory of the last accumulate: from the allocator it would come page by page each time.
    static OWNERS: Cell<Vec<Runs>> = const { Cell::new(Vec::new()) };
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
        let distribution = self.distribution();
        let mut lists = OWNERS.take();
        // What an accumulate that failed has left.
        lists.iter_mut().for_each(Runs::clear);
        lists.resize_with(LISTS.min(self.team().size()).max(lists.len()), Runs::default);
        // Two loops, as in `in_batches`.
        // SAFETY: the caller's promises.
        let done = unsafe {
            match distribution.few(indices.count(), |_| ()) {
                Some(few) => {
                    let find = |k| few.locate(indices.pair(k)).map(|(at, ())| at);
                    self.add_each(indices.count(), find, &mut lists, values, alpha)
                }
                None => {
                    let find = |k| indices.with(k, |index| distribution.try_locate(index));
                    self.add_each(indices.count(), find, &mut lists, values, alpha)
                }
            }
        };
        OWNERS.set(lists);
        match done? {
            Ok(()) => Ok(()),
            Err(k) => Err(self.no_such_element("scatter_accumulate", &indices, k)),
        }
    }

    /// Adds `count` values to the elements where `find` says; the number of one that it doesn't find is the inner error.
    ///
    /// # Safety
    /// As [`GlobalArray::scatter_accumulate_from`]; what is found is an element.
    #[inline(always)]
    unsafe fn add_each(
        &self,
        count: usize,
        find: impl Fn(usize) -> Option<Location>,
        lists: &mut [Runs],
        values: *const T,
        alpha: T,
    ) -> Result<std::result::Result<(), usize>> {
        let listed = LISTED.min(KEPT / lists.len());
        let mut others = BTreeMap::<usize, Runs>::new();
        for k in 0..count {
            let Some(at) = find(k) else { return Ok(Err(k)) };
            let list = match lists.get_mut(at.rank) {
                Some(list) => list,
                None => others.entry(at.rank).or_default(),
            };
            list.push::<T>(at.offset, k);
            if list.remote.len() == listed {
                // SAFETY: the caller's promise.
                unsafe { self.add_list(at.rank, list, values, alpha) }?;
            }
        }
        let others = others.iter_mut().map(|(rank, list)| (*rank, list));
        for (rank, list) in
            lists.iter_mut().enumerate().chain(others).filter(|(_, list)| !list.remote.is_empty())
        {
            // SAFETY: the caller's promise.
            unsafe { self.add_list(rank, list, values, alpha) }?;
        }
        Ok(Ok(()))
    }

    /// Adds and empties a list.
    ///
    /// # Safety
    /// The list has elements of this owner, and numbers of values that are readable.
    unsafe fn add_list(&self, rank: usize, list: &mut Runs, values: *const T, alpha: T) -> Result<()> {
        // SAFETY: the caller's promise.
        let done =
            unsafe { self.raw().memory().accumulate_vector_ptr(rank, list.vector::<T>(), values, alpha) };
        list.clear();
        done.map_err(|e| Error::from_rma("scatter_accumulate", e))
    }
}
