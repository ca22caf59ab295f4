//! Access to scattered single elements: gather, scatter, scatter_accumulate, read_inc.
//!
//! None of this is collective. Invariant: all indices are checked before the first element moves. Elements of
//! mapped owners are loaded and stored in place, in batches whose cache misses overlap; those of others
//! travel as one vector transfer per owner.

use crate::array::GlobalArray;
use crate::distribution::Location;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
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

impl<T: Element> GlobalArray<T> {
    /// Reads single elements: `values[k]` becomes the element at `indices[k]`. `NGA_Gather`.
    ///
    /// Complete on return.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for an index that is none, [`ErrorKind::Buffer`] unless
    /// there are as many values as indices.
    pub fn gather<I: AsRef<[usize]>>(&self, indices: &[I], values: &mut [T]) -> Result<()> {
        self.check_indices("gather", indices, values.len())?;
        self.gather_through(|rank| self.raw().mapped(rank), indices, values)
    }

    /// [`GlobalArray::gather`] of checked indices, where `mapped` says which parts are mapped here.
    fn gather_through<I: AsRef<[usize]>>(
        &self,
        mapped: impl Fn(usize) -> Option<NonNull<u8>>,
        indices: &[I],
        values: &mut [T],
    ) -> Result<()> {
        let first = values.as_mut_ptr();
        let far = self.in_batches(mapped, indices, |start, places| {
            for (k, &place) in places.iter().enumerate() {
                if !place.is_null() {
                    // SAFETY: `place` is an element in mapped memory, and there are as many values as
                    // indices.
                    unsafe { *first.add(start + k) = *place };
                }
            }
        });
        for (rank, runs) in far {
            let segment = self.raw().segment();
            // SAFETY: the local offsets are those of `values`.
            let done = unsafe { segment.get_vector_bytes(rank, runs.vector::<T>(), first.cast()) };
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
        self.check_indices("scatter", indices, values.len())?;
        self.scatter_through(|rank| self.raw().mapped(rank), indices, values)
    }

    /// [`GlobalArray::scatter`] to checked indices, where `mapped` says which parts are mapped here.
    fn scatter_through<I: AsRef<[usize]>>(
        &self,
        mapped: impl Fn(usize) -> Option<NonNull<u8>>,
        indices: &[I],
        values: &[T],
    ) -> Result<()> {
        let far = self.in_batches(mapped, indices, |start, places| {
            for (&place, &value) in places.iter().zip(&values[start..]) {
                if !place.is_null() {
                    // SAFETY: `place` is an element in mapped memory.
                    unsafe { *place = value };
                }
            }
        });
        for (rank, runs) in far {
            // SAFETY: the local offsets are those of `values`.
            let done = unsafe {
                self.raw().segment().put_vector_bytes(rank, runs.vector::<T>(), values.as_ptr().cast())
            };
            done.map_err(|e| Error::from_rma("scatter", e))?;
        }
        Ok(())
    }

    /// Adds `alpha * values[k]` to the element at `indices[k]`, each atomically with regard to other
    /// accumulates. `NGA_Scatter_acc`.
    ///
    /// Locally complete on return.
    ///
    /// # Errors
    /// As [`GlobalArray::gather`]; then nothing was added.
    pub fn scatter_accumulate<I: AsRef<[usize]>>(&self, indices: &[I], values: &[T], alpha: T) -> Result<()>
    where
        T: Number,
    {
        self.check_indices("scatter_accumulate", indices, values.len())?;
        let mut owners = BTreeMap::<usize, Runs>::new();
        for (k, index) in indices.iter().enumerate() {
            let at = self.located(index);
            owners.entry(at.rank).or_default().push::<T>(at.offset, k);
        }
        for (rank, runs) in owners {
            let part = self.raw().mapped(rank);
            for vector in runs.vectors::<T>(if part.is_some() { BATCH } else { usize::MAX }) {
                if let Some(part) = part {
                    touch(part, vector.remote);
                }
                let done = self.raw().segment().accumulate_vector(rank, vector, values, alpha);
                done.map_err(|e| Error::from_rma("scatter_accumulate", e))?;
            }
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
        let old = self.raw().segment().fetch_add(at.rank, at.offset * size_of::<T>(), increment);
        old.map_err(|e| Error::from_rma("read_inc", e))
    }

    /// Refuses indices that leave the array, and another number of values.
    fn check_indices<I: AsRef<[usize]>>(&self, op: &'static str, indices: &[I], values: usize) -> Result<()> {
        if indices.len() != values {
            let message = format!("{values} values for {} indices", indices.len());
            return Err(Error::new(ErrorKind::Buffer, op, message));
        }
        match indices.iter().find(|index| !self.distribution().has(index.as_ref())) {
            None => Ok(()),
            Some(index) => Err(self.distribution().no_such_element(op, index.as_ref())),
        }
    }

    /// Where the element at a checked index is. Checked again, as safe code may write an `as_ref` that gives
    /// something else the second time, and what is found here is accessed without further ado.
    #[inline(always)]
    fn located(&self, index: &impl AsRef<[usize]>) -> Location {
        self.distribution()
            .try_locate(index.as_ref())
            .expect("an index stays what it was when it was checked")
    }

    /// Finds the places of checked indices, and calls `touch(start, places)` for each batch: `places[k]` is
    /// that of `indices[start + k]`, or null. Returns, by owner, the elements that are not mapped here.
    fn in_batches<I: AsRef<[usize]>>(
        &self,
        mapped: impl Fn(usize) -> Option<NonNull<u8>>,
        indices: &[I],
        mut touch: impl FnMut(usize, &[*mut T]),
    ) -> BTreeMap<usize, Runs> {
        let mut far = BTreeMap::<usize, Runs>::new();
        let mut places = [std::ptr::null_mut::<T>(); BATCH];
        for (batch, chunk) in indices.chunks(BATCH).enumerate() {
            for (k, (place, index)) in places.iter_mut().zip(chunk).enumerate() {
                let at = self.located(index);
                *place = match mapped(at.rank) {
                    Some(part) => part.cast::<T>().as_ptr().wrapping_add(at.offset),
                    None => {
                        put_off::<T>(&mut far, at, batch * BATCH + k);
                        std::ptr::null_mut()
                    }
                };
            }
            touch(batch * BATCH, &places[..chunk.len()]);
        }
        far
    }
}

/// Notes an element that is not mapped here. Out of line: the loop that calls it has better uses for the
/// registers.
#[cold]
fn put_off<T>(far: &mut BTreeMap<usize, Runs>, at: Location, local: usize) {
    far.entry(at.rank).or_default().push::<T>(at.offset, local);
}

impl Runs {
    /// Adds the element at offset `remote` of the owner's part, and number `local` of the values.
    fn push<T>(&mut self, remote: usize, local: usize) {
        self.remote.push(remote * size_of::<T>());
        self.local.push(local * size_of::<T>());
    }

    fn vector<T>(&self) -> Vector<'_> {
        Vector { remote: &self.remote, local: &self.local, len_bytes: size_of::<T>() }
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
    #[should_panic(expected = "an index stays what it was")]
    fn an_index_that_changes_after_the_check_reaches_no_memory() {
        let world = World::init().unwrap();
        let array = GlobalArray::<i32>::builder(&world.team(), &[7, 9]).create().unwrap();
        array.gather(&[Fickle(Cell::new(false))], &mut [0]).unwrap();
    }

    /// The way elements of other nodes take, on one rank: nothing is called mapped.
    #[test]
    fn elements_that_are_not_mapped_travel_by_vector() {
        let world = World::init().unwrap();
        let array = GlobalArray::<i32>::builder(&world.team(), &[7, 9]).create().unwrap();
        array.zero().unwrap();
        let indices: Vec<[usize; 2]> = (0..150).map(|k| [k * 5 % 7, k * 3 % 9]).collect();
        let values: Vec<i32> = (0..150).collect();
        array.scatter_through(|_| None, &indices, &values).unwrap();
        let mut serial = [[0; 9]; 7];
        indices.iter().zip(&values).for_each(|(&[i, j], &v)| serial[i][j] = v);
        assert_eq!(array.get_array([0..7, 0..9]).unwrap().into_raw_vec_and_offset().0, serial.as_flattened());
        let mut gathered = vec![-1; 150];
        array.gather_through(|_| None, &indices, &mut gathered).unwrap();
        assert!(indices.iter().zip(&gathered).all(|(&[i, j], &v)| serial[i][j] == v));
    }
}
