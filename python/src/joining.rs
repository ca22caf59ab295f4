//! Joining: the order of axes that NumPy gives the result, and all of it where there are few elements. Of more `numpy.concatenate`
//! is a new array that parts are assigned to (`gain/_shapes.py`).

use crate::convert::compute;
use crate::ndarray::NdArray;
use gain::Array;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use smallvec::SmallVec;

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(joined_order, module)?)?;
    module.add_function(wrap_pyfunction!(joined_few, module)?)
}

/// So many arrays are few.
const MOST_FEW: usize = 16;

/// The axes from the outermost in memory to the innermost of an array joined from these, which have as many axes each; `None` is C order.
#[pyfunction]
fn joined_order(arrays: Vec<PyRef<'_, NdArray>>) -> Option<Vec<usize>> {
    let arrays: Vec<&Array> = arrays.iter().map(|array| &array.array).collect();
    Array::joined_order(&arrays).map(|axes| axes.to_vec())
}

/// What `numpy.concatenate` makes of few elements, of arrays of one type and shapes that fit, in C order; `None` of others.
#[pyfunction]
fn joined_few<'py>(arrays: &Bound<'py, PyAny>, axis: isize) -> PyResult<Option<NdArray>> {
    let (py, mut few) = (arrays.py(), SmallVec::<[PyRef<'_, NdArray>; 4]>::new());
    let list = match (arrays.cast_exact::<PyList>(), arrays.cast_exact::<PyTuple>()) {
        (Ok(list), _) if list.len() <= MOST_FEW => list.as_sequence().clone(),
        (_, Ok(tuple)) if tuple.len() <= MOST_FEW => tuple.as_sequence().clone(),
        _ => return Ok(None),
    };
    for item in list.try_iter()? {
        match item?.cast_exact::<NdArray>() {
            Ok(array) => few.push(array.try_borrow()?),
            Err(_) => return Ok(None),
        }
    }
    let arrays: SmallVec<[&Array; 4]> = few.iter().map(|array| &array.array).collect();
    let Some(shape) = arrays.first().map(|array| array.shape()) else { return Ok(None) };
    let axes = shape.len() as isize;
    let axis = if axis < 0 { axis + axes } else { axis };
    if !(0..axes).contains(&axis) {
        return Ok(None);
    }
    let axis = axis as usize;
    let fits = |array: &&Array| {
        let own = array.shape();
        own.len() == shape.len() && own[..axis] == shape[..axis] && own[axis + 1..] == shape[axis + 1..]
    };
    if !arrays.iter().all(fits) || Array::joined_order(&arrays).is_some() {
        return Ok(None);
    }
    Ok(compute(py, &arrays, || Array::joined_few(&arrays, axis))?.map(NdArray::new))
}
