//! Read-modify-write of one number at the target.
//!
//! Inside a node the calling processor does it, between nodes the owner's: one arbiter for each word, so local and remote updates
//! mix. The adapters' own atomic operations are not atomic with regard to processors', so they are not used.

use crate::call::OpCode;
use crate::error::{Error, ErrorKind, Result};
use crate::plain;
use crate::segment::Segment;
use crate::shared::call;
use crate::transport::{Amo, Remote};
use shm::atomics::{Atomic, AtomicInteger};

/// One operation: what to do, and with what.
struct Update<T> {
    amo: Amo,
    operand: T,
    comparand: T,
}

impl<T: Copy> Update<T> {
    #[inline(always)]
    fn new(amo: Amo, operand: T) -> Update<T> {
        Update { amo, operand, comparand: operand }
    }
}

/// The operations that return what was there before. Complete at the target on return.
impl Segment {
    /// Adds `value` to the number at byte `offset` of `rank`'s part; returns what was there before. Integers wrap.
    ///
    /// Not collective; complete at the target on return. For `i32`, `u32`, `i64`, `u64`, `f32` and `f64`. Stands for `ARMCI_Rmw(ARMCI_FETCH_AND_ADD)`,
    /// `NGA_Read_inc`, `MPI_Fetch_and_op(MPI_SUM)`, `shmem_atomic_fetch_add`. Errors: `Rank`, `Range`, `Alignment`, `Died`, `Foreign`, `Finalized`.
    #[inline]
    pub fn fetch_add<T: Atomic>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.fetch(OpCode::FetchAdd, rank, offset, Update::new(T::ADD, value))
    }

    /// Stores `value` and returns what was there before. Stands for `ARMCI_Rmw(ARMCI_SWAP)`. Else as [`Segment::fetch_add`].
    #[inline]
    pub fn swap<T: Atomic>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.fetch(OpCode::Swap, rank, offset, Update::new(Amo::Swap, value))
    }

    /// Stores `value` if `expected` is there; returns what was there before, so it succeeded if that equals `expected`. Of floats the bits are
    /// compared: zeros of different sign differ, and a NaN equals itself.
    ///
    /// Stands for `MPI_Compare_and_swap`, `shmem_atomic_compare_swap`. Else as [`Segment::fetch_add`].
    #[inline]
    pub fn compare_swap<T: Atomic>(&self, rank: usize, offset: usize, expected: T, value: T) -> Result<T> {
        let update = Update { amo: Amo::CompareSwap, operand: value, comparand: expected };
        self.fetch(OpCode::CompareSwap, rank, offset, update)
    }

    /// Bitwise "and"; returns what was there before. Stands for `MPI_Fetch_and_op(MPI_BAND)`, `shmem_atomic_fetch_and`. Else as
    /// [`Segment::fetch_add`].
    #[inline]
    pub fn fetch_and<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.fetch(OpCode::FetchAnd, rank, offset, Update::new(Amo::And, value))
    }

    /// Bitwise "or"; else as [`Segment::fetch_and`].
    #[inline]
    pub fn fetch_or<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.fetch(OpCode::FetchOr, rank, offset, Update::new(Amo::Or, value))
    }

    /// Bitwise "exclusive or"; else as [`Segment::fetch_and`].
    #[inline]
    pub fn fetch_xor<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<T> {
        self.fetch(OpCode::FetchXor, rank, offset, Update::new(Amo::Xor, value))
    }

    /// The number at byte `offset` of `rank`'s part, read in one piece. Stands for `MPI_Fetch_and_op(MPI_NO_OP)`, `shmem_atomic_fetch`. Else as
    /// [`Segment::fetch_add`].
    #[inline]
    pub fn atomic_load<T: Atomic>(&self, rank: usize, offset: usize) -> Result<T> {
        self.fetch(OpCode::AtomicLoad, rank, offset, Update::new(Amo::Load, T::ZERO))
    }

    #[inline(always)]
    fn fetch<T: Atomic>(&self, op: OpCode, rank: usize, offset: usize, update: Update<T>) -> Result<T> {
        call!(
            self.shared(),
            self.event(op, rank, size_of::<T>()),
            self.update(op.name(), rank, offset, update, |at, update| {
                let (operand, comparand) = (word(update.operand), word(update.comparand));
                // SAFETY: the place was checked and is aligned.
                let old =
                    unsafe { self.transport().amo(at, update.amo, size_of::<T>(), operand, comparand) }?;
                // SAFETY: eight readable bytes.
                unsafe { plain::read(op.name(), old.to_le_bytes().as_ptr()) }
            })
        )
    }
}

/// The operations that return nothing. Between nodes they are messages without an answer: complete at the target after a fence, in order with
/// everything else that this rank sends there.
impl Segment {
    /// Stores `value` in one piece.
    ///
    /// Not collective; visible after a [fence](crate::World::fence). Stands for `MPI_Accumulate(MPI_REPLACE)`, `shmem_atomic_set`. Errors as
    /// [`Segment::fetch_add`].
    #[inline]
    pub fn atomic_store<T: Atomic>(&self, rank: usize, offset: usize, value: T) -> Result<()> {
        self.change(OpCode::AtomicStore, rank, offset, Update::new(Amo::Swap, value))
    }

    /// Adds `value`; else as [`Segment::atomic_store`]. Stands for `shmem_atomic_add`. Unlike [`Segment::accumulate`], which is the
    /// quicker for many elements, it is atomic with regard to the other operations of this kind.
    #[inline]
    pub fn atomic_add<T: Atomic>(&self, rank: usize, offset: usize, value: T) -> Result<()> {
        self.change(OpCode::AtomicAdd, rank, offset, Update::new(T::ADD, value))
    }

    /// Bitwise "and"; else as [`Segment::atomic_store`]. Stands for `shmem_atomic_and`.
    #[inline]
    pub fn atomic_and<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<()> {
        self.change(OpCode::AtomicAnd, rank, offset, Update::new(Amo::And, value))
    }

    /// Bitwise "or"; else as [`Segment::atomic_and`].
    #[inline]
    pub fn atomic_or<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<()> {
        self.change(OpCode::AtomicOr, rank, offset, Update::new(Amo::Or, value))
    }

    /// Bitwise "exclusive or"; else as [`Segment::atomic_and`].
    #[inline]
    pub fn atomic_xor<T: AtomicInteger>(&self, rank: usize, offset: usize, value: T) -> Result<()> {
        self.change(OpCode::AtomicXor, rank, offset, Update::new(Amo::Xor, value))
    }

    #[inline(always)]
    fn change<T: Atomic>(&self, op: OpCode, rank: usize, offset: usize, update: Update<T>) -> Result<()> {
        call!(
            self.shared(),
            self.event(op, rank, size_of::<T>()),
            self.update(op.name(), rank, offset, update, |at, update| {
                let operand = word(update.operand);
                // SAFETY: the place was checked and is aligned.
                unsafe { self.transport().amo_unheard(at, update.amo, size_of::<T>(), operand) }?;
                Ok(update.operand)
            })
            .map(drop)
        )
    }

    // What seldom happens is in functions of its own, and so the rest is small enough to become part of the caller.
    #[inline(always)]
    fn update<T: Atomic>(
        &self,
        op: &'static str,
        rank: usize,
        offset: usize,
        update: Update<T>,
        elsewhere: impl FnOnce(Remote, Update<T>) -> Result<T>,
    ) -> Result<T> {
        let spot = self.within(op, rank, offset, size_of::<T>())?;
        if !offset.is_multiple_of(size_of::<T>()) {
            return Err(misaligned(op, rank, offset, size_of::<T>()));
        }
        let target = spot.mapped.cast::<T>();
        if target.is_null() {
            return apart(spot.place, update, elsewhere);
        }
        // SAFETY: aligned (parts begin at multiples of 64), inside the part, mapped for writing. Other ranks access the
        // number atomically, or race by their own fault.
        Ok(unsafe { T::update(target, update.amo, update.operand, update.comparand) })
    }
}

/// On another node.
#[inline(never)]
fn apart<T>(
    at: Remote,
    update: Update<T>,
    elsewhere: impl FnOnce(Remote, Update<T>) -> Result<T>,
) -> Result<T> {
    elsewhere(at, update)
}

#[cold]
fn misaligned(op: &'static str, rank: usize, offset: usize, len: usize) -> Error {
    let message = format!("offset {offset} is no multiple of the number's {len} bytes");
    Error::at(ErrorKind::Alignment, op, rank, message)
}

/// The number's bytes in the low end of a word.
fn word<T: Atomic>(value: T) -> u64 {
    let mut bytes = [0; 8];
    bytes[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&value));
    u64::from_le_bytes(bytes)
}
