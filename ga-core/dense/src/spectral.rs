//! Eigenvalues and singular values, with their vectors: `faer`'s, on the calling thread.
//!
//! Invariant: a matrix with an element that is no finite number is refused before any iteration begins, so none can go on
//! for ever; scratch memory that can't be had is an error.

use crate::{NoEigenvalues, make_diagonal_real};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::{
    ComputeEigenvectors, evd_cplx, evd_real, evd_scratch, self_adjoint_evd, self_adjoint_evd_scratch,
};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::math_utils::{is_finite, neg};
use faer::traits::{ComplexField, RealField};
use faer::{MatMut, MatRef, Par};
use num_complex::Complex;

type Done = Result<(), NoEigenvalues>;

fn memory(need: StackReq) -> Result<MemBuffer, NoEigenvalues> {
    MemBuffer::try_new(need).map_err(|_| NoEigenvalues::Memory)
}

/// Refuses matrices that are not finite; of a Hermitian one the lower triangle counts.
fn finite<T: ComplexField>(a: MatRef<'_, T>, is_lower: bool) -> Done {
    let from = |j: usize| if is_lower { j } else { 0 };
    match (0..a.ncols()).all(|j| (from(j)..a.nrows()).all(|i| is_finite(&a[(i, j)]))) {
        true => Ok(()),
        false => Err(NoEigenvalues::Convergence),
    }
}

/// What is computed of eigenvectors.
fn wanted(vectors: bool) -> ComputeEigenvectors {
    if vectors { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No }
}

/// [`crate::Dense::eigen`]
pub(crate) fn hermitian<T: ComplexField>(
    mut a: MatMut<'_, T>,
    values: &mut [T::Real],
    vectors: Option<MatMut<'_, T>>,
) -> Done {
    make_diagonal_real(a.rb_mut());
    let (order, a) = (a.nrows(), a.rb());
    finite(a, true)?;
    let need = self_adjoint_evd_scratch::<T>(order, wanted(vectors.is_some()), Par::Seq, Default::default());
    let (mut memory, mut diagonal) = (memory(need)?, Diag::<T>::zeros(order));
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(a, diagonal.as_mut(), vectors, Par::Seq, stack, Default::default())
        .map_err(|_| NoEigenvalues::Convergence)?;
    values.iter_mut().zip(diagonal.column_vector().iter()).for_each(|(value, d)| *value = real_part(d));
    Ok(())
}

/// [`crate::Dense::eigen_any`] of a complex matrix.
pub(crate) fn complex<T: RealField + Copy>(
    a: MatRef<'_, Complex<T>>,
    values: &mut [Complex<T>],
    vectors: Option<MatMut<'_, Complex<T>>>,
) -> Done {
    finite(a, false)?;
    let (no, yes) = (ComputeEigenvectors::No, wanted(vectors.is_some()));
    let need = evd_scratch::<Complex<T>>(a.nrows(), no, yes, Par::Seq, Default::default());
    let (mut memory, mut diagonal) = (memory(need)?, Diag::<Complex<T>>::zeros(a.nrows()));
    let stack = MemStack::new(&mut memory);
    evd_cplx(a, diagonal.as_mut(), None, vectors, Par::Seq, stack, Default::default())
        .map_err(|_| NoEigenvalues::Convergence)?;
    values.iter_mut().zip(diagonal.column_vector().iter()).for_each(|(value, &d)| *value = d);
    Ok(())
}

/// [`crate::Dense::eigen_any`] of a real matrix: pairs of conjugates have a column for the real and one for the imaginary
/// parts of the first one's vector.
pub(crate) fn real_vectors<T: RealField + Copy>(
    packed: MatRef<'_, T>,
    values: &[Complex<T>],
    mut vectors: MatMut<'_, Complex<T>>,
) {
    let mut j = 0;
    while j < values.len() {
        let is_pair = values[j].im != T::zero_impl() && j + 1 < values.len();
        for i in 0..values.len() {
            let re = packed[(i, j)];
            if is_pair {
                let im = packed[(i, j + 1)];
                vectors[(i, j)] = Complex::new(re, im);
                vectors[(i, j + 1)] = Complex::new(re, neg(&im));
            } else {
                vectors[(i, j)] = Complex::new(re, T::zero_impl());
            }
        }
        j += if is_pair { 2 } else { 1 };
    }
}

/// [`crate::Dense::eigen_any`] of a real matrix.
pub(crate) fn real<T: RealField + Copy>(
    a: MatRef<'_, T>,
    values: &mut [Complex<T>],
    vectors: Option<MatMut<'_, Complex<T>>>,
) -> Done {
    let order = a.nrows();
    finite(a, false)?;
    let (no, yes) = (ComputeEigenvectors::No, wanted(vectors.is_some()));
    let need = evd_scratch::<T>(order, no, yes, Par::Seq, Default::default());
    let mut memory = memory(need)?;
    let (mut re, mut im) = (Diag::<T>::zeros(order), Diag::<T>::zeros(order));
    let mut packed = vectors.as_ref().map(|_| faer::Mat::<T>::zeros(order, order));
    let stack = MemStack::new(&mut memory);
    let to = packed.as_mut().map(|packed| packed.as_mut());
    evd_real(a, re.as_mut(), im.as_mut(), None, to, Par::Seq, stack, Default::default())
        .map_err(|_| NoEigenvalues::Convergence)?;
    let parts = re.column_vector().iter().zip(im.column_vector().iter());
    values.iter_mut().zip(parts).for_each(|(value, (&re, &im))| *value = Complex::new(re, im));
    if let (Some(packed), Some(vectors)) = (packed, vectors) {
        real_vectors(packed.as_ref(), values, vectors);
    }
    Ok(())
}

/// [`crate::Dense::singular`]
pub(crate) fn singular<T: ComplexField>(
    a: MatRef<'_, T>,
    values: &mut [T::Real],
    mut u: Option<MatMut<'_, T>>,
    mut v: Option<MatMut<'_, T>>,
) -> Done {
    finite(a, false)?;
    let size = a.nrows().min(a.ncols());
    let kind = |vectors: &Option<MatMut<'_, T>>| match vectors {
        None => ComputeSvdVectors::No,
        Some(vectors) if vectors.ncols() > size => ComputeSvdVectors::Full,
        Some(_) => ComputeSvdVectors::Thin,
    };
    let need = svd_scratch::<T>(a.nrows(), a.ncols(), kind(&u), kind(&v), Par::Seq, Default::default());
    let (mut memory, mut diagonal) = (memory(need)?, Diag::<T>::zeros(size));
    let stack = MemStack::new(&mut memory);
    let (u, v) = (u.as_mut().map(|u| u.rb_mut()), v.as_mut().map(|v| v.rb_mut()));
    svd(a, diagonal.as_mut(), u, v, Par::Seq, stack, Default::default())
        .map_err(|_| NoEigenvalues::Convergence)?;
    values.iter_mut().zip(diagonal.column_vector().iter()).for_each(|(value, d)| *value = real_part(d));
    Ok(())
}

fn real_part<T: ComplexField>(x: &T) -> T::Real {
    faer::traits::math_utils::real(x)
}
