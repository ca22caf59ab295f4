//! Integer division. By one divisor for all elements it is a multiplication with its reciprocal, of bytes in 16 bits, of
//! small 64-bit numbers in floats; else one division per element, in floats that hold both numbers exactly.
//!
//! Quotients are rounded down and remainders have the divisor's sign, but for `fmod`; both are 0 when the divisor is,
//! and the smallest number divided by -1 is itself.

use super::lanes::{Level, level, scalar_fence, slot};
use super::number::{Int, ROUND};
use super::{CHUNK, Kernel, Operands, Slot};
use crate::ops::Op;
use std::mem::MaybeUninit;

/// A divisor prepared for many divisions: of its size `d`, with `2^(l-1) < d <= 2^l`, the product of a number and
/// `2^W (2^l - d) / d + 1` has, besides the number, the quotient in its upper half.
#[derive(Clone, Copy)]
struct Reciprocal<T> {
    divisor: T,
    factor: T,
    shifts: [u32; 2],
}

impl<T: Int> Reciprocal<T> {
    fn new(divisor: T) -> Reciprocal<T> {
        let size = divisor.magnitude().to_bits();
        let length = if size <= 1 { 0 } else { 128 - (size - 1).leading_zeros() };
        // At most 64 + 64 bits, as `2^l - d < d`.
        let quotient = (((1u128 << length) - size) << T::BITS).checked_div(size);
        let factor = quotient.unwrap_or(0).wrapping_add(1);
        Reciprocal {
            divisor,
            factor: T::from_bits(factor),
            shifts: [length.min(1), length.saturating_sub(1)],
        }
    }

    /// `x` divided by the size of the divisor, both taken as unsigned.
    #[inline(always)]
    fn divide_size(self, x: T) -> T {
        let high = x.multiply_high(self.factor);
        x.sub(high).shift_down(self.shifts[0]).add(high).shift_down(self.shifts[1])
    }
}

/// Divides by one number.
trait Divide<T: Int>: Copy {
    /// Quotient rounded down, and what remains.
    fn floor(self, x: T) -> [T; 2];
    /// What remains of the quotient rounded towards zero.
    fn fmod(self, x: T) -> T;
}

/// What remains of `x` with the sign of `x`, given the quotient of the sizes.
#[inline(always)]
fn rest<T: Int>(x: T, quotient: T, divisor: T) -> T {
    let signed = if x < T::ZERO { quotient.neg() } else { quotient };
    x.sub(signed.mul(divisor.magnitude()))
}

impl<T: Int> Divide<T> for Reciprocal<T> {
    #[inline(always)]
    fn floor(self, x: T) -> [T; 2] {
        let quotient = if T::SIGNED {
            // -(v + 1) is v with all bits turned: what is below zero is mirrored around -1/2, and its quotient back.
            let turned = self.divisor < T::ZERO;
            let value = if turned { x.neg() } else { x };
            let below = if turned { x > T::ZERO } else { x < T::ZERO };
            let mirror = if below { T::ALL_ONES } else { T::ZERO };
            mirror.xor(self.divide_size(mirror.xor(value)))
        } else {
            self.divide_size(x)
        };
        [quotient, x.sub(quotient.mul(self.divisor))]
    }
    #[inline(always)]
    fn fmod(self, x: T) -> T {
        rest(x, self.divide_size(x.magnitude()), self.divisor)
    }
}

/// A byte's divisor other than 1 and -1: `(2x + 1) / 2d`, which is never an integer, as a product in 16 bits. Its error is
/// less than 2^-8.
#[derive(Clone, Copy)]
struct Short<T> {
    divisor: T,
    /// `2^15 / d`, for sizes `2^16 / d` rounded up.
    factors: [i16; 2],
    bias: i16,
}

impl<T: Int> Short<T> {
    fn new(divisor: T) -> Short<T> {
        let (d, size) = (divisor.to_i64() as i32, divisor.magnitude().to_bits() as i32);
        let bias = if d < 0 { -1 } else { 1 };
        let nearest = bias * ((1 << 16) / size + 1).div_euclid(2);
        Short { divisor, factors: [nearest as i16, ((1 << 16) / size + 1) as i16], bias: bias as i16 }
    }

    #[inline(always)]
    fn divide_size(self, size: T) -> T {
        let product = u32::from(size.to_i64() as u8 as u16) * u32::from(self.factors[1] as u16);
        T::from_i64((product >> 16) as i64)
    }
}

impl<T: Int> Divide<T> for Short<T> {
    #[inline(always)]
    fn floor(self, x: T) -> [T; 2] {
        let quotient = if T::SIGNED {
            let odd = 2 * (x.to_i64() as i16) + self.bias;
            T::from_i64(i64::from((i32::from(odd) * i32::from(self.factors[0])) >> 16))
        } else {
            self.divide_size(x)
        };
        [quotient, x.sub(quotient.mul(self.divisor))]
    }
    #[inline(always)]
    fn fmod(self, x: T) -> T {
        rest(x, self.divide_size(x.magnitude()), self.divisor)
    }
}

/// A divisor of numbers that are [small](is_small) as it is: `(x + 1/2) / d`, which is no integer and no nearer to one than
/// `1 / 2d`, more than rounding does to it. What is subtracted makes the nearest integer that below.
#[derive(Clone, Copy)]
struct Double {
    divisor: f64,
    inverse: f64,
    bias: f64,
}

/// Bits of which none is above the 50th if the number is small.
#[inline(always)]
fn raised<T: Int>(x: T) -> T {
    if T::SIGNED { x.add(T::from_i64(1 << 50)) } else { x.or(x.add(x)) }
}

/// Whether the numbers are small whose [raised] bits these are; those of 32 bits always are.
#[inline(always)]
fn is_small<T: Int>(raised: T) -> bool {
    T::BITS == 32 || T::BITS == 64 && raised.shift_down(51) == T::ZERO
}

impl Double {
    fn new<T: Int>(divisor: T) -> Double {
        let divisor = divisor.to_float();
        Double { divisor, inverse: 1.0 / divisor, bias: (0.5 / divisor).abs() - 0.5 }
    }
}

impl<T: Int> Divide<T> for Double {
    #[inline(always)]
    fn floor(self, x: T) -> [T; 2] {
        let x = x.to_float();
        let sum = x.mul_add(self.inverse, self.bias) + ROUND;
        let quotient = T::from_i64(sum.to_bits().wrapping_sub(ROUND.to_bits()) as i64);
        [quotient, T::from_float((sum - ROUND).mul_add(-self.divisor, x))]
    }
    #[inline(always)]
    fn fmod(self, x: T) -> T {
        let x = x.to_float();
        let quotient = (x.abs().mul_add(self.inverse.abs(), self.bias) + ROUND) - ROUND;
        T::from_float(quotient.copysign(x).mul_add(-self.divisor.abs(), x))
    }
}

/// The operations: what they make of a number and a prepared divisor, and of any two numbers.
trait Division<T: Int> {
    /// Values per element.
    const OUTPUTS: usize = 1;
    fn by(x: T, divisor: impl Divide<T>) -> [T; 2];
    /// The same from the truncated quotient and its remainder.
    fn each(x: T, y: T, truncated: [T; 2]) -> [T; 2];
}

/// Whether the quotient of `x` and `y`, with the remainder `r` when truncated, is the next number down.
#[inline(always)]
fn is_down<T: Int>(x: T, y: T, r: T) -> bool {
    T::SIGNED & (r != T::ZERO) & ((x < T::ZERO) != (y < T::ZERO))
}

/// Any division of any two numbers by one that truncates.
#[inline(always)]
fn each<T: Int, D: Division<T>>(x: T, y: T, quotient: impl Fn(T, T) -> T) -> [T; 2] {
    let by_zero = y == T::ZERO;
    let y = if by_zero { T::ONE } else { y };
    let q = quotient(x, y);
    let [first, second] = D::each(x, y, [q, x.sub(q.mul(y))]);
    [if by_zero { T::ZERO } else { first }, if by_zero { T::ZERO } else { second }]
}

/// Computes the outputs of a chunk, stores them to `$d` and moves that on. Only what the operation has is written: the rest
/// would keep the compiler from making vectors.
macro_rules! chunk {
    ($d:ident, $i:ident => $values:expr) => {{
        let mut values = [MaybeUninit::<T>::uninit(); CHUNK];
        let mut more = [MaybeUninit::<T>::uninit(); CHUNK];
        let mut $i = 0;
        while $i < CHUNK {
            let [first, second] = $values;
            values[$i].write(first);
            if D::OUTPUTS == 2 {
                more[$i].write(second);
            }
            $i += 1;
        }
        $d[0].cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(values);
        if D::OUTPUTS == 2 {
            $d[1].cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(more);
        }
        $d = $d.map(|d| d.wrapping_add(CHUNK));
    }};
}

/// Divides elements one by one.
///
/// # Safety
/// As [`body`], for `n` elements.
#[inline(always)]
unsafe fn one_by_one<T: Int, D: Division<T>>(n: usize, [a, b]: [(*mut T, usize); 2], d: [*mut T; 2]) {
    for i in 0..n {
        // SAFETY: passed on.
        unsafe {
            let at = |(p, step): (*mut T, usize)| p.add(if step == 0 { 0 } else { i }).read_unaligned();
            let quotient = if T::IN_FLOATS { T::divided } else { T::quotient };
            let values = each::<T, D>(at(a), at(b), quotient);
            for (d, value) in d.iter().zip(values).take(D::OUTPUTS) {
                d.add(i).write_unaligned(value);
            }
        }
        scalar_fence();
    }
}

/// Divides by as many divisors, in floats where they hold all numbers of a chunk.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn by_each<T: Int, D: Division<T>>(n: usize, inputs: [(*mut T, usize); 2], mut d: [*mut T; 2]) {
    // SAFETY: passed on.
    unsafe {
        let [(mut a, step_a), (mut b, step_b)] = inputs;
        for _ in 0..n / CHUNK {
            let x = a.cast::<[T; CHUNK]>().read_unaligned();
            let y = b.cast::<[T; CHUNK]>().read_unaligned();
            let (mut bits, mut i) = (T::ZERO, 0);
            while i < CHUNK && !T::IN_FLOATS {
                bits = bits.or(raised(x[i]).or(raised(y[i])));
                i += 1;
            }
            if T::IN_FLOATS || is_small(bits) {
                chunk!(d, i => each::<T, D>(x[i], y[i], T::divided));
            } else {
                one_by_one::<T, D>(CHUNK, [(a, step_a), (b, step_b)], d);
                d = d.map(|d| d.wrapping_add(CHUNK));
            }
            a = a.add(step_a);
            b = b.add(step_b);
        }
        one_by_one::<T, D>(n % CHUNK, [(a, step_a), (b, step_b)], d);
    }
}

/// Divides by one number, which is not zero; the chunks of small numbers by `small`, if there is one.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn by_one<T: Int, D: Division<T>>(
    n: usize,
    (mut a, step): (*mut T, usize),
    mut d: [*mut T; 2],
    divisor: impl Divide<T>,
    small: Option<Double>,
) {
    // SAFETY: passed on.
    unsafe {
        for _ in 0..n / CHUNK {
            let x = a.cast::<[T; CHUNK]>().read_unaligned();
            let (mut bits, mut i) = (T::ZERO, 0);
            while i < CHUNK && T::BITS == 64 {
                bits = bits.or(raised(x[i]));
                i += 1;
            }
            match small {
                Some(small) if is_small(bits) => chunk!(d, i => D::by(x[i], small)),
                _ => chunk!(d, i => D::by(x[i], divisor)),
            }
            a = a.add(step);
        }
        for i in 0..n % CHUNK {
            let values = D::by(a.add(i).read_unaligned(), divisor);
            for (d, value) in d.iter().zip(values).take(D::OUTPUTS) {
                d.add(i).write_unaligned(value);
            }
            scalar_fence();
        }
    }
}

struct Floor;
struct Remainder;
struct Fmod;
struct Divmod;

impl<T: Int> Division<T> for Floor {
    #[inline(always)]
    fn by(x: T, divisor: impl Divide<T>) -> [T; 2] {
        [divisor.floor(x)[0], T::ZERO]
    }
    #[inline(always)]
    fn each(x: T, y: T, [q, r]: [T; 2]) -> [T; 2] {
        [if is_down(x, y, r) { q.sub(T::ONE) } else { q }, T::ZERO]
    }
}

impl<T: Int> Division<T> for Remainder {
    #[inline(always)]
    fn by(x: T, divisor: impl Divide<T>) -> [T; 2] {
        [divisor.floor(x)[1], T::ZERO]
    }
    #[inline(always)]
    fn each(x: T, y: T, [_, r]: [T; 2]) -> [T; 2] {
        [if is_down(x, y, r) { r.add(y) } else { r }, T::ZERO]
    }
}

impl<T: Int> Division<T> for Fmod {
    #[inline(always)]
    fn by(x: T, divisor: impl Divide<T>) -> [T; 2] {
        [divisor.fmod(x), T::ZERO]
    }
    #[inline(always)]
    fn each(_: T, _: T, [_, r]: [T; 2]) -> [T; 2] {
        [r, T::ZERO]
    }
}

impl<T: Int> Division<T> for Divmod {
    const OUTPUTS: usize = 2;
    #[inline(always)]
    fn by(x: T, divisor: impl Divide<T>) -> [T; 2] {
        divisor.floor(x)
    }
    #[inline(always)]
    fn each(x: T, y: T, [q, r]: [T; 2]) -> [T; 2] {
        let down = is_down(x, y, r);
        [if down { q.sub(T::ONE) } else { q }, if down { r.add(y) } else { r }]
    }
}

/// # Safety
/// The kernel's contract.
#[inline(always)]
unsafe fn body<T: Int, D: Division<T>>(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract; each access below stays within `n` elements, or within the splat.
    unsafe {
        let (a, b) = (slot::<T>(s, o.src[0]), slot::<T>(s, o.src[1]));
        let d: [*mut T; 2] = [slot::<T>(s, o.dst[0]).0, slot::<T>(s, o.dst[1]).0];
        if b.1 != 0 {
            return by_each::<T, D>(n, [a, b], d);
        }
        let divisor = b.0.read_unaligned();
        if divisor == T::ZERO {
            return one_by_one::<T, D>(n, [a, b], d);
        }
        if T::BITS == 8 && divisor.magnitude() != T::ONE {
            return by_one::<T, D>(n, a, d, Short::new(divisor), None);
        }
        let small = is_small(raised(divisor)).then(|| Double::new(divisor));
        by_one::<T, D>(n, a, d, Reciprocal::new(divisor), small);
    }
}

fn kernel_of<T: Int, D: Division<T>>() -> Kernel {
    unsafe fn base<T: Int, D: Division<T>>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { body::<T, D>(n, s, o) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2<T: Int, D: Division<T>>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { body::<T, D>(n, s, o) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx512<T: Int, D: Division<T>>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: passed on.
        unsafe { body::<T, D>(n, s, o) }
    }
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => avx512::<T, D>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::<T, D>,
        _ => base::<T, D>,
    }
}

/// Loops that divide.
pub(crate) fn kernel<T: Int>(op: Op) -> Option<Kernel> {
    Some(match op {
        Op::FloorDivide => kernel_of::<T, Floor>(),
        Op::Remainder => kernel_of::<T, Remainder>(),
        Op::Fmod => kernel_of::<T, Fmod>(),
        Op::Divmod => kernel_of::<T, Divmod>(),
        _ => return None,
    })
}
