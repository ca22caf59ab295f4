//! Elements of other nodes, brought into memory of this pass while it computes what needs none of them.
//!
//! A part of an operand is fetched as the box that it is: rows of a block by their rows, one column element by element in one
//! message. Only where nearly all between the first and the last element is wanted is that stretch fetched in one piece.
//!
//! Invariant: copies stay where they are until every transfer into them is over, also when the pass ends with an error.

use crate::error::Result;
use crate::exec::Stream;
use crate::memory::{Storage, Transfer};
use crate::view::{Strides, View};
use smallvec::SmallVec;

/// The largest stretch that is fetched whole, in multiples of what is wanted of it.
const STRETCH: usize = 2;

/// Most axes of a box that a transfer has strides for.
const LEVELS: usize = 7;

/// A stream of elements of `item` bytes, with steps in elements.
pub(super) fn stream_of(item: usize, steps: &[isize], ptr: *mut u8) -> Stream {
    Stream { ptr, strides: steps.iter().map(|step| step * item as isize).collect() }
}

/// The copies of a pass, and the transfers that are under way.
#[derive(Default)]
pub(crate) struct Fetched<'s> {
    copies: Vec<Box<[u128]>>,
    pending: Vec<(&'s Storage, Transfer)>,
}

impl<'s> Fetched<'s> {
    /// How many parts were fetched so far.
    pub(super) fn count(&self) -> usize {
        self.copies.len()
    }

    /// Starts to fetch a part that `owner` has; where to read it once it has [arrived](Fetched::arrive).
    pub(super) fn start(&mut self, storage: &'s Storage, owner: usize, view: &View) -> Result<Stream> {
        let item = storage.item_bytes();
        let (least, most) = view.bounds().expect("parts have elements");
        let span = most - least + 1;
        // The axes that move, from the widest step to the narrowest.
        let moves = |&d: &usize| view.shape[d] > 1 && view.strides[d] != 0;
        let mut axes: SmallVec<[usize; 4]> = (0..view.ndim()).filter(moves).collect();
        axes.sort_by_key(|&d| std::cmp::Reverse(view.strides[d].unsigned_abs()));
        let wanted: usize = axes.iter().map(|&d| view.shape[d]).product();
        if span <= STRETCH * wanted || axes.len() > LEVELS {
            let copy = self.room(span * item);
            // SAFETY: `copy` has room for the stretch, and stays until the transfer is over (`Drop`).
            let transfer = unsafe { storage.start_fetch(owner, least, copy, span * item) }?;
            self.pending.push((storage, transfer));
            let first = (view.offset as usize - least) * item;
            return Ok(stream_of(item, &view.strides, copy.wrapping_add(first)));
        }
        // Packed, in the order of the axes; then the steps that the view makes in it.
        let mut steps: Strides = SmallVec::from_elem(0, view.ndim());
        let (mut start, mut step) = (0, 1isize);
        let (mut counts, mut remote, mut local) =
            (SmallVec::<[usize; 8]>::from_slice(&[item]), Strides::new(), Strides::new());
        for &d in axes.iter().rev() {
            let by = view.strides[d].unsigned_abs() as isize;
            if counts.len() == 1 && by * item as isize == counts[0] as isize {
                counts[0] *= view.shape[d];
            } else {
                counts.push(view.shape[d]);
                remote.push(by * item as isize);
                local.push(step * item as isize);
            }
            let is_backwards = view.strides[d] < 0;
            start += if is_backwards { step * (view.shape[d] as isize - 1) } else { 0 };
            steps[d] = if is_backwards { -step } else { step };
            step *= view.shape[d] as isize;
        }
        let copy = self.room(wanted * item);
        // SAFETY: `copy` has room for all of the box, packed, and stays until the transfer is over (`Drop`).
        let transfer = unsafe { storage.start_fetch_box(owner, least, (&counts, &remote, &local), copy) }?;
        self.pending.push((storage, transfer));
        Ok(stream_of(item, &steps, copy.wrapping_offset(start * item as isize)))
    }

    fn room(&mut self, len_bytes: usize) -> *mut u8 {
        let mut copy = vec![0u128; len_bytes.div_ceil(16)].into_boxed_slice();
        let ptr = copy.as_mut_ptr().cast();
        self.copies.push(copy);
        ptr
    }

    /// Returns when all that was started is there.
    pub(crate) fn arrive(&mut self) -> Result<()> {
        while let Some((storage, transfer)) = self.pending.pop() {
            if let Err(error) = storage.await_fetch(transfer) {
                // It may yet write.
                std::mem::forget(std::mem::take(&mut self.copies));
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for Fetched<'_> {
    fn drop(&mut self) {
        // With what is left after an error nothing can be done.
        let _ = self.arrive();
    }
}
