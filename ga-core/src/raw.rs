//! The untyped core of an array: element type, distribution, and a segment per owner.
//!
//! Invariant: the part of `rank` in the segment is `distribution.len_of(rank)` elements, dense and row-major
//! from offset 0. This file and [`crate::transfer`] are all that talks to the communication layer about array
//! memory.

use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use rma::{DType, Segment, Team};
use std::ptr::NonNull;

/// A distributed array below its element type.
///
/// For floors that bring their own element types and loops; most programs want
/// [`GlobalArray`](crate::GlobalArray).
pub struct RawArray {
    dtype: DType,
    distribution: Distribution,
    team: Team,
    segment: Segment,
}

impl RawArray {
    /// Creates an array on `team`. The memory is not zeroed. Costs no system call and one synchronisation of
    /// the team in the common case.
    ///
    /// Collective over `team`. On return every rank's part is there and may be accessed by any rank.
    /// `NGA_Create`.
    ///
    /// # Errors
    /// [`ErrorKind::Team`] when the distribution is for another number of ranks; [`ErrorKind::Memory`] on
    /// every rank when the memory is not there on one.
    #[track_caller]
    pub fn create(team: &Team, dtype: DType, distribution: Distribution) -> Result<Self> {
        let op = "RawArray::create";
        if distribution.ranks() != team.size() {
            let message =
                format!("a distribution over {} ranks, a team of {}", distribution.ranks(), team.size());
            return Err(Error::new(ErrorKind::Team, op, message));
        }
        let len_bytes = distribution.len_of(team.rank()) * dtype.size_bytes();
        let segment = Segment::allocate(team, len_bytes).map_err(|e| Error::from_rma(op, e))?;
        Ok(RawArray { dtype, distribution, team: team.clone(), segment })
    }

    /// Gives the memory back at once. Collective over the array's team; a synchronisation. Dropping the array
    /// is not collective at that moment and returns the memory at a later synchronisation. `GA_Destroy`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn destroy(self) -> Result<()> {
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
    #[inline]
    pub fn segment(&self) -> &Segment {
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

    /// Completes all my operations everywhere and waits for the team. Collective. `GA_Sync` on the array's
    /// team.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.team.sync().map_err(|e| Error::from_rma("sync", e))
    }
}
