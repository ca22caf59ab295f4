//! Creation. The package's functions read NumPy's conventions (defaults, shapes); these make the arrays.

use crate::convert::{Value, compute, import_as, required, value};
use crate::error::{OrRaise, ask_numpy};
use crate::flag::{Copying, Flag};
use crate::flat::FlatIter;
use crate::lists;
use crate::memory::shared;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::views::layout;
use gain::view::Dims;
use gain::{Array, DType, Layout, Operand, Scalar};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyTuple};

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(extents, module)?)?;
    module.add_function(wrap_pyfunction!(zeros, module)?)?;
    module.add_function(wrap_pyfunction!(ones, module)?)?;
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

/// An overflow of an extent, in NumPy's words.
pub(crate) fn too_many(py: Python<'_>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) {
        return PyValueError::new_err("Maximum allowed dimension exceeded");
    }
    error
}

/// A shape argument: an integer, or a sequence of them. What is wrong with another NumPy says.
pub(crate) fn shape_of(object: &Bound<'_, PyAny>) -> PyResult<Dims> {
    let py = object.py();
    let extent = |object: &Bound<'_, PyAny>| -> PyResult<usize> {
        if object.is_exact_instance_of::<PyBool>() {
            return Err(PyTypeError::new_err("an integer is required"));
        }
        let n = object.extract::<isize>().map_err(|error| too_many(py, error))?;
        usize::try_from(n).map_err(|_| PyValueError::new_err("negative dimensions are not allowed"))
    };
    if object.cast_exact::<PyInt>().is_ok() {
        return Ok(Dims::from_slice(&[extent(object)?]));
    }
    let mut shape = Dims::new();
    if let Ok(tuple) = object.cast::<PyTuple>() {
        for item in tuple.iter_borrowed() {
            match extent(&item) {
                Err(error) if error.is_instance_of::<PyTypeError>(py) => return Err(refused(object, error)),
                found => shape.push(found?),
            }
        }
    } else {
        match extent(object) {
            Ok(n) => shape.push(n),
            Err(error) if !error.is_instance_of::<PyTypeError>(py) => return Err(error),
            Err(error) => {
                let Ok(items) = object.try_iter() else { return Err(refused(object, error)) };
                if object.len().is_err() || object.get_item(0).is_err() && object.len()? > 0 {
                    return Err(refused(object, error));
                }
                for item in items {
                    match extent(&item?) {
                        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                            return Err(refused(object, error));
                        }
                        found => shape.push(found?),
                    }
                }
            }
        }
    }
    gain::view::checked_size(&shape).or_raise()?;
    Ok(shape)
}

/// NumPy's error for a shape that is none.
#[cold]
fn refused(object: &Bound<'_, PyAny>, otherwise: PyErr) -> PyErr {
    match Numpy::attribute(object.py(), "empty").and_then(|empty| empty.call1((object,))) {
        Err(error) => error,
        Ok(_) => otherwise,
    }
}

/// A shape argument as a tuple.
#[pyfunction]
fn extents<'py>(shape: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(shape.py(), shape_of(shape)?)
}

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// The order of a new array; refuses devices as NumPy does: there is one.
fn here(py: Python<'_>, order: Argument<'_, '_>, device: Argument<'_, '_>) -> PyResult<Layout> {
    let order = match order.filter(|order| !order.is_none()) {
        Some(order) => match layout(Some(order.extract()?), Layout::C)? {
            Layout::A | Layout::K => {
                return Err(PyValueError::new_err("only 'C' or 'F' order is permitted"));
            }
            order => order,
        },
        None => Layout::C,
    };
    if let Some(device) = device
        && !device.is_none()
        && !matches!(device.extract::<&str>(), Ok("cpu"))
    {
        let given = pyo3::types::PyDict::new(py);
        given.set_item("device", device)?;
        Numpy::attribute(py, "empty")?.call((0,), Some(&given))?;
    }
    Ok(order)
}

/// An array of one value. It is recorded, which waits for nobody.
fn filled(
    py: Python<'_>,
    shape: &Bound<'_, PyAny>,
    value: Scalar,
    dtype: Option<DType>,
    order: Layout,
) -> PyResult<Array> {
    let mut shape = shape_of(shape)?;
    if order == Layout::F {
        shape.reverse();
    }
    let is_typed = dtype == Some(value.dtype());
    let made = match if is_typed { Array::full_now(&shape, value) } else { None } {
        Some(made) => made,
        None => compute(py, &[], || Array::full(&shape, value, dtype))?,
    };
    if order == Layout::F { made.transpose(None).or_raise() } else { Ok(made) }
}

/// A new array, spread as the program says if it says so.
fn spread(py: Python<'_>, made: Array, distribution: Argument<'_, '_>) -> PyResult<NdArray> {
    crate::distribution::spread(py, made, distribution).map(NdArray::new)
}

/// `numpy.zeros`
#[pyfunction]
#[allow(clippy::too_many_arguments)]
#[pyo3(signature = (shape, dtype = None, order = None, *, device = None, like = None, distribution = None), text_signature = "(shape, dtype=None, order='C', *, device=None, like=None, distribution=None)")]
fn zeros<'py>(
    py: Python<'py>,
    shape: &Bound<'py, PyAny>,
    dtype: Argument<'_, 'py>,
    order: Argument<'_, 'py>,
    device: Argument<'_, 'py>,
    like: Argument<'_, 'py>,
    distribution: Argument<'_, 'py>,
) -> PyResult<NdArray> {
    let _ = like;
    let order = here(py, order, device)?;
    let dtype = dtype.map_or(Ok(DType::F64), |dtype| dtype_or(dtype, DType::F64))?;
    let zero = if dtype == DType::F64 { Scalar::F64(0.0) } else { Scalar::zero(dtype) };
    spread(py, filled(py, shape, zero, Some(dtype), order)?, distribution)
}

/// `numpy.empty`: elements have no particular value.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
#[pyo3(signature = (shape, dtype = None, order = None, *, device = None, like = None, distribution = None), text_signature = "(shape, dtype=None, order='C', *, device=None, like=None, distribution=None)")]
fn empty<'py>(
    py: Python<'py>,
    shape: &Bound<'py, PyAny>,
    dtype: Argument<'_, 'py>,
    order: Argument<'_, 'py>,
    device: Argument<'_, 'py>,
    like: Argument<'_, 'py>,
    distribution: Argument<'_, 'py>,
) -> PyResult<NdArray> {
    zeros(py, shape, dtype, order, device, like, distribution)
}

/// `numpy.ones`
#[pyfunction]
#[allow(clippy::too_many_arguments)]
#[pyo3(signature = (shape, dtype = None, order = None, *, device = None, like = None, distribution = None), text_signature = "(shape, dtype=None, order='C', *, device=None, like=None, distribution=None)")]
fn ones<'py>(
    py: Python<'py>,
    shape: &Bound<'py, PyAny>,
    dtype: Argument<'_, 'py>,
    order: Argument<'_, 'py>,
    device: Argument<'_, 'py>,
    like: Argument<'_, 'py>,
    distribution: Argument<'_, 'py>,
) -> PyResult<NdArray> {
    let _ = like;
    let order = here(py, order, device)?;
    let dtype = dtype.map_or(Ok(DType::F64), |dtype| dtype_or(dtype, DType::F64))?;
    spread(py, filled(py, shape, Scalar::one(dtype), Some(dtype), order)?, distribution)
}

/// `numpy.full` of one value.
#[pyfunction]
fn full<'py>(
    py: Python<'py>,
    shape: &Bound<'py, PyAny>,
    fill: &Bound<'py, PyAny>,
    dtype: &Bound<'py, PyAny>,
) -> PyResult<NdArray> {
    let dtype = Numpy::parse_dtype(dtype)?;
    let fill = match (crate::convert::number(fill)?, dtype) {
        (Some(fill), _) => fill,
        // A text, an object: what the type makes of it.
        (None, Some(dtype)) if !fill.is_instance_of::<NdArray>() => {
            let element =
                Numpy::attribute(py, "empty")?.call1((PyTuple::empty(py), Numpy::dtype_object(py, dtype)))?;
            element.set_item(PyTuple::empty(py), fill)?;
            number(&element.get_item(PyTuple::empty(py))?)?
        }
        (None, None) if !fill.is_instance_of::<NdArray>() => {
            let made = convert(fill, None, Copying(None))?;
            number(made.as_any())?
        }
        _ => number(fill)?,
    };
    filled(py, shape, fill, dtype, Layout::C).map(NdArray::new)
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
    compute(py, &[], || Array::arange(start, stop, step, dtype)).map(NdArray::new)
}

#[pyfunction]
fn linspace(
    py: Python<'_>,
    start: &Bound<'_, PyAny>,
    stop: &Bound<'_, PyAny>,
    num: usize,
    endpoint: Flag,
    dtype: &Bound<'_, PyAny>,
) -> PyResult<NdArray> {
    let (start, stop) = (number(start)?, number(stop)?);
    let dtype = Numpy::parse_dtype(dtype)?;
    compute(py, &[], || Array::linspace(start, stop, num, endpoint.0, dtype)).map(NdArray::new)
}

#[pyfunction]
fn eye(py: Python<'_>, shape: &Bound<'_, PyAny>, k: isize, dtype: &Bound<'_, PyAny>) -> PyResult<NdArray> {
    let (shape, dtype) = (shape_of(shape)?, dtype_or(dtype, DType::F64)?);
    compute(py, &[], || Array::eye(shape[0], shape[1], k, dtype)).map(NdArray::new)
}

#[pyfunction]
fn indices(py: Python<'_>, shape: &Bound<'_, PyAny>, axis: usize) -> PyResult<NdArray> {
    let shape = shape_of(shape)?;
    compute(py, &[], || Array::indices(&shape, axis)).map(NdArray::new)
}

/// Anything as one of our arrays, of this type if one is named: itself if it is one, over the memory that it has, or a new
/// one; with `copy` no memory of others, without it (false) nothing else.
#[pyfunction]
#[pyo3(signature = (object, dtype = None, copy = Copying(None)))]
fn convert<'py>(
    object: &Bound<'py, PyAny>,
    dtype: Option<&Bound<'py, PyAny>>,
    copy: Copying,
) -> PyResult<Bound<'py, NdArray>> {
    let Copying(copy) = copy;
    if let Ok(array) = object.cast::<NdArray>()
        && dtype.is_none_or(|dtype| dtype.is_none())
    {
        return Ok(array.clone());
    }
    let py = object.py();
    let dtype = dtype.map(Numpy::parse_dtype).transpose()?.flatten();
    let is_ours = object.is_instance_of::<NdArray>() || object.is_instance_of::<FlatIter>();
    let is_list = object.is_exact_instance_of::<PyList>() || object.is_exact_instance_of::<PyTuple>();
    if is_list
        && copy != Some(false)
        && let Some(array) = lists::read(object, dtype)?
    {
        return Bound::new(py, NdArray::new(array));
    }
    if !is_ours
        && (!is_list || copy == Some(false))
        && (copy == Some(false) || crate::convert::number(object)?.is_none())
        && let Some(made) = shared(object, dtype, copy)?
    {
        return Bound::new(py, made);
    }
    let made = match dtype {
        Some(_) if !is_ours => import_as(object, dtype)?,
        _ => value(object)?.map(Value::into_array).transpose()?,
    };
    match made {
        Some(array) => match dtype {
            Some(dtype) if dtype != array.dtype() => {
                let array = compute(py, &[&array], || array.astype(dtype, gain::Casting::Unsafe))?;
                Bound::new(py, NdArray::new(array))
            }
            _ => Bound::new(py, NdArray::new(array)),
        },
        None => {
            let dtype = Numpy::asarray(object)?.getattr("dtype")?;
            Err(Numpy::refused(&dtype)?)
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
    let arrays: Vec<&Array> = [Operand::Array(&mask), one, two]
        .iter()
        .filter_map(|operand| if let Operand::Array(array) = *operand { Some(array) } else { None })
        .collect();
    compute(py, &arrays, || Array::select(&mask, one, two)).map(NdArray::new)
}

/// The name of the element type that a dtype argument means.
#[pyfunction]
fn element_name(dtype: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    Ok(Numpy::parse_dtype(dtype)?.map(DType::name))
}
