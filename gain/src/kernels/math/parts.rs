//! Exponent and fraction of a floating-point number, without branches.
#![allow(clippy::excessive_precision, reason = "one text for both types")]

use crate::kernels::number::Real;

/// A floating-point type seen as bits. An integer `k` often comes as `ROUND + k`, whose low bits are those of `k`.
pub(crate) trait Float: Real {
    /// Adding and subtracting it rounds to an integer: 1.5 times the first number whose neighbour is 1 away.
    const ROUND: Self;
    const TWO: Self;
    const QUARTER: Self;
    const THREE: Self;
    const THIRD: Self;
    const PI: Self;
    const FRAC_PI_2: Self;
    const FRAC_PI_4: Self;
    const FRAC_2_PI: Self;
    /// What is missing from `FRAC_PI_2`, and what is still missing then.
    const PI_2_MIDDLE: Self;
    const PI_2_LOW: Self;
    /// What is missing from `LN_2`, `LOG2_E`.
    const LN_2_LOW: Self;
    const LOG2_E_LOW: Self;
    const LOG10_E: Self;
    const LOG10_E_LOW: Self;
    /// `ln 2` and `log10 2` with so many zeros at their end that products with exponents are exact, and the rest.
    const LN_2_SHORT: Self;
    const LN_2_REST: Self;
    const LOG10_2_SHORT: Self;
    const LOG10_2_REST: Self;
    /// The least number with all digits.
    const NORMAL: Self;
    /// A power of eight that makes subnormal numbers normal, its exponent, its inverse's cube root.
    const LIFT: Self;
    const LIFT_EXPONENT: Self;
    const LIFT_ROOT: Self;
    /// The greatest power of two, as an exponent; the least with all digits.
    const EXPONENT_MAX: Self;
    const EXPONENT_MIN: Self;
    /// `1 + x` is `x` beyond it.
    const GIANT: Self;
    /// Squares of smaller numbers vanish beside 1.
    const TINY: Self;
    /// `e^x` is infinite from just below it; `e^x - 1` is -1 up to it; `sinh`, `tanh` are infinite, 1 just below it.
    const EXP_OVERFLOW: Self;
    const EXPM1_IS_MINUS_1: Self;
    /// Exponentials of numbers up to this size, and half of them, are normal.
    const EXP_SAFE: Self;
    const SINH_OVERFLOW: Self;
    const TANH_IS_1: Self;
    /// Up to where the pieces of pi suffice.
    const ANGLE_LIMIT: Self;
    const TAN_PI_8: Self;
    /// Powers of two up to here, and their products with numbers near 1, are safe.
    const PLAIN_EXPONENT: Self;
    /// Numbers of at least this size may overflow when four are added.
    const QUARTER_MAX: Self;

    /// `2^k`, from `ROUND + k`; infinite or 0 just outside the normal exponents.
    fn power_of_two(rounded: Self) -> Self;
    /// The inverse cube root of a positive normal number, within 3.5 %: its bits are about a third of the number's,
    /// subtracted from a constant.
    fn inverse_cbrt(self) -> Self;
    /// `k` and `m` with `self = 2^k m` and `sqrt(1/2) <= m < sqrt(2)`, for positive normal numbers.
    fn split(self) -> (Self, Self);
    /// `ROUND + k` for about the nearest integer to `log2(self / other)`, for `self >= other > 0`, both normal.
    fn octaves_above(self, other: Self) -> Self;
    /// Whether `k` is odd, from `ROUND + k`.
    fn is_odd(rounded: Self) -> bool;
    /// `self` with its sign changed if bit 1 of `k` is set, from `ROUND + k`.
    fn flip_by_bit_1(self, rounded: Self) -> Self;
    /// The sign of `self` as a number of its type: the sign bit alone.
    fn with_sign_of(self, other: Self) -> Self;
}

macro_rules! float {
    ($t:ident, $bits:ident, digits $digits:literal, bias $bias:literal, half_sqrt $half_sqrt:literal,
     cbrt $cbrt:literal of $kept:literal,
     $($name:ident = $value:expr),* $(,)?) => {
        impl Float for $t {
            const ROUND: Self = 1.5 * (1u64 << $digits) as $t;
            const TWO: Self = 2.0;
            const QUARTER: Self = 0.25;
            const THREE: Self = 3.0;
            const THIRD: Self = 1.0 / 3.0;
            const PI: Self = std::$t::consts::PI;
            const FRAC_PI_2: Self = std::$t::consts::FRAC_PI_2;
            const FRAC_PI_4: Self = std::$t::consts::FRAC_PI_4;
            const FRAC_2_PI: Self = std::$t::consts::FRAC_2_PI;
            const LOG10_E: Self = std::$t::consts::LOG10_E;
            const NORMAL: Self = $t::MIN_POSITIVE;
            const EXPONENT_MAX: Self = $bias as $t;
            const EXPONENT_MIN: Self = (1 - $bias) as $t;
            const QUARTER_MAX: Self = $t::MAX / 4.0;
            $(const $name: Self = $value;)*

            #[inline(always)]
            fn power_of_two(rounded: Self) -> Self {
                $t::from_bits(rounded.to_bits().wrapping_add($bias) << $digits)
            }

            #[inline(always)]
            fn inverse_cbrt(self) -> Self {
                const WHOLE: $t = (1u64 << $digits) as $t;
                // As many of the upper bits as there are digits, less the sign, as a number.
                const DROPPED: u32 = $bits::BITS - 1 - $kept;
                const ONE: $t = (1u64 << ($digits - DROPPED)) as $t;
                let upper = $t::from_bits((self.to_bits() >> DROPPED) | WHOLE.to_bits());
                let inverse = upper.mul_add(-Self::THIRD, WHOLE + WHOLE / 3.0 + $cbrt * ONE);
                $t::from_bits(inverse.to_bits() << DROPPED)
            }

            #[inline(always)]
            fn split(self) -> (Self, Self) {
                const ONE: $bits = $bias << $digits;
                const WHOLE: $t = (1u64 << $digits) as $t;
                let bits = self.to_bits();
                let exponent = bits.wrapping_sub($half_sqrt).wrapping_add(ONE) >> $digits;
                let k = $t::from_bits(exponent | WHOLE.to_bits()) - (WHOLE + $bias as $t);
                (k, $t::from_bits(bits.wrapping_sub(exponent << $digits).wrapping_add(ONE)))
            }

            #[inline(always)]
            fn octaves_above(self, other: Self) -> Self {
                let difference = self.to_bits().wrapping_sub(other.to_bits());
                $t::from_bits(Self::ROUND.to_bits() + (difference.wrapping_add(1 << ($digits - 1)) >> $digits))
            }

            #[inline(always)]
            fn is_odd(rounded: Self) -> bool {
                rounded.to_bits() & 1 != 0
            }

            #[inline(always)]
            fn flip_by_bit_1(self, rounded: Self) -> Self {
                $t::from_bits(self.to_bits() ^ ((rounded.to_bits() & 2) << ($bits::BITS - 2)))
            }

            #[inline(always)]
            fn with_sign_of(self, other: Self) -> Self {
                const SIGN: $bits = 1 << ($bits::BITS - 1);
                $t::from_bits(self.to_bits() ^ (other.to_bits() & SIGN))
            }
        }
    };
}

float!(f64, u64, digits 52, bias 1023, half_sqrt 0x3fe6_a09e_667f_3bcd, cbrt 1363.932 of 43,
    PI_2_MIDDLE = 6.123233995736766e-17,
    PI_2_LOW = -1.49738490485917e-33,
    LN_2_LOW = 2.3190468138462996e-17,
    LOG2_E_LOW = 2.0355273740931033e-17,
    LOG10_E_LOW = 1.098319650216765e-17,
    LN_2_SHORT = 0.693147180559663,
    LN_2_REST = 2.8235290563031577e-13,
    LOG10_2_SHORT = 0.30102999566361177,
    LOG10_2_REST = 3.694239077158931e-13,
    LIFT = 18014398509481984.0, // 2^54
    LIFT_EXPONENT = 54.0,
    LIFT_ROOT = 3.814697265625e-6, // 2^-18
    EXP_OVERFLOW = 710.0,
    EXPM1_IS_MINUS_1 = -45.0,
    EXP_SAFE = 708.0,
    SINH_OVERFLOW = 710.7,
    TANH_IS_1 = 22.0,
    ANGLE_LIMIT = 100_000.0,
    TAN_PI_8 = 0.41421356237309503,
    PLAIN_EXPONENT = 1000.0,
    GIANT = 36028797018963968.0, // 2^55
    TINY = 7.450580596923828e-9, // 2^-27
);

float!(f32, u32, digits 23, bias 127, half_sqrt 0x3f35_04f3, cbrt 169.26533 of 23,
    PI_2_MIDDLE = -4.371138828673793e-8,
    PI_2_LOW = -1.7151245100058819e-15,
    LN_2_LOW = -1.9046542e-9,
    LOG2_E_LOW = 1.925963e-8,
    LOG10_E_LOW = -1.010305e-8,
    LN_2_SHORT = 0.693145751953125,
    LN_2_REST = 1.4286068203094173e-6,
    LOG10_2_SHORT = 0.301025390625,
    LOG10_2_REST = 4.605038981195214e-6,
    LIFT = 16777216.0, // 2^24
    LIFT_EXPONENT = 24.0,
    LIFT_ROOT = 0.00390625, // 2^-8
    EXP_OVERFLOW = 89.0,
    EXPM1_IS_MINUS_1 = -20.0,
    EXP_SAFE = 87.0,
    SINH_OVERFLOW = 89.5,
    TANH_IS_1 = 10.0,
    ANGLE_LIMIT = 100_000.0,
    TAN_PI_8 = 0.41421356,
    PLAIN_EXPONENT = 120.0,
    GIANT = 67108864.0, // 2^26
    TINY = 0.000122070313, // 2^-13
);

/// `c[0] + c[1] x + ...`: even and odd powers apart, two short chains of dependent steps instead of a long one.
#[inline(always)]
pub(super) fn polynomial<T: Float>(x: T, c: &[T]) -> T {
    if c.len() < 5 {
        return chain(x, c, 0, 1);
    }
    let z = x * x;
    chain(z, c, 1, 2).mul_add(x, chain(z, c, 0, 2))
}

/// `c[first] + c[first + step] x + ...`
#[inline(always)]
pub(super) fn chain<T: Float>(x: T, c: &[T], first: usize, step: usize) -> T {
    let mut k = first + (c.len() - 1 - first) / step * step;
    let mut sum = c[k];
    while k > first {
        k -= step;
        sum = sum.mul_add(x, c[k]);
    }
    sum
}

/// The smaller of `x` and `limit`; NaN stays.
#[inline(always)]
pub(super) fn at_most<T: Float>(x: T, limit: T) -> T {
    if x > limit { limit } else { x }
}

/// The larger of `x` and `limit`; NaN stays.
#[inline(always)]
pub(super) fn at_least<T: Float>(x: T, limit: T) -> T {
    if x < limit { limit } else { x }
}

/// `x` or `y`, both computed. Two choices by one condition don't become two ways with all that lies between.
#[inline(always)]
pub(crate) fn pick<T: Copy>(condition: bool, x: T, y: T) -> T {
    std::hint::select_unpredictable(condition, x, y)
}
