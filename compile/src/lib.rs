//! Python kernels to loop nests, to library calls and machine code. Knows no Python interpreter.

#![deny(unsafe_code)]

mod affine;
mod bounds;
mod boxes;
mod code;
mod cost;
mod depend;
mod drive;
mod emit;
mod expand;
mod factor;
pub mod flags;
mod fold;
mod host;
mod idiom;
mod index;
mod ir;
mod kernel;
mod lanes;
mod lower;
mod machine;
mod numpy;
mod products;
mod promote;
mod run;
mod show;
mod solve;
mod spread;
mod syntax;
mod team;
mod tree;
mod values;
mod void;

pub use boxes::spans;
pub use depend::Class;
pub use factor::Factoring;
pub use host::{Arg, Axis, Contract, Host, Outcome, Part};
pub use ir::{Give, Slot, Ty};
pub use kernel::{Kernel, analyse};
pub use machine::processor;
pub use syntax::Globals;
pub use team::Team;

/// Why a function isn't compiled: a line of its source (0 if it is none of them) and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The line, counted from 1.
    pub line: u32,
    /// What isn't understood.
    pub what: String,
}

/// Outcome of what may find something that isn't understood.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(line: u32, what: impl Into<String>) -> Self {
        Error { line, what: what.into() }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            write!(f, "{}", self.what)
        } else {
            write!(f, "line {}: {}", self.line, self.what)
        }
    }
}

impl std::error::Error for Error {}

/// What kind of thing an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A number.
    Scalar {
        /// Int or float.
        ty: Ty,
        /// NumPy's.
        is_numpy: bool,
    },
    /// An array, or a regular list.
    Array {
        /// Of its elements.
        ty: Ty,
        /// Number of axes.
        ndim: usize,
        /// A list, perhaps of lists.
        is_list: bool,
    },
}
