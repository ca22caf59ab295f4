//! `dst += alpha * src`, atomic element by element under concurrent accumulates from any rank of the node.
//!
//! Invariant: an element is changed only under the lock of the stripe its first byte lies in ([`crate::heap`] has the locks), one lock at a
//! time. There is no lock-free path: a compare-and-swap beside the locks would lose updates. Atomic with regard to one another are therefore
//! accumulates; puts, gets and [`crate::atomics`] are not part of this (as in ARMCI). Arithmetic is that of the element type: wrapping for
//! integers, multiplication and addition rounded separately for floats; for `bool`, "plus" is or and "times" is and.

mod kernels;

use crate::copy::{Shape, for_each_row};
use crate::element::{DType, Element};
use crate::heap::{Heap, STRIPE_SHIFT};
use crate::sync::{WaitContext, WaitError};
use kernels::Kernel;

/// Where an accumulate goes: a byte offset in one rank's arena.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The heap both ranks map.
    pub heap: &'a Heap,
    /// Node rank of the owner.
    pub rank: usize,
    /// Byte offset in the owner's arena, a multiple of the element's alignment.
    pub offset: usize,
}

impl Target<'_> {
    fn shifted(self, bytes: isize) -> Self {
        Target { offset: self.offset.wrapping_add_signed(bytes), ..self }
    }
}

/// Adds `alpha * src[i]` to the `count` elements at `target`. Not collective; done at the target on return. Stands for `ARMCI_Acc`.
///
/// # Errors
/// A rank died holding a stripe lock, or the wait was interrupted: part of the elements may have been added.
///
/// # Safety
/// `src` holds `count` readable elements (any alignment), `target` as many writable ones, aligned; nothing but accumulates accesses the
/// target meanwhile, and the two do not overlap.
#[inline]
pub unsafe fn accumulate<T: Element>(
    target: Target<'_>,
    src: *const T,
    count: usize,
    alpha: T,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let kernel = kernels::kernel(T::DTYPE);
    // SAFETY: the caller's promises; `alpha` is one element of T.
    unsafe { stripes(target, kernel, src.cast(), count * size_of::<T>(), (&raw const alpha).cast(), ctx) }
}

/// [`accumulate`] for an element type known at run time only.
///
/// # Errors
/// As [`accumulate`].
///
/// # Safety
/// As [`accumulate`]; `alpha` points to one readable element of `dtype`.
pub unsafe fn accumulate_dyn(
    target: Target<'_>,
    dtype: DType,
    src: *const u8,
    count: usize,
    alpha: *const u8,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    // SAFETY: the caller's promises.
    unsafe { stripes(target, kernels::kernel(dtype), src, count * dtype.size_bytes(), alpha, ctx) }
}

/// Strided form: the shape of [`crate::copy::copy_strided`], `counts[0]` in bytes and a multiple of the element's size. Stands for
/// `ARMCI_AccS`.
///
/// # Errors
/// As [`accumulate`].
///
/// # Safety
/// As [`accumulate`], for every row.
pub unsafe fn accumulate_strided<T: Element>(
    target: Target<'_>,
    dst_strides: &[isize],
    src: *const T,
    src_strides: &[isize],
    counts: &[usize],
    alpha: T,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let alpha = (&raw const alpha).cast();
    // SAFETY: the caller's promises; `alpha` is one element of T.
    unsafe {
        accumulate_strided_dyn(target, T::DTYPE, dst_strides, src.cast(), src_strides, counts, alpha, ctx)
    }
}

/// [`accumulate_strided`] for an element type known at run time only.
///
/// # Errors
/// As [`accumulate`].
///
/// # Safety
/// As [`accumulate_strided`]; `alpha` points to one readable element of `dtype`.
#[expect(clippy::too_many_arguments, reason = "ARMCI's shape: two sides, counts, scale")]
pub unsafe fn accumulate_strided_dyn(
    target: Target<'_>,
    dtype: DType,
    dst_strides: &[isize],
    src: *const u8,
    src_strides: &[isize],
    counts: &[usize],
    alpha: *const u8,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let Some(shape) = Shape::new(dst_strides, src_strides, counts) else { return Ok(()) };
    let kernel = kernels::kernel(dtype);
    for_each_row(&shape, |d, s| {
        // SAFETY: the caller's promises for this row.
        unsafe { stripes(target.shifted(d), kernel, src.wrapping_offset(s), shape.row_bytes, alpha, ctx) }
    })
}

/// Walks a contiguous target stripe by stripe, holding the lock of each.
///
/// # Safety
/// As [`accumulate`], for `len` bytes of elements of the kernel's type.
unsafe fn stripes(
    target: Target<'_>,
    kernel: Kernel,
    mut src: *const u8,
    mut len: usize,
    alpha: *const u8,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let (locks, mut offset) = (target.heap.stripes(target.rank), target.offset);
    while len > 0 {
        let here = len.min((1 << STRIPE_SHIFT) - offset % (1 << STRIPE_SHIFT));
        let _guard = locks.lock_of(offset >> STRIPE_SHIFT).lock(ctx)?;
        // SAFETY: `here` bytes of whole elements on both sides (caller), under their lock.
        unsafe { kernel(target.heap.address(target.rank, offset), src, here, alpha) };
        src = src.wrapping_add(here);
        offset += here;
        len -= here;
    }
    Ok(())
}
