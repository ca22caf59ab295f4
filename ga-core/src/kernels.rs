//! Passes over blocks of memory: produce, dot, transpose.
//!
//! Invariant: memory of the array is touched through raw pointers only, tile by tile; values are computed in
//! tiles that fit the first-level cache. Blocks too large for the caches are written with non-temporal
//! stores, which spare the memory one read of every line, and those are fenced before return.

use crate::number::Number;
use rma::Element;

/// Elements per tile. Two tiles and what is read meanwhile stay in the first-level cache for all types.
const TILE: usize = 256;
/// From this size on a destination is not worth having in the cache.
const STREAM_BYTES: usize = 8 << 20;
/// A cache line.
const LINE: usize = 64;

/// A stack tile, aligned for whole-line stores.
#[repr(align(64))]
struct Tile<A>(A);

/// Sets `dst[i]` for all `i < len`: `compute(start, tile)` fills `tile` with the values from `start` on.
///
/// # Safety
/// `dst` is writable for `len` elements, aligned, and nobody else accesses it meanwhile (`compute` may read
/// it at the same indices: a tile is computed before it is written).
pub(crate) unsafe fn produce<T: Element>(dst: *mut T, len: usize, mut compute: impl FnMut(usize, &mut [T])) {
    let mut tile = Tile([T::default(); TILE]);
    let stream = len * size_of::<T>() >= STREAM_BYTES;
    let mut start = 0;
    while start < len {
        // The first tile is cut short, so that later ones begin on a line.
        let head = if start == 0 { dst.align_offset(LINE).min(TILE) } else { 0 };
        let count = if head > 0 { head } else { TILE }.min(len - start);
        let values = &mut tile.0[..count];
        compute(start, values);
        // SAFETY: start + count <= len, and the caller grants dst for len elements; the tile is ours.
        unsafe { store(dst.add(start), values.as_ptr(), count, stream && count == TILE) };
        start += count;
    }
    if stream {
        fence();
    }
}

/// `dst[i] *= factor`.
///
/// # Safety
/// `dst` is writable for `len` elements, aligned, and nobody else accesses it meanwhile.
pub(crate) unsafe fn scale<T: Number>(dst: *mut T, len: usize, factor: T) {
    for i in 0..len {
        // SAFETY: i < len, which the caller grants.
        unsafe { *dst.add(i) = (*dst.add(i)).times(factor) };
    }
}

/// The sum of products, in eight partial sums; the order depends on `len` only.
///
/// # Safety
/// `a` and `b` are readable and aligned for `len` elements, and nobody writes to them meanwhile.
pub(crate) unsafe fn dot<T: Number>(a: *const T, b: *const T, len: usize) -> T {
    const LANES: usize = 8;
    let mut sums = [T::ZERO; LANES];
    let whole = len - len % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            // SAFETY: start + lane < len; the caller grants both for len elements.
            let product = unsafe { (*a.add(start + lane)).times(*b.add(start + lane)) };
            *sum = sum.plus(product);
        }
    }
    for i in whole..len {
        // SAFETY: i < len, as above.
        sums[i - whole] = sums[i - whole].plus(unsafe { (*a.add(i)).times(*b.add(i)) });
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] = sums[lane].plus(sums[lane + width]);
        }
        width /= 2;
    }
    sums[0]
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

/// Copies `count` elements out of a tile; with `stream`, by whole lines past the cache.
///
/// # Safety
/// `dst` and `src` are good for `count` elements; with `stream` both lie on a line and `count` fills whole
/// lines.
#[inline(always)]
unsafe fn store<T: Element>(dst: *mut T, src: *const T, count: usize, stream: bool) {
    #[cfg(target_arch = "x86_64")]
    if stream {
        use std::arch::x86_64::{__m128i, _mm_load_si128, _mm_stream_si128};
        let (dst, src) = (dst.cast::<__m128i>(), src.cast::<__m128i>());
        for i in 0..count * size_of::<T>() / size_of::<__m128i>() {
            // SAFETY: i stays within count elements; both pointers are aligned to a line, as the caller says.
            unsafe { _mm_stream_si128(dst.add(i), _mm_load_si128(src.add(i))) };
        }
        return;
    }
    let _ = stream;
    // SAFETY: the caller's promise; the tile is on our stack, so the two don't overlap.
    unsafe { std::ptr::copy_nonoverlapping(src, dst, count) }
}

/// Orders the non-temporal stores before whatever synchronisation follows.
fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn produce_sets_each_element_once() {
        for (len, skip) in [(0, 0), (1, 0), (255, 3), (256, 0), (1000, 5), (STREAM_BYTES / 8 + 77, 3)] {
            let mut memory = vec![0u64; len + skip + 1];
            // SAFETY: the vector has len elements from skip on.
            unsafe {
                produce(memory.as_mut_ptr().add(skip), len, |start, tile| {
                    tile.iter_mut().zip(start as u64..).for_each(|(t, i)| *t = i + 7)
                })
            };
            assert!((0..len).all(|i| memory[skip + i] == i as u64 + 7));
            assert!(memory[..skip].iter().all(|&v| v == 0) && memory[skip + len] == 0);
        }
    }

    #[test]
    fn dot_of_integers_is_exact() {
        for len in [0, 1, 7, 8, 9, 63, 1000] {
            let a: Vec<i64> = (0..len).map(|i| i * 3 - 5).collect();
            let b: Vec<i64> = (0..len).map(|i| 11 - i).collect();
            let naive: i64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            // SAFETY: both have len elements.
            assert_eq!(unsafe { dot(a.as_ptr(), b.as_ptr(), len as usize) }, naive);
        }
    }

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
