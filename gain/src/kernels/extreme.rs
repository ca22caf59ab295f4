//! Extreme elements of a tile and where they are: one per column, or one per row.
//!
//! A NaN beats every number, and among equals the first wins. Results are pairs of packed arrays: the elements, and
//! numbers that count up from `start` by `step` along the line.

use super::CHUNK;
use super::compare::complex_less;
use super::complex;
use super::copy::Walk;
use super::lanes::wide;
use super::reduce::{self, Monoid};
use crate::dtype::DType;
use crate::ops::ReduceOp;
use num_complex::Complex;

/// Folds a row.
type Fold<T> = unsafe fn(*mut T, usize) -> T;

/// Numbers of the elements along a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) start: i64,
    /// Not negative.
    pub(crate) step: i64,
}

/// Finds the extremes of `rows` x `columns` elements.
///
/// SAFETY contract: the walk is readable for the tile, its column stride is the element's size; both results have room
/// for one element per line, apart from the tile.
pub(crate) type Search =
    unsafe fn(from: Walk, rows: usize, columns: usize, to: (*mut u8, *mut i64), count: Count);

/// Joins `n` pairs into others: the better element stands, and of equal ones the smaller number.
///
/// SAFETY contract: all four are readable for `n` elements, the first two writable, apart from the others.
pub(crate) type Join = unsafe fn(n: usize, to: (*mut u8, *mut i64), from: (*const u8, *const i64));

/// What an index reduction needs of its kernels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extremes {
    pub(crate) columns: Search,
    pub(crate) rows: Search,
    pub(crate) join: Join,
}

/// Which of two elements stands.
pub(crate) trait Better<T: Copy>: Copy {
    /// Numbers as wide as the elements, so that both fit the same lanes.
    type At: At;
    /// The reduction to the element alone.
    type Fold: Monoid<T>;
    /// Whether `x` comes before `y` whatever their numbers.
    fn beats(x: T, y: T) -> bool;
}

/// A small unsigned number.
pub(crate) trait At: Copy {
    fn new(x: usize) -> Self;
    fn get(self) -> i64;
}

macro_rules! at {
    ($($t:ty)*) => {$(
        impl At for $t {
            #[inline(always)]
            fn new(x: usize) -> Self { x as $t }
            #[inline(always)]
            fn get(self) -> i64 { self as i64 }
        }
    )*};
}
at!(u16 u32 u64);

/// Columns are searched this many rows at a time, which every [`At`] counts.
const BLOCK: usize = 1 << 15;

/// Searches `W` columns; `later` rows replace what earlier ones left only where they beat it.
#[inline(always)]
unsafe fn strip<T: Copy, B: Better<T>, const W: usize>(
    from: *const u8,
    by_row: isize,
    rows: usize,
    (values, numbers): (*mut T, *mut i64),
    count: Count,
    later: bool,
) {
    // SAFETY: the contract; rows `0..rows` are read at `W` columns each.
    unsafe {
        let mut best = from.cast::<[T; W]>().read_unaligned();
        let mut at = [B::At::new(0); W];
        for r in 1..rows {
            let x = from.wrapping_offset(r as isize * by_row).cast::<[T; W]>().read_unaligned();
            let here = B::At::new(r);
            for i in 0..W {
                let is_better = B::beats(x[i], best[i]);
                best[i] = if is_better { x[i] } else { best[i] };
                at[i] = if is_better { here } else { at[i] };
            }
        }
        for i in 0..W {
            if !later || B::beats(best[i], values.add(i).read_unaligned()) {
                values.add(i).write_unaligned(best[i]);
                numbers.add(i).write_unaligned(count.start + at[i].get() * count.step);
            }
        }
    }
}

#[inline(always)]
unsafe fn columns_body<T: Copy, B: Better<T>>(
    from: Walk,
    rows: usize,
    columns: usize,
    (values, numbers): (*mut u8, *mut i64),
    count: Count,
    _: Fold<T>,
) {
    let (by_row, values) = (from.strides[0], values.cast::<T>());
    let mut r = 0;
    while r < rows {
        let len = BLOCK.min(rows - r);
        let start = from.ptr.wrapping_offset(r as isize * by_row).cast::<T>();
        let count = Count { start: count.start + r as i64 * count.step, ..count };
        let mut c = 0;
        macro_rules! of {
            ($($width:literal)*) => {$(
                if $width * size_of::<T>() == 64 || $width * size_of::<T>() == 16 || $width == 1 {
                    while columns - c >= $width {
                        // SAFETY: columns `c..c + width` of these rows are part of the tile.
                        unsafe {
                            let to = (values.add(c), numbers.add(c));
                            strip::<T, B, $width>(start.add(c).cast(), by_row, len, to, count, r > 0);
                        }
                        c += $width;
                    }
                }
            )*};
        }
        of!(64 32 16 8 4 2 1);
        r += len;
    }
}

/// Rows of fewer columns than this are searched element by element, four rows at a time.
const SHORT: usize = 32;

#[inline(always)]
unsafe fn short<T: Copy, B: Better<T>, const N: usize>(
    from: *const u8,
    by_row: isize,
    columns: usize,
) -> [(T, i64); N] {
    // SAFETY: the caller's promise: `N` rows of `columns` elements.
    unsafe {
        let at = |r: usize, c: usize| {
            from.wrapping_offset(r as isize * by_row).cast::<T>().add(c).read_unaligned()
        };
        let mut best: [(T, i64); N] = std::array::from_fn(|r| (at(r, 0), 0));
        for c in 1..columns {
            for (r, best) in best.iter_mut().enumerate() {
                let x = at(r, c);
                let is_better = B::beats(x, best.0);
                *best = (if is_better { x } else { best.0 }, if is_better { c as i64 } else { best.1 });
            }
        }
        best
    }
}

/// The extreme of a long row first, then a search for it.
#[inline(always)]
unsafe fn long<T: Copy, B: Better<T>>(row: *mut T, columns: usize, fold: Fold<T>) -> (T, i64) {
    // SAFETY: the caller's promise: `columns` elements.
    unsafe {
        let best = fold(row, columns);
        let is_best = |x: T| !B::beats(best, x);
        let mut c = 0;
        while columns - c >= CHUNK {
            let x = row.add(c).cast::<[T; CHUNK]>().read_unaligned();
            let mut found = false;
            for x in x {
                found |= is_best(x);
            }
            if found {
                break;
            }
            c += CHUNK;
        }
        while c < columns - 1 && !is_best(row.add(c).read_unaligned()) {
            c += 1;
        }
        (row.add(c).read_unaligned(), c as i64)
    }
}

#[inline(always)]
unsafe fn rows_body<T: Copy, B: Better<T>>(
    from: Walk,
    rows: usize,
    columns: usize,
    (values, numbers): (*mut u8, *mut i64),
    count: Count,
    fold: Fold<T>,
) {
    let (by_row, values) = (from.strides[0], values.cast::<T>());
    let row = |r: usize| from.ptr.wrapping_offset(r as isize * by_row);
    // SAFETY: each row has its pair of results.
    let put = |r: usize, (best, c): (T, i64)| unsafe {
        values.add(r).write_unaligned(best);
        numbers.add(r).write_unaligned(count.start + c * count.step);
    };
    let mut r = 0;
    // SAFETY: rows `0..rows` are part of the tile.
    unsafe {
        while columns < SHORT && rows - r >= 4 {
            let best: [(T, i64); 4] = short::<T, B, 4>(row(r), by_row, columns);
            best.into_iter().enumerate().for_each(|(i, best)| put(r + i, best));
            r += 4;
        }
        while r < rows {
            if columns < SHORT {
                put(r, short::<T, B, 1>(row(r), by_row, columns)[0]);
            } else {
                put(r, long::<T, B>(row(r).cast(), columns, fold));
            }
            r += 1;
        }
    }
}

unsafe fn join<T: Copy, B: Better<T>>(n: usize, to: (*mut u8, *mut i64), from: (*const u8, *const i64)) {
    let (values, news) = (to.0.cast::<T>(), from.0.cast::<T>());
    for i in 0..n {
        // SAFETY: the contract.
        unsafe {
            let (x, y) = (values.add(i).read_unaligned(), news.add(i).read_unaligned());
            let (a, b) = (to.1.add(i).read_unaligned(), from.1.add(i).read_unaligned());
            if B::beats(y, x) || b < a && !B::beats(x, y) {
                values.add(i).write_unaligned(y);
                to.1.add(i).write_unaligned(b);
            }
        }
    }
}

macro_rules! driver {
    ($body:ident, $base:ident, $avx:ident, $name:ident) => {
        unsafe fn $base<T: Copy, B: Better<T>>(
            w: Walk,
            rows: usize,
            columns: usize,
            to: (*mut u8, *mut i64),
            count: Count,
        ) {
            // SAFETY: the contract.
            unsafe { $body::<T, B>(w, rows, columns, to, count, reduce::row_base::<T, B::Fold>) }
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        unsafe fn $avx<T: Copy, B: Better<T>>(
            w: Walk,
            rows: usize,
            columns: usize,
            to: (*mut u8, *mut i64),
            count: Count,
        ) {
            // SAFETY: the contract.
            unsafe { $body::<T, B>(w, rows, columns, to, count, reduce::row_avx2::<T, B::Fold>) }
        }

        fn $name<T: Copy, B: Better<T>>() -> Search {
            #[cfg(target_arch = "x86_64")]
            if wide() {
                return $avx::<T, B>;
            }
            $base::<T, B>
        }
    };
}

driver!(columns_body, columns_base, columns_avx2, columns_of);
driver!(rows_body, rows_base, rows_avx2, rows_of);

#[derive(Clone, Copy)]
struct Least;
#[derive(Clone, Copy)]
struct Most;

macro_rules! integers {
    ($($t:ty: $at:ty),*) => {$(
        impl Better<$t> for Least {
            type At = $at;
            type Fold = reduce::IntMin;
            #[inline(always)]
            fn beats(x: $t, y: $t) -> bool { x < y }
        }
        impl Better<$t> for Most {
            type At = $at;
            type Fold = reduce::IntMax;
            #[inline(always)]
            fn beats(x: $t, y: $t) -> bool { x > y }
        }
    )*};
}
integers!(u8: u16, i8: u16, u16: u16, i16: u16, u32: u32, i32: u32, u64: u64, i64: u64);

macro_rules! floats {
    ($($t:ty: $at:ty),*) => {$(
        impl Better<$t> for Least {
            type At = $at;
            type Fold = reduce::RealMin;
            #[inline(always)]
            fn beats(x: $t, y: $t) -> bool { (x < y) | (x.is_nan() & !y.is_nan()) }
        }
        impl Better<$t> for Most {
            type At = $at;
            type Fold = reduce::RealMax;
            #[inline(always)]
            fn beats(x: $t, y: $t) -> bool { (x > y) | (x.is_nan() & !y.is_nan()) }
        }
        impl Better<Complex<$t>> for Least {
            type At = u64;
            type Fold = reduce::ComplexMin;
            #[inline(always)]
            fn beats(x: Complex<$t>, y: Complex<$t>) -> bool {
                !complex::is_nan(y) && (complex::is_nan(x) || complex_less(x, y))
            }
        }
        impl Better<Complex<$t>> for Most {
            type At = u64;
            type Fold = reduce::ComplexMax;
            #[inline(always)]
            fn beats(x: Complex<$t>, y: Complex<$t>) -> bool {
                !complex::is_nan(y) && (complex::is_nan(x) || complex_less(y, x))
            }
        }
    )*};
}
floats!(f32: u32, f64: u64);

/// The kernels of an index reduction, `None` for another one.
pub(crate) fn extremes(op: ReduceOp, dtype: DType) -> Option<Extremes> {
    fn of<T: Copy, B: Better<T>>(_: B) -> Extremes {
        Extremes { columns: columns_of::<T, B>(), rows: rows_of::<T, B>(), join: join::<T, B> }
    }
    macro_rules! table {
        ($($d:ident: $t:ty),*) => {
            match (op, dtype) {
                $((ReduceOp::ArgMin, DType::$d) => of::<$t, Least>(Least),
                (ReduceOp::ArgMax, DType::$d) => of::<$t, Most>(Most),)*
                _ => return None,
            }
        };
    }
    Some(table!(
        Bool: u8, I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64,
        F32: f32, F64: f64, C64: Complex<f32>, C128: Complex<f64>
    ))
}
