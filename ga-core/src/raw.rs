//! The untyped core of an array: element type, distribution, and a segment per owner.
//!
//! Invariant: the part of `rank` in the segment has room for `distribution.storage_len(rank)` elements, and
//! they lie where the distribution says; every byte of booleans is 0 or 1. This file and [`crate::transfer`] are all that talks to the
//! communication layer about array memory.

use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{self, Charge};
use rma::{DType, Segment, Team};
use std::ptr::NonNull;

/// A distributed array below its element type.
///
/// For floors that bring their own element types and loops; most programs want
/// [`GlobalArray`](crate::GlobalArray).
pub struct RawArray {
    name: String,
    dtype: DType,
    distribution: Distribution,
    team: Team,
    segment: Segment,
    /// What it takes of this process's memory; nothing if the segment is another array's.
    charge: Option<Charge>,
}

impl RawArray {
    /// Creates an array on `team`. The memory is not zeroed, except that booleans are `false`. Costs no system call and one
    /// synchronisation of the team in the common case.
    ///
    /// Collective over `team`. On return every rank's part is there and may be accessed by any rank.
    /// `NGA_Create`.
    ///
    /// # Errors
    /// [`ErrorKind::Team`] when the distribution is for another number of ranks; [`ErrorKind::Memory`] on
    /// every rank when the memory is not there on one.
    #[track_caller]
    pub fn create(team: &Team, dtype: DType, distribution: Distribution) -> Result<Self> {
        // Not every byte is a `bool`; what was in the memory before must not be read as one.
        Self::create_in("RawArray::create", team, dtype, distribution, dtype == DType::Bool)
    }

    /// [`RawArray::create`] with every element zero.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn create_zeroed(team: &Team, dtype: DType, distribution: Distribution) -> Result<Self> {
        Self::create_in("RawArray::create_zeroed", team, dtype, distribution, true)
    }

    #[track_caller]
    fn create_in(
        op: &'static str,
        team: &Team,
        dtype: DType,
        distribution: Distribution,
        is_zeroed: bool,
    ) -> Result<Self> {
        check_ranks(op, team, &distribution)?;
        let len_bytes = distribution.storage_len(team.rank()) * dtype.size_bytes();
        let segment = match is_zeroed {
            true => Segment::allocate_zeroed_within(team, len_bytes, memory::allowed()),
            false => Segment::allocate_within(team, len_bytes, memory::allowed()),
        };
        let segment = segment.map_err(|e| Error::from_rma(op, e))?;
        Ok(RawArray {
            name: String::new(),
            dtype,
            distribution,
            team: team.clone(),
            segment,
            charge: Some(Charge::new(len_bytes)),
        })
    }

    /// A second array in the memory of this one: other shape, type or distribution, same bytes. It keeps
    /// the memory when this array is dropped; after [`RawArray::destroy`] of this array its use is an error.
    ///
    /// Collective over the array's team. `GA_Overlay`.
    ///
    /// # Safety
    /// While a rank has a view of its block of either array ([`GlobalArray::with_local`](crate::GlobalArray::with_local) and its
    /// like), nobody accesses the same bytes through the other. If either is of booleans, nothing but 0 and 1 is written to their
    /// bytes through the other, nor is there now.
    ///
    /// # Errors
    /// [`ErrorKind::Team`] when the distribution is for another number of ranks; [`ErrorKind::Memory`] on
    /// every rank when the memory of one rank is too small.
    #[track_caller]
    pub unsafe fn overlay(&self, dtype: DType, distribution: Distribution) -> Result<Self> {
        let op = "RawArray::overlay";
        check_ranks(op, &self.team, &distribution)?;
        let ranks = 0..self.team.size();
        let needs = |rank: usize| distribution.storage_len(rank) * dtype.size_bytes();
        // Every rank knows all lengths, so all refuse alike.
        if let Some(rank) = ranks.into_iter().find(|&rank| needs(rank) > self.segment.len_bytes(rank)) {
            let (needed, there) = (needs(rank), self.segment.len_bytes(rank));
            let message = format!("rank {rank} needs {needed} bytes and has {there}");
            return Err(Error::new(ErrorKind::Memory, op, message));
        }
        self.sync()?;
        let (team, segment) = (self.team.clone(), self.segment.clone());
        Ok(RawArray { name: String::new(), dtype, distribution, team, segment, charge: None })
    }

    /// The same array with a name for messages. `GA_Set_array_name`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name it was given, or nothing. `GA_Inquire_name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the memory back at once. Collective over the array's team; a synchronisation. Dropping the array
    /// is not collective at that moment and returns the memory at a later synchronisation. `GA_Destroy`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn destroy(self) -> Result<()> {
        if self.charge.is_none() {
            // Its memory, and with it the segment, may be gone already.
            return self.team.sync().map_err(|e| Error::from_rma("RawArray::destroy", e));
        }
        self.segment.free().map_err(|e| Error::from_rma("RawArray::destroy", e))
    }

    /// Type of the elements.
    #[inline]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Shape of the array.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        self.distribution.shape()
    }

    /// Who owns what.
    #[inline]
    pub fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// The team the array lives on; all ranks named here are ranks of this team.
    #[inline]
    pub fn team(&self) -> &Team {
        &self.team
    }

    /// The memory below.
    ///
    /// # Safety
    /// What is done with the segment, or a clone of it, keeps the promises of [`RawArray::overlay`]; and it is not freed.
    #[inline]
    pub unsafe fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The memory below, for the operations of this crate.
    #[inline]
    pub(crate) fn memory(&self) -> &Segment {
        &self.segment
    }

    /// Where the part of `rank` is in this process, if it is mapped here: always for one's own part, and for
    /// all ranks of the node. Not collective. `NGA_Access` and `GA_Access_ghosts`' untyped pointer.
    ///
    /// Reading or writing there is up to the program: see the rules in the documentation of this crate.
    #[inline]
    pub fn mapped(&self, rank: usize) -> Option<NonNull<u8>> {
        self.segment.mapped(rank)
    }

    /// Reads `len` bytes at `offset` of the part of `rank`. Not collective; complete on return. `ARMCI_Get`.
    ///
    /// # Safety
    /// `dst` is writable for `len` bytes and not part of the bytes read.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] when the part has fewer bytes.
    #[inline]
    pub unsafe fn get_bytes(&self, rank: usize, offset: usize, dst: *mut u8, len: usize) -> Result<()> {
        // SAFETY: the caller's promises are those of the segment's operation.
        let done = unsafe { self.segment.get_bytes(rank, offset, dst, len) };
        done.map_err(|e| Error::from_rma("get_bytes", e))
    }

    /// Writes `len` bytes at `offset` of the part of `rank`. Not collective; locally complete on return.
    /// `ARMCI_Put`.
    ///
    /// # Safety
    /// `src` is readable for `len` bytes and not part of the bytes written.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] when the part has fewer bytes.
    #[inline]
    pub unsafe fn put_bytes(&self, rank: usize, offset: usize, src: *const u8, len: usize) -> Result<()> {
        // SAFETY: the caller's promises are those of the segment's operation.
        let done = unsafe { self.segment.put_bytes(rank, offset, src, len) };
        done.map_err(|e| Error::from_rma("put_bytes", e))
    }

    /// Completes all my operations everywhere and waits for the team. Collective, on the same array everywhere. `GA_Sync` on
    /// the array's team.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below, and when ranks name different arrays.
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.segment.sync().map_err(|e| Error::from_rma("sync", e))
    }

    /// [`RawArray::sync`] before or after an operation that all ranks must have called.
    #[inline]
    #[track_caller]
    pub(crate) fn sync_for(&self, op: &'static str) -> Result<()> {
        self.segment.sync_for(op).map_err(|e| Error::from_rma(op, e))
    }
}

fn check_ranks(op: &'static str, team: &Team, distribution: &Distribution) -> Result<()> {
    if distribution.ranks() == team.size() {
        return Ok(());
    }
    let message = format!("a distribution over {} ranks, a team of {}", distribution.ranks(), team.size());
    Err(Error::new(ErrorKind::Team, op, message))
}
