//! Global Arrays: distributed dense arrays with one-sided access to patches.
//!
//! A [`GlobalArray`] has a shape and an element type like any array; its elements live in blocks on the ranks
//! of a team ([`Distribution`]). Any rank reads, writes or adds to any patch, wherever it lives, without the
//! owner's help:
//!
//! ```
//! use ga_core::{GlobalArray, World};
//! use ndarray::{Ix2, arr2};
//!
//! fn main() -> ga_core::Result<()> {
//!     let world = World::init()?;
//!     let u = GlobalArray::<f64>::ones(&world.team(), (100, 200))?;
//!     if world.rank() == 0 {
//!         u.put((10..12, 5..8), &[2.0; 6])?;
//!         u.accumulate((11, 5..8), &[1.0; 3], 0.5)?;
//!     }
//!     u.sync()?;
//!     assert_eq!(u.get_array::<Ix2>((9..=12, 6))?, arr2(&[[1.0], [2.0], [2.5], [1.0]]));
//!     u.sync()?;
//!     world.finalize()?;
//!     Ok(())
//! }
//! ```
//!
//! | family | example |
//! | --- | --- |
//! | creation ([`zeros`](GlobalArray::zeros), [`from_shape_fn`](GlobalArray::from_shape_fn), [`from_array`](GlobalArray::from_array)) and layouts ([`builder`](GlobalArray::builder)) | `layouts` |
//! | patches: [`put`](GlobalArray::put), [`get`](GlobalArray::get), [`accumulate`](GlobalArray::accumulate), views, steps, requests | `patches` |
//! | single elements, counters, [`Mutexes`] | `elements`, `matmul` |
//! | blocks in place, ghost cells, periodic patches | `ghosts`, `matmul` |
//! | whole arrays and patches element by element, reductions, copies | `algebra` |
//! | vectors and masks: scans, packing, numbering | `vectors` |
//! | dense linear algebra: [`linalg`] | `solvers` |
//! | sparse matrices: [`SparseArray`] | `sparse` |
//! | arrays on teams, copies between them, mirrored arrays | `groups` |
//!
//! The examples are in `ga-core/examples`, and run on 1 to 4 ranks by the tests.
//!
//! # Ranges
//! 0-based, half-open, row-major: `[lo, hi)`. A [`Region`] is a [`Patch`], or ranges of any kind and single indices, one for each axis
//! (`(0..8, ..=3)`, `(.., 5)`, `[0..8, 4..12]`), or `..` for everything. No axis is dropped, unlike with `ndarray`'s `s![]`.
//!
//! # When things are visible
//! The words are those of [`rma`]. A get has its data on return. A put or accumulate is locally complete on
//! return, and visible everywhere after [`GlobalArray::sync`]. Puts of one rank to overlapping elements take
//! effect in order; accumulates are atomic element by element; a put that races with another rank's access to
//! the same elements leaves some mixture of both there, and nothing else breaks. Collective operations
//! synchronise before and after.
//!
//! # Layers
//! [`Distribution`] answers who owns what; [`RawArray`] adds an element type known at run time and memory;
//! [`GlobalArray`] adds the Rust type. Memory of other ranks on the same node is mapped: [`RawArray::mapped`]
//! and [`GlobalArray::block_view`] read a neighbour's block in place. [`pointers`] is what the C interface is made of.

mod access;
mod algebra;
mod array;
mod bins;
mod boxes;
mod builder;
mod cache;
mod create;
mod dims;
mod distribution;
mod elements;
mod error;
mod fence;
mod ghosts;
pub mod linalg;
mod local;
pub mod memory;
mod mirror;
mod mutex;
mod nonblocking;
mod number;
mod own;
mod patch;
mod periodic;
pub mod pointers;
mod print;
mod raw;
mod region;
mod scan;
mod shaped;
mod short;
mod sight;
mod sparse;
mod statistics;
mod transfer;

pub use algebra::{Extreme, Real, Scalar, StepBounds};
pub use array::GlobalArray;
pub use builder::ArrayBuilder;
pub use cache::ReadCache;
pub use dims::Dims;
pub use distribution::{Distribution, Location, Piece, Pieces};
pub use error::{Error, ErrorKind, Result};
pub use mutex::Mutexes;
pub use nonblocking::{PatchRequest, Pending};
pub use number::Number;
pub use patch::Patch;
pub use raw::RawArray;
pub use region::{Region, Span};
pub use sight::Sight;
pub use sparse::{SparseArray, SparseBlock, SparseBuilder};
pub use statistics::{Operation, Statistics};

pub use ndarray;
pub use rma;
pub use rma::{AtomicInteger, Complex32, Complex64, DType, Element, Team, World, f16};
