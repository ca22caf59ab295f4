//! Large matrices by all ranks together: LU and Cholesky over the column panels of `ga-core`.

use super::Task;
use super::matrix::{Field, Sizes};
use crate::error::{Error, Kind, Result};
use crate::session::{self, Purpose};
use crate::stage::{Room, Run};
use ga_core::linalg::{Cholesky, Lu, Matrix, Op};
use ga_core::{Distribution, ErrorKind, GlobalArray};
use ga_factor::determinant;

/// Orders up to which one rank is as fast.
const SMALL: usize = 256;

/// Whether all ranks work on each matrix.
pub(super) fn takes(task: Task, [_, order]: [usize; 2], count: usize) -> bool {
    let is_shared = matches!(task, Task::Solve | Task::Inverse | Task::Determinant | Task::Cholesky { .. });
    is_shared && order > SMALL && count < session::get().size
}

/// Each matrix of a short stack. Collective.
pub(super) fn run<T: Field>(
    task: Task,
    sizes: Sizes,
    count: usize,
    room: &Room<'_>,
    runs: &mut [Run<'_>],
) -> Result<()> {
    let order = sizes.columns;
    let layout = |width: usize| {
        let shape = [count * order, width];
        Ok::<_, Error>(Distribution::regular(&shape, &[1, 1], session::get().size)?)
    };
    let a: GlobalArray<T> = room.bring(0, &layout(order)?)?;
    let whole = |i: usize| i * order..(i + 1) * order;
    let singular = |error: ga_core::Error| match error.kind() {
        ErrorKind::Numeric => Error::new(Kind::LinAlg, task.complaint()),
        _ => error.into(),
    };
    match task {
        Task::Solve => {
            let x: GlobalArray<T> = room.bring(1, &layout(sizes.width)?)?;
            for i in 0..count {
                let lu = Lu::factor(&Matrix::new(&a, [whole(i), 0..order], Op::None)?).map_err(singular)?;
                lu.solve(&Matrix::new(&x, [whole(i), 0..sizes.width], Op::None)?)?;
            }
            runs[0].take_from(&x)
        }
        Task::Inverse => {
            for i in 0..count {
                let matrix = Matrix::new(&a, [whole(i), 0..order], Op::None)?;
                Lu::factor(&matrix).map_err(singular)?.invert(&matrix)?;
            }
            runs[0].take_from(&a)
        }
        Task::Cholesky { is_upper } => {
            let op = if is_upper { Op::ConjugateTranspose } else { Op::None };
            for i in 0..count {
                let matrix = Matrix::new(&a, [whole(i), 0..order], op)?;
                match Cholesky::factor(&matrix)? {
                    Ok(factor) => factor.lower(&matrix)?,
                    Err(_) => return Err(Error::new(Kind::LinAlg, task.complaint())),
                }
            }
            runs[0].take_from(&a)
        }
        _ => {
            // Of all matrices, on every rank: as many numbers as there are rows.
            let mut made = Vec::new();
            for i in 0..count {
                let matrix = Matrix::new(&a, [whole(i), 0..order], Op::None)?;
                let found = match Lu::factor(&matrix) {
                    Ok(lu) => {
                        let (diagonal, is_odd) = lu.diagonal()?;
                        determinant(diagonal.into_iter(), is_odd)
                    }
                    Err(error) if error.kind() == ErrorKind::Numeric => {
                        determinant([T::zero()].into_iter(), false)
                    }
                    Err(error) => return Err(error.into()),
                };
                made.push(found);
            }
            let [sign, log, value] = runs else { unreachable!("a determinant is three numbers") };
            let mine = sign.range();
            sign.elements::<T>().iter_mut().zip(&made[mine.clone()]).for_each(|(x, made)| *x = made.sign);
            log.elements::<T::Part>().iter_mut().zip(&made[mine.clone()]).for_each(|(x, made)| *x = made.log);
            value.elements::<T>().iter_mut().zip(&made[mine]).for_each(|(x, made)| *x = made.value);
            session::get().together(Purpose::Combine, || Ok(session::get().team().barrier()?)).map(drop)
        }
    }
}
