//! Transposing loops.
//!
//! Invariant: memory of the array is touched through raw pointers only; each line of source and destination is
//! read once and written once, past the caches where it is large.

use super::cell::{Cell, LINE, STREAM_BYTES, Tile, fence, store};
use crate::dims::Dims;
use rma::Element;

/// Copies the cell's input to my elements, whatever the order of strides on either side.
///
/// # Safety
/// The cell's elements are there, the own ones to be written, and nobody else accesses those or writes to the
/// input meanwhile; the two don't overlap.
pub(super) unsafe fn cell<T: Element>(cell: &Cell<T, 1>) {
    let ((own, to), (input, from)) = (&cell.own, &cell.inputs[0]);
    let dense = |strides: &[usize]| strides.iter().rposition(|&stride| stride == 1);
    let (Some(column), Some(row)) = (dense(to), dense(from)) else {
        // SAFETY: the caller's promises.
        return unsafe { cell.map(|[value]| value) };
    };
    if column == row {
        // SAFETY: the caller's promises.
        return unsafe { cell.map(|[value]| value) };
    }
    // One matrix for each index along the other axes.
    let (rows, columns) = (cell.extents[column], cell.extents[row]);
    let others: Vec<usize> = (0..cell.extents.len()).filter(|&d| d != column && d != row).collect();
    let extents = Dims::from_fn(others.len(), |k| cell.extents[others[k]]);
    for mut number in 0..extents.iter().product() {
        let (mut to_first, mut from_first) = (*own, *input);
        for (k, &d) in others.iter().enumerate().rev() {
            let i = number % extents[k];
            number /= extents[k];
            to_first = to_first.wrapping_add(i * to[d]);
            from_first = from_first.wrapping_add(i * from[d]);
        }
        let target = Matrix { first: to_first, row_stride: to[row] };
        let source = Matrix { first: from_first, row_stride: from[column] };
        // SAFETY: both matrices are part of the cell, which the caller grants.
        unsafe { transpose(target, source, rows, columns) };
    }
}

/// A matrix in memory: its first element, and elements from one row to the next.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<P> {
    pub(crate) first: P,
    pub(crate) row_stride: usize,
}

/// `dst[j][i] = src[i][j]` for the `rows` x `columns` matrix `src`.
///
/// # Safety
/// `src` is readable for `rows` x `columns`, `dst` writable for `columns` x `rows`, both are aligned and do
/// not overlap, and nobody writes to the one or accesses the other meanwhile.
pub(crate) unsafe fn transpose<T: Element>(
    dst: Matrix<*mut T>,
    src: Matrix<*const T>,
    rows: usize,
    columns: usize,
) {
    // SAFETY: the caller's promises, with the width that makes a row of a tile one cache line.
    unsafe {
        match size_of::<T>() {
            1 => transpose_tiled::<T, 64>(dst, src, rows, columns),
            2 => transpose_tiled::<T, 32>(dst, src, rows, columns),
            4 => transpose_tiled::<T, 16>(dst, src, rows, columns),
            8 => transpose_tiled::<T, 8>(dst, src, rows, columns),
            _ => transpose_tiled::<T, 4>(dst, src, rows, columns),
        }
    }
}

/// [`transpose`] by `W` x `W` tiles, whose rows are whole lines on both sides if aligned so: each line is
/// read once and written once, and the tile in between lives in registers or the first-level cache.
///
/// # Safety
/// As [`transpose`].
unsafe fn transpose_tiled<T: Element, const W: usize>(
    dst: Matrix<*mut T>,
    src: Matrix<*const T>,
    rows: usize,
    columns: usize,
) {
    /// Tiles per block side: the lines of a block lie in few pages on both sides. Measured.
    const BLOCK: usize = 8;
    let whole_lines =
        dst.first.align_offset(LINE) == 0 && (dst.row_stride * size_of::<T>()).is_multiple_of(LINE);
    let stream = whole_lines && rows * columns * size_of::<T>() >= STREAM_BYTES;
    let mut tile = Tile([[T::default(); W]; W]);
    for (i0, j0) in blocks(rows, columns, BLOCK * W) {
        for i in (i0..rows.min(i0 + BLOCK * W)).step_by(W) {
            for j in (j0..columns.min(j0 + BLOCK * W)).step_by(W) {
                let (height, width) = (W.min(rows - i), W.min(columns - j));
                // SAFETY: the tile's corner and extents lie in `rows` x `columns`, which the caller grants on
                // both sides.
                unsafe {
                    let to = Matrix { first: dst.first.add(j * dst.row_stride + i), ..dst };
                    let from = Matrix { first: src.first.add(i * src.row_stride + j), ..src };
                    if height == W && width == W && size_of::<T>() == 8 && cfg!(target_arch = "x86_64") {
                        let to = Matrix { first: to.first.cast(), row_stride: to.row_stride };
                        let from = Matrix { first: from.first.cast(), row_stride: from.row_stride };
                        transpose_words(to, from, stream);
                    } else if height == W && width == W {
                        // The same with constants, so that the loops unroll and vectorise.
                        transpose_tile(&mut tile, to, from, W, W, stream);
                    } else {
                        transpose_tile(&mut tile, to, from, height, width, false);
                    }
                }
            }
        }
    }
    if stream {
        fence();
    }
}

/// Transposes one tile of `height` x `width` elements of the source.
///
/// # Safety
/// `height` and `width` are at most `W`, and both sides are good for them; with `stream` both are `W`, and
/// the rows of the destination lie on lines.
#[inline(always)]
unsafe fn transpose_tile<T: Element, const W: usize>(
    tile: &mut Tile<[[T; W]; W]>,
    dst: Matrix<*mut T>,
    src: Matrix<*const T>,
    height: usize,
    width: usize,
    stream: bool,
) {
    for y in 0..height {
        for x in 0..width {
            // SAFETY: y < height and x < width, which the caller grants.
            tile.0[x][y] = unsafe { *src.first.add(y * src.row_stride + x) };
        }
    }
    for x in 0..width {
        // SAFETY: as above, for the destination.
        unsafe { store(dst.first.add(x * dst.row_stride), tile.0[x].as_ptr(), height, stream) };
    }
}

/// Transposes a tile of 8 x 8 elements of 8 bytes in registers. A tile in memory, stored by elements and
/// loaded by vectors, would wait for each of its stores: twice the time.
///
/// # Safety
/// Both sides are good for such a tile; with `stream` the rows of the destination lie on lines.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
unsafe fn transpose_words(dst: Matrix<*mut f64>, src: Matrix<*const f64>, stream: bool) {
    use std::arch::x86_64::{
        _mm_loadu_pd, _mm_setzero_pd, _mm_storeu_pd, _mm_stream_pd, _mm_unpackhi_pd, _mm_unpacklo_pd,
    };
    for x in (0..8).step_by(2) {
        // Rows x and x + 1 of the destination, in pairs.
        let (mut even, mut odd) = ([_mm_setzero_pd(); 4], [_mm_setzero_pd(); 4]);
        for (pair, (even, odd)) in even.iter_mut().zip(&mut odd).enumerate() {
            // SAFETY: rows 2 * pair and the next, columns x and x + 1, are inside the tile.
            let (upper, lower) = unsafe {
                let upper = src.first.add(2 * pair * src.row_stride + x);
                (_mm_loadu_pd(upper), _mm_loadu_pd(upper.add(src.row_stride)))
            };
            *even = _mm_unpacklo_pd(upper, lower);
            *odd = _mm_unpackhi_pd(upper, lower);
        }
        for (y, row) in [even, odd].iter().enumerate() {
            for (pair, &values) in row.iter().enumerate() {
                // SAFETY: row x + y, columns 2 * pair and the next, are inside the tile; on a line with
                // `stream`.
                unsafe {
                    let to = dst.first.add((x + y) * dst.row_stride + 2 * pair);
                    if stream { _mm_stream_pd(to, values) } else { _mm_storeu_pd(to, values) }
                }
            }
        }
    }
}

/// Never called: other processors take the way through memory.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn transpose_words(_: Matrix<*mut f64>, _: Matrix<*const f64>, _: bool) {}

/// Corners of square blocks that cover `rows` x `columns`.
fn blocks(rows: usize, columns: usize, side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).step_by(side).flat_map(move |i| (0..columns).step_by(side).map(move |j| (i, j)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_transpose<T: Element>(rows: usize, columns: usize, pad: usize, value: impl Fn(usize) -> T) {
        let (src_stride, dst_stride) = (columns + pad, rows + pad);
        let src: Vec<T> = (0..rows * src_stride).map(value).collect();
        let mut dst = vec![T::default(); columns * dst_stride];
        let to = Matrix { first: dst.as_mut_ptr(), row_stride: dst_stride };
        // SAFETY: the vectors have as many rows of that stride.
        unsafe { transpose(to, Matrix { first: src.as_ptr(), row_stride: src_stride }, rows, columns) };
        for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            assert_eq!(dst[j * dst_stride + i], src[i * src_stride + j], "{rows}x{columns} at {i},{j}");
        }
    }

    #[test]
    fn transpose_agrees_with_the_definition() {
        for (rows, columns) in [(0, 3), (1, 1), (5, 9), (8, 8), (64, 64), (70, 33), (300, 257)] {
            for pad in [0, 3] {
                check_transpose(rows, columns, pad, |i| i as u8);
                check_transpose(rows, columns, pad, |i| i as i16);
                check_transpose(rows, columns, pad, |i| i as f32);
                check_transpose(rows, columns, pad, |i| i as f64);
                check_transpose(rows, columns, pad, |i| rma::Complex64::new(i as f64, -1.0));
            }
        }
        check_transpose(1200, 1024, 8, |i| i as f64);
    }
}
