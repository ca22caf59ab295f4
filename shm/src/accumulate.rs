//! `dst += alpha * src`, atomic element by element under concurrent accumulates from any rank of the node.

use crate::element::{DType, Element};
use crate::heap::Heap;
use crate::sync::{WaitContext, WaitError};

/// Where an accumulate goes: a byte offset in one rank's arena.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The heap both ranks map.
    pub heap: &'a Heap,
    /// Node rank of the owner.
    pub rank: usize,
    /// Byte offset in the owner's arena.
    pub offset: usize,
}

/// Adds `alpha * src[i]` to the `count` elements at `target`. For `bool`, "plus" is or and "times" is and.
///
/// # Safety
/// `src` holds `count` readable elements, `target` as many writable ones; neither is accessed otherwise meanwhile, but by accumulates.
pub unsafe fn accumulate<T: Element>(
    target: Target<'_>,
    src: *const T,
    count: usize,
    alpha: T,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let _ = (target, src, count, alpha, ctx);
    todo!()
}

/// [`accumulate`] for an element type known at run time only; `alpha` points to one element.
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
    let _ = (target, dtype, src, count, alpha, ctx);
    todo!()
}

/// Strided form: the shape of [`crate::copy::copy_strided`], `counts[0]` in bytes and a multiple of the element's size.
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
    let _ = (target, dst_strides, src, src_strides, counts, alpha, ctx);
    todo!()
}

/// [`accumulate_strided`] for an element type known at run time only.
///
/// # Safety
/// As [`accumulate_strided`]; `alpha` points to one readable element of `dtype`.
#[allow(clippy::too_many_arguments)]
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
    let _ = (target, dtype, dst_strides, src, src_strides, counts, alpha, ctx);
    todo!()
}
