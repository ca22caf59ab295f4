//! The loops: one per element type, compiled for each instruction set and chosen once per process.

use crate::copy::{Rows, prefetch_for_write};
use crate::element::{Complex32, Complex64, DType, f16};
use num_complex::Complex;

/// `dst[i] += alpha * src[i]` for one element type, as the processor does it best; `alpha` points to one
/// element.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    /// Bytes of an element, a power of two.
    pub(super) size: usize,
    /// Over `len` contiguous bytes.
    pub(super) row: unsafe fn(dst: *mut u8, src: *const u8, len: usize, alpha: *const u8),
    /// Over all rows.
    pub(super) rows: unsafe fn(rows: &Rows, alpha: *const u8),
    /// Over runs of one length.
    pub(super) runs: unsafe fn(runs: &Runs<'_>, alpha: *const u8),
}

/// Runs of `len` bytes: number `i` at `remote[i]` from `dst` and `local[i]` from `src`.
#[derive(Clone, Copy)]
pub(super) struct Runs<'a> {
    pub(super) dst: *mut u8,
    pub(super) src: *const u8,
    pub(super) remote: &'a [usize],
    pub(super) local: &'a [usize],
    pub(super) len: usize,
    /// The numbers of those that are meant, if not all.
    pub(super) picked: Option<&'a [u16]>,
}

/// How many runs ahead a line is asked for: they lie anywhere, and their misses are to overlap.
const AHEAD: usize = 64;

trait Arithmetic: Copy {
    /// From how many bytes on the plain loop is better than blocks. The compiler unrolls it further
    /// (measured: as fast as `memcpy` where blocks are a fifth slower), but its vectors only begin at two
    /// cache lines.
    const LONG: usize = 1024;

    fn add_scaled(self, alpha: Self, x: Self) -> Self;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Arithmetic for $t {
            #[inline(always)]
            fn add_scaled(self, alpha: Self, x: Self) -> Self {
                self.wrapping_add(alpha.wrapping_mul(x))
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! floats {
    ($($t:ident),*) => {$(
        impl Arithmetic for $t {
            #[inline(always)]
            fn add_scaled(self, alpha: Self, x: Self) -> Self {
                self + alpha * x
            }
        }

        impl Arithmetic for Complex<$t> {
            /// Never: the compiler makes vectors of the blocks only.
            const LONG: usize = usize::MAX;

            /// `self + alpha * x` to the bit, written so that both parts are the same operations: a vector
            /// each.
            #[inline(always)]
            fn add_scaled(self, alpha: Self, x: Self) -> Self {
                Complex::new(
                    self.re + (alpha.re * x.re + -alpha.im * x.im),
                    self.im + (alpha.re * x.im + alpha.im * x.re),
                )
            }
        }
    )*};
}
floats!(f32, f64);

/// NumPy's `bool` as its byte.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Boolean(u8);

impl Arithmetic for f16 {
    /// Rounded once.
    #[inline(always)]
    fn add_scaled(self, alpha: Self, x: Self) -> Self {
        f16::from_f32(self.to_f32() + alpha.to_f32() * x.to_f32())
    }
}

impl Arithmetic for Boolean {
    #[inline(always)]
    fn add_scaled(self, alpha: Self, x: Self) -> Self {
        Boolean(self.0 | alpha.0 & x.0)
    }
}

/// Rows shorter than `T::LONG` bytes go in blocks of `LANES` elements, a cache line or two, which become
/// whole vectors; the rest through the plain loop.
///
/// # Safety
/// `src` is readable and `dst` writable for `len` bytes, whole elements; `alpha` is one readable element; any
/// alignment.
#[inline(always)]
unsafe fn add_row<T: Arithmetic, const LANES: usize>(
    dst: *mut u8,
    src: *const u8,
    len: usize,
    alpha: *const u8,
) {
    let (dst, src) = (dst.cast::<T>(), src.cast::<T>());
    let count = len / size_of::<T>();
    let whole = if len < T::LONG { count - count % LANES } else { 0 };
    // SAFETY: alpha is one element, and no index reaches the number of elements on either side (caller).
    unsafe {
        let alpha = alpha.cast::<T>().read_unaligned();
        for start in (0..whole).step_by(LANES) {
            let x = src.add(start).cast::<[T; LANES]>().read_unaligned();
            let mut sum = dst.add(start).cast::<[T; LANES]>().read_unaligned();
            for (sum, x) in sum.iter_mut().zip(x) {
                *sum = sum.add_scaled(alpha, x);
            }
            dst.add(start).cast::<[T; LANES]>().write_unaligned(sum);
        }
        for i in whole..count {
            let sum = dst.add(i).read_unaligned().add_scaled(alpha, src.add(i).read_unaligned());
            dst.add(i).write_unaligned(sum);
        }
    }
}

/// # Safety
/// All rows are readable at `src` and writable at `dst`, whole elements, any alignment; `alpha` is one
/// readable element.
#[inline(always)]
unsafe fn add_rows<T: Arithmetic, const LANES: usize>(rows: &Rows, alpha: *const u8) {
    let mut rows = *rows;
    // Rows far apart are cache misses, which the next lock would wait for one by one. Measured: rows of less
    // than a line gain nothing, long ones are fetched ahead by the processor.
    let ahead = (64..=1024).contains(&rows.row_bytes);
    while rows.rows > 0 {
        if ahead {
            prefetch_for_write(rows.dst.wrapping_offset(4 * rows.dst_stride), rows.row_bytes);
        }
        // SAFETY: `dst` and `src` are at the start of a row (caller).
        unsafe { add_row::<T, LANES>(rows.dst, rows.src, rows.row_bytes, alpha) };
        rows = rows.skip(1);
    }
}

/// [`add_row`] with 32-byte vectors.
///
/// # Safety
/// As [`add_row`]; the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn add_row_avx2<T: Arithmetic, const LANES: usize>(
    dst: *mut u8,
    src: *const u8,
    len: usize,
    alpha: *const u8,
) {
    // SAFETY: the caller's promises.
    unsafe { add_row::<T, LANES>(dst, src, len, alpha) }
}

/// [`add_rows`] with 32-byte vectors.
///
/// # Safety
/// As [`add_rows`]; the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn add_rows_avx2<T: Arithmetic, const LANES: usize>(rows: &Rows, alpha: *const u8) {
    // SAFETY: the caller's promises.
    unsafe { add_rows::<T, LANES>(rows, alpha) }
}

/// # Safety
/// All runs are readable at `src` and writable at `dst`, whole elements, any alignment; `alpha` is one
/// readable element.
unsafe fn add_runs<T: Arithmetic, const LANES: usize>(runs: &Runs<'_>, alpha: *const u8) {
    match runs.picked {
        // SAFETY: the caller's promises.
        None => unsafe { add_each::<T, LANES>(runs, runs.remote.len(), |i| i, alpha) },
        // SAFETY: as above.
        Some(picked) => unsafe { add_each::<T, LANES>(runs, picked.len(), |i| picked[i] as usize, alpha) },
    }
}

/// Adds `count` runs, the `i`-th of which is number `number(i)`.
///
/// # Safety
/// As [`add_runs`].
#[inline(always)]
unsafe fn add_each<T: Arithmetic, const LANES: usize>(
    runs: &Runs<'_>,
    count: usize,
    number: impl Fn(usize) -> usize,
    alpha: *const u8,
) {
    let ask = |i| prefetch_for_write(runs.dst.wrapping_add(runs.remote[number(i)]), 1);
    (0..count.min(AHEAD)).for_each(ask);
    // SAFETY: alpha is one element (caller).
    let scale = unsafe { alpha.cast::<T>().read_unaligned() };
    for i in 0..count {
        if i + AHEAD < count {
            ask(i + AHEAD);
        }
        let i = number(i);
        let (dst, src) = (runs.dst.wrapping_add(runs.remote[i]), runs.src.wrapping_add(runs.local[i]));
        // SAFETY: this is one of the runs (caller).
        unsafe {
            if runs.len == size_of::<T>() {
                let (dst, src) = (dst.cast::<T>(), src.cast::<T>());
                dst.write_unaligned(dst.read_unaligned().add_scaled(scale, src.read_unaligned()));
            } else {
                add_row::<T, LANES>(dst, src, runs.len, alpha);
            }
        }
    }
}

#[inline]
fn best<T: Arithmetic, const LANES: usize>() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        let (row, rows) = (add_row_avx2::<T, LANES>, add_rows_avx2::<T, LANES>);
        return Kernel { size: size_of::<T>(), row, rows, runs: add_runs::<T, LANES> };
    }
    Kernel {
        size: size_of::<T>(),
        row: add_row::<T, LANES>,
        rows: add_rows::<T, LANES>,
        runs: add_runs::<T, LANES>,
    }
}

/// The kernel of an element type on this processor.
#[inline]
pub(super) fn kernel(dtype: DType) -> Kernel {
    match dtype {
        DType::Bool => best::<Boolean, 64>(),
        DType::I8 => best::<i8, 64>(),
        DType::I16 => best::<i16, 32>(),
        DType::I32 => best::<i32, 16>(),
        DType::I64 => best::<i64, 8>(),
        DType::U8 => best::<u8, 64>(),
        DType::U16 => best::<u16, 32>(),
        DType::U32 => best::<u32, 16>(),
        DType::U64 => best::<u64, 8>(),
        DType::F16 => best::<f16, 32>(),
        DType::F32 => best::<f32, 16>(),
        DType::F64 => best::<f64, 8>(),
        DType::C64 => best::<Complex32, 8>(),
        DType::C128 => best::<Complex64, 8>(),
    }
}
