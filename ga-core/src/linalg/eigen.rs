//! Eigenvalues and eigenvectors of symmetric and Hermitian matrices.
//!
//! All ranks bring a large matrix to tridiagonal form, each has its part of the columns of vectors to compute, first of that form,
//! then of the matrix. The values, and the vectors of the halves of the tridiagonal matrix, every rank computes for itself. Small
//! matrices are one rank's.

use super::panels::{Panels, SMALL};
use super::share::{load, share, store, view};
use super::spread::Spread;
use super::{Cholesky, Field, Matrix, Op};
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{MatMut, MatRef, NoEigenvalues};
use ga_factor::{
    from_tridiagonal, largest, scale, tridiagonal, tridiagonal_values, tridiagonal_vectors, widen,
};

/// Columns of a panel of a large matrix, and how many of them have their reflections made together.
const WIDTH: usize = 64;
const TOGETHER: usize = 32;

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
/// Collective; synchronises on both sides. Orders up to 256 are one rank's work. Of larger ones each rank needs memory for two
/// matrices of the order, beside its parts of two more.
/// `GA_Diag_std`, `GA_Diag_std_seq`; their eigenvectors in C are rows.
///
/// # Errors
/// [`ErrorKind::Shape`] unless both are square and of one order, [`ErrorKind::Team`] for arrays of different
/// teams, [`ErrorKind::Memory`] when a rank lacks it, [`ErrorKind::Numeric`] for a matrix with an element
/// that is no finite number; the same on all ranks, with `v` as it was.
#[track_caller]
pub fn diag_std<T: Field>(a: &Matrix<'_, T>, v: &Matrix<'_, T>) -> Result<Vec<T::Real>> {
    let op = "diag_std";
    check(op, a, v)?;
    let order = a.shape()[0];
    let team = a.array().team();
    if order > SMALL && team.size() > 1 {
        return shared(op, a, Some(v));
    }
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

/// The eigenvalues alone, as [`diag_std`] has them.
///
/// Collective; synchronises on both sides.
///
/// # Errors
/// As [`diag_std`].
#[track_caller]
pub fn diag_values<T: Field>(a: &Matrix<'_, T>) -> Result<Vec<T::Real>> {
    check("diag_values", a, a)?;
    shared("diag_values", a, None)
}

/// The work of all ranks, or, of what is one panel, of all and one at a time.
fn shared<T: Field>(op: &'static str, a: &Matrix<'_, T>, v: Option<&Matrix<'_, T>>) -> Result<Vec<T::Real>> {
    let order = a.shape()[0];
    let fails =
        |why: &str| Error::new(ErrorKind::Numeric, op, format!("a matrix of order {order} that {why}"));
    let panels = Panels::load_any(op, a, WIDTH)?;
    let team = panels.team();
    let scale = prepare(op, &panels)?.ok_or_else(|| fails("is not finite"))?;
    let mut spread = Spread::new(op, &panels);
    let mut made = tridiagonal(&mut spread, TOGETHER, a.crew())?;
    // Ranks whose processors round differently go on from the same numbers.
    for all in [&mut made.diagonal, &mut made.beside] {
        team.broadcast(all, ROOT).map_err(|e| Error::from_rma(op, e))?;
    }
    let mut is_done = [1u64];
    let mine = share(order, team.rank(), team.size());
    if let Some(v) = v {
        let mut vectors = vec![T::ZERO; order * mine.len()];
        let mut real = vec![<T::Real as crate::Number>::ZERO; order * mine.len()];
        let to = MatMut::from_column_major_slice_mut(&mut real, order, mine.len());
        is_done[0] =
            tridiagonal_vectors(a.crew(), &mut made.diagonal, &mut made.beside, mine.clone(), to).into();
        let to = MatMut::from_column_major_slice_mut(&mut vectors, order, mine.len());
        widen(MatRef::from_column_major_slice(&real, order, mine.len()), to);
        drop(real);
        let to = MatMut::from_column_major_slice_mut(&mut vectors, order, mine.len());
        from_tridiagonal(&mut spread, &made.tau, a.crew(), to)?;
        team.allreduce(&mut is_done, rma::Op::Min).map_err(|e| Error::from_rma(op, e))?;
        if is_done[0] == 1 {
            store(v, 0..order, mine, &mut vectors, [1, order as isize])?;
        }
        v.array().sync_for(op)?;
    } else {
        is_done[0] = tridiagonal_values(&mut made.diagonal, &mut made.beside).into();
        team.allreduce(&mut is_done, rma::Op::Min).map_err(|e| Error::from_rma(op, e))?;
    }
    made.diagonal.iter_mut().for_each(|value| *value /= scale);
    if is_done[0] == 1 { Ok(made.diagonal) } else { Err(fails("does not converge")) }
}

/// Scales a matrix, so that no square of its elements is lost, by the factor returned. None if it is not finite.
fn prepare<T: Field>(op: &'static str, panels: &Panels<T>) -> Result<Option<T::Real>> {
    let own = |k: usize| {
        // SAFETY: my panel, which nobody else accesses before the next synchronisation.
        let own = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
        let rows = panels.range(k).start..panels.order();
        own.subrows_mut(rows.start, rows.len())
    };
    let (zero, one) = (<T::Real as crate::Number>::ZERO, <T::Real as crate::Number>::ONE);
    let mut found = [zero, zero];
    for k in (0..panels.count()).filter(|&k| panels.is_mine(k)) {
        let own = own(k);
        for j in 0..own.ncols() {
            for i in j..own.nrows() {
                let (size, is_finite) = largest(own[(i, j)]);
                if !is_finite {
                    found[1] = one;
                } else if size > found[0] {
                    found[0] = size;
                }
            }
        }
    }
    panels.team().allreduce(&mut found, rma::Op::Max).map_err(|e| Error::from_rma(op, e))?;
    if found[1] != zero {
        return Ok(None);
    }
    let scale = scale(found[0]);
    if scale != one {
        for k in (0..panels.count()).filter(|&k| panels.is_mine(k)) {
            let mut own = own(k);
            (0..own.ncols()).for_each(|j| (j..own.nrows()).for_each(|i| own[(i, j)] *= T::of(scale)));
        }
    }
    Ok(Some(scale))
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
    match T::eigen(view(&mut matrix, [order, order], strides), values, Some(columns)) {
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
