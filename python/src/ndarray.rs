//! The class `ndarray`: what it holds, and its attributes. Views are in `views`, elements in `read`, operators in
//! `number`, reductions in `reduce`.
//!
//! A thin handle: all it holds is the array of `gain` and, for a view, the object it is a view of (`a.base`).
//! Attributes are not collective. Everything else is, `get` apart.

use crate::convert::compute;
use crate::error::OrRaise;
use crate::flat::FlatIter;
use crate::index::Key;
use crate::numpy::Numpy;
use gain::{Array, Op, Operand};
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// `gain.ndarray`
#[pyclass(name = "ndarray", module = "gain")]
pub(crate) struct NdArray {
    pub(crate) array: Array,
    base: Option<Py<NdArray>>,
}

impl NdArray {
    /// A handle that is nobody's view.
    pub(crate) fn new(array: Array) -> NdArray {
        NdArray { array, base: None }
    }

    /// The Python object of `array`, which was made from `slf` by an operation that views where it can.
    pub(crate) fn derived<'py>(slf: &Bound<'py, NdArray>, array: Array) -> PyResult<Bound<'py, NdArray>> {
        let me = slf.try_borrow()?;
        let base = if array.base_id() == me.array.base_id() {
            Some(me.base.as_ref().map_or_else(|| slf.clone().unbind(), |base| base.clone_ref(slf.py())))
        } else {
            None
        };
        Bound::new(slf.py(), NdArray { array, base })
    }
}

/// Axes as a tuple or one integer, as NumPy takes them; `None` stays `None`.
pub(crate) fn axes(object: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<isize>>> {
    match object {
        None => Ok(None),
        Some(object) if object.is_none() => Ok(None),
        Some(object) => match object.extract::<isize>() {
            Ok(axis) => Ok(Some(vec![axis])),
            Err(error)
                if object.cast::<PyTuple>().is_err() && object.cast::<pyo3::types::PyList>().is_err() =>
            {
                Err(error)
            }
            Err(_) => object.extract().map(Some),
        },
    }
}

/// # Attributes
#[pymethods]
impl NdArray {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array.shape())
    }

    #[setter]
    fn set_shape(slf: &Bound<'_, Self>, shape: &Bound<'_, PyAny>) -> PyResult<()> {
        let shape = match shape.extract::<isize>() {
            Ok(n) => vec![n],
            Err(_) => shape.extract()?,
        };
        let mine = slf.try_borrow()?.array.clone();
        let array = compute(slf.py(), &[&mine], || mine.reshape(&shape))?;
        if array.base_id() != mine.base_id() {
            return Err(PyAttributeError::new_err(
                "Incompatible shape for in-place modification. Use `.reshape()` to make a copy with the desired shape.",
            ));
        }
        slf.try_borrow_mut()?.array = array;
        Ok(())
    }

    #[getter]
    fn ndim(&self) -> usize {
        self.array.ndim()
    }

    #[getter]
    fn size(&self) -> usize {
        self.array.size()
    }

    #[getter]
    fn itemsize(&self) -> usize {
        self.array.dtype().size_bytes()
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.array.size() * self.array.dtype().size_bytes()
    }

    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        Numpy::dtype_object(py, self.array.dtype()).clone()
    }

    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array.strides_bytes())
    }

    #[getter]
    fn base(&self, py: Python<'_>) -> Option<Py<NdArray>> {
        self.base.as_ref().map(|base| base.clone_ref(py))
    }

    #[getter]
    fn flags<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("gain._class")?.getattr("Flags")?.call1((slf,))
    }

    #[getter(T)]
    fn transposed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.transpose(None).or_raise()?;
        NdArray::derived(slf, array)
    }

    #[getter]
    fn flat(&self) -> FlatIter {
        FlatIter::new(self.array.clone())
    }

    #[setter]
    fn set_flat(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        FlatIter::new(self.array.clone()).assign(&Key::default(), value)
    }

    #[getter]
    fn real<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        part(slf, Op::Real)
    }

    #[getter]
    fn imag<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        part(slf, Op::Imag)
    }

    /// For each rank, the half-open range of the flat base array that it owns.
    #[getter]
    fn blocks(&self) -> Vec<(usize, usize)> {
        self.array.blocks().into_iter().map(|range| (range.start, range.end)).collect()
    }

    /// Whether every rank holds all of the array, instead of a block of it.
    #[getter]
    fn is_replicated(&self) -> bool {
        self.array.is_replicated()
    }

    /// File and line at which the present value was recorded, or `None`.
    fn _recorded_at(&self) -> Option<(String, u32)> {
        self.array.recorded_at()
    }

    fn __len__(&self) -> PyResult<usize> {
        self.array.shape().first().copied().ok_or_else(|| PyTypeError::new_err("len() of unsized object"))
    }

    /// Reached for names that are not methods of this class: some are functions of the package.
    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Ok(function) = py.import("gain._class")?.getattr("METHODS")?.get_item(name) {
            return py.import("types")?.getattr("MethodType")?.call1((function, slf));
        }
        Err(PyAttributeError::new_err(format!(
            "'gain.ndarray' object has no attribute '{name}' ({} lists what there is)",
            crate::runtime::PAGE
        )))
    }
}

/// `.real` or `.imag`: of a complex array a copy (the one place where NumPy gives a view), of a real one itself or zeros.
fn part<'py>(slf: &Bound<'py, NdArray>, op: Op) -> PyResult<Bound<'py, PyAny>> {
    let array = slf.try_borrow()?.array.clone();
    if gain::dtype::real_part(array.dtype()) == array.dtype() && op == Op::Real {
        return Ok(slf.clone().into_any());
    }
    let made = compute(slf.py(), &[&array], || Array::apply(op, &[Operand::Array(&array)]))?;
    Ok(Bound::new(slf.py(), NdArray::new(made))?.into_any())
}
