//! Local matrix products: `matrixmultiply` for floats and complex numbers, a blocked loop for integers and bools.

use super::number::Int;
use crate::dtype::DType;
use crate::exec::pool;
use matrixmultiply::{CGemmOption, cgemm, dgemm, sgemm, zgemm};

/// One operand: a matrix in memory with byte strides of its rows and columns (any sign).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    /// Element (0, 0).
    pub(crate) ptr: *mut u8,
    /// Byte strides of the row and the column index.
    pub(crate) strides: [isize; 2],
}

impl Matrix {
    fn at(&self, row: usize, column: usize) -> *mut u8 {
        self.ptr.wrapping_offset(row as isize * self.strides[0] + column as isize * self.strides[1])
    }
}

/// Rows and columns of the part of `b` that the integer loop keeps packed: 64 KiB of the widest type.
const BLOCK: [usize; 2] = [32, 256];

/// Products below this many multiplications stay on the calling thread.
const SERIAL: usize = 1 << 16;

/// Fewer rows than this aren't worth a thread.
const ROWS: usize = 16;

/// `c = a b`, or `c += a b`: `a` is m x k, `b` k x n, `c` m x n, all of one type. Bool is or of ands.
///
/// # Safety
/// All elements are valid and aligned; `c` overlaps neither `a` nor `b`; nobody else writes them meanwhile.
pub(crate) unsafe fn matmul(
    dtype: DType,
    size: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    accumulate: bool,
    threads: usize,
) {
    let [m, n, k] = size;
    let threads = if m * n * k < SERIAL { 1 } else { threads.clamp(1, m.div_ceil(ROWS).max(1)) };
    if threads == 1 {
        // SAFETY: passed on.
        return unsafe { part(dtype, size, a, b, c, accumulate) };
    }
    let share = Share { a, b, c };
    pool::split(threads, threads, &|t| {
        let share = &share;
        let (from, to) = (m * t / threads, m * (t + 1) / threads);
        let rows = |matrix: Matrix| Matrix { ptr: matrix.at(from, 0), ..matrix };
        // SAFETY: passed on, for some of the rows; those of the pieces are disjoint.
        unsafe { part(dtype, [to - from, n, k], rows(share.a), share.b, rows(share.c), accumulate) };
    });
}

/// The operands as the threads see them.
struct Share {
    a: Matrix,
    b: Matrix,
    c: Matrix,
}

// SAFETY: plain addresses; `matmul`'s caller vouches for what lies there.
unsafe impl Sync for Share {}

/// The product on one thread.
unsafe fn part(dtype: DType, [m, n, k]: [usize; 3], a: Matrix, b: Matrix, c: Matrix, accumulate: bool) {
    let size = [m, n, k];
    let elements = |matrix: Matrix| matrix.strides.map(|bytes| bytes / dtype.size_bytes() as isize);
    let ([ar, ac], [br, bc], [cr, cc]) = (elements(a), elements(b), elements(c));
    let beta = f64::from(u8::from(accumulate));
    let plain = CGemmOption::Standard;
    // SAFETY: the caller's promise; strides are in elements. With a factor of 0, `c` is not read.
    unsafe {
        let (x, y, z) = (a.ptr.cast_const(), b.ptr.cast_const(), c.ptr);
        match dtype {
            DType::F32 => {
                sgemm(m, k, n, 1.0, x.cast(), ar, ac, y.cast(), br, bc, beta as f32, z.cast(), cr, cc);
            }
            DType::F64 => dgemm(m, k, n, 1.0, x.cast(), ar, ac, y.cast(), br, bc, beta, z.cast(), cr, cc),
            DType::C64 => {
                let (one, beta) = ([1.0, 0.0], [beta as f32, 0.0]);
                cgemm(plain, plain, m, k, n, one, x.cast(), ar, ac, y.cast(), br, bc, beta, z.cast(), cr, cc);
            }
            DType::C128 => {
                let (one, beta) = ([1.0, 0.0], [beta, 0.0]);
                zgemm(plain, plain, m, k, n, one, x.cast(), ar, ac, y.cast(), br, bc, beta, z.cast(), cr, cc);
            }
            DType::Bool => integer(size, a, b, c, accumulate, |sum: u8, x: u8, y: u8| sum | (x & y)),
            DType::I8 | DType::U8 => integer(size, a, b, c, accumulate, wrapping::<u8>),
            DType::I16 | DType::U16 => integer(size, a, b, c, accumulate, wrapping::<u16>),
            DType::I32 | DType::U32 => integer(size, a, b, c, accumulate, wrapping::<u32>),
            DType::I64 | DType::U64 => integer(size, a, b, c, accumulate, wrapping::<u64>),
        }
    }
}

/// Wrapping arithmetic has the same bits for signed and unsigned.
#[inline(always)]
fn wrapping<T: Int>(sum: T, x: T, y: T) -> T {
    sum.add(x.mul(y))
}

/// Row by row of `a` over packed blocks of `b`, so that the inner loop runs over contiguous memory.
unsafe fn integer<T: Int>(
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    accumulate: bool,
    multiply_add: impl Fn(T, T, T) -> T + Copy,
) {
    let [deep, wide] = BLOCK;
    let mut packed = vec![T::ZERO; deep * wide];
    let mut sums = vec![T::ZERO; wide];
    for j in (0..n).step_by(wide) {
        let columns = wide.min(n - j);
        for l in (0..k.max(1)).step_by(deep) {
            let depth = deep.min(k - l);
            for (row, line) in packed.chunks_exact_mut(wide).take(depth).enumerate() {
                for (column, place) in line[..columns].iter_mut().enumerate() {
                    // SAFETY: within `b`.
                    *place = unsafe { b.at(l + row, j + column).cast::<T>().read() };
                }
            }
            for i in 0..m {
                let sums = &mut sums[..columns];
                for (column, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: within `c`; read only where there is something to add to.
                    let old = || unsafe { c.at(i, j + column).cast::<T>().read() };
                    *sum = if accumulate || l > 0 { old() } else { T::ZERO };
                }
                for (row, line) in packed.chunks_exact(wide).take(depth).enumerate() {
                    // SAFETY: within `a`.
                    let x = unsafe { a.at(i, l + row).cast::<T>().read() };
                    for (sum, &y) in sums.iter_mut().zip(line) {
                        *sum = multiply_add(*sum, x, y);
                    }
                }
                for (column, &sum) in sums.iter().enumerate() {
                    // SAFETY: within `c`.
                    unsafe { c.at(i, j + column).cast::<T>().write(sum) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{Complex64, Kind, Scalar, is_integer, kind};

    /// Small numbers, so that every product is exact; negative ones where the type has them.
    fn numbers(dtype: DType, count: usize) -> Vec<u8> {
        let lowest = if kind(dtype) == Kind::Unsigned { 0 } else { 2 };
        let small = (0..count).map(|i| Scalar::I64((i as i64 * 7) % 5 - lowest));
        small.flat_map(|x| x.cast(dtype).bytes()[..dtype.size_bytes()].to_vec()).collect()
    }

    fn read(dtype: DType, matrix: &Matrix, i: usize, j: usize) -> Complex64 {
        // SAFETY: callers stay within the matrix.
        let bytes = unsafe { std::slice::from_raw_parts(matrix.at(i, j), dtype.size_bytes()) };
        Scalar::from_bytes(dtype, bytes).as_c128()
    }

    /// An exact result as the type holds it.
    fn held(dtype: DType, exact: Complex64) -> Complex64 {
        match dtype {
            DType::Bool => Complex64::new(f64::from(exact.re != 0.0), 0.0),
            _ if is_integer(dtype) => Scalar::I64(exact.re as i64).cast(dtype).as_c128(),
            _ => exact,
        }
    }

    #[test]
    fn every_type_and_layout_matches_the_definition() {
        for dtype in DType::ALL {
            for [m, n, k] in [[1, 1, 1], [3, 5, 4], [7, 300, 40], [65, 2, 70]] {
                let size = dtype.size_bytes() as isize;
                let mut buffers = [m * k, k * n, m * n].map(|count| numbers(dtype, count));
                let before = buffers[2].clone();
                let [a, b, c] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr());
                let row = n as isize * size;
                // `a` is transposed, the rows of `b` run backwards, `c` is as it comes.
                let a = Matrix { ptr: a, strides: [size, m as isize * size] };
                let b = Matrix { ptr: b.wrapping_offset((k as isize - 1) * row), strides: [-row, size] };
                let c = Matrix { ptr: c, strides: [row, size] };
                let before = Matrix { ptr: before.as_ptr().cast_mut(), strides: [row, size] };
                for accumulate in [true, false] {
                    // SAFETY: the three vectors are live and apart.
                    unsafe { matmul(dtype, [m, n, k], a, b, c, accumulate, 2) };
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let start =
                            if accumulate { read(dtype, &before, i, j) } else { Complex64::default() };
                        let term = |l| read(dtype, &a, i, l) * read(dtype, &b, l, j);
                        let exact = (0..k).fold(start, |sum, l| sum + term(l));
                        assert_eq!(
                            read(dtype, &c, i, j),
                            held(dtype, exact),
                            "{dtype} {m}x{n}x{k} at {i},{j}"
                        );
                    }
                }
            }
        }
    }
}
