//! A matrix times a vector: as fast as memory delivers the matrix.
//!
//! The loops are of real numbers. A matrix of complex ones is a real one of twice the width, and takes two real
//! vectors: rows `(re, im)` give the real part with `(re, -im)` and the imaginary one with `(im, re)`; columns are
//! added up with the factors' real parts and, apart, with their imaginary ones, and both are put together at the end.
//!
//! ```text
//! rows contiguous:     y[i] = sum of a[i, ..] * x        four rows at a time
//! columns contiguous:  y   += a[.., l] * x[l]            four columns at a time, on a run of y that the cache holds
//! ```

use crate::crew::{Crew, Place};
use crate::lanes::Real;
use crate::pack::{Factor, pack};
use faer::traits::ComplexField;
use faer::traits::math_utils::{add, conj, mul};
use faer::{Accum, ColMut, ColRef, Conj, MatRef};
use num_complex::Complex;

/// Fewer multiplications than this are not worth waking a thread.
const SERIAL: usize = 1 << 16;
/// Fewer rows, or less depth, than this are no piece.
const GRAIN: usize = 64;
/// Rows worked on together where columns are contiguous: their sums stay in the first cache.
const RUN: usize = 1024;
/// Elements of a matrix with gaps that are packed together.
const PACKED: usize = 1 << 14;

/// An element: one real number or two.
pub(crate) trait Plain: ComplexField + Copy {
    /// What it is made of.
    type Part: Real;
    /// Of how many.
    const PARTS: usize;

    /// Real and imaginary part.
    fn parts(self) -> [Self::Part; 2];

    /// From the two vectors' sums over a row.
    fn from_dots<const V: usize>(sums: [Self::Part; V]) -> Self;

    /// From the sums over columns: element `i` of two runs of real numbers.
    fn from_runs(runs: &[Self::Part], len: usize, i: usize) -> Self;

    /// The vectors that rows are multiplied with.
    fn for_rows(x: &[Self]) -> Vec<Self::Part>;
}

macro_rules! plain {
    ($t:ty) => {
        impl Plain for $t {
            type Part = $t;
            const PARTS: usize = 1;

            fn parts(self) -> [$t; 2] {
                [self, 0.0]
            }

            fn from_dots<const V: usize>(sums: [$t; V]) -> Self {
                sums[0]
            }

            fn from_runs(runs: &[$t], _len: usize, i: usize) -> Self {
                runs[i]
            }

            fn for_rows(x: &[Self]) -> Vec<$t> {
                x.to_vec()
            }
        }

        impl Plain for Complex<$t> {
            type Part = $t;
            const PARTS: usize = 2;

            fn parts(self) -> [$t; 2] {
                [self.re, self.im]
            }

            fn from_dots<const V: usize>(sums: [$t; V]) -> Self {
                Complex::new(sums[0], sums[V - 1])
            }

            fn from_runs(runs: &[$t], len: usize, i: usize) -> Self {
                let (with_re, with_im) = (&runs[2 * i..], &runs[2 * (len + i)..]);
                Complex::new(with_re[0] - with_im[1], with_re[1] + with_im[0])
            }

            fn for_rows(x: &[Self]) -> Vec<$t> {
                x.iter().flat_map(|x| [x.re, -x.im]).chain(x.iter().flat_map(|x| [x.im, x.re])).collect()
            }
        }
    };
}

plain! { f32 }
plain! { f64 }

/// `y = alpha a x`, or `y += alpha a x`, for extents that fit.
pub(crate) fn product<T: Plain>(
    y: ColMut<'_, T>,
    how: Accum,
    alpha: T,
    (a, conj_a): Factor<'_, T>,
    (x, conj_x): (ColRef<'_, T>, Conj),
    crew: Crew<'_>,
) {
    let (m, k) = (a.nrows(), a.ncols());
    // The conjugate of a product is the product of conjugates: so the matrix is always taken as it is.
    let turn = |z: T, is_turned: bool| if is_turned { conj(&z) } else { z };
    let is_turned = matches!(conj_a, Conj::Yes);
    let x: Vec<T> =
        x.iter().map(|&z| turn(mul(&alpha, &turn(z, matches!(conj_x, Conj::Yes))), is_turned)).collect();
    let factors = Factors::new(a, &x);
    let (place, step) = (Place(y.as_ptr_mut()), y.row_stride());
    let write = |i: usize, sum: T| {
        let to = place.at(i as isize * step);
        let sum = turn(sum, is_turned);
        // SAFETY: element `i` of `y`, borrowed mutably until all pieces are done; each element is in one piece.
        unsafe { *to = if matches!(how, Accum::Add) { add(&*to, &sum) } else { sum } };
    };
    let threads = if m * k < SERIAL { 1 } else { crew.threads() };
    if threads == 1 || m >= GRAIN * threads || k < GRAIN * threads {
        let pieces = if threads == 1 { 1 } else { (4 * threads).min(m.div_ceil(GRAIN)) };
        return crew.share(pieces, &|p| {
            let rows = m * p / pieces..m * (p + 1) / pieces;
            factors.sums(rows, 0..k, &mut |i, sum| write(i, sum));
        });
    }
    let mut partial = vec![T::zero_impl(); threads * m];
    let to = Place(partial.as_mut_ptr());
    crew.share(threads, &|p| {
        factors.sums(0..m, k * p / threads..k * (p + 1) / threads, &mut |i, sum| {
            // SAFETY: element `i` of the `p`-th of `threads` runs of `m`, which this call alone uses.
            unsafe { *to.at((p * m + i) as isize) = sum };
        });
    });
    for i in 0..m {
        let sum = (0..threads).fold(T::zero_impl(), |sum, p| add(&sum, &partial[p * m + i]));
        write(i, sum);
    }
}

/// Matrix and vector, the latter as the loops take it.
struct Factors<'a, T: Plain> {
    a: MatRef<'a, T>,
    x: &'a [T],
}

impl<'a, T: Plain> Factors<'a, T> {
    fn new(a: MatRef<'a, T>, x: &'a [T]) -> Self {
        Factors { a, x }
    }

    /// Calls `write` with each of these rows and its sum over a part of the inner dimension.
    fn sums(
        &self,
        rows: std::ops::Range<usize>,
        inner: std::ops::Range<usize>,
        write: &mut dyn FnMut(usize, T),
    ) {
        let a = self.a.submatrix(rows.start, inner.start, rows.len(), inner.len());
        let x = &self.x[inner];
        let start = rows.start;
        let mut write = |i: usize, sum: T| write(start + i, sum);
        match () {
            () if a.col_stride() == 1 || a.ncols() == 1 => by_rows(a, x, &mut write),
            () if a.row_stride() == 1 => by_columns(a, x, &mut write),
            () => {
                let height = (PACKED / a.ncols().max(1)).max(1);
                let mut packed = vec![T::zero_impl(); height.min(a.nrows()) * a.ncols()];
                for i in (0..a.nrows()).step_by(height) {
                    let block = a.subrows(i, height.min(a.nrows() - i));
                    let packed = &mut packed[..block.nrows() * block.ncols()];
                    pack(block, packed);
                    let block = MatRef::from_row_major_slice(packed, block.nrows(), block.ncols());
                    by_rows(block, x, &mut |row, sum| write(i + row, sum));
                }
            }
        }
    }
}

/// Rows are contiguous.
fn by_rows<T: Plain>(a: MatRef<'_, T>, x: &[T], write: &mut dyn FnMut(usize, T)) {
    match T::PARTS {
        1 => rows_of::<T, 1>(a, x, write),
        _ => rows_of::<T, 2>(a, x, write),
    }
}

fn rows_of<T: Plain, const V: usize>(a: MatRef<'_, T>, x: &[T], write: &mut dyn FnMut(usize, T)) {
    const ROWS: usize = 4;
    let (first, parts, len) = (a.as_ptr().cast::<T::Part>(), T::PARTS as isize, a.ncols() * T::PARTS);
    let x = T::for_rows(x);
    debug_assert_eq!(x.len(), V * len);
    let (rows, step) = (a.nrows(), a.row_stride() * parts);
    let whole = rows / ROWS * ROWS;
    for i in (0..whole).step_by(ROWS) {
        // SAFETY: four rows of the matrix, contiguous; `x` is `V` vectors of `len`.
        let sums = unsafe {
            T::Part::dots::<V, ROWS>(len, first.wrapping_offset(i as isize * step), step, x.as_ptr())
        };
        for (r, sums) in sums.into_iter().enumerate() {
            write(i + r, T::from_dots(sums));
        }
    }
    for i in whole..rows {
        // SAFETY: as above, one row.
        let [sums] =
            unsafe { T::Part::dots::<V, 1>(len, first.wrapping_offset(i as isize * step), step, x.as_ptr()) };
        write(i, T::from_dots(sums));
    }
}

/// Columns are contiguous.
fn by_columns<T: Plain>(a: MatRef<'_, T>, x: &[T], write: &mut dyn FnMut(usize, T)) {
    match T::PARTS {
        1 => columns_of::<T, 1>(a, x, write),
        _ => columns_of::<T, 2>(a, x, write),
    }
}

fn columns_of<T: Plain, const V: usize>(a: MatRef<'_, T>, x: &[T], write: &mut dyn FnMut(usize, T)) {
    const COLUMNS: usize = 4;
    let step = a.col_stride() * T::PARTS as isize;
    let mut runs = vec![T::Part::ZERO; V * RUN.min(a.nrows()) * T::PARTS];
    for start in (0..a.nrows()).step_by(RUN) {
        let count = RUN.min(a.nrows() - start);
        let len = count * T::PARTS;
        let runs = &mut runs[..V * len];
        runs.fill(T::Part::ZERO);
        let first = a.subrows(start, count).as_ptr().cast::<T::Part>();
        let whole = x.len() / COLUMNS * COLUMNS;
        for l in (0..whole).step_by(COLUMNS) {
            let factors = std::array::from_fn(|v| std::array::from_fn(|c| x[l + c].parts()[v]));
            let at = first.wrapping_offset(l as isize * step);
            // SAFETY: `count` rows of four contiguous columns; `V` runs of `len`.
            unsafe { T::Part::add_columns::<V, COLUMNS>(len, at, step, factors, runs.as_mut_ptr()) };
        }
        for (l, x) in x.iter().enumerate().skip(whole) {
            let factors = std::array::from_fn(|v| [x.parts()[v]]);
            let at = first.wrapping_offset(l as isize * step);
            // SAFETY: as above, one column.
            unsafe { T::Part::add_columns::<V, 1>(len, at, step, factors, runs.as_mut_ptr()) };
        }
        for i in 0..count {
            write(start + i, T::from_runs(runs, count, i));
        }
    }
}
