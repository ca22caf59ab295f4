//! Sorting: the parts of NumPy's functions whose calls should cost little.

use crate::convert::compute;
use crate::ndarray::NdArray;
use gain::Array;
use pyo3::prelude::*;

/// What a call gives as an array of Python's.
fn made<'py>(
    array: &Bound<'py, NdArray>,
    work: impl FnOnce(&Array) -> gain::Result<Array> + Send,
) -> PyResult<Bound<'py, NdArray>> {
    let py = array.py();
    let array = array.try_borrow()?.array.clone();
    let made = compute(py, &[&array], || work(&array))?;
    Bound::new(py, NdArray::new(made))
}

/// `numpy.sort`, or with places `numpy.partition`.
#[pyfunction]
fn sorted<'py>(
    array: &Bound<'py, NdArray>,
    axis: isize,
    places: Option<Vec<isize>>,
) -> PyResult<Bound<'py, NdArray>> {
    made(array, |array| array.sorted(axis, places.as_deref()))
}

/// `numpy.argsort`, or with places `numpy.argpartition`.
#[pyfunction]
fn argsorted<'py>(
    array: &Bound<'py, NdArray>,
    axis: isize,
    places: Option<Vec<isize>>,
) -> PyResult<Bound<'py, NdArray>> {
    made(array, |array| array.argsorted(axis, places.as_deref()))
}

/// The elements that belong at these places, ascending, of the order of all.
#[pyfunction]
fn selected<'py>(array: &Bound<'py, NdArray>, places: Vec<usize>) -> PyResult<Bound<'py, NdArray>> {
    made(array, |array| array.selected(&places))
}

/// `numpy.unique` of few elements of one axis; None of others.
#[pyfunction]
fn distinct_now<'py>(array: &Bound<'py, NdArray>, equal_nan: bool) -> PyResult<Option<Bound<'py, NdArray>>> {
    let py = array.py();
    let array = array.try_borrow()?.array.clone();
    let made = compute(py, &[&array], || array.distinct_now(equal_nan))?;
    made.map(|made| Bound::new(py, NdArray::new(made))).transpose()
}

/// `numpy.isin`, of arrays of one type, the second of one axis.
#[pyfunction]
fn is_among<'py>(
    array: &Bound<'py, NdArray>,
    others: &Bound<'py, NdArray>,
    is_wanted: bool,
) -> PyResult<Bound<'py, NdArray>> {
    let others = others.try_borrow()?.array.clone();
    made(array, |array| array.is_among(&others, is_wanted))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sorted, module)?)?;
    module.add_function(wrap_pyfunction!(argsorted, module)?)?;
    module.add_function(wrap_pyfunction!(distinct_now, module)?)?;
    module.add_function(wrap_pyfunction!(is_among, module)?)?;
    module.add_function(wrap_pyfunction!(selected, module)?)
}
