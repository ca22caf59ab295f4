//! Plain data: what may travel between ranks byte by byte.
//!
//! Invariant: a value of a [`Plain`] type is never made from bytes that were not checked first. For types that accept any
//! bit pattern the check compiles to nothing; it is there for `bool` and its like, whose bytes another rank may spoil.

use crate::error::{Error, ErrorKind, Result};
use bytemuck::{CheckedBitPattern, NoUninit};

/// A type without padding whose validity can be checked: all of [`shm::Element`], and whatever implements `bytemuck`'s
/// `NoUninit` and `AnyBitPattern` (or `CheckedBitPattern`).
pub trait Plain: NoUninit + CheckedBitPattern {}

impl<T: NoUninit + CheckedBitPattern> Plain for T {}

/// Fills `dst` through `write`, which gets its bytes; on bytes that are no values of `T`, or on an error of `write`,
/// `dst` holds valid values all the same.
pub(crate) fn fill<T: Plain>(
    op: &'static str,
    dst: &mut [T],
    write: impl FnOnce(*mut u8) -> Result<()>,
) -> Result<()> {
    let Some(&keep) = dst.first() else { return write(dst.as_mut_ptr().cast()) };
    let written = write(dst.as_mut_ptr().cast());
    written.and(check(op, dst, keep))
}

/// Checks bytes that were written to `dst`; where they are no values of `T`, `dst` holds `keep` throughout afterwards.
pub(crate) fn check<T: Plain>(op: &'static str, dst: &mut [T], keep: T) -> Result<()> {
    // SAFETY: Bits has the size and alignment of T (CheckedBitPattern's contract) and accepts any bytes.
    let bits = unsafe { std::slice::from_raw_parts(dst.as_ptr().cast::<T::Bits>(), dst.len()) };
    if bits.iter().all(T::is_valid_bit_pattern) {
        return Ok(());
    }
    dst.fill(keep);
    Err(invalid::<T>(op))
}

/// Lengthens a vector by `count` elements whose bytes are in its spare room; on bytes that are no values of `T` it stays as it is.
///
/// # Safety
/// The vector has room for as many more, and their bytes are initialised.
pub(crate) unsafe fn lengthen<T: Plain>(op: &'static str, vector: &mut Vec<T>, count: usize) -> Result<()> {
    let spare = vector.spare_capacity_mut().as_ptr().cast::<T::Bits>();
    // SAFETY: initialised by the caller's promise; Bits has the size and alignment of T and accepts any bytes.
    let bits = unsafe { std::slice::from_raw_parts(spare, count) };
    if !bits.iter().all(T::is_valid_bit_pattern) {
        return Err(invalid::<T>(op));
    }
    // SAFETY: so many elements beyond the length are there and were just checked to be values of T.
    unsafe { vector.set_len(vector.len() + count) };
    Ok(())
}

/// A value of `T` read from memory that other ranks may write.
///
/// # Safety
/// `src` is readable for the size of `T`; any alignment.
#[inline]
pub(crate) unsafe fn read<T: Plain>(op: &'static str, src: *const u8) -> Result<T> {
    // SAFETY: readable by the caller's promise; Bits accepts any bytes.
    let bits = unsafe { src.cast::<T::Bits>().read_unaligned() };
    if !T::is_valid_bit_pattern(&bits) {
        return Err(invalid::<T>(op));
    }
    // SAFETY: the same size, and just checked to be a value of T.
    Ok(unsafe { std::mem::transmute_copy(&bits) })
}

#[cold]
fn invalid<T>(op: &'static str) -> Error {
    Error::new(ErrorKind::Type, op, format!("the bytes there are no value of {}", std::any::type_name::<T>()))
}
