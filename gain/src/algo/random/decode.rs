//! How variates are made of words: each distribution as a step that takes one word or more.
//!
//! Invariant: a step is NumPy's arithmetic in NumPy's order, so that its bits are NumPy's; it depends on the words from its place on and on
//! nothing before. Two walks through the same words that come to one place go on alike.

use super::words::{Unit, Units};
use super::ziggurat::{
    EXPONENTIAL, EXPONENTIAL_R, NORMAL, NORMAL_INV_R, NORMAL_R, SHORT_EXPONENTIAL, SHORT_NORMAL,
};
use bytemuck::Pod;
use num_traits::{AsPrimitive, WrappingAdd};
use std::marker::PhantomData;

/// A distribution.
pub(super) trait Decode: Sync {
    /// What it takes.
    type Unit: Unit;
    /// An element of the result.
    type Value: Pod + Send + Sync;
    /// What a step makes: one element, or some.
    type Made: Pod + Send + Sync;
    /// How many units a step takes on average.
    fn rate(&self) -> f64;

    /// The next step.
    fn step(&self, units: &mut Units<'_, Self::Unit>) -> Self::Made;

    /// Whether most units are a step each, so that many are tried at once.
    fn is_even(&self) -> bool {
        false
    }

    /// Makes a step of each of these units, if all are one; else what it has made means nothing.
    #[inline(always)]
    fn try_each(&self, _units: &[Self::Unit; TOGETHER], _made: &mut [Self::Made; TOGETHER]) -> bool {
        false
    }
}

/// Units that are tried at once.
pub(super) const TOGETHER: usize = 16;

/// A distribution of which each step takes one unit.
pub(super) trait Each: Sync {
    /// As those of [`Decode`].
    type Unit: Unit;
    /// As those of [`Decode`].
    type Value: Pod + Send + Sync;
    /// As those of [`Decode`].
    type Made: Pod + Send + Sync;

    /// What a unit makes.
    fn of(&self, unit: Self::Unit) -> Self::Made;
}

/// In [0, 1) of a word of 64 bits, or of two of 32.
#[inline(always)]
pub(super) fn double(word: u64, is_short: bool) -> f64 {
    let bits = if is_short { (word >> 37 << 26) | (word as u32 >> 6) as u64 } else { word >> 11 };
    bits as i64 as f64 * (1.0 / (1u64 << 53) as f64)
}

#[inline(always)]
pub(super) fn float(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

/// What becomes of a variate: `offset + scale * x`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear(pub(super) f64, pub(super) f64);

/// Whether it is done, so that nothing is for variates of the standard.
pub(super) trait Finish: Sync {
    fn of(&self, x: f64) -> f64;
}

impl Finish for Linear {
    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        self.0 + self.1 * x
    }
}

/// `scale * x`
#[derive(Clone, Copy, Debug)]
pub(super) struct Scaled(pub(super) f64);

impl Finish for Scaled {
    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        self.0 * x
    }
}

impl Finish for () {
    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        x
    }
}

/// Doubles of one word.
pub(super) struct Uniform<F, const IS_SHORT: bool>(pub(super) F);

impl<F: Finish, const IS_SHORT: bool> Each for Uniform<F, IS_SHORT> {
    type Unit = u64;
    type Value = f64;
    type Made = f64;

    #[inline(always)]
    fn of(&self, unit: u64) -> f64 {
        self.0.of(double(unit, IS_SHORT))
    }
}

/// `random` of `float32`.
pub(super) struct ShortUniform;

impl Each for ShortUniform {
    type Unit = u32;
    type Value = f32;
    type Made = f32;

    #[inline(always)]
    fn of(&self, unit: u32) -> f32 {
        float(unit)
    }
}

/// The exponential distribution by its inverse, before scaling.
pub(super) struct Inverse<F>(pub(super) F, pub(super) bool);

impl<F: Finish> Each for Inverse<F> {
    type Unit = u64;
    type Value = f64;
    type Made = f64;

    #[inline(always)]
    fn of(&self, unit: u64) -> f64 {
        self.0.of(-(-double(unit, self.1)).ln_1p())
    }
}

/// As [`Inverse`], of `float32`.
pub(super) struct ShortInverse;

impl Each for ShortInverse {
    type Unit = u32;
    type Value = f32;
    type Made = f32;

    #[inline(always)]
    fn of(&self, unit: u32) -> f32 {
        // (NumPy rounds the logarithm of a double.)
        -(-f64::from(float(unit))).ln_1p() as f32
    }
}

/// The normal distribution by the ziggurat; how doubles are made is asked in the tail and at edges only.
pub(super) struct Normal<F>(pub(super) F, pub(super) bool);

impl<F: Finish> Decode for Normal<F> {
    type Unit = u64;
    type Value = f64;
    type Made = f64;

    fn rate(&self) -> f64 {
        1.0222
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, u64>) -> f64 {
        loop {
            let word = units.next();
            let (layer, rest) = ((word & 0xff) as usize, word >> 9);
            let length = rest & 0x000f_ffff_ffff_ffff;
            let x = length as i64 as f64 * NORMAL.width[layer];
            // (The sign is a bit of the word; a product is never NaN.)
            let x = f64::from_bits(x.to_bits() ^ (word >> 8 & 1) << 63);
            if length < NORMAL.inside[layer] {
                return self.0.of(x);
            }
            if let Some(x) = normal_edge(units, layer, length, x, self.1) {
                return self.0.of(x);
            }
        }
    }
}

/// What becomes of a word that isn't inside.
#[cold]
#[inline(never)]
fn normal_edge(units: &mut Units<'_, u64>, layer: usize, length: u64, x: f64, is_short: bool) -> Option<f64> {
    let mut next = || double(units.next(), is_short);
    if layer > 0 {
        let density = &NORMAL.density;
        let height = (density[layer - 1] - density[layer]) * next() + density[layer];
        return (height < (-0.5 * x * x).exp()).then_some(x);
    }
    loop {
        let along = -NORMAL_INV_R * (-next()).ln_1p();
        let up = -(-next()).ln_1p();
        if up + up > along * along {
            let x = NORMAL_R + along;
            return Some(if length >> 8 & 1 == 1 { -x } else { x });
        }
    }
}

/// The normal distribution of `float32`.
pub(super) struct ShortNormal;

impl Decode for ShortNormal {
    type Unit = u32;
    type Value = f32;
    type Made = f32;

    fn rate(&self) -> f64 {
        1.0222
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, u32>) -> f32 {
        loop {
            let word = units.next();
            let (layer, length) = ((word & 0xff) as usize, word >> 9);
            let x = length as f32 * SHORT_NORMAL.width[layer];
            let x = f32::from_bits(x.to_bits() ^ (word >> 8 & 1) << 31);
            if length < SHORT_NORMAL.inside[layer] {
                return x;
            }
            if let Some(x) = short_normal_edge(units, layer, length, x) {
                return x;
            }
        }
    }
}

#[cold]
#[inline(never)]
fn short_normal_edge(units: &mut Units<'_, u32>, layer: usize, length: u32, x: f32) -> Option<f32> {
    let mut next = || float(units.next());
    if layer > 0 {
        let density = &SHORT_NORMAL.density;
        let height = (density[layer - 1] - density[layer]) * next() + density[layer];
        return (f64::from(height) < (-0.5 * f64::from(x) * f64::from(x)).exp()).then_some(x);
    }
    loop {
        let along = -(NORMAL_INV_R as f32) * (-next()).ln_1p();
        let up = -(-next()).ln_1p();
        if up + up > along * along {
            let x = NORMAL_R as f32 + along;
            return Some(if length >> 8 & 1 == 1 { -x } else { x });
        }
    }
}

/// The exponential distribution by the ziggurat.
pub(super) struct Exponential<F>(pub(super) F, pub(super) bool);

impl<F: Finish> Decode for Exponential<F> {
    type Unit = u64;
    type Value = f64;
    type Made = f64;

    fn rate(&self) -> f64 {
        1.0225
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, u64>) -> f64 {
        loop {
            let word = units.next() >> 3;
            let (layer, length) = ((word & 0xff) as usize, word >> 8);
            let x = length as i64 as f64 * EXPONENTIAL.width[layer];
            if length < EXPONENTIAL.inside[layer] {
                return self.0.of(x);
            }
            if let Some(x) = exponential_edge(units, layer, x, self.1) {
                return self.0.of(x);
            }
        }
    }
}

#[cold]
#[inline(never)]
fn exponential_edge(units: &mut Units<'_, u64>, layer: usize, x: f64, is_short: bool) -> Option<f64> {
    let next = double(units.next(), is_short);
    if layer == 0 {
        return Some(EXPONENTIAL_R - (-next).ln_1p());
    }
    let density = &EXPONENTIAL.density;
    ((density[layer - 1] - density[layer]) * next + density[layer] < (-x).exp()).then_some(x)
}

/// The exponential distribution of `float32`.
pub(super) struct ShortExponential;

impl Decode for ShortExponential {
    type Unit = u32;
    type Value = f32;
    type Made = f32;

    fn rate(&self) -> f64 {
        1.0225
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, u32>) -> f32 {
        loop {
            let word = units.next() >> 1;
            let (layer, length) = ((word & 0xff) as usize, word >> 8);
            let x = length as f32 * SHORT_EXPONENTIAL.width[layer];
            if length < SHORT_EXPONENTIAL.inside[layer] {
                return x;
            }
            if let Some(x) = short_exponential_edge(units, layer, x) {
                return x;
            }
        }
    }
}

#[cold]
#[inline(never)]
fn short_exponential_edge(units: &mut Units<'_, u32>, layer: usize, x: f32) -> Option<f32> {
    let next = float(units.next());
    if layer == 0 {
        return Some(EXPONENTIAL_R as f32 - (-next).ln_1p());
    }
    let density = &SHORT_EXPONENTIAL.density;
    ((density[layer - 1] - density[layer]) * next + density[layer] < (-x).exp()).then_some(x)
}

/// Pairs of normal variates by the polar method, the one that is used first in front.
pub(super) struct Polar<F>(pub(super) F, pub(super) bool);

impl<F: Finish> Decode for Polar<F> {
    // (Each try takes two words, so walks that begin between them would never meet.)
    type Unit = [u64; 2];
    type Value = f64;
    type Made = [f64; 2];

    fn rate(&self) -> f64 {
        4.0 / std::f64::consts::PI
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, [u64; 2]>) -> [f64; 2] {
        let [kept, used] = polar(units, self.1);
        [self.0.of(used), self.0.of(kept)]
    }
}

/// The pair in the order in which it is made: the one that is kept for later, and the one that is used.
#[inline(always)]
pub(super) fn polar(units: &mut Units<'_, [u64; 2]>, is_short: bool) -> [f64; 2] {
    loop {
        let [a, b] = units.next();
        let (x, y) = (2.0 * double(a, is_short) - 1.0, 2.0 * double(b, is_short) - 1.0);
        let r = x * x + y * y;
        if r < 1.0 && r != 0.0 {
            let factor = (-2.0 * r.ln() / r).sqrt();
            return [factor * x, factor * y];
        }
    }
}

/// Units as they are, from a first number on.
pub(super) struct All<U, T> {
    pub(super) low: T,
    pub(super) units: PhantomData<U>,
}

impl<U: Unit + AsPrimitive<T>, T: Pod + Send + Sync + WrappingAdd> Each for All<U, T> {
    type Unit = U;
    type Value = T;
    type Made = T;

    #[inline(always)]
    fn of(&self, unit: U) -> T {
        self.low.wrapping_add(&unit.as_())
    }
}

/// Numbers up to a greatest one, from a first number on: the lower bits of a unit if they aren't too large.
pub(super) struct Masked<U, T> {
    pub(super) low: T,
    pub(super) greatest: U,
    pub(super) mask: U,
}

/// Integers that are units.
pub(super) trait Whole: Unit + Ord + AsPrimitive<u64> + std::ops::BitAnd<Output = Self> {
    /// The upper and the lower half of a product.
    fn wide(self, by: Self) -> (Self, Self);
}

/// Products of twice the width.
macro_rules! wide {
    ($($t:ty: $w:ty),*) => {
        $(impl Whole for $t {
            #[inline(always)]
            fn wide(self, by: $t) -> ($t, $t) {
                let product = <$w>::from(self) * <$w>::from(by);
                ((product >> <$t>::BITS) as $t, product as $t)
            }
        })*
    };
}
wide!(u8: u16, u16: u32, u32: u64, u64: u128);

impl<U: Whole + AsPrimitive<T>, T: Pod + Send + Sync + WrappingAdd> Decode for Masked<U, T> {
    type Unit = U;
    type Value = T;
    type Made = T;

    fn rate(&self) -> f64 {
        let (mask, greatest): (u64, u64) = (self.mask.as_(), self.greatest.as_());
        (mask as f64 + 1.0) / (greatest as f64 + 1.0)
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, U>) -> T {
        loop {
            let found = units.next() & self.mask;
            if found <= self.greatest {
                return self.low.wrapping_add(&found.as_());
            }
        }
    }
}

/// As many numbers, from a first one on, by Lemire's product.
pub(super) struct Bounded<U, T> {
    pub(super) low: T,
    pub(super) count: U,
    /// Lower halves below are given up.
    pub(super) threshold: U,
    pub(super) rate: f64,
}

impl<U: Whole + AsPrimitive<T>, T: Pod + Send + Sync + WrappingAdd> Decode for Bounded<U, T> {
    type Unit = U;
    type Value = T;
    type Made = T;

    fn rate(&self) -> f64 {
        self.rate
    }

    fn is_even(&self) -> bool {
        self.rate < 1.001
    }

    #[inline(always)]
    fn try_each(&self, units: &[U; TOGETHER], made: &mut [T; TOGETHER]) -> bool {
        let mut are_all = true;
        for (unit, to) in units.iter().zip(made) {
            let (found, rest) = unit.wide(self.count);
            are_all &= rest >= self.threshold;
            *to = self.low.wrapping_add(&found.as_());
        }
        are_all
    }

    #[inline(always)]
    fn step(&self, units: &mut Units<'_, U>) -> T {
        loop {
            let (found, rest) = units.next().wide(self.count);
            if rest >= self.threshold {
                return self.low.wrapping_add(&found.as_());
            }
        }
    }
}

/// Truth values: the bits of a word of 32, the lowest first.
pub(super) struct Bits;

impl Each for Bits {
    type Unit = u32;
    type Value = u8;
    type Made = [u8; 32];

    #[inline(always)]
    fn of(&self, unit: u32) -> [u8; 32] {
        let word = unit;
        std::array::from_fn(|bit| (word >> bit & 1) as u8)
    }
}
