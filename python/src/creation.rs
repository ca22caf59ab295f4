//! Creation. The package's functions read NumPy's conventions (defaults, shapes); these make the arrays.

use crate::convert::{Value, compute, released, required, value};
use crate::error::ask_numpy;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::views::layout;
use gain::{Array, DType, Layout, Scalar};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(full, module)?)?;
    module.add_function(wrap_pyfunction!(empty, module)?)?;
    module.add_function(wrap_pyfunction!(arange, module)?)?;
    module.add_function(wrap_pyfunction!(linspace, module)?)?;
    module.add_function(wrap_pyfunction!(eye, module)?)?;
    module.add_function(wrap_pyfunction!(indices, module)?)?;
    module.add_function(wrap_pyfunction!(convert, module)?)?;
    module.add_function(wrap_pyfunction!(select, module)?)?;
    module.add_function(wrap_pyfunction!(laid, module)?)?;
    module.add_function(wrap_pyfunction!(memory_order, module)?)?;
    module.add_function(wrap_pyfunction!(joined_order, module)?)?;
    module.add_function(wrap_pyfunction!(element_name, module)?)
}

fn number(object: &Bound<'_, PyAny>) -> PyResult<Scalar> {
    match value(object)? {
        Some(Value::Number(scalar)) => Ok(scalar),
        Some(other) => {
            let array = other.into_array()?;
            compute(object.py(), &[&array], || array.item())
        }
        None => Err(ask_numpy(object.py(), "float64", vec![object.clone()])),
    }
}

fn dtype_or(dtype: &Bound<'_, PyAny>, default: DType) -> PyResult<DType> {
    Ok(Numpy::parse_dtype(dtype)?.unwrap_or(default))
}

#[pyfunction]
fn full(shape: Vec<usize>, fill: &Bound<'_, PyAny>, dtype: &Bound<'_, PyAny>) -> PyResult<NdArray> {
    let (fill_value, dtype) = (number(fill)?, Numpy::parse_dtype(dtype)?);
    released(fill.py(), || Array::full(&shape, fill_value, dtype)).map(NdArray::new)
}

#[pyfunction]
fn empty(py: Python<'_>, shape: Vec<usize>, dtype: &Bound<'_, PyAny>) -> PyResult<NdArray> {
    let dtype = dtype_or(dtype, DType::F64)?;
    released(py, || Array::empty(&shape, dtype)).map(NdArray::new)
}

#[pyfunction]
fn arange(
    py: Python<'_>,
    start: &Bound<'_, PyAny>,
    stop: &Bound<'_, PyAny>,
    step: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
) -> PyResult<NdArray> {
    let (start, stop, step) = (number(start)?, number(stop)?, number(step)?);
    let dtype = Numpy::parse_dtype(dtype)?;
    released(py, || Array::arange(start, stop, step, dtype)).map(NdArray::new)
}

#[pyfunction]
fn linspace(
    py: Python<'_>,
    start: &Bound<'_, PyAny>,
    stop: &Bound<'_, PyAny>,
    num: usize,
    endpoint: bool,
    dtype: &Bound<'_, PyAny>,
) -> PyResult<NdArray> {
    let (start, stop) = (number(start)?, number(stop)?);
    let dtype = Numpy::parse_dtype(dtype)?;
    released(py, || Array::linspace(start, stop, num, endpoint, dtype)).map(NdArray::new)
}

#[pyfunction]
fn eye(py: Python<'_>, rows: usize, columns: usize, k: isize, dtype: &Bound<'_, PyAny>) -> PyResult<NdArray> {
    let dtype = dtype_or(dtype, DType::F64)?;
    released(py, || Array::eye(rows, columns, k, dtype)).map(NdArray::new)
}

#[pyfunction]
fn indices(py: Python<'_>, shape: Vec<usize>, axis: usize) -> PyResult<NdArray> {
    released(py, || Array::indices(&shape, axis)).map(NdArray::new)
}

/// Anything as one of our arrays: itself if it is one, else a new one.
#[pyfunction]
fn convert<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, NdArray>> {
    if let Ok(array) = object.cast::<NdArray>() {
        return Ok(array.clone());
    }
    match value(object)? {
        Some(other) => Bound::new(object.py(), NdArray::new(other.into_array()?)),
        None => {
            let dtype = Numpy::asarray(object)?.getattr("dtype")?;
            Err(PyTypeError::new_err(format!("gain has no arrays of dtype {}", dtype.str()?)))
        }
    }
}

/// A new array, made with its axes as they lie in memory, as the array whose axis `order[i]` is its axis `i`.
#[pyfunction]
fn laid(array: &NdArray, order: Vec<usize>) -> NdArray {
    NdArray::new(array.array.clone().in_order(&order))
}

/// The axes from the outermost in memory to the innermost, as a copy in this order has them; `None` is C order.
#[pyfunction]
fn memory_order(array: &NdArray, order: Option<&str>) -> PyResult<Option<Vec<usize>>> {
    Ok(array.array.order(layout(order, Layout::K)?).map(|axes| axes.to_vec()))
}

/// As [`memory_order`], of an array joined from these, which have as many axes each.
#[pyfunction]
fn joined_order(arrays: Vec<PyRef<'_, NdArray>>) -> Option<Vec<usize>> {
    let arrays: Vec<&Array> = arrays.iter().map(|array| &array.array).collect();
    Array::joined_order(&arrays).map(|axes| axes.to_vec())
}

/// `numpy.where(mask, if_true, if_false)`
#[pyfunction]
fn select(
    py: Python<'_>,
    mask: &Bound<'_, PyAny>,
    if_true: &Bound<'_, PyAny>,
    if_false: &Bound<'_, PyAny>,
) -> PyResult<NdArray> {
    let mask = required(mask, "where")?.into_array()?;
    let (one, two) = (required(if_true, "where")?, required(if_false, "where")?);
    let (one, two) = (one.operand(), two.operand());
    released(py, || {
        let mask =
            if mask.dtype() == DType::Bool { mask } else { mask.astype(DType::Bool, gain::Casting::Unsafe)? };
        Array::select(&mask, one, two)
    })
    .map(NdArray::new)
}

/// The name of the element type that a dtype argument means.
#[pyfunction]
fn element_name(dtype: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    Ok(Numpy::parse_dtype(dtype)?.map(DType::name))
}
