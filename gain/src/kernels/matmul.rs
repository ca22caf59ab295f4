//! Local matrix products, one or a stack of them: `ga-dense` for floats and complex numbers, a blocked loop for
//! integers and bools.

use super::flags;
use super::lanes::wide;
use super::number::Int;
use crate::dtype::{Complex32, Complex64, DType};
use crate::exec::pool;
use crate::view::{Dims, Strides};
use ga_dense::{Accum, Conj, Crew, Dense, MatMut, MatRef};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A matrix in memory with byte strides (of any sign).
#[derive(Clone, Copy, Debug)]
struct Matrix {
    /// Element (0, 0).
    ptr: *mut u8,
    /// Byte strides of the row and the column index.
    strides: [isize; 2],
}

impl Matrix {
    fn at(&self, row: usize, column: usize) -> *mut u8 {
        self.ptr.wrapping_offset(row as isize * self.strides[0] + column as isize * self.strides[1])
    }
}

/// Matrices in memory: one, or a stack of them.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Element (0, 0) of the first.
    pub(crate) ptr: *mut u8,
    /// Bytes from one to the next, for each axis of the stack.
    pub(crate) steps: Strides,
    /// Byte strides of the row and the column index.
    pub(crate) strides: [isize; 2],
}

// SAFETY: addresses; `matmul`'s caller vouches for what lies there.
unsafe impl Sync for Stack {}

impl Stack {
    /// The matrix of this number, in a stack of these extents.
    fn item(&self, extents: &[usize], mut number: usize) -> Matrix {
        let mut ptr = self.ptr;
        for (&n, &step) in extents.iter().zip(&self.steps).rev() {
            ptr = ptr.wrapping_offset((number % n) as isize * step);
            number /= n;
        }
        Matrix { ptr, strides: self.strides }
    }
}

/// A matrix as the threads see it.
struct Shared(Matrix);

// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The matrix without its first rows.
    fn skip_rows(&self, rows: usize) -> Matrix {
        Matrix { ptr: self.0.at(rows, 0), ..self.0 }
    }
}

/// What to compute.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    /// The type of all elements. Bool is or of ands.
    pub(crate) dtype: DType,
    /// Extents of the stack; empty for one product.
    pub(crate) stack: Dims,
    /// `m, n, k`: `a` is m x k, `b` k x n, `c` m x n.
    pub(crate) size: [usize; 3],
    /// Whether the conjugate of `a` is meant.
    pub(crate) conjugate: bool,
    /// Whether the product is added to what `c` holds.
    pub(crate) accumulate: bool,
}

/// Rows and columns of the part of `b` that the integer loop keeps packed: 64 KiB of the widest type.
const BLOCK: [usize; 2] = [32, 256];

/// Work below this many multiplications stays on the calling thread.
const SERIAL: usize = 1 << 16;

/// Products of a stack of at least this many multiplications are shared out one by one.
const LARGE: usize = 1 << 22;

/// Fewer rows of integers than this aren't worth a thread.
const ROWS: usize = 16;

/// The processor's flags that threads found raised by the work they shared.
#[derive(Default)]
struct Raised(AtomicU8);

impl Raised {
    /// Work on any thread.
    fn by(&self, work: impl FnOnce()) {
        flags::clear();
        work();
        self.0.fetch_or(flags::read(), Relaxed);
    }
}

/// `c = a b`, or `c += a b`. The answer has the floating-point exceptions that any operation on numbers raised, and
/// maybe some that none did (blocks are padded): none is certain, others are to be looked for in the result.
///
/// # Safety
/// All elements are valid and aligned; `c` overlaps neither `a` nor `b`; nobody else writes them meanwhile.
pub(crate) unsafe fn matmul(product: &Product, a: &Stack, b: &Stack, c: &Stack, threads: usize) -> u8 {
    let raised = Raised::default();
    // SAFETY: passed on.
    raised.by(|| unsafe { all(product, a, b, c, threads, &raised) });
    raised.0.into_inner()
}

/// [`matmul`], whose calling thread's flags the caller reads.
unsafe fn all(product: &Product, a: &Stack, b: &Stack, c: &Stack, threads: usize, raised: &Raised) {
    if product.stack.is_empty() {
        let [a, b, c] = [a, b, c].map(|x| Matrix { ptr: x.ptr, strides: x.strides });
        // SAFETY: passed on.
        return unsafe { single(product, product.size, a, b, c, (threads, raised)) };
    }
    // A stack that is multiplied with one matrix is a taller matrix.
    let ([mut m, n, k], mut axes) = (product.size, product.stack.len());
    let (mut a, mut c) = (a.clone(), c.clone());
    while axes > 0 && b.steps[axes - 1] == 0 {
        let is_taller = |x: &Stack| m == 1 || x.steps[axes - 1] == m as isize * x.strides[0];
        if !is_taller(&a) || !is_taller(&c) {
            break;
        }
        axes -= 1;
        for x in [&mut a, &mut c] {
            x.strides[0] = if m == 1 { x.steps[axes] } else { x.strides[0] };
        }
        m *= product.stack[axes];
    }
    let (extents, (a, c)) = (&product.stack[..axes], (&a, &c));
    let count: usize = extents.iter().product();
    let work = m * n * k;
    // Some of the stack in order, run by run along its last axis.
    let some = |from: usize, to: usize, threads: usize| {
        let (last, mut number) = (extents.last().copied().unwrap_or(1), from);
        while number < to {
            let mut run = [a, b, c].map(|x| x.item(extents, number));
            let steps = [a, b, c].map(|x| if axes > 0 { x.steps[axes - 1] } else { 0 });
            for _ in 0..(last - number % last).min(to - number) {
                let [a, b, c] = run;
                // SAFETY: passed on, for one of the stack.
                unsafe { single(product, [m, n, k], a, b, c, (threads, raised)) };
                for (x, step) in run.iter_mut().zip(steps) {
                    x.ptr = x.ptr.wrapping_offset(step);
                }
                number += 1;
            }
        }
    };
    if count == 1 || work >= LARGE {
        return some(0, count, threads);
    }
    let threads = if work.saturating_mul(count) < SERIAL { 1 } else { threads.min(count) };
    let pieces = if threads == 1 { 1 } else { (8 * threads).min(count) };
    pool::split(pieces, threads, &|p| {
        raised.by(|| some(count * p / pieces, count * (p + 1) / pieces, 1));
    });
}

/// One product.
unsafe fn single(
    product: &Product,
    size: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    crew: (usize, &Raised),
) {
    // SAFETY: passed on.
    unsafe {
        match product.dtype {
            DType::F32 => dense::<f32>(product, 1.0, size, a, b, c, crew),
            DType::F64 => dense::<f64>(product, 1.0, size, a, b, c, crew),
            DType::C64 => dense(product, Complex32::new(1.0, 0.0), size, a, b, c, crew),
            DType::C128 => dense(product, Complex64::new(1.0, 0.0), size, a, b, c, crew),
            _ => rows(product, size, a, b, c, crew.0),
        }
    }
}

/// A product of floating-point numbers.
unsafe fn dense<T: Dense>(
    product: &Product,
    one: T,
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    (threads, raised): (usize, &Raised),
) {
    let elements = |matrix: Matrix| matrix.strides.map(|bytes| bytes / size_of::<T>() as isize);
    let ([ar, ac], [br, bc], [cr, cc]) = (elements(a), elements(b), elements(c));
    // SAFETY: the caller's promise: elements of the extents and strides given, and none of `c` is another's.
    let (x, y, z) = unsafe {
        (
            MatRef::from_raw_parts(a.ptr.cast_const().cast::<T>(), m, k, ar, ac),
            MatRef::from_raw_parts(b.ptr.cast_const().cast::<T>(), k, n, br, bc),
            MatMut::from_raw_parts_mut(c.ptr.cast::<T>(), m, n, cr, cc),
        )
    };
    let how = if product.accumulate { Accum::Add } else { Accum::Replace };
    let conj = if product.conjugate { Conj::Yes } else { Conj::No };
    if threads == 1 {
        return T::product_by(Crew::alone(), z, how, one, (x, conj), (y, Conj::No));
    }
    let share = |pieces: usize, work: &(dyn Fn(usize) + Sync)| {
        pool::split(pieces, threads, &|p| raised.by(|| work(p)));
    };
    // What the calling thread does after it shared: to be read before the next product clears it.
    raised.by(|| T::product_by(Crew::new(threads, &share), z, how, one, (x, conj), (y, Conj::No)));
}

/// A product of integers or bools, its rows shared out.
unsafe fn rows(product: &Product, [m, n, k]: [usize; 3], a: Matrix, b: Matrix, c: Matrix, threads: usize) {
    let [a, b, c] = [a, b, c].map(Shared);
    let pieces = if m * n * k < SERIAL { 1 } else { threads.clamp(1, m.div_ceil(ROWS).max(1)) };
    pool::split(pieces, pieces, &|p| {
        let (from, to) = (m * p / pieces, m * (p + 1) / pieces);
        let (size, a, c) = ([to - from, n, k], a.skip_rows(from), c.skip_rows(from));
        let accumulate = product.accumulate;
        // SAFETY: passed on, for some of the rows; those of the pieces are disjoint.
        unsafe {
            match product.dtype {
                DType::Bool => {
                    integer(size, a, b.skip_rows(0), c, accumulate, |sum: u8, x: u8, y: u8| sum | (x & y))
                }
                DType::I8 | DType::U8 => integer(size, a, b.skip_rows(0), c, accumulate, wrapping::<u8>),
                DType::I16 | DType::U16 => integer(size, a, b.skip_rows(0), c, accumulate, wrapping::<u16>),
                DType::I32 | DType::U32 => integer(size, a, b.skip_rows(0), c, accumulate, wrapping::<u32>),
                _ => integer(size, a, b.skip_rows(0), c, accumulate, wrapping::<u64>),
            }
        }
    });
}

/// Wrapping arithmetic has the same bits for signed and unsigned.
#[inline(always)]
fn wrapping<T: Int>(sum: T, x: T, y: T) -> T {
    sum.add(x.mul(y))
}

/// [`blocked`], with wide vectors where there are such.
unsafe fn integer<T: Int>(
    size: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    accumulate: bool,
    multiply_add: impl Fn(T, T, T) -> T + Copy,
) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn with_avx<T: Int>(
        size: [usize; 3],
        a: Matrix,
        b: Matrix,
        c: Matrix,
        accumulate: bool,
        multiply_add: impl Fn(T, T, T) -> T + Copy,
    ) {
        // SAFETY: passed on.
        unsafe { blocked(size, a, b, c, accumulate, multiply_add) }
    }
    // SAFETY: passed on; the variant's instructions were asked for.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if wide() {
            return with_avx(size, a, b, c, accumulate, multiply_add);
        }
        blocked(size, a, b, c, accumulate, multiply_add);
    }
}

/// Row by row of `a` over packed blocks of `b`, so that the inner loop runs over contiguous memory.
#[inline(always)]
unsafe fn blocked<T: Int>(
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Matrix,
    accumulate: bool,
    multiply_add: impl Fn(T, T, T) -> T + Copy,
) {
    let [deep, wide] = [BLOCK[0].min(k.max(1)), BLOCK[1].min(n.max(1))];
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
    use crate::dtype::{Category, Complex64, Scalar, category, is_integer};

    /// Small numbers, so that every product is exact; negative ones where the type has them.
    fn numbers(dtype: DType, count: usize) -> Vec<u8> {
        let lowest = if category(dtype) == Category::Unsigned { 0 } else { 2 };
        let small = (0..count).map(|i| Scalar::I64((i as i64 * 7) % 5 - lowest));
        small.flat_map(|x| x.cast(dtype).bytes()[..dtype.size_bytes()].to_vec()).collect()
    }

    fn read(dtype: DType, stack: &Stack, i: usize, j: usize) -> Complex64 {
        // SAFETY: callers stay within the matrix.
        let bytes = unsafe { std::slice::from_raw_parts(stack.item(&[], 0).at(i, j), dtype.size_bytes()) };
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
        // (Products of halves are products of `float32`.)
        for dtype in DType::ALL.into_iter().filter(|&dtype| dtype != DType::F16) {
            for [m, n, k] in [[1, 1, 1], [3, 5, 4], [7, 300, 40], [65, 2, 70]] {
                let size = dtype.size_bytes() as isize;
                let mut buffers = [m * k, k * n, m * n].map(|count| numbers(dtype, count));
                let before = buffers[2].clone();
                let [a, b, c] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr());
                let row = n as isize * size;
                // `a` is transposed, the rows of `b` run backwards, `c` is as it comes.
                let matrix = |ptr, strides| Stack { ptr, steps: Strides::new(), strides };
                let a = matrix(a, [size, m as isize * size]);
                let b = matrix(b.wrapping_offset((k as isize - 1) * row), [-row, size]);
                let c = matrix(c, [row, size]);
                let before = matrix(before.as_ptr().cast_mut(), [row, size]);
                let stack = Dims::new();
                for accumulate in [true, false] {
                    let product = Product {
                        dtype,
                        stack: stack.clone(),
                        size: [m, n, k],
                        conjugate: false,
                        accumulate,
                    };
                    // SAFETY: the three vectors are live and apart.
                    unsafe { matmul(&product, &a, &b, &c, 2) };
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
