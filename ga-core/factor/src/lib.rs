//! Factorizations of matrices in local memory: what `ga-dense` has kernels for, cut so that a crew of threads helps, and
//! loops without allocation for the small ones that come in stacks.
//!
//! Conventions are LAPACK's: pivots by the sum of the sizes of both parts, Householder vectors with a real diagonal of R,
//! packed factors. No matrix with NaN or infinities in it is refused but by the iterations, and none makes anything hang.
//!
//! Invariant: no state; matrices are views of `ga-dense` of extents that fit (or a panic).

mod cholesky;
mod eigen;
mod householder;
mod jacobi;
mod lu;
mod number;
mod secular;
mod shared;
mod small;
mod spectrum;
mod tridiagonal;

pub use cholesky::cholesky;
pub use eigen::{eigen, largest, scale, widen};
pub use householder::{Reflections, form_q, qr};
pub use jacobi::{FEW, hermitian, singular};
pub use lu::lu;
pub use number::Number;
pub use shared::{Triangle, copy_turned, solve_triangular, subtract_product};
pub use small::{Determinant, SMALL, determinant, small_cholesky, small_lu, small_solve};
pub use spectrum::{Part, values as tridiagonal_values, vectors as tridiagonal_vectors};
pub use tridiagonal::{Lower, Never, Tridiagonal, Whole, from_tridiagonal, tridiagonal};
