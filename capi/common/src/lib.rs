//! What `libarmci` and `libga` both need between C or Fortran and the crates below.
//!
//! | file | what |
//! | --- | --- |
//! | [`boundary`] | the macro that makes exported functions, and the panic boundary of each |
//! | [`installed`] | the one state of a library |
//! | [`numbered`], [`group`] | things with numbers; groups of ranks |
//! | [`nodes`] | which ranks share a node |
//! | [`holders`] | which thread of this process holds a mutex |
//! | [`reduction`] | reductions whose operators have names |
//! | [`fortran`] | Fortran's integers, logicals and texts |
//! | [`padded`] | everybody's bytes, by an allgather that wants as many of all |
//! | [`thread`](mod@thread), [`text`](mod@text) | which thread this is; texts and times |
//!
//! Invariant: nothing here is of one library's interface; no names are exported.

mod boundary;
pub mod fortran;
mod group;
mod holders;
mod installed;
mod nodes;
mod numbered;
mod padded;
mod reduction;
mod text;
mod thread;

pub use boundary::bounded;
pub use group::Group;
pub use holders::Holders;
pub use installed::Installed;
pub use nodes::Nodes;
pub use numbered::Numbered;
pub use padded::gather;
pub use reduction::{Operator, reduce};
pub use text::{seconds, text};
pub use thread::thread;
