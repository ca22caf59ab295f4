//! A cache of what was read from other nodes.
//!
//! Invariant: what is held was read from the array after the cache was made or cleared last; so as long as nobody writes to the array
//! meanwhile, every answer is what the array would say. What is mapped is never held: reading it costs no more than the cache.

use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::Result;
use crate::patch::{Patch, Region};
use rma::Element;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Patches of one array that were read before, for reads of the same or parts of them. `GA_Set_property` with `read_cache`.
#[derive(Debug)]
pub struct ReadCache<T> {
    held: Mutex<Held<T>>,
    most_bytes: usize,
}

/// Oldest first.
#[derive(Debug)]
struct Held<T> {
    patches: VecDeque<(Patch, Vec<T>)>,
    bytes: usize,
}

impl<T: Element> ReadCache<T> {
    /// An empty cache that will hold so many bytes at most. Not collective.
    pub fn new(most_bytes: usize) -> Self {
        ReadCache { held: Mutex::new(Held { patches: VecDeque::new(), bytes: 0 }), most_bytes }
    }

    /// Bytes held now. Not collective.
    pub fn held_bytes(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Forgets everything, as one must when the array was written to. Not collective.
    pub fn clear(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.patches.clear();
        held.bytes = 0;
    }

    /// [`GlobalArray::get`] of the cache's array. Not collective.
    ///
    /// # Errors
    /// As [`GlobalArray::get`].
    pub fn get(&self, array: &GlobalArray<T>, region: impl Region, data: &mut [T]) -> Result<()> {
        region.with_bounds(|lo, hi| {
            let patch = Patch::new(lo, hi);
            if !self.serves(array, lo, hi) || data.len() != patch.len() {
                return array.get(&patch, data);
            }
            // SAFETY: the buffer has as many elements as the patch, densely.
            unsafe {
                self.read(
                    array,
                    patch,
                    data.as_mut_ptr(),
                    &Dims::row_major_strides(&Patch::new(lo, hi).shape()),
                )
            }
        })
    }

    /// Reads a patch to a pointer, with leading dimensions; `None`, and nothing happens, where the cache is of no use for that.
    ///
    /// # Safety
    /// `dst` is writable at every element of the patch, whose rows lie as `ld` says, and nobody else's.
    pub(crate) unsafe fn read_leading(
        &self,
        array: &GlobalArray<T>,
        lo: &[usize],
        hi: &[usize],
        dst: *mut T,
        ld: &[usize],
    ) -> Option<Result<()>> {
        let is_roomy = |ld: &[usize]| {
            ld.len() + 1 == lo.len().max(1) && (1..lo.len()).all(|d| hi[d].saturating_sub(lo[d]) <= ld[d - 1])
        };
        // What serves has as many lower as upper bounds.
        if !self.serves(array, lo, hi) || !is_roomy(ld) {
            return None;
        }
        let mut strides = Dims::filled(1, lo.len());
        for d in (1..lo.len()).rev() {
            strides[d - 1] = strides[d].saturating_mul(ld[d - 1]);
        }
        // SAFETY: the caller's promise; the strides are those of the leading dimensions.
        Some(unsafe { self.read(array, Patch::new(lo, hi), dst, &strides) })
    }

    /// A good patch, not empty, that is not all mapped.
    fn serves(&self, array: &GlobalArray<T>, lo: &[usize], hi: &[usize]) -> bool {
        let mut pieces = match array.distribution().check_bounds("get", lo, hi) {
            Ok(()) => array.distribution().pieces(lo, hi),
            Err(_) => return false,
        };
        pieces.any(|piece| array.raw().mapped(piece.rank).is_none())
    }

    /// Copies a patch out of the cache, or into it first.
    ///
    /// # Safety
    /// The patch lies in the array and is not empty; `dst` is writable at all its elements, with these strides.
    unsafe fn read(
        &self,
        array: &GlobalArray<T>,
        patch: Patch,
        dst: *mut T,
        strides: &[usize],
    ) -> Result<()> {
        let is_inside = |held: &Patch| held.intersection(&patch) == patch;
        {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((whole, values)) = held.patches.iter().rev().find(|(whole, _)| is_inside(whole)) {
                // SAFETY: the caller's promise; the patch lies in what is held.
                unsafe { copy_out(whole, values, &patch, dst, strides) };
                return Ok(());
            }
        }
        // Read without the lock, which others may need.
        let mut values = vec![T::default(); patch.len()];
        array.get(&patch, &mut values)?;
        // SAFETY: the caller's promise; the patch is what was read.
        unsafe { copy_out(&patch, &values, &patch, dst, strides) };
        let bytes = size_of_val(values.as_slice());
        if bytes <= self.most_bytes {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            while held.bytes + bytes > self.most_bytes {
                let (_, oldest) = held.patches.pop_front().expect("bytes are those of patches");
                held.bytes -= size_of_val(oldest.as_slice());
            }
            held.bytes += bytes;
            held.patches.push_back((patch, values));
        }
        Ok(())
    }
}

/// Copies a patch out of a dense buffer of a larger one.
///
/// # Safety
/// The patch lies in `whole`, whose elements are `values`; `dst` is writable at all elements of the patch, with these strides.
unsafe fn copy_out<T: Element>(whole: &Patch, values: &[T], patch: &Patch, dst: *mut T, strides: &[usize]) {
    let (shape, from) = (patch.shape(), Dims::row_major_strides(&whole.shape()));
    let (row, outer) = shape.split_last().map_or((1, &[] as &[usize]), |(&last, outer)| (last, outer));
    let begin: usize = (0..shape.len()).map(|d| (patch.lo()[d] - whole.lo()[d]) * from[d]).sum();
    for mut number in 0..outer.iter().product::<usize>() {
        let (mut source, mut target) = (begin, 0);
        for d in (0..outer.len()).rev() {
            source += number % outer[d] * from[d];
            target += number % outer[d] * strides[d];
            number /= outer[d];
        }
        // SAFETY: a row of the patch, on both sides.
        unsafe { std::ptr::copy_nonoverlapping(values[source..][..row].as_ptr(), dst.add(target), row) };
    }
}
