//! The class `ndarray`: copies of it, its elements as Python and NumPy have them, and NumPy's dispatch protocols.
//!
//! All of it is collective but `get`.

use crate::convert::{self, compute, export, released};
use crate::error::OrRaise;
use crate::flag::Flag;
use crate::flat;
use crate::index::{self, Key};
use crate::lists;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::subclass::like;
use crate::views::layout;
use gain::Layout;
use gain::dtype::Casting;
use gain::view::Index;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

/// # Copies
#[pymethods]
impl NdArray {
    #[pyo3(signature = (order = None))]
    fn copy<'py>(slf: &Bound<'py, Self>, order: Option<&str>) -> PyResult<Bound<'py, NdArray>> {
        let layout = layout(order, Layout::C)?;
        let array = slf.try_borrow()?.array.clone();
        like(slf, NdArray::new(compute(slf.py(), &[&array], || array.copy_in(layout))?))
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        Self::copy(slf, Some("K"))
    }

    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, NdArray>> {
        Self::copy(slf, Some("K"))
    }

    #[pyo3(signature = (dtype, order = None, casting = "unsafe", subok = Flag(true), copy = Flag(true)))]
    fn astype<'py>(
        slf: &Bound<'py, Self>,
        dtype: &Bound<'py, PyAny>,
        order: Option<&str>,
        casting: &str,
        subok: Flag,
        copy: Flag,
    ) -> PyResult<Bound<'py, NdArray>> {
        if casting == "same_value" {
            let careful = slf.py().import("gain._conversion")?.getattr("same_value")?;
            return Ok(careful.call1((slf, dtype, order, subok.0, copy.0))?.cast_into()?);
        }
        let layout = layout(order, Layout::K)?;
        let mine = slf.try_borrow()?.array.clone();
        let dtype = Numpy::parse_dtype(dtype)?.unwrap_or(gain::DType::F64);
        let lies_so = match layout {
            Layout::C => mine.is_contiguous(),
            Layout::F => mine.is_fortran(),
            Layout::A | Layout::K => true,
        };
        if !copy.0 && dtype == mine.dtype() && lies_so {
            return Ok(slf.clone());
        }
        let casting = casting_among(casting, "'no', 'equiv', 'safe', 'same_kind', 'unsafe', 'same_value'")?;
        let made = NdArray::new(compute(slf.py(), &[&mine], || mine.astype_in(dtype, casting, layout))?);
        if subok.0 { like(slf, made) } else { Bound::new(slf.py(), made) }
    }

    fn fill(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.writable("assignment destination is read-only")?;
        index::fill(&self.array, value)
    }

    /// What Python's `__reduce__` gives.
    fn _reduce<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, elements) = (slf.py(), export(slf.py(), &slf.try_borrow()?.array)?);
        if slf.is_exact_instance_of::<NdArray>() {
            return Ok((py.import("gain")?.getattr("array")?, PyTuple::new(py, [elements])?));
        }
        let again = py.import("gain._class")?.getattr("instance")?;
        let own = slf.getattr("__dict__")?;
        Ok((again, PyTuple::new(py, [slf.get_type().into_any(), elements, own])?))
    }
}

/// `casting=` by name.
pub(crate) fn casting_rule(name: &str) -> PyResult<Casting> {
    casting_among(name, "'no', 'equiv', 'safe', 'same_kind', 'unsafe'")
}

/// `casting=` by name, where the rules are these.
fn casting_among(name: &str, rules: &str) -> PyResult<Casting> {
    Casting::from_name(name)
        .ok_or_else(|| PyValueError::new_err(format!("casting must be one of {rules} (got '{name}')")))
}

/// # Reading
#[pymethods]
impl NdArray {
    /// All elements as a NumPy array, on every rank.
    fn numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        export(py, &self.array)
    }

    /// The elements `self[key]` as a NumPy array, read by this rank alone: not collective. What is read must have
    /// been evaluated (`force()`, collective), and a `barrier()` must keep others from writing meanwhile.
    #[pyo3(signature = (key = None))]
    fn get<'py>(&self, py: Python<'py>, key: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let array = match key {
            Some(key) => self.array.index(&Key::required(key)?.items).or_raise()?,
            None => self.array.clone(),
        };
        convert::export_with(py, &array, |bytes| array.get_bytes(bytes))
    }

    /// Evaluates now what was recorded; returns the array itself.
    fn force<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let array = slf.try_borrow()?.array.clone();
        released(slf.py(), || array.force())?;
        Ok(slf.clone())
    }

    #[pyo3(signature = (*index))]
    fn item<'py>(slf: &Bound<'py, Self>, index: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let array = slf.try_borrow()?.array.clone();
        let given = match index.len() {
            1 => index.get_item(0)?.cast_into::<PyTuple>().unwrap_or_else(|_| index.clone()),
            _ => index.clone(),
        };
        let place = given.iter().map(|at| at.extract::<isize>()).collect::<PyResult<Vec<_>>>()?;
        let element = match place[..] {
            [] if array.size() != 1 => {
                return Err(PyValueError::new_err("can only convert an array of size 1 to a Python scalar"));
            }
            [] => array,
            [at] if array.ndim() != 1 && given.is(index) => {
                flat::element(&array, at).map_err(|error| flat::flatly(slf.py(), error))?
            }
            _ if place.len() != array.ndim() => {
                return Err(PyValueError::new_err("incorrect number of indices for array"));
            }
            _ => array.index(&place.into_iter().map(Index::At).collect::<Vec<_>>()).or_raise()?,
        };
        let value = compute(slf.py(), &[&element], || element.item())?;
        Numpy::scalar(slf.py(), value)?.call_method0("item")
    }

    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match lists::written(py, &self.array)? {
            Some(list) => Ok(list),
            None => export(py, &self.array)?.call_method0("tolist"),
        }
    }

    #[pyo3(signature = (order = None))]
    fn tobytes<'py>(&self, py: Python<'py>, order: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        let array = match layout(order, Layout::C)? {
            Layout::C => self.array.clone(),
            other => compute(py, &[&self.array], || self.array.ravel_in(other))?,
        };
        let len_bytes = array.size() * array.dtype().size_bytes();
        PyBytes::new_with(py, len_bytes, |bytes| released(py, || array.copy_to_bytes(bytes)))
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("gain._printing")?.getattr("array_repr")?.call1((slf,))
    }

    fn __str__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("gain._printing")?.getattr("array_str")?.call1((slf,))
    }

    fn __format__<'py>(slf: &Bound<'py, Self>, specification: &str) -> PyResult<Bound<'py, PyAny>> {
        if slf.try_borrow()?.array.ndim() == 0 {
            return Self::item(slf, &PyTuple::empty(slf.py()))?.call_method1("__format__", (specification,));
        }
        match specification {
            "" => Self::__str__(slf),
            _ => Err(PyTypeError::new_err("unsupported format string passed to gain.ndarray.__format__")),
        }
    }

    /// The corner of the array that printing shows, as a NumPy array.
    fn _corner<'py>(&self, py: Python<'py>, edge: usize) -> PyResult<Bound<'py, PyAny>> {
        let array = &self.array;
        let (shape, bytes) = released(py, || array.corner(edge))?;
        let flat = Numpy::attribute(py, "frombuffer")?
            .call1((PyBytes::new(py, &bytes), Numpy::dtype_object(py, array.dtype())))?;
        flat.call_method1("reshape", (PyTuple::new(py, shape)?,))
    }
}

/// # NumPy's protocols
#[pymethods]
impl NdArray {
    #[pyo3(signature = (ufunc, method, *inputs, **keywords))]
    fn __array_ufunc__<'py>(
        slf: &Bound<'py, Self>,
        ufunc: &Bound<'py, PyAny>,
        method: &str,
        inputs: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dispatch = slf.py().import("gain._class")?.getattr("dispatch_ufunc")?;
        dispatch.call1((ufunc, method, inputs, keywords))
    }

    fn __array_function__<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
        types: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
        keywords: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dispatch = slf.py().import("gain._class")?.getattr("dispatch_function")?;
        dispatch.call1((function, types, arguments, keywords))
    }
}
