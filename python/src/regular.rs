//! Regular lists of numbers as arrays, and back: arguments and results of kernels.

use compile::Ty;
use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList};

/// A list as its elements.
pub(crate) struct Flat<'py> {
    pub(crate) dims: Vec<usize>,
    pub(crate) array: Bound<'py, PyAny>,
    /// Addresses of the lists in it.
    pub(crate) lists: Vec<usize>,
}

pub(crate) fn flatten<'py>(list: &Bound<'py, PyList>, ty: Ty, ndim: usize) -> PyResult<Option<Flat<'py>>> {
    let mut dims = vec![list.len()];
    let mut first = list.get_item(0).ok();
    while dims.len() < ndim {
        let Some(item) = first else { return Ok(None) };
        let Ok(inner) = item.cast_exact::<PyList>() else { return Ok(None) };
        dims.push(inner.len());
        first = inner.get_item(0).ok();
    }
    let mut lists = Vec::new();
    let array = if ty == Ty::Float {
        let mut values = Vec::with_capacity(dims.iter().product());
        let float = |item: &Bound<'_, PyAny>| item.cast_exact::<PyFloat>().ok().map(|x| x.value());
        if gather(list, &float, &dims, &mut values, &mut lists).is_none() {
            return Ok(None);
        }
        numpy::PyArray1::from_vec(list.py(), values).reshape(&dims[..])?.into_bound_py_any(list.py())?
    } else {
        let mut values = Vec::with_capacity(dims.iter().product());
        let int = |item: &Bound<'_, PyAny>| item.cast_exact::<PyInt>().ok()?.extract::<i64>().ok();
        if gather(list, &int, &dims, &mut values, &mut lists).is_none() {
            return Ok(None);
        }
        numpy::PyArray1::from_vec(list.py(), values).reshape(&dims[..])?.into_bound_py_any(list.py())?
    };
    Ok(Some(Flat { dims, array, lists }))
}

fn gather<T>(
    list: &Bound<'_, PyList>,
    number: &impl Fn(&Bound<'_, PyAny>) -> Option<T>,
    dims: &[usize],
    values: &mut Vec<T>,
    lists: &mut Vec<usize>,
) -> Option<()> {
    if list.len() != dims[0] {
        return None;
    }
    lists.push(list.as_ptr() as usize);
    for item in list.iter() {
        if dims.len() > 1 {
            gather(item.cast_exact::<PyList>().ok()?, number, &dims[1..], values, lists)?;
        } else {
            values.push(number(&item)?);
        }
    }
    Some(())
}

/// Elements of an array of ours, as their bits.
pub(crate) fn words(array: &Bound<'_, PyAny>, ty: Ty) -> PyResult<Vec<i64>> {
    if ty == Ty::Float {
        let values = array.cast::<PyArrayDyn<f64>>()?.to_vec()?;
        return Ok(values.into_iter().map(|value| value.to_bits() as i64).collect());
    }
    Ok(array.cast::<PyArrayDyn<i64>>()?.to_vec()?)
}

pub(crate) fn number(py: Python<'_>, bits: i64, ty: Ty) -> PyResult<Bound<'_, PyAny>> {
    if ty == Ty::Float {
        f64::from_bits(bits as u64).into_bound_py_any(py)
    } else {
        bits.into_bound_py_any(py)
    }
}

pub(crate) fn write_back(
    list: &Bound<'_, PyList>,
    ty: Ty,
    dims: &[usize],
    words: &mut std::slice::Iter<'_, i64>,
) -> PyResult<()> {
    for at in 0..dims[0] {
        if dims.len() > 1 {
            write_back(list.get_item(at)?.cast::<PyList>()?, ty, &dims[1..], words)?;
        } else {
            list.set_item(at, number(list.py(), *words.next().expect("as many as were gathered"), ty)?)?;
        }
    }
    Ok(())
}

pub(crate) fn fresh_list<'py>(
    py: Python<'py>,
    ty: Ty,
    dims: &[usize],
    words: &mut std::slice::Iter<'_, i64>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for _ in 0..dims[0] {
        if dims.len() > 1 {
            list.append(fresh_list(py, ty, &dims[1..], words)?)?;
        } else {
            list.append(number(py, *words.next().expect("an element for each place"), ty)?)?;
        }
    }
    Ok(list)
}
