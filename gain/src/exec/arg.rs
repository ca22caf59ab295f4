//! Reductions to an index: the extreme element of a row, and the smallest index among its equals.

use super::partial::{identity, precedes};
use super::program::Reduce;
use super::tile::row_of;
use crate::dtype::Scalar;
use crate::kernels::copy::Walk;
use crate::kernels::{Operands, Slot};
use std::cmp::Ordering;

/// The best element so far and its index; `index` is `i64::MAX` before the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extreme {
    pub(super) value: Scalar,
    pub(super) index: i64,
}

impl Extreme {
    pub(super) fn new(reduce: &Reduce) -> Extreme {
        Extreme { value: identity(reduce.op, reduce.dtype), index: i64::MAX }
    }

    fn offer(&mut self, reduce: &Reduce, value: Scalar, index: i64) {
        match precedes(reduce.op, value, self.value) {
            Ordering::Less => *self = Extreme { value, index },
            Ordering::Equal => self.index = self.index.min(index),
            Ordering::Greater => {}
        }
    }

    /// Takes `len` elements of the tile from `offset` on: first their extreme by the row kernel, then, only if
    /// that matters, a search for it.
    ///
    /// # Safety
    /// Both slots hold that many elements.
    pub(super) unsafe fn visit(
        &mut self,
        reduce: &Reduce,
        value: Slot,
        index: Slot,
        offset: usize,
        len: usize,
    ) {
        let size = reduce.dtype.size_bytes();
        let row = row_of(value, offset, size);
        let mut found = [0u64; 2];
        let slots = [Slot::row(found.as_mut_ptr().cast()), row];
        // SAFETY: the row holds `len` elements, `found` one of any type.
        unsafe { (reduce.plain)(len, slots.as_ptr(), &Operands { dst: [0; 2], src: [1; 8] }) };
        let best = Scalar::from_bytes(reduce.dtype, bytemuck::bytes_of(&found));
        if precedes(reduce.op, best, self.value) == Ordering::Greater {
            return;
        }
        for i in 0..len {
            // SAFETY: `i` is within the row.
            let x = unsafe { read(reduce, row, i) };
            if precedes(reduce.op, x, best) == Ordering::Equal {
                // SAFETY: the index slot holds the tile too.
                let index = unsafe { read_index(index, offset + i) };
                self.offer(reduce, x, index);
            }
        }
    }
}

unsafe fn read(reduce: &Reduce, row: Slot, i: usize) -> Scalar {
    let size = reduce.dtype.size_bytes();
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(row_of(row, i, size).ptr, size) };
    Scalar::from_bytes(reduce.dtype, bytes)
}

unsafe fn read_index(index: Slot, i: usize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { row_of(index, i, 8).ptr.cast::<i64>().read_unaligned() }
}

/// Combines a tile into the outputs `[extremes, indices]`, constant along the reduced axes.
///
/// # Safety
/// The slots hold the tile, the outputs' elements are writable; `spare` has room for a tile.
pub(super) unsafe fn reduce_axes(
    reduce: &Reduce,
    value: Slot,
    index: Slot,
    [extremes, indices]: [Walk; 2],
    [rows, columns]: [usize; 2],
    spare: *mut u8,
) {
    let size = reduce.dtype.size_bytes();
    let along_rows = extremes.strides[1] == 0;
    let runs = if along_rows { 1 } else { columns };
    for r in 0..rows {
        let row = row_of(value, r * columns, size);
        let packed = !along_rows && extremes.strides[1] == size as isize;
        if packed {
            let old = extremes.ptr.wrapping_offset(r as isize * extremes.strides[0]);
            let slots = [Slot::row(spare), Slot::row(old), row];
            // SAFETY: a row of the output, one of the tile, and room for the better of both.
            unsafe {
                (reduce.pair)(
                    columns,
                    slots.as_ptr(),
                    &Operands { dst: [0; 2], src: [1, 2, 0, 0, 0, 0, 0, 0] },
                )
            };
        }
        for run in 0..runs {
            let at = |walk: &Walk| {
                walk.ptr.wrapping_offset(r as isize * walk.strides[0] + run as isize * walk.strides[1])
            };
            let (place, index_place) = (at(&extremes), at(&indices).cast::<i64>());
            // SAFETY: the caller's promise; the element's bytes are copied out and in at its size.
            unsafe {
                let bytes = std::slice::from_raw_parts_mut(place, size);
                if packed {
                    // Nothing to do where the old extreme stands and isn't met again.
                    let better = std::slice::from_raw_parts(spare.wrapping_add(run * size), size);
                    let new = std::slice::from_raw_parts(row_of(row, run, size).ptr, size);
                    if better == bytes && new != bytes {
                        continue;
                    }
                }
                let mut extreme = Extreme {
                    value: Scalar::from_bytes(reduce.dtype, bytes),
                    index: index_place.read_unaligned(),
                };
                if along_rows {
                    extreme.visit(reduce, value, index, r * columns, columns);
                } else {
                    let i = r * columns + run;
                    extreme.offer(reduce, read(reduce, value, i), read_index(index, i));
                }
                bytes.copy_from_slice(&extreme.value.bytes()[..size]);
                index_place.write_unaligned(extreme.index);
            }
        }
    }
}
