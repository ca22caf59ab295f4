//! What the operators of reductions do, for every element type; who wants a result, and in which order it is made.

use crate::error::{Error, ErrorKind, Result};
use crate::operator::Op;
use shm::{Complex32, Complex64, Element};

/// Who needs a reduction's result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    ByAll,
    ByRoot(usize),
    /// Rank r wants the first r + 1 members' combination.
    Prefix,
    /// Rank r wants the first r members' combination; rank 0 keeps what it has.
    PrefixBefore,
}

impl Wanted {
    pub(super) fn is_prefix(self) -> bool {
        matches!(self, Wanted::Prefix | Wanted::PrefixBefore)
    }
}

/// In which order elements may be folded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Any that is the same on all ranks.
    Any,
    OfRanks,
}

/// Element types that reductions are defined for: all of them, each with its operators.
pub trait Reducible: Element {
    /// Whether the type has the operator.
    fn has(op: Op) -> bool;

    /// `a op b`. `a` if the type doesn't have the operator.
    fn combine(op: Op, a: Self, b: Self) -> Self;
}

/// An error when `T` doesn't have the operator.
pub(super) fn check<T: Reducible>(op: Op, name: &'static str) -> Result<()> {
    if T::has(op) {
        return Ok(());
    }
    let message = format!("{} has no operator {}", T::DTYPE, Op::name_of(op as u8));
    Err(Error::new(ErrorKind::Type, name, message))
}

/// `acc[i] = acc[i] op src[i]`, the operator chosen outside the loop.
///
/// # Safety
/// `src` holds `acc.len()` readable elements of `T`, aligned, which nobody writes meanwhile.
pub(super) unsafe fn fold<T: Reducible>(op: Op, acc: &mut [T], src: *const T) {
    // SAFETY: the caller's promise.
    unsafe {
        match op {
            Op::Sum => zip(acc, src, |a, b| T::combine(Op::Sum, a, b)),
            Op::Prod => zip(acc, src, |a, b| T::combine(Op::Prod, a, b)),
            Op::Min => zip(acc, src, |a, b| T::combine(Op::Min, a, b)),
            Op::Max => zip(acc, src, |a, b| T::combine(Op::Max, a, b)),
            Op::And => zip(acc, src, |a, b| T::combine(Op::And, a, b)),
            Op::Or => zip(acc, src, |a, b| T::combine(Op::Or, a, b)),
            Op::Xor => zip(acc, src, |a, b| T::combine(Op::Xor, a, b)),
        }
    }
}

/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn zip<T: Copy>(acc: &mut [T], src: *const T, combine: impl Fn(T, T) -> T) {
    for (index, value) in acc.iter_mut().enumerate() {
        // SAFETY: below acc.len().
        *value = combine(*value, unsafe { src.add(index).read() });
    }
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Reducible for $t {
            fn has(_op: Op) -> bool {
                true
            }

            #[inline(always)]
            fn combine(op: Op, a: $t, b: $t) -> $t {
                match op {
                    Op::Sum => a.wrapping_add(b),
                    Op::Prod => a.wrapping_mul(b),
                    Op::Min => a.min(b),
                    Op::Max => a.max(b),
                    Op::And => a & b,
                    Op::Or => a | b,
                    Op::Xor => a ^ b,
                }
            }
        }
    )*};
}

macro_rules! floats {
    ($($t:ty),*) => {$(
        impl Reducible for $t {
            fn has(op: Op) -> bool {
                matches!(op, Op::Sum | Op::Prod | Op::Min | Op::Max)
            }

            #[inline(always)]
            fn combine(op: Op, a: $t, b: $t) -> $t {
                match op {
                    Op::Sum => a + b,
                    Op::Prod => a * b,
                    Op::Min => if a <= b || a.is_nan() { a } else { b },
                    Op::Max => if a >= b || a.is_nan() { a } else { b },
                    Op::And | Op::Or | Op::Xor => a,
                }
            }
        }
    )*};
}

macro_rules! complexes {
    ($($t:ty),*) => {$(
        impl Reducible for $t {
            fn has(op: Op) -> bool {
                matches!(op, Op::Sum | Op::Prod)
            }

            #[inline(always)]
            fn combine(op: Op, a: $t, b: $t) -> $t {
                match op {
                    Op::Sum => a + b,
                    Op::Prod => a * b,
                    _ => a,
                }
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64);
floats!(f32, f64);
complexes!(Complex32, Complex64);

impl Reducible for bool {
    fn has(_op: Op) -> bool {
        true
    }

    #[inline(always)]
    fn combine(op: Op, a: bool, b: bool) -> bool {
        match op {
            Op::Sum | Op::Max | Op::Or => a | b,
            Op::Prod | Op::Min | Op::And => a & b,
            Op::Xor => a ^ b,
        }
    }
}
