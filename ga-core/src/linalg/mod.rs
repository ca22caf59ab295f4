//! Dense linear algebra on global arrays.
//!
//! Invariant: every function is collective, synchronises before and after, and decides what it refuses from
//! what all ranks know, so that all refuse alike. Arithmetic on local blocks is `faer`'s.

mod field;
mod gemm;
mod operand;

pub use field::Field;
pub use gemm::gemm;
pub use operand::{Matrix, Op};
