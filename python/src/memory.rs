//! Memory in common with other libraries: our arrays over theirs, and theirs over ours. On one rank; on several ranks copies
//! are made, or refused where a copy isn't what was asked for.
//!
//! Both ways lead through NumPy's array, which knows all protocols (`__array__`, `__array_interface__`, DLPack of all versions)
//! and their errors: we take the memory of one, and give ours by the buffer protocol alone.

use crate::convert::{attached, compute, export, import_as, nested};
use crate::flag::Copying;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use gain::{Array, DType, Exposed, Place};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMemoryView, PyTuple};
use std::ffi::{CStr, c_int};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// NumPy's array of `object`, if the object has memory to show rather than values to convert; one that must not be a copy
/// if `copy` is false, which NumPy sees to.
fn shows<'py>(object: &Bound<'py, PyAny>, copy: Option<bool>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = object.py();
    if object.is_exact_instance(Numpy::get(py).ndarray.bind(py)) {
        return Ok(Some(object.clone()));
    }
    // SAFETY: `object` is a live Python object, and the interpreter's lock is held.
    let has_buffer = unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) } == 1;
    let names =
        [intern!(py, "__array__"), intern!(py, "__array_interface__"), intern!(py, "__array_struct__")];
    let mut offers = has_buffer;
    for name in names {
        offers = offers || object.hasattr(name)?;
    }
    if !offers && copy != Some(false) {
        return Ok(None);
    }
    let given = PyDict::new(py);
    given.set_item("copy", copy)?;
    let made = Numpy::attribute(py, "asarray")?.call((nested(object)?,), Some(&given))?;
    Ok(offers.then_some(made))
}

/// NumPy's error for a copy that was not to be made.
pub(crate) fn unavoidable(py: Python<'_>) -> PyErr {
    let given = PyDict::new(py);
    let asked = given
        .set_item("copy", false)
        .and_then(|()| Numpy::attribute(py, "asarray")?.call((PyTuple::empty(py),), Some(&given)));
    match asked {
        Err(error) => error,
        Ok(_) => PyValueError::new_err("Unable to avoid copy while creating an array as requested."),
    }
}

/// The array that shows the memory of a NumPy array; `None` if there can be none.
fn shown_by(theirs: &Bound<'_, PyAny>) -> PyResult<Option<Array>> {
    let py = theirs.py();
    let dtype_object = theirs.getattr(intern!(py, "dtype"))?;
    let Some(dtype) = Numpy::element_type(&dtype_object)? else { return Ok(None) };
    if !dtype_object.getattr(intern!(py, "isnative"))?.extract()? {
        return Ok(None);
    }
    let shape: Vec<usize> = theirs.getattr(intern!(py, "shape"))?.extract()?;
    let strides: Vec<isize> = theirs.getattr(intern!(py, "strides"))?.extract()?;
    // The buffer of an array of no axes has no shape to speak of: its one element as an axis is a view.
    let buffer = match shape.is_empty() {
        true => PyUntypedBuffer::get(&theirs.call_method1(intern!(py, "reshape"), (1,))?)?,
        false => PyUntypedBuffer::get(theirs)?,
    };
    let Some(place) = Place::of(dtype, &shape, &strides, buffer.buf_ptr().cast()) else { return Ok(None) };
    // SAFETY: `buffer`, which the array keeps, keeps NumPy's array and its memory, and NumPy lets nobody resize it meanwhile. The
    // elements between those of a strided view belong to the view's base. Written is what NumPy lets be written: see `over`.
    attached(py, || unsafe { Array::over(&place, Box::new(buffer)) }).map(Some)
}

/// Our array of a NumPy array: over its memory, or else a copy that may be written where the original may, unless a copy was
/// not to be made. `whole` is what the memory belongs to, if that isn't NumPy's to say. `None` if there are no such arrays.
pub(crate) fn over<'py>(
    theirs: &Bound<'py, PyAny>,
    whole: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<Option<NdArray>> {
    let py = theirs.py();
    let is_writeable: bool =
        theirs.getattr(intern!(py, "flags"))?.getattr(intern!(py, "writeable"))?.extract()?;
    if copy != Some(true)
        && let Some(array) = shown_by(theirs)?
    {
        let base = match whole {
            Some(whole) => whole.clone(),
            None => match theirs.getattr(intern!(py, "base"))? {
                base if base.is_none() => theirs.clone(),
                base => base,
            },
        };
        let is_writeable = is_writeable && !array.view().is_folded();
        return Ok(Some(NdArray::over(array, base.unbind(), is_writeable)));
    }
    let is_empty = theirs.getattr(intern!(py, "size"))?.extract::<usize>()? == 0;
    match import_as(theirs, None)? {
        Some(_) if copy == Some(false) && !is_empty => Err(unavoidable(py)),
        made => Ok(made.map(|array| NdArray::flagged(array, is_writeable || copy == Some(true)))),
    }
}

/// As [`over`], of anything that has memory to show: with elements of this type, if one is named. `None` of all else.
pub(crate) fn shared<'py>(
    object: &Bound<'py, PyAny>,
    dtype: Option<DType>,
    copy: Option<bool>,
) -> PyResult<Option<NdArray>> {
    if copy == Some(true) {
        return Ok(None);
    }
    let Some(theirs) = shows(object, copy)? else {
        // What NumPy took no copy of, but has no memory either, is none of ours.
        return if copy == Some(false) { Err(unavoidable(object.py())) } else { Ok(None) };
    };
    let own = Numpy::element_type(&theirs.getattr(intern!(object.py(), "dtype"))?)?;
    match dtype {
        Some(dtype) if own != Some(dtype) => match copy {
            Some(false) => Err(unavoidable(object.py())),
            _ => Ok(import_as(&theirs, Some(dtype))?.map(NdArray::new)),
        },
        _ => over(&theirs, Some(object).filter(|object| object.is(&theirs)), copy),
    }
}

/// Our array over the memory of a NumPy array that was made for this.
#[pyfunction]
#[pyo3(name = "over", signature = (theirs, copy = None))]
pub(crate) fn over_made<'py>(theirs: &Bound<'py, PyAny>, copy: Option<bool>) -> PyResult<NdArray> {
    match over(theirs, None, copy)? {
        Some(made) => Ok(made),
        None => {
            let dtype = theirs.getattr("dtype")?;
            Err(Numpy::refused(&dtype)?)
        }
    }
}

/// What a consumer of the buffer protocol has of an array.
struct Shown {
    shape: Vec<ffi::Py_ssize_t>,
    strides: Vec<ffi::Py_ssize_t>,
    _memory: Exposed,
}

/// The letters of the module `struct`, as NumPy has them.
fn format(dtype: DType) -> &'static CStr {
    match dtype {
        DType::Bool => c"?",
        DType::I8 => c"b",
        DType::U8 => c"B",
        DType::I16 => c"h",
        DType::U16 => c"H",
        DType::I32 => c"i",
        DType::U32 => c"I",
        DType::I64 => c"l",
        DType::U64 => c"L",
        DType::F16 => c"e",
        DType::F32 => c"f",
        DType::F64 => c"d",
        DType::C64 => c"Zf",
        DType::C128 => c"Zd",
    }
}

/// Whether others may write to the memory of an array that is shown to them. Not to bools: a byte that is neither 0 nor 1 is none.
fn is_shown_writeable(mine: &NdArray) -> bool {
    mine.is_writeable() && mine.array.dtype() != DType::Bool
}

/// An error, with NumPy's text, if the array isn't what a consumer asks for.
fn suits(mine: &NdArray, flags: c_int) -> PyResult<()> {
    let asks = |what: c_int| flags & what == what;
    let (array, is_empty) = (&mine.array, mine.array.size() == 0);
    let (is_c, is_fortran) = (is_empty || array.is_contiguous(), is_empty || array.is_fortran());
    let text = if (!asks(ffi::PyBUF_STRIDES) || asks(ffi::PyBUF_C_CONTIGUOUS)) && !is_c {
        "ndarray is not C-contiguous"
    } else if asks(ffi::PyBUF_F_CONTIGUOUS) && !is_fortran {
        "ndarray is not Fortran contiguous"
    } else if asks(ffi::PyBUF_ANY_CONTIGUOUS) && !is_c && !is_fortran {
        "ndarray is not contiguous"
    } else if asks(ffi::PyBUF_WRITABLE) && !is_shown_writeable(mine) {
        "buffer source array is read-only"
    } else {
        return Ok(());
    };
    Err(PyValueError::new_err(text))
}

/// # The buffer protocol
#[pymethods]
impl NdArray {
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let (array, is_writeable) = {
            let mine = slf.try_borrow()?;
            suits(&mine, flags)?;
            (mine.array.clone(), is_shown_writeable(&mine))
        };
        let Some(memory) = compute(slf.py(), &[&array], || array.expose())? else {
            return Err(PyBufferError::new_err(
                "on several ranks an array has no one memory to show: numpy.asarray(x) has a copy of its elements",
            ));
        };
        let asks = |what: c_int| flags & what == what;
        let start = memory.start();
        let mut shown = Box::new(Shown {
            shape: array.shape().iter().map(|&n| n as ffi::Py_ssize_t).collect(),
            strides: array.strides_bytes().to_vec(),
            _memory: memory,
        });
        let item = array.dtype().size_bytes();
        // SAFETY: the interpreter calls this with a `Py_buffer` of the consumer's to be filled in. What it points to lives in
        // `shown`, which moves nowhere and goes in `__releasebuffer__`; formats are static and nobody writes them.
        unsafe {
            *view = ffi::Py_buffer {
                buf: start.cast(),
                obj: slf.clone().into_any().into_ptr(),
                len: (array.size() * item) as ffi::Py_ssize_t,
                itemsize: item as ffi::Py_ssize_t,
                readonly: c_int::from(!is_writeable),
                ndim: array.ndim() as c_int,
                format: if asks(ffi::PyBUF_FORMAT) {
                    format(array.dtype()).as_ptr().cast_mut()
                } else {
                    std::ptr::null_mut()
                },
                shape: if asks(ffi::PyBUF_ND) { shown.shape.as_mut_ptr() } else { std::ptr::null_mut() },
                strides: if asks(ffi::PyBUF_STRIDES) {
                    shown.strides.as_mut_ptr()
                } else {
                    std::ptr::null_mut()
                },
                suboffsets: std::ptr::null_mut(),
                internal: std::ptr::null_mut(),
            };
            (*view).internal = Box::into_raw(shown).cast();
        }
        Ok(())
    }

    unsafe fn __releasebuffer__(_slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer) {
        // SAFETY: the interpreter releases each view once; `internal` is what `__getbuffer__` put there.
        drop(unsafe { Box::from_raw((*view).internal.cast::<Shown>()) });
    }
}

/// The array's memory as a NumPy array, on one rank.
fn shown<'py>(slf: &Bound<'py, NdArray>) -> Object<'py> {
    Numpy::asarray(PyMemoryView::from(slf)?.as_any())
}

/// # Other protocols
#[pymethods]
impl NdArray {
    /// A NumPy array: of the same memory on one rank, else a copy of all elements, on every rank. Collective.
    #[pyo3(signature = (dtype = None, *, copy = Copying(None)))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Copying,
    ) -> Object<'py> {
        let Copying(copy) = copy;
        let py = slf.py();
        let is_alone = gain::session::init().is_ok() && gain::session::size() == 1;
        let made = match (copy, is_alone) {
            (Some(true), _) | (None, false) => export(py, &slf.try_borrow()?.array)?,
            (_, true) => shown(slf)?,
            (Some(false), false) => return Err(unavoidable(py)),
        };
        match dtype.filter(|dtype| !dtype.is_none()) {
            None => Ok(made),
            Some(dtype) => {
                let given = PyDict::new(py);
                given.set_item("copy", copy.filter(|copy| !copy))?;
                Numpy::attribute(py, "asarray")?.call((made, dtype), Some(&given))
            }
        }
    }

    /// `a.data`: the memory, on one rank.
    #[getter]
    fn data<'py>(slf: &Bound<'py, Self>) -> Object<'py> {
        Ok(PyMemoryView::from(slf)?.into_any())
    }

    /// `a.ctypes`: the memory for the module `ctypes`, on one rank.
    #[getter]
    fn ctypes<'py>(slf: &Bound<'py, Self>) -> Object<'py> {
        shown(slf)?.getattr(intern!(slf.py(), "ctypes"))
    }

    /// A capsule of the memory on one rank, else of a copy of all elements, on every rank. Collective.
    #[pyo3(signature = (**keywords))]
    fn __dlpack__<'py>(slf: &Bound<'py, Self>, keywords: Option<&Bound<'py, PyDict>>) -> Object<'py> {
        let py = slf.py();
        if gain::session::init().is_ok() && gain::session::size() == 1 {
            return shown(slf)?.call_method("__dlpack__", (), keywords);
        }
        let keywords = keywords.map_or_else(|| Ok(PyDict::new(py)), |given| given.copy())?;
        if let Some(copy) = keywords.get_item("copy")?
            && !copy.is_none()
        {
            if !copy.is_truthy()? {
                return Err(PyBufferError::new_err(
                    "on several ranks a DLPack capsule of a gain array is always a copy",
                ));
            }
            keywords.del_item("copy")?;
        }
        export(py, &slf.try_borrow()?.array)?.call_method("__dlpack__", (), Some(&keywords))
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        // kDLCPU
        (1, 0)
    }

    /// A number of the memory, where in it the array begins, and at which address if others may have it.
    fn _memory(&self) -> (u64, isize, Option<usize>) {
        let (array, item) = (&self.array, self.array.dtype().size_bytes() as isize);
        let first = array.view().offset();
        let offset = if array.counts_bytes() { first } else { first * item };
        (array.base_id(), offset, array.open_address())
    }
}
