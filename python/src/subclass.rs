//! Subclasses of `ndarray` written in Python: `__new__`, and results of the class of what they were made from.
//!
//! An array that Rust made becomes an instance of a subclass by a call of `ndarray.__new__` with a [`Handoff`] in the
//! place of the shape; then `__array_finalize__` sees what it was made from, as in NumPy.

use crate::creation::shape_of;
use crate::error::OrRaise;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::views::layout;
use gain::Layout;
use gain::{Array, DType};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use std::sync::{Mutex, PoisonError};

/// An array on its way into an instance.
#[pyclass(module = "gain", frozen)]
struct Handoff {
    made: Mutex<Option<NdArray>>,
}

/// `made`, as an instance of the class of `from`, from which it was made.
pub(crate) fn like<'py>(from: &Bound<'py, NdArray>, made: NdArray) -> PyResult<Bound<'py, NdArray>> {
    if from.is_exact_instance_of::<NdArray>() {
        return Bound::new(from.py(), made);
    }
    of_class(&from.get_type(), made, from)
}

/// `made`, as an instance of `class`.
pub(crate) fn of_class<'py>(
    class: &Bound<'py, PyType>,
    made: NdArray,
    from: &Bound<'py, NdArray>,
) -> PyResult<Bound<'py, NdArray>> {
    let py = class.py();
    let handoff = Bound::new(py, Handoff { made: Mutex::new(Some(made)) })?;
    let instance = py.get_type::<NdArray>().getattr("__new__")?.call1((class, handoff))?;
    let finalize = instance.getattr("__array_finalize__")?;
    if !finalize.is_none() {
        finalize.call1((from,))?;
    }
    Ok(instance.cast_into()?)
}

/// # Construction
#[pymethods]
impl NdArray {
    /// `numpy.ndarray(...)`: over the memory of a buffer, read-only if the buffer is.
    #[new]
    #[pyo3(signature = (shape, dtype = None, buffer = None, offset = 0, strides = None, order = None))]
    fn new_instance(
        shape: &Bound<'_, PyAny>,
        dtype: Option<&Bound<'_, PyAny>>,
        buffer: Option<&Bound<'_, PyAny>>,
        offset: isize,
        strides: Option<&Bound<'_, PyAny>>,
        order: Option<&str>,
    ) -> PyResult<NdArray> {
        if let Ok(handoff) = shape.cast::<Handoff>() {
            let made = handoff.get().made.lock().unwrap_or_else(PoisonError::into_inner).take();
            return made.ok_or_else(|| PyTypeError::new_err("this array has its instance already"));
        }
        let order = layout(order, Layout::C)?;
        let py = shape.py();
        let element = match dtype {
            Some(dtype) => Numpy::parse_dtype(dtype)?.unwrap_or(DType::F64),
            None => DType::F64,
        };
        let buffer = buffer.filter(|buffer| !buffer.is_none());
        if buffer.is_some() || strides.is_some_and(|strides| !strides.is_none()) {
            // What is wrong with these NumPy knows.
            let given = PyDict::new(py);
            given.set_item("buffer", buffer)?;
            given.set_item("offset", offset)?;
            given.set_item("strides", strides)?;
            let object = Numpy::dtype_object(py, element);
            given.set_item("order", if order == Layout::F { "F" } else { "C" })?;
            let theirs = Numpy::get(py).ndarray.bind(py).call((shape, object), Some(&given))?;
            return crate::memory::over_made(&theirs, None);
        }
        let mut shape = shape_of(shape)?;
        if order != Layout::F {
            return Array::empty(&shape, element).or_raise().map(NdArray::new);
        }
        shape.reverse();
        let made = Array::empty(&shape, element).or_raise()?;
        Ok(NdArray::new(made.transpose(None).or_raise()?))
    }

    /// Called on a new instance of a subclass with what it was made from; this one does nothing.
    fn __array_finalize__(&self, _from: &Bound<'_, PyAny>) {}

    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.getattr("GenericAlias")?.call1((class, item))
    }
}
