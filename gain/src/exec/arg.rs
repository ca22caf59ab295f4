//! Full reductions to an index: the extreme element so far, and the smallest index among its equals.

use super::partial::{identity, precedes};
use super::program::Reduce;
use crate::dtype::{DType, Scalar};
use crate::kernels::copy::Walk;
use crate::kernels::extreme::Count;
use crate::kernels::{Operands, Slot};
use crate::ops::ReduceOp;
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

    /// Takes a tile.
    ///
    /// # Safety
    /// The slots hold it.
    pub(super) unsafe fn visit(
        &mut self,
        reduce: &Reduce,
        value: Slot,
        numbers: Numbers,
        rows: usize,
        columns: usize,
    ) {
        let size = reduce.dtype.size_bytes();
        let (first, by_row, by_column) = match numbers {
            Numbers::Counted(steps) => steps,
            Numbers::Read(numbers) => {
                for i in 0..rows * columns {
                    // SAFETY: `i` is within the tile.
                    unsafe { self.offer(reduce, read(reduce, value, i), read_number(numbers, i)) };
                }
                return;
            }
        };
        if reduce.dtype == DType::Bool && self.index <= first && self.is_last_word(reduce.op) {
            return;
        }
        // Numbers that go on from row to row make one long row; in a splat the first element stands for all.
        let (rows, columns) = match value.step {
            0 => (1, 1),
            _ if by_row == by_column * columns as i64 => (1, rows * columns),
            _ => (rows, columns),
        };
        let search = reduce.extremes.expect("an index reduction").rows;
        for r in 0..rows {
            let start = value.ptr.wrapping_add(r * columns * size);
            // SAFETY: the row is part of the tile.
            if unsafe { self.is_no_better(reduce, start, columns, first + r as i64 * by_row) } {
                continue;
            }
            let (mut best, mut number) = ([0u64; 2], 0);
            let row = Walk { ptr: value.ptr.wrapping_add(r * columns * size), strides: [0, size as isize] };
            let count = Count { start: first + r as i64 * by_row, step: by_column };
            // SAFETY: the row is part of the tile, `best` has room for any element.
            unsafe { search(row, 1, columns, (best.as_mut_ptr().cast(), &raw mut number), count) };
            self.offer(reduce, Scalar::from_bytes(reduce.dtype, bytemuck::bytes_of(&best)), number);
        }
    }

    /// Whether none of a row's elements, numbered from `first` on, takes the place of the one found.
    ///
    /// # Safety
    /// The row is readable.
    unsafe fn is_no_better(&self, reduce: &Reduce, row: *mut u8, len: usize, first: i64) -> bool {
        if self.index > first {
            return false;
        }
        let mut best = [0u64; 2];
        let slots = [Slot::row(best.as_mut_ptr().cast()), Slot::row(row)];
        // SAFETY: the caller's promise; `best` has room for any element.
        unsafe { (reduce.plain)(len, slots.as_ptr(), &Operands { dst: [0; 2], src: [1; 8] }) };
        let best = Scalar::from_bytes(reduce.dtype, bytemuck::bytes_of(&best));
        precedes(reduce.op, best, self.value) != Ordering::Less
    }

    /// Whether no bool is better than the one found.
    fn is_last_word(&self, op: ReduceOp) -> bool {
        self.index != i64::MAX && self.value == Scalar::Bool(op == ReduceOp::ArgMax)
    }
}

/// Numbers of a tile's elements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers {
    /// The first one, and the steps by row and column, neither negative.
    Counted((i64, i64, i64)),
    /// Of these in memory.
    Read(Slot),
}

unsafe fn read(reduce: &Reduce, tile: Slot, i: usize) -> Scalar {
    let size = reduce.dtype.size_bytes();
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(element(tile, i, size), size) };
    Scalar::from_bytes(reduce.dtype, bytes)
}

unsafe fn read_number(tile: Slot, i: usize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { element(tile, i, 8).cast::<i64>().read_unaligned() }
}

fn element(tile: Slot, i: usize, size: usize) -> *const u8 {
    if tile.step == 0 { tile.ptr } else { tile.ptr.wrapping_add(i * size) }
}
