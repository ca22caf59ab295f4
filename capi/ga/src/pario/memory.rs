//! An array as what an array on disk is written from and read to.
//!
//! Invariant: an array is not destroyed before the requests on it are over; one that is gives an error.

use crate::table::{self, Array};
use crate::types::elements;
use ::pario::file::Lent;
use ga_core::Sight;
use ga_core::pointers::PatchPointers;
use ga_core::{Dims, Patch};
use rma::World;
use std::ffi::c_int;
use std::result::Result;

/// Bytes of a row that is worth a place of its own among those that the system reads to, or writes from.
const LEAST_ROW: usize = 2048;

/// The array of a handle, for any thread.
pub(super) struct Patches {
    handle: c_int,
    world: World,
}

impl Patches {
    pub(super) fn new(handle: c_int, world: &World) -> Patches {
        Patches { handle, world: world.clone() }
    }

    fn array(&self) -> Result<&'static Array, String> {
        let gone = || format!("array {} was destroyed in the middle of a transfer", self.handle);
        table::find(self.handle).ok_or_else(gone)
    }
}

/// A box with the axis of a registered type's bytes, and extents of all axes but the first.
fn whole(array: &Array, lo: &[usize], hi: &[usize]) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
    let item = (array.item > 0).then_some(array.item);
    let lo: Vec<usize> = lo.iter().copied().chain(item.map(|_| 0)).collect();
    let hi: Vec<usize> = hi.iter().copied().chain(item).collect();
    let ld = lo.iter().zip(&hi).skip(1).map(|(lo, hi)| hi - lo).collect();
    (lo, hi, ld)
}

impl ::pario::dra::Memory for Patches {
    fn get(&self, lo: &[usize], hi: &[usize], to: &mut [u8]) -> Result<(), String> {
        let array = self.array()?;
        let (lo, hi, ld) = whole(array, lo, hi);
        let mut move_all = || -> crate::fault::Result<()> {
            elements!(array, |a: T| {
                // SAFETY: the buffer has the box's bytes, and is aligned for any element.
                Ok(unsafe { a.get_ptr(&lo, &hi, to.as_mut_ptr().cast::<T>(), &ld) }?)
            })
        };
        move_all().map_err(|fault| fault.seen(Sight::C))
    }

    fn put(&self, lo: &[usize], hi: &[usize], from: &[u8]) -> Result<(), String> {
        let array = self.array()?;
        let (lo, hi, ld) = whole(array, lo, hi);
        let move_all = || -> crate::fault::Result<()> {
            elements!(array, |a: T| {
                // SAFETY: the buffer has the box's bytes, and is aligned for any element.
                Ok(unsafe { a.put_ptr(&lo, &hi, from.as_ptr().cast::<T>(), &ld) }?)
            })
        };
        move_all().map_err(|fault| fault.seen(Sight::C))
    }

    fn places(&self, lo: &[usize], hi: &[usize]) -> Option<Vec<Lent>> {
        let array = self.array().ok()?;
        let (lo, hi, _) = whole(array, lo, hi);
        let size = array.raw.dtype().size_bytes();
        let extents = Dims::from_fn(lo.len(), |d| hi[d] - lo[d]);
        let steps = Dims::row_major_strides(&extents);
        let last = lo.len() - 1;
        // Each row, and where in the patch it begins.
        let mut rows: Vec<(usize, Lent)> = Vec::new();
        for piece in array.raw.distribution().locate_region(Patch::new(&lo[..], &hi[..])).ok()? {
            let base = array.raw.mapped(piece.rank)?;
            let shape = piece.patch.shape();
            let row = shape[last] * size;
            if piece.strides[last] != 1 || row < LEAST_ROW {
                return None;
            }
            for number in 0..shape[..last].iter().product() {
                let (mut rest, mut place) = (number, piece.patch.lo()[last] - lo[last]);
                let mut offset = piece.offset;
                for d in (0..last).rev() {
                    let at = rest % shape[d];
                    rest /= shape[d];
                    place += (piece.patch.lo()[d] + at - lo[d]) * steps[d];
                    offset += at * piece.strides[d];
                }
                // SAFETY: an element of the rank's part, which is mapped here.
                rows.push((place, Lent(unsafe { base.add(offset * size) }.as_ptr(), row)));
            }
        }
        rows.sort_unstable_by_key(|(place, _)| *place);
        let mut places: Vec<Lent> = Vec::with_capacity(rows.len());
        for (_, Lent(start, len)) in rows {
            match places.last_mut() {
                Some(Lent(before, bytes)) if before.wrapping_add(*bytes) == start => *bytes += len,
                _ => places.push(Lent(start, len)),
            }
        }
        Some(places)
    }

    fn complete(&self) -> Result<(), String> {
        self.world.fence_all().map_err(|error| error.to_string())
    }
}
