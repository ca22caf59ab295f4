//! Column by column work on a matrix: each rank takes an equal share of the columns, wherever they live.
//!
//! Invariant: a column is read and written by one rank, in between in that rank's scratch memory.

use super::panels::{Panels, conjugate};
use super::{Field, Matrix, Op};
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{MatMut, MatRef, Reborrow};
use std::ops::Range;

/// Columns that are worked on together: enough for the kernel's rate.
const CHUNK: usize = 256;

/// A rank's part of `0..n`.
pub(super) fn share(n: usize, rank: usize, ranks: usize) -> Range<usize> {
    let edge = |rank: usize| (n as u128 * rank as u128 / ranks as u128) as usize;
    edge(rank)..edge(rank + 1)
}

/// Reads my columns of `from`, a few at a time, lets `work` change them (the second argument says which they
/// are), and writes them to `to`, a matrix of the same extents. Both have as many rows as the factors.
///
/// Collective; synchronises on both sides.
#[track_caller]
pub(super) fn for_my_columns<T: Field>(
    op: &'static str,
    factors: &Panels<T>,
    from: &Matrix<'_, T>,
    to: &Matrix<'_, T>,
    mut work: impl FnMut(MatMut<'_, T>, Range<usize>) -> Result<()>,
) -> Result<()> {
    let [rows, columns] = from.shape();
    check(op, factors, from)?;
    check(op, factors, to)?;
    if to.shape() != [rows, columns] {
        let [height, width] = to.shape();
        let message = format!("{rows} x {columns} into {height} x {width}");
        return Err(Error::new(ErrorKind::Shape, op, message));
    }
    let team = factors.team();
    let mine = share(columns, team.rank(), team.size());
    let mut pass = || {
        let mut buffer = Vec::new();
        for start in mine.clone().step_by(CHUNK) {
            let chunk = start..mine.end.min(start + CHUNK);
            let strides;
            (buffer, strides) = load(from, 0..rows, chunk.clone(), buffer)?;
            work(view(&mut buffer, [rows, chunk.len()], strides), chunk.clone())?;
            store(to, 0..rows, chunk, &mut buffer, strides)?;
        }
        Ok(())
    };
    from.array().sync_for(op)?;
    let done = if rows == 0 { Ok(()) } else { pass() };
    to.array().sync_for(op)?;
    done
}

/// Writes panels to a matrix of the same extents, each rank its own.
///
/// Collective; synchronises on both sides.
#[track_caller]
pub(super) fn unload<T: Field>(op: &'static str, panels: &Panels<T>, to: &Matrix<'_, T>) -> Result<()> {
    /// Elements at once.
    const LEN: usize = 1 << 16;
    let extents @ [rows, columns] = [panels.rows(), panels.order()];
    if to.shape() != extents {
        let [height, width] = to.shape();
        let message = format!("{rows} x {columns} into {height} x {width}");
        return Err(Error::new(ErrorKind::Shape, op, message));
    }
    let height = (LEN / panels.width()).max(16);
    let pass = || {
        for k in (0..panels.count()).filter(|&k| panels.is_mine(k)) {
            // SAFETY: the panel is mine, and nobody accesses panels while they are unloaded.
            let panel = unsafe { panels.own(panels.mine_before(k)..panels.mine_before(k + 1)) };
            for start in (0..rows).step_by(height) {
                let chunk = start..rows.min(start + height);
                let mut part = dense(panel.rb().subrows(start, chunk.len()));
                store(to, chunk.clone(), panels.range(k), &mut part, [1, chunk.len() as isize])?;
            }
        }
        Ok(())
    };
    to.array().sync_for(op)?;
    let done = pass();
    to.array().sync_for(op)?;
    done
}

/// A matrix, column by column.
fn dense<T: Field>(a: MatRef<'_, T>) -> Vec<T> {
    let at = |j: usize| (0..a.nrows()).map(move |i| a[(i, j)]);
    (0..a.ncols()).flat_map(at).collect()
}

fn check<T: Field>(op: &'static str, factors: &Panels<T>, b: &Matrix<'_, T>) -> Result<()> {
    let ([rows, columns], order) = (b.shape(), factors.order());
    if !b.array().team().is_same(factors.team()) {
        return Err(Error::numbered(ErrorKind::Team, op, |by| {
            format!("an array of another team than the factors': {}", by.array(b.array().raw()))
        }));
    }
    if rows != order {
        let message = format!("{rows} x {columns} beside a matrix of order {order}");
        return Err(Error::new(ErrorKind::Shape, op, message));
    }
    Ok(())
}

/// Rows and columns of a matrix in a buffer, with its strides.
pub(super) fn load<T: Field>(
    from: &Matrix<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
    buffer: Vec<T>,
) -> Result<(Vec<T>, [isize; 2])> {
    let shape = [rows.len(), columns.len()];
    let (mut buffer, tile) = from.fetch(rows, columns, buffer)?.wait()?;
    let strides = tile.strides;
    if from.op() == Op::ConjugateTranspose {
        conjugate(view(&mut buffer, shape, strides));
    }
    Ok((buffer, strides))
}

/// Writes rows and columns of a matrix from a buffer, which is then of no more use.
pub(super) fn store<T: Field>(
    to: &Matrix<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
    buffer: &mut [T],
    strides: [isize; 2],
) -> Result<()> {
    let shape = [rows.len(), columns.len()];
    let region = to.region(&rows, &columns);
    let order = to.dense_strides(&region);
    let mut turned;
    let buffer = if order == strides {
        buffer
    } else {
        turned = vec![T::ZERO; region.len()];
        view(&mut turned, shape, order).copy_from(view(buffer, shape, strides));
        &mut turned
    };
    if to.op() == Op::ConjugateTranspose {
        conjugate(view(buffer, shape, order));
    }
    to.array().put(&region, buffer)
}

/// A buffer as a matrix.
///
/// # Panics
/// Unless it has exactly the elements of a dense matrix with such strides.
pub(super) fn view<T: Field>(
    buffer: &mut [T],
    [rows, columns]: [usize; 2],
    strides: [isize; 2],
) -> MatMut<'_, T> {
    assert_eq!(buffer.len(), rows * columns);
    if strides[0] == 1 && strides[1] as usize >= rows {
        MatMut::from_column_major_slice_mut(buffer, rows, columns)
    } else {
        MatMut::from_row_major_slice_mut(buffer, rows, columns)
    }
}
