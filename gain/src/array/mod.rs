//! The dynamic array: NumPy's `ndarray` with the element type known at run time.

mod assign;
mod binning;
mod create;
mod direct;
mod elsewhere;
mod exceptions;
mod fft;
mod files;
mod fitting;
mod foreign;
mod lens;
mod linalg;
mod methods;
mod order;
mod pick;
mod random;
mod read;
mod reduce;
mod sort;
mod spread;
mod text;
mod ufunc;
mod views;

pub use create::Unfilled;
pub use files::{Medium, Stored, everybodys};
pub use foreign::{Exposed, Place};
pub use pick::Item;
pub use spread::set_group;

use crate::dtype::{Casting, DType, Scalar};
use crate::error::Result;
use crate::memory::Memory;
use crate::plan;
use crate::record::{Arg, Cell, Node, WEIGHT_LIMIT};
use crate::view::{Dims, Layout, View};
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
    /// Which elements of the base; with a lens, where they begin, in bytes.
    view: View,
    /// The type that the memory is seen as, if it isn't the base's own.
    lens: Option<DType>,
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
    /// `order=`: of what is not in `out`.
    pub order: Layout,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { out: &[], mask: None, dtype: None, casting: Casting::SameKind, order: Layout::K }
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
    #[inline]
    pub(crate) fn from_node(node: Arc<Node>) -> Array {
        let view = View::of_new(&node.shape);
        Array { cell: Cell::new(node), view, lens: None, derived: false }
    }

    /// A new array of few elements, which lie there in C order and are the same on every rank.
    #[inline]
    fn of_own(shape: Dims, dtype: DType, memory: Memory) -> Array {
        let view = View::of_new(&shape);
        Array { cell: Cell::own(shape, dtype, memory), view, lens: None, derived: false }
    }

    /// A new array with this value, whose axes are those of the array in this order.
    pub(crate) fn from_node_in(node: Arc<Node>, order: Option<&[usize]>) -> Array {
        let made = Array::from_node(node);
        if let Some(order) = order { made.in_order(order) } else { made }
    }

    /// A new array with a recorded value, which is computed at once if floating-point exceptions are to be raised, if it
    /// would keep much larger values in memory, or if it reads open memory; its axes are those of the array in this order. Collective.
    pub(super) fn recorded(node: Arc<Node>, order: Option<&[usize]>) -> Result<Array> {
        let node = plan::settled(node)?;
        if node.origin.policy.raises() {
            assign::decide(&node)?;
        } else if node.pins_much() {
            plan::force(&node)?;
        }
        Ok(Array::from_node_in(node, order))
    }

    /// Another view of the same array.
    #[inline]
    fn with_view(&self, view: View) -> Array {
        Array { cell: self.cell.clone(), view, lens: self.lens, derived: true }
    }

    /// Stores the value if it is a long expression: called before more is built on it, so that none grows without bound.
    pub(crate) fn bound(&self) -> Result<()> {
        let weight = self.cell.peek_known(|node| node.weight_now()).unwrap_or(0);
        if weight > WEIGHT_LIMIT { plan::force(&self.cell.get()) } else { Ok(()) }
    }

    /// The elements as they are now.
    pub(crate) fn arg(&self) -> Arg {
        match self.lens {
            None => Arg::Node(self.cell.get(), self.view.clone()),
            Some(dtype) => lens::arg(self.cell.get(), dtype, self.view.clone()),
        }
    }
}

/// # Attributes (not collective)
impl Array {
    /// Extents.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.view.shape
    }

    /// Number of axes.
    #[inline]
    pub fn ndim(&self) -> usize {
        self.view.ndim()
    }

    /// Number of elements.
    #[inline]
    pub fn size(&self) -> usize {
        self.view.size()
    }

    /// Element type.
    #[inline]
    pub fn dtype(&self) -> DType {
        self.lens.unwrap_or(self.cell.dtype)
    }

    /// Steps in bytes, as NumPy would have them.
    pub fn strides_bytes(&self) -> SmallVec<[isize; 4]> {
        let item = self.dtype().size_bytes() as isize / self.unit();
        self.view.strides.iter().map(|s| s.wrapping_mul(item)).collect()
    }

    /// Which elements of its base this array shows; counted in bytes if it shows them as another type.
    #[inline]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether the view counts bytes of the base.
    pub fn counts_bytes(&self) -> bool {
        self.lens.is_some()
    }

    /// Whether this handle was made by viewing another array (NumPy: `a.base is not None`).
    #[inline]
    pub fn is_view(&self) -> bool {
        self.derived
    }

    /// A number that arrays which are views of one another share, and others that there are don't.
    #[inline]
    pub fn base_id(&self) -> u64 {
        Arc::as_ptr(&self.cell).addr() as u64
    }

    /// File and line of the program at which the present value was recorded, where that is known: not for tiny arrays,
    /// which are computed at once.
    pub fn recorded_at(&self) -> Option<(String, u32)> {
        self.cell.peek_known(|node| node.origin.site)?.resolve()
    }

    /// A number that every write to the array, or to another view of its elements, changes: what was read while it stays
    /// the same is still so.
    pub fn version(&self) -> u64 {
        self.cell.version()
    }

    /// Whether the elements are consecutive in C order.
    pub fn is_contiguous(&self) -> bool {
        self.view.is_contiguous_by(self.unit())
    }

    /// Whether the elements are consecutive in Fortran's order, the first axis the innermost.
    pub fn is_fortran(&self) -> bool {
        self.view.is_fortran_by(self.unit())
    }

    /// How far apart neighbours are in the view's counting.
    fn unit(&self) -> isize {
        if self.lens.is_some() { self.dtype().size_bytes() as isize } else { 1 }
    }

    /// Whether the array is replicated on every rank rather than distributed.
    pub fn is_replicated(&self) -> bool {
        self.cell.peek_known(|node| !node.blocks.is_distributed()).unwrap_or(true)
    }

    /// How many elements of the base are recorded only and may have to be computed before this array can be read.
    #[inline]
    pub fn pending(&self) -> usize {
        self.cell.peek_known(|node| if node.storage().is_some() { 0 } else { node.len() }).unwrap_or(0)
    }

    /// For each rank, the flat range of the base that it owns (for pictures and reports); one range if replicated.
    pub fn blocks(&self) -> Vec<Range<usize>> {
        let blocks = self.cell.peek(|node| node.blocks);
        (0..blocks.count()).map(|r| blocks.start(r)..blocks.start(r + 1)).collect()
    }
}
