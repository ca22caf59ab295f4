//! One operation of two inputs applied to rows of elements, by its kernel.
//!
//! Elements are memory of the loop's size: the loop's inputs and its output have one type.

use super::REFUSED;
use crate::dtype::{DType, f16};
use crate::kernels::flags::{self, Report};
use crate::kernels::number::{Int, Real};
use crate::kernels::{CHUNK, Kernel, Operands, Slot, complex, float, half, table};
use crate::ops::{Loop, Op};
use bytemuck::Pod;
use num_complex::Complex;

/// An operation, and what it found so far: bits of [`crate::status`], and [`REFUSED`].
pub(super) struct Rows {
    kernel: Kernel,
    report: Report,
    item_bytes: usize,
    found: u8,
    refused: u8,
}

const OPERANDS: Operands = Operands { dst: [3, 0], src: [1, 2, 0, 0, 0, 0, 0, 0] };

impl Rows {
    /// For a loop all of whose types are the same.
    pub(super) fn new(op: &Loop) -> Rows {
        let report = flags::of(op);
        if matches!(report, Report::Exact) {
            flags::clear();
        }
        let item_bytes = op.outputs[0].size_bytes();
        Rows { kernel: table::kernel(op), report, item_bytes, found: 0, refused: 0 }
    }

    /// What was found.
    pub(super) fn found(&self) -> u64 {
        let exact = if matches!(self.report, Report::Exact) { flags::read() } else { 0 };
        u64::from(self.found | exact) | if self.refused != 0 { REFUSED } else { 0 }
    }

    /// # Safety
    /// Each slot is good for `len` elements of the loop's type, `into` lies exactly on another or apart.
    unsafe fn call(&mut self, len: usize, a: Slot, b: Slot, into: *mut u8) {
        let slots = [Slot::row(&raw mut self.refused), a, b, Slot::row(into)];
        if let Some(check) = self.report.check() {
            // SAFETY: the caller's promise; the kernel's status byte is ours.
            self.found |= unsafe { check(len, slots.as_ptr(), &OPERANDS) };
        }
        // SAFETY: as above.
        unsafe { (self.kernel)(len, slots.as_ptr(), &OPERANDS) };
    }

    fn fits<T>(&self) {
        assert_eq!(size_of::<T>(), self.item_bytes, "rows of elements of the loop's size");
    }

    /// `left = op(left, right)`
    pub(super) fn onto<T: Pod>(&mut self, left: &mut [T], right: &[T]) {
        self.fits::<T>();
        assert_eq!(left.len(), right.len(), "rows of one length");
        let (len, into) = (left.len(), left.as_mut_ptr().cast::<u8>());
        // SAFETY: both rows have `len` elements; the output is the first input.
        unsafe { self.call(len, Slot::row(into), Slot::row(right.as_ptr().cast_mut().cast()), into) };
    }

    /// `right = op(left, right)`
    pub(super) fn under<T: Pod>(&mut self, left: &[T], right: &mut [T]) {
        self.fits::<T>();
        assert_eq!(left.len(), right.len(), "rows of one length");
        let (len, into) = (right.len(), right.as_mut_ptr().cast::<u8>());
        // SAFETY: both rows have `len` elements; the output is the second input.
        unsafe { self.call(len, Slot::row(left.as_ptr().cast_mut().cast()), Slot::row(into), into) };
    }

    /// `right = op(left, right)` with one element on the left.
    pub(super) fn under_one<T: Pod>(&mut self, left: T, right: &mut [T]) {
        self.fits::<T>();
        let mut splat = [left; CHUNK];
        let (len, into) = (right.len(), right.as_mut_ptr().cast::<u8>());
        // SAFETY: a splat has `CHUNK` copies; the row has `len` elements; the output is the second input.
        unsafe { self.call(len, Slot::splat(splat.as_mut_ptr().cast()), Slot::row(into), into) };
    }
}

/// Folds a line: from the value so far on, or from the first element on, and writes what it comes to after each element
/// if asked for.
pub(super) type Line<T> = fn(so_far: Option<T>, line: &[T], steps: Option<&mut [T]>) -> Option<T>;

/// The line of an operation, where there is one that beats a call of the kernel for each element.
pub(super) fn line<T: Pod>(op: Op, dtype: DType) -> Option<Line<T>> {
    macro_rules! arithmetic {
        ($t:ty, $add:expr, $mul:expr, $max:expr, $min:expr) => {
            match op {
                Op::Add => typed::<T, $t, _>($add),
                Op::Multiply => typed::<T, $t, _>($mul),
                Op::Maximum => typed::<T, $t, _>($max),
                Op::Minimum => typed::<T, $t, _>($min),
                _ => None,
            }
        };
    }
    macro_rules! int {
        ($t:ty) => {
            match op {
                Op::BitwiseAnd => typed::<T, $t, _>(<$t as Int>::and),
                Op::BitwiseOr => typed::<T, $t, _>(<$t as Int>::or),
                Op::BitwiseXor => typed::<T, $t, _>(<$t as Int>::xor),
                Op::Fmax => typed::<T, $t, _>(<$t as Ord>::max),
                Op::Fmin => typed::<T, $t, _>(<$t as Ord>::min),
                _ => arithmetic!($t, <$t as Int>::add, <$t as Int>::mul, <$t as Ord>::max, <$t as Ord>::min),
            }
        };
    }
    fn product<R: Real>(x: Complex<R>, y: Complex<R>) -> Complex<R> {
        Complex { re: x.re * y.re - x.im * y.im, im: x.re * y.im + x.im * y.re }
    }
    fn sum<R: Real>(x: Complex<R>, y: Complex<R>) -> Complex<R> {
        Complex { re: x.re + y.re, im: x.im + y.im }
    }
    match dtype {
        DType::Bool => match op {
            Op::LogicalAnd | Op::BitwiseAnd | Op::Multiply | Op::Minimum | Op::Fmin => {
                typed::<T, u8, _>(|x, y| x & y)
            }
            Op::LogicalOr | Op::BitwiseOr | Op::Add | Op::Maximum | Op::Fmax => {
                typed::<T, u8, _>(|x, y| x | y)
            }
            Op::LogicalXor | Op::BitwiseXor => typed::<T, u8, _>(|x, y| x ^ y),
            _ => None,
        },
        DType::I8 => int!(i8),
        DType::I16 => int!(i16),
        DType::I32 => int!(i32),
        DType::I64 => int!(i64),
        DType::U8 => int!(u8),
        DType::U16 => int!(u16),
        DType::U32 => int!(u32),
        DType::U64 => int!(u64),
        DType::F16 => {
            arithmetic!(
                f16,
                |x, y| half::narrow_one(x.to_f32() + y.to_f32()),
                |x, y| half::narrow_one(x.to_f32() * y.to_f32()),
                |x, y| half::narrow_one(float::maximum(x.to_f32(), y.to_f32())),
                |x, y| half::narrow_one(float::minimum(x.to_f32(), y.to_f32()))
            )
        }
        DType::F32 => {
            arithmetic!(f32, |x, y| x + y, |x, y| x * y, float::maximum::<f32>, float::minimum::<f32>)
        }
        DType::F64 => {
            arithmetic!(f64, |x, y| x + y, |x, y| x * y, float::maximum::<f64>, float::minimum::<f64>)
        }
        DType::C64 => arithmetic!(
            Complex<f32>,
            sum::<f32>,
            product::<f32>,
            complex::maximum::<f32>,
            complex::minimum::<f32>
        ),
        DType::C128 => arithmetic!(
            Complex<f64>,
            sum::<f64>,
            product::<f64>,
            complex::maximum::<f64>,
            complex::minimum::<f64>
        ),
    }
}

/// The line of a function of elements of type `E`, which are memory of type `T`.
fn typed<T: Pod, E: Copy + 'static, F: Fn(E, E) -> E + Copy>(_combine: F) -> Option<Line<T>> {
    if size_of::<T>() != size_of::<E>() || size_of::<F>() != 0 {
        return None;
    }
    Some(|so_far, line, steps| {
        // SAFETY: `F` has no size, and there was one: the one that `typed` was given.
        let combine: F = unsafe { std::mem::zeroed() };
        // SAFETY: elements of type `E` are what the memory holds, and it has their size.
        let element = |x: &T| unsafe { std::ptr::from_ref(x).cast::<E>().read_unaligned() };
        // SAFETY: as above.
        let memory = |x: E| unsafe { std::ptr::from_ref(&x).cast::<T>().read_unaligned() };
        let mut steps = steps.map(|steps| steps.iter_mut());
        let mut write = |x: E| {
            if let Some(step) = steps.as_mut().and_then(Iterator::next) {
                *step = memory(x);
            }
        };
        let mut line = line.iter();
        let mut sum = match so_far {
            Some(sum) => element(&sum),
            None => {
                let first = element(line.next()?);
                write(first);
                first
            }
        };
        for x in line {
            sum = combine(sum, element(x));
            write(sum);
        }
        Some(memory(sum))
    })
}
