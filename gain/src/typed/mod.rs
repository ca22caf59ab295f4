//! Arrays whose element type and number of axes are known to the compiler: the face for people who know `ndarray`.
//!
//! [`DistArray<T, D>`] is an [`Array`] with a promise. Names and behaviour are those of `ndarray::Array` where they can
//! be: `slice(s![..])`, operators on references, `dot`, `sum`, `t`. What differs: a slice is a view that may be
//! assigned through (`u.slice(s![0, ..]).fill(1.0)`), because handles share their elements as NumPy's do; every method is
//! collective; expressions are recorded and computed when read.
//!
//! As in `ndarray`, operators and `slice` panic when shapes or indices don't fit; the methods of [`Array`] return errors.
//!
//! ```
//! use gain::{DistArray, s};
//! use ndarray::Ix2;
//! let u = DistArray::<f64, Ix2>::zeros((4, 6))?;
//! u.slice(s![0, ..]).fill(1.0)?;
//! let mean = &(&u.slice(s![..-2, 1..-1]) + &u.slice(s![2.., 1..-1])) * 0.5;
//! assert_eq!(mean.to_ndarray()?, ndarray::arr2(&[[0.5; 4], [0.0; 4]]));
//! # Ok::<(), gain::Error>(())
//! ```

mod convert;
mod ops;

use crate::array::{Array, ReduceOptions};
use crate::dtype::{Element, Scalar};
use crate::error::{Error, Kind, Result};
use crate::ops::{Op, ReduceOp};
use crate::view::{Index, Slice};
use ndarray::{Dimension, IntoDimension, Ix1, SliceArg, SliceInfoElem};
use std::marker::PhantomData;

/// An array of `T` with the number of axes of `D`; see the module's head.
#[derive(Clone, Debug)]
pub struct DistArray<T, D> {
    array: Array,
    kind: PhantomData<fn() -> (T, D)>,
}

impl<T: Element + Into<Scalar>, D: Dimension> DistArray<T, D> {
    /// The typed form of an array; an error if its element type or number of axes is another.
    pub fn from_array(array: Array) -> Result<Self> {
        if array.dtype() != T::DTYPE {
            return Err(Error::new(Kind::Type, format!("elements are {}, not {}", array.dtype(), T::DTYPE)));
        }
        match D::NDIM {
            Some(n) if n != array.ndim() => {
                Err(Error::new(Kind::Shape, format!("the array has {} axes, not {n}", array.ndim())))
            }
            _ => Ok(Self::promise(array)),
        }
    }

    /// The typed form of an array known to fit.
    fn promise(array: Array) -> Self {
        DistArray { array, kind: PhantomData }
    }

    /// All elements equal `value`.
    pub fn from_elem(shape: impl IntoDimension<Dim = D>, value: T) -> Result<Self> {
        let shape = shape.into_dimension();
        Array::full(shape.slice(), value.into(), Some(T::DTYPE)).map(Self::promise)
    }

    /// All elements zero (`Array::zeros`).
    pub fn zeros(shape: impl IntoDimension<Dim = D>) -> Result<Self> {
        Array::zeros(shape.into_dimension().slice(), T::DTYPE).map(Self::promise)
    }

    /// All elements one (`Array::ones`).
    pub fn ones(shape: impl IntoDimension<Dim = D>) -> Result<Self> {
        Array::ones(shape.into_dimension().slice(), T::DTYPE).map(Self::promise)
    }

    /// The array without compile-time type.
    pub fn as_array(&self) -> &Array {
        &self.array
    }

    /// Extents. Not collective.
    pub fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// Extents as `ndarray` patterns have them. Not collective.
    pub fn dim(&self) -> D::Pattern {
        self.raw_dim().into_pattern()
    }

    /// Extents as a dimension. Not collective.
    pub fn raw_dim(&self) -> D {
        let mut dim = D::zeros(self.array.ndim());
        dim.slice_mut().copy_from_slice(self.shape());
        dim
    }

    /// Number of elements. Not collective.
    pub fn len(&self) -> usize {
        self.array.size()
    }

    /// Whether there are no elements. Not collective.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A view by `s![]`, with `ndarray`'s meaning of negative steps: the range is taken first and then walked backwards.
    ///
    /// # Panics
    /// If the slice doesn't fit, as `ndarray` does.
    pub fn slice<I: SliceArg<D>>(&self, info: I) -> DistArray<T, I::OutDim> {
        let mut shape = self.shape().iter();
        let items: Vec<Index> = info.as_ref().iter().map(|item| index_of(item, &mut shape)).collect();
        match self.array.index(&items) {
            Ok(array) => DistArray::promise(array),
            Err(e) => panic!("slice of an array of shape {:?}: {e}", self.shape()),
        }
    }

    /// The axes reversed (`t`, `reversed_axes`).
    pub fn t(&self) -> Self {
        Self::promise(self.array.transpose(None).expect("reversing axes always fits"))
    }

    /// All elements in one row, a view where strides allow.
    pub fn flatten(&self) -> Result<DistArray<T, Ix1>> {
        self.array.ravel().map(DistArray::promise)
    }

    /// The same elements in another shape, a view where strides allow.
    pub fn reshape<E: IntoDimension>(&self, shape: E) -> Result<DistArray<T, E::Dim>> {
        let shape: Vec<isize> = shape.into_dimension().slice().iter().map(|&n| n as isize).collect();
        self.array.reshape(&shape).map(DistArray::promise)
    }

    /// A copy, which costs nothing until one of the two is written.
    pub fn copy(&self) -> Result<Self> {
        self.array.copy().map(Self::promise)
    }

    /// Every element becomes `value`.
    pub fn fill(&self, value: T) -> Result<()> {
        self.array.assign(value.into())
    }

    /// The elements become those of `other`, repeated where extents are 1.
    pub fn assign<E: Dimension>(&self, other: &DistArray<T, E>) -> Result<()> {
        self.array.assign(&other.array)
    }

    /// Sum of all elements, the same on every rank.
    pub fn sum(&self) -> Result<T> {
        self.fold(ReduceOp::Sum)
    }

    /// Product of all elements.
    pub fn product(&self) -> Result<T> {
        self.fold(ReduceOp::Prod)
    }

    /// Smallest element; a NaN wins.
    pub fn min(&self) -> Result<T> {
        self.fold(ReduceOp::Min)
    }

    /// Largest element; a NaN wins.
    pub fn max(&self) -> Result<T> {
        self.fold(ReduceOp::Max)
    }

    /// Sum along an axis (`sum_axis`).
    pub fn sum_axis(&self, axis: ndarray::Axis) -> Result<DistArray<T, D::Smaller>> {
        let axes = [axis.index() as isize];
        let options = ReduceOptions { axes: Some(&axes), dtype: Some(T::DTYPE), ..ReduceOptions::default() };
        self.array.reduce(ReduceOp::Sum, &options).map(DistArray::promise)
    }

    fn fold(&self, op: ReduceOp) -> Result<T> {
        let options = ReduceOptions { dtype: Some(T::DTYPE), ..ReduceOptions::default() };
        let all = self.array.reduce(op, &options)?;
        Ok(all.to_vec::<T>()?[0])
    }

    /// Dot product of vectors, product of matrices and vectors (`ndarray::linalg::Dot`).
    pub fn dot<E: Dimension>(&self, other: &DistArray<T, E>) -> Result<Array> {
        self.array.dot(&other.array)
    }

    /// An operation of NumPy's list on every element; the result has the type NumPy gives it.
    pub fn map(&self, op: Op) -> Result<Array> {
        Array::apply(op, &[(&self.array).into()])
    }
}

/// `ndarray`'s slice item in NumPy's terms; `shape` yields the extents of the axes consumed.
fn index_of<'a>(item: &SliceInfoElem, shape: &mut impl Iterator<Item = &'a usize>) -> Index {
    match *item {
        SliceInfoElem::NewAxis => Index::NewAxis,
        SliceInfoElem::Index(i) => {
            shape.next();
            Index::At(i)
        }
        SliceInfoElem::Slice { start, end, step } => {
            let n = shape.next().copied().unwrap_or(0) as isize;
            if step > 0 {
                return Index::Slice(Slice { start: Some(start), stop: end, step: Some(step) });
            }
            let wrap = |i: isize| if i < 0 { i + n } else { i };
            let (first, last) = (wrap(start), end.map_or(n, wrap) - 1);
            // Walk from the last of the range to the first; `None` stands for the place before index 0.
            let stop = (first > 0).then(|| first - 1);
            if last < first {
                return Index::range(0, 0);
            }
            Index::Slice(Slice { start: Some(last), stop, step: Some(step) })
        }
    }
}
