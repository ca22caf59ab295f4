//! The two traits kernels are generic over: machine integers and real floats.
//!
//! They forward to the standard library's methods, so that one generic function serves all widths.

use super::libm;

/// Adding it to an integer under 2^51 leaves that in the low bits of the sum.
pub(crate) const ROUND: f64 = 6_755_399_441_055_744.0;

/// A machine integer with wrapping arithmetic.
pub(crate) trait Int: Copy + Ord + 'static {
    const ZERO: Self;
    const ONE: Self;
    const MIN: Self;
    const MAX: Self;
    const ALL_ONES: Self;
    const BITS: u32;
    const SIGNED: bool;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn neg(self) -> Self;
    /// Truncating quotient; `other` is not zero; `MIN / -1` wraps.
    fn quotient(self, other: Self) -> Self;
    /// C's `%`; `other` is not zero; `MIN % -1` is 0.
    fn modulo(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    /// Shift by `count`; beyond the width 0, or the sign when shifting a negative value right.
    fn shift_left(self, count: Self) -> Self;
    fn shift_right(self, count: Self) -> Self;
    /// The upper half of the product, both taken as unsigned.
    fn multiply_high(self, other: Self) -> Self;
    /// Whether [`divided`](Int::divided) can be had of any two numbers, not of those under 2^51 alone.
    const IN_FLOATS: bool;
    /// The truncating quotient by way of a float that holds both exactly: `other` is not zero; `MIN / -1` wraps.
    fn divided(self, other: Self) -> Self;
    /// The number, under 2^51 in size, as a float and back.
    fn to_float(self) -> f64;
    fn from_float(x: f64) -> Self;
    /// Shift to the right by `count` less than the width, taken as unsigned.
    fn shift_down(self, count: u32) -> Self;
    /// The number, modulo 2^64.
    fn to_i64(self) -> i64;
    /// The number with these low bits.
    fn from_i64(x: i64) -> Self;
    /// The bits as an unsigned number.
    fn to_bits(self) -> u128;
    /// The number with these low bits.
    fn from_bits(bits: u128) -> Self;
    /// Number of ones in the magnitude.
    fn ones(self) -> u8;
    fn magnitude(self) -> Self;
}

macro_rules! int {
    ($($t:ty, $unsigned:ty, $double:ty, $signed:literal, |$x:ident| $magnitude:expr, $ones:expr;)*) => {$(
        impl Int for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const MIN: Self = <$t>::MIN;
            const MAX: Self = <$t>::MAX;
            const ALL_ONES: Self = !0;
            const BITS: u32 = <$t>::BITS;
            const SIGNED: bool = $signed;
            #[inline(always)]
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            #[inline(always)]
            fn neg(self) -> Self { self.wrapping_neg() }
            #[inline(always)]
            fn quotient(self, other: Self) -> Self { self.wrapping_div(other) }
            #[inline(always)]
            fn modulo(self, other: Self) -> Self { self.wrapping_rem(other) }
            #[inline(always)]
            fn and(self, other: Self) -> Self { self & other }
            #[inline(always)]
            fn or(self, other: Self) -> Self { self | other }
            #[inline(always)]
            fn xor(self, other: Self) -> Self { self ^ other }
            #[inline(always)]
            fn not(self) -> Self { !self }
            #[inline(always)]
            fn shift_left(self, count: Self) -> Self {
                let fits = (count as u64) < u64::from(<$t>::BITS);
                if fits { self.wrapping_shl(count as u32) } else { 0 }
            }
            #[inline(always)]
            fn shift_right(self, count: Self) -> Self {
                let fits = (count as u64) < u64::from(<$t>::BITS);
                let gone = if $signed { self >> (<$t>::BITS - 1) } else { 0 };
                if fits { self.wrapping_shr(count as u32) } else { gone }
            }
            #[inline(always)]
            fn multiply_high(self, other: Self) -> Self {
                ((self as $unsigned as $double * other as $unsigned as $double) >> <$t>::BITS) as $t
            }
            const IN_FLOATS: bool = <$t>::BITS <= 32;
            #[inline(always)]
            fn divided(self, other: Self) -> Self {
                // Both are exact, and no quotient of theirs is so close below an integer that it is rounded to it.
                // Adding a number without fraction digits leaves the integer in the low bits of the sum.
                if <$t>::BITS <= 16 {
                    ((self as f32 / other as f32).trunc() + 12_582_912.0).to_bits() as $t
                } else {
                    <$t>::from_float((self.to_float() / other.to_float()).trunc())
                }
            }
            #[inline(always)]
            fn to_float(self) -> f64 {
                if <$t>::BITS == 64 {
                    f64::from_bits((self as u64).wrapping_add(ROUND.to_bits())) - ROUND
                } else {
                    self as f64
                }
            }
            #[inline(always)]
            fn from_float(x: f64) -> Self { (x + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as $t }
            #[inline(always)]
            fn shift_down(self, count: u32) -> Self { (self as $unsigned).wrapping_shr(count) as $t }
            #[inline(always)]
            fn to_i64(self) -> i64 { self as i64 }
            #[inline(always)]
            fn from_i64(x: i64) -> Self { x as $t }
            #[inline(always)]
            fn to_bits(self) -> u128 { (self as $unsigned).into() }
            #[inline(always)]
            fn from_bits(bits: u128) -> Self { bits as $t }
            #[inline(always)]
            fn ones(self) -> u8 { let $x = self; $ones as u8 }
            #[inline(always)]
            fn magnitude(self) -> Self { let $x = self; $magnitude }
        }
    )*};
}

int! {
    i8, u8, u16, true, |x| x.wrapping_abs(), x.unsigned_abs().count_ones();
    i16, u16, u32, true, |x| x.wrapping_abs(), x.unsigned_abs().count_ones();
    i32, u32, u64, true, |x| x.wrapping_abs(), x.unsigned_abs().count_ones();
    i64, u64, u128, true, |x| x.wrapping_abs(), x.unsigned_abs().count_ones();
    u8, u8, u16, false, |x| x, x.count_ones();
    u16, u16, u32, false, |x| x, x.count_ones();
    u32, u32, u64, false, |x| x, x.count_ones();
    u64, u64, u128, false, |x| x, x.count_ones();
}

/// `f32` or `f64`.
pub(crate) trait Real:
    Copy
    + PartialOrd
    + 'static
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Rem<Output = Self>
    + std::ops::Neg<Output = Self>
{
    const ZERO: Self;
    const HALF: Self;
    const ONE: Self;
    const NAN: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    const LN_2: Self;
    const LOG2_E: Self;
    const DEGREES: Self;
    const RADIANS: Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn rint(self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn is_nan(self) -> bool;
    fn is_finite(self) -> bool;
    fn is_negative(self) -> bool;
    fn mul_add(self, factor: Self, term: Self) -> Self;
    fn powf(self, other: Self) -> Self;
    fn cbrt(self) -> Self;
    fn exp(self) -> Self;
    fn exp2(self) -> Self;
    fn exp_m1(self) -> Self;
    fn ln(self) -> Self;
    fn log2(self) -> Self;
    fn log10(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn tanh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
    fn atan2(self, x: Self) -> Self;
    fn hypot(self, other: Self) -> Self;
    fn nextafter(self, towards: Self) -> Self;
    /// The C library's, which raises exceptions.
    fn libm_nextafter(self, towards: Self) -> Self;
    fn ldexp(self, exponent: i64) -> Self;
    fn frexp(self) -> (Self, i32);
    /// The next number away from zero, for a finite one.
    fn farther(self) -> Self;
}

macro_rules! real {
    ($($t:ident, $bits:ident, $($name:ident = $c:ident),*;)*) => {$(
        impl Real for $t {
            const ZERO: Self = 0.0;
            const HALF: Self = 0.5;
            const ONE: Self = 1.0;
            const NAN: Self = <$t>::NAN;
            const INFINITY: Self = <$t>::INFINITY;
            const NEG_INFINITY: Self = <$t>::NEG_INFINITY;
            const LN_2: Self = std::$t::consts::LN_2;
            const LOG2_E: Self = std::$t::consts::LOG2_E;
            const DEGREES: Self = 180.0 / std::$t::consts::PI;
            const RADIANS: Self = std::$t::consts::PI / 180.0;
            #[inline(always)]
            fn floor(self) -> Self { <$t>::floor(self) }
            #[inline(always)]
            fn ceil(self) -> Self { <$t>::ceil(self) }
            #[inline(always)]
            fn trunc(self) -> Self { <$t>::trunc(self) }
            #[inline(always)]
            fn rint(self) -> Self { <$t>::round_ties_even(self) }
            #[inline(always)]
            fn sqrt(self) -> Self { <$t>::sqrt(self) }
            #[inline(always)]
            fn abs(self) -> Self { <$t>::abs(self) }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self { <$t>::copysign(self, sign) }
            #[inline(always)]
            fn is_nan(self) -> bool { <$t>::is_nan(self) }
            #[inline(always)]
            fn is_finite(self) -> bool { <$t>::is_finite(self) }
            #[inline(always)]
            fn is_negative(self) -> bool { <$t>::is_sign_negative(self) }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self { <$t>::mul_add(self, factor, term) }
            #[inline]
            fn powf(self, other: Self) -> Self { <$t>::powf(self, other) }
            #[inline]
            fn ldexp(self, exponent: i64) -> Self {
                let exponent = exponent.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
                libm::$t::ldexp(self, exponent)
            }
            #[inline(always)]
            fn frexp(self) -> (Self, i32) {
                const DIGITS: u32 = <$t>::MANTISSA_DIGITS;
                const FRACTION: $bits = (1 << (DIGITS - 1)) - 1;
                const BIAS: i32 = <$t>::MAX_EXP - 2;
                // Subnormal numbers become normal.
                let lifted = self.abs() < <$t>::MIN_POSITIVE;
                let x = if lifted { self * (1u64 << DIGITS) as $t } else { self };
                let biased = (x.abs().to_bits() >> (DIGITS - 1)) as i32;
                let exponent = biased - BIAS - if lifted { DIGITS as i32 } else { 0 };
                let half = (BIAS as $bits) << (DIGITS - 1);
                let mantissa = <$t>::from_bits((x.to_bits() & FRACTION) | half).copysign(x);
                let whole = self == 0.0 || !self.is_finite();
                (if whole { self } else { mantissa }, if whole { 0 } else { exponent })
            }
            #[inline(always)]
            fn farther(self) -> Self {
                <$t>::from_bits(self.to_bits() + 1)
            }
            #[inline]
            fn atan2(self, x: Self) -> Self { <$t>::atan2(self, x) }
            #[inline]
            fn hypot(self, other: Self) -> Self { <$t>::hypot(self, other) }
            #[inline]
            fn libm_nextafter(self, towards: Self) -> Self {
                libm::$t::nextafter(self, towards)
            }
            #[inline(always)]
            fn nextafter(self, towards: Self) -> Self {
                // A step up or down by the bits, which are those of the size: away from zero if both go the same way.
                let up = towards > self;
                let step = if up == (self > 0.0) { 1 } else { <$bits>::MAX };
                let next = <$t>::from_bits(self.to_bits().wrapping_add(step));
                let next = if self == 0.0 { <$t>::from_bits(1).copysign(towards) } else { next };
                let next = if self == towards { towards } else { next };
                if self.is_nan() | towards.is_nan() { self + towards } else { next }
            }
            $(
                #[inline]
                fn $name(self) -> Self {
                    libm::$t::$c(self)
                }
            )*
        }
    )*};
}

real! {
    f32, u32, cbrt = cbrt, exp = exp, exp2 = exp2, exp_m1 = expm1, ln = log, log2 = log2, log10 = log10, ln_1p = log1p,
        sin = sin, cos = cos, tan = tan, asin = asin, acos = acos, atan = atan, sinh = sinh, cosh = cosh,
        tanh = tanh, asinh = asinh, acosh = acosh, atanh = atanh;
    f64, u64, cbrt = cbrt, exp = exp, exp2 = exp2, exp_m1 = expm1, ln = log, log2 = log2, log10 = log10, ln_1p = log1p,
        sin = sin, cos = cos, tan = tan, asin = asin, acos = acos, atan = atan, sinh = sinh, cosh = cosh,
        tanh = tanh, asinh = asinh, acosh = acosh, atanh = atanh;
}
