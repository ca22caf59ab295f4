//! Keys of `a[key]`: basic indexing. ([`crate::pick`] has the others.)

use crate::convert::{self, Value, compute, required};
use crate::error::OrRaise;
use crate::flat::FlatIter;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use gain::view::{Index, Slice};
use gain::{Array, DType, Operand, Scalar};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PyInt, PyList, PySlice, PyTuple};
use smallvec::SmallVec;

/// A parsed key. The default is `...`.
#[derive(Default)]
pub(crate) struct Key {
    /// One per item between the brackets.
    pub(crate) items: SmallVec<[Index; 4]>,
    /// Only integers: where they name every axis the result is an element, not an array of no axes.
    pub(crate) is_element: bool,
}

impl Key {
    /// From what Python passes to `__getitem__`; `None` if not all of it is basic.
    pub(crate) fn parse(key: &Bound<'_, PyAny>) -> PyResult<Option<Key>> {
        let mut items = SmallVec::new();
        match key.cast::<PyTuple>() {
            Ok(tuple) => {
                let mut wrong = None;
                for entry in tuple.iter_borrowed() {
                    match basic(&entry) {
                        Ok(Some(item)) => items.push(item),
                        Ok(None) => return Ok(None),
                        // Bounds of slices are looked at last.
                        Err(error) if entry.is_instance_of::<PySlice>() => wrong = wrong.or(Some(error)),
                        Err(error) => return Err(error),
                    }
                }
                if let Some(error) = wrong {
                    return Err(error);
                }
            }
            Err(_) => match basic(key)? {
                Some(item) => items.push(item),
                None => return Ok(None),
            },
        }
        let is_element = items.iter().all(|item| matches!(item, Index::At(_)));
        Ok(Some(Key { items, is_element }))
    }

    /// As [`Key::parse`], where nothing else will do.
    pub(crate) fn required(key: &Bound<'_, PyAny>) -> PyResult<Key> {
        Key::parse(key)?.ok_or_else(|| {
            PyIndexError::new_err(
                "only integers, slices (`:`), ellipsis (`...`) and None are valid indices here",
            )
        })
    }
}

/// Keys of integers only.
#[inline]
pub(crate) fn coordinates(key: &Bound<'_, PyAny>) -> Option<SmallVec<[isize; 4]>> {
    let mut at = SmallVec::new();
    match key.cast_exact::<PyTuple>() {
        Ok(tuple) => {
            for item in tuple.iter_borrowed() {
                at.push(item.cast_exact::<PyInt>().ok()?.extract().ok()?);
            }
        }
        Err(_) => at.push(key.cast_exact::<PyInt>().ok()?.extract().ok()?),
    }
    Some(at)
}

/// One item between the brackets, if it is a basic one.
pub(crate) fn basic(object: &Bound<'_, PyAny>) -> PyResult<Option<Index>> {
    if let Ok(slice) = object.cast::<PySlice>() {
        return slice_bounds(slice).map(Some);
    }
    if object.cast_exact::<PyInt>().is_ok() {
        return object.extract().map(|at| Some(Index::At(at))).map_err(|_| invalid());
    }
    if object.is_none() {
        return Ok(Some(Index::NewAxis));
    }
    if let Ok(array) = object.cast_exact::<NdArray>()
        && array.try_borrow()?.array.ndim() > 0
    {
        return Ok(None);
    }
    if object.is_instance_of::<PyEllipsis>() {
        return Ok(Some(Index::Ellipsis));
    }
    let is_other = object.is_instance_of::<PyBool>() || object.is_instance_of::<PyList>();
    Ok(if is_other { None } else { object.extract::<isize>().ok().map(Index::At) })
}

/// What NumPy says of an index that is none.
pub(crate) fn invalid() -> PyErr {
    PyIndexError::new_err(
        "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid indices",
    )
}

fn slice_bounds(slice: &Bound<'_, PySlice>) -> PyResult<Index> {
    let (mut start, mut stop, mut step) = (0, 0, 0);
    // SAFETY: `slice` is a live slice object, checked by the cast that made it, and the interpreter's lock is held
    // (it is a `Bound`); the three pointers are to locals. An absent bound comes back as the largest or smallest
    // integer, which resolves to the same index.
    let code = unsafe { pyo3::ffi::PySlice_Unpack(slice.as_ptr(), &mut start, &mut stop, &mut step) };
    if code < 0 {
        return Err(PyErr::fetch(slice.py()));
    }
    Ok(Index::Slice(Slice { start: Some(start), stop: Some(stop), step: Some(step) }))
}

/// `array[key] = value`
pub(crate) fn assign(array: &Array, key: &Key, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let converted = match direct(value)? {
        Some(converted) => within(array, value, converted)?,
        None => as_elements(array, key, value)?,
    };
    let operand = converted.operand();
    if let Operand::Array(value) = operand
        && key.is_element
        && value.ndim() > 0
        && array.index(&key.items).or_raise()?.ndim() == 0
    {
        return Err(match array.dtype() {
            DType::C64 | DType::C128 => {
                PyTypeError::new_err("only 0-dimensional arrays can be converted to Python scalars")
            }
            _ => PyValueError::new_err("setting an array element with a sequence."),
        });
    }
    compute(value.py(), &[array], || array.set(&key.items, operand))
}

/// A value that has a type of its own: one of our arrays, a number, or a NumPy array.
pub(crate) fn direct<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Value<'py>>> {
    let py = value.py();
    let is_ours = value.is_instance_of::<NdArray>() || value.is_instance_of::<FlatIter>();
    if is_ours || value.is_instance(Numpy::get(py).ndarray.bind(py))? {
        return convert::value(value);
    }
    Ok(convert::number(value)?.map(Value::Number))
}

/// `array.fill(value)`: one element, everywhere.
pub(crate) fn fill(array: &Array, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let converted = match direct(value)? {
        Some(converted) => within(array, value, converted)?,
        None => as_element(array, value)?,
    };
    match converted.operand() {
        Operand::Array(value) if value.ndim() > 0 => {
            Err(PyValueError::new_err("setting an array element with a sequence."))
        }
        operand => compute(value.py(), &[array], || array.set(&[], operand)),
    }
}

/// A NumPy scalar on its way into signed integers: NumPy takes its `int()`, which has to be within their range.
fn within<'py>(array: &Array, value: &Bound<'py, PyAny>, converted: Value<'py>) -> PyResult<Value<'py>> {
    let is_signed = matches!(array.dtype(), DType::I8 | DType::I16 | DType::I32 | DType::I64);
    match converted {
        Value::Number(Scalar::PyInt(_) | Scalar::PyFloat(_) | Scalar::PyComplex(_) | Scalar::Bool(_)) => {
            Ok(converted)
        }
        Value::Number(x) if is_signed && x.dtype() != array.dtype() => as_element(array, value),
        _ => Ok(converted),
    }
}

/// What becomes of `value` as one element of the array's type.
fn as_element<'py>(array: &Array, value: &Bound<'py, PyAny>) -> PyResult<Value<'py>> {
    let py = value.py();
    let dtype = Numpy::dtype_object(py, array.dtype());
    let element = Numpy::attribute(py, "empty")?.call1((PyTuple::empty(py), dtype))?;
    element.set_item(PyTuple::empty(py), value)?;
    required(&element.get_item(PyTuple::empty(py))?, "float64")
}

/// Anything else becomes elements of the array's type, as NumPy converts them: one by one, each within its range.
#[cold]
fn as_elements<'py>(array: &Array, key: &Key, value: &Bound<'py, PyAny>) -> PyResult<Value<'py>> {
    let (py, ndim) = (value.py(), array.index(&key.items).or_raise()?.ndim());
    if ndim == 0 {
        return as_element(array, value);
    }
    if let Some(joined) = convert::joined(value, Some(array.dtype()))? {
        return required(joined.as_any(), "float64");
    }
    let made = convert::asarray_as(value, Some(array.dtype()))?;
    let count: usize = made.getattr(pyo3::intern!(py, "ndim"))?.extract()?;
    let is_sequence = value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>();
    if count > ndim && is_sequence {
        return Err(PyValueError::new_err(format!(
            "setting an array element with a sequence. The requested array would exceed the maximum number of dimension of {ndim}."
        )));
    }
    required(&made, "float64")
}
