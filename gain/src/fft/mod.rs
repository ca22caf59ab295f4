//! Discrete Fourier transforms along an axis.
//!
//! Lines that a rank has all of are transformed where they lie: many by the threads' sharing them ([`lines`]), one long line by
//! all threads together ([`long`]). The butterflies are those of `rustfft` and `realfft`; [`plans`] keeps what they prepare. What
//! is done with axes that are divided among the ranks is above this, in `array`.
//!
//! Invariant: a transform takes of each line as many elements as it needs, zeros where there are none, and what it gives doesn't
//! depend on how many threads there are.

mod lines;
mod long;
mod plans;
mod turn;
mod twiddles;

pub(crate) use lines::is_local;
pub(crate) use long::split;

use crate::dtype::{Complex32, Complex64, DType};
use crate::error::Result;
use crate::memory::afford;
use crate::record::{Arg, Node};
use crate::stage::{Reads, Spread, Stage};
use bytemuck::Pod;
use rustfft::FftNum;
use rustfft::num_complex::Complex;
use std::sync::Arc;

/// From what to what a transform goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// To as many complex elements.
    Complex,
    /// From real elements to the first half of the complex ones, the middle included: the others are their conjugates.
    FromReal,
    /// From that half to real elements.
    ToReal,
}

/// A transform of lines.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Transform {
    /// From what to what.
    pub form: Form,
    /// How long the transform is: at least 1.
    pub n: usize,
    /// Whether exponents are positive.
    pub is_inverse: bool,
    /// What results are multiplied with.
    pub scale: f64,
}

impl Transform {
    /// How many elements of a line it takes.
    pub fn taken(&self) -> usize {
        if self.form == Form::ToReal { self.n / 2 + 1 } else { self.n }
    }

    /// How many elements of a line it gives.
    pub fn given(&self) -> usize {
        if self.form == Form::FromReal { self.n / 2 + 1 } else { self.n }
    }

    /// The types of elements that it takes and gives of an array's.
    pub fn types(&self, dtype: DType) -> (DType, DType) {
        let is_single = matches!(dtype, DType::F16 | DType::F32 | DType::C64);
        let is_real = !matches!(dtype, DType::C64 | DType::C128);
        let (real, complex) = if is_single { (DType::F32, DType::C64) } else { (DType::F64, DType::C128) };
        match self.form {
            Form::Complex if is_real => (real, complex),
            Form::Complex => (complex, complex),
            Form::FromReal => (real, complex),
            Form::ToReal => (complex, real),
        }
    }
}

/// Lines of an array: how many elements each has, and how far apart they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    pub(crate) n: usize,
    pub(crate) inner: usize,
}

impl Lines {
    /// Those along an axis.
    pub(crate) fn of(shape: &[usize], axis: usize) -> Lines {
        Lines { n: shape[axis], inner: shape[axis + 1..].iter().product() }
    }
}

/// The numbers that transforms calculate with.
pub(crate) trait Real: FftNum + Pod + num_traits::Float {}
impl Real for f32 {}
impl Real for f64 {}

/// An element that a complex transform takes.
pub(crate) trait Part<T>: Pod + Sync + Send {
    fn widen(self) -> Complex<T>;
}

impl<T: Real> Part<T> for T {
    #[inline(always)]
    fn widen(self) -> Complex<T> {
        Complex::new(self, T::zero())
    }
}

impl<T: Real> Part<T> for Complex<T>
where
    Complex<T>: Pod,
{
    #[inline(always)]
    fn widen(self) -> Complex<T> {
        self
    }
}

/// What a line is multiplied with beside its transform: the element at `k` of line `first + l` with the unit root `k * (first + l)` of `n`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    n: usize,
    first: usize,
}

/// Transforms lines of a value along an axis, of which each rank has whole ones, to a value that is spread so. Collective.
pub(crate) fn local(
    value: Arg,
    shape: &[usize],
    axis: usize,
    dtype: DType,
    transform: &Transform,
    spread: Spread,
    turned: Option<usize>,
) -> Result<Arc<Node>> {
    let (from, to) = transform.types(dtype);
    let lines = Lines::of(shape, axis);
    let mut made: crate::view::Dims = shape.into();
    made[axis] = transform.given();
    let mut stage =
        Stage::new("fft").reads(value, shape, from, Reads::Own).writes(&made, to, spread).foreseen();
    let room_len = lines::room_for(transform, shape.iter().product::<usize>() / lines.n.max(1));
    if room_len > 0 {
        let complex = if matches!(to, DType::F32 | DType::C64) { DType::C64 } else { DType::C128 };
        stage = stage.writes(&[room_len], complex, Spread::Replicated);
    }
    let needed = if room_len > 0 { 0 } else { lines::needs(transform, lines, to) };
    if needed > 0 {
        stage = stage.can_fail();
    }
    let made = stage.run(|room, runs| {
        afford(needed)?;
        let (run, rest) = runs.split_first_mut().expect("a result");
        let turned = turned.map(|n| Turned { n, first: run.range().start / transform.given().max(1) });
        macro_rules! with {
            ($work:ident, $real:ty, $from:ty, $to:ty) => {{
                let spare = rest.first_mut().map(|run| run.elements::<Complex<$real>>()).unwrap_or_default();
                lines::$work(transform, room.own::<$from>(0), lines, run.elements::<$to>(), spare, turned);
            }};
        }
        match (transform.form, from) {
            (Form::Complex, DType::F32) => with!(complex, f32, f32, Complex32),
            (Form::Complex, DType::F64) => with!(complex, f64, f64, Complex64),
            (Form::Complex, DType::C64) => with!(complex, f32, Complex32, Complex32),
            (Form::Complex, _) => with!(complex, f64, Complex64, Complex64),
            (Form::FromReal, DType::F32) => with!(from_real, f32, f32, Complex32),
            (Form::FromReal, _) => with!(from_real, f64, f64, Complex64),
            (Form::ToReal, DType::C64) => with!(to_real, f32, Complex32, f32),
            (Form::ToReal, _) => with!(to_real, f64, Complex64, f64),
        }
        Ok(())
    })?;
    Ok(made.into_iter().next().expect("one result"))
}

/// Transforms few elements here and now, in C order in memory, from the types that the transform takes of `dtype`.
pub(crate) fn here(transform: &Transform, dtype: DType, from: &[u8], lines: Lines, to: &mut [u8]) {
    macro_rules! with {
        ($work:ident, $from:ty, $to:ty) => {{
            // (Of no elements the address may be any.)
            let from: &[$from] = if from.is_empty() { &[] } else { bytemuck::cast_slice(from) };
            let to: &mut [$to] = bytemuck::cast_slice_mut(to);
            lines::$work(transform, from, lines, to, &mut [], None)
        }};
    }
    match (transform.form, transform.types(dtype).0) {
        (Form::Complex, DType::F32) => with!(complex, f32, Complex32),
        (Form::Complex, DType::F64) => with!(complex, f64, Complex64),
        (Form::Complex, DType::C64) => with!(complex, Complex32, Complex32),
        (Form::Complex, _) => with!(complex, Complex64, Complex64),
        (Form::FromReal, DType::F32) => with!(from_real, f32, Complex32),
        (Form::FromReal, _) => with!(from_real, f64, Complex64),
        (Form::ToReal, DType::C64) => with!(to_real, Complex32, f32),
        (Form::ToReal, _) => with!(to_real, Complex64, f64),
    }
}
