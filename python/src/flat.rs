//! `a.flat`: the elements in C order, as one axis. Reading gives copies, as in NumPy; assigning writes the array.

use crate::convert::{compute, export, result};
use crate::error::OrRaise;
use crate::index::{self, Key};
use crate::ndarray::NdArray;
use gain::view::Index;
use gain::{Array, Operand};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

/// `gain.flatiter`. As an operand it is its array, raveled.
#[pyclass(name = "flatiter", module = "gain", frozen)]
pub(crate) struct FlatIter {
    array: Array,
}

impl FlatIter {
    /// The flat iterator of an array.
    pub(crate) fn new(array: Array) -> FlatIter {
        FlatIter { array }
    }

    /// The elements as one axis: a view of the array where its layout allows.
    pub(crate) fn raveled(&self, py: Python<'_>) -> PyResult<Array> {
        compute(py, &[&self.array], || self.array.ravel())
    }

    /// The view of the element at a place in C order.
    pub(crate) fn element(&self, at: isize) -> PyResult<Array> {
        let size = self.array.size() as isize;
        if at < -size || at >= size {
            return Err(PyIndexError::new_err(format!(
                "index {at} is out of bounds for axis 0 with size {size}"
            )));
        }
        let mut rest = at.rem_euclid(size);
        let mut items: Vec<Index> = Vec::with_capacity(self.array.ndim());
        for &extent in self.array.shape().iter().rev() {
            items.push(Index::At(rest % extent as isize));
            rest /= extent as isize;
        }
        items.reverse();
        self.array.index(&items).or_raise()
    }

    /// `flat[key] = value`
    pub(crate) fn assign(&self, key: &Key, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let [Index::At(at)] = key.items[..] {
            let element = self.element(at)?;
            return match crate::convert::value(value)? {
                Some(value) if matches!(value.operand(), Operand::Array(array) if array.ndim() > 0) => {
                    Err(PyValueError::new_err("Error setting single item of array."))
                }
                _ => index::assign(&element, &Key::default(), value),
            };
        }
        let flat = self.raveled(value.py())?;
        index::assign(&flat, key, value)?;
        if flat.base_id() == self.array.base_id() {
            return Ok(());
        }
        let shape: Vec<isize> = self.array.shape().iter().map(|&n| n as isize).collect();
        let back = flat.reshape(&shape).or_raise()?;
        compute(value.py(), &[&self.array], || self.array.assign(&back))
    }
}

#[pymethods]
impl FlatIter {
    #[getter]
    fn base(&self) -> NdArray {
        NdArray::new(self.array.clone())
    }

    fn __len__(&self) -> usize {
        self.array.size()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let parsed = Key::parse(key)?;
        if let [Index::At(at)] = parsed.items[..] {
            return result(key.py(), self.element(at)?);
        }
        let array = &self.array;
        let copy = compute(key.py(), &[array], || array.ravel()?.index(&parsed.items)?.copy())?;
        Ok(Bound::new(key.py(), NdArray::new(copy))?.into_any())
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.assign(&Key::parse(key)?, value)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let flat = Bound::new(py, NdArray::new(self.raveled(py)?))?;
        flat.into_any().try_iter().map(Bound::into_any)
    }

    fn copy(&self, py: Python<'_>) -> PyResult<NdArray> {
        compute(py, &[&self.array], || self.array.ravel()?.copy()).map(NdArray::new)
    }

    #[pyo3(signature = (dtype = None, *, copy = None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = copy;
        let array = export(py, &self.raveled(py)?)?;
        match dtype {
            Some(dtype) if !dtype.is_none() => array.call_method1("astype", (dtype,)),
            _ => Ok(array),
        }
    }
}
