//! Factorizations as one function of a task's name and its flags; what NumPy and SciPy call them is Python's.

use crate::convert::compute;
use crate::ndarray::NdArray;
use gain::Array;
use gain::linalg::{Task, decompose};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// What the task makes of each matrix of a stack, as a tuple of arrays.
#[pyfunction]
#[pyo3(signature = (task, flags, a, b = None))]
fn factorized<'py>(
    task: &str,
    flags: Vec<i64>,
    a: &Bound<'py, NdArray>,
    b: Option<&Bound<'py, NdArray>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = a.py();
    let flag = |k: usize| flags.get(k).copied().unwrap_or(0);
    let task = match task {
        "solve" => Task::Solve,
        "inv" => Task::Inverse,
        "det" => Task::Determinant,
        "cholesky" => Task::Cholesky { is_upper: flag(0) != 0 },
        "lu" => Task::Lu,
        "qr" => Task::Qr { columns: flag(0) as usize },
        "svd" => Task::Svd { vectors: (flag(0) != 0).then(|| flag(1) != 0) },
        "eigh" => Task::Hermitian { is_upper: flag(0) != 0, vectors: flag(1) != 0 },
        "eig" => Task::Eigen { vectors: flag(0) != 0 },
        "triangular" => Task::Triangular {
            is_lower: flag(0) != 0,
            is_unit: flag(1) != 0,
            is_transposed: flag(2) != 0,
            is_conjugated: flag(3) != 0,
        },
        _ => return Err(PyValueError::new_err(format!("no task {task}"))),
    };
    let a = a.try_borrow()?.array.clone();
    let b = b.map(|b| b.try_borrow().map(|b| b.array.clone())).transpose()?;
    let operands: Vec<&Array> = std::iter::once(&a).chain(&b).collect();
    let made = compute(py, &operands, || decompose(task, &a, b.as_ref()))?;
    let made = made.into_iter().map(|array| Bound::new(py, NdArray::new(array)));
    PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(factorized, module)?)
}
