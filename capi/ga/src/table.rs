//! Handles and the arrays they stand for.
//!
//! As in the original, the first handle is -1000 and the lowest free one is taken; 0 is never one, because it says that there was
//! no memory. A lookup is one load, from any thread.
//!
//! Invariant: a slot is null or points to a leaked box, which is freed by [`remove`] only: no call on an array is under way when
//! it is destroyed, which is the C caller's promise.

use crate::fault::Fault;
use crate::property::Property;
use crate::types;
use ga_core::{Distribution, RawArray};
use std::collections::BTreeSet;
use std::ffi::{CString, c_int};
use std::fmt;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many arrays there may be, as in the original.
const MOST: usize = 32768;

/// The handle of slot 0 is minus this.
const OFFSET: c_int = 1000;

/// An array that has memory.
pub(crate) struct Array {
    pub(crate) raw: RawArray,
    /// Every part is mapped here: what is started is complete.
    pub(crate) is_near: bool,
    /// Its element type's number in C.
    pub(crate) kind: c_int,
    /// Bytes of an element that is bytes (a last axis of `raw`); 0 for numbers and characters.
    pub(crate) item: usize,
    /// Axes as C sees them.
    pub(crate) ndim: usize,
    pub(crate) name: CString,
    pub(crate) group: c_int,
    pub(crate) handle: c_int,
    /// Who owns what, in the axes C sees.
    pub(crate) layout: Distribution,
    /// Whether corners of ghost cells are updated.
    pub(crate) has_corners: AtomicBool,
    pub(crate) property: Property,
    /// Made by Fortran, which lists its extents from the last axis on.
    pub(crate) is_fortran: bool,
}

impl Array {
    /// Extents as C sees them.
    #[inline(always)]
    pub(crate) fn shape(&self) -> &[usize] {
        &self.raw.shape()[..self.ndim]
    }

    /// Bytes of an element.
    pub(crate) fn size(&self) -> usize {
        self.item.max(self.raw.dtype().size_bytes())
    }
}

/// Name, handle, type and extents, for messages: as whoever made it declared them.
impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.to_string_lossy();
        let mut shape: Vec<String> = self.shape().iter().map(usize::to_string).collect();
        if self.is_fortran {
            shape.reverse();
        }
        write!(
            f,
            "array '{name}' (handle {}, {}, {})",
            self.handle,
            types::name(self.kind),
            shape.join(" x ")
        )
    }
}

static SLOTS: [AtomicPtr<Array>; MOST] = [const { AtomicPtr::new(null_mut()) }; MOST];

/// Slots that are taken: by an array, or by the description of one.
static TAKEN: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

#[inline(always)]
fn slot(handle: c_int) -> usize {
    // Positive handles come after -1, as there is no 0. A handle far out wraps to a slot that there isn't.
    handle.wrapping_add(OFFSET - c_int::from(handle > 0)) as u32 as usize
}

/// The array of a handle.
#[inline(always)]
pub(crate) fn find<'a>(handle: c_int) -> Option<&'a Array> {
    let array = SLOTS.get(slot(handle))?.load(Ordering::Acquire);
    // SAFETY: null or a box that lives until the array is destroyed, which nobody does in the middle of a call on it.
    if handle == 0 { None } else { unsafe { array.as_ref() } }
}

#[cold]
#[inline(never)]
pub(crate) fn missing(handle: c_int) -> Fault {
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if handle != 0 && taken.contains(&slot(handle)) {
        return Fault::new(format_args!(
            "handle {handle} is that of an array without memory: GA_Allocate comes first"
        ));
    }
    Fault::new(format_args!("invalid handle {handle}: no array has it, or the array was destroyed"))
}

/// The handle of a free slot, which is taken then; nothing if all are.
pub(crate) fn reserve() -> Option<c_int> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let free = taken
        .iter()
        .enumerate()
        .find(|(number, slot)| number != *slot)
        .map_or(taken.len(), |(number, _)| number);
    if free >= MOST {
        return None;
    }
    taken.insert(free);
    let handle = free as c_int - OFFSET;
    Some(if handle < 0 { handle } else { handle + 1 })
}

/// Gives a reserved handle its array.
pub(crate) fn fill(handle: c_int, array: Array) {
    let old = SLOTS[slot(handle)].swap(Box::into_raw(Box::new(array)), Ordering::AcqRel);
    assert!(old.is_null(), "a reserved slot has no array");
}

/// Takes the array of a handle, if it has one; the handle stays reserved.
pub(crate) fn empty(handle: c_int) -> Option<Array> {
    if handle == 0 {
        return None;
    }
    let array = SLOTS.get(slot(handle))?.swap(null_mut(), Ordering::AcqRel);
    // SAFETY: it was made by `fill`, is in no slot any more, and no call on it is under way.
    (!array.is_null()).then(|| unsafe { *Box::from_raw(array) })
}

/// Makes a handle free again.
pub(crate) fn release(handle: c_int) {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot(handle));
}

/// Lets go of all arrays, and makes all handles free.
pub(crate) fn clear() {
    handles().into_iter().for_each(|handle| drop(empty(handle)));
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Handles of all arrays that have memory, in ascending order.
pub(crate) fn handles() -> Vec<c_int> {
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let handle = |slot: &usize| *slot as c_int - OFFSET + c_int::from(*slot >= OFFSET as usize);
    taken.iter().map(handle).filter(|handle| find(*handle).is_some()).collect()
}
