//! Loops that take floats apart into fraction and exponent, and put them together: by their bits where all numbers of a
//! chunk and their results have all digits, else one by one.

use super::lanes::{scalar_fence, slot, wide, write_chunk};
use super::number::Real;
use super::{CHUNK, Kernel, Operands, Slot};

/// A float as bits.
pub(crate) trait Parts: Real {
    /// Whether the number has all digits and is finite.
    fn is_normal(self) -> bool;
    /// [`Real::frexp`] of a normal number.
    fn fraction(self) -> Self;
    fn exponent(self) -> i32;
    /// Whether the normal number times `2^exponent` is one, too.
    fn stays_normal(self, exponent: i64) -> bool;
    /// That product.
    fn scaled(self, exponent: i64) -> Self;
}

macro_rules! parts {
    ($($t:ident, $bits:ident;)*) => {$(
        impl Parts for $t {
            #[inline(always)]
            fn is_normal(self) -> bool {
                const LEAST: $bits = <$t>::MIN_POSITIVE.to_bits();
                (self.to_bits() << 1 >> 1).wrapping_sub(LEAST) < <$t>::INFINITY.to_bits() - LEAST
            }
            #[inline(always)]
            fn fraction(self) -> Self {
                const EXPONENT: $bits = <$t>::INFINITY.to_bits();
                <$t>::from_bits(self.to_bits() & !EXPONENT | (0.5 as $t).to_bits())
            }
            #[inline(always)]
            fn exponent(self) -> i32 {
                const DIGITS: u32 = <$t>::MANTISSA_DIGITS;
                (self.to_bits() << 1 >> DIGITS) as i32 - (<$t>::MAX_EXP - 2)
            }
            #[inline(always)]
            fn stays_normal(self, exponent: i64) -> bool {
                // Between the exponents of the least and the largest number.
                const SPAN: u64 = (<$t>::MAX_EXP - <$t>::MIN_EXP) as u64;
                const LEAST: i64 = <$t>::MIN_EXP as i64;
                let before = i64::from(self.exponent()) - LEAST;
                let after = before.wrapping_add(exponent);
                ((before as u64 <= SPAN) & (after as u64 <= SPAN)) & ((exponent as u64).wrapping_add(1 << 12) < 1 << 13)
            }
            #[inline(always)]
            fn scaled(self, exponent: i64) -> Self {
                <$t>::from_bits(self.to_bits().wrapping_add((exponent as $bits) << (<$t>::MANTISSA_DIGITS - 1)))
            }
        }
    )*};
}

parts! {
    f32, u32;
    f64, u64;
}

/// # Safety
/// The kernel's contract, for a float in, a float and an `i32` out.
#[inline(always)]
unsafe fn frexp_body<T: Parts>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
    unsafe {
        let (mut a, step) = slot::<T>(s, o.src[0]);
        let ((mut d, _), (mut e, _)) = (slot::<T>(s, o.dst[0]), slot::<i32>(s, o.dst[1]));
        for k in 0..n.div_ceil(CHUNK) {
            let len = CHUNK.min(n - k * CHUNK);
            let mut plain = len == CHUNK;
            let mut x = [T::ONE; CHUNK];
            if plain {
                x = a.cast::<[T; CHUNK]>().read_unaligned();
                let mut i = 0;
                while i < CHUNK {
                    plain &= x[i].is_normal();
                    i += 1;
                }
            }
            if plain {
                write_chunk(d, |i| x[i].fraction());
                write_chunk(e, |i| x[i].exponent());
            } else {
                for i in 0..len {
                    let (fraction, exponent) = a.add(i).read_unaligned().frexp();
                    d.add(i).write_unaligned(fraction);
                    e.add(i).write_unaligned(exponent);
                    scalar_fence();
                }
            }
            (a, d, e) = (a.add(step), d.add(CHUNK), e.add(CHUNK));
        }
    }
}

/// # Safety
/// The kernel's contract, for a float and an `i64` in, a float out.
#[inline(always)]
unsafe fn ldexp_body<T: Parts>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
    unsafe {
        let ((mut a, step_a), (mut b, step_b)) = (slot::<T>(s, o.src[0]), slot::<i64>(s, o.src[1]));
        let (mut d, _) = slot::<T>(s, o.dst[0]);
        for k in 0..n.div_ceil(CHUNK) {
            let len = CHUNK.min(n - k * CHUNK);
            let mut plain = len == CHUNK;
            if plain {
                let mut i = 0;
                while i < CHUNK {
                    plain &= a.add(i).read_unaligned().stays_normal(b.add(i).read_unaligned());
                    i += 1;
                }
            }
            if plain {
                let x = a.cast::<[T; CHUNK]>().read_unaligned();
                let y = b.cast::<[i64; CHUNK]>().read_unaligned();
                write_chunk(d, |i| x[i].scaled(y[i]));
            } else {
                for i in 0..len {
                    d.add(i).write_unaligned(a.add(i).read_unaligned().ldexp(b.add(i).read_unaligned()));
                    scalar_fence();
                }
            }
            (a, b, d) = (a.add(step_a), b.add(step_b), d.add(CHUNK));
        }
    }
}

macro_rules! kernel {
    ($name:ident, $body:ident) => {
        pub(crate) fn $name<T: Parts>() -> Kernel {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
            unsafe fn avx2<T: Parts>(n: usize, s: *const Slot, o: &Operands) {
                // SAFETY: passed on.
                unsafe { $body::<T>(n, s, o) }
            }
            #[cfg(target_arch = "x86_64")]
            if wide() {
                return avx2::<T>;
            }
            $body::<T>
        }
    };
}

kernel!(frexp, frexp_body);
kernel!(ldexp, ldexp_body);
