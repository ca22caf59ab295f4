//! The record of what was asked for: immutable nodes, and the cells that name them.
//!
//! A [`Node`] is a value: a whole array in C order that never changes. It is *stored* (a buffer holds its elements)
//! or *lazy* (an [`Expr`] says how to compute them). A [`Cell`] is a variable: the storage of an array in NumPy's
//! sense, seen by all views of it; assignment gives it another node. Sharing a node is what `copy()` does, so
//! copy-on-write needs no code of its own.
//!
//! All ranks record the same nodes in the same order, and drop them in the same order.

mod cell;
mod drops;
pub(crate) mod elsewhere;
mod node;

pub(crate) use cell::Cell;
pub use drops::hold_drops;
pub use elsewhere::bounded;
pub(crate) use node::{Arg, Expr, Node, WEIGHT_LIMIT};
