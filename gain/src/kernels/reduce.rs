//! Reductions of a row to one element.
//!
//! A kernel folds its row into [`CHUNK`] lanes, then the lanes as a tree, and writes the result to its first output;
//! over no elements it writes the identity. Sums of rows of a tile are thus pairwise in quality.

use super::flags::Report;
use super::lanes::{scalar_fence, slot, wide};
use super::number::{Int, Real};
use super::{CHUNK, Kernel, Operands, Slot, complex, float};
use crate::dtype::{Category, DType, category};
use crate::ops::ReduceOp;
use num_complex::Complex;

/// An associative operation with a neutral element, on what `A` (one input) or `A` and `A` (two) are mapped to.
pub(crate) trait Monoid<T: Copy>: Copy {
    /// The neutral element.
    const IDENTITY: T;
    /// The operation.
    fn combine(x: T, y: T) -> T;
    /// Whether [`quick`](Monoid::quick) serves where sums are numbers.
    const QUICK: bool = false;
    /// The operation in fewer instructions, for numbers that are none of the special ones.
    #[inline(always)]
    fn quick(x: T, y: T) -> T {
        Self::combine(x, y)
    }
    /// `x + y`, which a special number makes one, too: then the operation itself is asked.
    #[inline(always)]
    fn sum(x: T, _: T) -> T {
        x
    }
    /// Whether a sum is special.
    #[inline(always)]
    fn is_special(_: T) -> bool {
        false
    }
}

/// How the inputs become the element that is folded.
pub(crate) trait Map<T: Copy>: Copy {
    /// Number of inputs.
    const INPUTS: usize;
    /// The element; `y` is `x` when there is one input.
    fn map(x: T, y: T) -> T;
}

/// Folds whole groups of `W` elements into lanes, for elements so small that [`CHUNK`] of them don't fill the registers.
///
/// # Safety
/// `n` elements are readable at both pointers.
#[inline(always)]
unsafe fn broad<T: Copy, F: Map<T>, M: Monoid<T>, const W: usize>(
    a: &mut *mut T,
    b: &mut *mut T,
    n: usize,
) -> [T; CHUNK] {
    let mut lanes = [M::IDENTITY; W];
    // SAFETY: the caller's promise.
    unsafe {
        for _ in 0..n / W {
            let x = a.cast::<[T; W]>().read_unaligned();
            let y = b.cast::<[T; W]>().read_unaligned();
            for i in 0..W {
                lanes[i] = M::combine(lanes[i], F::map(x[i], y[i]));
            }
            *a = a.add(W);
            *b = b.add(W);
        }
    }
    let mut sums = [M::IDENTITY; CHUNK];
    for (k, lane) in lanes.into_iter().enumerate() {
        sums[k % CHUNK] = M::combine(sums[k % CHUNK], lane);
    }
    sums
}

/// Folds `steps` times `W` elements by the quick operation; `None` if one of them may be special.
///
/// # Safety
/// As many elements are readable at both pointers.
#[inline(always)]
unsafe fn quick<T: Copy, F: Map<T>, M: Monoid<T>, const W: usize>(
    a: *mut T,
    b: *mut T,
    steps: usize,
) -> Option<[T; CHUNK]> {
    // SAFETY: the caller's promise.
    unsafe {
        let at = |k: usize| {
            let x = a.add(k * W).cast::<[T; W]>().read_unaligned();
            (x, b.add(k * W).cast::<[T; W]>().read_unaligned())
        };
        let (x, y) = at(0);
        let mut lanes = [M::IDENTITY; W];
        for i in 0..W {
            lanes[i] = F::map(x[i], y[i]);
        }
        let mut sums = lanes;
        for k in 1..steps {
            let (x, y) = at(k);
            for i in 0..W {
                let value = F::map(x[i], y[i]);
                lanes[i] = M::quick(lanes[i], value);
                sums[i] = M::sum(sums[i], value);
            }
        }
        if sums.into_iter().any(|sum| M::is_special(sum)) {
            return None;
        }
        let mut few = [M::IDENTITY; CHUNK];
        for (k, lane) in lanes.into_iter().enumerate() {
            few[k % CHUNK] = M::combine(few[k % CHUNK], lane);
        }
        Some(few)
    }
}

/// Folds `n` elements of the inputs, each given with its step from chunk to chunk.
///
/// # Safety
/// As a kernel's inputs.
#[inline(always)]
pub(super) unsafe fn fold<T: Copy, F: Map<T>, M: Monoid<T>>(
    (mut a, step_a): (*mut T, usize),
    (mut b, step_b): (*mut T, usize),
    n: usize,
) -> T {
    // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
    unsafe {
        let (mut lanes, mut left) = ([M::IDENTITY; CHUNK], n);
        macro_rules! quick {
            ($($size:literal: $width:literal),*) => {$(
                if M::QUICK
                    && size_of::<T>() == $size
                    && n >= 2 * $width
                    && step_a == CHUNK
                    && step_b == CHUNK
                    && let Some(found) = quick::<T, F, M, $width>(a, b, n / $width)
                {
                    (lanes, left) = (found, n % $width);
                    (a, b) = (a.add(n - left), b.add(n - left));
                }
            )*};
        }
        // As many as half of the registers hold, twice.
        quick!(4: 32, 8: 16);
        macro_rules! broad {
            ($($size:literal: $width:literal),*) => {$(
                if size_of::<T>() == $size && n >= 2 * $width && step_a == CHUNK && step_b == CHUNK {
                    (lanes, left) = (broad::<T, F, M, $width>(&mut a, &mut b, n), n % $width);
                }
            )*};
        }
        if left == n {
            broad!(1: 128, 2: 64, 4: 32);
        }
        for _ in 0..left / CHUNK {
            let x = a.cast::<[T; CHUNK]>().read_unaligned();
            let y = b.cast::<[T; CHUNK]>().read_unaligned();
            for i in 0..CHUNK {
                lanes[i] = M::combine(lanes[i], F::map(x[i], y[i]));
            }
            a = a.add(step_a);
            b = b.add(step_b);
        }
        let (mut tail, rest) = ([M::IDENTITY; CHUNK], n % CHUNK);
        for (i, place) in tail.iter_mut().enumerate().take(rest) {
            *place = F::map(a.add(i).read_unaligned(), b.add(i).read_unaligned());
            scalar_fence();
        }
        tree::<T, M>(&lanes, &tail, rest)
    }
}

#[inline(always)]
unsafe fn body<T: Copy, F: Map<T>, M: Monoid<T>>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract.
    unsafe {
        let a = slot::<T>(s, o.src[0]);
        let b = if F::INPUTS == 2 { slot::<T>(s, o.src[1]) } else { a };
        slot::<T>(s, o.dst[0]).0.write_unaligned(fold::<T, F, M>(a, b, n));
    }
}

/// Folds the lanes pairwise. Apart from the loop above, so that its order doesn't shuffle the loop's vectors.
#[inline(never)]
fn tree<T: Copy, M: Monoid<T>>(lanes: &[T; CHUNK], tail: &[T; CHUNK], rest: usize) -> T {
    let mut tree = *lanes;
    for i in 0..rest {
        tree[i] = M::combine(tree[i], tail[i]);
    }
    let mut width = CHUNK / 2;
    while width > 0 {
        for i in 0..width {
            tree[i] = M::combine(tree[i], tree[i + width]);
        }
        width /= 2;
    }
    tree[0]
}

unsafe fn base<T: Copy, F: Map<T>, M: Monoid<T>>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract.
    unsafe { body::<T, F, M>(n, s, o) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn avx2<T: Copy, F: Map<T>, M: Monoid<T>>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract.
    unsafe { body::<T, F, M>(n, s, o) }
}

fn kernel<T: Copy, F: Map<T>, M: Monoid<T>>() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return avx2::<T, F, M>;
    }
    base::<T, F, M>
}

/// Folds a row by code of its own: inlined into other loops it isn't made of vectors.
///
/// # Safety
/// `n` elements are readable.
#[inline(never)]
pub(super) unsafe fn row_base<T: Copy, M: Monoid<T>>(row: *mut T, n: usize) -> T {
    // SAFETY: passed on.
    unsafe { fold::<T, Same, M>((row, CHUNK), (row, CHUNK), n) }
}

/// The same.
///
/// # Safety
/// The processor has these; `n` elements are readable.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
pub(super) unsafe fn row_avx2<T: Copy, M: Monoid<T>>(row: *mut T, n: usize) -> T {
    // SAFETY: passed on.
    unsafe { fold::<T, Same, M>((row, CHUNK), (row, CHUNK), n) }
}

macro_rules! maps {
    ($($(#[$doc:meta])* $name:ident($inputs:literal) [$($bound:tt)*] |$x:ident, $y:ident| $e:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl<T: Copy + $($bound)*> Map<T> for $name {
            const INPUTS: usize = $inputs;
            #[inline(always)]
            fn map($x: T, $y: T) -> T { $e }
        }
    )*};
}

maps! {
    /// The element itself.
    Same(1) [] |x, _y| x;
    /// `x * y`
    Product(2) [Real] |x, y| x * y;
    /// `(x - y)^2`
    SquaredDifference(2) [Real] |x, y| { let d = x - y; d * d };
}

macro_rules! monoids {
    ($($name:ident [$t:ident: $($bound:tt)*] for $ty:ty, $identity:expr, |$x:ident, $y:ident| $e:expr;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl<$t: $($bound)*> Monoid<$ty> for $name {
            const IDENTITY: $ty = $identity;
            #[inline(always)]
            fn combine($x: $ty, $y: $ty) -> $ty { $e }
        }
    )*};
}

monoids! {
    IntSum [T: Int] for T, T::ZERO, |x, y| x.add(y);
    IntProd [T: Int] for T, T::ONE, |x, y| x.mul(y);
    IntMin [T: Int] for T, T::MAX, |x, y| if y < x { y } else { x };
    IntMax [T: Int] for T, T::MIN, |x, y| if y > x { y } else { x };
    IntAnd [T: Int] for T, T::ALL_ONES, |x, y| x.and(y);
    IntOr [T: Int] for T, T::ZERO, |x, y| x.or(y);
    IntXor [T: Int] for T, T::ZERO, |x, y| x.xor(y);
    RealSum [T: Real] for T, T::ZERO, |x, y| x + y;
    RealProd [T: Real] for T, T::ONE, |x, y| x * y;
    RealFMin [T: Real] for T, T::NAN, |x, y| float::fmin(x, y);
    RealFMax [T: Real] for T, T::NAN, |x, y| float::fmax(x, y);
    ComplexSum [T: Real] for Complex<T>, Complex { re: T::ZERO, im: T::ZERO },
        |x, y| Complex { re: x.re + y.re, im: x.im + y.im };
    ComplexProd [T: Real] for Complex<T>, Complex { re: T::ONE, im: T::ZERO },
        |x, y| Complex { re: x.re * y.re - x.im * y.im, im: x.re * y.im + x.im * y.re };
    ComplexMin [T: Real] for Complex<T>, Complex { re: T::INFINITY, im: T::INFINITY },
        |x, y| complex::minimum(x, y);
    ComplexMax [T: Real] for Complex<T>, Complex { re: T::NEG_INFINITY, im: T::NEG_INFINITY },
        |x, y| complex::maximum(x, y);
    ComplexFMin [T: Real] for Complex<T>, Complex { re: T::NAN, im: T::NAN }, |x, y| complex::fmin(x, y);
    ComplexFMax [T: Real] for Complex<T>, Complex { re: T::NAN, im: T::NAN }, |x, y| complex::fmax(x, y);
}

macro_rules! extremes {
    ($($name:ident, $identity:ident, $combine:ident, $beats:tt;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl<T: Real> Monoid<T> for $name {
            const IDENTITY: T = T::$identity;
            #[inline(always)]
            fn combine(x: T, y: T) -> T { float::$combine(x, y) }
            const QUICK: bool = true;
            #[inline(always)]
            fn quick(x: T, y: T) -> T { if x $beats y { x } else { y } }
            #[inline(always)]
            fn sum(x: T, y: T) -> T { x + y }
            #[inline(always)]
            fn is_special(x: T) -> bool { x.is_nan() }
        }
    )*};
}

extremes! {
    RealMin, INFINITY, minimum, <;
    RealMax, NEG_INFINITY, maximum, >;
}

/// What is made for the element type and monoid of a reduction.
pub(super) trait Visit {
    /// What is made.
    type Out;
    /// Makes it.
    fn visit<T: Copy, M: Monoid<T>>(self) -> Self::Out;
}

fn int<T: Int, V: Visit>(op: ReduceOp, v: V) -> Option<V::Out> {
    Some(match op {
        ReduceOp::Sum => v.visit::<T, IntSum>(),
        ReduceOp::Prod => v.visit::<T, IntProd>(),
        ReduceOp::Min | ReduceOp::FMin | ReduceOp::ArgMin => v.visit::<T, IntMin>(),
        ReduceOp::Max | ReduceOp::FMax | ReduceOp::ArgMax => v.visit::<T, IntMax>(),
        ReduceOp::And => v.visit::<T, IntAnd>(),
        ReduceOp::Or => v.visit::<T, IntOr>(),
        ReduceOp::Xor => v.visit::<T, IntXor>(),
        ReduceOp::Any | ReduceOp::All | ReduceOp::Parity => return None,
    })
}

fn real<T: Real, V: Visit>(op: ReduceOp, v: V) -> Option<V::Out> {
    Some(match op {
        ReduceOp::Sum => v.visit::<T, RealSum>(),
        ReduceOp::Prod => v.visit::<T, RealProd>(),
        ReduceOp::Min | ReduceOp::ArgMin => v.visit::<T, RealMin>(),
        ReduceOp::Max | ReduceOp::ArgMax => v.visit::<T, RealMax>(),
        ReduceOp::FMin => v.visit::<T, RealFMin>(),
        ReduceOp::FMax => v.visit::<T, RealFMax>(),
        _ => return None,
    })
}

fn complex_numbers<T: Real, V: Visit>(op: ReduceOp, v: V) -> Option<V::Out> {
    Some(match op {
        ReduceOp::Sum => v.visit::<Complex<T>, ComplexSum>(),
        ReduceOp::Prod => v.visit::<Complex<T>, ComplexProd>(),
        ReduceOp::Min | ReduceOp::ArgMin => v.visit::<Complex<T>, ComplexMin>(),
        ReduceOp::Max | ReduceOp::ArgMax => v.visit::<Complex<T>, ComplexMax>(),
        ReduceOp::FMin => v.visit::<Complex<T>, ComplexFMin>(),
        ReduceOp::FMax => v.visit::<Complex<T>, ComplexFMax>(),
        _ => return None,
    })
}

/// The reduction that folds bools (bytes 0 or 1) as integers would be.
fn as_byte(op: ReduceOp) -> ReduceOp {
    match op {
        ReduceOp::Sum | ReduceOp::Any => ReduceOp::Or,
        ReduceOp::Prod | ReduceOp::All => ReduceOp::And,
        ReduceOp::Parity => ReduceOp::Xor,
        other => other,
    }
}

/// Visits the element type and monoid of a reduction; `None` when the type has no such reduction.
pub(super) fn visit<V: Visit>(op: ReduceOp, dtype: DType, v: V) -> Option<V::Out> {
    match dtype {
        DType::Bool => int::<u8, V>(as_byte(op), v),
        DType::I8 => int::<i8, V>(op, v),
        DType::I16 => int::<i16, V>(op, v),
        DType::I32 => int::<i32, V>(op, v),
        DType::I64 => int::<i64, V>(op, v),
        DType::U8 => int::<u8, V>(op, v),
        DType::U16 => int::<u16, V>(op, v),
        DType::U32 => int::<u32, V>(op, v),
        DType::U64 => int::<u64, V>(op, v),
        // These are folded as `float32`.
        DType::F16 => None,
        DType::F32 => real::<f32, V>(op, v),
        DType::F64 => real::<f64, V>(op, v),
        DType::C64 => complex_numbers::<f32, V>(op, v),
        DType::C128 => complex_numbers::<f64, V>(op, v),
    }
}

/// The kernel that reduces a row; `None` when the type has no such reduction.
pub(crate) fn row(op: ReduceOp, dtype: DType) -> Option<Kernel> {
    struct Row;
    impl Visit for Row {
        type Out = Kernel;
        fn visit<T: Copy, M: Monoid<T>>(self) -> Kernel {
            kernel::<T, Same, M>()
        }
    }
    visit(op, dtype, Row)
}

/// The exceptions of a reduction's kernels, of rows and of lines.
pub(crate) fn report(op: ReduceOp, dtype: DType) -> Report {
    match (op, category(dtype)) {
        (ReduceOp::Sum | ReduceOp::Prod, Category::Float | Category::Complex) => Report::Exact,
        _ => Report::Never,
    }
}

/// The kernel of `sum(x * y)`.
pub(crate) fn sum_of_products(dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F32 => Some(kernel::<f32, Product, RealSum>()),
        DType::F64 => Some(kernel::<f64, Product, RealSum>()),
        _ => None,
    }
}

/// The kernel of `sum((x - y)^2)`.
pub(crate) fn sum_of_squared_differences(dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F32 => Some(kernel::<f32, SquaredDifference, RealSum>()),
        DType::F64 => Some(kernel::<f64, SquaredDifference, RealSum>()),
        _ => None,
    }
}

/// The elementwise operation that combines two results of [`row`].
pub(crate) fn pair(op: ReduceOp, dtype: DType) -> Option<Kernel> {
    use crate::ops::Op;
    let op = match op {
        ReduceOp::Sum => Op::Add,
        ReduceOp::Prod => Op::Multiply,
        ReduceOp::Min | ReduceOp::ArgMin => Op::Minimum,
        ReduceOp::Max | ReduceOp::ArgMax => Op::Maximum,
        ReduceOp::FMin => Op::Fmin,
        ReduceOp::FMax => Op::Fmax,
        ReduceOp::Any => Op::LogicalOr,
        ReduceOp::All => Op::LogicalAnd,
        ReduceOp::Parity => Op::LogicalXor,
        ReduceOp::And => Op::BitwiseAnd,
        ReduceOp::Or => Op::BitwiseOr,
        ReduceOp::Xor => Op::BitwiseXor,
    };
    super::table::uniform(op, dtype)
}
