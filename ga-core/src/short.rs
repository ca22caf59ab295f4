//! The short way for the patches that are nearly all patches: few axes, no steps, one owner.
//!
//! Invariant: it does what the general way ([`crate::transfer`]) does, or nothing; whatever is empty, wrong,
//! or owned by several ranks is left to that, which also finds the words for errors. The number of axes is a
//! constant here, so all loops unroll and a patch of one element costs some forty instructions beyond its
//! transfer.

use crate::access::Fit;
use crate::boxes::Levels;
use crate::raw::RawArray;
use crate::transfer::{Completion, Verb};
use rma::Element;

/// Counts that such a transfer may have.
const MOST: usize = 4;

impl RawArray {
    /// Moves the box `[lo, hi)` of `N` axes, at most three, between the array and a buffer of `len` elements.
    /// `None`: nothing was done, go the general way.
    ///
    /// # Safety
    /// The array's element type is `T`. The verb's buffer is good for `len` elements, no memory of the array,
    /// and stays so until the transfer is complete.
    #[inline]
    pub(crate) unsafe fn transfer_short<T: Element, const N: usize>(
        &self,
        verb: Verb<T>,
        (lo, hi): (&[usize; N], &[usize; N]),
        len: usize,
        fit: Fit<'_>,
        completion: &mut impl Completion,
    ) -> Option<Result<(), rma::Error>> {
        const { assert!(N < MOST) };
        let (at, strides) = self.distribution().single_owner_of(lo, hi)?;
        let size = size_of::<T>();
        let mut levels = Levels::<MOST>::element(size);
        // The buffer's stride of the axis at hand, in elements; `last` is the buffer's place of the box's last element.
        let (mut local, mut last) = (1, 0usize);
        for d in (0..N).rev() {
            let extent = hi[d] - lo[d];
            last = last.checked_add((extent - 1).checked_mul(local)?)?;
            if extent > 1 && !levels.push(extent, (strides[d] * size) as isize, (local * size) as isize) {
                return None;
            }
            if d > 0 {
                let row = match fit {
                    Fit::Dense => extent,
                    Fit::Leading(ld) if ld.len() == N - 1 && ld[d - 1] >= extent => ld[d - 1],
                    Fit::Leading(_) => return None,
                };
                local = local.checked_mul(row)?;
            }
        }
        let fits = match fit {
            Fit::Dense => last + 1 == len,
            Fit::Leading(_) => last < len,
        };
        if !fits {
            return None;
        }
        // SAFETY: the box lies in the block of its owner, whose strides were used; the buffer has its last
        // element; the rest is the caller's promise.
        Some(unsafe { self.move_levels(verb, at.rank, at.offset * size, &levels, completion) })
    }
}
