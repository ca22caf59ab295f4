//! Large matrices by all ranks together: factorizations over the column panels of `ga-core`.

use super::Task;
use super::matrix::{Field, Sizes};
use crate::error::{Error, Kind, Result};
use crate::exec::pool;
use crate::memory::afford;
use crate::session::{self, Purpose};
use crate::stage::{Room, Run};
use bytemuck::Pod;
use ga_core::linalg::{Cholesky, Lu, Matrix, Op, Qr, Triangle, diag_std, diag_values, solve_triangular};
use ga_core::{Distribution, ErrorKind, GlobalArray};
use ga_dense::Crew;
use ga_factor::determinant;

/// Orders up to which one rank is as fast.
const SMALL: usize = 256;
/// Columns that are worked on together, at most.
const CHUNK: usize = 256;

/// Whether all ranks work on each matrix.
pub(super) fn takes(task: Task, [rows, columns]: [usize; 2], count: usize) -> bool {
    let is_shared = match task {
        Task::Svd { .. } | Task::Eigen { .. } => false,
        // (Nobody asks for the conjugate alone.)
        Task::Triangular { is_transposed, is_conjugated, .. } => is_transposed || !is_conjugated,
        _ => true,
    };
    is_shared && rows.min(columns) > 0 && rows.max(columns) > SMALL && count < session::get().size
}

/// How a stack of matrices of so many rows lies: one upon the other.
fn layout(count: usize, [rows, columns]: [usize; 2]) -> Result<Distribution> {
    Ok(Distribution::regular(&[count * rows, columns], &[1, 1], session::get().size)?)
}

/// The threads of this rank.
fn crew() -> Crew<'static> {
    match session::get().threads {
        1 => Crew::alone(),
        threads => {
            Crew::new(threads, &|pieces, work| pool::split(pieces, session::get().threads, &|p| work(p)))
        }
    }
}

/// Matrix `i` of a stack.
fn nth<T: Field>(stack: &GlobalArray<T>, i: usize, rows: usize, op: Op) -> Result<Matrix<'_, T>> {
    Ok(Matrix::new(stack, [i * rows..(i + 1) * rows, 0..stack.shape()[1]], op)?.by(crew()))
}

/// This rank's run of what every rank has.
fn keep<T: Pod>(run: &mut Run<'_>, all: &[T]) {
    let mine = run.range();
    run.elements::<T>().copy_from_slice(&all[mine]);
}

/// How many elements' memory a rank needs for itself at most, beside its parts of matrices.
fn scratch(task: Task, sizes: Sizes) -> usize {
    let most = sizes.rows.max(sizes.columns);
    match task {
        // The vectors of both halves of the tridiagonal form, and its own part of all.
        Task::Hermitian { vectors: true, .. } => {
            2 * most * most + 4 * most * most.div_ceil(session::get().size)
        }
        // Some columns or a panel at a time.
        _ => 4 * CHUNK * most,
    }
}

/// Each matrix of a short stack. Collective.
pub(super) fn run<T: Field>(
    task: Task,
    sizes: Sizes,
    count: usize,
    room: &Room<'_>,
    runs: &mut [Run<'_>],
) -> Result<()> {
    let (rows, order, width) = (sizes.rows, sizes.columns, sizes.width);
    afford(scratch(task, sizes) * size_of::<T>())?;
    together()?;
    let a: GlobalArray<T> = room.bring(0, &layout(count, [rows, order])?)?;
    let refused = |error: ga_core::Error| match error.kind() {
        ErrorKind::Numeric => Error::new(Kind::LinAlg, task.complaint()),
        _ => error.into(),
    };
    match task {
        Task::Solve => {
            let x: GlobalArray<T> = room.bring(1, &layout(count, [order, width])?)?;
            for i in 0..count {
                let lu = Lu::factor(&nth(&a, i, order, Op::None)?).map_err(refused)?;
                lu.solve(&nth(&x, i, order, Op::None)?)?;
            }
            return runs[0].take_from(&x);
        }
        Task::Triangular { is_lower, is_unit, is_transposed, is_conjugated } => {
            let x: GlobalArray<T> = room.bring(1, &layout(count, [order, width])?)?;
            let op = match (is_transposed, is_conjugated) {
                (false, _) => Op::None,
                (true, false) => Op::Transpose,
                (true, true) => Op::ConjugateTranspose,
            };
            let kind = Triangle { is_lower: is_lower != is_transposed, is_unit };
            for i in 0..count {
                let solved = solve_triangular(&nth(&a, i, order, op)?, kind, &nth(&x, i, order, Op::None)?);
                solved.map_err(refused)?;
            }
            return runs[0].take_from(&x);
        }
        Task::Inverse => {
            for i in 0..count {
                let matrix = nth(&a, i, order, Op::None)?;
                Lu::factor(&matrix).map_err(refused)?.invert(&matrix)?;
            }
            return runs[0].take_from(&a);
        }
        Task::Cholesky { is_upper } => {
            let op = if is_upper { Op::ConjugateTranspose } else { Op::None };
            for i in 0..count {
                let matrix = nth(&a, i, order, op)?;
                match Cholesky::factor(&matrix)? {
                    Ok(factor) => factor.lower(&matrix)?,
                    Err(_) => return Err(Error::new(Kind::LinAlg, task.complaint())),
                }
            }
            return runs[0].take_from(&a);
        }
        Task::Lu => {
            let mut places = Vec::new();
            for i in 0..count {
                let matrix = nth(&a, i, rows, Op::None)?;
                let lu = Lu::factor_any(&matrix)?;
                lu.packed(&matrix)?;
                places.extend(lu.row_order()?.into_iter().map(|row| row as i64));
            }
            keep(&mut runs[1], &places);
            return runs[0].take_from(&a);
        }
        Task::Qr { columns } => {
            let q: Option<GlobalArray<T>> =
                (columns > 0).then(|| room.spread(&layout(count, [rows, columns])?)).transpose()?;
            let mut factors = Vec::new();
            for i in 0..count {
                let matrix = nth(&a, i, rows, Op::None)?;
                let qr = Qr::factor(&matrix)?;
                qr.packed(&matrix)?;
                factors.extend(qr.factors()?);
                if let Some(q) = &q {
                    qr.q(&nth(q, i, rows, Op::None)?)?;
                }
            }
            keep(&mut runs[1], &factors);
            if let Some(q) = &q {
                runs[2].take_from(q)?;
            }
            return runs[0].take_from(&a);
        }
        Task::Hermitian { is_upper, vectors } => {
            let op = if is_upper { Op::ConjugateTranspose } else { Op::None };
            let mut values: Vec<T::Part> = Vec::new();
            for i in 0..count {
                let matrix = nth(&a, i, order, op)?;
                let found = match vectors {
                    true => diag_std(&matrix, &nth(&a, i, order, Op::None)?),
                    false => diag_values(&matrix),
                };
                values.extend(found.map_err(refused)?);
            }
            keep(&mut runs[0], &values);
            return match vectors {
                true => runs[1].take_from(&a),
                false => together(),
            };
        }
        Task::Determinant => {}
        Task::Svd { .. } | Task::Eigen { .. } => unreachable!("`takes` says so"),
    }
    // Determinants of all matrices, on every rank: as many numbers as there are rows.
    let mut made = Vec::new();
    for i in 0..count {
        let found = match Lu::factor(&nth(&a, i, order, Op::None)?) {
            Ok(lu) => {
                let (diagonal, is_odd) = lu.diagonal()?;
                determinant(diagonal.into_iter(), is_odd)
            }
            Err(error) if error.kind() == ErrorKind::Numeric => determinant([T::zero()].into_iter(), false),
            Err(error) => return Err(error.into()),
        };
        made.push(found);
    }
    let [sign, log, value] = runs else { unreachable!("a determinant is three numbers") };
    keep(sign, &made.iter().map(|made| made.sign).collect::<Vec<T>>());
    keep(log, &made.iter().map(|made| made.log).collect::<Vec<T::Part>>());
    keep(value, &made.iter().map(|made| made.value).collect::<Vec<T>>());
    together()
}

/// Nobody goes on before all are here.
fn together() -> Result<()> {
    session::get().together(Purpose::Combine, || Ok(session::get().team().barrier()?)).map(drop)
}
