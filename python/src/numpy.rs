//! What is needed of NumPy, looked up once: its types, a few functions, and the dtype object of each element type.
//!
//! dtype objects, scalars and exceptions are NumPy's own, so that `x.dtype == numpy.float64`, `isinstance` and
//! `except` clauses hold as they do there.

use crate::ndarray::NdArray;
use gain::{DType, Op, Scalar};
use numpy::npyffi::{PY_ARRAY_API, npy_intp};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyType};
use smallvec::SmallVec;

/// NumPy's objects. Lives as long as the interpreter.
pub(crate) struct Numpy {
    /// The module itself.
    pub(crate) module: Py<PyModule>,
    /// `numpy.ndarray`
    pub(crate) ndarray: Py<PyType>,
    /// `numpy.generic`, the base of its scalars.
    pub(crate) generic: Py<PyType>,
    /// `numpy.dtype`
    dtype: Py<PyAny>,
    /// `numpy.asarray`
    asarray: Py<PyAny>,
    /// dtype objects in the order of [`DType`].
    dtypes: Vec<Py<PyAny>>,
    /// What most programs write for a type: NumPy's scalar classes and Python's own.
    classes: Vec<(Py<PyAny>, DType)>,
}

static NUMPY: PyOnceLock<Numpy> = PyOnceLock::new();

/// NumPy's type numbers (`dtype.num`) on platforms where `long` has 64 bits.
const NUMBERS: [(i32, DType); 16] = [
    (0, DType::Bool),
    (1, DType::I8),
    (2, DType::U8),
    (3, DType::I16),
    (4, DType::U16),
    (5, DType::I32),
    (6, DType::U32),
    (7, DType::I64),
    (8, DType::U64),
    (9, DType::I64),
    (10, DType::U64),
    (11, DType::F32),
    (12, DType::F64),
    (14, DType::C64),
    (15, DType::C128),
    (23, DType::F16),
];

impl Numpy {
    /// Imports NumPy and looks everything up; called when the module is.
    pub(crate) fn load(py: Python<'_>) -> PyResult<()> {
        let module = py.import("numpy")?;
        let dtype = module.getattr("dtype")?;
        let dtypes = DType::ALL.iter().map(|d| {
            let object = dtype.call1((d.name(),))?;
            // What `scalar` relies on.
            object.cast::<PyArrayDescr>()?;
            Ok(object.unbind())
        });
        let dtypes: Vec<Py<PyAny>> = dtypes.collect::<PyResult<_>>()?;
        let mut classes = Vec::new();
        for (object, &known) in dtypes.iter().zip(DType::ALL.iter()) {
            classes.push((object.bind(py).getattr("type")?.unbind(), known));
        }
        classes.push((py.get_type::<PyFloat>().into_any().unbind(), DType::F64));
        classes.push((py.get_type::<PyInt>().into_any().unbind(), DType::I64));
        classes.push((py.get_type::<PyBool>().into_any().unbind(), DType::Bool));
        classes.push((py.get_type::<PyComplex>().into_any().unbind(), DType::C128));
        let loaded = Numpy {
            ndarray: module.getattr("ndarray")?.cast_into::<PyType>()?.unbind(),
            generic: module.getattr("generic")?.cast_into::<PyType>()?.unbind(),
            asarray: module.getattr("asarray")?.unbind(),
            dtypes,
            classes,
            dtype: dtype.clone().unbind(),
            module: module.unbind(),
        };
        // A second import in the same interpreter finds the first one's objects: they are the same.
        let _ = NUMPY.set(py, loaded);
        Ok(())
    }

    /// The objects.
    pub(crate) fn get(py: Python<'_>) -> &Numpy {
        NUMPY.get(py).expect("looked up when the module was imported")
    }

    /// An attribute of the module.
    pub(crate) fn attribute<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        Numpy::get(py).module.bind(py).getattr(name)
    }

    /// The ufunc of an operation.
    pub(crate) fn ufunc(py: Python<'_>, op: Op) -> PyResult<Bound<'_, PyAny>> {
        match op {
            // Its public name is that of a function around it.
            Op::Clip => Numpy::attribute(py, "_core")?.getattr("umath")?.getattr(op.name()),
            op => Numpy::attribute(py, op.name()),
        }
    }

    /// `numpy.asarray(object)`
    pub(crate) fn asarray<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Numpy::get(object.py()).asarray.bind(object.py()).call1((object,))
    }

    /// The dtype object of an element type.
    pub(crate) fn dtype_object(py: Python<'_>, dtype: DType) -> &Bound<'_, PyAny> {
        Numpy::get(py).dtypes[dtype as usize].bind(py)
    }

    /// The element type of a dtype object, if arrays of it exist here. Byte orders are not told apart.
    pub(crate) fn element_type(object: &Bound<'_, PyAny>) -> PyResult<Option<DType>> {
        let number = match object.cast::<PyArrayDescr>() {
            Ok(descr) => descr.num(),
            Err(_) => object.getattr(pyo3::intern!(object.py(), "num"))?.extract()?,
        };
        Ok(Numpy::of_number(number))
    }

    /// The element type of this number of NumPy's (`dtype.num`).
    pub(crate) fn of_number(number: i32) -> Option<DType> {
        NUMBERS.iter().find(|(n, _)| *n == number).map(|(_, d)| *d)
    }

    /// The element type that anything NumPy takes for a dtype names; `None` in Python is `None` here.
    pub(crate) fn parse_dtype(object: &Bound<'_, PyAny>) -> PyResult<Option<DType>> {
        if object.is_none() {
            return Ok(None);
        }
        let numpy = Numpy::get(object.py());
        if let Some(at) = numpy.dtypes.iter().position(|known| known.as_ptr() == object.as_ptr()) {
            return Ok(Some(DType::ALL[at]));
        }
        if let Some((_, known)) = numpy.classes.iter().find(|(class, _)| class.as_ptr() == object.as_ptr()) {
            return Ok(Some(*known));
        }
        if object.is_instance_of::<NdArray>() {
            return Err(PyTypeError::new_err("Cannot construct a dtype from an array"));
        }
        let object = match object.is_instance_of::<PyArrayDescr>() {
            true => object.clone(),
            false => numpy.dtype.bind(object.py()).call1((object,))?,
        };
        match Numpy::element_type(&object)? {
            // Elements are stored in the machine's order, and no other is pretended.
            Some(dtype) if object.getattr(pyo3::intern!(object.py(), "isnative"))?.extract()? => {
                Ok(Some(dtype))
            }
            _ => Err(Numpy::refused(&object)?),
        }
    }

    /// The error for a dtype that arrays can't be of.
    pub(crate) fn refused(dtype: &Bound<'_, PyAny>) -> PyResult<PyErr> {
        let kind: String = dtype.getattr(pyo3::intern!(dtype.py(), "kind"))?.extract()?;
        let advice = match (&kind[..], dtype.getattr(pyo3::intern!(dtype.py(), "isnative"))?.is_truthy()?) {
            ("b" | "i" | "u" | "f" | "c", false) => {
                "convert to the machine's byte order, dtype.newbyteorder('=')"
            }
            ("f", _) => "convert to float64",
            ("c", _) => "convert to complex128",
            ("m" | "M", _) => "convert to numbers, x.astype('int64')",
            ("V", _) => "keep an array for each field",
            _ => "convert to numbers, or keep a NumPy array, numpy.array(...)",
        };
        let name = dtype.str()?;
        Ok(PyTypeError::new_err(format!(
            "gain has no arrays of dtype {name}, only of bools and numbers: {advice}"
        )))
    }

    /// A value as the NumPy scalar of its type.
    pub(crate) fn scalar<'py>(py: Python<'py>, value: Scalar) -> PyResult<Bound<'py, PyAny>> {
        let dtype = value.dtype();
        let mut bytes = Aligned(value.bytes());
        let descr = Numpy::dtype_object(py, dtype).as_ptr();
        // SAFETY: the interpreter's lock is held; `descr` is a dtype object (looked at in `load`) of a type without references,
        // as an element of which the bytes are copied; a new reference comes back, or null with an exception.
        unsafe {
            let made = PY_ARRAY_API.PyArray_Scalar(
                py,
                bytes.0.as_mut_ptr().cast(),
                descr.cast(),
                std::ptr::null_mut(),
            );
            Bound::from_owned_ptr_or_err(py, made)
        }
    }

    /// The value of a NumPy scalar; `None` if arrays of its type don't exist here.
    pub(crate) fn value(scalar: &Bound<'_, PyAny>) -> PyResult<Option<Scalar>> {
        let py = scalar.py();
        // (`numpy.float64` is a float of Python's, the only scalar that is.)
        if let Ok(x) = scalar.cast::<PyFloat>() {
            return Ok(Some(Scalar::F64(x.value())));
        }
        // SAFETY: the interpreter's lock is held; a new reference to a dtype object comes back, or null with an exception.
        let descr: Bound<'_, PyAny> = unsafe {
            let descr = PY_ARRAY_API.PyArray_DescrFromScalar(py, scalar.as_ptr());
            Bound::from_owned_ptr_or_err(py, descr.cast())?
        };
        let Some(dtype) = Numpy::element_type(&descr)? else { return Ok(None) };
        let mut bytes = Aligned([0; 16]);
        // SAFETY: an instance of `numpy.generic`, of a type of 16 bytes at most (it is one of ours), which are written.
        unsafe { PY_ARRAY_API.PyArray_ScalarAsCtype(py, scalar.as_ptr(), bytes.0.as_mut_ptr().cast()) };
        Ok(Some(Scalar::from_bytes(dtype, &bytes.0)))
    }

    /// `numpy.zeros(shape, dtype)`
    pub(crate) fn zeros<'py>(
        py: Python<'py>,
        shape: &[usize],
        dtype: DType,
    ) -> PyResult<Bound<'py, PyUntypedArray>> {
        let mut shape: SmallVec<[npy_intp; 8]> = shape.iter().map(|&n| n as npy_intp).collect();
        let descr = Numpy::dtype_object(py, dtype).clone().into_ptr();
        // SAFETY: the interpreter's lock is held; as many extents as said; the reference to the dtype object is given away; a
        // new reference to an array comes back, or null with an exception.
        let made = unsafe {
            let (axes, extents) = (shape.len() as i32, shape.as_mut_ptr());
            Bound::from_owned_ptr_or_err(py, PY_ARRAY_API.PyArray_Zeros(py, axes, extents, descr.cast(), 0))?
        };
        Ok(made.cast_into()?)
    }
}

/// Aligned for each type.
#[repr(align(16))]
struct Aligned([u8; 16]);
