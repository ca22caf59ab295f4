//! Eigenvalues and eigenvectors of symmetric and Hermitian matrices.
//!
//! The decomposition itself is local work of one rank; what surrounds it in the generalised problem (the
//! factorization, three triangular systems with as many right-hand sides as rows) is divided among all.

use super::share::{load, store, view};
use super::{Cholesky, Field, Matrix, Op};
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{MatMut, NoEigenvalues, Reborrow};

/// Whose work the decomposition is.
const ROOT: usize = 0;

/// How the decomposition ended, in numbers that can be agreed on.
#[repr(u64)]
enum Outcome {
    Done,
    NoMemory,
    NoConvergence,
}

/// The eigenvalues of a real symmetric or complex Hermitian matrix, ascending, on every rank; and in the
/// columns of `v` the eigenvectors, orthonormal, in the same order (with [`Op::Transpose`] for `v`: in its
/// rows). Only the lower triangle of `a` is looked at. `v` may be `a`.
///
/// Collective; synchronises on both sides. One rank does the work and needs memory for four such matrices.
/// `GA_Diag_std`, `GA_Diag_std_seq`; their eigenvectors in C are rows.
///
/// # Errors
/// [`ErrorKind::Shape`] unless both are square and of one order, [`ErrorKind::Team`] for arrays of different
/// teams, [`ErrorKind::Memory`] when that rank lacks it, [`ErrorKind::Numeric`] for a matrix with an element
/// that is no finite number; the same on all ranks, with `v` as it was.
#[track_caller]
pub fn diag_std<T: Field>(a: &Matrix<'_, T>, v: &Matrix<'_, T>) -> Result<Vec<T::Real>> {
    let op = "diag_std";
    check(op, a, v)?;
    let order = a.shape()[0];
    let team = a.array().team();
    a.array().sync_for("diag_std")?;
    let mut values = vec![T::Real::default(); order];
    let mut outcome = [Outcome::Done as u64];
    if order > 0 && team.rank() == ROOT {
        outcome[0] = decompose(a, v, &mut values)? as u64;
    }
    team.broadcast(&mut outcome, ROOT).map_err(|e| Error::from_rma(op, e))?;
    team.broadcast(&mut values, ROOT).map_err(|e| Error::from_rma(op, e))?;
    v.array().sync_for("diag_std")?;
    let (kind, message) = match outcome[0] {
        0 => return Ok(values),
        1 => (ErrorKind::Memory, format!("rank {ROOT} lacks memory for 4 matrices of order {order}")),
        _ => (
            ErrorKind::Numeric,
            format!("a matrix of order {order} that is not finite, or does not converge"),
        ),
    };
    Err(Error::new(kind, op, message))
}

/// The eigenvalues `d` of `a x = d s x`, ascending, on every rank, for a symmetric (Hermitian) `a` and a
/// positive definite `s`; and in the columns of `v` the eigenvectors, in the same order, with `v^H s v` the
/// identity. Only the lower triangle of `s` is looked at, but all of `a`. `v` may be `a` or `s`.
///
/// Collective; synchronises on both sides. `GA_Diag`, `GA_Diag_seq`; their eigenvectors in C are rows.
///
/// # Errors
/// As [`diag_std`], and [`ErrorKind::Numeric`] if `s` is not positive definite; but for a matrix that is not
/// finite, `v` is unspecified.
#[track_caller]
pub fn diag<T: Field>(a: &Matrix<'_, T>, s: &Matrix<'_, T>, v: &Matrix<'_, T>) -> Result<Vec<T::Real>> {
    check("diag", a, s)?;
    check("diag", a, v)?;
    match Cholesky::factor(s)? {
        Ok(factor) => factor.diag(a, v),
        Err(not) => {
            let message = format!("the metric is not positive definite: leading minor {}", not.minor);
            Err(Error::new(ErrorKind::Numeric, "diag", message))
        }
    }
}

impl<T: Field> Cholesky<T> {
    /// [`diag`] with the matrix `s` that was factorized: several problems with one `s` factorize it once.
    ///
    /// Collective; synchronises on both sides. `GA_Diag_reuse`.
    ///
    /// # Errors
    /// As [`diag`].
    #[track_caller]
    pub fn diag(&self, a: &Matrix<'_, T>, v: &Matrix<'_, T>) -> Result<Vec<T::Real>> {
        check("diag", a, v)?;
        let half = GlobalArray::builder(a.array().team(), &a.shape()).create()?;
        // L^-1 a L^-H is L^-1 times the conjugate transpose of L^-1 a.
        self.forward_all(a, &Matrix::whole(&half, Op::None)?)?;
        self.forward_all(&Matrix::whole(&half, Op::ConjugateTranspose)?, v)?;
        let values = diag_std(v, v)?;
        self.backward_all(v)?;
        Ok(values)
    }
}

/// The work of one rank.
fn decompose<T: Field>(a: &Matrix<'_, T>, v: &Matrix<'_, T>, values: &mut [T::Real]) -> Result<Outcome> {
    let order = values.len();
    let all = 0..order;
    let (mut matrix, mut vectors) = (Vec::new(), Vec::new());
    let volume = order * order;
    if matrix.try_reserve_exact(volume).and_then(|()| vectors.try_reserve_exact(volume)).is_err() {
        return Ok(Outcome::NoMemory);
    }
    let strides;
    (matrix, strides) = load(a, all.clone(), all.clone(), matrix)?;
    vectors.resize(volume, T::ZERO);
    let columns = MatMut::from_column_major_slice_mut(&mut vectors, order, order);
    match T::eigen(view(&mut matrix, [order, order], strides).rb(), values, Some(columns)) {
        Err(NoEigenvalues::Memory) => return Ok(Outcome::NoMemory),
        Err(NoEigenvalues::Convergence) => return Ok(Outcome::NoConvergence),
        Ok(()) => {}
    }
    drop(matrix);
    store(v, all.clone(), all, &mut vectors, [1, order as isize])?;
    Ok(Outcome::Done)
}

fn check<T: Field>(op: &'static str, a: &Matrix<'_, T>, b: &Matrix<'_, T>) -> Result<()> {
    a.array().check_team(op, b.array())?;
    let ([rows, columns], other) = (a.shape(), b.shape());
    if rows == columns && other == [rows, rows] {
        return Ok(());
    }
    let message = format!("matrices of {rows} x {columns} and {} x {}", other[0], other[1]);
    Err(Error::new(ErrorKind::Shape, op, message))
}
