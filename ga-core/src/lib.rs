//! Global Arrays: distributed dense arrays with one-sided access to patches.
//!
//! A [`GlobalArray`] has a shape and an element type like any array; its elements live in blocks on the ranks
//! of a team ([`Distribution`]). Any rank reads, writes or adds to any patch, wherever it lives, without the
//! owner's help:
//!
//! ```
//! use ga_core::GlobalArray;
//! use rma::World;
//!
//! let world = World::init()?;
//! let u = GlobalArray::<f64>::builder(&world.team(), &[100, 200]).name("u").create()?;
//! u.fill(1.0)?;
//! if world.rank() == 0 {
//!     u.put([10..12, 5..8], &[2.0; 6])?;
//!     u.accumulate([11..12, 5..8], &[1.0; 3], 0.5)?;
//! }
//! u.sync()?;
//! let mut column = [0.0; 4];
//! u.get([9..13, 6..7], &mut column)?;
//! assert_eq!(column, [1.0, 2.0, 2.5, 1.0]);
//! # drop(u);
//! # world.finalize()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ranges
//! 0-based, half-open, row-major: `[lo, hi)`. A region is a [`Patch`] or ranges (`[0..8, 4..12]`).
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
mod scan;
mod shaped;
mod short;
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
pub use patch::{Patch, Region};
pub use raw::RawArray;
pub use sparse::{SparseArray, SparseBlock, SparseBuilder};
pub use statistics::{Operation, Statistics};
