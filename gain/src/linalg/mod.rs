//! Factorizations: of one matrix, or of each of a stack.
//!
//! A [`Task`] says what is made of the matrices along the last two axes; [`decompose`] makes it. Python's names (signs, modes,
//! tolerances) are made of these tasks and of what arrays can do anyway.
//!
//! | which matrices | who works |
//! | --- | --- |
//! | a stack of as many as there are ranks, or more | each rank for a run of the stack, its threads share the matrices |
//! | large ones on few ranks | [`large`]: LU and Cholesky by all ranks; of the rest each matrix is one rank's, whose threads share its blocks |
//! | small arrays | every rank for itself, alike |
//!
//! Invariant: which way it goes depends on shapes alone, so all ranks decide alike; a matrix that admits no answer is an error on
//! all ranks.

mod large;
mod matrix;
mod stack;

use crate::array::Array;
use crate::dtype::{DType, real_part};
use crate::error::{Error, Kind, Result, shape_text};
use crate::session;
use crate::view::Dims;

/// What is made of each matrix `a`, of `m` rows and `n` columns, `k` of the smaller of both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    /// `x` with `a x = b`.
    Solve,
    /// The inverse.
    Inverse,
    /// The determinant's sign, the logarithm of its size, and the determinant.
    Determinant,
    /// The Cholesky factor of the Hermitian matrix with this lower (or upper) triangle: `l`, or `l^H`.
    Cholesky {
        /// The upper triangle counts.
        is_upper: bool,
    },
    /// L below the diagonal and U, and for each row which one of the matrix it was.
    Lu,
    /// R and below the diagonal Householder's vectors; their factors; and so many columns of Q.
    Qr {
        /// Columns of Q: none, `k` or `m`.
        columns: usize,
    },
    /// Singular values, and left and conjugated right vectors if asked for.
    Svd {
        /// `k` vectors, or `m` and `n`, or none.
        vectors: Option<bool>,
    },
    /// Eigenvalues of a Hermitian matrix, ascending, and vectors if asked for.
    Hermitian {
        /// The upper triangle counts.
        is_upper: bool,
        /// Vectors are made.
        vectors: bool,
    },
    /// Eigenvalues, complex, and vectors of length 1 if asked for.
    Eigen {
        /// Vectors are made.
        vectors: bool,
    },
    /// `x` with `t x = b`, `t` a triangle of the matrix, of its transpose, or of its conjugate transpose.
    Triangular {
        /// The lower triangle of the matrix.
        is_lower: bool,
        /// The diagonal is ones.
        is_unit: bool,
        /// The transpose is meant.
        is_transposed: bool,
        /// The conjugate is meant.
        is_conjugated: bool,
    },
}

impl Task {
    /// For reports.
    fn name(self) -> &'static str {
        match self {
            Task::Solve => "solve",
            Task::Inverse => "inv",
            Task::Determinant => "det",
            Task::Cholesky { .. } => "cholesky",
            Task::Lu => "lu",
            Task::Qr { .. } => "qr",
            Task::Svd { .. } => "svd",
            Task::Hermitian { .. } => "eigh",
            Task::Eigen { .. } => "eig",
            Task::Triangular { .. } => "solve_triangular",
        }
    }

    /// NumPy's words for a matrix that admits no answer.
    fn complaint(self) -> &'static str {
        match self {
            Task::Cholesky { .. } => "Matrix is not positive definite",
            Task::Svd { .. } => "SVD did not converge",
            Task::Hermitian { .. } | Task::Eigen { .. } => "Eigenvalues did not converge",
            Task::Triangular { .. } => "singular matrix",
            _ => "Singular matrix",
        }
    }

    /// Whether there is a right-hand side.
    fn takes_two(self) -> bool {
        matches!(self, Task::Solve | Task::Triangular { .. })
    }

    /// Whether it is defined of square matrices only.
    fn is_square(self) -> bool {
        !matches!(self, Task::Lu | Task::Qr { .. } | Task::Svd { .. })
    }

    /// How many elements' memory its kernels take at most for a matrix of `m` rows and `n` columns, beside operands and results:
    /// copies by columns, and what the kernels work in.
    fn scratch(self, [m, n]: [usize; 2], width: usize) -> usize {
        let (most, k) = (m.max(n), m.min(n));
        match self {
            Task::Solve | Task::Triangular { .. } => 2 * n * n + 3 * n * width,
            Task::Inverse => 4 * n * n,
            Task::Determinant | Task::Cholesky { .. } => 2 * n * n,
            Task::Lu => 3 * m * n,
            Task::Qr { columns } => 2 * m * (n + columns),
            Task::Svd { vectors: None } => 4 * m * n,
            Task::Svd { vectors: Some(is_full) } => {
                let [left, right] = if is_full { [m, n] } else { [k, k] };
                m * n + m * left + n * right + 8 * most * k
            }
            Task::Hermitian { .. } => 8 * n * n,
            Task::Eigen { .. } => 16 * n * n,
        }
    }

    /// Shapes and types of what is made of one matrix, with right-hand sides of `width` columns.
    fn makes(self, [m, n]: [usize; 2], width: usize, dtype: DType) -> Vec<(Dims, DType)> {
        let (k, real) = (m.min(n), real_part(dtype));
        let shape = |extents: &[usize]| Dims::from_slice(extents);
        let complex = if real == DType::F32 { DType::C64 } else { DType::C128 };
        match self {
            Task::Solve | Task::Triangular { .. } => vec![(shape(&[n, width]), dtype)],
            Task::Inverse | Task::Cholesky { .. } => vec![(shape(&[n, n]), dtype)],
            Task::Determinant => vec![(shape(&[]), dtype), (shape(&[]), real), (shape(&[]), dtype)],
            Task::Lu => vec![(shape(&[m, n]), dtype), (shape(&[m]), DType::I64)],
            Task::Qr { columns } => {
                vec![(shape(&[m, n]), dtype), (shape(&[k]), dtype), (shape(&[m, columns]), dtype)]
            }
            Task::Svd { vectors } => {
                let mut made = vec![(shape(&[k]), real)];
                if let Some(is_full) = vectors {
                    let [left, right] = if is_full { [m, n] } else { [k, k] };
                    made.extend([(shape(&[m, left]), dtype), (shape(&[right, n]), dtype)]);
                }
                made
            }
            Task::Hermitian { vectors, .. } => {
                let all = [(shape(&[n]), real), (shape(&[n, n]), dtype)];
                all[..1 + usize::from(vectors)].to_vec()
            }
            Task::Eigen { vectors } => {
                let all = [(shape(&[n]), complex), (shape(&[n, n]), complex)];
                all[..1 + usize::from(vectors)].to_vec()
            }
        }
    }
}

/// What the task makes of each matrix along the last two axes of `a`, of a type of floating-point numbers; `b` is of the same
/// type and has the same axes before the last two. Collective. `numpy.linalg` and parts of `scipy.linalg`.
///
/// # Errors
/// `ValueError` for shapes that don't fit, `TypeError` for other types, `LinAlgError` if one of the matrices admits no answer: it is
/// singular, not positive definite, or holds NaN or infinities where values are iterated for.
///
/// ```
/// use gain::Array;
/// use gain::linalg::{Task, decompose};
/// let a = Array::from_slice(&[2, 2], &[4.0, 1.0, 2.0, 3.0])?;
/// let b = Array::from_slice(&[2, 1], &[6.0, 8.0])?;
/// let x = decompose(Task::Solve, &a, Some(&b))?.remove(0);
/// assert_eq!(x.to_vec::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), gain::Error>(())
/// ```
pub fn decompose(task: Task, a: &Array, b: Option<&Array>) -> Result<Vec<Array>> {
    let _turn = session::take_turn(task.name())?;
    let shape = |text: String| Error::new(Kind::Shape, format!("{}: {text}", task.name()));
    let axes = a.ndim().checked_sub(2).ok_or_else(|| shape("a matrix has two axes".into()))?;
    let size @ [m, n] = [a.shape()[axes], a.shape()[axes + 1]];
    if task.is_square() && m != n {
        return Err(shape(format!("{m} x {n} is not square")));
    }
    if b.is_some() != task.takes_two() {
        return Err(shape("operands of another task".into()));
    }
    if let Some(b) = b
        && (b.ndim() != axes + 2 || b.shape()[..axes + 1] != a.shape()[..axes + 1] || b.dtype() != a.dtype())
    {
        return Err(shape(format!("{} beside {}", shape_text(b.shape()), shape_text(a.shape()))));
    }
    match a.dtype() {
        DType::F32 => stack::run::<f32>(task, a, b, size),
        DType::F64 => stack::run::<f64>(task, a, b, size),
        DType::C64 => stack::run::<crate::dtype::Complex32>(task, a, b, size),
        DType::C128 => stack::run::<crate::dtype::Complex64>(task, a, b, size),
        other => Err(Error::new(Kind::Type, format!("array type {other} is unsupported in linalg"))),
    }
}
