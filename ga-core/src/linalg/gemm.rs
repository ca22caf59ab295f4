//! The product of two matrices, one-sided: who owns a part of the result computes it.
//!
//! The inner dimension is cut into segments. Operands that are mapped here are read in place; others are
//! fetched segment by segment, the next while the kernel works on this one. A result whose parts are many or
//! unequal is computed in equal shares instead, in scratch memory, and put.
//!
//! Invariant: between the two synchronisations each element of the result is computed by one rank, and
//! nobody writes to the operands.

use super::Field;
use super::operand::{Fetch, Matrix, Op, Tile};
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use ga_dense::{Accum, Conj, MatMut, MatRef};
use std::ops::Range;

/// Most bytes of scratch for one segment of both operands.
const SEGMENT_BYTES: usize = 32 << 20;
/// Inner extent of a fetched segment.
const SEGMENT: Range<usize> = 128..1024;

/// `c = alpha * a * b + beta * c`, each of the operands possibly transposed, for matrices of one team under
/// any distributions. With `beta` zero, what `c` held before does not matter. Matrices without elements are
/// fine.
///
/// Collective. `GA_Dgemm`, `GA_Sgemm`, `GA_Cgemm`, `GA_Zgemm`, `GA_Matmul_patch`, `NGA_Matmul_patch`.
///
/// # Errors
/// [`ErrorKind::Shape`] for extents that don't fit, a transposed result, or a result that overlaps an
/// operand; [`ErrorKind::Team`] for arrays of different teams.
#[track_caller]
pub fn gemm<T: Field>(
    alpha: T,
    a: &Matrix<'_, T>,
    b: &Matrix<'_, T>,
    beta: T,
    c: &Matrix<'_, T>,
) -> Result<()> {
    check(a, b, c)?;
    c.array().sync_for("gemm")?;
    let done = product(alpha, a, b, beta, c);
    c.array().sync_for("gemm")?;
    done
}

fn check<T: Field>(a: &Matrix<'_, T>, b: &Matrix<'_, T>, c: &Matrix<'_, T>) -> Result<()> {
    c.array().check_team("gemm", a.array())?;
    c.array().check_team("gemm", b.array())?;
    let [m, k] = a.shape();
    let [inner, n] = b.shape();
    if k != inner || c.shape() != [m, n] || c.op() != Op::None {
        return Err(Error::numbered(ErrorKind::Shape, "gemm", |by| {
            // Fortran's factors are ours, transposed and in reverse order.
            let [first, second] = by.pair([a.shape(), b.shape()]).map(|extents| by.pair(extents));
            let ([m, k], [inner, n], [rows, columns]) = (first, second, by.pair(c.shape()));
            format!("{m} x {k} times {inner} x {n} for a result of {rows} x {columns}")
        }));
    }
    let overlaps = |x: &Matrix<'_, T>| {
        std::ptr::eq(x.array(), c.array()) && !x.patch().intersection(c.patch()).is_empty()
    };
    if overlaps(a) || overlaps(b) {
        return Err(Error::numbered(ErrorKind::Shape, "gemm", |by| {
            let (patch, array) = (by.patch(c.patch().lo(), c.patch().hi()), by.array(c.array().raw()));
            format!("the result ({patch}) overlaps an operand of {array}")
        }));
    }
    Ok(())
}

/// My share of the product.
fn product<T: Field>(
    alpha: T,
    a: &Matrix<'_, T>,
    b: &Matrix<'_, T>,
    beta: T,
    c: &Matrix<'_, T>,
) -> Result<()> {
    let [m, n] = c.shape();
    if m == 0 || n == 0 {
        return Ok(());
    }
    if is_even(c) {
        for tile in c.own() {
            accumulate(alpha, a, b, beta, &tile)?;
        }
        return Ok(());
    }
    let team = c.array().team();
    let share = Distribution::regular(&[m, n], &[], team.size())?.block(team.rank());
    if share.is_empty() {
        return Ok(());
    }
    let (rows, columns) = (share.lo()[0]..share.hi()[0], share.lo()[1]..share.hi()[1]);
    let region = c.region(&rows, &columns);
    let mut scratch = vec![T::ZERO; region.len()];
    if beta != T::ZERO {
        c.array().get(&region, &mut scratch)?;
    }
    let strides = [columns.len() as isize, 1];
    let tile = Tile { rows, columns, first: scratch.as_mut_ptr(), strides };
    accumulate(alpha, a, b, beta, &tile)?;
    c.array().put(&region, &scratch)
}

/// The owners' parts of the result are one each, and nobody's is much larger than the others'.
fn is_even<T: Field>(c: &Matrix<'_, T>) -> bool {
    let distribution = c.array().distribution();
    let largest = (0..distribution.ranks())
        .map(|rank| distribution.block(rank).intersection(c.patch()).len())
        .max()
        .unwrap_or(0);
    distribution.is_one_block() && largest * distribution.ranks() * 4 <= c.patch().len() * 5
}

/// Multiplies a part of the result by `beta`.
fn scale<T: Field>(tile: &Tile<*mut T>, beta: T) {
    if beta == T::ONE {
        return;
    }
    for i in 0..tile.rows.len() as isize {
        for j in 0..tile.columns.len() as isize {
            // SAFETY: within the tile, which is this rank's between two synchronisations.
            unsafe {
                let place = tile.first.offset(i * tile.strides[0] + j * tile.strides[1]);
                *place = if beta == T::ZERO { T::ZERO } else { (*place).times(beta) };
            }
        }
    }
}

/// An operand's part of one segment.
enum Panel<T: Field> {
    InPlace(Vec<Tile<*const T>>),
    Fetched(Fetch<T>),
}

/// Adds the product to `beta` times a part of the result.
fn accumulate<T: Field>(
    alpha: T,
    a: &Matrix<'_, T>,
    b: &Matrix<'_, T>,
    beta: T,
    c: &Tile<*mut T>,
) -> Result<()> {
    let inner = a.shape()[1];
    // What is first for an element replaces it: that saves a pass.
    let replaces = beta == T::ZERO && inner > 0;
    if !replaces {
        scale(c, beta);
    }
    let segments = segments(a, b, c, inner);
    let mut spare: Vec<Vec<T>> = Vec::new();
    let start = |segment: &Range<usize>, spare: &mut Vec<Vec<T>>| -> Result<[Panel<T>; 2]> {
        let mut panel = |x: &Matrix<'_, T>, rows: &Range<usize>, columns: &Range<usize>| {
            Ok::<_, Error>(match x.in_place(rows, columns) {
                Some(tiles) => Panel::InPlace(tiles),
                None => {
                    let buffer = spare.pop().unwrap_or_default();
                    Panel::Fetched(x.fetch(rows.clone(), columns.clone(), buffer)?)
                }
            })
        };
        Ok([panel(a, &c.rows, segment)?, panel(b, segment, &c.columns)?])
    };
    let mut next = segments.first().map(|first| start(first, &mut spare)).transpose()?;
    let mut ahead = segments.iter().skip(1);
    while let Some(panels) = next.take() {
        let mut buffers = Vec::new();
        let mut arrived = |panel: Panel<T>| -> Result<Vec<Tile<*const T>>> {
            match panel {
                Panel::InPlace(tiles) => Ok(tiles),
                Panel::Fetched(fetch) => {
                    let (buffer, tile) = fetch.wait()?;
                    buffers.push(buffer);
                    Ok(vec![tile])
                }
            }
        };
        let [left, right] = panels;
        let (left, right) = (arrived(left)?, arrived(right)?);
        next = ahead.next().map(|segment| start(segment, &mut spare)).transpose()?;
        for x in &left {
            for y in &right {
                multiply(alpha, (x, a.conj()), (y, b.conj()), replaces, c);
            }
        }
        spare.append(&mut buffers);
    }
    Ok(())
}

/// The inner dimension, cut where an operand changes owners, and where something has to be fetched.
fn segments<T: Field>(
    a: &Matrix<'_, T>,
    b: &Matrix<'_, T>,
    c: &Tile<*mut T>,
    inner: usize,
) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = [0, inner].into_iter().chain(a.cuts(1)).chain(b.cuts(0)).collect();
    cuts.sort();
    cuts.dedup();
    let row_bytes = (c.rows.len() + c.columns.len()) * size_of::<T>();
    let step = (SEGMENT_BYTES / row_bytes).clamp(SEGMENT.start, SEGMENT.end);
    let mut segments = Vec::new();
    for pair in cuts.windows(2) {
        let whole = pair[0]..pair[1];
        let is_here = a.in_place(&c.rows, &whole).is_some() && b.in_place(&whole, &c.columns).is_some();
        let step = if is_here { whole.len() } else { step };
        segments.extend(whole.clone().step_by(step).map(|k| k..(k + step).min(whole.end)));
    }
    segments
}

/// Adds the product of what two tiles have in common to a part of the result; where `replaces`, the tiles with
/// the beginning of the inner dimension, which come first, set it.
fn multiply<T: Field>(
    alpha: T,
    (x, conj_x): (&Tile<*const T>, Conj),
    (y, conj_y): (&Tile<*const T>, Conj),
    replaces: bool,
    c: &Tile<*mut T>,
) {
    let inner = x.columns.start.max(y.rows.start)..x.columns.end.min(y.rows.end);
    if inner.is_empty() {
        return;
    }
    // SAFETY: rows and columns are those of the tiles, whose memory is good for them; the result's tile is
    // this rank's and overlaps no operand, and nobody writes to the operands between two synchronisations.
    unsafe {
        let left = part(x, &x.rows, &inner);
        let right = part(y, &inner, &y.columns);
        let first = c.first.offset(place(c, x.rows.start, y.columns.start));
        let (rows, columns) = (x.rows.len(), y.columns.len());
        let result = MatMut::from_raw_parts_mut(first, rows, columns, c.strides[0], c.strides[1]);
        let how = if replaces && inner.start == 0 { Accum::Replace } else { Accum::Add };
        T::product(result, how, alpha, (left, conj_x), (right, conj_y));
    }
}

/// Offset of an element of a tile from its first.
fn place<P>(tile: &Tile<P>, row: usize, column: usize) -> isize {
    let [down, right] = tile.strides;
    (row - tile.rows.start) as isize * down + (column - tile.columns.start) as isize * right
}

/// Some rows and columns of a tile.
///
/// # Safety
/// They are the tile's, whose memory is good for all of it and not written to while the answer lives.
unsafe fn part<'a, T: Field>(
    tile: &Tile<*const T>,
    rows: &Range<usize>,
    columns: &Range<usize>,
) -> MatRef<'a, T> {
    // SAFETY: the caller's promise.
    unsafe {
        let first = tile.first.offset(place(tile, rows.start, columns.start));
        MatRef::from_raw_parts(first, rows.len(), columns.len(), tile.strides[0], tile.strides[1])
    }
}
