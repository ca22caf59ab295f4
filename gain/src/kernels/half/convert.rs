//! Conversions between halves and other types.
//!
//! Each rounds to the nearest, ties to even, and raises the flags that the processor's instructions raise, where it has them
//! or not; what lies beyond the length is converted as zero, which raises none.

use super::{BLOCK, Wide};
use crate::dtype::{DType, f16};
use crate::kernels::lanes::{map1, slot};
use crate::kernels::{CHUNK, Kernel, Operands, Slot, cast};
use num_complex::Complex;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;
use std::hint::black_box;

/// Elements per conversion.
const LANES: usize = 8;

/// Whether the processor converts.
#[inline]
fn converts() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("f16c") && std::arch::is_x86_feature_detected!("avx")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The nearest half.
#[inline]
pub(crate) fn narrow_one(x: f32) -> f16 {
    if converts() { f16::from_f32(x) } else { narrow_slowly(x) }
}

/// The nearest half, on a processor that has no such instruction.
fn narrow_slowly(x: f32) -> f16 {
    let near = f16::from_f32_const(x);
    if near.is_infinite() && x.is_finite() {
        black_box(black_box(f32::MAX) * 2.0);
    } else if x.is_finite() && !near.is_normal() && near.to_f32_const() != x {
        black_box(black_box(f32::MIN_POSITIVE) * f32::MIN_POSITIVE);
    }
    near
}

/// A number between the same halves: what is cut off leaves its mark in the last bit, so that it isn't rounded twice.
#[inline(always)]
pub(crate) fn odd(x: f64) -> f32 {
    let near = x as f32;
    let back = f64::from(near);
    // (What compares for order raises a flag for NaN, also where the result isn't used.)
    let beyond = u32::from(back.abs().to_bits() > x.abs().to_bits());
    let marked = f32::from_bits((near.to_bits().wrapping_sub(beyond)) | 1);
    if back == x || x.is_nan() { near } else { marked }
}

/// Converts vectors of [`LANES`] elements, the last with zeros beyond the end.
macro_rules! by_lanes {
    ($(#[$attribute:meta])* $name:ident, $from:ty, $to:ty, |$x:ident| $convert:expr) => {
        /// # Safety
        /// `n` elements are readable and writable there; the processor has the instructions.
        $(#[$attribute])*
        unsafe fn $name(from: *const $from, to: *mut $to, n: usize) {
            let vector = |$x: [$from; LANES]| -> [$to; LANES] { $convert };
            let whole = n - n % LANES;
            // SAFETY: the caller's promise.
            unsafe {
                let mut i = 0;
                while i < whole {
                    let x = from.add(i).cast::<[$from; LANES]>().read_unaligned();
                    to.add(i).cast::<[$to; LANES]>().write_unaligned(vector(x));
                    i += LANES;
                }
                if whole < n {
                    let mut rest = [<$from>::default(); LANES];
                    std::ptr::copy_nonoverlapping(from.add(whole), rest.as_mut_ptr(), n - whole);
                    let rest = vector(rest);
                    std::ptr::copy_nonoverlapping(rest.as_ptr(), to.add(whole), n - whole);
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
by_lanes!(
    #[target_feature(enable = "avx,f16c")]
    widen_f16c,
    u16,
    f32,
    |x| {
        // SAFETY: both sides have the size of the vectors.
        unsafe {
            let x = std::mem::transmute::<[u16; LANES], x86::__m128i>(x);
            std::mem::transmute::<x86::__m256, [f32; LANES]>(x86::_mm256_cvtph_ps(x))
        }
    }
);
#[cfg(target_arch = "x86_64")]
by_lanes!(
    #[target_feature(enable = "avx,f16c")]
    narrow_f16c,
    f32,
    u16,
    |x| {
        // SAFETY: both sides have the size of the vectors.
        unsafe {
            let x = std::mem::transmute::<[f32; LANES], x86::__m256>(x);
            std::mem::transmute::<x86::__m128i, [u16; LANES]>(x86::_mm256_cvtps_ph::<0>(x))
        }
    }
);
by_lanes!(widen_slowly, u16, f32, |x| x.map(|x| f16::from_bits(x).to_f32_const()));
by_lanes!(narrow_each, f32, u16, |x| x.map(|x| narrow_slowly(x).to_bits()));

/// # Safety
/// `n` elements are readable at `from` and writable at `to`.
#[inline]
pub(super) unsafe fn widen(from: *const u16, to: *mut f32, n: usize) {
    #[cfg(target_arch = "x86_64")]
    if converts() {
        // SAFETY: passed on; the processor has the instructions.
        return unsafe { widen_f16c(from, to, n) };
    }
    // SAFETY: passed on.
    unsafe { widen_slowly(from, to, n) }
}

/// # Safety
/// As [`widen`].
#[inline]
pub(super) unsafe fn narrow(from: *const f32, to: *mut u16, n: usize) {
    #[cfg(target_arch = "x86_64")]
    if converts() {
        // SAFETY: passed on; the processor has the instructions.
        return unsafe { narrow_f16c(from, to, n) };
    }
    // SAFETY: passed on.
    unsafe { narrow_each(from, to, n) }
}

/// The conversion from or to halves; `None` between other types.
pub(in crate::kernels) fn cast(from: DType, to: DType) -> Option<Kernel> {
    unsafe fn widened(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: the kernel's contract.
        unsafe { in_blocks(n, s, o, 2, 4, |from, to, n| widen(from.cast(), to.cast(), n)) }
    }
    unsafe fn narrowed(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: the kernel's contract.
        unsafe { in_blocks(n, s, o, 4, 2, |from, to, n| narrow(from.cast(), to.cast(), n)) }
    }
    unsafe fn to_other<const D: usize>(n: usize, s: *const Slot, o: &Operands) {
        let to = DType::ALL[D];
        let kernel = cast::kernel(DType::F32, to);
        // SAFETY: the kernel's contract; a block has room.
        unsafe {
            in_blocks(n, s, o, 2, to.size_bytes(), |from, to, n| {
                let mut room = Wide::uninit();
                widen(from.cast(), room.as_mut_ptr().cast(), n);
                kernel(n, [Slot::row(to), Slot::row(room.as_mut_ptr().cast())].as_ptr(), &ONE);
            });
        }
    }
    unsafe fn from_other<const D: usize>(n: usize, s: *const Slot, o: &Operands) {
        let from = DType::ALL[D];
        let kernel = match from {
            DType::F64 => map1(odd),
            DType::C128 => map1(|z: Complex<f64>| odd(z.re)),
            // Integers are rounded twice, as NumPy has it.
            from => cast::kernel(from, DType::F32),
        };
        // SAFETY: the kernel's contract; a block has room.
        unsafe {
            in_blocks(n, s, o, from.size_bytes(), 2, |from, to, n| {
                let mut room = Wide::uninit();
                kernel(n, [Slot::row(room.as_mut_ptr().cast()), Slot::row(from)].as_ptr(), &ONE);
                narrow(room.as_ptr().cast(), to.cast(), n);
            });
        }
    }
    const ONE: Operands = Operands { dst: [0; 2], src: [1; 8] };
    macro_rules! of_type {
        ($f:ident, $dtype:expr, $($d:ident)*) => {
            match $dtype {
                $(DType::$d => $f::<{ DType::$d as usize }>,)*
                DType::F16 | DType::F32 => unreachable!("handled above"),
            }
        };
    }
    Some(match (from, to) {
        (DType::F16, DType::F16) => map1(|x: u16| x),
        (DType::F16, DType::F32) => widened,
        (DType::F32, DType::F16) => narrowed,
        (DType::F16, other) => of_type!(to_other, other, Bool I8 I16 I32 I64 U8 U16 U32 U64 F64 C64 C128),
        (other, DType::F16) => of_type!(from_other, other, Bool I8 I16 I32 I64 U8 U16 U32 U64 F64 C64 C128),
        _ => return None,
    })
}

/// Calls a conversion for blocks of elements of these sizes; a splat chunk by chunk.
///
/// # Safety
/// The kernel's contract.
#[inline(always)]
unsafe fn in_blocks(
    n: usize,
    s: *const Slot,
    o: &Operands,
    from_bytes: usize,
    to_bytes: usize,
    convert: impl Fn(*mut u8, *mut u8, usize),
) {
    // SAFETY: passed on: blocks of a row lie within it, a splat holds a chunk.
    unsafe {
        let ((from, step), (to, _)) = (slot::<u8>(s, o.src[0]), slot::<u8>(s, o.dst[0]));
        let block = if step == 0 { CHUNK } else { BLOCK };
        let mut at = 0;
        while at < n {
            let first = if step == 0 { 0 } else { at };
            convert(from.add(first * from_bytes), to.add(at * to_bytes), block.min(n - at));
            at += block;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::flags;
    use crate::status::OVER;

    /// What the processor does and what is done without its instructions: values and flags.
    #[test]
    fn conversions_are_the_same_without_instructions() {
        if !converts() {
            return;
        }
        let halves: Vec<u16> = (0..=u16::MAX).collect();
        let (mut fast, mut slow) = (vec![0f32; halves.len()], vec![0f32; halves.len()]);
        // SAFETY: as many elements on both sides.
        unsafe {
            widen(halves.as_ptr(), fast.as_mut_ptr(), halves.len());
            widen_slowly(halves.as_ptr(), slow.as_mut_ptr(), halves.len());
        }
        assert!(fast.iter().zip(&slow).all(|(x, y)| x.to_bits() == y.to_bits()));
        for bits in (0..=u32::MAX).step_by(4099) {
            let x = f32::from_bits(bits);
            let flags = |narrow: fn(f32) -> f16| flags::raised_by(|| narrow(black_box(x))) & OVER;
            assert_eq!(narrow_one(x).to_bits(), narrow_slowly(x).to_bits(), "{x:e}");
            assert_eq!(flags(narrow_one), flags(narrow_slowly), "{x:e}");
        }
    }

    /// Against the library's own rounding of `f64`, which takes no detour without the instruction.
    #[test]
    fn doubles_are_rounded_once() {
        for bits in (0..=u64::MAX).step_by(0x7_ffff_ffff_f123 >> 7) {
            let x = f64::from_bits(bits);
            assert_eq!(narrow_one(odd(x)).to_bits() & 0xfc00, f16::from_f64_const(x).to_bits() & 0xfc00);
            if !x.is_nan() {
                assert_eq!(narrow_one(odd(x)), f16::from_f64_const(x), "{x:e}");
            }
        }
    }
}
