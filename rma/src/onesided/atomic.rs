//! Integer read-modify-write at the target.

use crate::call::OpCode;
use crate::error::{Error, ErrorKind, Result};
use crate::plain;
use crate::segment::Segment;
use crate::transport::{Amo, Remote};
use crate::world::call;
use shm::atomics::AtomicInteger;

impl Segment {
    /// Adds `value` (wrapping) to the integer at byte `offset` of `rank`'s part; returns what was there before.
    ///
    /// Not collective; complete at the target on return. For `i32`, `i64` and `u64`. Stands for `ARMCI_Rmw(ARMCI_FETCH_AND_ADD)`,
    /// `NGA_Read_inc`, `MPI_Fetch_and_op`. Errors: `Rank`, `Range`, `Alignment`, `Foreign`, `Finalized`.
    #[inline]
    pub fn fetch_add<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.amo(OpCode::FetchAdd, rank, offset, Amo::FetchAdd, value, value)
    }

    /// Stores `value` and returns what was there before. Stands for `ARMCI_Rmw(ARMCI_SWAP)`. Else as [`Segment::fetch_add`].
    #[inline]
    pub fn swap<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.amo(OpCode::Swap, rank, offset, Amo::Swap, value, value)
    }

    /// Stores `value` if `expected` is there; returns what was there before, so it succeeded if that equals `expected`.
    ///
    /// Stands for `MPI_Compare_and_swap`. Else as [`Segment::fetch_add`].
    #[inline]
    pub fn compare_swap<T: AtomicInteger>(
        &self,
        rank: usize,
        offset: usize,
        expected: T,
        value: T,
    ) -> Result<T> {
        self.amo(OpCode::CompareSwap, rank, offset, Amo::CompareSwap, value, expected)
    }

    // What seldom happens is in functions of its own, and so the rest is small enough to become part of the caller.
    #[inline(always)]
    fn amo<T: AtomicInteger>(
        &self,
        op: OpCode,
        rank: usize,
        offset: usize,
        amo: Amo,
        operand: T,
        comparand: T,
    ) -> Result<T> {
        call!(
            self.shared(),
            self.event(op, rank, size_of::<T>()),
            self.amo_now(op.name(), rank, offset, amo, operand, comparand)
        )
    }

    #[inline(always)]
    fn amo_now<T: AtomicInteger>(
        &self,
        op: &'static str,
        rank: usize,
        offset: usize,
        amo: Amo,
        operand: T,
        comparand: T,
    ) -> Result<T> {
        let spot = self.within(op, rank, offset, size_of::<T>())?;
        if !offset.is_multiple_of(size_of::<T>()) {
            return Err(misaligned(op, rank, offset, size_of::<T>()));
        }
        let target = spot.mapped.cast::<T>();
        if target.is_null() {
            return self.amo_elsewhere(op, spot.place, amo, operand, comparand);
        }
        // SAFETY: aligned (parts begin at multiples of 64), inside the part, mapped for writing. Other ranks access the
        // integer atomically, or race by their own fault.
        Ok(unsafe {
            match amo {
                Amo::FetchAdd => T::fetch_add(target, operand),
                Amo::Swap => T::swap(target, operand),
                Amo::CompareSwap => T::compare_swap(target, comparand, operand),
            }
        })
    }

    /// On another node; `at` is an aligned part of the segment.
    #[inline(never)]
    fn amo_elsewhere<T: AtomicInteger>(
        &self,
        op: &'static str,
        at: Remote,
        amo: Amo,
        operand: T,
        comparand: T,
    ) -> Result<T> {
        let (operand, comparand) = (word(operand), word(comparand));
        // SAFETY: the caller has checked the place.
        let old = unsafe { self.transport().amo(at, amo, size_of::<T>(), operand, comparand) }?;
        // SAFETY: eight readable bytes.
        unsafe { plain::read(op, old.to_le_bytes().as_ptr()) }
    }
}

#[cold]
fn misaligned(op: &'static str, rank: usize, offset: usize, len: usize) -> Error {
    let message = format!("offset {offset} is no multiple of the integer's {len} bytes");
    Error::at(ErrorKind::Alignment, op, rank, message)
}

/// The integer's bytes in the low end of a word.
fn word<T: AtomicInteger>(value: T) -> u64 {
    let mut bytes = [0; 8];
    bytes[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&value));
    u64::from_le_bytes(bytes)
}
