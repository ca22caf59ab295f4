//! Eigenvalues and vectors of a Hermitian matrix in local memory, by its tridiagonal form.

use crate::Number;
use crate::spectrum::{values, vectors};
use crate::tridiagonal::{Whole, from_tridiagonal, tridiagonal};
use ga_dense::{Crew, MatMut, MatRef, ReborrowMut};
use num_traits::{Float, One, Zero};

/// Columns whose reflections are made together: few enough for their own products, which are of vectors, to stay cheap.
const WIDTH: usize = 32;

/// The eigenvalues, ascending, of the Hermitian matrix with this lower triangle, of contiguous columns, which is used up; and its
/// vectors as columns. False if an element is no finite number, or the iteration doesn't end.
pub fn eigen<T: Number>(
    crew: Crew<'_>,
    mut a: MatMut<'_, T>,
    to: &mut [T::Part],
    into: Option<MatMut<'_, T>>,
) -> bool {
    let order = a.nrows();
    let (most, is_finite) = (0..order).fold((T::Part::zero(), true), |(most, is_finite), j| {
        (j..order).fold((most, is_finite), |(most, is_finite), i| {
            let (size, is_number) = largest(a[(i, j)]);
            (Float::max(most, size), is_finite && is_number)
        })
    });
    if !is_finite {
        return false;
    }
    let scale = scale(most);
    if scale != T::Part::one() {
        (0..order).for_each(|j| (j..order).for_each(|i| a[(i, j)] *= T::of(scale)));
    }
    let mut whole = Whole { a, crew };
    let Ok(mut made) = tridiagonal(&mut whole, WIDTH, crew);
    let is_done = match into {
        None => values(&mut made.diagonal, &mut made.beside),
        Some(mut into) => {
            let mut real = vec![T::Part::zero(); order * order];
            let all = MatMut::from_column_major_slice_mut(&mut real, order, order);
            let is_done = vectors(crew, &mut made.diagonal, &mut made.beside, 0..order, all);
            widen(MatRef::from_column_major_slice(&real, order, order), into.rb_mut());
            drop(real);
            let Ok(()) = from_tridiagonal(&mut whole, &made.tau, crew, into);
            is_done
        }
    };
    to.iter_mut().zip(&made.diagonal).for_each(|(to, value)| *to = *value / scale);
    is_done
}

/// The larger part of a number, and whether both are finite.
pub fn largest<T: Number>(x: T) -> (T::Part, bool) {
    let size = Float::max(Float::abs(x.re()), Float::abs(x.im()));
    (size, Float::is_finite(x.re()) && Float::is_finite(x.im()))
}

/// What to multiply a matrix with this largest element with, so that no square of it is lost: a power of two, mostly 1.
pub fn scale<P: Float>(most: P) -> P {
    let (one, two) = (P::one(), P::one() + P::one());
    let edge = P::min_positive_value().sqrt() / P::epsilon();
    if most == P::zero() || most > edge && most < one / edge {
        return one;
    }
    two.powi(-most.log2().floor().to_i32().unwrap_or(0))
}

/// Real numbers as those of a matrix.
pub fn widen<T: Number>(from: MatRef<'_, T::Part>, mut to: MatMut<'_, T>) {
    for (from, to) in from.col_iter().zip(to.rb_mut().col_iter_mut()) {
        to.iter_mut().zip(from.iter()).for_each(|(to, x)| *to = T::of(*x));
    }
}
