//! Work on columns that a crew shares, triangular systems, and copies between orders of elements.

use crate::Number;
use ga_dense::{Accum, Conj, Crew, MatMut, MatRef, ReborrowMut};

/// Fewer columns than this are no piece.
const COLUMNS: usize = 16;
/// Systems of fewer multiplications than this are not worth waking a thread.
const SERIAL: usize = 1 << 18;

/// Where threads write.
struct Place<T>(*mut T);

// SAFETY: an address; who writes through it says why that is allowed.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    fn at(&self, offset: isize) -> *mut T {
        self.0.wrapping_offset(offset)
    }
}

/// Calls `work` with disjoint pieces of the columns, which together are all of them.
pub(crate) fn by_columns<T: Number>(
    crew: Crew<'_>,
    cost: usize,
    b: MatMut<'_, T>,
    work: &(dyn Fn(MatMut<'_, T>) + Sync),
) {
    let (rows, columns) = (b.nrows(), b.ncols());
    let pieces = (2 * crew.threads()).min(columns / COLUMNS);
    if pieces < 2 || crew.threads() == 1 || cost < SERIAL {
        return work(b);
    }
    let (down, right) = (b.row_stride(), b.col_stride());
    let place = Place(b.as_ptr_mut());
    crew.share(pieces, &|p| {
        let (from, to) = (columns * p / pieces, columns * (p + 1) / pieces);
        let first = place.at(from as isize * right);
        // SAFETY: some columns of `b`, which is borrowed mutably until all pieces are done; no two pieces share a column.
        work(unsafe { MatMut::from_raw_parts_mut(first, rows, to - from, down, right) });
    });
}

/// A triangle of a square matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Triangle {
    /// Below the diagonal, or above it.
    pub is_lower: bool,
    /// The diagonal is ones, whatever the matrix has there.
    pub is_unit: bool,
}

/// Replaces `b` by `x` with `t x = b`, `t` a triangle of a matrix, or of its conjugate. The crew shares the columns of `b`.
pub fn solve_triangular<T: Number>(
    crew: Crew<'_>,
    kind: Triangle,
    (t, conj): (MatRef<'_, T>, Conj),
    b: MatMut<'_, T>,
) {
    if t.nrows() == 0 || b.ncols() == 0 {
        return;
    }
    let cost = t.nrows() * t.nrows() * b.ncols();
    by_columns(crew, cost, b, &|mut b| {
        if !kind.is_unit {
            return if kind.is_lower { T::solve_lower((t, conj), b) } else { T::solve_upper((t, conj), b) };
        }
        // Of the conjugate of a matrix: the conjugates of numbers are solved for.
        let is_turned = !T::IS_REAL && matches!(conj, Conj::Yes);
        if is_turned {
            conjugate(b.rb_mut());
        }
        match kind.is_lower {
            true => T::solve_unit_lower(t, b.rb_mut()),
            // Read from its end, an upper triangle is a lower one.
            false => T::solve_unit_lower(t.reverse_rows_and_cols(), b.rb_mut().reverse_rows_mut()),
        }
        if is_turned {
            conjugate(b);
        }
    });
}

/// `c -= a * b`, the factors conjugated if so said. The crew helps.
pub fn subtract_product<T: Number>(
    crew: Crew<'_>,
    c: MatMut<'_, T>,
    a: (MatRef<'_, T>, Conj),
    b: (MatRef<'_, T>, Conj),
) {
    T::product_by(crew, c, Accum::Add, -T::one(), a, b);
}

fn conjugate<T: Number>(mut b: MatMut<'_, T>) {
    for mut column in b.rb_mut().col_iter_mut() {
        column.rb_mut().iter_mut().for_each(|x| *x = x.adjoint());
    }
}

/// Copies `rows` rows of `columns` elements each to columns, or columns to rows with the extents exchanged.
pub fn copy_turned<T: Number>(from: &[T], to: &mut [T], rows: usize, columns: usize) {
    /// Extent of a tile that the first cache holds twice.
    const TILE: usize = 16;
    assert!(from.len() == rows * columns && to.len() == from.len(), "as many elements");
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for j in left..columns.min(left + TILE) {
                for i in top..rows.min(top + TILE) {
                    to[j * rows + i] = from[i * columns + j];
                }
            }
        }
    }
}
