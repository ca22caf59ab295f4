//! Dense linear algebra on global arrays.
//!
//! Invariant: every function is collective, synchronises before and after, and decides what it refuses from
//! what all ranks know, so that all refuse alike. Arithmetic on local blocks is `faer`'s.

mod cholesky;
mod eigen;
mod field;
mod gemm;
mod lu;
mod operand;
mod panels;
mod qr;
mod share;
mod solve;
mod spread;
mod triangular;

pub use cholesky::{Cholesky, NotDefinite};
pub use eigen::{diag, diag_std, diag_values};
pub use field::Field;
pub use ga_factor::Triangle;
pub use gemm::gemm;
pub use lu::Lu;
pub use operand::{Matrix, Op};
pub use qr::Qr;
pub use solve::{Solved, llt_solve, lu_solve, solve, spd_invert};
pub use triangular::solve_triangular;
