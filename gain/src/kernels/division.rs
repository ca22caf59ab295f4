//! Integer division. By one divisor for all elements it is a multiplication with its reciprocal; else one division
//! per element.
//!
//! Quotients are rounded down and remainders have the divisor's sign, but for `fmod`; both are 0 when the divisor is,
//! and the smallest number divided by -1 is itself.

use super::lanes::{scalar_fence, slot};
use super::number::Int;
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

    /// Quotient rounded down.
    #[inline(always)]
    fn floor(self, x: T) -> T {
        if !T::SIGNED {
            return self.divide_size(x);
        }
        // -(v + 1) is v with all bits turned: what is below zero is mirrored around -1/2, and its quotient back.
        let turned = self.divisor < T::ZERO;
        let value = if turned { x.neg() } else { x };
        let below = if turned { x > T::ZERO } else { x < T::ZERO };
        let mirror = if below { T::ALL_ONES } else { T::ZERO };
        mirror.xor(self.divide_size(mirror.xor(value)))
    }

    /// Quotient rounded towards zero, of the sizes.
    #[inline(always)]
    fn trunc(self, x: T) -> T {
        let quotient = self.divide_size(x.magnitude());
        if x < T::ZERO { quotient.neg() } else { quotient }
    }
}

/// The operations: what they make of a number and a prepared divisor, and of any two numbers.
trait Division<T: Int> {
    /// Values per element.
    const OUTPUTS: usize = 1;
    fn by(x: T, divisor: Reciprocal<T>) -> [T; 2];
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

/// Divides numbers that floats hold, chunk by chunk.
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
            let mut values = [[MaybeUninit::<T>::uninit(); CHUNK]; 2];
            let mut i = 0;
            while i < CHUNK {
                let [first, second] = each::<T, D>(x[i], y[i], T::divided);
                values[0][i].write(first);
                values[1][i].write(second);
                i += 1;
            }
            for (d, values) in d.iter_mut().zip(values).take(D::OUTPUTS) {
                d.cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(values);
                *d = d.add(CHUNK);
            }
            a = a.add(step_a);
            b = b.add(step_b);
        }
        for i in 0..n % CHUNK {
            let values = each::<T, D>(a.add(i).read_unaligned(), b.add(i).read_unaligned(), T::divided);
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
    fn by(x: T, divisor: Reciprocal<T>) -> [T; 2] {
        [divisor.floor(x), T::ZERO]
    }
    #[inline(always)]
    fn each(x: T, y: T, [q, r]: [T; 2]) -> [T; 2] {
        [if is_down(x, y, r) { q.sub(T::ONE) } else { q }, T::ZERO]
    }
}

impl<T: Int> Division<T> for Remainder {
    #[inline(always)]
    fn by(x: T, divisor: Reciprocal<T>) -> [T; 2] {
        [x.sub(divisor.floor(x).mul(divisor.divisor)), T::ZERO]
    }
    #[inline(always)]
    fn each(x: T, y: T, [_, r]: [T; 2]) -> [T; 2] {
        [if is_down(x, y, r) { r.add(y) } else { r }, T::ZERO]
    }
}

impl<T: Int> Division<T> for Fmod {
    #[inline(always)]
    fn by(x: T, divisor: Reciprocal<T>) -> [T; 2] {
        [x.sub(divisor.trunc(x).mul(divisor.divisor.magnitude())), T::ZERO]
    }
    #[inline(always)]
    fn each(_: T, _: T, [_, r]: [T; 2]) -> [T; 2] {
        [r, T::ZERO]
    }
}

impl<T: Int> Division<T> for Divmod {
    const OUTPUTS: usize = 2;
    #[inline(always)]
    fn by(x: T, divisor: Reciprocal<T>) -> [T; 2] {
        let q = divisor.floor(x);
        [q, x.sub(q.mul(divisor.divisor))]
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
        let ((mut a, step_a), (b, step_b)) = (slot::<T>(s, o.src[0]), slot::<T>(s, o.src[1]));
        let mut d: [*mut T; 2] = [slot::<T>(s, o.dst[0]).0, slot::<T>(s, o.dst[1]).0];
        let divisor = b.read_unaligned();
        if step_b != 0 && T::IN_FLOATS {
            return by_each::<T, D>(n, [(a, step_a), (b, step_b)], d);
        }
        if step_b != 0 || divisor == T::ZERO {
            for i in 0..n {
                let (x, y) =
                    (a.add(i * step_a / CHUNK).read_unaligned(), b.add(i * step_b / CHUNK).read_unaligned());
                let values = each::<T, D>(x, y, T::quotient);
                for (d, value) in d.iter().zip(values).take(D::OUTPUTS) {
                    d.add(i).write_unaligned(value);
                }
                scalar_fence();
            }
            return;
        }
        let divisor = Reciprocal::new(divisor);
        for _ in 0..n / CHUNK {
            let x = a.cast::<[T; CHUNK]>().read_unaligned();
            let mut values = [[MaybeUninit::<T>::uninit(); CHUNK]; 2];
            let mut i = 0;
            while i < CHUNK {
                let [first, second] = D::by(x[i], divisor);
                values[0][i].write(first);
                values[1][i].write(second);
                i += 1;
            }
            for (d, values) in d.iter_mut().zip(values).take(D::OUTPUTS) {
                d.cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(values);
                *d = d.add(CHUNK);
            }
            a = a.add(step_a);
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
    if super::lanes::wide() {
        return avx2::<T, D>;
    }
    base::<T, D>
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
