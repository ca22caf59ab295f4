//! Lists (and tuples) of Python numbers, in and out, without a NumPy array between: of floats and ints in, of few elements out.
//!
//! What NumPy has rules for (other types, nesting that doesn't fit, integers beyond 64 bits) is left to it.

use crate::convert::compute;
use gain::{Array, DType, Scalar};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyList, PyTuple};

/// Most axes that a list is read for, and most elements that one is made for.
const AXES: usize = 3;
const FEW: usize = 128;

/// The array of a list or tuple of floats and ints, or of such of one length, with elements of type `wanted` or NumPy's choice; `None` of others.
pub(crate) fn read(list: &Bound<'_, PyAny>, wanted: Option<DType>) -> PyResult<Option<Array>> {
    let mut shape = Vec::new();
    let mut first = list.clone();
    while let Some((len, inner)) = within(&first) {
        if shape.len() == AXES {
            return Ok(None);
        }
        shape.push(len);
        match inner {
            Some(inner) => first = inner,
            None => return Ok(None),
        }
    }
    let is_int = first.is_exact_instance_of::<PyInt>();
    if !is_int && !first.is_exact_instance_of::<PyFloat>() {
        return Ok(None);
    }
    if wanted.is_none_or(|dtype| dtype == DType::I64)
        && is_int
        && let Some(array) = made(list, &shape, int)?
    {
        return Ok(Some(array));
    }
    match wanted {
        None | Some(DType::F64) => made(list, &shape, float),
        Some(_) => Ok(None),
    }
}

fn int(item: &Bound<'_, PyAny>) -> Option<i64> {
    item.cast_exact::<PyInt>().ok()?.extract().ok()
}

/// (An int that has 64 bits is rounded as Python does.)
fn float(item: &Bound<'_, PyAny>) -> Option<f64> {
    item.cast_exact::<PyFloat>().map(|x| x.value()).ok().or_else(|| int(item).map(|x| x as f64))
}

/// Length and first item of a list or tuple; `None` of anything else, subclasses among it.
fn within<'py>(object: &Bound<'py, PyAny>) -> Option<(usize, Option<Bound<'py, PyAny>>)> {
    if let Ok(list) = object.cast_exact::<PyList>() {
        return Some((list.len(), list.get_item(0).ok()));
    }
    let tuple = object.cast_exact::<PyTuple>().ok()?;
    Some((tuple.len(), tuple.get_item(0).ok()))
}

fn made<T: gain::Element>(
    list: &Bound<'_, PyAny>,
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
    list: &Bound<'_, PyAny>,
    shape: &[usize],
    number: impl Fn(&Bound<'_, PyAny>) -> Option<T> + Copy,
    elements: &mut Vec<T>,
) -> Option<()> {
    let [len, inner @ ..] = shape else {
        elements.push(number(list)?);
        return Some(());
    };
    if let Ok(list) = list.cast_exact::<PyList>() {
        let is_regular = list.len() == *len;
        is_regular.then(|| list.iter().try_for_each(|item| gather(&item, inner, number, elements)))?
    } else {
        let tuple = list.cast_exact::<PyTuple>().ok()?;
        let is_regular = tuple.len() == *len;
        is_regular.then(|| tuple.iter().try_for_each(|item| gather(&item, inner, number, elements)))?
    }
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
