//! Systems of equations in one call, as Global Arrays has them.

use super::share::{load, share, view};
use super::{Cholesky, Field, Lu, Matrix, NotDefinite};
use crate::error::{Error, Result};

/// How [`solve`] solved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Solved {
    /// The matrix is positive definite.
    ByCholesky,
    /// It is not, and LU was used. `GA_Solve` returns the minor.
    ByLu(NotDefinite),
}

/// Replaces the columns of `b` by the solutions `x` of `a x = b`, where `a` is square and may be transposed;
/// it is left as it is. With [`Op::Transpose`](super::Op) for `b` its rows are the right-hand sides.
///
/// Collective; synchronises on both sides. `GA_Lu_solve`, whose matrices in C are the transposes of its
/// arrays.
///
/// # Errors
/// [`ErrorKind::Shape`](crate::ErrorKind::Shape) for extents that don't fit,
/// [`ErrorKind::Numeric`](crate::ErrorKind::Numeric) for a singular matrix,
/// [`ErrorKind::Team`](crate::ErrorKind::Team) for arrays of different teams,
/// [`ErrorKind::Memory`](crate::ErrorKind::Memory); the same on all ranks, with `b` as it was.
#[track_caller]
pub fn lu_solve<T: Field>(a: &Matrix<'_, T>, b: &Matrix<'_, T>) -> Result<()> {
    check("lu_solve", a, b)?;
    Lu::factor(a)?.solve(b)
}

/// [`lu_solve`] for a positive definite matrix, real symmetric or complex Hermitian, of which the lower
/// triangle is looked at. If it isn't, the inner error says so and `b` is as it was. `GA_Llt_solve`.
///
/// # Errors
/// As [`lu_solve`].
#[track_caller]
pub fn llt_solve<T: Field>(
    a: &Matrix<'_, T>,
    b: &Matrix<'_, T>,
) -> Result<std::result::Result<(), NotDefinite>> {
    check("llt_solve", a, b)?;
    match Cholesky::factor(a)? {
        Ok(factor) => factor.solve(b).map(Ok),
        Err(not) => Ok(Err(not)),
    }
}

/// [`llt_solve`] if the matrix is symmetric (Hermitian) and positive definite, and [`lu_solve`] if not.
/// `GA_Solve`.
///
/// # Errors
/// As [`lu_solve`].
#[track_caller]
pub fn solve<T: Field>(a: &Matrix<'_, T>, b: &Matrix<'_, T>) -> Result<Solved> {
    check("solve", a, b)?;
    let definite = match lopsided(a)? {
        None => llt_solve(a, b)?,
        Some(minor) => Err(NotDefinite { minor }),
    };
    match definite {
        Ok(()) => Ok(Solved::ByCholesky),
        Err(not) => lu_solve(a, b).map(|()| Solved::ByLu(not)),
    }
}

/// Replaces a positive definite matrix, real symmetric or complex Hermitian, of which the lower triangle is
/// looked at, by its inverse, both triangles of it. If it isn't, the inner error says so and the matrix is as
/// it was.
///
/// Collective; synchronises on both sides. `GA_Spd_invert`.
///
/// # Errors
/// As [`lu_solve`].
#[track_caller]
pub fn spd_invert<T: Field>(a: &Matrix<'_, T>) -> Result<std::result::Result<(), NotDefinite>> {
    match Cholesky::factor(a)? {
        Ok(factor) => factor.invert(a).map(Ok),
        Err(not) => Ok(Err(not)),
    }
}

/// Refuses what the factorization would be in vain for.
fn check<T: Field>(op: &'static str, a: &Matrix<'_, T>, b: &Matrix<'_, T>) -> Result<()> {
    a.array().check_team(op, b.array())?;
    let ([rows, columns], [height, width]) = (a.shape(), b.shape());
    if rows == columns && rows == height {
        return Ok(());
    }
    let message = format!("{rows} x {columns} with right-hand sides {height} x {width}");
    Err(Error::new(crate::ErrorKind::Shape, op, message))
}

/// The least order of a leading minor that is not symmetric (Hermitian) up to rounding.
fn lopsided<T: Field>(a: &Matrix<'_, T>) -> Result<Option<usize>> {
    /// Columns at once.
    const CHUNK: usize = 128;
    let team = a.array().team();
    a.array().sync()?;
    let mine = share(a.shape()[1], team.rank(), team.size());
    let (mut first, mut buffers) = ([u64::MAX], [Vec::new(), Vec::new()]);
    for start in mine.clone().step_by(CHUNK) {
        let (chunk, all) = (start..mine.end.min(start + CHUNK), 0..mine.end.min(start + CHUNK));
        let [upper, lower] = buffers;
        let (mut upper, upper_strides) = load(a, all.clone(), chunk.clone(), upper)?;
        let (mut lower, lower_strides) = load(a, chunk.clone(), all.clone(), lower)?;
        let x = view(&mut upper, [all.len(), chunk.len()], upper_strides);
        let y = view(&mut lower, [chunk.len(), all.len()], lower_strides);
        let mirrored = |j: usize| {
            let column = (0..=chunk.start + j).map(|i| (x[(i, j)], y[(j, i)]));
            let size = column
                .clone()
                .map(|(x, _)| x.size())
                .fold(T::Real::default(), |a, b| if b > a { b } else { a });
            column.clone().all(|(x, y)| T::mirrors(x, y, size))
        };
        let column = (0..chunk.len()).find(|&j| !mirrored(j));
        first[0] = first[0].min(column.map_or(u64::MAX, |j| (chunk.start + j + 1) as u64));
        buffers = [upper, lower];
    }
    team.allreduce(&mut first, rma::Op::Min).map_err(|e| Error::from_rma("solve", e))?;
    Ok((first[0] < u64::MAX).then_some(first[0] as usize))
}
