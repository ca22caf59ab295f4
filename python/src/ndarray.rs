//! The class `ndarray`: attributes, shapes and views, reading.
//!
//! A thin handle: all it holds is the array of `gain` and, for a view, the object it is a view of (`a.base`).
//! Attributes are not collective. Everything else is, `get` apart.

use crate::convert::{self, compute, export, released, result};
use crate::error::OrRaise;
use crate::flat::FlatIter;
use crate::index::{self, Key};
use crate::numpy::Numpy;
use gain::dtype::Casting;
use gain::{Array, Op, Operand};
use pyo3::exceptions::{PyAttributeError, PyNotImplementedError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

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

/// `f(3, 4)` and `f((3, 4))` alike.
fn spread(arguments: &Bound<'_, PyTuple>) -> PyResult<Vec<isize>> {
    if arguments.len() == 1 {
        let only = arguments.get_item(0)?;
        return match only.extract::<isize>() {
            Ok(n) => Ok(vec![n]),
            Err(_) => only.extract(),
        };
    }
    arguments.extract::<Vec<isize>>()
}

/// # Attributes
#[pymethods]
impl NdArray {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array.shape())
    }

    #[setter]
    fn set_shape(&mut self, shape: &Bound<'_, PyAny>) -> PyResult<()> {
        let shape = match shape.extract::<isize>() {
            Ok(n) => vec![n],
            Err(_) => shape.extract()?,
        };
        let array = self.array.reshape(&shape).or_raise()?;
        if array.base_id() != self.array.base_id() {
            return Err(PyAttributeError::new_err(
                "Incompatible shape for in-place modification. Use `.reshape()` to make a copy with the desired shape.",
            ));
        }
        self.array = array;
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
        slf.py().import("gain._functions")?.getattr("Flags")?.call1((slf,))
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

    fn __len__(&self) -> PyResult<usize> {
        self.array.shape().first().copied().ok_or_else(|| PyTypeError::new_err("len() of unsized object"))
    }

    /// Reached for names that are not methods of this class: some are functions of the package.
    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Ok(function) = py.import("gain._functions")?.getattr("METHODS")?.get_item(name) {
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

/// # Shapes and views
#[pymethods]
impl NdArray {
    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let key = Key::parse(key)?;
        let array = slf.try_borrow()?.array.index(&key.items).or_raise()?;
        if key.is_element && array.ndim() == 0 {
            return result(slf.py(), array);
        }
        Ok(NdArray::derived(slf, array)?.into_any())
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        index::assign(&self.array, &Key::parse(key)?, value)
    }

    #[pyo3(signature = (*shape, order = None, copy = None))]
    fn reshape<'py>(
        slf: &Bound<'py, Self>,
        shape: &Bound<'py, PyTuple>,
        order: Option<&str>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, NdArray>> {
        c_order(order)?;
        let mine = slf.try_borrow()?.array.clone();
        let shape = spread(shape)?;
        let mut array = compute(slf.py(), &[&mine], || mine.reshape(&shape))?;
        match (copy, array.base_id() == mine.base_id()) {
            (Some(false), false) => {
                return Err(PyValueError::new_err("Unable to avoid creating a copy while reshaping."));
            }
            (Some(true), true) => array = array.copy().or_raise()?,
            _ => {}
        }
        NdArray::derived(slf, array)
    }

    #[pyo3(signature = (order = None))]
    fn ravel<'py>(slf: &Bound<'py, Self>, order: Option<&str>) -> PyResult<Bound<'py, NdArray>> {
        c_order(order)?;
        let mine = slf.try_borrow()?.array.clone();
        let array = compute(slf.py(), &[&mine], || mine.ravel())?;
        NdArray::derived(slf, array)
    }

    #[pyo3(signature = (order = None))]
    fn flatten(&self, py: Python<'_>, order: Option<&str>) -> PyResult<NdArray> {
        c_order(order)?;
        let array = &self.array;
        Ok(NdArray::new(compute(py, &[array], || array.ravel()?.copy())?))
    }

    #[pyo3(signature = (*axes))]
    fn transpose<'py>(slf: &Bound<'py, Self>, axes: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, NdArray>> {
        let none = axes.is_empty() || (axes.len() == 1 && axes.get_item(0)?.is_none());
        let order = if none { None } else { Some(spread(axes)?) };
        let array = slf.try_borrow()?.array.transpose(order.as_deref()).or_raise()?;
        NdArray::derived(slf, array)
    }

    fn swapaxes<'py>(slf: &Bound<'py, Self>, axis1: isize, axis2: isize) -> PyResult<Bound<'py, NdArray>> {
        let mine = slf.try_borrow()?.array.clone();
        let ndim = mine.ndim() as isize;
        let place = |axis: isize, name: &str| match axis {
            axis if axis < -ndim || axis >= ndim => Err(gain::Error::new(
                gain::error::Kind::Axis,
                format!("{name}: axis {axis} is out of bounds for array of dimension {ndim}"),
            )),
            axis => Ok(axis.rem_euclid(ndim) as usize),
        };
        let mut order: Vec<isize> = (0..ndim).collect();
        order.swap(place(axis1, "axis1").or_raise()?, place(axis2, "axis2").or_raise()?);
        NdArray::derived(slf, mine.transpose(Some(&order)).or_raise()?)
    }

    #[pyo3(signature = (axis = None))]
    fn squeeze<'py>(
        slf: &Bound<'py, Self>,
        axis: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.squeeze(axes(axis)?.as_deref()).or_raise()?;
        NdArray::derived(slf, array)
    }

    /// `numpy.broadcast_to(self, shape)`; Python's `broadcast_to` calls it.
    fn _broadcast_to<'py>(slf: &Bound<'py, Self>, shape: Vec<usize>) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.broadcast_to(&shape).or_raise()?;
        NdArray::derived(slf, array)
    }

    /// Another array object that shows the same elements.
    fn view<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.clone();
        NdArray::derived(slf, array)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        if slf.try_borrow()?.array.ndim() == 0 {
            return Err(PyTypeError::new_err("iteration over a 0-d array"));
        }
        slf.py().import("gain._functions")?.getattr("iterate")?.call1((slf,))
    }
}

/// Storage has one order here; a request for another is refused, not ignored.
pub(crate) fn c_order(order: Option<&str>) -> PyResult<()> {
    match order {
        None | Some("C" | "K" | "A") => Ok(()),
        Some(other) => {
            Err(PyNotImplementedError::new_err(format!("gain stores in C order only, not order='{other}'")))
        }
    }
}

/// # Copies
#[pymethods]
impl NdArray {
    #[pyo3(signature = (order = None))]
    fn copy(&self, py: Python<'_>, order: Option<&str>) -> PyResult<NdArray> {
        c_order(order)?;
        let array = &self.array;
        Ok(NdArray::new(compute(py, &[array], || array.copy())?))
    }

    fn __copy__(&self, py: Python<'_>) -> PyResult<NdArray> {
        self.copy(py, None)
    }

    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> PyResult<NdArray> {
        self.copy(py, None)
    }

    #[pyo3(signature = (dtype, order = None, casting = "unsafe", subok = true, copy = true))]
    fn astype<'py>(
        slf: &Bound<'py, Self>,
        dtype: &Bound<'py, PyAny>,
        order: Option<&str>,
        casting: &str,
        subok: bool,
        copy: bool,
    ) -> PyResult<Bound<'py, NdArray>> {
        let _ = subok;
        c_order(order)?;
        let mine = slf.try_borrow()?.array.clone();
        let dtype = Numpy::parse_dtype(dtype)?.unwrap_or(gain::DType::F64);
        if !copy && dtype == mine.dtype() {
            return Ok(slf.clone());
        }
        let casting = casting_rule(casting)?;
        Bound::new(slf.py(), NdArray::new(compute(slf.py(), &[&mine], || mine.astype(dtype, casting))?))
    }

    fn fill(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        index::assign(&self.array, &Key::default(), value)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        Ok((py.import("gain")?.getattr("array")?, (export(py, &self.array)?,)))
    }
}

/// `casting=` by name.
pub(crate) fn casting_rule(name: &str) -> PyResult<Casting> {
    Casting::from_name(name).ok_or_else(|| {
        PyValueError::new_err(format!(
            "casting must be one of 'no', 'equiv', 'safe', 'same_kind', or 'unsafe' (got '{name}')"
        ))
    })
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
            Some(key) => self.array.index(&Key::parse(key)?.items).or_raise()?,
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

    #[pyo3(signature = (dtype = None, *, copy = None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if copy == Some(false) {
            return Err(PyValueError::new_err("a NumPy array of a gain array is always a copy"));
        }
        let array = export(py, &self.array)?;
        match dtype {
            Some(dtype) if !dtype.is_none() => array.call_method1("astype", (dtype,)),
            _ => Ok(array),
        }
    }

    #[pyo3(signature = (*index))]
    fn item<'py>(slf: &Bound<'py, Self>, index: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let array = slf.try_borrow()?.array.clone();
        let element = match index.len() {
            0 if array.size() != 1 => {
                return Err(PyValueError::new_err("can only convert an array of size 1 to a Python scalar"));
            }
            0 => array,
            1 if array.ndim() != 1 && index.get_item(0)?.extract::<isize>().is_ok() => {
                FlatIter::new(array).element(index.get_item(0)?.extract()?)?
            }
            _ => array.index(&Key::parse(index.as_any())?.items).or_raise()?,
        };
        let value = compute(slf.py(), &[&element], || element.item())?;
        Numpy::scalar(slf.py(), value)?.call_method0("item")
    }

    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        export(py, &self.array)?.call_method0("tolist")
    }

    #[pyo3(signature = (order = None))]
    fn tobytes<'py>(&self, py: Python<'py>, order: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        c_order(order)?;
        let array = &self.array;
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
        let dispatch = slf.py().import("gain._functions")?.getattr("dispatch_ufunc")?;
        dispatch.call1((ufunc, method, inputs, keywords))
    }

    fn __array_function__<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
        types: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
        keywords: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = types;
        let dispatch = slf.py().import("gain._functions")?.getattr("dispatch_function")?;
        dispatch.call1((function, arguments, keywords))
    }
}
