//! An array as what an array on disk is written from and read to.
//!
//! Invariant: an array is not destroyed before the requests on it are over; one that is gives an error.

use crate::table::{self, Array};
use crate::types::elements;
use ga_core::pointers::PatchPointers;
use ga_core::Sight;
use rma::World;
use std::ffi::c_int;
use std::result::Result;

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

    fn complete(&self) -> Result<(), String> {
        self.world.fence_all().map_err(|error| error.to_string())
    }
}
