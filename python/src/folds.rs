//! Methods of the ufuncs of two inputs: `accumulate`, `reduceat`, `outer`, `at`; and what a ufunc tells of itself.

// What #[pymethods] writes inside a macro of ours calls unsafe functions without a block of its own.
#![allow(unsafe_op_in_unsafe_fn)]

use crate::convert::{compute, required, result};
use crate::error::exception;
use crate::index::invalid;
use crate::ndarray::{NdArray, axes};
use crate::number::of_class_of;
use crate::numpy::Numpy;
use crate::pick::Picks;
use crate::reduce::{beside_out, out};
use crate::ufunc::{Axis, Ufunc};
use gain::error::Kind;
use gain::{Array, Op};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Refuses what has not two inputs and one output.
pub(crate) fn binary(op: Op, method: &str) -> PyResult<()> {
    match (op.inputs(), op.outputs()) {
        (2, 1) => Ok(()),
        (2, _) => Err(PyValueError::new_err(format!(
            "{method} only supported for functions returning a single value"
        ))),
        _ => Err(PyValueError::new_err(format!("{method} only supported for binary functions"))),
    }
}

/// The one axis of `accumulate` and `reduceat`.
fn one_axis(axis: Axis<'_>, array: &Array, method: &str) -> PyResult<isize> {
    let several = || PyValueError::new_err(format!("{method} does not allow multiple axes"));
    match axis {
        Axis::Number(axis) => Ok(axis),
        Axis::Other(object) => match axes(Some(&object))? {
            None if array.ndim() <= 1 => Ok(0),
            None => Err(several()),
            Some(axes) => {
                let ndim = array.ndim() as isize;
                if let Some(axis) = axes.iter().find(|axis| !(-ndim..ndim).contains(axis)) {
                    return Err(no_such_axis(*axis, array.ndim()));
                }
                if axes.len() == 1 { Ok(axes[0]) } else { Err(several()) }
            }
        },
    }
}

#[pymethods]
impl Ufunc {
    #[pyo3(signature = (array, axis = Axis::Number(0), dtype = None, out = None))]
    fn accumulate<'py>(
        &self,
        py: Python<'py>,
        array: &Bound<'py, PyAny>,
        axis: Axis<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> Object<'py> {
        binary(self.op, "accumulate")?;
        self.along(py, array, None, axis, dtype, out)
    }

    #[pyo3(signature = (array, indices, axis = Axis::Number(0), dtype = None, out = None))]
    fn reduceat<'py>(
        &self,
        py: Python<'py>,
        array: &Bound<'py, PyAny>,
        indices: &Bound<'py, PyAny>,
        axis: Axis<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> Object<'py> {
        binary(self.op, "reduceat")?;
        // (A list of ints, as most are.)
        let plain = indices.is_exact_instance_of::<PyList>().then(|| indices.extract());
        let indices: Vec<i64> = match plain {
            Some(Ok(indices)) => indices,
            _ => {
                let array = py.import("gain._methods")?.getattr("segments")?.call1((indices,))?;
                PyBuffer::<i64>::get(&array)?.to_vec(py)?
            }
        };
        self.along(py, array, Some(indices), axis, dtype, out)
    }

    #[pyo3(signature = (a, b, /, **keywords))]
    fn outer<'py>(
        slf: &Bound<'py, Self>,
        a: &Bound<'py, PyAny>,
        b: &Bound<'py, PyAny>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> Object<'py> {
        if slf.get().op.inputs() != 2 {
            return Err(PyValueError::new_err("outer product only supported for binary functions"));
        }
        slf.py().import("gain._methods")?.getattr("outer")?.call((slf, a, b), keywords)
    }

    #[pyo3(signature = (a, indices, b = None, /))]
    fn at(
        &self,
        py: Python<'_>,
        a: &Bound<'_, PyAny>,
        indices: &Bound<'_, PyAny>,
        b: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let op = self.op;
        if op.outputs() != 1 {
            return Err(PyValueError::new_err("Only single output ufuncs supported at this time"));
        }
        let Ok(handle) = a.cast::<NdArray>() else {
            return Err(PyTypeError::new_err("first operand must be array"));
        };
        match (op.inputs(), b.is_some()) {
            (1, true) => return Err(PyValueError::new_err("second operand provided when ufunc is unary")),
            (2, false) => return Err(PyValueError::new_err("second operand needed for ufunc")),
            (1 | 2, _) => {}
            _ => return Err(PyValueError::new_err("Only unary and binary ufuncs supported at this time")),
        }
        let values = b.map(|b| required(b, op.name())?.into_array()).transpose()?;
        // (Of what is no index at all NumPy has one text here.)
        let picks =
            Picks::parse(indices).map_err(|error| match error.is_instance_of::<PyIndexError>(py) {
                true => invalid(),
                false => error,
            })?;
        let handle = handle.try_borrow()?;
        handle.writable("array is read-only")?;
        let array = &handle.array;
        compute(py, &[array], || array.update_at(op, &picks.items(), values.as_ref()))
    }

    #[getter]
    fn signature(&self) -> Option<&'static str> {
        None
    }

    #[getter]
    fn types<'py>(slf: &Bound<'py, Self>) -> Object<'py> {
        slf.py().import("gain._methods")?.getattr("types")?.call1((Numpy::ufunc(slf.py(), slf.get().op)?,))
    }

    #[getter]
    fn ntypes<'py>(slf: &Bound<'py, Self>) -> PyResult<usize> {
        Ufunc::types(slf)?.len()
    }

    #[getter]
    fn __doc__<'py>(&self, py: Python<'py>) -> Object<'py> {
        Numpy::ufunc(py, self.op)?.getattr("__doc__")
    }

    /// `ufunc.resolve_dtypes`: our loops are NumPy's, so its answer is ours.
    #[pyo3(signature = (*arguments, **keywords))]
    fn resolve_dtypes<'py>(
        &self,
        py: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> Object<'py> {
        Numpy::ufunc(py, self.op)?.getattr("resolve_dtypes")?.call(arguments, keywords)
    }
}

impl Ufunc {
    /// `accumulate`, or `reduceat` with indices.
    fn along<'py>(
        &self,
        py: Python<'py>,
        array: &Bound<'py, PyAny>,
        indices: Option<Vec<i64>>,
        axis: Axis<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        target: Option<&Bound<'py, PyAny>>,
    ) -> Object<'py> {
        let given = array;
        let array = required(array, self.op.name())?.into_array()?;
        let method = if indices.is_some() { "reduceat" } else { "accumulate" };
        let axis = one_axis(axis, &array, method)?;
        if array.ndim() == 0 {
            return Err(match axis {
                0 | -1 => PyTypeError::new_err(format!("cannot {method} on a scalar")),
                _ => no_such_axis(axis, 0),
            });
        }
        let dtype = dtype.map(Numpy::parse_dtype).transpose()?.flatten();
        let target = one_of(target.filter(|object| !object.is_none()))?;
        let handle = out(target.as_ref())?;
        let into = handle.as_ref().map(|handle| &handle.array);
        let op = self.op;
        let dtype = match (dtype, into) {
            (None, Some(into)) => beside_out(py, Some(op), &array, into.dtype())?,
            (dtype, _) => dtype,
        };
        let made = compute(py, &[&array], || match &indices {
            None => array.accumulate(op, axis, dtype, into),
            Some(indices) => array.reduceat(op, indices, axis, dtype, into),
        })?;
        match target {
            Some(object) => Ok(object),
            None => of_class_of(given, result(py, made)?),
        }
    }
}

/// `out=`, also as a tuple of one.
pub(crate) fn one_of<'py>(object: Option<&Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match object {
        Some(object) => match object.extract::<(Bound<'py, PyAny>,)>() {
            Ok((one,)) if object.cast::<pyo3::types::PyTuple>().is_ok() => {
                Ok(Some(one).filter(|one| !one.is_none()))
            }
            _ => Ok(Some(object.clone())),
        },
        None => Ok(None),
    }
}

/// The error of an axis that an array of no axes doesn't have.
pub(crate) fn no_such_axis(axis: isize, ndim: usize) -> PyErr {
    let text = format!("axis {axis} is out of bounds for array of dimension {ndim}");
    exception(gain::Error::new(Kind::Axis, text))
}
