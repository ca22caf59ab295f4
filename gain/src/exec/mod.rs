//! The fused executor: a [`Program`] computes stores and reductions from leaves, element by element, in one
//! pass over the boxes it is given. It knows memory, strides and threads; nothing of arrays, ranks or graphs.
//!
//! Build a program with [`Builder`] (SSA: each value is named by a [`Val`]), pair it with a [`Domain`] for each
//! box into a [`Task`], and [`run`] all tasks of a pass at once.

mod arg;
mod axes;
mod builder;
mod cascade;
mod domain;
mod fuse;
mod geometry;
mod partial;
mod piece;
pub(crate) mod pool;
mod program;
mod run;
mod stack;
mod tile;
mod watch;

pub use builder::{Builder, Mark, Val};
pub use domain::{Domain, Leaf, PerAxis, Stream};
pub use partial::{Partial, identity};
pub use program::Program;
pub(crate) use run::convert;
pub use run::{Task, apply, fold_row, run};
pub(crate) use watch::{cast_has_exceptions, has_exceptions};
