//! Blocking access to patches: put, get, accumulate, with dense buffers and leading dimensions.
//!
//! None of this is collective. On return of a get the data is there; on return of a put or accumulate the
//! source may be reused, and [`GlobalArray::sync`] makes the effect visible everywhere. Nothing is written
//! when an error is returned for a patch that leaves the array or a buffer that doesn't fit.

use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::region::Region;
use crate::transfer::{Completion, Slab, Verb, Wait};
use rma::Element;

/// How the elements of a patch lie in a local buffer.
#[derive(Clone, Copy)]
pub(crate) enum Fit<'a> {
    /// Densely, row-major, and the buffer ends with them.
    Dense,
    /// Row-major, with the extents of the axes but the first given.
    Leading(&'a [usize]),
}

impl<T: Element> GlobalArray<T> {
    /// Writes a dense, row-major buffer to a patch. `NGA_Put`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] or [`ErrorKind::Range`] for a patch that doesn't fit the array,
    /// [`ErrorKind::Buffer`] unless `data` has as many elements as the patch.
    #[inline]
    pub fn put(&self, region: impl Region, data: &[T]) -> Result<()> {
        self.blocking("put", region, Verb::Put(data.as_ptr()), data.len(), Fit::Dense)
    }

    /// Reads a patch into a dense, row-major buffer. `NGA_Get`.
    ///
    /// # Errors
    /// As [`GlobalArray::put`].
    #[inline]
    pub fn get(&self, region: impl Region, data: &mut [T]) -> Result<()> {
        self.blocking("get", region, Verb::Get(data.as_mut_ptr()), data.len(), Fit::Dense)
    }

    /// Adds `alpha * data` to a patch, each element atomically with regard to other accumulates. `NGA_Acc`.
    ///
    /// # Errors
    /// As [`GlobalArray::put`].
    #[inline]
    pub fn accumulate(&self, region: impl Region, data: &[T], alpha: T) -> Result<()>
    where
        T: Number,
    {
        self.blocking("accumulate", region, Verb::Accumulate(data.as_ptr(), alpha), data.len(), Fit::Dense)
    }

    /// [`GlobalArray::put`] from a buffer with leading dimensions: `ld[d - 1]` elements of axis `d` per row
    /// of the buffer, for all axes but the first. `NGA_Put` with `ld[]`.
    ///
    /// # Errors
    /// As [`GlobalArray::put`]; [`ErrorKind::Buffer`] for a leading dimension below the patch's extent or a
    /// buffer that ends before the patch does.
    pub fn put_ld(&self, region: impl Region, data: &[T], ld: &[usize]) -> Result<()> {
        self.blocking("put_ld", region, Verb::Put(data.as_ptr()), data.len(), Fit::Leading(ld))
    }

    /// [`GlobalArray::get`] into a buffer with leading dimensions; see [`GlobalArray::put_ld`]. `NGA_Get`
    /// with `ld[]`.
    ///
    /// # Errors
    /// As [`GlobalArray::put_ld`].
    pub fn get_ld(&self, region: impl Region, data: &mut [T], ld: &[usize]) -> Result<()> {
        self.blocking("get_ld", region, Verb::Get(data.as_mut_ptr()), data.len(), Fit::Leading(ld))
    }

    /// [`GlobalArray::accumulate`] from a buffer with leading dimensions; see [`GlobalArray::put_ld`].
    /// `NGA_Acc` with `ld[]`.
    ///
    /// # Errors
    /// As [`GlobalArray::put_ld`].
    pub fn accumulate_ld(&self, region: impl Region, data: &[T], ld: &[usize], alpha: T) -> Result<()>
    where
        T: Number,
    {
        let verb = Verb::Accumulate(data.as_ptr(), alpha);
        self.blocking("accumulate_ld", region, verb, data.len(), Fit::Leading(ld))
    }

    /// [`GlobalArray::buffered`] for all elements of a region, complete on return.
    #[inline(always)]
    fn blocking(
        &self,
        op: &'static str,
        region: impl Region,
        verb: Verb<T>,
        len: usize,
        fit: Fit<'_>,
    ) -> Result<()> {
        region.with_bounds(self.shape(), |lo, hi| {
            self.buffered(op, verb, Slab { lo, hi, step: None }, len, fit, &mut Wait)
        })
    }

    /// Moves a slab from or to a buffer of `len` elements, which is the caller's until the transfers are
    /// complete; `usize::MAX` where an unsafe caller vouches for each element that the slab needs.
    #[inline]
    pub(crate) fn buffered(
        &self,
        op: &'static str,
        verb: Verb<T>,
        slab: Slab<'_>,
        len: usize,
        fit: Fit<'_>,
        completion: &mut impl Completion,
    ) -> Result<()> {
        let raw = self.raw();
        // SAFETY: the buffer has `len` elements and is behind a reference of the caller, so it is not array
        // memory; or both are promised by the caller of an unsafe function.
        let done = unsafe {
            match (slab.step, slab.lo, slab.hi) {
                (None, &[i], &[end]) => raw.transfer_short(verb, (&[i], &[end]), len, fit, completion),
                (None, &[i, j], &[i_end, j_end]) => {
                    raw.transfer_short(verb, (&[i, j], &[i_end, j_end]), len, fit, completion)
                }
                (None, &[i, j, k], &[i_end, j_end, k_end]) => {
                    raw.transfer_short(verb, (&[i, j, k], &[i_end, j_end, k_end]), len, fit, completion)
                }
                _ => None,
            }
        };
        match done {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Error::from_rma(op, error)),
            None => self.buffered_long(op, verb, slab, len, fit, completion),
        }
    }

    /// [`GlobalArray::buffered`] without the short way.
    #[inline(never)]
    fn buffered_long(
        &self,
        op: &'static str,
        verb: Verb<T>,
        slab: Slab<'_>,
        len: usize,
        fit: Fit<'_>,
        completion: &mut impl Completion,
    ) -> Result<()> {
        self.distribution().check_bounds(op, slab.lo, slab.hi)?;
        let ndim = slab.lo.len();
        if let Fit::Leading(ld) = fit
            && ld.len() + 1 != ndim.max(1)
        {
            return Err(Error::numbered(ErrorKind::Shape, op, |by| {
                format!("{} leading dimensions {} for a patch of {ndim} axes", ld.len(), by.list(ld))
            }));
        }
        let mut strides = ByteStrides::from_fn(ndim, |_| size_of::<T>() as isize);
        // `reach` is the place of the last element, `volume` the number of elements; both of the axes so far.
        let (mut stride, mut reach, mut volume, mut roomy) = (1usize, 0usize, 1usize, true);
        for d in (0..ndim).rev() {
            let extent = slab.extent(d);
            // A stride that saturates is unused (extent 1) or makes `reach` saturate, too.
            strides.as_mut_slice()[d] = stride.wrapping_mul(size_of::<T>()) as isize;
            reach = stride.saturating_mul(extent.saturating_sub(1)).saturating_add(reach);
            volume *= extent;
            if d > 0 {
                let row = if let Fit::Leading(ld) = fit { ld[d - 1] } else { extent };
                roomy &= row >= extent;
                stride = stride.saturating_mul(row);
            }
        }
        let fits = match fit {
            Fit::Dense => len == volume,
            Fit::Leading(_) => volume == 0 || roomy && len > reach,
        };
        if !fits {
            return Err(misfit(op, slab, len, fit));
        }
        // SAFETY: the slab lies in the array (checked), and the buffer has `reach + 1` elements or the dense
        // volume (checked); it is behind a reference of the caller, so it is not array memory. Or the caller
        // of an unsafe function vouches for it.
        unsafe { self.raw().transfer(op, verb, slab, strides.as_slice(), completion) }
    }
}

#[cold]
fn misfit(op: &'static str, slab: Slab<'_>, len: usize, fit: Fit<'_>) -> Error {
    let extents: Dims = slab.extents();
    Error::numbered(ErrorKind::Buffer, op, |by| {
        let of = match fit {
            Fit::Dense => String::new(),
            Fit::Leading(ld) => format!(" with leading dimensions {}", by.list(ld)),
        };
        let (patch, extents) = (by.patch(slab.lo, slab.hi), by.extents(&extents));
        format!("a buffer of {len} elements{of} for {patch} of extents {extents}")
    })
}
