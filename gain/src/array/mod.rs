//! The dynamic array: NumPy's `ndarray` with the element type known at run time.
#![allow(clippy::todo, unused_variables)]

use crate::dtype::{Casting, DType, Element, Scalar};
use crate::error::Result;
use crate::ops::{Op, ReduceOp};
use crate::view::{Index, View};
use smallvec::SmallVec;

/// A distributed array, or a view on one.
///
/// A handle: cloning it gives another name of the same array (`b = a` in Python). A view made by [`Array::index`],
/// [`Array::transpose`] and the like shows the same elements: assigning through one is seen by the other.
///
/// Every method is collective, attributes apart, unless it says otherwise: all ranks call it in the same order with
/// the same arguments.
#[derive(Clone, Debug)]
pub struct Array {
    view: View,
    dtype: DType,
}

/// An operand of an operation: an array, or a number (typed or weak, see [`Scalar`]).
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// An array.
    Array(&'a Array),
    /// A number.
    Scalar(Scalar),
}

impl<'a> From<&'a Array> for Operand<'a> {
    fn from(a: &'a Array) -> Self {
        Operand::Array(a)
    }
}

impl<T: Into<Scalar>> From<T> for Operand<'_> {
    fn from(x: T) -> Self {
        Operand::Scalar(x.into())
    }
}

/// Keywords of a ufunc call.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// `out=`: one entry per output, in their order; may be empty.
    pub out: &'a [Option<&'a Array>],
    /// `where=`: a bool array; elsewhere the output keeps its value (without `out`: zero).
    pub mask: Option<&'a Array>,
    /// `dtype=`
    pub dtype: Option<DType>,
    /// `casting=`
    pub casting: Casting,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { out: &[], mask: None, dtype: None, casting: Casting::SameKind }
    }
}

/// Keywords of a reduction.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReduceOptions<'a> {
    /// `axis=`: `None` is all axes.
    pub axes: Option<&'a [isize]>,
    /// `keepdims=`
    pub keepdims: bool,
    /// `dtype=`: the type to accumulate and return.
    pub dtype: Option<DType>,
    /// `initial=`
    pub initial: Option<Scalar>,
    /// `where=`
    pub mask: Option<&'a Array>,
    /// `out=`
    pub out: Option<&'a Array>,
}

/// # Creation
impl Array {
    /// From elements in C order, in native byte order; every rank passes the same bytes.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Array> {
        todo!()
    }

    /// From elements in C order; every rank passes the same.
    pub fn from_slice<T: Element>(shape: &[usize], elements: &[T]) -> Result<Array> {
        todo!()
    }

    /// An array of no axes (`np.array(x)`).
    pub fn scalar(value: Scalar) -> Array {
        todo!()
    }

    /// `np.full(shape, value, dtype)`; `dtype` `None` is the value's own. `zeros`, `ones` and `empty` are this.
    pub fn full(shape: &[usize], value: Scalar, dtype: Option<DType>) -> Result<Array> {
        todo!()
    }

    /// `np.zeros(shape, dtype)`
    pub fn zeros(shape: &[usize], dtype: DType) -> Result<Array> {
        todo!()
    }

    /// `np.ones(shape, dtype)`
    pub fn ones(shape: &[usize], dtype: DType) -> Result<Array> {
        todo!()
    }

    /// `np.empty(shape, dtype)`: elements have no particular value.
    pub fn empty(shape: &[usize], dtype: DType) -> Result<Array> {
        todo!()
    }

    /// `np.arange(start, stop, step, dtype)`
    pub fn arange(start: Scalar, stop: Scalar, step: Scalar, dtype: Option<DType>) -> Result<Array> {
        todo!()
    }

    /// `np.linspace(start, stop, num, endpoint, dtype=dtype)` for scalar ends.
    pub fn linspace(
        start: Scalar,
        stop: Scalar,
        num: usize,
        endpoint: bool,
        dtype: Option<DType>,
    ) -> Result<Array> {
        todo!()
    }

    /// `np.eye(rows, cols, k, dtype)`
    pub fn eye(rows: usize, cols: usize, k: isize, dtype: DType) -> Result<Array> {
        todo!()
    }

    /// The coordinate along `axis` of each element of an array of this shape (`np.indices(shape)[axis]`), `int64`.
    pub fn indices(shape: &[usize], axis: usize) -> Result<Array> {
        todo!()
    }
}

/// # Attributes (not collective)
impl Array {
    /// Extents.
    pub fn shape(&self) -> &[usize] {
        todo!()
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        todo!()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        todo!()
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        todo!()
    }

    /// Steps in bytes, as NumPy would have them.
    pub fn strides_bytes(&self) -> SmallVec<[isize; 4]> {
        todo!()
    }

    /// Which elements of its base this array shows.
    pub fn view(&self) -> &View {
        todo!()
    }

    /// Whether this handle was made by viewing another array (NumPy: `a.base is not None`).
    pub fn is_view(&self) -> bool {
        todo!()
    }

    /// A number that arrays which are views of one another share, and others don't.
    pub fn base_id(&self) -> u64 {
        todo!()
    }

    /// Whether the elements are consecutive in C order.
    pub fn is_contiguous(&self) -> bool {
        todo!()
    }

    /// Whether the array is replicated on every rank rather than distributed.
    pub fn is_replicated(&self) -> bool {
        todo!()
    }

    /// For each rank, the flat range of the base that it owns (for pictures and reports).
    pub fn blocks(&self) -> Vec<std::ops::Range<usize>> {
        todo!()
    }
}

/// # Views
impl Array {
    /// `self[items]`
    pub fn index(&self, items: &[Index]) -> Result<Array> {
        todo!()
    }

    /// `np.transpose(self, axes)`; `None` reverses the axes.
    pub fn transpose(&self, axes: Option<&[isize]>) -> Result<Array> {
        todo!()
    }

    /// `self.reshape(shape)`, one entry may be -1: a view where NumPy gives a view, else a copy.
    pub fn reshape(&self, shape: &[isize]) -> Result<Array> {
        todo!()
    }

    /// `self.ravel()`: 1-D; a view where possible. `.flat` is this.
    pub fn ravel(&self) -> Result<Array> {
        todo!()
    }

    /// `np.broadcast_to(self, shape)`
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Array> {
        todo!()
    }

    /// `np.squeeze(self, axes)`
    pub fn squeeze(&self, axes: Option<&[isize]>) -> Result<Array> {
        todo!()
    }
}

/// # Assignment
impl Array {
    /// `self[items] = value`, with NumPy's overlap semantics: the value is as before the assignment.
    pub fn set<'a>(&self, items: &[Index], value: impl Into<Operand<'a>>) -> Result<()> {
        todo!()
    }

    /// `self[...] = value`
    pub fn assign<'a>(&self, value: impl Into<Operand<'a>>) -> Result<()> {
        self.set(&[], value)
    }
}

/// # Operations
impl Array {
    /// A ufunc call: one array per output. With `out=` the result is a clone of that handle.
    pub fn ufunc(op: Op, operands: &[Operand<'_>], options: &Options<'_>) -> Result<SmallVec<[Array; 2]>> {
        todo!()
    }

    /// A ufunc of one output without keywords: the short way for operators.
    pub fn apply(op: Op, operands: &[Operand<'_>]) -> Result<Array> {
        todo!()
    }

    /// `np.where(mask, if_true, if_false)`
    pub fn select(mask: &Array, if_true: Operand<'_>, if_false: Operand<'_>) -> Result<Array> {
        todo!()
    }

    /// A reduction; `ArgMin` and `ArgMax` take one axis or none.
    pub fn reduce(&self, op: ReduceOp, options: &ReduceOptions<'_>) -> Result<Array> {
        todo!()
    }

    /// `np.mean`
    pub fn mean(&self, options: &ReduceOptions<'_>) -> Result<Array> {
        todo!()
    }

    /// `np.dot` for operands of 0, 1 and 2 axes.
    pub fn dot(&self, other: &Array) -> Result<Array> {
        todo!()
    }

    /// `np.matmul` for operands of 1 and 2 axes.
    pub fn matmul(&self, other: &Array) -> Result<Array> {
        todo!()
    }

    /// `self.astype(dtype)`: always a copy.
    pub fn astype(&self, dtype: DType, casting: Casting) -> Result<Array> {
        todo!()
    }

    /// `self.copy()`: costs nothing until one of the two is written.
    pub fn copy(&self) -> Result<Array> {
        todo!()
    }
}

/// # Reading
impl Array {
    /// Evaluate now what was recorded.
    pub fn force(&self) -> Result<()> {
        todo!()
    }

    /// The only element (`self.item()`).
    pub fn item(&self) -> Result<Scalar> {
        todo!()
    }

    /// All elements in C order into `out`, on every rank; `out` has `size() * dtype().size_bytes()` bytes.
    pub fn copy_to_bytes(&self, out: &mut [u8]) -> Result<()> {
        todo!()
    }

    /// As [`Array::copy_to_bytes`], called by any rank on its own. Not collective, therefore an error if something
    /// remains to be evaluated and there are several ranks: call [`Array::force`] on all of them first. The caller
    /// sees to it (by a [`barrier`](crate::world::barrier)) that nobody writes meanwhile.
    pub fn get_bytes(&self, out: &mut [u8]) -> Result<()> {
        todo!()
    }

    /// What printing shows: along each axis longer than `2 * edge` the first and last `edge` items only, the others
    /// all. Only those are moved. Returns the shape of the corner and its elements in C order.
    pub fn corner(&self, edge: usize) -> Result<(Vec<usize>, Vec<u8>)> {
        todo!()
    }

    /// As NumPy prints it (`str` if `repr` is false).
    pub fn to_text(&self, repr: bool) -> Result<String> {
        todo!()
    }
}
