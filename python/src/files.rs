//! Elements in files, and what ranks tell each other of how it went.

use crate::convert::released;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use gain::{Array, Stored};
use numpy::PyUntypedArrayMethods;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

/// A file of Python's, which stays open.
fn file(descriptor: i32) -> ManuallyDrop<File> {
    // SAFETY: the caller has the descriptor open until the function returns, and it is not closed here.
    ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) })
}

/// Tells Python of bytes that were moved.
fn teller(tell: Option<Py<PyAny>>) -> impl FnMut(usize) + Send {
    move |bytes| {
        if let Some(tell) = &tell {
            Python::attach(|py| {
                let told = tell.call1(py, (bytes,));
                if let Err(error) = told {
                    error.write_unraisable(py, None);
                }
            });
        }
    }
}

/// Writes this rank's elements of an array to an open file, from this byte on: raises what went wrong here. Collective.
#[pyfunction]
fn write_own(
    array: &Bound<'_, NdArray>,
    descriptor: i32,
    offset: u64,
    tell: Option<Py<PyAny>>,
) -> PyResult<()> {
    let (py, array) = (array.py(), array.try_borrow()?.array.clone());
    let file = file(descriptor);
    let mut tell = teller(tell);
    let done =
        released(py, || array.write_own(&Stored { file: &*file, offset, is_swapped: false }, &mut tell))?;
    Ok(done?)
}

/// A new array of an open file's elements, of which this rank has read its own, and what went wrong here. Collective.
#[pyfunction]
fn read_own<'py>(
    py: Python<'py>,
    descriptor: i32,
    offset: u64,
    shape: Vec<usize>,
    dtype: &Bound<'py, PyAny>,
    is_swapped: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<(NdArray, Option<Py<PyAny>>)> {
    let dtype = typed(dtype)?;
    let file = file(descriptor);
    let mut tell = teller(tell);
    let (array, done) = released(py, || {
        Array::read_own(&shape, dtype, &Stored { file: &*file, offset, is_swapped }, &mut tell)
    })?;
    let error = done.err().map(|error| PyErr::from(error).into_value(py).into_any());
    Ok((NdArray::new(array), error))
}

pub(crate) fn typed(dtype: &Bound<'_, PyAny>) -> PyResult<gain::DType> {
    Numpy::element_type(dtype)?
        .ok_or_else(|| PyTypeError::new_err(format!("gain has no elements of type {dtype}")))
}

/// The first index of this rank's elements, and these as a NumPy array of one axis. Collective.
#[pyfunction]
fn own_elements<'py>(array: &Bound<'py, NdArray>) -> PyResult<(usize, Bound<'py, PyAny>)> {
    let (py, array) = (array.py(), array.try_borrow()?.array.clone());
    let (range, bytes) = released(py, || array.own_bytes())?;
    let made = Numpy::zeros(py, &[range.len()], array.dtype())?;
    // SAFETY: the array was just created, is known here alone, and has so many bytes.
    unsafe {
        let to = (*made.as_array_ptr()).fields.data.cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
    }
    Ok((range.start, made.into_any()))
}

/// A new array of the ranks' elements, one rank's behind those of the one before; this one's are given as bytes. Collective.
#[pyfunction]
fn of_parts(
    py: Python<'_>,
    shape: Vec<usize>,
    dtype: &Bound<'_, PyAny>,
    start: usize,
    bytes: &Bound<'_, PyBytes>,
) -> PyResult<NdArray> {
    let dtype = typed(dtype)?;
    let bytes = bytes.as_bytes();
    released(py, || Array::of_parts(&shape, dtype, start, bytes)).map(NdArray::new)
}

/// What every rank says, by rank. Collective.
#[pyfunction]
fn everybodys<'py>(py: Python<'py>, mine: &Bound<'py, PyBytes>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let mine = mine.as_bytes();
    let all = released(py, || gain::everybodys(mine))?;
    Ok(all.iter().map(|bytes| PyBytes::new(py, bytes)).collect())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(write_own, module)?)?;
    module.add_function(wrap_pyfunction!(read_own, module)?)?;
    module.add_function(wrap_pyfunction!(own_elements, module)?)?;
    module.add_function(wrap_pyfunction!(of_parts, module)?)?;
    module.add_function(wrap_pyfunction!(everybodys, module)?)
}
