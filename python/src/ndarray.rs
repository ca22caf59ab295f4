//! The class `ndarray`: what it holds, and its attributes. Views are in `views`, elements in `read`, operators in
//! `number`, reductions in `reduce`, flags and the rest in `methods`.
//!
//! A thin handle: all it holds is the array of `gain`, the object it is a view of or whose memory it shows (`a.base`), and whether
//! it may be written through (`a.flags.writeable`, which views inherit when they are made).
//! Attributes are not collective. Everything else is, `get` apart.

use crate::convert::compute;
use crate::error::OrRaise;
use crate::flat::FlatIter;
use crate::index::{self, Key};
use crate::numpy::Numpy;
use crate::remote::Tie;
use gain::Array;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::ffi::PyTypeObject;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PySlice, PyTuple, PyType};

/// `gain.ndarray`
#[pyclass(name = "ndarray", module = "gain", subclass, weakref)]
pub(crate) struct NdArray {
    pub(crate) array: Array,
    base: Option<Py<PyAny>>,
    is_writeable: bool,
    /// Its number, if its elements are on a server.
    pub(crate) tie: Tie,
}

impl NdArray {
    /// A handle that is nobody's view.
    pub(crate) fn new(array: Array) -> NdArray {
        NdArray::flagged(array, true)
    }

    /// As [`NdArray::new`], writeable or not.
    pub(crate) fn flagged(array: Array, is_writeable: bool) -> NdArray {
        NdArray { array, base: None, is_writeable, tie: Tie::default() }
    }

    /// An array over the memory of `base`, a NumPy array or what NumPy found the memory in.
    pub(crate) fn over(array: Array, base: Py<PyAny>, is_writeable: bool) -> NdArray {
        NdArray { array, base: Some(base), is_writeable, tie: Tie::default() }
    }

    /// Whether it shows another object's elements.
    pub(crate) fn is_view(&self) -> bool {
        self.base.is_some()
    }

    /// It is nobody's view, and has this array.
    pub(crate) fn become_array(&mut self, array: Array) {
        (self.array, self.base, self.is_writeable) = (array, None, true);
    }

    /// Whether elements may be assigned all together: the flag says so, and none of them stands at several places.
    pub(crate) fn is_writeable(&self) -> bool {
        self.is_writeable && !self.overlaps()
    }

    /// What the flag says, which `a.flags` shows.
    pub(crate) fn is_flagged_writeable(&self) -> bool {
        self.is_writeable
    }

    /// Whether one element of memory may stand at several places of the array, as `as_strided` makes it.
    #[inline]
    pub(crate) fn overlaps(&self) -> bool {
        self.array.view().overlaps()
    }

    /// An error unless elements may be assigned all together.
    #[inline]
    pub(crate) fn writable(&self, text: &'static str) -> PyResult<()> {
        if self.is_writeable() {
            return Ok(());
        }
        Err(PyValueError::new_err(if self.is_writeable {
            "elements of this view stand at several places: write to it by assignments alone, or to the array that it shows"
        } else {
            text
        }))
    }

    /// Sets the flag, to true only where what this is a view of may be written.
    pub(crate) fn set_writeable(&mut self, py: Python<'_>, is_writeable: bool) -> PyResult<()> {
        if is_writeable && (self.array.view().is_folded() || !self.may_write(py)?) {
            return Err(PyValueError::new_err("cannot set WRITEABLE flag to True of this array"));
        }
        self.is_writeable = is_writeable;
        Ok(())
    }

    /// Whether what this is a view of may be written.
    fn may_write(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(base) = self.base.as_ref().map(|base| base.bind(py)) else { return Ok(true) };
        if let Ok(base) = base.cast::<NdArray>() {
            return Ok(base.try_borrow()?.is_writeable);
        }
        match base.is_instance(Numpy::get(py).ndarray.bind(py))? {
            true => base.getattr("flags")?.getattr("writeable")?.extract(),
            false => Ok(PyUntypedBuffer::get(base).is_ok_and(|buffer| !buffer.readonly())),
        }
    }

    /// As [`NdArray::derived`], of another class.
    pub(crate) fn derived_as<'py>(
        slf: &Bound<'py, NdArray>,
        array: Array,
        class: &Bound<'py, PyType>,
    ) -> PyResult<Bound<'py, NdArray>> {
        let made = slf.try_borrow()?.handle_as(slf, array, class.as_type_ptr());
        crate::subclass::of_class(class, made, slf)
    }

    /// The Python object of `array`, which was made from `slf` by an operation that views where it can.
    pub(crate) fn derived<'py>(slf: &Bound<'py, NdArray>, array: Array) -> PyResult<Bound<'py, NdArray>> {
        let made = slf.try_borrow()?.handle(slf, array);
        crate::subclass::like(slf, made)
    }

    /// What [`NdArray::derived`] holds; `slf` is the object of `self`.
    #[inline]
    pub(crate) fn handle(&self, slf: &Bound<'_, NdArray>, array: Array) -> NdArray {
        self.handle_as(slf, array, slf.get_type_ptr())
    }

    /// The same for a view of this class.
    fn handle_as(&self, slf: &Bound<'_, NdArray>, array: Array, class: *mut PyTypeObject) -> NdArray {
        if array.base_id() != self.array.base_id() {
            return NdArray::new(array);
        }
        let base = match &self.base {
            // The array that owns the memory, as long as it is of the view's class.
            Some(base) if base.bind(slf.py()).get_type_ptr() == class => base.clone_ref(slf.py()),
            _ => slf.clone().into_any().unbind(),
        };
        NdArray { array, base: Some(base), is_writeable: self.is_writeable, tie: Tie::default() }
    }
}

/// Axes as a tuple or one integer, as NumPy takes them; `None` stays `None`.
pub(crate) fn axes(object: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<isize>>> {
    match object {
        None => Ok(None),
        Some(object) if object.is_none() => Ok(None),
        Some(object) if object.is_instance_of::<PyBool>() => {
            Err(PyTypeError::new_err("an integer is required"))
        }
        Some(object) => match object.extract::<isize>() {
            Ok(axis) => Ok(Some(vec![axis])),
            Err(error) if object.cast::<PyTuple>().is_err() => Err(error),
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
    fn base(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.base.as_ref().map(|base| base.clone_ref(py))
    }

    #[getter(T)]
    fn transposed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.transpose(None).or_raise()?;
        NdArray::derived(slf, array)
    }

    #[getter]
    fn flat(slf: &Bound<'_, Self>) -> PyResult<FlatIter> {
        FlatIter::new(slf)
    }

    #[setter]
    fn set_flat(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.try_borrow()?.writable("array is read-only")?;
        FlatIter::new(slf)?.assign(&PySlice::full(slf.py()), value)
    }

    #[getter]
    fn real<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.clone();
        match gain::dtype::real_part(array.dtype()) == array.dtype() {
            true => Ok(slf.clone()),
            false => NdArray::derived(slf, array.real()),
        }
    }

    #[setter]
    fn set_real(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.writable("assignment destination is read-only")?;
        index::assign(&self.array.real(), &Key::default(), value)
    }

    #[getter]
    fn imag<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        let imag = slf.try_borrow()?.array.imag();
        match imag {
            Some(array) => NdArray::derived(slf, array),
            None => no_parts(slf),
        }
    }

    #[setter]
    fn set_imag(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.array.imag() {
            Some(_) if !self.is_writeable() => self.writable("assignment destination is read-only"),
            Some(array) => index::assign(&array, &Key::default(), value),
            None => Err(PyTypeError::new_err("array does not have imaginary part to set")),
        }
    }

    #[setter]
    fn set_dtype(slf: &Bound<'_, Self>, dtype: &Bound<'_, PyAny>) -> PyResult<()> {
        let dtype = Numpy::parse_dtype(dtype)?.unwrap_or(gain::DType::F64);
        let array = slf.try_borrow()?.array.view_as(dtype).or_raise()?;
        slf.try_borrow_mut()?.array = array;
        Ok(())
    }

    /// For each rank, the half-open range of the flat base array that it owns.
    #[getter]
    fn blocks(&self) -> Vec<(usize, usize)> {
        self.array.blocks().into_iter().map(|range| (range.start, range.end)).collect()
    }

    /// For each rank, the range `(start, stop)` of the flat index that it owns of the array's memory; one range if every rank
    /// has all of it. What `distribution=` of functions takes.
    fn distribution(&self) -> Vec<(usize, usize)> {
        self.blocks()
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

    /// Reached for names that are not there.
    fn __getattr__(&self, name: &str) -> PyResult<Py<PyAny>> {
        Err(PyAttributeError::new_err(format!(
            "'gain.ndarray' object has no attribute '{name}' ({} lists what there is)",
            crate::runtime::PAGE
        )))
    }
}

/// What `.imag` of a real array is: zeros that nobody may write.
fn no_parts<'py>(slf: &Bound<'py, NdArray>) -> PyResult<Bound<'py, NdArray>> {
    let array = slf.try_borrow()?.array.clone();
    let zero = gain::Scalar::zero(array.dtype());
    let order = array.order(gain::Layout::K);
    let made = compute(slf.py(), &[&array], || match &order {
        None => Array::full(array.shape(), zero, None),
        Some(order) => {
            let shape: Vec<usize> = order.iter().map(|&axis| array.shape()[axis]).collect();
            Ok(Array::full(&shape, zero, None)?.in_order(order))
        }
    })?;
    Bound::new(slf.py(), NdArray::flagged(made, false))
}
