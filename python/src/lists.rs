//! Lists of Python numbers, in and out, without a NumPy array between: of one kind of numbers in, of few elements out.
//!
//! What NumPy has rules for (mixtures, nesting that doesn't fit, integers beyond 64 bits) is left to it.

use crate::convert::compute;
use gain::{Array, DType, Scalar};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyList};

/// Most axes that a list is read for, and most elements that one is made for.
const AXES: usize = 3;
const FEW: usize = 128;

/// The array of a list of floats, or of ints; or of lists of such, of one length. `None` of others.
pub(crate) fn read(list: &Bound<'_, PyList>) -> PyResult<Option<Array>> {
    let mut shape = vec![list.len()];
    let mut first = list.get_item(0).ok();
    while let Some(item) = first {
        match item.cast_exact::<PyList>() {
            Ok(inner) if shape.len() < AXES => {
                shape.push(inner.len());
                first = inner.get_item(0).ok();
            }
            _ if item.is_exact_instance_of::<PyFloat>() => {
                let float = |item: &Bound<'_, PyAny>| item.cast_exact::<PyFloat>().ok().map(|x| x.value());
                return made(list, &shape, float);
            }
            _ if item.is_exact_instance_of::<PyInt>() => {
                let int = |item: &Bound<'_, PyAny>| item.cast_exact::<PyInt>().ok()?.extract::<i64>().ok();
                return made(list, &shape, int);
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn made<T: gain::Element>(
    list: &Bound<'_, PyList>,
    shape: &[usize],
    number: impl Fn(&Bound<'_, PyAny>) -> Option<T> + Copy,
) -> PyResult<Option<Array>> {
    let mut elements = Vec::new();
    match gather(list, shape, number, &mut elements) {
        Some(()) => compute(list.py(), &[], || Array::from_slice(shape, &elements)).map(Some),
        None => Ok(None),
    }
}

fn gather<T>(
    list: &Bound<'_, PyList>,
    shape: &[usize],
    number: impl Fn(&Bound<'_, PyAny>) -> Option<T> + Copy,
    elements: &mut Vec<T>,
) -> Option<()> {
    if list.len() != shape[0] {
        return None;
    }
    for item in list.iter() {
        match &shape[1..] {
            [] => elements.push(number(&item)?),
            inner => gather(item.cast_exact::<PyList>().ok()?, inner, number, elements)?,
        }
    }
    Some(())
}

/// `array.tolist()` of few elements and at least one axis; `None` of others. Collective.
pub(crate) fn written<'py>(py: Python<'py>, array: &Array) -> PyResult<Option<Bound<'py, PyAny>>> {
    if array.size() > FEW || array.ndim() == 0 {
        return Ok(None);
    }
    let (dtype, item) = (array.dtype(), array.dtype().size_bytes());
    let mut bytes = vec![0; array.size() * item];
    compute(py, &[array], || array.copy_to_bytes(&mut bytes))?;
    nested(py, dtype, array.shape(), &bytes).map(Some)
}

fn nested<'py>(py: Python<'py>, dtype: DType, shape: &[usize], bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let Some((&len, inner)) = shape.split_first() else {
        return number(py, Scalar::from_bytes(dtype, bytes));
    };
    if inner.is_empty() {
        // (The usual types, each element in its own way.)
        let words = bytes.chunks_exact(8).map(|word| word.try_into().expect("8 bytes"));
        match dtype {
            DType::F64 => return Ok(PyList::new(py, words.map(f64::from_ne_bytes))?.into_any()),
            DType::I64 => return Ok(PyList::new(py, words.map(i64::from_ne_bytes))?.into_any()),
            _ => {}
        }
    }
    let size = inner.iter().product::<usize>() * dtype.size_bytes();
    let items = (0..len).map(|i| nested(py, dtype, inner, &bytes[i * size..(i + 1) * size]));
    let items = items.collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, items)?.into_any())
}

/// `scalar.item()`
fn number(py: Python<'_>, x: Scalar) -> PyResult<Bound<'_, PyAny>> {
    match x {
        Scalar::Bool(x) => x.into_bound_py_any(py),
        Scalar::F16(_) | Scalar::F32(_) | Scalar::F64(_) => x.as_f64().into_bound_py_any(py),
        Scalar::C64(_) | Scalar::C128(_) => {
            let z = x.as_c128();
            Ok(PyComplex::from_doubles(py, z.re, z.im).into_any())
        }
        Scalar::U64(x) => x.into_bound_py_any(py),
        _ => x.as_i64().into_bound_py_any(py),
    }
}
