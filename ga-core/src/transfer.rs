//! From a box of the array to strided transfers with its owners.
//!
//! Invariant: everything is checked before the first byte moves, and a box with one owner (nearly every one)
//! goes straight to one transfer, without an allocation.

use crate::boxes::{ByteStrides, Levels, for_each_transfer};
use crate::dims::Dims;
use crate::distribution::Location;
use crate::error::{Error, Result};
use crate::raw::RawArray;
use rma::transport::{Rows, Token};
use rma::{Element, Segment};

/// What to do with each element of a box; the pointer is to the local buffer.
#[derive(Clone, Copy)]
pub(crate) enum Verb<T> {
    /// Array becomes local.
    Put(*const T),
    /// Local becomes array.
    Get(*mut T),
    /// Array becomes array + alpha * local.
    Accumulate(*const T, T),
}

/// A box of an array: `[lo, hi)`, every `step[d]`-th index of axis `d` where a step is given. Checked.
#[derive(Clone, Copy)]
pub(crate) struct Slab<'a> {
    pub(crate) lo: &'a [usize],
    pub(crate) hi: &'a [usize],
    pub(crate) step: Option<&'a [usize]>,
}

impl Slab<'_> {
    #[inline]
    fn step(&self, d: usize) -> usize {
        self.step.map_or(1, |step| step[d])
    }

    /// Number of indices along axis `d`.
    #[inline]
    pub(crate) fn extent(&self, d: usize) -> usize {
        let span = self.hi[d] - self.lo[d];
        if self.step.is_none() { span } else { span.div_ceil(self.step(d)) }
    }

    /// Number of indices along each axis.
    #[inline]
    pub(crate) fn extents(&self) -> Dims {
        Dims::from_fn(self.lo.len(), |d| self.extent(d))
    }
}

impl RawArray {
    /// Moves all elements of the slab between the array and a local buffer with these byte strides.
    ///
    /// # Safety
    /// The slab lies in the array, whose element type is `T`; the buffer is good for the verb at every
    /// element of the slab and is not part of the array's memory that the slab names; both stay so until the
    /// transfers are complete.
    #[inline]
    pub(crate) unsafe fn transfer<T: Element>(
        &self,
        op: &'static str,
        verb: Verb<T>,
        slab: Slab<'_>,
        local: &[isize],
        completion: &mut impl Completion,
    ) -> Result<()> {
        let extents = slab.extents();
        if extents.contains(&0) {
            return Ok(());
        }
        let mut strides = Dims::filled(0, extents.len());
        match self.distribution().single_owner(slab.lo, slab.hi, &mut strides) {
            Some(at) => {
                let remote = self.byte_strides(slab, &strides);
                // SAFETY: the slab lies in this owner's block, where `strides` are right; the rest is the
                // caller's.
                let done = unsafe { self.move_box(verb, at, &extents, remote.as_slice(), local, completion) };
                done.map_err(|e| Error::from_rma(op, e))
            }
            // SAFETY: the caller's promises, unchanged.
            None => unsafe { self.transfer_pieces(op, verb, slab, local, completion) },
        }
    }

    /// [`RawArray::transfer`] for a slab with several owners.
    ///
    /// # Safety
    /// As there.
    unsafe fn transfer_pieces<T: Element>(
        &self,
        op: &'static str,
        verb: Verb<T>,
        slab: Slab<'_>,
        local: &[isize],
        completion: &mut impl Completion,
    ) -> Result<()> {
        let ndim = slab.lo.len();
        for piece in self.distribution().pieces(slab.lo, slab.hi) {
            let (lo, hi) = (piece.patch.lo(), piece.patch.hi());
            // Of the slab's indices along an axis, those from `first` to before `last` lie in this piece.
            let first = Dims::from_fn(ndim, |d| (lo[d] - slab.lo[d]).div_ceil(slab.step(d)));
            let last = Dims::from_fn(ndim, |d| (hi[d] - slab.lo[d]).div_ceil(slab.step(d)));
            let extents = Dims::from_fn(ndim, |d| last[d] - first[d]);
            if extents.contains(&0) {
                continue;
            }
            let (mut offset, mut start) = (piece.offset, 0);
            for d in 0..ndim {
                offset += (slab.lo[d] + first[d] * slab.step(d) - lo[d]) * piece.strides[d];
                start += first[d] as isize * local[d];
            }
            let remote = self.byte_strides(slab, &piece.strides);
            // SAFETY: `start` is the buffer's place of an element of the slab, the first of this piece; the
            // elements visited from there are those of the piece, and the caller vouches for all of the slab.
            let done = unsafe {
                let verb = verb.offset_bytes(start);
                self.move_box(
                    verb,
                    Location { rank: piece.rank, offset },
                    &extents,
                    remote.as_slice(),
                    local,
                    completion,
                )
            };
            done.map_err(|e| Error::from_rma(op, e))?;
        }
        Ok(())
    }

    /// The owner's strides over the slab, in bytes.
    #[inline]
    fn byte_strides(&self, slab: Slab<'_>, strides: &[usize]) -> ByteStrides {
        let size = self.dtype().size_bytes();
        ByteStrides::from_fn(strides.len(), |d| (strides[d] * slab.step(d) * size) as isize)
    }

    /// Moves a box that one rank owns, and whose first element is there.
    ///
    /// # Safety
    /// As [`RawArray::transfer`]; the box lies in the part of that rank, and no extent is 0.
    #[inline]
    unsafe fn move_box<T: Element>(
        &self,
        verb: Verb<T>,
        at: Location,
        extents: &[usize],
        remote: &[isize],
        local: &[isize],
        completion: &mut impl Completion,
    ) -> std::result::Result<(), rma::Error> {
        let base = (at.offset * size_of::<T>()) as isize;
        for_each_transfer(extents, remote, local, size_of::<T>(), |levels, ahead, start| {
            // SAFETY: the caller vouches for every element of the box on both sides.
            unsafe {
                self.move_levels(
                    verb.offset_bytes(start),
                    at.rank,
                    (base + ahead) as usize,
                    levels,
                    completion,
                )
            }
        })
    }

    /// Moves one strided box, whose first row begins at byte `offset` of the part of `rank`.
    ///
    /// # Safety
    /// As [`RawArray::move_box`].
    #[inline]
    pub(crate) unsafe fn move_levels<T: Element, const C: usize>(
        &self,
        verb: Verb<T>,
        rank: usize,
        offset: usize,
        levels: &Levels<C>,
        completion: &mut impl Completion,
    ) -> std::result::Result<(), rma::Error> {
        let segment = self.memory();
        let (counts, strides) = (levels.counts(), levels.remote());
        let rows = Rows { counts, remote_strides: strides, local_strides: levels.local() };
        // SAFETY: the caller vouches for the rows.
        let token = unsafe {
            match verb {
                Verb::Put(src) if strides.is_empty() => {
                    segment.start_put(rank, offset, src.cast(), counts[0])
                }
                Verb::Put(src) => segment.start_put_strided(rank, offset, rows, src.cast()),
                Verb::Get(dst) if strides.is_empty() => {
                    segment.start_get(rank, offset, dst.cast(), counts[0])
                }
                Verb::Get(dst) => segment.start_get_strided(rank, offset, rows, dst.cast()),
                Verb::Accumulate(src, alpha) if strides.is_empty() => {
                    return segment.accumulate_ptr(rank, offset, src, counts[0] / size_of::<T>(), alpha);
                }
                Verb::Accumulate(src, alpha) => {
                    let alpha = (&raw const alpha).cast();
                    return segment.accumulate_strided_bytes(rank, offset, rows, T::DTYPE, src.cast(), alpha);
                }
            }
        }?;
        if token == Token::DONE { Ok(()) } else { completion.started(segment, token) }
    }
}

/// What happens to transfers that are not complete when they have been started.
pub(crate) trait Completion {
    /// Takes over a transfer.
    fn started(&mut self, segment: &Segment, token: Token) -> std::result::Result<(), rma::Error>;
}

/// Waits for each at once: blocking access.
pub(crate) struct Wait;

impl Completion for Wait {
    fn started(&mut self, segment: &Segment, token: Token) -> std::result::Result<(), rma::Error> {
        segment.wait(token)
    }
}

/// Keeps them for later: non-blocking access.
impl Completion for Vec<Token> {
    fn started(&mut self, _segment: &Segment, token: Token) -> std::result::Result<(), rma::Error> {
        self.push(token);
        Ok(())
    }
}

impl<T> Verb<T> {
    /// The same verb, `bytes` further into the local buffer.
    ///
    /// # Safety
    /// The buffer goes that far.
    #[inline]
    pub(crate) unsafe fn offset_bytes(self, bytes: isize) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Verb::Put(src) => Verb::Put(src.byte_offset(bytes)),
                Verb::Get(dst) => Verb::Get(dst.byte_offset(bytes)),
                Verb::Accumulate(src, alpha) => Verb::Accumulate(src.byte_offset(bytes), alpha),
            }
        }
    }
}
