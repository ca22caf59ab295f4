//! One operation of two inputs applied to rows of elements, by its kernel.
//!
//! Elements are memory of the loop's size: the loop's inputs and its output have one type.

use super::REFUSED;
use crate::dtype::{DType, f16};
use crate::kernels::flags::{self, Report};
use crate::kernels::lanes::conjure;
use crate::kernels::number::{Int, Real};
use crate::kernels::{CHUNK, Kernel, Operands, Slot, complex, float, half, reduce, reports, table};
use crate::ops::{Loop, Op, ReduceOp};
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
        let report = reports::of(op);
        if matches!(report, Report::Exact) {
            flags::clear();
        }
        let item_bytes = op.outputs[0].size_bytes();
        Rows { kernel: table::kernel(op), report, item_bytes, found: 0, refused: 0 }
    }

    /// For a loop whose elements a [`line`] combines: what it raises is in the processor's flags.
    pub(super) fn of_line(op: &Loop) -> Rows {
        let mut rows = Rows::new(op);
        if !matches!(rows.report, Report::Never) {
            flags::clear();
            rows.report = Report::Exact;
        }
        rows
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

/// What is made of an operation on elements of type `E`, which are memory of type `T`.
pub(super) trait Visit<T> {
    /// What is made.
    type Out;
    /// Makes it of a function without captures.
    fn visit<E: Copy + 'static, F: Fn(E, E) -> E + Copy + Sync>(self, combine: F) -> Self::Out;
}

/// Makes something of an operation that is no more than a few instructions, or a call of the C library, which beats a call
/// of the kernel for each element. All exceptions are in the processor's flags then.
pub(super) fn visit<T: Pod, V: Visit<T>>(op: Op, dtype: DType, v: V) -> Option<V::Out> {
    macro_rules! arithmetic {
        ($t:ty, $add:expr, $sub:expr, $mul:expr, $max:expr, $min:expr) => {
            match op {
                Op::Add => visit_as::<T, $t, _, _>(v, $add),
                Op::Subtract => visit_as::<T, $t, _, _>(v, $sub),
                Op::Multiply => visit_as::<T, $t, _, _>(v, $mul),
                Op::Maximum => visit_as::<T, $t, _, _>(v, $max),
                Op::Minimum => visit_as::<T, $t, _, _>(v, $min),
                _ => None,
            }
        };
    }
    macro_rules! int {
        ($t:ty) => {
            match op {
                Op::BitwiseAnd => visit_as::<T, $t, _, _>(v, <$t as Int>::and),
                Op::BitwiseOr => visit_as::<T, $t, _, _>(v, <$t as Int>::or),
                Op::BitwiseXor => visit_as::<T, $t, _, _>(v, <$t as Int>::xor),
                Op::Fmax => visit_as::<T, $t, _, _>(v, <$t as Ord>::max),
                Op::Fmin => visit_as::<T, $t, _, _>(v, <$t as Ord>::min),
                _ => arithmetic!(
                    $t,
                    <$t as Int>::add,
                    <$t as Int>::sub,
                    <$t as Int>::mul,
                    <$t as Ord>::max,
                    <$t as Ord>::min
                ),
            }
        };
    }
    macro_rules! float {
        ($t:ty) => {
            match op {
                Op::Divide => visit_as::<T, $t, _, _>(v, |x, y| x / y),
                Op::Power | Op::FloatPower => visit_as::<T, $t, _, _>(v, |x: $t, y: $t| x.powf(y)),
                Op::Hypot => visit_as::<T, $t, _, _>(v, |x: $t, y: $t| x.hypot(y)),
                Op::Arctan2 => visit_as::<T, $t, _, _>(v, |x: $t, y: $t| x.atan2(y)),
                Op::Logaddexp => visit_as::<T, $t, _, _>(v, float::log_add_exp::<$t>),
                Op::Logaddexp2 => visit_as::<T, $t, _, _>(v, float::log_add_exp2::<$t>),
                Op::Fmod => visit_as::<T, $t, _, _>(v, |x, y| x % y),
                Op::Remainder => visit_as::<T, $t, _, _>(v, float::remainder::<$t>),
                Op::FloorDivide => visit_as::<T, $t, _, _>(v, float::floor_divide::<$t>),
                _ => arithmetic!(
                    $t,
                    |x, y| x + y,
                    |x, y| x - y,
                    |x, y| x * y,
                    float::maximum::<$t>,
                    float::minimum::<$t>
                ),
            }
        };
    }
    fn product<R: Real>(x: Complex<R>, y: Complex<R>) -> Complex<R> {
        Complex { re: x.re * y.re - x.im * y.im, im: x.re * y.im + x.im * y.re }
    }
    fn sum<R: Real>(x: Complex<R>, y: Complex<R>) -> Complex<R> {
        Complex { re: x.re + y.re, im: x.im + y.im }
    }
    fn difference<R: Real>(x: Complex<R>, y: Complex<R>) -> Complex<R> {
        Complex { re: x.re - y.re, im: x.im - y.im }
    }
    macro_rules! complex {
        ($r:ty) => {
            arithmetic!(
                Complex<$r>,
                sum::<$r>,
                difference::<$r>,
                product::<$r>,
                complex::maximum::<$r>,
                complex::minimum::<$r>
            )
        };
    }
    match dtype {
        DType::Bool => match op {
            Op::LogicalAnd | Op::BitwiseAnd | Op::Multiply | Op::Minimum | Op::Fmin => {
                visit_as::<T, u8, _, _>(v, |x, y| x & y)
            }
            Op::LogicalOr | Op::BitwiseOr | Op::Add | Op::Maximum | Op::Fmax => {
                visit_as::<T, u8, _, _>(v, |x, y| x | y)
            }
            Op::LogicalXor | Op::BitwiseXor => visit_as::<T, u8, _, _>(v, |x, y| x ^ y),
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
        DType::F16 => arithmetic!(
            f16,
            |x, y| half::narrow_one(x.to_f32() + y.to_f32()),
            |x, y| half::narrow_one(x.to_f32() - y.to_f32()),
            |x, y| half::narrow_one(x.to_f32() * y.to_f32()),
            |x, y| half::narrow_one(float::maximum(x.to_f32(), y.to_f32())),
            |x, y| half::narrow_one(float::minimum(x.to_f32(), y.to_f32()))
        ),
        DType::F32 => float!(f32),
        DType::F64 => float!(f64),
        DType::C64 => complex!(f32),
        DType::C128 => complex!(f64),
    }
}

/// For elements of type `E`, if that is how large they are.
fn visit_as<T, E: Copy + 'static, F: Fn(E, E) -> E + Copy + Sync, V: Visit<T>>(
    v: V,
    combine: F,
) -> Option<V::Out> {
    (size_of::<T>() == size_of::<E>()).then(|| v.visit::<E, F>(combine))
}

/// An element, from its memory.
#[inline(always)]
pub(super) fn element<T, E: Copy>(x: &T) -> E {
    assert_eq!(size_of::<T>(), size_of::<E>(), "one element of another type");
    // SAFETY: elements of type `E` are what the memory holds, and it has their size.
    unsafe { std::ptr::from_ref(x).cast::<E>().read_unaligned() }
}

/// Folds a line: from the value so far on, or from the first element on, and writes what it comes to after each element
/// if asked for.
pub(super) type Line<T> = fn(so_far: Option<T>, line: &[T], steps: Option<&mut [T]>) -> Option<T>;

/// The line of an operation, where there is one.
pub(super) fn line<T: Pod>(op: Op, dtype: DType) -> Option<Line<T>> {
    struct Lines;
    impl<T: Pod> Visit<T> for Lines {
        type Out = Line<T>;
        fn visit<E: Copy + 'static, F: Fn(E, E) -> E + Copy + Sync>(self, _combine: F) -> Line<T> {
            |so_far, line, steps| {
                // SAFETY: there was one: the one that `visit` was given.
                let combine = unsafe { conjure::<F>() };
                let mut steps = steps.map(|steps| steps.iter_mut());
                let mut write = |x: E| {
                    if let Some(step) = steps.as_mut().and_then(Iterator::next) {
                        *step = element(&x);
                    }
                };
                let mut line = line.iter();
                let mut sum: E = match so_far {
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
                Some(element(&sum))
            }
        }
    }
    visit(op, dtype, Lines)
}

/// The reduction that a fused pass would make of a row, where the order is free: the kernel combines the row's elements.
pub(super) fn row(op: Op, dtype: DType) -> Option<Kernel> {
    let reduction = match op {
        Op::Add => ReduceOp::Sum,
        Op::Multiply => ReduceOp::Prod,
        Op::Maximum => ReduceOp::Max,
        Op::Minimum => ReduceOp::Min,
        _ => return None,
    };
    reduce::row(reduction, dtype)
}
