//! The exported functions, by what they are about. They know the rest of the library, which knows none of them but what makes arrays
//! ([`create`]), for sparse matrices.

mod access;
mod algebra;
mod cluster;
mod collective;
pub(crate) mod create;
mod elements;
mod elementwise;
mod field;
mod ghosts;
mod groups;
mod inquire;
mod linalg;
mod locality;
mod matrix;
mod memory;
mod mirror;
mod nonblocking;
mod patches;
mod print;
mod property;
mod scan;
mod solve;
mod specs;
pub(crate) mod start;
mod sync;
mod transfer;
mod types;
