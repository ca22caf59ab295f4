//! LU with partial pivoting, by halves of the columns: nearly all of the work is products, which the crew shares.
//!
//! ```text
//! | L\U |  u  |     left half, its row exchanges to the right half, a triangular system for u, a product for the rest,
//! |  l  | a'  |     and the same for what is left
//! ```

use crate::Number;
use crate::shared::{Triangle, by_columns, solve_triangular};
use ga_dense::{Accum, Conj, Crew, MatMut, MatRef, Reborrow, ReborrowMut};
use num_traits::Float;

/// Columns that the kernel factorizes.
const NARROW: usize = 32;

/// Replaces a matrix, which may be singular, by its factors; `from` tells for each row which one of the matrix it was.
pub fn lu<T: Number>(crew: Crew<'_>, a: MatMut<'_, T>, from: &mut [usize]) {
    let (rows, columns) = (a.nrows(), a.ncols());
    assert_eq!(from.len(), rows, "a place for each row");
    if rows == 0 || columns == 0 {
        return from.iter_mut().enumerate().for_each(|(i, row)| *row = i);
    }
    if columns > rows {
        let (mut left, mut right) = a.split_at_col_mut(rows);
        lu(crew, left.rb_mut(), from);
        exchange(crew, from, right.rb_mut());
        return solve_triangular(
            crew,
            Triangle { is_lower: true, is_unit: true },
            (left.rb(), Conj::No),
            right,
        );
    }
    if columns <= NARROW {
        return narrow(a, from);
    }
    let half = columns / 2;
    let (mut left, mut right) = a.split_at_col_mut(half);
    lu(crew, left.rb_mut(), from);
    exchange(crew, from, right.rb_mut());
    let (mut top, mut bottom) = right.split_at_row_mut(half);
    let (upper, mut lower) = left.split_at_row_mut(half);
    solve_triangular(crew, Triangle { is_lower: true, is_unit: true }, (upper.rb(), Conj::No), top.rb_mut());
    let (l, u) = ((lower.rb(), Conj::No), (top.rb(), Conj::No));
    T::product_by(crew, bottom.rb_mut(), Accum::Add, -T::one(), l, u);
    let mut inner = vec![0; rows - half];
    lu(crew, bottom, &mut inner);
    exchange(crew, &inner, lower.rb_mut());
    let old = from[half..].to_vec();
    from[half..].iter_mut().zip(&inner).for_each(|(row, &i)| *row = old[i]);
}

/// Some columns: by the kernel, which divides by each pivot; where one is zero, that column has nothing to be divided, and the
/// columns are done again.
fn narrow<T: Number>(mut a: MatMut<'_, T>, from: &mut [usize]) {
    let (rows, columns) = (a.nrows(), a.ncols());
    let mut kept = vec![T::zero(); rows * columns];
    MatMut::from_column_major_slice_mut(&mut kept, rows, columns).copy_from(a.rb());
    from.copy_from_slice(&T::lu(a.rb_mut()));
    if (0..columns).all(|j| a[(j, j)] != T::zero()) {
        return;
    }
    a.copy_from(MatRef::from_column_major_slice(&kept, rows, columns));
    from.iter_mut().enumerate().for_each(|(i, row)| *row = i);
    for j in 0..columns {
        let size = |x: T| Float::abs(x.re()) + Float::abs(x.im());
        let pivot =
            (j + 1..rows).fold(j, |most, i| if size(a[(i, j)]) > size(a[(most, j)]) { i } else { most });
        if a[(pivot, j)] == T::zero() {
            continue;
        }
        from.swap(j, pivot);
        for l in 0..columns {
            let held = a[(j, l)];
            a[(j, l)] = a[(pivot, l)];
            a[(pivot, l)] = held;
        }
        let inverse = T::one() / a[(j, j)];
        (j + 1..rows).for_each(|i| a[(i, j)] *= inverse);
        for l in j + 1..columns {
            let factor = a[(j, l)];
            for i in j + 1..rows {
                let taken = a[(i, j)] * factor;
                a[(i, l)] -= taken;
            }
        }
    }
}

/// Moves rows: row `i` comes from row `from[i]`.
fn exchange<T: Number>(crew: Crew<'_>, from: &[usize], columns: MatMut<'_, T>) {
    let moved: Vec<(usize, usize)> =
        from.iter().copied().enumerate().filter(|&(to, from)| to != from).collect();
    let cost = moved.len() * columns.ncols();
    by_columns(crew, cost, columns, &|mut columns| {
        let mut held = vec![T::zero(); moved.len()];
        for j in 0..columns.ncols() {
            let mut column = columns.rb_mut().col_mut(j);
            held.iter_mut().zip(&moved).for_each(|(x, &(_, from))| *x = column[from]);
            held.iter().zip(&moved).for_each(|(&x, &(to, _))| column[to] = x);
        }
    });
}
