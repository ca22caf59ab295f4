//! Strips of results on their way to an output: sums of sums, so that rounding errors grow with the logarithm of the
//! number of tiles, whose grouping depends on nothing else.
//!
//! Level 0 takes what tiles give; [`ARITY`] of those make one of level 1, and so on. Extremes, of which any order is as
//! good, are kept in level 0 alone, with their numbers.

use super::program::Reduce;
use crate::kernels::copy::{self, Walk};
use crate::kernels::{Operands, Slot};

/// The operands of a kernel that combines its first output with its second slot.
const JOIN: Operands = Operands { dst: [0; 2], src: [0, 1, 0, 0, 0, 0, 0, 0] };

/// Strips of a level that make one of the next.
const ARITY: usize = 8;

/// Packed results and how many strips they are the sum of.
#[derive(Debug)]
struct Level {
    values: Vec<u128>,
    count: usize,
}

/// See the module. All pointers handed out are to places for a strip, or a tile.
#[derive(Debug)]
pub(super) struct Stack {
    levels: Vec<Level>,
    /// Numbers of the extremes in level 0.
    numbers: Vec<i64>,
    /// A tile's extremes before they are joined, or elements of an output that are not packed.
    pair: (Vec<u128>, Vec<i64>),
    /// A splat written out.
    spare: Vec<u128>,
    /// Elements that each of these has room for.
    room: usize,
    size: usize,
}

impl Stack {
    /// For strips of up to `strip` and tiles of up to `tile` results of this reduction.
    pub(super) fn new(reduce: &Reduce, strip: usize, tile: usize) -> Stack {
        let (size, room) = (reduce.dtype.size_bytes(), strip.max(tile));
        let level = Level { values: room_for(strip * size), count: 0 };
        let mut stack = Stack {
            levels: vec![level],
            numbers: Vec::new(),
            pair: (room_for(strip * size), Vec::new()),
            spare: Vec::new(),
            room,
            size,
        };
        if reduce.index.is_some() {
            stack.numbers = vec![0; strip];
            stack.pair.1 = vec![0; strip];
        }
        stack
    }

    /// Where the next strip goes, and whether it is the first there: else it is combined with what is there.
    pub(super) fn place(&mut self) -> (*mut u8, bool) {
        let level = &mut self.levels[0];
        (level.values.as_mut_ptr().cast(), level.count == 0)
    }

    /// Counts the strip of `len` results just put.
    #[inline]
    pub(super) fn advance(&mut self, reduce: &Reduce, len: usize) {
        self.levels[0].count += 1;
        if self.levels[0].count == ARITY {
            self.carry(reduce, 0, len);
        }
    }

    fn carry(&mut self, reduce: &Reduce, k: usize, len: usize) {
        if self.levels.len() == k + 1 {
            let values = vec![0; self.levels[0].values.len()];
            self.levels.push(Level { values, count: 0 });
        }
        let [from, to] = &mut self.levels[k..k + 2] else { unreachable!() };
        if to.count == 0 {
            std::mem::swap(&mut from.values, &mut to.values);
        } else {
            join(reduce, to, from, len);
        }
        from.count = 0;
        to.count += 1;
        if to.count == ARITY {
            self.carry(reduce, k + 1, len);
        }
    }

    /// Combines everything and empties the stack; the result goes to `to`, which holds `rows` x `columns` elements, or
    /// nothing yet if `fresh`.
    ///
    /// # Safety
    /// `to` is writable, and readable unless fresh.
    pub(super) unsafe fn finish(
        &mut self,
        reduce: &Reduce,
        to: Walk,
        [rows, columns]: [usize; 2],
        fresh: bool,
    ) {
        let len = rows * columns;
        let mut last: Option<usize> = None;
        for k in 0..self.levels.len() {
            if self.levels[k].count == 0 {
                continue;
            }
            if let Some(last) = last {
                let (lower, upper) = self.levels.split_at_mut(k);
                join(reduce, &mut upper[0], &mut lower[last], len);
            }
            last = Some(k);
        }
        let last = last.expect("a strip has elements");
        self.levels.iter_mut().for_each(|level| level.count = 0);
        let from: *mut u8 = self.levels[last].values.as_mut_ptr().cast();
        // SAFETY: the caller's promise; `from` holds `len` elements, `pair` has room for as many.
        unsafe {
            if fresh {
                copy::scatter(self.size, Slot::row(from), to, rows, columns);
            } else if to.strides[1] == self.size as isize && rows == 1 {
                (reduce.pair)(len, [Slot::row(to.ptr), Slot::row(from)].as_ptr(), &JOIN);
            } else {
                let old: *mut u8 = self.pair.0.as_mut_ptr().cast();
                copy::gather(self.size, to, old, rows, columns);
                (reduce.pair)(len, [Slot::row(old), Slot::row(from)].as_ptr(), &JOIN);
                copy::scatter(self.size, Slot::row(old), to, rows, columns);
            }
        }
    }

    /// Where a tile's extremes and their numbers go; [`offer`](Self::offer) then joins them.
    pub(super) fn pairs(&mut self) -> (*mut u8, *mut i64) {
        if self.levels[0].count == 0 {
            return self.best();
        }
        (self.pair.0.as_mut_ptr().cast(), self.pair.1.as_mut_ptr())
    }

    fn best(&mut self) -> (*mut u8, *mut i64) {
        (self.levels[0].values.as_mut_ptr().cast(), self.numbers.as_mut_ptr())
    }

    /// Takes the `len` pairs just put.
    pub(super) fn offer(&mut self, reduce: &Reduce, len: usize) {
        if self.levels[0].count > 0 {
            let (values, numbers) = self.pairs();
            let join = reduce.extremes.expect("an index reduction").join;
            // SAFETY: both hold the pairs of a strip.
            unsafe { join(len, self.best(), (values, numbers)) };
        }
        self.count_offer();
    }

    /// Takes `len` pairs from elsewhere, for the results from `at` on, the first ones for them if `first` says so and no
    /// tile has been counted.
    ///
    /// # Safety
    /// As many pairs are readable.
    pub(super) unsafe fn offer_at(
        &mut self,
        reduce: &Reduce,
        at: usize,
        len: usize,
        (values, numbers): (*const u8, *const i64),
        first: bool,
    ) {
        let is_first = first && self.levels[0].count == 0;
        let (to, to_numbers) = self.best();
        let to = (to.wrapping_add(at * self.size), to_numbers.wrapping_add(at));
        // SAFETY: the caller's promise; a strip has room from `at` on.
        unsafe {
            if is_first {
                std::ptr::copy_nonoverlapping(values, to.0, len * self.size);
                std::ptr::copy_nonoverlapping(numbers, to.1, len);
            } else {
                (reduce.extremes.expect("an index reduction").join)(len, to, (values, numbers));
            }
        }
    }

    /// Counts a tile.
    pub(super) fn count_offer(&mut self) {
        self.levels[0].count += 1;
    }

    /// As [`finish`](Self::finish), for extremes and their numbers.
    ///
    /// # Safety
    /// As there, for both outputs.
    pub(super) unsafe fn finish_pairs(
        &mut self,
        reduce: &Reduce,
        [to, to_numbers]: [Walk; 2],
        [rows, columns]: [usize; 2],
        fresh: bool,
    ) {
        self.levels[0].count = 0;
        let (mut values, mut numbers) = self.best();
        let (old, old_numbers) = (self.pair.0.as_mut_ptr().cast::<u8>(), self.pair.1.as_mut_ptr());
        // SAFETY: the caller's promise; all of these hold a strip.
        unsafe {
            if !fresh {
                copy::gather(self.size, to, old, rows, columns);
                copy::gather(8, to_numbers, old_numbers.cast(), rows, columns);
                let join = reduce.extremes.expect("an index reduction").join;
                join(rows * columns, (old, old_numbers), (values, numbers));
                (values, numbers) = (old, old_numbers);
            }
            copy::scatter(self.size, Slot::row(values), to, rows, columns);
            copy::scatter(8, Slot::row(numbers.cast()), to_numbers, rows, columns);
        }
    }

    /// Room for a tile of values.
    pub(super) fn spare(&mut self) -> *mut u8 {
        if self.spare.is_empty() {
            self.spare = room_for(self.room * (self.size.div_ceil(8) * 8 + 8));
        }
        self.spare.as_mut_ptr().cast()
    }

    /// Room for a tile of numbers, apart from that of values.
    pub(super) fn spare_numbers(&mut self) -> *mut u8 {
        let offset = self.room * self.size.div_ceil(8) * 8;
        self.spare().wrapping_add(offset)
    }
}

fn room_for(bytes: usize) -> Vec<u128> {
    vec![0; bytes.div_ceil(16)]
}

/// Combines `len` results of `from` into `to`, whose are the earlier ones.
fn join(reduce: &Reduce, to: &mut Level, from: &mut Level, len: usize) {
    let slots = [Slot::row(to.values.as_mut_ptr().cast()), Slot::row(from.values.as_mut_ptr().cast())];
    // SAFETY: both levels have room for a strip of the reduction's type.
    unsafe { (reduce.pair)(len, slots.as_ptr(), &JOIN) };
}
