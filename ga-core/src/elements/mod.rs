//! Access to scattered single elements: gather, scatter, scatter_accumulate, read_inc.
//!
//! None of this is collective. Invariant: all indices are checked before the first element is written. Elements of
//! mapped owners are loaded and stored in place, in batches whose cache misses overlap; those of others
//! travel as one vector transfer per owner.

mod accumulate;

use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::distribution::Location;
use crate::error::{Error, ErrorKind, Result};
use rma::{AtomicInteger, Element, Vector};
use std::collections::BTreeMap;
use std::ptr::NonNull;

/// Elements whose places are found before the first of them is touched.
const BATCH: usize = 256;

/// The elements of one owner: byte offsets in its part, and in the buffer of values.
#[derive(Default)]
struct Runs {
    remote: Vec<usize>,
    local: Vec<usize>,
}

/// Where indices come from.
pub(crate) trait Indices {
    fn count(&self) -> usize;

    /// Calls `f` with index number `k`, which is below the count.
    fn with<R>(&self, k: usize, f: impl FnOnce(&[usize]) -> R) -> R;

    /// Index number `k`, which is below the count, of an array with two axes.
    fn pair(&self, k: usize) -> [usize; 2];
}

impl<I: AsRef<[usize]>> Indices for &[I] {
    #[inline(always)]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn with<R>(&self, k: usize, f: impl FnOnce(&[usize]) -> R) -> R {
        f(self[k].as_ref())
    }

    #[inline(always)]
    fn pair(&self, k: usize) -> [usize; 2] {
        // Other numbers of axes are in no array.
        self[k].as_ref().try_into().unwrap_or([usize::MAX; 2])
    }
}

/// `count` indices of `ndim` numbers, which a function writes.
pub(crate) struct Written<F> {
    pub(crate) count: usize,
    pub(crate) ndim: usize,
    pub(crate) write: F,
}

impl<F: Fn(usize, &mut [usize])> Indices for Written<F> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    fn with<R>(&self, k: usize, f: impl FnOnce(&[usize]) -> R) -> R {
        if self.ndim == 2 {
            return f(&self.pair(k));
        }
        let mut index = Dims::filled(0, self.ndim);
        (self.write)(k, &mut index);
        f(&index)
    }

    #[inline(always)]
    fn pair(&self, k: usize) -> [usize; 2] {
        let mut index = [0; 2];
        (self.write)(k, &mut index);
        index
    }
}

impl<T: Element> GlobalArray<T> {
    /// Reads single elements: `values[k]` becomes the element at `indices[k]`. `NGA_Gather`.
    ///
    /// Complete on return.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for an index that is none (values may have been read until then),
    /// [`ErrorKind::Buffer`] unless there are as many values as indices.
    pub fn gather<I: AsRef<[usize]>>(&self, indices: &[I], values: &mut [T]) -> Result<()> {
        check_count("gather", indices, values.len())?;
        // SAFETY: as many values as indices.
        unsafe { self.gather_from(|rank| self.raw().mapped(rank), indices, values.as_mut_ptr()) }
    }

    /// [`GlobalArray::gather`] where `mapped` says which parts are mapped here.
    ///
    /// # Safety
    /// `values` is writable for as many elements as there are indices, nobody else's, and not array memory.
    pub(crate) unsafe fn gather_from(
        &self,
        mapped: impl Fn(usize) -> Option<NonNull<u8>>,
        indices: impl Indices,
        values: *mut T,
    ) -> Result<()> {
        let far = self.in_batches("gather", mapped, &indices, |start, places| {
            for (k, &place) in places.iter().enumerate() {
                if !place.is_null() {
                    // SAFETY: `place` is an element in mapped memory, and there are as many values as
                    // indices.
                    unsafe { *values.add(start + k) = *place };
                }
            }
        })?;
        for (rank, runs) in far {
            let segment = self.raw().memory();
            // SAFETY: the local offsets are those of `values`.
            let done = unsafe { segment.get_vector_bytes(rank, runs.vector::<T>(), values.cast()) };
            done.map_err(|e| Error::from_rma("gather", e))?;
        }
        Ok(())
    }

    /// Writes single elements: `values[k]` goes to `indices[k]`; of several values for one element, the last
    /// stays. `NGA_Scatter`.
    ///
    /// Locally complete on return.
    ///
    /// # Errors
    /// As [`GlobalArray::gather`]; then nothing was written.
    pub fn scatter<I: AsRef<[usize]>>(&self, indices: &[I], values: &[T]) -> Result<()> {
        check_count("scatter", indices, values.len())?;
        // SAFETY: as many values as indices.
        unsafe { self.scatter_from(|rank| self.raw().mapped(rank), indices, values.as_ptr()) }
    }

    /// [`GlobalArray::scatter`] where `mapped` says which parts are mapped here.
    ///
    /// # Safety
    /// `values` is readable for as many elements as there are indices, and not array memory.
    pub(crate) unsafe fn scatter_from(
        &self,
        mapped: impl Fn(usize) -> Option<NonNull<u8>>,
        indices: impl Indices,
        values: *const T,
    ) -> Result<()> {
        self.check_indices("scatter", &indices)?;
        let far = self.in_batches("scatter", mapped, &indices, |start, places| {
            for (k, &place) in places.iter().enumerate() {
                if !place.is_null() {
                    // SAFETY: `place` is an element in mapped memory, and there are as many values as
                    // indices.
                    unsafe { *place = *values.add(start + k) };
                }
            }
        })?;
        for (rank, runs) in far {
            let segment = self.raw().memory();
            // SAFETY: the local offsets are those of `values`.
            let done = unsafe { segment.put_vector_bytes(rank, runs.vector::<T>(), values.cast()) };
            done.map_err(|e| Error::from_rma("scatter", e))?;
        }
        Ok(())
    }

    /// Adds `increment` to one element and returns what was there before, atomically: the shared counter of
    /// dynamic load balancing. `NGA_Read_inc`.
    ///
    /// Complete on return.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for an index that is none.
    #[inline]
    pub fn read_inc(&self, index: &[usize], increment: T) -> Result<T>
    where
        T: AtomicInteger,
    {
        let distribution = self.distribution();
        let at =
            distribution.try_locate(index).ok_or_else(|| distribution.no_such_element("read_inc", index))?;
        let old = self.raw().memory().fetch_add(at.rank, at.offset * size_of::<T>(), increment);
        old.map_err(|e| Error::from_rma("read_inc", e))
    }

    /// Refuses indices that leave the array.
    fn check_indices(&self, op: &'static str, indices: &impl Indices) -> Result<()> {
        let distribution = self.distribution();
        match (0..indices.count()).find(|&k| !indices.with(k, |index| distribution.has(index))) {
            None => Ok(()),
            Some(k) => Err(self.no_such_element(op, indices, k)),
        }
    }

    /// The error of an index that is none.
    #[cold]
    fn no_such_element(&self, op: &'static str, indices: &impl Indices, k: usize) -> Error {
        indices.with(k, |index| self.distribution().no_such_element(op, index))
    }

    /// Finds the places of indices, and calls `touch(start, places)` for each batch: `places[k]` is
    /// that of index `start + k`, or null. Returns, by owner, the elements that are not mapped here.
    ///
    /// Indices are checked here, whatever was checked before: safe code may write an `as_ref` that gives something else
    /// the second time, and what is found is accessed without further ado.
    fn in_batches(
        &self,
        op: &'static str,
        mapped: impl Fn(usize) -> Option<NonNull<u8>>,
        indices: &impl Indices,
        touch: impl FnMut(usize, &[*mut T]),
    ) -> Result<BTreeMap<usize, Runs>> {
        let distribution = self.distribution();
        // Two loops: what a table needs stays in registers only where nothing else is done.
        let done = match distribution.few(indices.count(), &mapped) {
            Some(few) => {
                let find = |k| few.locate(indices.pair(k));
                batches(indices.count(), find, prefetch, touch)
            }
            None => {
                let find = |k| indices.with(k, |index| distribution.try_locate(index));
                let find = |k| find(k).map(|at| (at, mapped(at.rank)));
                // Finding takes too long for prefetches to overlap.
                batches(indices.count(), find, |_| (), touch)
            }
        };
        done.map_err(|k| self.no_such_element(op, indices, k))
    }
}

/// [`GlobalArray::in_batches`] where `find` says where an element and the part it is in are, if there is such an
/// element; its number is the error if not. Inline, for a table's numbers to be in registers.
#[inline(always)]
fn batches<T>(
    count: usize,
    find: impl Fn(usize) -> Option<(Location, Option<NonNull<u8>>)>,
    prefetch: impl Fn(*const T),
    mut touch: impl FnMut(usize, &[*mut T]),
) -> std::result::Result<BTreeMap<usize, Runs>, usize> {
    let mut far = BTreeMap::<usize, Runs>::new();
    let mut places = [std::ptr::null_mut::<T>(); BATCH];
    for start in (0..count).step_by(BATCH) {
        let count = BATCH.min(count - start);
        for (k, place) in places[..count].iter_mut().enumerate() {
            let (at, part) = find(start + k).ok_or(start + k)?;
            *place = match part {
                Some(part) => part.cast::<T>().as_ptr().wrapping_add(at.offset),
                None => {
                    put_off::<T>(&mut far, at, start + k);
                    std::ptr::null_mut()
                }
            };
            prefetch(*place);
        }
        touch(start, &places[..count]);
    }
    Ok(far)
}

/// Begins to bring an element that will be touched soon into the cache: the miss takes its time while others are
/// located.
#[inline(always)]
fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch accesses nothing as far as the program can tell.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast())
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Refuses another number of values than there are indices.
fn check_count<I>(op: &'static str, indices: &[I], values: usize) -> Result<()> {
    if indices.len() == values {
        return Ok(());
    }
    let message = format!("{values} values for {} indices", indices.len());
    Err(Error::new(ErrorKind::Buffer, op, message))
}

/// Notes an element that is not mapped here. Out of line: the loop that calls it has better uses for the
/// registers.
#[cold]
fn put_off<T>(far: &mut BTreeMap<usize, Runs>, at: Location, local: usize) {
    far.entry(at.rank).or_default().push::<T>(at.offset, local);
}

impl Runs {
    /// Adds the element at offset `remote` of the owner's part, and number `local` of the values.
    #[inline]
    fn push<T>(&mut self, remote: usize, local: usize) {
        self.remote.push(remote * size_of::<T>());
        self.local.push(local * size_of::<T>());
    }

    fn clear(&mut self) {
        self.remote.clear();
        self.local.clear();
    }

    fn vector<T>(&self) -> Vector<'_> {
        Vector { remote: &self.remote, local: &self.local, len_bytes: size_of::<T>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rma::World;
    use std::cell::Cell;

    /// An index that is good when it is checked, and none afterwards.
    struct Fickle(Cell<bool>);

    impl AsRef<[usize]> for Fickle {
        fn as_ref(&self) -> &[usize] {
            if self.0.replace(true) { &[1 << 40, 0] } else { &[0, 0] }
        }
    }

    #[test]
    fn an_index_that_changes_after_the_check_reaches_no_memory() {
        let world = World::init().unwrap();
        let array = GlobalArray::<i32>::builder(&world.team(), &[7, 9]).create().unwrap();
        array.zero().unwrap();
        let error = array.scatter(&[Fickle(Cell::new(false))], &[1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Range);
    }

    /// The way elements of other nodes take, on one rank: nothing is called mapped.
    #[test]
    fn elements_that_are_not_mapped_travel_by_vector() {
        let world = World::init().unwrap();
        let array = GlobalArray::<i32>::builder(&world.team(), &[7, 9]).create().unwrap();
        array.zero().unwrap();
        let indices: Vec<[usize; 2]> = (0..150).map(|k| [k * 5 % 7, k * 3 % 9]).collect();
        let values: Vec<i32> = (0..150).collect();
        // SAFETY: as many values as indices.
        unsafe { array.scatter_from(|_| None, &indices[..], values.as_ptr()).unwrap() };
        let mut serial = [[0; 9]; 7];
        indices.iter().zip(&values).for_each(|(&[i, j], &v)| serial[i][j] = v);
        assert_eq!(
            array.get_array::<ndarray::Ix2>((.., ..)).unwrap().into_raw_vec_and_offset().0,
            serial.as_flattened()
        );
        let mut gathered = vec![-1; 150];
        // SAFETY: as many values as indices.
        unsafe { array.gather_from(|_| None, &indices[..], gathered.as_mut_ptr()).unwrap() };
        assert!(indices.iter().zip(&gathered).all(|(&[i, j], &v)| serial[i][j] == v));
    }
}
