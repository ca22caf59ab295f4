//! Errors of `gain` as the exceptions NumPy raises. One kind, one exception; the text is passed on as it is.

use crate::numpy::Numpy;
use gain::error::Kind;
use pyo3::exceptions::{
    PyBaseException, PyIndexError, PyMemoryError, PyOverflowError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;

pyo3::create_exception!(
    gain,
    Elsewhere,
    PyBaseException,
    "Elements are wanted that a server has. Not an `Exception`: no code on the way from where they are wanted takes it for its own."
);

/// The Python exception for an error of `gain`.
pub(crate) fn exception(error: gain::Error) -> PyErr {
    let text = error.message().to_owned();
    match error.kind() {
        Kind::Index => PyIndexError::new_err(text),
        Kind::Axis => numpys("exceptions", "AxisError", text),
        // A missing loop is an error of the same class.
        Kind::Type if text.contains("did not contain a loop") => {
            numpys("_core._exceptions", "UFuncTypeError", text)
        }
        Kind::Casting => numpys("_core._exceptions", "UFuncTypeError", text),
        Kind::Type => PyTypeError::new_err(text),
        Kind::LinAlg => numpys("linalg", "LinAlgError", text),
        Kind::Overflow => PyOverflowError::new_err(text),
        Kind::Memory => PyMemoryError::new_err(text),
        Kind::Elsewhere => Elsewhere::new_err(text),
        Kind::Runtime | Kind::Mismatch => PyRuntimeError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}

/// An exception class of NumPy that Python has no equal of.
fn numpys(module: &str, class: &str, text: String) -> PyErr {
    Python::attach(|py| {
        let found = py.import(format!("numpy.{module}")).and_then(|module| module.getattr(class));
        match found.and_then(|class| class.call1((text.as_str(),))) {
            Ok(value) => PyErr::from_value(value),
            Err(_) => PyTypeError::new_err(text),
        }
    })
}

/// `?` on results of `gain`.
pub(crate) trait OrRaise<T> {
    /// The value, or the Python exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for gain::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(exception)
    }
}

/// Fails with NumPy's own words: evaluates `numpy.<function>(*arguments)`, which is expected to raise.
pub(crate) fn ask_numpy(py: Python<'_>, function: &str, arguments: Vec<Bound<'_, PyAny>>) -> PyErr {
    let asked = Numpy::attribute(py, function)
        .and_then(|function| function.call1(pyo3::types::PyTuple::new(py, arguments)?));
    match asked {
        Err(error) => error,
        Ok(_) => PyTypeError::new_err(format!("gain's {function} does not take operands of these types")),
    }
}
