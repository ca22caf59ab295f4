//! Options that are on or off, of whatever Python takes for true or false: not of bools alone, as PyO3 takes them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

/// An option: on if the object is true.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flag(pub(crate) bool);

impl FromPyObject<'_, '_> for Flag {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Flag> {
        object.is_truthy().map(Flag)
    }
}

/// `keepdims=`: what fits C's `int`. NumPy's own bools aren't integers, and are refused.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keep(pub(crate) bool);

impl FromPyObject<'_, '_> for Keep {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Keep> {
        match object.cast::<PyBool>() {
            Ok(is_kept) => Ok(Keep(is_kept.is_true())),
            Err(_) => object.extract::<i32>().map(|n| Keep(n != 0)),
        }
    }
}

/// `copy=` where `None` is as needed. Texts, each of which would be true, are refused.
#[derive(Clone, Copy, Default)]
pub(crate) struct Copying(pub(crate) Option<bool>);

impl FromPyObject<'_, '_> for Copying {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Copying> {
        if object.is_instance_of::<PyString>() {
            let text = "strings are not allowed for 'copy' keyword. Use True/False/None instead.";
            return Err(PyValueError::new_err(text));
        }
        if object.is_none() { Ok(Copying(None)) } else { object.is_truthy().map(|copy| Copying(Some(copy))) }
    }
}
