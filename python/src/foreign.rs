//! Objects of other libraries beside ours: whose rules hold.
//!
//! Decided before anything is converted, by what the object's class says of itself, in NumPy's order: `__array_ufunc__`
//! first (`None`: operators leave it to the object; one of its own: the ufunc is its affair), then
//! `__array_priority__`. A subclass of NumPy's array that has no `__array_ufunc__` of its own (`numpy.ma.MaskedArray`,
//! `numpy.matrix`) carries more than elements, unless it ranks itself below plain arrays (`numpy.memmap`).

use crate::flat::FlatIter;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyFloat, PyInt, PyList, PyString, PyTuple};

/// What stands beside one of our arrays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stance {
    /// Ours, a number, or elements and nothing else: converted.
    Plain,
    /// A subclass of NumPy's array with rules of its own.
    Subclass,
    /// `__array_ufunc__ = None`: takes part in no ufunc.
    Refuses,
    /// `__array_ufunc__` of its own.
    Overrides,
    /// No `__array_ufunc__`, but a higher `__array_priority__`: operators leave it to the object.
    Outranks,
}

/// The stance of `object`.
pub(crate) fn stance(object: &Bound<'_, PyAny>) -> PyResult<Stance> {
    let exact = object.is_exact_instance_of::<NdArray>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyInt>();
    if exact { Ok(Stance::Plain) } else { rare(object) }
}

#[inline(never)]
fn rare(object: &Bound<'_, PyAny>) -> PyResult<Stance> {
    let (py, class) = (object.py(), object.get_type());
    let numpy = Numpy::get(py);
    let plain = class.is(numpy.ndarray.bind(py))
        || object.is_exact_instance_of::<PyList>()
        || object.is_exact_instance_of::<PyTuple>()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyComplex>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyBytes>()
        || object.is_exact_instance_of::<FlatIter>()
        || object.is_none()
        || object.is_instance(numpy.generic.bind(py))?;
    if plain {
        return Ok(Stance::Plain);
    }
    let name = intern!(py, "__array_ufunc__");
    match class.getattr(name) {
        Ok(own) if own.is_none() => return Ok(Stance::Refuses),
        Ok(own) if own.is(py.get_type::<NdArray>().getattr(name)?) => return Ok(Stance::Plain),
        Ok(own) if own.is(numpy.ndarray.bind(py).getattr(name)?) => {
            return Ok(if priority(object) < 0.0 { Stance::Plain } else { Stance::Subclass });
        }
        Ok(_) => return Ok(Stance::Overrides),
        Err(_) => {}
    }
    Ok(if priority(object) > 0.0 { Stance::Outranks } else { Stance::Plain })
}

fn priority(object: &Bound<'_, PyAny>) -> f64 {
    let own = object.getattr(intern!(object.py(), "__array_priority__"));
    own.and_then(|own| own.extract()).unwrap_or(-1e6)
}

/// NumPy's text for an operand that takes part in no ufunc.
pub(crate) fn refusal(object: &Bound<'_, PyAny>) -> PyErr {
    match object.get_type().name() {
        Ok(name) => {
            PyTypeError::new_err(format!("operand '{name}' does not support ufuncs (__array_ufunc__=None)"))
        }
        Err(error) => error,
    }
}

/// The stance by name, for the package.
#[pyfunction]
#[pyo3(name = "stance")]
pub(crate) fn stance_name(object: &Bound<'_, PyAny>) -> PyResult<&'static str> {
    Ok(match stance(object)? {
        Stance::Plain => "plain",
        Stance::Subclass => "subclass",
        Stance::Refuses => "refuses",
        Stance::Overrides => "overrides",
        Stance::Outranks => "outranks",
    })
}
