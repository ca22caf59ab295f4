//! Atomic read-modify-write on integers that live in the heap.
//!
//! The operations are the processor's own, sequentially consistent, and atomic with regard to one another
//! from any rank of the node. They are a separate domain from [`crate::accumulate`]: an accumulate and a
//! `fetch_add` on the same element may lose one of the two, as in ARMCI.

use crate::element::Element;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering::SeqCst};

/// The integers that have atomic operations: `i32`, `i64`, `u64`.
pub trait AtomicInteger: Element + Eq {
    /// Adds `value` (wrapping) and returns what was there before.
    ///
    /// # Safety
    /// `target` is aligned, points into memory mapped for writing, and nobody accesses it non-atomically
    /// meanwhile.
    unsafe fn fetch_add(target: *mut Self, value: Self) -> Self;

    /// Stores `value` and returns what was there before.
    ///
    /// # Safety
    /// As [`AtomicInteger::fetch_add`].
    unsafe fn swap(target: *mut Self, value: Self) -> Self;

    /// Stores `value` if `expected` is there; returns what was there before, so success is `result ==
    /// expected`.
    ///
    /// # Safety
    /// As [`AtomicInteger::fetch_add`].
    unsafe fn compare_swap(target: *mut Self, expected: Self, value: Self) -> Self;

    /// Reads, ordered before everything that follows (acquire).
    ///
    /// # Safety
    /// As [`AtomicInteger::fetch_add`]; a read-only mapping will do.
    unsafe fn load_acquire(target: *const Self) -> Self;

    /// Stores, ordered after everything before (release).
    ///
    /// # Safety
    /// As [`AtomicInteger::fetch_add`].
    unsafe fn store_release(target: *mut Self, value: Self);
}

macro_rules! atomic_integers {
    ($($t:ty => $a:ident),*) => {$(
        impl AtomicInteger for $t {
            #[inline]
            unsafe fn fetch_add(target: *mut Self, value: Self) -> Self {
                // SAFETY: aligned, mapped and only accessed atomically: the caller's promise.
                unsafe { $a::from_ptr(target) }.fetch_add(value, SeqCst)
            }
            #[inline]
            unsafe fn swap(target: *mut Self, value: Self) -> Self {
                // SAFETY: as fetch_add.
                unsafe { $a::from_ptr(target) }.swap(value, SeqCst)
            }
            #[inline]
            unsafe fn compare_swap(target: *mut Self, expected: Self, value: Self) -> Self {
                // SAFETY: as fetch_add.
                unsafe { $a::from_ptr(target) }.compare_exchange(expected, value, SeqCst, SeqCst).unwrap_or_else(|old| old)
            }
            #[inline]
            unsafe fn load_acquire(target: *const Self) -> Self {
                // SAFETY: as fetch_add; the atomic is only read through this reference.
                unsafe { $a::from_ptr(target.cast_mut()) }.load(std::sync::atomic::Ordering::Acquire)
            }
            #[inline]
            unsafe fn store_release(target: *mut Self, value: Self) {
                // SAFETY: as fetch_add.
                unsafe { $a::from_ptr(target) }.store(value, std::sync::atomic::Ordering::Release)
            }
        }
    )*};
}

atomic_integers!(i32 => AtomicI32, i64 => AtomicI64, u64 => AtomicU64);
