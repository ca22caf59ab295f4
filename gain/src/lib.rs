//! A distributed NumPy.
//!
//! [`Array`] is NumPy's `ndarray` over the memory of many processes; [`DistArray`] is the same with the element type and
//! the number of axes known to the compiler, for people who come from `ndarray`. One process alone works, too.
//!
//! ```
//! use gain::{Array, Index, Op};
//! let a = Array::arange(0.0.into(), 10.0.into(), 1.0.into(), None)?;
//! // a[1:] = a[:-1] * 2
//! let head = a.index(&[Index::range(None, -1)])?;
//! let twice = Array::apply(Op::Multiply, &[(&head).into(), 2.0.into()])?;
//! a.set(&[Index::range(1, None)], &twice)?;
//! assert_eq!(a.to_string(), "[ 0.  0.  2.  4.  6.  8. 10. 12. 14. 16.]");
//! # Ok::<(), gain::Error>(())
//! ```
//!
//! # How it works
//! Operations check types and shapes at the call and record a node of an expression graph (`record`). A read computes
//! what is recorded in one pass over memory (`plan`): all operators fused, assignments folded in, this rank's share
//! only, other ranks' blocks read where they lie. Buffers (`memory`) are spread by runs of the flat index, so NumPy's
//! rules for views ([`view`]) hold exactly. Arrays up to `GAIN_THRESHOLD` elements are kept by every rank alike.
//!
//! # What is collective
//! Everything that computes or may compute: all ranks call it in the same order with the same arguments. Views and
//! attributes involve nobody else, and neither does [`Array::get_bytes`]. Results of reductions are bitwise the same on
//! every rank, so ranks may branch on them.

pub(crate) mod algo;
pub mod array;
pub mod dtype;
pub mod error;
pub mod exec;
pub(crate) mod fft;
pub(crate) mod kernels;
pub mod linalg;
pub(crate) mod memory;
pub mod ops;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod record;
pub mod session;
pub(crate) mod stage;
pub mod status;
pub mod typed;
pub mod view;
pub mod window;

pub use algo::random::{Draw, Generator, Philox, Stream, Twister};
pub use algo::{Outside, Side};
pub use array::{
    Array, Exposed, Item, Medium, Operand, Options, Place, ReduceOptions, Stored, Unfilled, everybodys,
    set_group,
};
pub use dtype::{Casting, DType, Element, Scalar};
pub use error::{Error, Kind, Result};
pub use fft::{Form, Transform};
pub use ndarray::s;
pub use ops::{MAX_INPUTS, Op, ReduceOp};
pub use parts::{each_part, threads_for_parts, told_by_all};
pub use record::{bounded, hold_drops};
pub use session::{Stats, stats};
pub use typed::DistArray;
pub use view::{Index, Layout, Slice, View};
pub use window::{Patch, Window};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lock; a panic elsewhere leaves the values whole, so a poisoned lock is taken all the same.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
