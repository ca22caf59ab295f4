//! Searching in sorted arrays and counting in bins: what `numpy.searchsorted` and its like do once their arguments are arrays.

// What #[pymethods] writes inside a macro of ours calls unsafe functions without a block of its own.
#![allow(unsafe_op_in_unsafe_fn)]

use crate::convert::{compute, required, result};
use crate::ndarray::NdArray;
use gain::dtype::Complex64;
use gain::{Array, DType, Scalar, Side};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyComplex, PyString};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// `numpy.searchsorted`
#[pyfunction]
fn searchsorted<'py>(
    a: &Bound<'py, PyAny>,
    v: &Bound<'py, PyAny>,
    side: &Bound<'py, PyAny>,
    sorter: Option<&Bound<'py, PyAny>>,
) -> Object<'py> {
    let py = a.py();
    let side = side_of(side)?;
    let (table, needles) = (required(a, "asarray")?.into_array()?, required(v, "asarray")?.into_array()?);
    let sorter = sorter.map(|sorter| required(sorter, "asarray")?.into_array()).transpose()?;
    if sorter.as_ref().is_some_and(|sorter| sorter.dtype() == DType::U64) {
        return Err(PyValueError::new_err("could not parse sorter argument"));
    }
    let found = compute(py, &[&table, &needles], || table.searchsorted(&needles, side, sorter.as_ref()))?;
    result(py, found)
}

#[pymethods]
impl NdArray {
    #[pyo3(name = "searchsorted", signature = (v, side = None, sorter = None), text_signature = "($self, v, side='left', sorter=None)")]
    fn place_of<'py>(
        slf: &Bound<'py, Self>,
        v: &Bound<'py, PyAny>,
        side: Option<&Bound<'py, PyAny>>,
        sorter: Option<&Bound<'py, PyAny>>,
    ) -> Object<'py> {
        let left = PyString::intern(slf.py(), "left").into_any();
        searchsorted(slf.as_any(), v, side.unwrap_or(&left), sorter)
    }
}

/// `side=`
fn side_of(object: &Bound<'_, PyAny>) -> PyResult<Side> {
    let name = match (object.cast::<PyString>(), object.cast::<PyBytes>()) {
        (Ok(text), _) => text.to_cow()?.into_owned(),
        (_, Ok(bytes)) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
        _ => {
            let class = object.get_type().name()?;
            return Err(PyTypeError::new_err(format!("search side must be str, not {class}")));
        }
    };
    match &name[..] {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        _ if name.starts_with(['l', 'L', 'r', 'R']) => {
            Err(PyValueError::new_err("search side must be one of 'left' or 'right'"))
        }
        _ => Err(PyValueError::new_err(format!("search side must be 'left' or 'right' (got '{name}')"))),
    }
}

/// `numpy.digitize`
#[pyfunction]
fn digitize<'py>(x: &Bound<'py, PyAny>, bins: &Bound<'py, PyAny>, right: bool) -> Object<'py> {
    let py = x.py();
    let (x, bins) = (required(x, "asarray")?.into_array()?, required(bins, "asarray")?.into_array()?);
    result(py, compute(py, &[&x, &bins], || x.digitize(&bins, right))?)
}

/// `numpy.interp` of arrays, without a period.
#[pyfunction]
fn interp<'py>(
    x: &Bound<'py, PyAny>,
    places: &Bound<'py, PyAny>,
    values: &Bound<'py, PyAny>,
    left: Option<&Bound<'py, PyAny>>,
    right: Option<&Bound<'py, PyAny>>,
) -> Object<'py> {
    let py = x.py();
    let array = |object| required(object, "asarray")?.into_array();
    let (values, places, x) = (array(values)?, array(places)?, array(x)?);
    let is_complex = matches!(values.dtype(), DType::C64 | DType::C128);
    let end = |given: Option<&Bound<'py, PyAny>>| given.map(|x| number(x, is_complex)).transpose();
    let outside = [end(left)?, end(right)?];
    result(py, compute(py, &[&x, &places, &values], || x.interp(&places, &values, outside))?)
}

/// A double, or a complex number.
fn number(object: &Bound<'_, PyAny>, is_complex: bool) -> PyResult<Scalar> {
    match object.cast::<PyComplex>() {
        Ok(x) if is_complex => Ok(Scalar::C128(Complex64::new(x.real(), x.imag()))),
        _ => object.extract().map(Scalar::F64),
    }
}

/// An array among the arguments.
fn given(array: Option<&Bound<'_, NdArray>>) -> PyResult<Option<Array>> {
    array.map(|array| Ok(array.try_borrow()?.array.clone())).transpose()
}

/// `numpy.bincount` of an array of integers.
#[pyfunction]
#[pyo3(signature = (x, weights, least))]
fn bincount<'py>(
    x: &Bound<'py, NdArray>,
    weights: Option<&Bound<'py, NdArray>>,
    least: usize,
) -> Object<'py> {
    let (py, x, weights) = (x.py(), x.try_borrow()?.array.clone(), given(weights)?);
    result(py, compute(py, &[&x], || x.bincount(weights.as_ref(), least))?)
}

/// How many elements of an array lie between edges, or what their weights come to.
#[pyfunction]
#[pyo3(signature = (x, edges, are_equal, weights))]
fn histogram<'py>(
    x: &Bound<'py, NdArray>,
    edges: &Bound<'py, NdArray>,
    are_equal: bool,
    weights: Option<&Bound<'py, NdArray>>,
) -> Object<'py> {
    let (py, x, edges) = (x.py(), x.try_borrow()?.array.clone(), edges.try_borrow()?.array.clone());
    let weights = given(weights)?;
    result(py, compute(py, &[&x, &edges], || x.histogram(&edges, are_equal, weights.as_ref()))?)
}

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(searchsorted, module)?)?;
    module.add_function(wrap_pyfunction!(digitize, module)?)?;
    module.add_function(wrap_pyfunction!(interp, module)?)?;
    module.add_function(wrap_pyfunction!(bincount, module)?)?;
    module.add_function(wrap_pyfunction!(histogram, module)?)
}
