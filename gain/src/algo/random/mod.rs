//! Random numbers that are NumPy's own, bit for bit, made by all ranks and threads together.
//!
//! [`words`] is the streams of NumPy's bit generators, [`decode`] what distributions make of words, [`walk`] how threads share a walk through
//! words of which variates take a varying number, [`place`] how ranks do, [`shuffle`] permutations. Seeding, and distributions that have no
//! way of their own here, are NumPy's.
//!
//! Invariant: elements and the state of the stream afterwards don't depend on the number of ranks or threads.

mod decode;
mod philox;
mod place;
mod shuffle;
mod state;
mod tables;
mod twister;
mod walk;
mod words;
mod ziggurat;

pub use philox::Philox;
pub use twister::Twister;
pub use words::{Generator, Stream};

use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::record::Node;
use crate::stage::{Room, Run, Spread, Stage};
use bytemuck::Pod;
use decode::{
    All, Bits, Bounded, Decode, Each, Exponential, Inverse, Linear, Masked, Normal, Polar, Scaled,
    ShortExponential, ShortInverse, ShortNormal, ShortUniform, Uniform, Whole,
};
use num_traits::{AsPrimitive, WrappingAdd};
use std::marker::PhantomData;
use std::sync::Arc;
use words::Unit;

/// What is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Draw {
    /// `random`: doubles in [0, 1).
    Random,
    /// `random` of `float32`.
    ShortRandom,
    /// `uniform`: `low + range * random`.
    Uniform {
        /// The lower end.
        low: f64,
        /// The upper end less the lower one.
        range: f64,
    },
    /// `standard_normal`
    StandardNormal,
    /// `standard_normal` of `float32`.
    ShortNormal,
    /// `normal`
    Normal {
        /// The mean.
        loc: f64,
        /// The standard deviation.
        scale: f64,
    },
    /// `standard_exponential`
    StandardExponential,
    /// `standard_exponential` of `float32`.
    ShortExponential,
    /// `exponential`
    Exponential {
        /// One over the rate.
        scale: f64,
    },
    /// `standard_exponential(method="inv")`, and with a scale that of `RandomState`.
    Inverse {
        /// One over the rate, unless it is 1.
        scale: Option<f64>,
    },
    /// `standard_exponential(method="inv")` of `float32`.
    ShortInverse,
    /// The normal distribution of `RandomState`.
    Polar {
        /// Mean and standard deviation, unless they are 0 and 1.
        linear: Option<(f64, f64)>,
    },
    /// `integers`, and of `RandomState` `randint`.
    Integers {
        /// Their type.
        dtype: DType,
        /// The least, as unsigned bits.
        low: u64,
        /// The greatest less the least; not 0.
        range: u64,
        /// Whether by masks, as `randint` does it.
        is_masked: bool,
    },
}

impl Draw {
    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Draw::ShortRandom | Draw::ShortNormal | Draw::ShortExponential | Draw::ShortInverse => DType::F32,
            Draw::Integers { dtype, .. } => *dtype,
            _ => DType::F64,
        }
    }

    /// What so many elements take, if that doesn't depend on what is drawn.
    fn steady_units(&self, len: usize) -> Option<Steady> {
        let len = len as u64;
        match self {
            Draw::Random | Draw::Uniform { .. } | Draw::Inverse { .. } => Some(Steady::Long(len)),
            Draw::ShortRandom | Draw::ShortInverse => Some(Steady::Short(len)),
            Draw::Integers { dtype: DType::Bool, .. } => Some(Steady::Short(len.div_ceil(32))),
            _ => None,
        }
    }
}

/// An array of this shape, drawn from a stream, which then stands behind what was used; `kept` is a normal variate that `Polar` made before, and
/// becomes the one that it keeps. Collective: all ranks have the same stream.
pub(crate) fn draw(
    what: Draw,
    stream: &mut Stream,
    kept: &mut Option<f64>,
    shape: &[usize],
) -> Result<Arc<Node>> {
    let stage = Stage::new("random").writes(shape, what.dtype(), Spread::Usual);
    let len = shape.iter().product();
    let steady = what.steady_units(len);
    let stage = if steady.is_some() { stage.foreseen() } else { stage };
    let made = stage.run(|room, runs| {
        let task = Task { stream, len, room };
        task.draw(what, kept, &mut runs[0])
    })?;
    let made = made.into_iter().next().expect("one result");
    match steady {
        // (Drawn by another job: the stream is moved on here as well.)
        Some(Steady::Long(words)) if made.is_elsewhere() => u64::skip(stream, words),
        Some(Steady::Short(words)) if made.is_elsewhere() => u32::skip(stream, words),
        _ => {}
    }
    Ok(made)
}

/// Units of a draw that takes as many whatever they are: of 64 bits, or of 32.
enum Steady {
    Long(u64),
    Short(u64),
}

/// Rows of permutations of 0, 1, 2, ..., one after the other from a stream. Collective.
pub(crate) fn shuffles(stream: &mut Stream, rows: usize, len: usize) -> Result<Arc<Node>> {
    let made = Stage::new("shuffle").writes(&[rows, len], DType::I64, Spread::Usual).run(|_, runs| {
        shuffle::shuffles(stream, rows, len, &mut runs[0]);
        Ok(())
    })?;
    Ok(made.into_iter().next().expect("one result"))
}

struct Task<'a, 'r> {
    stream: &'a mut Stream,
    len: usize,
    room: &'a Room<'r>,
}

impl Task<'_, '_> {
    fn draw(self, what: Draw, kept: &mut Option<f64>, run: &mut Run<'_>) -> Result<()> {
        let is_short = self.stream.has_short_words();
        match what {
            Draw::Random if is_short => self.each(Uniform::<_, true>(()), run),
            Draw::Random => self.each(Uniform::<_, false>(()), run),
            Draw::Uniform { low, range } if is_short => {
                self.each(Uniform::<_, true>(Linear(low, range)), run)
            }
            Draw::Uniform { low, range } => self.each(Uniform::<_, false>(Linear(low, range)), run),
            Draw::ShortRandom => self.each(ShortUniform, run),
            Draw::StandardNormal => self.run(Normal((), is_short), run),
            Draw::ShortNormal => self.run(ShortNormal, run),
            Draw::Normal { loc, scale } => self.run(Normal(Linear(loc, scale), is_short), run),
            Draw::StandardExponential => self.run(Exponential((), is_short), run),
            Draw::ShortExponential => self.run(ShortExponential, run),
            Draw::Exponential { scale } => self.run(Exponential(Scaled(scale), is_short), run),
            Draw::Inverse { scale: None } => self.each(Inverse((), is_short), run),
            Draw::Inverse { scale: Some(scale) } => self.each(Inverse(Scaled(scale), is_short), run),
            Draw::ShortInverse => self.each(ShortInverse, run),
            Draw::Polar { linear } => self.polar(linear, is_short, kept, run),
            Draw::Integers { dtype, low, range, is_masked } => match dtype {
                DType::Bool => self.each(Bits, run),
                DType::I8 | DType::U8 => self.integers::<u8, u8>(low as u8, range as u8, is_masked, run),
                DType::I16 | DType::U16 => {
                    self.integers::<u16, u16>(low as u16, range as u16, is_masked, run)
                }
                DType::I32 | DType::U32 => {
                    self.integers::<u32, u32>(low as u32, range as u32, is_masked, run)
                }
                DType::I64 | DType::U64 => match u32::try_from(range) {
                    Ok(range) => self.integers::<u32, u64>(low, range, is_masked, run),
                    Err(_) => self.integers::<u64, u64>(low, range, is_masked, run),
                },
                _ => Err(Error::new(Kind::Type, format!("Unsupported dtype {dtype} for integers"))),
            },
        }
    }

    /// Draws what takes a unit each, and moves the stream on.
    fn each<E: Each>(self, decode: E, run: &mut Run<'_>) -> Result<()> {
        let units = place::draw_each(&decode, self.stream, self.len, run);
        E::Unit::skip(self.stream, units);
        Ok(())
    }

    /// Draws, and moves the stream on.
    fn run<D: Decode>(self, decode: D, run: &mut Run<'_>) -> Result<()> {
        let drawn = place::draw(&decode, self.stream, 0, self.len, self.room, run)?;
        D::Unit::skip(self.stream, drawn.units);
        Ok(())
    }

    fn integers<U, T>(self, low: T, range: U, is_masked: bool, run: &mut Run<'_>) -> Result<()>
    where
        U: Whole + num_traits::PrimInt + num_traits::Unsigned + AsPrimitive<T>,
        T: Pod + Send + Sync + WrappingAdd,
    {
        if range == U::max_value() {
            return self.each(All { low, units: PhantomData::<U> }, run);
        }
        if is_masked {
            let mask = U::max_value() >> range.leading_zeros() as usize;
            return self.run(Masked { low, greatest: range, mask }, run);
        }
        let count = range + U::one();
        let threshold = (U::max_value() - range) % count;
        let all = 2f64.powi(8 * size_of::<U>() as i32);
        let given_up: u64 = threshold.as_();
        let rate = all / (all - given_up as f64);
        self.run(Bounded { low, count, threshold, rate }, run)
    }

    fn polar(
        self,
        linear: Option<(f64, f64)>,
        is_short: bool,
        kept: &mut Option<f64>,
        run: &mut Run<'_>,
    ) -> Result<()> {
        let lead = usize::from(kept.is_some()).min(self.len);
        if let (1, Some(first), 0) = (lead, *kept, run.range().start)
            && let Some(to) = run.elements::<f64>().first_mut()
        {
            *to = linear.map_or(first, |(loc, scale)| loc + scale * first);
        }
        if lead == 1 {
            *kept = None;
        }
        let is_odd = (self.len - lead) % 2 == 1;
        let (units, last) = match linear {
            None => {
                let drawn = place::draw(&Polar((), is_short), self.stream, lead, self.len, self.room, run)?;
                (drawn.units, drawn.last.map(|[_, kept]| kept))
            }
            Some((loc, scale)) => {
                let decode = Polar(Linear(loc, scale), is_short);
                let drawn = place::draw(&decode, self.stream, lead, self.len, self.room, run)?;
                // What is kept is of the standard: the last pair once more.
                let last = (drawn.units > 0).then(|| {
                    let mut before = self.stream.clone();
                    before.skip64(2 * (drawn.units - 1));
                    let mut pair = words::Units::new(&[], before);
                    decode::polar(&mut pair, is_short)[0]
                });
                (drawn.units, last)
            }
        };
        if is_odd {
            *kept = last;
        }
        <[u64; 2]>::skip(self.stream, units);
        Ok(())
    }
}
