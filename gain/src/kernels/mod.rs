//! Loops over memory: one element type, one operation, no shapes beyond a row.

pub(crate) mod cast;
pub(crate) mod matmul;
