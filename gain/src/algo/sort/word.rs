//! Elements as unsigned words whose order is NumPy's: NaN behind all numbers, complex numbers by their real parts first.
//!
//! What is sorted are words only. A word is a key from which the element can be made again, or a key with something in
//! its low bits that goes along: the element's number along the axis, or the element itself. [`Kind`] has the loops that
//! make words of elements, and of words what the result has in memory.

use crate::dtype::{Complex32, Complex64, f16};
use bytemuck::{Pod, Zeroable};

/// An unsigned number that is sorted.
pub(super) trait Word: Pod + Ord + Send + Sync {
    const BITS: u32;

    /// Its upper bits: words that differ there are in that order.
    fn top(self) -> u64;

    /// The bits behind those as far as they tell words apart that others take to be equal.
    fn next(self) -> u64 {
        0
    }

    /// The least word with these upper bits.
    fn of_top(top: u64) -> Self;

    /// The bits from `shift` on, as many as a number has.
    fn digit(self, shift: u32) -> usize;

    /// How many upper bits it has in common with another one.
    fn common(self, other: Self) -> u32;
}

macro_rules! words {
    ($($t:ty)*) => {$(
        impl Word for $t {
            const BITS: u32 = <$t>::BITS;

            #[inline]
            fn top(self) -> u64 {
                u64::from(self)
            }

            #[inline]
            fn of_top(top: u64) -> $t {
                top as $t
            }

            #[inline]
            fn digit(self, shift: u32) -> usize {
                (self >> shift) as usize
            }

            #[inline]
            fn common(self, other: $t) -> u32 {
                (self ^ other).leading_zeros()
            }
        }
    )*};
}
words!(u8 u16 u32 u64);

impl Word for u128 {
    const BITS: u32 = 128;

    #[inline]
    fn top(self) -> u64 {
        (self >> 64) as u64
    }

    #[inline]
    fn of_top(top: u64) -> u128 {
        u128::from(top) << 64
    }

    #[inline]
    fn digit(self, shift: u32) -> usize {
        (self >> shift) as usize
    }

    #[inline]
    fn common(self, other: u128) -> u32 {
        (self ^ other).leading_zeros()
    }
}

/// A wide key, and what goes along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Wide(u128, u128);

impl Word for Wide {
    const BITS: u32 = 256;

    #[inline]
    fn top(self) -> u64 {
        self.0.top()
    }

    #[inline]
    fn next(self) -> u64 {
        self.0 as u64
    }

    #[inline]
    fn of_top(top: u64) -> Wide {
        Wide(u128::of_top(top), 0)
    }

    #[inline]
    fn digit(self, shift: u32) -> usize {
        match shift {
            0 => self.1 as usize,
            1..128 => (self.1 >> shift | self.0 << (128 - shift)) as usize,
            _ => (self.0 >> (shift - 128)) as usize,
        }
    }

    #[inline]
    fn common(self, other: Wide) -> u32 {
        match self.0 == other.0 {
            true => 128 + (self.1 ^ other.1).leading_zeros(),
            false => (self.0 ^ other.0).leading_zeros(),
        }
    }
}

/// What a result's memory holds of a word.
pub(super) trait Low<O>: Word {
    fn low(self) -> O;
}

macro_rules! low {
    ($($word:ty, $memory:ty: |$x:ident| $low:expr;)*) => {$(
        impl Low<$memory> for $word {
            #[inline]
            fn low(self) -> $memory {
                let $x = self;
                $low
            }
        }
    )*};
}
low! {
    u8, u8: |x| x;
    u16, u16: |x| x;
    u32, u32: |x| x;
    u64, u64: |x| x;
    u128, u64: |x| x as u64;
    Wide, u64: |x| x.1 as u64;
    Wide, [u64; 2]: |x| [x.1 as u64, (x.1 >> 64) as u64];
}

/// An element and its key.
pub(super) trait Element: Pod {
    type Key: Word;

    /// Equal for elements that NumPy takes to be equal.
    fn key(self) -> Self::Key;

    /// The same but for zeros of both signs, the negative ones first.
    fn exact(self) -> Self::Key {
        self.key()
    }

    /// The element of such a key.
    fn of(key: Self::Key) -> Self;
}

macro_rules! integers {
    ($($t:ty, $key:ty, $flip:expr;)*) => {$(
        impl Element for $t {
            type Key = $key;

            #[inline]
            fn key(self) -> $key {
                self as $key ^ $flip
            }

            #[inline]
            fn of(key: $key) -> $t {
                (key ^ $flip) as $t
            }
        }
    )*};
}
integers! {
    u8, u8, 0;
    u16, u16, 0;
    u32, u32, 0;
    u64, u64, 0;
    i8, u8, 1 << 7;
    i16, u16, 1 << 15;
    i32, u32, 1 << 31;
    i64, u64, 1 << 63;
}

macro_rules! floats {
    ($($t:ty, $key:ty, $nan:expr;)*) => {$(
        impl Element for $t {
            type Key = $key;

            #[inline]
            fn key(self) -> $key {
                const ZERO: $key = 1 << (<$key>::BITS - 1);
                let key = self.exact();
                // (The one before is that of -0.0.)
                if key == ZERO - 1 { ZERO } else { key }
            }

            #[inline]
            fn exact(self) -> $key {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                let bits = self.to_bits();
                let key = bits ^ ((bits >> (<$key>::BITS - 1)).wrapping_neg() | SIGN);
                if self.is_nan() { $nan } else { key }
            }

            #[inline]
            fn of(key: $key) -> $t {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                <$t>::from_bits(key ^ ((key >> (<$key>::BITS - 1)).wrapping_sub(1) | SIGN))
            }
        }
    )*};
}
floats! {
    f16, u16, 0xfe00;
    f32, u32, 0xffc0_0000;
    f64, u64, 0xfff8_0000_0000_0000;
}

/// The key of a complex number: numbers, then those of which the imaginary part alone is NaN, by the real part, then those of
/// which the real part alone is, by the imaginary one.
macro_rules! complex {
    ($name:ident, $t:ty, $part:ty, $key:ty, $wide:ty) => {
        #[inline]
        pub(super) fn $name(x: $t) -> $wide {
            let beyond = <$part>::INFINITY.key();
            let (upper, lower): ($key, $key) = match (x.re.is_nan(), x.im.is_nan()) {
                (false, false) => (x.re.key(), x.im.key()),
                (false, true) => (beyond + 1, x.re.key()),
                (true, false) => (beyond + 2, x.im.key()),
                (true, true) => (beyond + 3, 0),
            };
            (upper as $wide) << <$key>::BITS | lower as $wide
        }
    };
}
complex!(single_key, Complex32, f32, u32, u64);
complex!(double_key, Complex64, f64, u64, u128);

/// How elements of a type become words, and what becomes of these.
pub(super) struct Kind<W> {
    /// Makes words of the elements in these bytes, the first of which is number `at` along the axis; from one to the next the
    /// number grows by `step`.
    pub(super) load: fn(elements: &[u8], at: usize, step: usize, words: &mut [W]),
    /// Makes of words what the result has for them in its low bits.
    pub(super) settle: fn(&mut [W]),
}

impl<W> Clone for Kind<W> {
    fn clone(&self) -> Kind<W> {
        *self
    }
}

impl<W> Copy for Kind<W> {}

impl<W: Word> Kind<W> {
    /// Elements by their keys alone.
    pub(super) fn values<T: Element<Key = W>>() -> Kind<W> {
        Kind {
            load: |elements, _, _, words| {
                let elements: &[T] = bytemuck::cast_slice(elements);
                words.iter_mut().zip(elements).for_each(|(word, &x)| *word = x.exact());
            },
            settle: |words| words.iter_mut().for_each(|word| *word = bytemuck::cast(T::of(*word))),
        }
    }

    /// Keys, which are only compared.
    pub(super) fn keys<T: Element<Key = W>>() -> Kind<W> {
        Kind {
            load: |elements, _, _, words| {
                let elements: &[T] = bytemuck::cast_slice(elements);
                words.iter_mut().zip(elements).for_each(|(word, &x)| *word = x.key());
            },
            settle: |_| {},
        }
    }
}

/// Kinds of words with something in their low bits.
macro_rules! pairs {
    ($($(#[$doc:meta])* $name:ident [$($t:ident: $bound:path)?] $element:ty => $word:ty, |$x:ident, $at:ident| $made:expr, $settle:expr;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name$(<$t: $bound>)?() -> Kind<$word>
        $(where u64: From<$t::Key>)?
        {
            Kind {
                load: |elements, at, step, words| {
                    let elements: &[$element] = bytemuck::cast_slice(elements);
                    let mut $at = at;
                    for (word, &$x) in words.iter_mut().zip(elements) {
                        *word = $made;
                        $at += step;
                    }
                },
                settle: $settle,
            }
        }
    )*};
}
pairs! {
    /// Numbers of elements of up to four bytes, of which there are no more than four bytes can tell apart.
    near [T: Element] T => u64, |x, at| u64::from(x.key()) << 32 | at as u64, |words| {
        words.iter_mut().for_each(|word| *word &= 0xffff_ffff);
    };
    /// Numbers of elements.
    far [T: Element] T => u128, |x, at| u128::from(u64::from(x.key())) << 64 | at as u128, |_| {};
    /// Numbers of complex elements.
    far_single [] Complex32 => u128, |x, at| u128::from(single_key(x)) << 64 | at as u128, |_| {};
    /// The same.
    far_double [] Complex64 => Wide, |x, at| Wide(double_key(x), at as u128), |_| {};
    /// Keys of complex elements, which are only compared.
    single_keys [] Complex32 => u64, |x, _at| single_key(x), |_| {};
    /// The same.
    double_keys [] Complex64 => u128, |x, _at| double_key(x), |_| {};
    /// Complex elements.
    single [] Complex32 => u128, |x, _at| u128::from(single_key(x)) << 64 | u128::from(bytemuck::cast::<_, u64>(x)), |_| {};
    /// The same.
    double [] Complex64 => Wide, |x, _at| Wide(double_key(x), bytemuck::cast(x)), |_| {};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_and_lead_back() {
        let inf = f64::INFINITY;
        let numbers = [-inf, f64::MIN, -1.5, -5e-324, -0.0, 0.0, 5e-324, 0.1, 1.5, f64::MAX, inf, f64::NAN];
        for pair in numbers.windows(2) {
            assert!(pair[0].exact() < pair[1].exact(), "{pair:?}");
            assert!(pair[0].key() < pair[1].key() || pair[0] == pair[1]);
            assert!((pair[0] as f32).exact() <= (pair[1] as f32).exact());
            assert!(f16::from_f64(pair[0]).exact() <= f16::from_f64(pair[1]).exact());
        }
        for x in numbers {
            assert!(f64::of(x.exact()).to_bits() == x.to_bits());
            assert!(f32::of((x as f32).exact()).to_bits() == (x as f32).to_bits());
            assert!(f16::of(f16::from_f64(x).exact()).to_bits() == f16::from_f64(x).to_bits());
        }
        assert_eq!((-f64::NAN).exact(), f64::NAN.exact());
        for x in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(i64::of(x.key()), x);
        }
        assert!((-1i8).key() < 0i8.key() && 0i8.key() < i8::MAX.key());
    }

    #[test]
    fn complex_numbers_with_parts_that_are_none() {
        let nan = f64::NAN;
        let parts = [
            (-1.0, 5.0),
            (0.0, 1.0),
            (0.0, 2.0),
            (1.0, f64::INFINITY),
            (-9.0, nan),
            (3.0, nan),
            (nan, -2.0),
            (nan, 8.0),
            (nan, nan),
        ];
        for pair in parts.windows(2) {
            let [one, two] = [pair[0], pair[1]].map(|(re, im)| Complex64::new(re, im));
            assert!(double_key(one) < double_key(two), "{one} {two}");
            let [one, two] = [one, two].map(|z| Complex32::new(z.re as f32, z.im as f32));
            assert!(single_key(one) < single_key(two), "{one} {two}");
        }
        assert_eq!(double_key(Complex64::new(-0.0, 1.0)), double_key(Complex64::new(0.0, 1.0)));
    }
}
