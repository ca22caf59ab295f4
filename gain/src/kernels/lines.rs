//! Reductions of a tile along one of its two axes: its columns, to a row of results, or its rows, to a column of them.
//!
//! A line of up to [`BLOCK`] elements is folded one after the other (or in lanes, as [`super::reduce`] does), longer ones
//! block by block: errors grow with the number of blocks of a tile, which the executor keeps small. Results are packed.

use super::copy::Walk;
use super::lanes::{scalar_fence, wide};
use super::reduce::{self, Monoid};
use crate::dtype::DType;
use crate::ops::ReduceOp;

/// Folds lines of `rows` x `columns` elements into packed results at `to`: written if `first`, else combined with what
/// is there.
///
/// SAFETY contract: the walk is readable for the tile, its column stride is the element's size; `to` has room for one
/// result per line, apart from the tile.
pub(crate) type Lines = unsafe fn(from: Walk, rows: usize, columns: usize, to: *mut u8, first: bool);

/// Folds a row.
type Fold<T> = unsafe fn(*mut T, usize) -> T;

/// Elements folded one after the other.
const BLOCK: usize = 32;

/// Rows of fewer columns than this, one after the other in memory, are folded [`WIDEN`] at a time.
const NARROW: usize = 16;
const WIDEN: usize = 16;

/// Rows of fewer columns than this are folded element by element, four rows at a time.
const SHORT: usize = 24;

/// Runs the expression for strips that cover the columns: as wide as the registers take, then a vector, then one.
macro_rules! cover {
    ($t:ident, $columns:expr, |$c:ident, $width:ident| $e:expr) => {{
        let mut $c = 0;
        cover!(@ $t, $columns, $c, $width, $e, 128 64 32 16 8 4 2 1);
    }};
    (@ $t:ident, $columns:expr, $c:ident, $width:ident, $e:expr, $($w:literal)*) => {$(
        if $w * size_of::<$t>() == 128 || $w * size_of::<$t>() == 32 || $w == 1 {
            const $width: usize = $w;
            while $columns - $c >= $w {
                $e;
                $c += $w;
            }
        }
    )*};
}

/// Folds `W` columns.
#[inline(always)]
unsafe fn strip<T: Copy, M: Monoid<T>, const W: usize>(
    from: *const u8,
    by_row: isize,
    rows: usize,
    to: *mut T,
    first: bool,
) {
    // SAFETY: the contract; rows `0..rows` are read at `W` columns each.
    unsafe {
        let to = to.cast::<[T; W]>();
        let mut total = if first { [M::IDENTITY; W] } else { to.read_unaligned() };
        let (mut row, mut left) = (from, rows);
        while left > 0 {
            let len = left.min(BLOCK);
            let mut sum = row.cast::<[T; W]>().read_unaligned();
            for _ in 1..len {
                row = row.wrapping_offset(by_row);
                let x = row.cast::<[T; W]>().read_unaligned();
                for i in 0..W {
                    sum[i] = M::combine(sum[i], x[i]);
                }
            }
            row = row.wrapping_offset(by_row);
            for i in 0..W {
                total[i] = M::combine(total[i], sum[i]);
            }
            left -= len;
        }
        to.write_unaligned(total);
    }
}

/// All columns, side by side: many rows of a few columns, or few rows of many.
#[inline(always)]
unsafe fn strips<T: Copy, M: Monoid<T>>(
    from: *const u8,
    by_row: isize,
    rows: usize,
    columns: usize,
    to: *mut T,
    first: bool,
) {
    if columns * size_of::<T>() <= MEDIUM && rows > 1 {
        // SAFETY: passed on.
        return unsafe { by_rows::<T, M>(from, by_row, rows, columns, to, first) };
    }
    // SAFETY: columns `c..c + WIDTH` are part of the tile.
    cover!(T, columns, |c, WIDTH| unsafe {
        strip::<T, M, WIDTH>(from.wrapping_add(c * size_of::<T>()), by_row, rows, to.add(c), first);
    });
}

/// Rows up to this many bytes are added to a row of sums one after the other, as memory has them.
const MEDIUM: usize = 4 << 10;

#[inline(always)]
unsafe fn by_rows<T: Copy, M: Monoid<T>>(
    from: *const u8,
    by_row: isize,
    rows: usize,
    columns: usize,
    to: *mut T,
    first: bool,
) {
    let mut room = std::mem::MaybeUninit::<[u128; MEDIUM / 16]>::uninit();
    let sums = room.as_mut_ptr().cast::<T>();
    let mut r = 0;
    // SAFETY: the contract; `room` has a place for each column.
    unsafe {
        while r < rows {
            let end = rows.min(r + BLOCK);
            let is_first = first && r == 0;
            let sums = if is_first { to } else { sums };
            let row = |r: usize| from.wrapping_offset(r as isize * by_row).cast::<T>();
            std::ptr::copy_nonoverlapping(row(r), sums, columns);
            for r in r + 1..end {
                join::<T, M>(sums, row(r), columns);
            }
            if !is_first {
                join::<T, M>(to, sums, columns);
            }
            r = end;
        }
    }
}

/// Combines `n` packed elements at `y` into those at `x`.
#[inline(always)]
unsafe fn join<T: Copy, M: Monoid<T>>(x: *mut T, y: *const T, n: usize) {
    // SAFETY: the caller's promise: both have `n` elements.
    cover!(T, n, |c, WIDTH| unsafe {
        let (x, y) = (x.add(c).cast::<[T; WIDTH]>(), y.add(c).cast::<[T; WIDTH]>());
        let (mut sum, more) = (x.read_unaligned(), y.read_unaligned());
        for i in 0..WIDTH {
            sum[i] = M::combine(sum[i], more[i]);
        }
        x.write_unaligned(sum);
    });
}

/// Narrow rows that follow each other in memory are as good as fewer wide ones, whose results are then folded.
#[inline(always)]
unsafe fn narrow<T: Copy, M: Monoid<T>>(
    from: *const u8,
    rows: usize,
    columns: usize,
    to: *mut T,
    first: bool,
) {
    let size = size_of::<T>();
    let width = WIDEN * columns;
    let mut wide = [M::IDENTITY; NARROW * WIDEN];
    let sums = wide.as_mut_ptr();
    // SAFETY: `rows / WIDEN` rows of `width` elements are a part of the tile, the remaining rows another.
    unsafe {
        strips::<T, M>(from, (width * size) as isize, rows / WIDEN, width, sums, true);
        let mut half = width / 2;
        for _ in 0..WIDEN.ilog2() {
            join::<T, M>(sums, sums.add(half), half);
            half /= 2;
        }
        let rest = from.add(rows / WIDEN * width * size);
        strips::<T, M>(rest, (columns * size) as isize, rows % WIDEN, columns, sums, false);
        if first {
            std::ptr::copy_nonoverlapping(sums, to, columns);
        } else {
            join::<T, M>(to, sums, columns);
        }
    }
}

#[inline(always)]
unsafe fn columns_body<T: Copy, M: Monoid<T>>(
    from: Walk,
    rows: usize,
    columns: usize,
    to: *mut u8,
    first: bool,
    _: Fold<T>,
) {
    let packed = from.strides[0] == (columns * size_of::<T>()) as isize;
    // SAFETY: passed on.
    unsafe {
        if packed && columns < NARROW && rows >= 2 * WIDEN {
            narrow::<T, M>(from.ptr, rows, columns, to.cast(), first);
        } else {
            strips::<T, M>(from.ptr, from.strides[0], rows, columns, to.cast(), first);
        }
    }
}

/// `N` rows side by side, so that none waits for another.
#[inline(always)]
unsafe fn short<T: Copy, M: Monoid<T>, const N: usize>(
    from: *const u8,
    by_row: isize,
    columns: usize,
    to: *mut T,
    first: bool,
) {
    // SAFETY: the contract: `N` rows of `columns` elements.
    unsafe {
        let at = |r: usize, c: usize| {
            from.wrapping_offset(r as isize * by_row).cast::<T>().add(c).read_unaligned()
        };
        let mut sum = [M::IDENTITY; N];
        for c in 0..columns {
            for (r, sum) in sum.iter_mut().enumerate() {
                *sum = M::combine(*sum, at(r, c));
            }
        }
        for (r, sum) in sum.into_iter().enumerate() {
            let place = to.add(r);
            place.write_unaligned(if first { sum } else { M::combine(place.read_unaligned(), sum) });
        }
    }
}

#[inline(always)]
unsafe fn rows_body<T: Copy, M: Monoid<T>>(
    from: Walk,
    rows: usize,
    columns: usize,
    to: *mut u8,
    first: bool,
    fold: Fold<T>,
) {
    let (by_row, to) = (from.strides[0], to.cast::<T>());
    let at = |r: usize| from.ptr.wrapping_offset(r as isize * by_row);
    let mut r = 0;
    // SAFETY: rows `0..rows` are part of the tile, and each has its result.
    unsafe {
        if columns < SHORT {
            while rows - r >= 4 {
                match columns {
                    2 => short::<T, M, 4>(at(r), by_row, 2, to.add(r), first),
                    3 => short::<T, M, 4>(at(r), by_row, 3, to.add(r), first),
                    4 => short::<T, M, 4>(at(r), by_row, 4, to.add(r), first),
                    n => short::<T, M, 4>(at(r), by_row, n, to.add(r), first),
                }
                r += 4;
            }
        }
        while r < rows {
            if columns < SHORT {
                short::<T, M, 1>(at(r), by_row, columns, to.add(r), first);
            } else {
                let row = at(r).cast::<T>();
                let sum = fold(row, columns);
                let place = to.add(r);
                place.write_unaligned(if first { sum } else { M::combine(place.read_unaligned(), sum) });
            }
            scalar_fence();
            r += 1;
        }
    }
}

macro_rules! driver {
    ($body:ident, $base:ident, $avx:ident, $name:ident) => {
        unsafe fn $base<T: Copy, M: Monoid<T>>(
            w: Walk,
            rows: usize,
            columns: usize,
            to: *mut u8,
            first: bool,
        ) {
            // SAFETY: the contract.
            unsafe { $body::<T, M>(w, rows, columns, to, first, reduce::row_base::<T, M>) }
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        unsafe fn $avx<T: Copy, M: Monoid<T>>(
            w: Walk,
            rows: usize,
            columns: usize,
            to: *mut u8,
            first: bool,
        ) {
            // SAFETY: the contract.
            unsafe { $body::<T, M>(w, rows, columns, to, first, reduce::row_avx2::<T, M>) }
        }

        fn $name<T: Copy, M: Monoid<T>>() -> Lines {
            #[cfg(target_arch = "x86_64")]
            if wide() {
                return $avx::<T, M>;
            }
            $base::<T, M>
        }
    };
}

driver!(columns_body, columns_base, columns_avx2, columns_of);
driver!(rows_body, rows_base, rows_avx2, rows_of);

/// The kernels `[columns, rows]` of a reduction; `None` when the type has no such reduction.
pub(crate) fn lines(op: ReduceOp, dtype: DType) -> Option<[Lines; 2]> {
    struct Both;
    impl reduce::Visit for Both {
        type Out = [Lines; 2];
        fn visit<T: Copy, M: Monoid<T>>(self) -> [Lines; 2] {
            [columns_of::<T, M>(), rows_of::<T, M>()]
        }
    }
    reduce::visit(op, dtype, Both)
}
