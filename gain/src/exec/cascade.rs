//! Summation trees: a long run of tile results is combined in groups of 64, and those again, so that the rounding
//! error of a sum grows with the logarithm of its length and its grouping depends on the count alone.

use super::program::Reduce;
use crate::kernels::{Operands, Slot};
use std::mem::MaybeUninit;

const WIDTH: usize = 64;

/// Results waiting to be combined, level by level. Elements are packed at their own size.
#[derive(Debug)]
pub(super) struct Cascade {
    levels: Vec<Level>,
    size: usize,
}

#[derive(Debug)]
struct Level {
    /// The first `count` elements that fit are there.
    values: [MaybeUninit<u128>; WIDTH],
    count: usize,
}

impl Level {
    const EMPTY: Level = Level { values: [MaybeUninit::uninit(); WIDTH], count: 0 };
}

impl Cascade {
    pub(super) fn new(size: usize) -> Cascade {
        Cascade { levels: Vec::from([Level::EMPTY]), size }
    }

    /// Where the next result is to be written; [`advance`](Self::advance) then counts it.
    pub(super) fn place(&mut self) -> *mut u8 {
        let level = &mut self.levels[0];
        let base: *mut u8 = level.values.as_mut_ptr().cast();
        base.wrapping_add(level.count * self.size)
    }

    /// Counts the result just written.
    #[inline]
    pub(super) fn advance(&mut self, reduce: &Reduce) {
        self.levels[0].count += 1;
        if self.levels[0].count == WIDTH {
            self.carry(reduce, 0);
        }
    }

    /// Combines level `k` into one element of the next.
    fn carry(&mut self, reduce: &Reduce, k: usize) {
        if self.levels.len() == k + 1 {
            self.levels.push(Level::EMPTY);
        }
        let [from, to] = &mut self.levels[k..k + 2] else { unreachable!() };
        let base: *mut u8 = to.values.as_mut_ptr().cast();
        fold(reduce, from.values.as_mut_ptr().cast(), from.count, base.wrapping_add(to.count * self.size));
        from.count = 0;
        to.count += 1;
        if to.count == WIDTH {
            self.carry(reduce, k + 1);
        }
    }

    /// Combines everything; the result's bytes. The identity if there was nothing.
    pub(super) fn finish(mut self, reduce: &Reduce) -> [u8; 16] {
        let mut k = 0;
        while k + 1 < self.levels.len() {
            if self.levels[k].count > 0 {
                self.carry(reduce, k);
            }
            k += 1;
        }
        let mut out = [0u8; 16];
        let last = &mut self.levels[k];
        fold(reduce, last.values.as_mut_ptr().cast(), last.count, out.as_mut_ptr());
        out
    }
}

/// Reduces `count` packed elements with the reduction's plain row kernel.
pub(super) fn fold(reduce: &Reduce, from: *mut u8, count: usize, to: *mut u8) {
    let slots = [Slot::row(to), Slot::row(from)];
    let operands = Operands { dst: [0; 2], src: [1; 8] };
    // SAFETY: callers pass `count` elements of the reduction's type and a place for one.
    unsafe { (reduce.plain)(count, slots.as_ptr(), &operands) };
}
