//! Atomic read-modify-write on numbers that live in the heap.
//!
//! One list of operations ([`Amo`]) on words of 4 and 8 bytes; a type says which of them adds its numbers. All are the processor's own
//! (floats are added by compare-and-swap), sequentially consistent, and atomic with regard to one another from any rank of the node. They are a
//! separate domain from [`crate::accumulate`]: an accumulate and an addition here to the same element may lose one of the two, as in ARMCI.

use crate::element::Element;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// What happens to a word. The number is its number in messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Amo {
    /// Nothing.
    Load,
    /// It becomes the operand.
    Swap,
    /// It becomes the operand if the comparand is there, bit for bit.
    CompareSwap,
    /// The operand is added, as an integer (wrapping).
    Add,
    /// The operand is added, as a float of the word's size.
    AddFloat,
    /// Bitwise "and".
    And,
    /// Bitwise "or".
    Or,
    /// Bitwise "exclusive or".
    Xor,
}

impl Amo {
    /// All of them, by number.
    pub const ALL: [Amo; 8] =
        [Amo::Load, Amo::Swap, Amo::CompareSwap, Amo::Add, Amo::AddFloat, Amo::And, Amo::Or, Amo::Xor];
}

/// The numbers that have atomic operations: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`.
pub trait Atomic: Element {
    /// What adds two of them.
    const ADD: Amo;

    /// 0.
    const ZERO: Self;

    /// Does an operation; returns what was there before.
    ///
    /// # Safety
    /// `target` is aligned, points into memory mapped for writing, and nobody accesses it non-atomically meanwhile.
    unsafe fn update(target: *mut Self, amo: Amo, operand: Self, comparand: Self) -> Self;

    /// Reads, ordered before everything that follows (acquire).
    ///
    /// # Safety
    /// As [`Atomic::update`]; a read-only mapping will do.
    unsafe fn load_acquire(target: *const Self) -> Self;

    /// Stores, ordered after everything before (release).
    ///
    /// # Safety
    /// As [`Atomic::update`].
    unsafe fn store_release(target: *mut Self, value: Self);

    /// Adds `value` and returns what was there before.
    ///
    /// # Safety
    /// As [`Atomic::update`].
    #[inline]
    unsafe fn fetch_add(target: *mut Self, value: Self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::update(target, Self::ADD, value, value) }
    }
}

/// Those of them that have bitwise operations.
pub trait AtomicInteger: Atomic + Eq {}

macro_rules! words {
    ($($name:ident: $word:ty, $float:ty, $atomic:ident;)*) => {$(
        /// Does an operation on a word; returns what was there before.
        ///
        /// # Safety
        /// As [`Atomic::update`].
        #[inline(always)]
        pub unsafe fn $name(target: *mut $word, amo: Amo, operand: $word, comparand: $word) -> $word {
            // SAFETY: aligned, mapped and only accessed atomically: the caller's promise.
            let word = unsafe { $atomic::from_ptr(target) };
            match amo {
                Amo::Load => word.load(SeqCst),
                Amo::Swap => word.swap(operand, SeqCst),
                Amo::CompareSwap => word.compare_exchange(comparand, operand, SeqCst, SeqCst).unwrap_or_else(|old| old),
                Amo::Add => word.fetch_add(operand, SeqCst),
                Amo::And => word.fetch_and(operand, SeqCst),
                Amo::Or => word.fetch_or(operand, SeqCst),
                Amo::Xor => word.fetch_xor(operand, SeqCst),
                Amo::AddFloat => {
                    let mut old = word.load(Relaxed);
                    loop {
                        let sum = (<$float>::from_bits(old) + <$float>::from_bits(operand)).to_bits();
                        match word.compare_exchange_weak(old, sum, SeqCst, Relaxed) {
                            Ok(_) => return old,
                            Err(other) => old = other,
                        }
                    }
                }
            }
        }
    )*};
}

words! {
    update_u32: u32, f32, AtomicU32;
    update_u64: u64, f64, AtomicU64;
}

macro_rules! atomics {
    ($($t:ty: $word:ty, $add:ident, $update:ident, $atomic:ident;)*) => {$(
        impl Atomic for $t {
            const ADD: Amo = Amo::$add;
            const ZERO: $t = 0 as $t;

            #[inline(always)]
            unsafe fn update(target: *mut Self, amo: Amo, operand: Self, comparand: Self) -> Self {
                let word = |value: $t| <$word>::from_ne_bytes(value.to_ne_bytes());
                // SAFETY: the caller's promise; the word has the type's size and alignment.
                let old = unsafe { $update(target.cast(), amo, word(operand), word(comparand)) };
                Self::from_ne_bytes(old.to_ne_bytes())
            }

            #[inline]
            unsafe fn load_acquire(target: *const Self) -> Self {
                // SAFETY: as update; the atomic is only read through this reference.
                let word = unsafe { $atomic::from_ptr(target.cast_mut().cast()) }.load(Acquire);
                Self::from_ne_bytes(word.to_ne_bytes())
            }

            #[inline]
            unsafe fn store_release(target: *mut Self, value: Self) {
                let word = <$word>::from_ne_bytes(value.to_ne_bytes());
                // SAFETY: as update.
                unsafe { $atomic::from_ptr(target.cast()) }.store(word, Release)
            }
        }
    )*};
}

atomics! {
    i32: u32, Add, update_u32, AtomicU32;
    u32: u32, Add, update_u32, AtomicU32;
    i64: u64, Add, update_u64, AtomicU64;
    u64: u64, Add, update_u64, AtomicU64;
    f32: u32, AddFloat, update_u32, AtomicU32;
    f64: u64, AddFloat, update_u64, AtomicU64;
}

impl AtomicInteger for i32 {}
impl AtomicInteger for u32 {}
impl AtomicInteger for i64 {}
impl AtomicInteger for u64 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_numbered_as_listed() {
        Amo::ALL.iter().enumerate().for_each(|(number, amo)| assert_eq!(*amo as usize, number));
    }

    /// Oracle: the operators of the language.
    #[test]
    fn each_operation_does_what_its_operator_does() {
        let mut word = 12i32;
        // SAFETY: an aligned word of our own.
        let mut go = |amo, operand, comparand| unsafe { i32::update(&mut word, amo, operand, comparand) };
        assert_eq!((go(Amo::Add, -20, 0), go(Amo::Load, 5, 5)), (12, -8));
        assert_eq!((go(Amo::Or, 3, 0), go(Amo::Xor, 6, 0)), (-8, -8 | 3));
        assert_eq!((go(Amo::And, 0x7f, 0), go(Amo::Swap, 1, 0)), ((-8 | 3) ^ 6, ((-8 | 3) ^ 6) & 0x7f));
        assert_eq!((go(Amo::CompareSwap, 9, 2), go(Amo::CompareSwap, 9, 1), go(Amo::Load, 0, 0)), (1, 1, 9));
        let mut float = -0.0f64;
        // SAFETY: as above.
        let mut go = |amo, operand, comparand| unsafe { f64::update(&mut float, amo, operand, comparand) };
        // Bits are compared: the zeros differ.
        assert_eq!(go(Amo::CompareSwap, 4.0, 0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!(go(Amo::CompareSwap, 4.0, -0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!((go(f64::ADD, 0.5, 0.0), go(Amo::Load, 0.0, 0.0)), (4.0, 4.5));
    }
}
