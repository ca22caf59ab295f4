//! A box of elements and where each leaf and output lies for it.

use smallvec::SmallVec;

/// A small list of per-axis numbers.
pub type Dims<T> = SmallVec<[T; 4]>;

/// Memory walked with one byte stride per axis of the domain; 0 broadcasts (or, for an output, reduces).
#[derive(Clone, Debug)]
pub struct Stream {
    /// The element at coordinate zero. Alignment: that of the element type.
    pub ptr: *mut u8,
    /// Bytes from one coordinate to the next, per axis.
    pub strides: Dims<isize>,
}

/// What a leaf of the program reads.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// Elements in memory.
    Memory(Stream),
    /// No memory: the `i64` `start + sum(coordinate * step)`; for arange, indices and argmin.
    Index {
        /// Value at coordinate zero.
        start: i64,
        /// Increment per axis.
        steps: Dims<i64>,
    },
}

/// A box: its extents and one entry per leaf and per memory output of the program, in their order.
///
/// An output may lie exactly on a leaf (same pointer, same strides: in-place update) or be disjoint from all
/// leaves; partial overlap is the caller's to avoid.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    /// Extents. Empty: one element.
    pub shape: Dims<usize>,
    /// One per leaf.
    pub leaves: SmallVec<[Leaf; 6]>,
    /// One per memory output (stores and axis reductions; a full reduction has none).
    pub outs: SmallVec<[Stream; 2]>,
}
