//! A sorted table, and where elements belong in it.
//!
//! NaNs stand at the end, complex numbers are ordered by their real parts and then by their imaginary ones, as NumPy sorts.
//! The table is read where it lies, in the runs that the ranks have of it. Needles are looked for many at a time, each step of
//! all of them before the next step of any: there is no branch to guess, and the processor waits for many elements at once.

use crate::dtype::f16;
use crate::error::Result;
use crate::stage::Room;
use bytemuck::Pod;
use num_complex::Complex;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::hint::select_unpredictable;

/// On which side of the elements that are equal to it a needle belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Before the first of them.
    Left,
    /// Behind the last of them.
    Right,
}

/// An element that has a place in a sorted table. What a type says of `x` holds for `x` that are not NaN.
pub(super) trait Key: Pod + Send + Sync {
    /// `self < x`
    fn below(self, x: Self) -> bool;
    /// `self <= x`
    fn up_to(self, x: Self) -> bool;
    /// Belongs at the end.
    fn is_nan(self) -> bool {
        false
    }
}

macro_rules! integers {
    ($($t:ty)*) => {$(
        impl Key for $t {
            #[inline(always)]
            fn below(self, x: $t) -> bool {
                self < x
            }
            #[inline(always)]
            fn up_to(self, x: $t) -> bool {
                self <= x
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($t:ty, $wide:expr;)*) => {$(
        impl Key for $t {
            #[inline(always)]
            fn below(self, x: $t) -> bool {
                $wide(self) < $wide(x)
            }
            #[inline(always)]
            fn up_to(self, x: $t) -> bool {
                $wide(self) <= $wide(x)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
        }
    )*};
}
floats! {
    f16, f16::to_f32;
    f32, std::convert::identity;
    f64, std::convert::identity;
}

macro_rules! complex {
    ($($t:ty)*) => {$(
        /// (Knows NaNs itself, since half of one may be a number.)
        impl Key for Complex<$t> {
            #[inline(always)]
            fn below(self, x: Self) -> bool {
                let is_last = |a: $t, b: $t| !a.is_nan() && b.is_nan();
                if self.re < x.re {
                    !self.im.is_nan() || x.im.is_nan()
                } else if self.re > x.re {
                    is_last(self.im, x.im)
                } else if self.re == x.re || self.re.is_nan() && x.re.is_nan() {
                    self.im < x.im || is_last(self.im, x.im)
                } else {
                    x.re.is_nan()
                }
            }
            #[inline(always)]
            fn up_to(self, x: Self) -> bool {
                !x.below(self)
            }
        }
    )*};
}
complex!(f32 f64);

/// Calls a function generic over keys with that of a type; bools are bytes.
macro_rules! by_key {
    ($dtype:expr, $f:ident($($arg:expr),* $(,)?)) => {
        match $dtype {
            DType::Bool | DType::U8 => $f::<u8>($($arg),*),
            DType::U16 => $f::<u16>($($arg),*),
            DType::U32 => $f::<u32>($($arg),*),
            DType::U64 => $f::<u64>($($arg),*),
            DType::I8 => $f::<i8>($($arg),*),
            DType::I16 => $f::<i16>($($arg),*),
            DType::I32 => $f::<i32>($($arg),*),
            DType::I64 => $f::<i64>($($arg),*),
            DType::F16 => $f::<$crate::dtype::f16>($($arg),*),
            DType::F32 => $f::<f32>($($arg),*),
            DType::F64 => $f::<f64>($($arg),*),
            DType::C64 => $f::<$crate::dtype::Complex32>($($arg),*),
            DType::C128 => $f::<$crate::dtype::Complex64>($($arg),*),
        }
    };
}
pub(super) use by_key;

/// Needles that are looked for at once, in a table that is cached and in one that isn't.
const LANES: usize = 16;
const MANY_LANES: usize = 32;

/// So many bytes are cached.
const CACHED: usize = 1 << 18;

/// Needles that are looked at together.
const WINDOW: usize = 1024;

/// A sorted table: its runs, each with the place of its first element.
#[derive(Debug)]
pub(super) struct Table<'a, K: Key> {
    runs: SmallVec<[(usize, Cow<'a, [K]>); 4]>,
    /// The first elements of the runs.
    firsts: SmallVec<[K; 4]>,
}

impl<'a, K: Key> Table<'a, K> {
    /// Operand `k`, which was declared to be read as a whole: in place where it is mapped here, else fetched.
    pub(super) fn of(room: &Room<'a>, k: usize) -> Result<Table<'a, K>> {
        let mut runs = SmallVec::new();
        for owner in 0..room.blocks(k).count() {
            let range = room.range_of(k, owner);
            if !range.is_empty() {
                runs.push((range.start, room.at::<K>(k, range)?));
            }
        }
        Ok(Table::new(runs))
    }

    /// One run, from this place on.
    pub(super) fn run(start: usize, elements: &'a [K]) -> Table<'a, K> {
        let run = (!elements.is_empty()).then_some((start, Cow::Borrowed(elements)));
        Table::new(run.into_iter().collect())
    }

    fn new(runs: SmallVec<[(usize, Cow<'a, [K]>); 4]>) -> Table<'a, K> {
        let firsts = runs.iter().map(|(_, run)| run[0]).collect();
        Table { runs, firsts }
    }

    /// Element `i`.
    #[inline]
    pub(super) fn get(&self, i: usize) -> K {
        match &self.runs[..] {
            [(start, run)] => run[i - start],
            runs => {
                let k = runs.partition_point(|(start, _)| *start <= i) - 1;
                runs[k].1[i - runs[k].0]
            }
        }
    }

    /// Where each of the needles belongs.
    pub(super) fn places(&self, side: Side, needles: &[K], places: &mut [i64]) {
        for (needles, places) in needles.chunks(WINDOW).zip(places.chunks_mut(WINDOW)) {
            match &self.runs[..] {
                [] => places.fill(0),
                [(start, run)] => place(run, side, needles, places, *start as i64),
                _ => self.spread(side, needles, places),
            }
        }
    }

    /// The same of a window, where there are several runs.
    fn spread(&self, side: Side, needles: &[K], places: &mut [i64]) {
        place(&self.firsts, side, needles, places, 0);
        let mut owners = [0u32; WINDOW];
        let mut counts: SmallVec<[usize; 8]> = SmallVec::from_elem(0, self.runs.len());
        for (owner, place) in owners.iter_mut().zip(&*places) {
            // (What belongs before all belongs to the first run.)
            *owner = (*place - 1).max(0) as u32;
            counts[*owner as usize] += 1;
        }
        let mut chosen: SmallVec<[K; 64]> = SmallVec::with_capacity(needles.len());
        let mut found = [0i64; WINDOW];
        for (k, (start, run)) in self.runs.iter().enumerate().filter(|(k, _)| counts[*k] > 0) {
            if counts[k] == needles.len() {
                return place(run, side, needles, places, *start as i64);
            }
            let of_run = || (0..needles.len()).filter(|&i| owners[i] as usize == k);
            chosen.clear();
            chosen.extend(of_run().map(|i| needles[i]));
            place(run, side, &chosen, &mut found[..counts[k]], *start as i64);
            of_run().zip(&found).for_each(|(i, &found)| places[i] = found);
        }
    }
}

/// Where needles belong in a run that has elements, counted from `start`.
fn place<K: Key>(run: &[K], side: Side, needles: &[K], places: &mut [i64], start: i64) {
    // Needles in order look between the places of the first and the last.
    let (mut low, mut high) = (0, run.len());
    if needles.len() > LANES && run.len() > LANES && needles.is_sorted_by(|a, b| a.up_to(*b)) {
        low = place_one(run, side, needles[0]);
        high = place_one(run, side, needles[needles.len() - 1]).max(low);
    }
    let (part, start) = (&run[low..high], start + low as i64);
    match (side, size_of_val(part) <= CACHED) {
        (Side::Left, true) => steps::<K, LANES>(part, needles, places, start, K::below),
        (Side::Left, false) => steps::<K, MANY_LANES>(part, needles, places, start, K::below),
        (Side::Right, true) => steps::<K, LANES>(part, needles, places, start, K::up_to),
        (Side::Right, false) => steps::<K, MANY_LANES>(part, needles, places, start, K::up_to),
    }
    for (needle, place) in needles.iter().zip(places).filter(|(needle, _)| needle.is_nan()) {
        *place = start - low as i64 + place_one(run, side, *needle) as i64;
    }
}

/// Where one needle belongs in a run.
fn place_one<K: Key>(run: &[K], side: Side, needle: K) -> usize {
    match side {
        Side::Right if needle.is_nan() => run.len(),
        Side::Left if needle.is_nan() => run.partition_point(|x| !x.is_nan()),
        Side::Left => run.partition_point(|x| x.below(needle)),
        Side::Right => run.partition_point(|x| x.up_to(needle)),
    }
}

/// How many elements of a run come before each needle, counted from `start`.
#[inline(always)]
fn steps<K: Key, const LANES: usize>(
    run: &[K],
    needles: &[K],
    places: &mut [i64],
    start: i64,
    is_before: impl Fn(K, K) -> bool + Copy,
) {
    if run.is_empty() {
        return places.fill(start);
    }
    let mut few = [run[0]; LANES];
    for (needles, places) in needles.chunks(LANES).zip(places.chunks_mut(LANES)) {
        few[..needles.len()].copy_from_slice(needles);
        let mut at = [0usize; LANES];
        let mut len = run.len();
        while len > 1 {
            let half = len / 2;
            for (at, needle) in at.iter_mut().zip(&few) {
                // SAFETY: `at + len` never exceeds the run's length, and `half` is at least 1 and less than `len`.
                let middle = unsafe { *run.get_unchecked(*at + half - 1) };
                *at = select_unpredictable(is_before(middle, *needle), *at + half, *at);
            }
            len -= half;
        }
        for ((place, at), needle) in places.iter_mut().zip(at).zip(&few) {
            *place = start + (at + usize::from(is_before(run[at], *needle))) as i64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Complex, Key, Side, Table, f16};
    use proptest::prelude::*;
    use smallvec::SmallVec;
    use std::borrow::Cow;
    use std::cmp::Ordering;

    /// The table cut into runs of these lengths, empty ones apart, and one of the rest.
    fn cut<'a, K: Key>(elements: &'a [K], lens: &[usize]) -> Table<'a, K> {
        let (mut runs, mut at) = (SmallVec::new(), 0);
        for len in lens.iter().copied().chain([elements.len()]) {
            let end = elements.len().min(at + len);
            if end > at {
                runs.push((at, Cow::Borrowed(&elements[at..end])));
            }
            at = end;
        }
        Table::new(runs)
    }

    /// NaNs last.
    fn order(a: f64, b: f64) -> Ordering {
        a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    }

    fn check<K: Key>(table: &[f64], needles: &[f64], lens: &[usize], key: impl Fn(f64) -> K) {
        let keys: Vec<K> = table.iter().map(|&x| key(x)).collect();
        let wanted: Vec<K> = needles.iter().map(|&x| key(x)).collect();
        let cut = cut(&keys, lens);
        for side in [Side::Left, Side::Right] {
            let mut found = vec![-1; needles.len()];
            cut.places(side, &wanted, &mut found);
            let is_before = |x: f64, needle: f64| match side {
                Side::Left => order(x, needle).is_lt(),
                Side::Right => order(x, needle).is_le(),
            };
            let count = |needle: &f64| table.iter().filter(|x| is_before(**x, *needle)).count() as i64;
            assert_eq!(found, needles.iter().map(count).collect::<Vec<_>>(), "{side:?}");
        }
        for (i, x) in table.iter().enumerate() {
            assert!(
                order(*x, f64::NAN).is_le()
                    && bytemuck::bytes_of(&cut.get(i)) == bytemuck::bytes_of(&key(*x))
            );
        }
    }

    /// Few different numbers, NaNs among them.
    fn numbers(most: usize) -> impl Strategy<Value = Vec<f64>> {
        let number =
            prop_oneof![8 => (-20i32..20).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
        prop::collection::vec(number, 0..most)
    }

    proptest! {
        #[test]
        fn a_place_is_the_number_of_elements_before(
            mut table in numbers(60), mut needles in numbers(90), lens in prop::collection::vec(0usize..9, 0..6), sorted: bool,
        ) {
            table.sort_by(|a, b| order(*a, *b));
            if sorted {
                needles.sort_by(|a, b| order(*a, *b));
            }
            check(&table, &needles, &lens, |x| x);
            check(&table, &needles, &lens, |x| x as f32);
            check(&table, &needles, &lens, f16::from_f64);
            check(&table, &needles, &lens, |x| Complex::new(x, 0.0));
            let finite = |x: &Vec<f64>| x.iter().copied().filter(|x| x.is_finite()).collect::<Vec<_>>();
            check(&finite(&table), &finite(&needles), &lens, |x| x as i64);
            check(&finite(&table), &finite(&needles), &lens, |x| x as i8);
        }
    }

    #[test]
    fn complex_numbers_are_in_numpys_order() {
        let nan = f64::NAN;
        let sorted =
            [(1.0, 1.0), (1.0, 2.0), (2.0, 0.0), (1.0, nan), (2.0, nan), (nan, 1.0), (nan, 2.0), (nan, nan)];
        for (i, a) in sorted.iter().enumerate() {
            for (k, b) in sorted.iter().enumerate() {
                let [a, b] = [a, b].map(|(re, im)| Complex::new(*re, *im));
                assert_eq!((a.below(b), a.up_to(b)), (i < k, i <= k), "{a} {b}");
            }
        }
    }
}
