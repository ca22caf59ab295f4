//! Floating-point exceptions of kernels.
//!
//! The contract: every kernel has a [`Report`], which says where its exceptions are to be found.
//!
//! - [`Report::Exact`]: after the kernel the processor's sticky flags are those that NumPy would find for these
//!   elements. A kernel that computes on lanes beyond its length, on values it then discards, or through
//!   approximations that raise flags of their own isn't that.
//! - [`Report::Never`]: the operation has no exceptions; the kernel may leave any flags. Comparisons are of this
//!   kind: the vector instructions for them raise "invalid" for any NaN.
//! - [`Report::Checked`]: the kernel may leave any flags; a function tells the exceptions from the inputs. It is called
//!   before the kernel, which may overwrite them.
//!
//! - [`Report::Covered`]: as checked, but whenever there is an exception the kernel raises some flag that somebody may
//!   want to know of, if not the right one. So the function need only be called where a flag was raised.
//!
//! No kernel changes the rounding mode or unmasks exceptions. A new kernel for a function of floats is `Checked` or
//! `Covered` (an entry of [`of_function`](super::math::of_function)) unless it calls the C library or consists of operations of the processor's.

use super::lanes::{conjure, slot, wide};
use super::{CHUNK, Operands, Slot};
use crate::dtype::{Category, DType, category, f16};
use crate::status::{DIVIDE, INVALID, OVER, UNDER};
use num_complex::Complex;
use std::hint::black_box;

/// Finds exceptions in the inputs of a kernel, which is called with the same arguments.
///
/// SAFETY contract: as that of the kernel.
pub(crate) type Check = unsafe fn(len: usize, slots: *const Slot, operands: &Operands) -> u8;

/// Where the exceptions of a kernel are to be found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// In the processor's flags.
    Exact,
    /// There are none.
    Never,
    /// This function tells.
    Checked(Check),
    /// This function tells, and says nothing where the processor's flags don't either.
    Covered(Check),
}

impl Report {
    /// The function that tells, if one does.
    pub(crate) fn check(self) -> Option<Check> {
        match self {
            Report::Checked(check) | Report::Covered(check) => Some(check),
            Report::Exact | Report::Never => None,
        }
    }

    /// The kernel of a checked operation raises flags wherever there is an exception.
    pub(crate) fn covered(self) -> Report {
        match self {
            Report::Checked(check) => Report::Covered(check),
            other => other,
        }
    }
}

/// The processor's sticky flags, as bits of [`crate::status`].
#[inline]
pub(crate) fn read() -> u8 {
    #[cfg(target_arch = "x86_64")]
    {
        let mut word = 0u32;
        // SAFETY: stores the register to a word of ours.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
        word as u8 & (INVALID | DIVIDE | OVER | UNDER)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let word: u64;
        // SAFETY: reads a register.
        unsafe { std::arch::asm!("mrs {}, fpsr", out(reg) word, options(nostack, preserves_flags)) };
        // Invalid, divide, overflow and underflow are consecutive there.
        (word & 1) as u8 | ((word & 0xe) << 1) as u8
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    0
}

/// Clears the sticky flags.
#[inline]
pub(crate) fn clear() {
    #[cfg(target_arch = "x86_64")]
    {
        let mut word = 0u32;
        // SAFETY: stores the register to a word of ours, and loads it back with the sticky flags alone changed.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags));
            if word & 0x1f != 0 {
                word &= !0x3f;
                std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags));
            }
        }
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: writes the status register, which holds sticky flags only.
    unsafe {
        std::arch::asm!("msr fpsr, {}", in(reg) 0u64, options(nostack, preserves_flags));
    }
}

/// Exceptions of a conversion.
pub(crate) fn of_cast(from: DType, to: DType) -> Report {
    // Conversions to integers go through `i32`, `i64` or halves of `u64`: out of range is what these can't hold.
    macro_rules! beyond {
        ($limit:expr, $fits:expr) => {{
            let tell = |x: f64| if $fits(x) { 0 } else { INVALID };
            match from {
                DType::F16 => scan(|x: f16| !x.is_finite(), |_| INVALID),
                DType::F32 => {
                    scan(|x: f32| (x.abs() >= $limit as f32) | x.is_nan(), move |x: f32| tell(x.into()))
                }
                DType::F64 => scan(|x: f64| (x.abs() >= $limit) | x.is_nan(), tell),
                DType::C64 => scan(
                    |z: Complex<f32>| (z.re.abs() >= $limit as f32) | z.re.is_nan(),
                    move |z: Complex<f32>| tell(z.re.into()),
                ),
                _ => scan(
                    |z: Complex<f64>| (z.re.abs() >= $limit) | z.re.is_nan(),
                    move |z: Complex<f64>| tell(z.re),
                ),
            }
        }};
    }
    const TO_31: f64 = 2147483648.0;
    const TO_63: f64 = 9223372036854775808.0;
    match (category(from), category(to)) {
        (Category::Signed | Category::Unsigned, _) if to == DType::F16 => Report::Exact,
        (Category::Bool | Category::Signed | Category::Unsigned, _) | (_, Category::Bool) => Report::Never,
        (_, Category::Float | Category::Complex) => Report::Exact,
        _ => match to {
            DType::I64 | DType::U32 => beyond!(TO_63, |x: f64| (-TO_63..TO_63).contains(&x)),
            DType::U64 => beyond!(TO_63, |x: f64| (-TO_63..2.0 * TO_63).contains(&x)),
            _ => beyond!(TO_31, |x: f64| x > -TO_31 - 1.0 && x < TO_31),
        },
    }
}

/// The exceptions of one computation; the flags are left as they were.
#[inline(never)]
pub(super) fn raised_by<R>(compute: impl FnOnce() -> R) -> u8 {
    #[cfg(target_arch = "x86_64")]
    {
        let (mut before, mut after) = (0u32, 0u32);
        // SAFETY: stores the register to words of ours, and loads it back as it was.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack, preserves_flags));
            clear();
            black_box(compute());
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut after, options(nostack, preserves_flags));
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const before, options(nostack, preserves_flags));
        }
        after as u8 & (INVALID | DIVIDE | OVER | UNDER)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let before: u64;
        // SAFETY: reads and writes the status register, which holds sticky flags only.
        unsafe {
            std::arch::asm!("mrs {}, fpsr", out(reg) before, options(nostack, preserves_flags));
            clear();
            black_box(compute());
            let found = read();
            std::arch::asm!("msr fpsr, {}", in(reg) before, options(nostack, preserves_flags));
            found
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        black_box(compute());
        0
    }
}

/// Exceptions of those elements of the first input that are suspect: chunk by chunk, with a closer look at those that
/// have one.
pub(super) fn scan<T: Copy, S, C>(_is_suspect: S, _tell: C) -> Report
where
    S: Fn(T) -> bool + Copy,
    C: Fn(T) -> u8 + Copy,
{
    #[inline(always)]
    unsafe fn body<T: Copy>(
        n: usize,
        s: *const Slot,
        o: &Operands,
        is_suspect: impl Fn(T) -> bool,
        tell: impl Fn(T) -> u8,
    ) -> u8 {
        // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
        unsafe {
            let (mut a, step) = slot::<T>(s, o.src[0]);
            let (chunks, rest) = if step == 0 { (0, n.min(1)) } else { (n / CHUNK, n % CHUNK) };
            let mut found = 0;
            for _ in 0..chunks {
                let x = a.cast::<[T; CHUNK]>().read_unaligned();
                let (mut suspects, mut i) = (false, 0);
                while i < CHUNK {
                    suspects |= is_suspect(x[i]);
                    i += 1;
                }
                if suspects {
                    x.into_iter().filter(|&x| is_suspect(x)).for_each(|x| found |= tell(x));
                }
                a = a.add(CHUNK);
            }
            for i in 0..rest {
                let x = a.add(i).read_unaligned();
                if is_suspect(x) {
                    found |= tell(x);
                }
            }
            found
        }
    }
    unsafe fn base<T: Copy, S, C>(n: usize, s: *const Slot, o: &Operands) -> u8
    where
        S: Fn(T) -> bool + Copy,
        C: Fn(T) -> u8 + Copy,
    {
        // SAFETY: `scan` was given one of each function; the rest is the kernel's contract.
        unsafe { body(n, s, o, conjure::<S>(), conjure::<C>()) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2<T: Copy, S, C>(n: usize, s: *const Slot, o: &Operands) -> u8
    where
        S: Fn(T) -> bool + Copy,
        C: Fn(T) -> u8 + Copy,
    {
        // SAFETY: as above.
        unsafe { body(n, s, o, conjure::<S>(), conjure::<C>()) }
    }
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return Report::Checked(avx2::<T, S, C>);
    }
    Report::Checked(base::<T, S, C>)
}

/// As [`scan`], for pairs of elements of two inputs.
pub(super) fn scan2<T: Copy, S, C>(_is_suspect: S, _tell: C) -> Report
where
    S: Fn(T, T) -> bool + Copy,
    C: Fn(T, T) -> u8 + Copy,
{
    #[inline(always)]
    unsafe fn body<T: Copy>(
        n: usize,
        s: *const Slot,
        o: &Operands,
        is_suspect: impl Fn(T, T) -> bool,
        tell: impl Fn(T, T) -> u8,
    ) -> u8 {
        // SAFETY: the kernel's contract; each access stays within `n` elements, or within the splat.
        unsafe {
            let ((mut a, step_a), (mut b, step_b)) = (slot::<T>(s, o.src[0]), slot::<T>(s, o.src[1]));
            let mut found = 0;
            let mut left = n;
            while left > 0 {
                let len = left.min(CHUNK);
                let (mut suspects, mut i) = (false, 0);
                if len == CHUNK {
                    while i < CHUNK {
                        suspects |= is_suspect(a.add(i).read_unaligned(), b.add(i).read_unaligned());
                        i += 1;
                    }
                }
                if suspects || len < CHUNK {
                    for i in 0..len {
                        let (x, y) = (a.add(i).read_unaligned(), b.add(i).read_unaligned());
                        if is_suspect(x, y) {
                            found |= tell(x, y);
                        }
                    }
                }
                (a, b) = (a.add(step_a), b.add(step_b));
                left -= len;
            }
            found
        }
    }
    unsafe fn base<T: Copy, S, C>(n: usize, s: *const Slot, o: &Operands) -> u8
    where
        S: Fn(T, T) -> bool + Copy,
        C: Fn(T, T) -> u8 + Copy,
    {
        // SAFETY: `scan2` was given one of each function; the rest is the kernel's contract.
        unsafe { body(n, s, o, conjure::<S>(), conjure::<C>()) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2<T: Copy, S, C>(n: usize, s: *const Slot, o: &Operands) -> u8
    where
        S: Fn(T, T) -> bool + Copy,
        C: Fn(T, T) -> u8 + Copy,
    {
        // SAFETY: as above.
        unsafe { body(n, s, o, conjure::<S>(), conjure::<C>()) }
    }
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return Report::Checked(avx2::<T, S, C>);
    }
    Report::Checked(base::<T, S, C>)
}

/// Element `i` of a slot.
///
/// # Safety
/// The slot holds it.
#[inline(always)]
pub(super) unsafe fn element<T: Copy>(s: *const Slot, index: u16, i: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe {
        let (a, step) = slot::<T>(s, index);
        a.add(if step == 0 { 0 } else { i }).read_unaligned()
    }
}
