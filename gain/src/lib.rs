//! A distributed NumPy.

pub mod dtype;
pub mod exec;
pub(crate) mod kernels;
pub mod ops;
