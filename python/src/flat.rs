//! `a.flat`: the elements in C order, as one axis. Reading gives copies, as in NumPy; assigning writes the array.

use crate::convert::{compute, export, result};
use crate::elements::Elements;
use crate::error::OrRaise;
use crate::flag::Copying;
use crate::index::{self, Key};
use crate::ndarray::NdArray;
use crate::pick::Picks;
use gain::view::Index;
use gain::{Array, Operand};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

/// `gain.flatiter`. As an operand it is its array, raveled.
#[pyclass(name = "flatiter", module = "gain")]
pub(crate) struct FlatIter {
    base: Py<NdArray>,
    elements: Elements,
}

/// The view of the element at a place in C order.
pub(crate) fn element(array: &Array, at: isize) -> PyResult<Array> {
    let size = array.size() as isize;
    if at < -size || at >= size {
        return Err(PyIndexError::new_err(format!(
            "index {at} is out of bounds for axis 0 with size {size}"
        )));
    }
    let items: Vec<Index> = place(array, at.rem_euclid(size)).into_iter().map(Index::At).collect();
    array.index(&items).or_raise()
}

/// The coordinates of a place in C order.
fn place(array: &Array, at: isize) -> Vec<isize> {
    let mut rest = at;
    let mut place: Vec<isize> = Vec::with_capacity(array.ndim());
    for &extent in array.shape().iter().rev() {
        place.push(rest % extent.max(1) as isize);
        rest /= extent.max(1) as isize;
    }
    place.reverse();
    place
}

/// An index that is outside, in the words that NumPy has for iterators.
pub(crate) fn flatly(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyIndexError>(py) {
        return error;
    }
    PyIndexError::new_err(error.value(py).to_string().replace("for axis 0 with size", "for size"))
}

impl FlatIter {
    /// The flat iterator of an array.
    pub(crate) fn new(base: &Bound<'_, NdArray>) -> PyResult<FlatIter> {
        let elements = Elements::new(base.try_borrow()?.array.clone());
        Ok(FlatIter { base: base.clone().unbind(), elements })
    }

    /// The place of the element that comes next.
    pub(crate) fn place(&self) -> usize {
        self.elements.at()
    }

    /// The element at this place comes next.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.elements.go_to(at);
    }

    fn array(&self, py: Python<'_>) -> Array {
        self.base.borrow(py).array.clone()
    }

    /// The elements as one axis: a view of the array where its layout allows.
    pub(crate) fn raveled(&self, py: Python<'_>) -> PyResult<Array> {
        let array = self.array(py);
        compute(py, &[&array], || array.ravel())
    }

    /// Any key but a plain integer or slice, as one of these or an index array.
    fn key<'py>(&self, key: &Bound<'py, PyAny>, is_target: bool) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if key.cast_exact::<PySlice>().is_ok() {
            return Ok(key.clone());
        }
        let size = self.array(py).size();
        py.import("gain._indexing")?.getattr("flat_key")?.call1((key, size, is_target))
    }

    /// `flat[key] = value`
    pub(crate) fn assign(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, key) = (key.py(), &self.key(key, true)?);
        let parsed = Key::parse(key)?;
        if let Some(Index::At(at)) = parsed.as_ref().and_then(|parsed| parsed.items.first()) {
            return self.assign_element(*at, value);
        }
        let flat = self.raveled(py)?;
        let repeated = py.import("gain._indexing")?.getattr("flat_values")?;
        let value = &repeated.call1((value, key, NdArray::new(flat.clone())))?;
        match parsed {
            Some(key) => index::assign(&flat, &key, value)?,
            None => Picks::parse(key)?.set(&flat, value).map_err(|error| flatly(py, error))?,
        }
        self.put_back(&flat, py)
    }

    fn assign_element(&self, at: isize, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let array = self.array(value.py());
        let element = element(&array, at).map_err(|error| flatly(value.py(), error))?;
        match crate::convert::value(value) {
            Ok(Some(value)) if matches!(value.operand(), Operand::Array(array) if array.ndim() > 0) => {
                Err(PyValueError::new_err("Error setting single item of array."))
            }
            _ => index::assign(&element, &Key::default(), value),
        }
    }

    /// What was assigned to the raveled array reaches the array itself, if it is a copy.
    fn put_back(&self, flat: &Array, py: Python<'_>) -> PyResult<()> {
        let array = self.array(py);
        if flat.base_id() == array.base_id() {
            return Ok(());
        }
        let shape: Vec<isize> = array.shape().iter().map(|&n| n as isize).collect();
        let back = flat.reshape(&shape).or_raise()?;
        compute(py, &[&array], || array.assign(&back))
    }
}

#[pymethods]
impl FlatIter {
    #[getter]
    fn base(&self, py: Python<'_>) -> Py<NdArray> {
        self.base.clone_ref(py)
    }

    /// The place of the element that comes next.
    #[getter]
    fn index(&self) -> usize {
        self.elements.at()
    }

    /// Its coordinates.
    #[getter]
    fn coords<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, place(&self.array(py), self.elements.at() as isize))
    }

    /// The element at this place comes next.
    fn _go_to(&mut self, at: usize) {
        self.go_to(at);
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.array(py).size()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let array = &self.array(key.py());
        let key = &self.key(key, false)?;
        let Some(parsed) = Key::parse(key)? else {
            let made = Picks::parse(key)?
                .get(key.py(), &self.raveled(key.py())?)
                .map_err(|e| flatly(key.py(), e))?;
            return Ok(Bound::new(key.py(), NdArray::new(made))?.into_any());
        };
        if let [Index::At(at)] = parsed.items[..] {
            return result(key.py(), element(array, at).map_err(|error| flatly(key.py(), error))?);
        }
        let copy = compute(key.py(), &[array], || array.ravel()?.index(&parsed.items)?.copy())?;
        Ok(Bound::new(key.py(), NdArray::new(copy))?.into_any())
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.base.borrow(key.py()).writable("underlying array is read-only")?;
        self.assign(key, value)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.elements.next(py)
    }

    fn copy(&self, py: Python<'_>) -> PyResult<NdArray> {
        let array = self.array(py);
        compute(py, &[&array], || array.ravel()?.copy()).map(NdArray::new)
    }

    #[pyo3(signature = (dtype = None, *, copy = Copying(None)))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Copying,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = copy;
        let array = export(py, &self.raveled(py)?)?;
        match dtype {
            Some(dtype) if !dtype.is_none() => array.call_method1("astype", (dtype,)),
            _ => Ok(array),
        }
    }
}
