//! A distributed NumPy.

pub mod array;
pub mod dtype;
pub mod error;
pub mod exec;
pub(crate) mod graph;
pub(crate) mod kernels;
mod limbo;
pub mod ops;
pub(crate) mod plan;
pub(crate) mod storage;
pub mod typed;
pub mod view;
pub mod world;

pub use array::{Array, Operand, Options, ReduceOptions};
pub use dtype::{Casting, DType, Element, Scalar};
pub use error::{Error, Kind, Result};
pub use ndarray::s;
pub use ops::{Op, ReduceOp};
pub use typed::DistArray;
pub use view::{Index, Slice, View};
pub use world::{Stats, stats};
