//! Fourier transforms along an axis, once NumPy's keywords are understood.

use crate::convert::compute;
use crate::ndarray::NdArray;
use gain::{Form, Transform};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

/// The transform of a form (0 complex, 1 from real, 2 to real elements) along an axis; without `n` as long as the axis says, without
/// `scale` by NumPy's default.
#[pyfunction]
#[pyo3(signature = (array, form, is_inverse, n, axis, scale))]
fn fourier<'py>(
    array: &Bound<'py, NdArray>,
    form: u8,
    is_inverse: bool,
    n: Option<isize>,
    axis: isize,
    scale: Option<f64>,
) -> PyResult<Bound<'py, NdArray>> {
    let py = array.py();
    let array = array.try_borrow()?.array.clone();
    let form = [Form::Complex, Form::FromReal, Form::ToReal][usize::from(form.min(2))];
    let n = match n {
        Some(n) => n,
        None => {
            let at = if axis < 0 { axis + array.ndim() as isize } else { axis };
            let extent = usize::try_from(at).ok().and_then(|at| array.shape().get(at));
            let Some(&extent) = extent else {
                return Err(PyIndexError::new_err("tuple index out of range"));
            };
            if form == Form::ToReal { 2 * (extent as isize - 1) } else { extent as isize }
        }
    };
    if n < 1 {
        return Err(PyValueError::new_err(format!("Invalid number of FFT data points ({n}) specified.")));
    }
    let usual = if is_inverse { 1.0 / n as f64 } else { 1.0 };
    let scale = scale.unwrap_or(usual);
    let transform = Transform { form, n: n as usize, is_inverse, scale };
    let made = compute(py, &[&array], || array.fourier(axis, &transform))?;
    Bound::new(py, NdArray::new(made))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fourier, module)?)
}
