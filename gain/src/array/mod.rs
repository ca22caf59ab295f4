//! The dynamic array: NumPy's `ndarray` with the element type known at run time.

mod assign;
mod create;
mod exceptions;
mod linalg;
mod read;
mod reduce;
mod text;
mod ufunc;
mod views;

use crate::dtype::{Casting, DType, Scalar};
use crate::error::Result;
use crate::graph::{Arg, Cell, Node, WEIGHT_LIMIT};
use crate::plan;
use crate::storage::blocks_for;
use crate::view::View;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// A distributed array, or a view on one.
///
/// A handle: cloning it gives another name of the same array (`b = a` in Python). A view made by [`Array::index`],
/// [`Array::transpose`] and the like shows the same elements: assigning through one is seen by the other.
///
/// Every method is collective, attributes apart, unless it says otherwise: all ranks call it in the same order with
/// the same arguments.
#[derive(Clone, Debug)]
pub struct Array {
    cell: Arc<Cell>,
    view: View,
    derived: bool,
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

impl Array {
    /// A new array with this value.
    pub(crate) fn from_node(node: Arc<Node>) -> Array {
        let view = View::contiguous(&node.shape);
        Array { cell: Cell::new(node), view, derived: false }
    }

    /// Another view of the same array.
    fn with_view(&self, view: View) -> Array {
        Array { cell: self.cell.clone(), view, derived: true }
    }

    /// Stores the value if it is a long expression: called before more is built on it, so that none grows without bound.
    pub(crate) fn bound(&self) -> Result<()> {
        let node = self.cell.get();
        if node.weight_now() > WEIGHT_LIMIT { plan::force(&node) } else { Ok(()) }
    }

    /// The elements as they are now.
    pub(crate) fn arg(&self) -> Arg {
        Arg::Node(self.cell.get(), self.view.clone())
    }
}

/// # Attributes (not collective)
impl Array {
    /// Extents.
    pub fn shape(&self) -> &[usize] {
        &self.view.shape
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.view.ndim()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.view.size()
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.cell.dtype
    }

    /// Steps in bytes, as NumPy would have them.
    pub fn strides_bytes(&self) -> SmallVec<[isize; 4]> {
        let item = self.dtype().size_bytes() as isize;
        self.view.strides.iter().map(|s| s * item).collect()
    }

    /// Which elements of its base this array shows.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether this handle was made by viewing another array (NumPy: `a.base is not None`).
    pub fn is_view(&self) -> bool {
        self.derived
    }

    /// A number that arrays which are views of one another share, and others don't.
    pub fn base_id(&self) -> u64 {
        self.cell.id
    }

    /// File and line of the program at which the present value was recorded, where that is known: not for tiny arrays,
    /// which are computed at once.
    pub fn recorded_at(&self) -> Option<(String, u32)> {
        let site = self.cell.peek(|node| node.origin.site);
        site.resolve()
    }

    /// Whether the elements are consecutive in C order.
    pub fn is_contiguous(&self) -> bool {
        self.view.is_contiguous()
    }

    /// Whether the array is replicated on every rank rather than distributed.
    pub fn is_replicated(&self) -> bool {
        self.cell.peek(|node| !blocks_for(&node.shape).is_distributed())
    }

    /// How many elements of the base are recorded only and may have to be computed before this array can be read.
    pub fn pending(&self) -> usize {
        self.cell.peek(|node| if node.storage().is_some() { 0 } else { node.len() })
    }

    /// For each rank, the flat range of the base that it owns (for pictures and reports); one range if replicated.
    pub fn blocks(&self) -> Vec<Range<usize>> {
        let blocks = self.cell.peek(|node| blocks_for(&node.shape));
        (0..blocks.count()).map(|r| blocks.start(r)..blocks.start(r + 1)).collect()
    }
}
