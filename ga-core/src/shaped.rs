//! Blocking access to patches with steps, and from and to `ndarray` views.
//!
//! What is complete when, and what an error means, is as in [`crate::access`].

use crate::access::Fit;
use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::patch::Region;
use crate::transfer::{Slab, Verb, Wait};
use ndarray::{ArrayD, ArrayRef, Dimension, IxDyn};
use rma::Element;

impl<T: Element> GlobalArray<T> {
    /// [`GlobalArray::put`] to every `step[d]`-th index of axis `d`, from the lower bound on.
    /// `NGA_Strided_put`.
    ///
    /// # Errors
    /// As [`GlobalArray::put`]; [`ErrorKind::Shape`] for a step of 0 or a missing one.
    pub fn put_steps(&self, region: impl Region, step: &[usize], data: &[T]) -> Result<()> {
        self.stepped("put_steps", Verb::Put(data.as_ptr()), region, step, data.len())
    }

    /// [`GlobalArray::get`] of every `step[d]`-th index of axis `d`, from the lower bound on.
    /// `NGA_Strided_get`.
    ///
    /// # Errors
    /// As [`GlobalArray::put_steps`].
    pub fn get_steps(&self, region: impl Region, step: &[usize], data: &mut [T]) -> Result<()> {
        self.stepped("get_steps", Verb::Get(data.as_mut_ptr()), region, step, data.len())
    }

    /// [`GlobalArray::accumulate`] to every `step[d]`-th index of axis `d`, from the lower bound on.
    /// `NGA_Strided_acc`.
    ///
    /// # Errors
    /// As [`GlobalArray::put_steps`].
    pub fn accumulate_steps(&self, region: impl Region, step: &[usize], data: &[T], alpha: T) -> Result<()>
    where
        T: Number,
    {
        self.stepped("accumulate_steps", Verb::Accumulate(data.as_ptr(), alpha), region, step, data.len())
    }

    /// [`GlobalArray::put`] from an `ndarray` view of any strides.
    ///
    /// # Errors
    /// As [`GlobalArray::put`]; [`ErrorKind::Buffer`] unless the view has the patch's shape.
    pub fn put_view<D: Dimension>(&self, region: impl Region, view: &ArrayRef<T, D>) -> Result<()> {
        self.viewed("put_view", Verb::Put(view.as_ptr()), region, view.shape(), view.strides())
    }

    /// [`GlobalArray::get`] into an `ndarray` view of any strides.
    ///
    /// # Errors
    /// As [`GlobalArray::put_view`].
    pub fn get_view<D: Dimension>(&self, region: impl Region, view: &mut ArrayRef<T, D>) -> Result<()> {
        let start = Verb::Get(view.as_mut_ptr());
        self.viewed("get_view", start, region, view.shape(), view.strides())
    }

    /// [`GlobalArray::accumulate`] from an `ndarray` view of any strides.
    ///
    /// # Errors
    /// As [`GlobalArray::put_view`].
    pub fn accumulate_view<D: Dimension>(
        &self,
        region: impl Region,
        view: &ArrayRef<T, D>,
        alpha: T,
    ) -> Result<()>
    where
        T: Number,
    {
        let verb = Verb::Accumulate(view.as_ptr(), alpha);
        self.viewed("accumulate_view", verb, region, view.shape(), view.strides())
    }

    /// A patch as an array of its own.
    ///
    /// # Errors
    /// As [`GlobalArray::put`].
    pub fn get_array(&self, region: impl Region) -> Result<ArrayD<T>> {
        region.with_bounds(|lo, hi| {
            self.distribution().check_bounds("get_array", lo, hi)?;
            let slab = Slab { lo, hi, step: None };
            let extents = slab.extents();
            let mut data = vec![T::default(); extents.iter().product()];
            self.buffered(
                "get_array",
                Verb::Get(data.as_mut_ptr()),
                slab,
                data.len(),
                Fit::Dense,
                &mut Wait,
            )?;
            Ok(ArrayD::from_shape_vec(IxDyn(&extents), data).expect("as many elements as the shape says"))
        })
    }

    /// Refuses steps of 0, and another number of them than there are axes.
    pub(crate) fn check_steps(&self, op: &'static str, step: &[usize]) -> Result<()> {
        if step.len() == self.ndim() && !step.contains(&0) {
            return Ok(());
        }
        let message = format!("steps {step:?} for an array of {} axes; each is at least 1", self.ndim());
        Err(Error::new(ErrorKind::Shape, op, message))
    }

    fn stepped(
        &self,
        op: &'static str,
        verb: Verb<T>,
        region: impl Region,
        step: &[usize],
        len: usize,
    ) -> Result<()> {
        region.with_bounds(|lo, hi| {
            self.check_steps(op, step)?;
            self.buffered(op, verb, Slab { lo, hi, step: Some(step) }, len, Fit::Dense, &mut Wait)
        })
    }

    fn viewed(
        &self,
        op: &'static str,
        verb: Verb<T>,
        region: impl Region,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<()> {
        region.with_bounds(|lo, hi| {
            self.distribution().check_bounds(op, lo, hi)?;
            let slab = Slab { lo, hi, step: None };
            if slab.extents()[..] != *shape {
                let message = format!("a view of shape {shape:?} for patch {lo:?}..{hi:?}");
                return Err(Error::new(ErrorKind::Buffer, op, message));
            }
            let strides = ByteStrides::from_fn(shape.len(), |d| strides[d] * size_of::<T>() as isize);
            // SAFETY: the slab lies in the array, and the view has an element for each of its; it is behind a
            // reference of the caller (a mutable one for a get), so it is not array memory.
            unsafe { self.raw().transfer(op, verb, slab, strides.as_slice(), &mut Wait) }
        })
    }
}
