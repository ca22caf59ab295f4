//! The streams of random words of NumPy's bit generators: filled in bulk, and moved on without being filled where that can be.
//!
//! Invariant: after any number of words the state is the one that NumPy's generator has after as many, in all that its `state` shows: halves
//! of words kept for later, buffered words, and what is left over from those that were used.

use super::philox::Philox;
use super::twister::Twister;
use bytemuck::Pod;

/// The multiplier of PCG64, and of PCG64DXSM.
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
const CHEAP: u128 = 0xda94_2042_e4dd_58b5;

/// A generator of random words with its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Generator {
    /// `numpy.random.PCG64`: state and increment.
    Pcg64([u128; 2]),
    /// `numpy.random.PCG64DXSM`: state and increment.
    Pcg64Dxsm([u128; 2]),
    /// `numpy.random.Philox`
    Philox(Philox),
    /// `numpy.random.SFC64`: three words and the counter.
    Sfc64([u64; 4]),
    /// `numpy.random.MT19937`
    Mt19937(Box<Twister>),
}

/// A generator, and the upper half of a word of which only the lower one was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Where words come from.
    pub generator: Generator,
    /// Whether the half is used next.
    pub has_half: bool,
    /// The half, or the last one that there was.
    pub half: u32,
}

/// State after `n` steps of a linear congruential generator.
fn jumped(state: u128, increment: u128, multiplier: u128, n: u64) -> u128 {
    let (factor, offset) = powers(increment, multiplier, n);
    state.wrapping_mul(factor).wrapping_add(offset)
}

/// Factor and offset that are `n` steps at once.
fn powers(increment: u128, multiplier: u128, mut n: u64) -> (u128, u128) {
    let (mut factor, mut offset): (u128, u128) = (1, 0);
    let (mut a, mut c) = (multiplier, increment);
    while n > 0 {
        if n & 1 == 1 {
            factor = factor.wrapping_mul(a);
            offset = offset.wrapping_mul(a).wrapping_add(c);
        }
        c = c.wrapping_mul(a.wrapping_add(1));
        a = a.wrapping_mul(a);
        n >>= 1;
    }
    (factor, offset)
}

#[inline(always)]
fn xsl_rr(state: u128) -> u64 {
    ((state >> 64) as u64 ^ state as u64).rotate_right((state >> 122) as u32)
}

#[inline(always)]
fn dxsm(state: u128) -> u64 {
    let (mut high, low) = ((state >> 64) as u64, state as u64 | 1);
    high ^= high >> 32;
    high = high.wrapping_mul(CHEAP as u64);
    high ^= high >> 48;
    high.wrapping_mul(low)
}

/// Fills from a linear congruential generator, four interleaved parts of its sequence at a time; `state` is the one of which the first word
/// is made. Returns the state after as many steps.
#[inline(always)]
fn congruential(
    mut state: u128,
    increment: u128,
    multiplier: u128,
    out: &mut [u64],
    word: impl Fn(u128) -> u64,
) -> u128 {
    let step = |state: u128| state.wrapping_mul(multiplier).wrapping_add(increment);
    let (factor, offset) = powers(increment, multiplier, 4);
    let mut fours = out.chunks_exact_mut(4);
    if fours.len() > 1 {
        let mut states = [state; 4];
        for k in 1..4 {
            states[k] = step(states[k - 1]);
        }
        for four in &mut fours {
            for (word_of, state) in four.iter_mut().zip(&mut states) {
                *word_of = word(*state);
                *state = state.wrapping_mul(factor).wrapping_add(offset);
            }
        }
        state = states[0];
        for word_of in fours.into_remainder() {
            *word_of = word(state);
            state = step(state);
        }
        return state;
    }
    for word_of in out {
        *word_of = word(state);
        state = step(state);
    }
    state
}

/// The next word of SFC64.
#[inline(always)]
fn sfc64(s: &mut [u64; 4]) -> u64 {
    let word = s[0].wrapping_add(s[1]).wrapping_add(s[3]);
    s[3] = s[3].wrapping_add(1);
    s[0] = s[1] ^ (s[1] >> 11);
    s[1] = s[2].wrapping_add(s[2] << 3);
    s[2] = s[2].rotate_left(24).wrapping_add(word);
    word
}

impl Stream {
    /// Whether it moves on by any number of words in no time.
    pub(super) fn jumps(&self) -> bool {
        matches!(self.generator, Generator::Pcg64(_) | Generator::Pcg64Dxsm(_) | Generator::Philox(_))
    }

    /// Whether doubles are made of two words of 32 bits.
    pub(super) fn has_short_words(&self) -> bool {
        matches!(self.generator, Generator::Mt19937(_))
    }

    /// The next words of 64 bits.
    pub(super) fn fill64(&mut self, out: &mut [u64]) {
        match &mut self.generator {
            Generator::Pcg64([state, increment]) => {
                // (Words are made of states after their step.)
                let first = state.wrapping_mul(MULTIPLIER).wrapping_add(*increment);
                congruential(first, *increment, MULTIPLIER, out, xsl_rr);
                *state = jumped(*state, *increment, MULTIPLIER, out.len() as u64);
            }
            Generator::Pcg64Dxsm([state, increment]) => {
                *state = congruential(*state, *increment, CHEAP, out, dxsm);
            }
            Generator::Philox(philox) => philox.fill(out),
            Generator::Sfc64(state) => {
                let mut s = *state;
                out.iter_mut().for_each(|word| *word = sfc64(&mut s));
                *state = s;
            }
            Generator::Mt19937(twister) => {
                let mut halves = [0u32; 256];
                for words in out.chunks_mut(halves.len() / 2) {
                    let halves = &mut halves[..2 * words.len()];
                    twister.fill(halves);
                    for (word, pair) in words.iter_mut().zip(halves.chunks_exact(2)) {
                        *word = u64::from(pair[0]) << 32 | u64::from(pair[1]);
                    }
                }
            }
        }
    }

    /// The next words of 32 bits.
    pub(super) fn fill32(&mut self, mut out: &mut [u32]) {
        if let Generator::Mt19937(twister) = &mut self.generator {
            return twister.fill(out);
        }
        if self.has_half && !out.is_empty() {
            (out[0], self.has_half) = (self.half, false);
            out = &mut out[1..];
        }
        let mut words = [0u64; 256];
        for halves in out.chunks_mut(2 * words.len()) {
            let words = &mut words[..halves.len().div_ceil(2)];
            self.fill64(words);
            let mut pairs = halves.chunks_exact_mut(2);
            for (pair, word) in (&mut pairs).zip(&*words) {
                (pair[0], pair[1]) = (*word as u32, (*word >> 32) as u32);
            }
            let last = words[words.len() - 1];
            self.half = (last >> 32) as u32;
            if let [low] = pairs.into_remainder() {
                (*low, self.has_half) = (last as u32, true);
            }
        }
    }

    /// Moves on by words of 64 bits.
    pub(super) fn skip64(&mut self, n: u64) {
        match &mut self.generator {
            Generator::Pcg64([state, increment]) => *state = jumped(*state, *increment, MULTIPLIER, n),
            Generator::Pcg64Dxsm([state, increment]) => *state = jumped(*state, *increment, CHEAP, n),
            Generator::Philox(philox) => philox.skip(n),
            Generator::Sfc64(state) => {
                let mut s = *state;
                for _ in 0..n {
                    sfc64(&mut s);
                }
                *state = s;
            }
            Generator::Mt19937(twister) => twister.skip(2 * n),
        }
    }

    /// Moves on by words of 32 bits.
    pub(super) fn skip32(&mut self, mut n: u64) {
        if let Generator::Mt19937(twister) = &mut self.generator {
            return twister.skip(n);
        }
        if n > 0 && self.has_half {
            self.has_half = false;
            n -= 1;
        }
        if n > 0 {
            self.skip64(n.div_ceil(2) - 1);
            let mut last = [0];
            self.fill64(&mut last);
            (self.half, self.has_half) = ((last[0] >> 32) as u32, n % 2 == 1);
        }
    }
}

/// What variates are made of: words of a stream, or parts of such.
pub(super) trait Unit: Pod + Send + Sync {
    /// So many come from one word of 32 bits, where they do.
    const PER_WORD: u64;

    /// The next ones, in memory of whole words of 64 bits.
    fn fill(stream: &mut Stream, memory: &mut [u64]);

    /// Moves on by what so many take, which is whole words.
    fn skip(stream: &mut Stream, n: u64);
}

/// Units of whole words of 64 bits, and others.
macro_rules! units {
    (whole $($unit:ty: $words:literal),*; parts $($part:ty: $per:literal),*) => {
        $(impl Unit for $unit {
            const PER_WORD: u64 = 1;
            fn fill(stream: &mut Stream, memory: &mut [u64]) {
                stream.fill64(memory);
            }
            fn skip(stream: &mut Stream, n: u64) {
                stream.skip64($words * n);
            }
        })*
        $(impl Unit for $part {
            const PER_WORD: u64 = $per;
            fn fill(stream: &mut Stream, memory: &mut [u64]) {
                stream.fill32(bytemuck::cast_slice_mut(memory));
            }
            fn skip(stream: &mut Stream, n: u64) {
                stream.skip32(n.div_ceil($per));
            }
        })*
    };
}
units!(whole u64: 1, [u64; 2]: 2; parts u32: 1, u16: 2, u8: 4);

/// Units in memory, and those that come after them.
pub(super) struct Units<'a, U> {
    near: &'a [U],
    pub(super) at: usize,
    /// Where the stream goes on after the near ones.
    stream: Stream,
    far: Vec<U>,
}

impl<'a, U: Unit> Units<'a, U> {
    pub(super) fn new(near: &'a [U], stream: Stream) -> Units<'a, U> {
        Units { near, at: 0, stream, far: Vec::new() }
    }

    /// The next ones in memory, if there are as many.
    #[inline(always)]
    pub(super) fn near(&self, count: usize) -> Option<&'a [U]> {
        self.near.get(self.at..)?.get(..count)
    }

    #[inline(always)]
    pub(super) fn next(&mut self) -> U {
        let at = self.at;
        self.at += 1;
        match self.near.get(at) {
            Some(unit) => *unit,
            None => self.beyond(at - self.near.len()),
        }
    }

    #[cold]
    fn beyond(&mut self, at: usize) -> U {
        while self.far.len() <= at {
            let mut memory = [0u64; 16];
            U::fill(&mut self.stream, &mut memory);
            self.far.extend_from_slice(bytemuck::cast_slice(&memory));
        }
        self.far[at]
    }
}
