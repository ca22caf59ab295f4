//! Hermitian matrices to tridiagonal form, LAPACK's way: `a = Q t Q^H`, `Q` a product of Householder's reflections, those of
//! some columns at a time, so that half of the work is products; and back to the vectors of the matrix.
//!
//! The other half is the matrix times a vector for each column, as fast as memory delivers the matrix. Who has its columns,
//! and who works on them, is [`Lower`]'s matter: a crew of threads here, the ranks of a job elsewhere.
//!
//! Invariant: while the reflections of a group of columns are made the matrix is as it was before the group.

use crate::Number;
use crate::householder::{Reflections, reflection};
use ga_dense::{Accum, Conj, Crew, MatMut, MatRef, Reborrow, ReborrowMut};
use num_traits::One;
use std::ops::Range;
use std::sync::Mutex;

/// Columns whose reflections are applied together on the way back.
const GROUP: usize = 64;
/// Columns of an update that one product makes; what of it lies above the diagonal is for nothing.
const WIDE: usize = 256;
/// Orders up to which a vector's product is not worth waking a thread.
const SERIAL: usize = 256;

/// A Hermitian matrix of which the lower triangle counts, wherever its columns are.
pub trait Lower<T: Number> {
    /// What may go wrong.
    type Error;

    /// Rows and columns.
    fn order(&self) -> usize;

    /// Copies some columns, from the row of the first one on.
    ///
    /// # Errors
    /// Those of the place where they are.
    fn copy(&mut self, columns: Range<usize>, to: MatMut<'_, T>) -> Result<(), Self::Error>;

    /// The rows and columns from `from` on times `x`.
    ///
    /// # Errors
    /// As above.
    fn times(&mut self, from: usize, x: &[T], y: &mut [T]) -> Result<(), Self::Error>;

    /// Takes `left right^H` off the lower triangle of the rows and columns from `from` on.
    ///
    /// # Errors
    /// As above.
    fn update(&mut self, from: usize, left: MatRef<'_, T>, right: MatRef<'_, T>) -> Result<(), Self::Error>;

    /// Replaces some columns, from the row of the first one on.
    ///
    /// # Errors
    /// As above.
    fn keep(&mut self, columns: Range<usize>, from: MatRef<'_, T>) -> Result<(), Self::Error>;
}

/// A tridiagonal matrix, real, and the factors of the reflections that lead to it.
#[derive(Debug)]
pub struct Tridiagonal<T: Number> {
    /// Its diagonal.
    pub diagonal: Vec<T::Part>,
    /// What is beside it.
    pub beside: Vec<T::Part>,
    /// The factors.
    pub tau: Vec<T>,
}

/// The tridiagonal form of a matrix, which keeps the reflections' vectors below the elements beside its diagonal. Columns are
/// taken `width` at a time.
///
/// # Errors
/// Those of the matrix.
pub fn tridiagonal<T: Number, L: Lower<T>>(
    a: &mut L,
    width: usize,
    crew: Crew<'_>,
) -> Result<Tridiagonal<T>, L::Error> {
    let order = a.order();
    let zero = num_traits::Zero::zero();
    let mut made = Tridiagonal {
        diagonal: vec![zero; order],
        beside: vec![zero; order.saturating_sub(1)],
        tau: vec![T::zero(); order.saturating_sub(1)],
    };
    for start in (0..order).step_by(width) {
        group(a, start..order.min(start + width), crew, &mut made)?;
    }
    Ok(made)
}

/// A column-major matrix of zeros.
fn zeros<T: Number>(rows: usize, columns: usize) -> Vec<T> {
    vec![T::zero(); rows * columns]
}

/// The reflections of some columns.
fn group<T: Number, L: Lower<T>>(
    a: &mut L,
    columns: Range<usize>,
    crew: Crew<'_>,
    made: &mut Tridiagonal<T>,
) -> Result<(), L::Error> {
    let (order, start, wide) = (a.order(), columns.start, columns.len());
    let height = order - start;
    let mut panel = zeros(height, wide);
    a.copy(columns.clone(), MatMut::from_column_major_slice_mut(&mut panel, height, wide))?;
    // Vectors and what they come to after the matrix, side by side: v, w and once more v.
    let mut both = zeros::<T>(height, 3 * wide);
    for j in 0..wide {
        let (before, own) = panel.split_at_mut(j * height);
        let (column, rest) = (&mut own[j..height], height - j - 1);
        debug_assert_eq!(before.len(), j * height);
        let sides = MatRef::from_column_major_slice(&both, height, 3 * wide);
        let (v, w) = (sides.subcols(0, j), sides.subcols(wide, j));
        let mut of_column = MatMut::from_column_major_slice_mut(column, height - j, 1);
        for (left, right) in [(v, w), (w, v)] {
            let factors: Vec<T> = (0..j).map(|l| right[(j, l)].adjoint()).collect();
            let factors = MatRef::from_column_major_slice(&factors, j, 1);
            let left = left.subrows(j, height - j);
            T::product_by(
                crew,
                of_column.rb_mut(),
                Accum::Add,
                -T::one(),
                (left, Conj::No),
                (factors, Conj::No),
            );
        }
        let i = start + j;
        made.diagonal[i] = column[0].re();
        if rest == 0 {
            break;
        }
        let mut below = MatMut::from_column_major_slice_mut(&mut column[1..], rest, 1);
        let tau = reflection(&mut below.rb_mut().col_mut(0));
        made.tau[i] = tau;
        made.beside[i] = column[1].re();
        let mut x = column[1..].to_vec();
        x[0] = T::one();
        let mut y = zeros(rest, 1);
        a.times(i + 1, &x, &mut y)?;
        {
            let sides = MatRef::from_column_major_slice(&both, height, 3 * wide).subrows(j + 1, rest);
            let (v, w) = (sides.subcols(0, j), sides.subcols(wide, j));
            let x = (MatRef::from_column_major_slice(&x, rest, 1), Conj::No);
            for (left, right) in [(v, w), (w, v)] {
                let mut inner = zeros(j, 1);
                let to = MatMut::from_column_major_slice_mut(&mut inner, j, 1);
                T::product_by(crew, to, Accum::Replace, T::one(), (right.transpose(), Conj::Yes), x);
                let inner = (MatRef::from_column_major_slice(&inner, j, 1), Conj::No);
                let to = MatMut::from_column_major_slice_mut(&mut y, rest, 1);
                T::product_by(crew, to, Accum::Add, -T::one(), (left, Conj::No), inner);
            }
        }
        y.iter_mut().for_each(|y| *y *= tau);
        let sum = y.iter().zip(&x).fold(T::zero(), |sum, (y, x)| sum + y.adjoint() * *x);
        let half = T::of(T::Part::one() / (T::Part::one() + T::Part::one()));
        let alpha = -(half * tau * sum);
        y.iter_mut().zip(&x).for_each(|(y, x)| *y += alpha * *x);
        for (side, values) in [(0, &x), (wide, &y), (2 * wide, &x)] {
            let at = (side + j) * height + j + 1;
            both[at..at + rest].copy_from_slice(values);
        }
    }
    a.keep(columns.clone(), MatRef::from_column_major_slice(&panel, height, wide))?;
    if columns.end == order {
        return Ok(());
    }
    let sides = MatRef::from_column_major_slice(&both, height, 3 * wide).subrows(wide, height - wide);
    a.update(columns.end, sides.subcols(0, 2 * wide), sides.subcols(wide, 2 * wide))
}

/// Replaces vectors of the tridiagonal matrix, or some of their columns, by those of the matrix that keeps the reflections.
///
/// # Errors
/// Those of the matrix.
pub fn from_tridiagonal<T: Number, L: Lower<T>>(
    a: &mut L,
    tau: &[T],
    crew: Crew<'_>,
    mut vectors: MatMut<'_, T>,
) -> Result<(), L::Error> {
    let order = a.order();
    let mut panel = Vec::new();
    for start in (0..tau.len()).step_by(GROUP).rev() {
        let end = tau.len().min(start + GROUP);
        let height = order - start;
        panel.resize(height * (end - start), T::zero());
        a.copy(start..end, MatMut::from_column_major_slice_mut(&mut panel, height, end - start))?;
        let packed = MatRef::from_column_major_slice(&panel, height, end - start).subrows(1, height - 1);
        let block = Reflections::new(packed, &tau[start..end]);
        block.apply(crew, false, vectors.rb_mut().subrows_mut(start + 1, height - 1));
        panel.clear();
    }
    Ok(())
}

/// Nothing goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Never {}

/// A matrix in local memory, of contiguous columns, whose work a crew shares.
#[derive(Debug)]
pub struct Whole<'a, T: Number> {
    /// Its columns.
    pub a: MatMut<'a, T>,
    /// Who works.
    pub crew: Crew<'a>,
}

/// The column before which lies the `p`-th of `pieces` of a triangle of equal areas.
fn edge(order: usize, p: usize, pieces: usize) -> usize {
    let rest = 1.0 - p as f64 / pieces as f64;
    if p == pieces { order } else { (order as f64 * (1.0 - rest.sqrt())) as usize }
}

impl<T: Number> Lower<T> for Whole<'_, T> {
    type Error = Never;

    fn order(&self) -> usize {
        self.a.nrows()
    }

    fn copy(&mut self, columns: Range<usize>, mut to: MatMut<'_, T>) -> Result<(), Never> {
        let height = self.order() - columns.start;
        to.copy_from(self.a.rb().submatrix(columns.start, columns.start, height, columns.len()));
        Ok(())
    }

    fn times(&mut self, from: usize, x: &[T], y: &mut [T]) -> Result<(), Never> {
        let order = self.order() - from;
        let a = self.a.rb().submatrix(from, from, order, order);
        let pieces = if order <= SERIAL { 1 } else { self.crew.threads() };
        if pieces == 1 {
            T::hermitian_times(a, x, y);
            return Ok(());
        }
        let sums: Vec<Mutex<Vec<T>>> = (0..pieces).map(|_| Mutex::default()).collect();
        self.crew.share(pieces, &|p| {
            let (start, end) = (edge(order, p, pieces), edge(order, p + 1, pieces));
            let mut sum = vec![T::zero(); order - start];
            T::hermitian_times(a.submatrix(start, start, order - start, end - start), &x[start..], &mut sum);
            *sums[p].lock().expect("nobody panics") = sum;
        });
        for sum in sums {
            let sum = sum.into_inner().expect("nobody panics");
            y[order - sum.len()..].iter_mut().zip(sum).for_each(|(y, sum)| *y += sum);
        }
        Ok(())
    }

    fn update(&mut self, from: usize, left: MatRef<'_, T>, right: MatRef<'_, T>) -> Result<(), Never> {
        let order = self.order() - from;
        for start in (0..order).step_by(WIDE) {
            let (width, height) = (WIDE.min(order - start), order - start);
            let to = self.a.rb_mut().submatrix_mut(from + start, from + start, height, width);
            let left = (left.subrows(start, height), Conj::No);
            let right = (right.subrows(start, width).transpose(), Conj::Yes);
            T::product_by(self.crew, to, Accum::Add, -T::one(), left, right);
        }
        Ok(())
    }

    fn keep(&mut self, columns: Range<usize>, from: MatRef<'_, T>) -> Result<(), Never> {
        let to = self.a.rb_mut().submatrix_mut(columns.start, columns.start, from.nrows(), from.ncols());
        { to }.copy_from(from);
        Ok(())
    }
}
