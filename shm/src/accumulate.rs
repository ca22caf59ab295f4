//! `dst += alpha * src`, atomic element by element under concurrent accumulates from any rank of the node.
//!
//! Invariant: an element is changed only under the lock of the stripe its first byte lies in ([`crate::heap`]
//! has the locks); who waits for a lock holds none. There is no lock-free path: a compare-and-swap beside the locks would
//! lose updates. Atomic with regard to one another are therefore accumulates; puts, gets and
//! [`crate::atomics`] are not part of this (as in ARMCI). Arithmetic is that of the element type: wrapping
//! for integers, multiplication and addition rounded separately for floats; for `bool`, "plus" is or and
//! "times" is and.

mod kernels;
mod runs;

use crate::copy::{Rows, Shape, for_each_run};
use crate::element::{DType, Element};
use crate::heap::{Heap, STRIPE_SHIFT};
use crate::sync::{SpinGuard, WaitContext, WaitError};
use kernels::Kernel;

pub use runs::accumulate_runs;

/// Where an accumulate goes: a byte offset in one rank's arena.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The heap both ranks map.
    pub heap: &'a Heap,
    /// Node rank of the owner.
    pub rank: usize,
    /// Byte offset in the owner's arena; any alignment.
    pub offset: usize,
}

/// Adds `alpha * src[i]` to the `count` elements at `target`. Not collective; done at the target on return.
/// Stands for `ARMCI_Acc`.
///
/// # Errors
/// A rank died holding a stripe lock, or the wait was interrupted: part of the elements may have been added.
///
/// # Safety
/// `src` holds `count` readable elements, `target` as many writable ones, both of any alignment; nothing
/// but accumulates accesses the target meanwhile, and the two do not overlap.
#[inline]
pub unsafe fn accumulate<T: Element>(
    target: Target<'_>,
    src: *const T,
    count: usize,
    alpha: T,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let kernel = kernels::kernel(T::DTYPE);
    // SAFETY: the caller's promises; `alpha` is one element of T.
    unsafe {
        Walk::new(target, kernel, (&raw const alpha).cast(), ctx).add(
            target.offset,
            src.cast(),
            count * size_of::<T>(),
        )
    }
}

/// [`accumulate`] for an element type known at run time only.
///
/// # Errors
/// As [`accumulate`].
///
/// # Safety
/// As [`accumulate`]; `alpha` points to one readable element of `dtype`.
pub unsafe fn accumulate_dyn(
    target: Target<'_>,
    dtype: DType,
    src: *const u8,
    count: usize,
    alpha: *const u8,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    // SAFETY: the caller's promises.
    unsafe {
        Walk::new(target, kernels::kernel(dtype), alpha, ctx).add(
            target.offset,
            src,
            count * dtype.size_bytes(),
        )
    }
}

/// Strided form: the shape of [`crate::copy::copy_strided`], `counts[0]` in bytes and a multiple of the
/// element's size. Stands for `ARMCI_AccS`.
///
/// # Errors
/// As [`accumulate`].
///
/// # Safety
/// As [`accumulate`], for every row.
pub unsafe fn accumulate_strided<T: Element>(
    target: Target<'_>,
    dst_strides: &[isize],
    src: *const T,
    src_strides: &[isize],
    counts: &[usize],
    alpha: T,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let alpha = (&raw const alpha).cast();
    // SAFETY: the caller's promises; `alpha` is one element of T.
    unsafe {
        accumulate_strided_dyn(target, T::DTYPE, dst_strides, src.cast(), src_strides, counts, alpha, ctx)
    }
}

/// [`accumulate_strided`] for an element type known at run time only.
///
/// # Errors
/// As [`accumulate`].
///
/// # Safety
/// As [`accumulate_strided`]; `alpha` points to one readable element of `dtype`.
#[expect(clippy::too_many_arguments, reason = "ARMCI's shape: two sides, counts, scale")]
pub unsafe fn accumulate_strided_dyn(
    target: Target<'_>,
    dtype: DType,
    dst_strides: &[isize],
    src: *const u8,
    src_strides: &[isize],
    counts: &[usize],
    alpha: *const u8,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    let Some(shape) = Shape::new(dst_strides, src_strides, counts) else { return Ok(()) };
    let mut walk = Walk::new(target, kernels::kernel(dtype), alpha, ctx);
    let first = shape.rows(target.heap.address(target.rank, target.offset), src);
    for_each_run(&shape, |d, s| {
        // SAFETY: the caller's promises for these rows, which begin at this offset.
        unsafe { walk.add_rows(target.offset.wrapping_add_signed(d), first.moved(d, s)) }
    })
}

/// Bytes under one lock, from the arena's beginning on.
const STRIPE: usize = 1 << STRIPE_SHIFT;

/// An accumulate on its way through an arena; holds the lock of the stripe it is in until it gets to another
/// one.
struct Walk<'a> {
    heap: &'a Heap,
    rank: usize,
    kernel: Kernel,
    alpha: *const u8,
    ctx: &'a WaitContext<'a>,
    held: Option<(usize, SpinGuard<'a>)>,
}

impl<'a> Walk<'a> {
    #[inline]
    fn new(target: Target<'a>, kernel: Kernel, alpha: *const u8, ctx: &'a WaitContext<'a>) -> Walk<'a> {
        Walk { heap: target.heap, rank: target.rank, kernel, alpha, ctx, held: None }
    }

    /// Adds `len` contiguous bytes at `offset`.
    ///
    /// # Safety
    /// As [`accumulate`], for these bytes; `alpha` is one element.
    #[inline]
    unsafe fn add(&mut self, mut offset: usize, mut src: *const u8, mut len: usize) -> Result<(), WaitError> {
        while len > 0 {
            // An element that begins here is this stripe's as a whole.
            let last = self.kernel.size - 1;
            let here = len.min((STRIPE - offset % STRIPE + last) & !last);
            self.hold(offset >> STRIPE_SHIFT)?;
            // SAFETY: `here` bytes of whole elements on both sides (caller), under their lock.
            unsafe { (self.kernel.row)(self.heap.address(self.rank, offset), src, here, self.alpha) };
            src = src.wrapping_add(here);
            offset += here;
            len -= here;
        }
        Ok(())
    }

    /// Adds rows of which the first is at `offset`: as many at a time as lie in one stripe.
    ///
    /// # Safety
    /// As [`accumulate`], for every row; `rows.dst` is where `offset` is mapped.
    unsafe fn add_rows(&mut self, mut offset: usize, mut rows: Rows) -> Result<(), WaitError> {
        while rows.rows > 0 {
            let within = rows_within_stripe(offset, &rows);
            if within == 0 {
                // SAFETY: the caller's promises for this row.
                unsafe { self.add(offset, rows.src, rows.row_bytes) }?;
            } else {
                self.hold(offset >> STRIPE_SHIFT)?;
                // SAFETY: these rows are the first of the caller's, under their lock.
                unsafe { (self.kernel.rows)(&Rows { rows: within, ..rows }, self.alpha) };
            }
            let done = within.max(1);
            offset = offset.wrapping_add_signed(done as isize * rows.dst_stride);
            rows = rows.skip(done);
        }
        Ok(())
    }

    #[inline]
    fn hold(&mut self, stripe: usize) -> Result<(), WaitError> {
        if self.held.as_ref().is_none_or(|(held, _)| *held != stripe) {
            self.held = None;
            self.held = Some((stripe, self.heap.stripes(self.rank).lock_of(stripe).lock(self.ctx)?));
        }
        Ok(())
    }
}

/// How many rows, from the one at `offset` on, lie wholly in its stripe; 0 when not even the first does.
fn rows_within_stripe(offset: usize, rows: &Rows) -> usize {
    let before = offset % STRIPE;
    let Some(after) = STRIPE.checked_sub(before + rows.row_bytes) else { return 0 };
    let room = if rows.dst_stride < 0 { before } else { after };
    match rows.dst_stride.unsigned_abs() {
        0 => rows.rows,
        stride => rows.rows.min(room / stride + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::{Complex32, Complex64, f16};
    use crate::heap::HeapConfig;
    use crate::sync::{NoHook, SpinPolicy};
    use proptest::prelude::*;

    const CTX: WaitContext<'_> = WaitContext { hook: &NoHook, me: 0, policy: SpinPolicy::SHARED };

    /// An element made from a small number, and the naive sum.
    trait Naive: Element {
        fn small(n: i64) -> Self;
        fn plus_times(self, alpha: Self, x: Self) -> Self;
    }

    macro_rules! naive {
        ($($t:ty: $small:expr, $sum:expr;)*) => {$(
            impl Naive for $t {
                fn small(n: i64) -> Self {
                    $small(n)
                }
                fn plus_times(self, alpha: Self, x: Self) -> Self {
                    $sum(self, alpha, x)
                }
            }
        )*};
    }
    naive! {
        bool: |n| n % 2 == 1, |s: bool, a: bool, x: bool| s || (a && x);
        i8: |n| n as i8, |s: i8, a: i8, x: i8| s.wrapping_add(x.wrapping_mul(a));
        i16: |n| n as i16, |s: i16, a: i16, x: i16| s.wrapping_add(x.wrapping_mul(a));
        i32: |n| n as i32, |s: i32, a: i32, x: i32| s.wrapping_add(x.wrapping_mul(a));
        i64: |n| n, |s: i64, a: i64, x: i64| s.wrapping_add(x.wrapping_mul(a));
        u8: |n| n as u8, |s: u8, a: u8, x: u8| s.wrapping_add(x.wrapping_mul(a));
        u16: |n| n as u16, |s: u16, a: u16, x: u16| s.wrapping_add(x.wrapping_mul(a));
        u32: |n| n as u32, |s: u32, a: u32, x: u32| s.wrapping_add(x.wrapping_mul(a));
        u64: |n| n as u64, |s: u64, a: u64, x: u64| s.wrapping_add(x.wrapping_mul(a));
        f16: |n| f16::from_f32(n as f32 / 3.0),
            |s: f16, a: f16, x: f16| f16::from_f32(s.to_f32() + a.to_f32() * x.to_f32());
        f32: |n| n as f32 / 3.0, |s: f32, a: f32, x: f32| { let product = a * x; s + product };
        f64: |n| n as f64 / 3.0, |s: f64, a: f64, x: f64| { let product = a * x; s + product };
        Complex32: |n| Complex32::new(n as f32 / 3.0, n as f32 / 7.0), |s: Complex32, a: Complex32, x: Complex32|
            Complex32::new(s.re + (a.re * x.re - a.im * x.im), s.im + (a.re * x.im + a.im * x.re));
        Complex64: |n| Complex64::new(n as f64 / 3.0, n as f64 / 7.0), |s: Complex64, a: Complex64, x: Complex64|
            Complex64::new(s.re + (a.re * x.re - a.im * x.im), s.im + (a.re * x.im + a.im * x.re));
    }

    /// Accumulates twice, contiguous and as every second row of a box, at a place that straddles stripes.
    fn check<T: Naive>(count: usize, shift: usize, skew: usize, alpha: i64) {
        let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(16 << 20) }).unwrap();
        let block = heap.allocate_zeroed(2 << STRIPE_SHIFT, 1 << STRIPE_SHIFT).unwrap();
        let size = size_of::<T>();
        let offset = block.offset + (1 << STRIPE_SHIFT) - shift * size + skew;
        let target = Target { heap: &heap, rank: 0, offset };
        let source: Vec<T> = (0..count as i64).map(|i| T::small(i % 13 - 6)).collect();
        let alpha = T::small(alpha);
        let mut expected = vec![T::default(); count];
        let row = 3.min(count);
        let rows = count / row / 2;
        let counts = [row * size, rows];
        let strides = [(2 * row * size) as isize];
        // SAFETY: source and block hold what the counts say.
        unsafe {
            accumulate(target, source.as_ptr(), count, alpha, &CTX).unwrap();
            accumulate_strided(target, &strides, source.as_ptr(), &strides, &counts, alpha, &CTX).unwrap();
        }
        // Once more as runs of three, but for the rest: in ascending order, and for elements alone from the end.
        let lens =
            [(row, (0..count / row).collect::<Vec<_>>()), (1, (count / row * row..count).rev().collect())];
        for (len, firsts) in lens {
            let offsets: Vec<usize> = firsts.iter().map(|first| first * len * size).collect();
            // SAFETY: as above.
            unsafe {
                let runs = (&offsets[..], &offsets[..]);
                accumulate_runs(target, runs, source.as_ptr(), len * size, alpha, &CTX).unwrap();
            }
        }
        for (i, (sum, x)) in expected.iter_mut().zip(&source).enumerate() {
            *sum = sum.plus_times(alpha, *x);
            if i % (2 * row) < row && i / (2 * row) < rows {
                *sum = sum.plus_times(alpha, *x);
            }
            *sum = sum.plus_times(alpha, *x);
        }
        for (i, expected) in expected.iter().enumerate() {
            // SAFETY: inside the block.
            let sum = unsafe { heap.address(0, offset).cast::<T>().add(i).read_unaligned() };
            assert_eq!(sum, *expected, "{} element {i} of {count}", T::DTYPE);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn adds_what_the_naive_loop_adds(
            count in 1usize..700, shift in 0usize..300, skew in 0usize..20, alpha in -3i64..4,
        ) {
            // As often at a multiple of the size as not.
            let skew = skew.saturating_sub(10);
            check::<bool>(count, shift, skew, alpha);
            check::<i8>(count, shift, skew, alpha);
            check::<i16>(count, shift, skew, alpha);
            check::<i32>(count, shift, skew, alpha);
            check::<i64>(count, shift, skew, alpha);
            check::<u8>(count, shift, skew, alpha);
            check::<u16>(count, shift, skew, alpha);
            check::<u32>(count, shift, skew, alpha);
            check::<u64>(count, shift, skew, alpha);
            check::<f16>(count, shift, skew, alpha);
            check::<f32>(count, shift, skew, alpha);
            check::<f64>(count, shift, skew, alpha);
            check::<Complex32>(count, shift, skew, alpha);
            check::<Complex64>(count, shift, skew, alpha);
        }
    }
}
