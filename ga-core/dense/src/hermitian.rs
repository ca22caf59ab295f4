//! A Hermitian matrix times a vector, from one triangle: every element is read once and used twice.
//!
//! ```text
//! | t     |   rows of blocks: what lies left of the diagonal is used for the rows' sums and, conjugated, for the columns';
//! | r t   |   triangles on the diagonal are cut by halves until few elements are left
//! | r r t |
//! | r r r |   a trapezoid goes on below
//! ```

use crate::lanes::Real;
use crate::vector::Plain;
use faer::MatRef;
use faer::traits::math_utils::{add, conj, from_real, mul, real};

/// Rows worked on together: their sums and factors stay in the first cache.
const RUN: usize = 256;
/// Triangles of this order are left to plain loops.
const FEW: usize = 8;
/// Columns worked on together.
const COLUMNS: usize = 4;

/// `y += a x`, where `a` has this lower trapezoid, of contiguous columns, and above its diagonal the conjugates of what is below; there are as
/// many factors and sums as rows.
pub(crate) fn times<T: Plain>(a: MatRef<'_, T>, x: &[T], y: &mut [T]) {
    let (rows, columns) = (a.nrows(), a.ncols());
    assert!(columns <= rows && x.len() == rows && y.len() == rows, "extents that don't fit");
    assert!(a.row_stride() == 1 || rows < 2, "contiguous columns");
    let cuts = (0..columns).step_by(RUN).chain((columns..rows).step_by(RUN));
    for start in cuts {
        let bound = if start < columns { columns } else { rows };
        let height = RUN.min(bound - start);
        let left = start.min(columns);
        let (own, others) = (start..start + height, 0..left);
        beside(a.submatrix(start, 0, height, left), x, y, own.clone(), others);
        if start < columns {
            corner(a.submatrix(start, start, height, height), &x[own.clone()], &mut y[own]);
        }
    }
}

/// A square on the diagonal.
fn corner<T: Plain>(a: MatRef<'_, T>, x: &[T], y: &mut [T]) {
    let order = a.nrows();
    if order > FEW {
        let half = (order / 2).next_multiple_of(COLUMNS);
        corner(a.submatrix(0, 0, half, half), &x[..half], &mut y[..half]);
        corner(a.submatrix(half, half, order - half, order - half), &x[half..], &mut y[half..]);
        return beside(a.submatrix(half, 0, order - half, half), x, y, half..order, 0..half);
    }
    for j in 0..order {
        y[j] = add(&y[j], &mul(&from_real::<T>(&real(&a[(j, j)])), &x[j]));
        for i in j + 1..order {
            y[i] = add(&y[i], &mul(&a[(i, j)], &x[j]));
            y[j] = add(&y[j], &mul(&conj(&a[(i, j)]), &x[i]));
        }
    }
}

/// A block beside the diagonal, that is these rows and columns of the matrix.
fn beside<T: Plain>(
    a: MatRef<'_, T>,
    x: &[T],
    y: &mut [T],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) {
    match T::PARTS {
        1 => beside_of::<T, 1>(a, x, y, rows, columns),
        _ => beside_of::<T, 2>(a, x, y, rows, columns),
    }
}

fn beside_of<T: Plain, const V: usize>(
    a: MatRef<'_, T>,
    x: &[T],
    y: &mut [T],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) {
    let (count, len) = (rows.len(), rows.len() * T::PARTS);
    let turned: Vec<T> = x[rows.clone()].iter().map(conj).collect();
    let factors_down = T::for_rows(&turned);
    debug_assert_eq!(factors_down.len(), V * len);
    let mut runs = vec![T::Part::ZERO; V * len];
    let (first, step) = (a.as_ptr().cast::<T::Part>(), a.col_stride() * T::PARTS as isize);
    let whole = columns.len() / COLUMNS * COLUMNS;
    for l in (0..whole).step_by(COLUMNS) {
        let j = columns.start + l;
        let factors = std::array::from_fn(|v| std::array::from_fn(|c| x[j + c].parts()[v]));
        let at = first.wrapping_offset(l as isize * step);
        // SAFETY: `count` rows of four contiguous columns; `V` runs, and `V` vectors, of `len` numbers.
        let sums = unsafe {
            T::Part::add_columns::<V, COLUMNS>(len, at, step, factors, runs.as_mut_ptr());
            T::Part::dots::<V, COLUMNS>(len, at, step, factors_down.as_ptr())
        };
        for (c, sums) in sums.into_iter().enumerate() {
            y[j + c] = add(&y[j + c], &conj(&T::from_dots(sums)));
        }
    }
    for l in whole..columns.len() {
        let j = columns.start + l;
        let factors = std::array::from_fn(|v| [x[j].parts()[v]]);
        let at = first.wrapping_offset(l as isize * step);
        // SAFETY: as above, one column.
        let [sums] = unsafe {
            T::Part::add_columns::<V, 1>(len, at, step, factors, runs.as_mut_ptr());
            T::Part::dots::<V, 1>(len, at, step, factors_down.as_ptr())
        };
        y[j] = add(&y[j], &conj(&T::from_dots(sums)));
    }
    for i in 0..count {
        let to = &mut y[rows.start + i];
        *to = add(to, &T::from_runs(&runs, count, i));
    }
}
