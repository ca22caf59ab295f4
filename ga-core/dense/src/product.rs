//! Products: any layout, thin or square, on one thread or by a crew.
//!
//! `faer` multiplies. What it is slow at is arranged here: a left factor whose rows aren't contiguous is packed
//! first, a vector has loops of its own ([`vector`]), and threads take pieces: of rows, of columns, or, where
//! the result is small, of the inner dimension, whose partial results are added in order.
//!
//! ```text
//!        inner            columns             columns
//!      +-------+         +---+---+           +---+---+
//! rows | 0 0 0 |       i | 0 | 1 |      rows | 0 | 1 |    a piece reads its rows of the left factor and
//!      +-------+    *  n | 0 | 1 |   =       +---+---+    its columns of the right one; the left factor's
//!      | 2 2 2 |       n | 0 | 1 |           | 2 | 3 |    piece is packed once, block by block
//!      +-------+         +---+---+           +---+---+
//! ```

use crate::crew::{Crew, Place};
use crate::lanes::Real;
use crate::pack::{Factor, LINE, pack};
use crate::vector::{self, Plain};
use faer::linalg::matmul::matmul_with_conj;
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};
use std::ops::Range;

/// Products of fewer multiplications than this are not worth waking a thread.
const SERIAL: usize = 1 << 20;
/// Products of real matrices up to this size are done before `faer` has set out.
const SMALL: usize = 48;
/// Fewer rows or columns, or less depth, than this are no piece.
const GRAIN: usize = 64;
/// From this extent on, a piece is as good when it has half of the columns.
const WIDE: usize = 1024;
/// Inner extent of a packed block, that of the kernel.
const DEEP: usize = 512;
/// With fewer columns, packing the left factor costs more than it saves.
const FEW: usize = 16;
/// The piece `p` of `pieces` of `0..n`.
fn piece(n: usize, p: usize, pieces: usize) -> Range<usize> {
    n * p / pieces..n * (p + 1) / pieces
}

/// `c = alpha a b`, or `c += alpha a b`. Panics unless the extents fit.
pub(crate) fn product<T: Plain>(
    mut c: MatMut<'_, T>,
    how: Accum,
    alpha: T,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    crew: Crew<'_>,
) {
    let [m, n, k] = [c.nrows(), c.ncols(), a.0.ncols()];
    assert!(a.0.nrows() == m && b.0.ncols() == n && b.0.nrows() == k, "extents that don't fit");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if matches!(how, Accum::Replace) {
            c.fill(T::zero_impl());
        }
        return;
    }
    let is_upright = c.row_stride().unsigned_abs() < c.col_stride().unsigned_abs();
    if m == 1 || (n > 1 && is_upright) {
        let (a, b) = ((b.0.transpose(), b.1), (a.0.transpose(), a.1));
        return lying(c.transpose_mut(), how, alpha, a, b, crew);
    }
    lying(c, how, alpha, a, b, crew);
}

/// [`product`] for a result whose rows are the contiguous ones, if any are, and not just one.
fn lying<T: Plain>(
    mut c: MatMut<'_, T>,
    how: Accum,
    alpha: T,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    crew: Crew<'_>,
) {
    let size @ [m, n, k] = [c.nrows(), c.ncols(), a.0.ncols()];
    if n == 1 {
        return vector::product(c.col_mut(0), how, alpha, a, (b.0.col(0), b.1), crew);
    }
    let is_small = T::PARTS == 1 && m.max(n).max(k) <= SMALL && alpha == T::one_impl();
    if is_small && b.0.col_stride() == 1 && c.col_stride() == 1 {
        let ([down, right], part) =
            ([a.0.row_stride(), a.0.col_stride()], |x: MatRef<'_, T>| x.as_ptr().cast());
        let (from_a, from_b) = ((part(a.0), [down, right]), (part(b.0), b.0.row_stride()));
        let to = (c.as_ptr_mut().cast(), c.row_stride());
        // SAFETY: an element is one real number; the matrices have these extents and strides, rows of the second factor
        // and of the result are contiguous, and the latter is borrowed mutably.
        return unsafe { T::Part::small(size, from_a, from_b, to, matches!(how, Accum::Add)) };
    }
    let [rows, columns, depths] = cut(size, crew.threads());
    if rows * columns * depths == 1 {
        return serial(c, how, alpha, a, b);
    }
    if depths > 1 {
        let mut partial = vec![T::zero_impl(); depths * m * n];
        let place = Place(partial.as_mut_ptr());
        crew.share(depths, &|p| {
            let inner = piece(k, p, depths);
            let (a, b) =
                ((a.0.subcols(inner.start, inner.len()), a.1), (b.0.subrows(inner.start, inner.len()), b.1));
            // SAFETY: the `p`-th of `depths` runs of `m * n` elements of `partial`, which this call alone uses.
            let to =
                unsafe { MatMut::from_raw_parts_mut(place.at((p * m * n) as isize), m, n, n as isize, 1) };
            serial(to, Accum::Replace, alpha, a, b);
        });
        let mut how = how;
        for part in partial.chunks_exact(m * n) {
            let part = MatRef::from_row_major_slice(part, m, n);
            match how {
                Accum::Replace => c.rb_mut().copy_from(part),
                Accum::Add => c += part,
            }
            how = Accum::Add;
        }
        return;
    }
    let (place, [down, right]) = (Place(c.as_ptr_mut()), [c.row_stride(), c.col_stride()]);
    crew.share(rows * columns, &|p| {
        let (i, j) = (piece(m, p / columns, rows), piece(n, p % columns, columns));
        let first = place.at(i.start as isize * down + j.start as isize * right);
        // SAFETY: rows and columns of `c`, which is borrowed mutably until all pieces are done; no two pieces have an
        // element in common.
        let c = unsafe { MatMut::from_raw_parts_mut(first, i.len(), j.len(), down, right) };
        serial(c, how, alpha, (a.0.subrows(i.start, i.len()), a.1), (b.0.subcols(j.start, j.len()), b.1));
    });
}

/// Into how many pieces to cut rows, columns and the inner dimension.
fn cut([m, n, k]: [usize; 3], threads: usize) -> [usize; 3] {
    if threads == 1 || m.saturating_mul(n).saturating_mul(k) < SERIAL {
        return [1, 1, 1];
    }
    let (long, short) = (m.max(n), m.min(n));
    let pieces = if long >= GRAIN * threads {
        // Two for each thread: one that was delayed delays the others by half as much.
        if short >= WIDE { [threads, 2] } else { [(2 * threads).min(long / GRAIN), 1] }
    } else if k >= GRAIN * threads * 4 {
        return [1, 1, if long <= GRAIN { 2 * threads } else { threads }];
    } else {
        [threads.min(long), 1]
    };
    if m >= n { [pieces[0], pieces[1], 1] } else { [pieces[1], pieces[0], 1] }
}

/// The product on one thread.
fn serial<T: Plain>(mut c: MatMut<'_, T>, how: Accum, alpha: T, a: Factor<'_, T>, b: Factor<'_, T>) {
    let [m, n, k] = [c.nrows(), c.ncols(), a.0.ncols()];
    if a.0.col_stride() == 1 || n < FEW || m * k < LINE * GRAIN {
        return matmul_with_conj(c, how, a.0, a.1, b.0, b.1, alpha, Par::Seq);
    }
    let mut packed = vec![T::zero_impl(); m * k.min(DEEP)];
    for l in (0..k).step_by(DEEP) {
        let depth = DEEP.min(k - l);
        let packed = &mut packed[..m * depth];
        pack(a.0.subcols(l, depth), packed);
        let left = MatRef::from_row_major_slice(packed, m, depth);
        let how = if l > 0 { Accum::Add } else { how };
        matmul_with_conj(c.rb_mut(), how, left, a.1, b.0.subrows(l, depth), b.1, alpha, Par::Seq);
    }
}
