//! Blocking access to patches with steps, and from and to `ndarray` views.
//!
//! What is complete when, and what an error means, is as in [`crate::access`].

use crate::access::Fit;
use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::create::check_axes;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::region::Region;
use crate::sight::Sight;
use crate::transfer::{Slab, Verb, Wait};
use ndarray::{Array, ArrayRef, Dimension};
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

    /// A patch as an array of its own: of as many axes as the type says that is wanted (`get_array::<Ix2>`), or any number for
    /// [`IxDyn`](type@ndarray::IxDyn). Not collective; complete on return.
    ///
    /// ```
    /// use ga_core::{GlobalArray, World};
    /// use ndarray::{Array2, Ix2, s};
    /// let world = World::init()?;
    /// let table = Array2::from_shape_fn((5, 7), |(i, j)| (10 * i + j) as i64);
    /// let array = GlobalArray::from_array(&world.team(), &table)?;
    /// assert_eq!(array.get_array::<Ix2>((.., 2..=4))?, table.slice(s![.., 2..=4]));
    /// # array.sync()?;
    /// # Ok::<(), ga_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`GlobalArray::put`]; [`ErrorKind::Shape`] for another number of axes.
    pub fn get_array<D: Dimension>(&self, region: impl Region) -> Result<Array<T, D>> {
        check_axes::<D>("get_array", self.shape())?;
        region.with_bounds(self.shape(), |lo, hi| {
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
            let mut shape = D::zeros(extents.len());
            shape.slice_mut().copy_from_slice(&extents);
            Ok(Array::from_shape_vec(shape, data).expect("as many elements as the shape says"))
        })
    }

    /// Refuses steps of 0, and another number of them than there are axes.
    pub(crate) fn check_steps(&self, op: &'static str, step: &[usize]) -> Result<()> {
        if step.len() == self.ndim() && !step.contains(&0) {
            return Ok(());
        }
        Err(Error::numbered(ErrorKind::Shape, op, |by| {
            let steps = by.list(step);
            format!("steps {steps} for an array of {} axes; each is at least 1", self.ndim())
        }))
    }

    fn stepped(
        &self,
        op: &'static str,
        verb: Verb<T>,
        region: impl Region,
        step: &[usize],
        len: usize,
    ) -> Result<()> {
        region.with_bounds(self.shape(), |lo, hi| {
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
        region.with_bounds(self.shape(), |lo, hi| {
            self.distribution().check_bounds(op, lo, hi)?;
            let slab = Slab { lo, hi, step: None };
            if slab.extents()[..] != *shape {
                let message =
                    |by: Sight| format!("a view of shape {} for {}", by.extents(shape), by.patch(lo, hi));
                return Err(Error::numbered(ErrorKind::Buffer, op, message));
            }
            let strides = ByteStrides::from_fn(shape.len(), |d| strides[d] * size_of::<T>() as isize);
            // SAFETY: the slab lies in the array, and the view has an element for each of its; it is behind a
            // reference of the caller (a mutable one for a get), so it is not array memory.
            unsafe { self.raw().transfer(op, verb, slab, strides.as_slice(), &mut Wait) }
        })
    }
}
