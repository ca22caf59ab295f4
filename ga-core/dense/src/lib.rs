//! Dense linear algebra on local memory: `faer`, compiled once for the four floating-point types.
//!
//! `faer` is generic to the last line, so whoever calls it compiles it. Here it is behind methods of
//! [`Dense`] for concrete types: crates above call what this crate has compiled, optimised in debug builds as
//! well, and a change in them costs no minute in `faer`.
//!
//! Invariant: no state, and no threads but a [`Crew`]'s, which products can do with; matrices are views with any
//! strides, of extents that fit (or a panic).

mod crew;
mod hermitian;
mod lanes;
mod pack;
mod product;
mod spectral;
mod vector;

pub use crew::Crew;
use faer::Par;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltError, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place_with_conj, solve_unit_lower_triangular_in_place_with_conj,
    solve_upper_triangular_in_place_with_conj,
};
pub use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::ComplexField;
use faer::traits::math_utils::{abs1, conj, eps, from_f64, from_real, mul, neg, real, sub};
pub use faer::{Accum, ColMut, ColRef, Conj, MatMut, MatRef};
use num_complex::{Complex, Complex32, Complex64};

/// Why there are no eigenvalues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoEigenvalues {
    /// The scratch memory can't be had.
    Memory,
    /// An element is no finite number, or the iteration ends without a result.
    Convergence,
}

/// A floating-point number, real or complex, and what matrices of them admit.
pub trait Dense: ComplexField + Copy {
    /// `alpha * a * b`, the factors conjugated if so said, replaces `c` or is added to it. The crew helps.
    fn product_by(
        crew: Crew<'_>,
        c: MatMut<'_, Self>,
        how: Accum,
        alpha: Self,
        a: (MatRef<'_, Self>, Conj),
        b: (MatRef<'_, Self>, Conj),
    );

    /// [`Dense::product_by`] the calling thread alone.
    fn product(
        c: MatMut<'_, Self>,
        how: Accum,
        alpha: Self,
        a: (MatRef<'_, Self>, Conj),
        b: (MatRef<'_, Self>, Conj),
    ) {
        Self::product_by(Crew::alone(), c, how, alpha, a, b);
    }

    /// `y += a x`, where `a` has this lower trapezoid, of contiguous columns, and above its diagonal the conjugates of what is
    /// below; there are as many factors and sums as rows.
    fn hermitian_times(a: MatRef<'_, Self>, x: &[Self], y: &mut [Self]);

    /// `c -= a * b`
    fn subtract_product(c: MatMut<'_, Self>, a: (MatRef<'_, Self>, Conj), b: (MatRef<'_, Self>, Conj)) {
        Self::product(c, Accum::Add, neg(&Self::one_impl()), a, b);
    }

    /// Replaces `b` by `x` with `l x = b`, where `l` is the lower triangle of a matrix.
    fn solve_lower(l: (MatRef<'_, Self>, Conj), b: MatMut<'_, Self>);

    /// [`Dense::solve_lower`] with a diagonal of ones, whatever the matrix has there.
    fn solve_unit_lower(l: MatRef<'_, Self>, b: MatMut<'_, Self>);

    /// Replaces `b` by `x` with `u x = b`, where `u` is the upper triangle of a matrix.
    fn solve_upper(u: (MatRef<'_, Self>, Conj), b: MatMut<'_, Self>);

    /// Replaces a matrix with as many rows as columns, or more, by its factors L and U with partial pivoting.
    /// The answer tells for each row which one of the matrix it was.
    fn lu(a: MatMut<'_, Self>) -> Vec<usize>;

    /// Replaces the lower triangle of a Hermitian matrix by its Cholesky factor, or fails at the index given. Imaginary parts
    /// on the diagonal count for nothing, as in LAPACK.
    fn cholesky(a: MatMut<'_, Self>) -> Result<(), usize>;

    /// The eigenvalues, ascending, of the Hermitian matrix with this lower triangle, whose diagonal loses its imaginary parts,
    /// and its eigenvectors as columns. Takes scratch memory for one such matrix and a bit.
    fn eigen(
        a: MatMut<'_, Self>,
        values: &mut [Self::Real],
        vectors: Option<MatMut<'_, Self>>,
    ) -> Result<(), NoEigenvalues>;

    /// The eigenvalues of any square matrix, in the order that the iteration finds them, and its eigenvectors as columns,
    /// of no particular length.
    fn eigen_any(
        a: MatRef<'_, Self>,
        values: &mut [Complex<Self::Real>],
        vectors: Option<MatMut<'_, Complex<Self::Real>>>,
    ) -> Result<(), NoEigenvalues>;

    /// The singular values, descending, and the singular vectors as columns: `a = u s v^H`. There are as many of them as
    /// values, or as rows and columns of the matrix.
    fn singular(
        a: MatRef<'_, Self>,
        values: &mut [Self::Real],
        u: Option<MatMut<'_, Self>>,
        v: Option<MatMut<'_, Self>>,
    ) -> Result<(), NoEigenvalues>;

    /// `x` is the conjugate of `y` but for rounding of sums that have terms of about this size.
    fn mirrors(x: Self, y: Self, size: Self::Real) -> bool;

    /// The complex conjugate.
    fn conjugate(self) -> Self {
        conj(&self)
    }

    /// A cheap norm: of a complex number, the sum of the sizes of its parts.
    fn size(self) -> Self::Real {
        abs1(&self)
    }
}

macro_rules! dense {
    ($($t:ty: $any:ident;)*) => {$(
        impl Dense for $t {
            fn product_by(
                crew: Crew<'_>,
                c: MatMut<'_, Self>,
                how: Accum,
                alpha: Self,
                a: (MatRef<'_, Self>, Conj),
                b: (MatRef<'_, Self>, Conj),
            ) {
                product::product(c, how, alpha, a, b, crew);
            }

            fn hermitian_times(a: MatRef<'_, Self>, x: &[Self], y: &mut [Self]) {
                hermitian::times(a, x, y);
            }

            fn solve_lower((l, conj): (MatRef<'_, Self>, Conj), b: MatMut<'_, Self>) {
                solve_lower_triangular_in_place_with_conj(l, conj, b, Par::Seq);
            }

            fn solve_unit_lower(l: MatRef<'_, Self>, b: MatMut<'_, Self>) {
                solve_unit_lower_triangular_in_place_with_conj(l, Conj::No, b, Par::Seq);
            }

            fn solve_upper((u, conj): (MatRef<'_, Self>, Conj), b: MatMut<'_, Self>) {
                solve_upper_triangular_in_place_with_conj(u, conj, b, Par::Seq);
            }

            fn lu(a: MatMut<'_, Self>) -> Vec<usize> {
                factor_lu(a)
            }

            fn cholesky(a: MatMut<'_, Self>) -> Result<(), usize> {
                factor_cholesky(a)
            }

            fn eigen(
                a: MatMut<'_, Self>,
                values: &mut [Self::Real],
                vectors: Option<MatMut<'_, Self>>,
            ) -> Result<(), NoEigenvalues> {
                spectral::hermitian(a, values, vectors)
            }

            fn eigen_any(
                a: MatRef<'_, Self>,
                values: &mut [Complex<Self::Real>],
                vectors: Option<MatMut<'_, Complex<Self::Real>>>,
            ) -> Result<(), NoEigenvalues> {
                spectral::$any(a, values, vectors)
            }

            fn singular(
                a: MatRef<'_, Self>,
                values: &mut [Self::Real],
                u: Option<MatMut<'_, Self>>,
                v: Option<MatMut<'_, Self>>,
            ) -> Result<(), NoEigenvalues> {
                spectral::singular(a, values, u, v)
            }

            fn mirrors(x: Self, y: Self, size: Self::Real) -> bool {
                let slack = mul(&from_f64::<Self::Real>(64.0), &eps::<Self::Real>());
                abs1(&sub(&x, &conj(&y))) <= mul(&slack, &size)
            }
        }
    )*};
}

dense! { f32: real; f64: real; Complex32: complex; Complex64: complex; }

fn factor_lu<T: ComplexField>(a: MatMut<'_, T>) -> Vec<usize> {
    let (rows, columns) = (a.nrows(), a.ncols());
    let (mut from, mut to) = (vec![0; rows], vec![0; rows]);
    let need = lu_in_place_scratch::<usize, T>(rows, columns, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    lu_in_place(a, &mut from, &mut to, Par::Seq, MemStack::new(&mut memory), Default::default());
    from
}

/// Makes the diagonal of a Hermitian matrix real, as which the kernels take it in one place and not in another.
fn make_diagonal_real<T: ComplexField>(mut a: MatMut<'_, T>) {
    (0..a.ncols()).for_each(|j| a[(j, j)] = from_real(&real(&a[(j, j)])));
}

fn factor_cholesky<T: ComplexField>(mut a: MatMut<'_, T>) -> Result<(), usize> {
    make_diagonal_real(a.rb_mut());
    let need = cholesky_in_place_scratch::<T>(a.nrows(), Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    let done = cholesky_in_place(a, Default::default(), Par::Seq, stack, Default::default());
    done.map(drop).map_err(|LltError::NonPositivePivot { index }| index)
}
