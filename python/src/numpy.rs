//! What is needed of NumPy, looked up once: its types, a few functions, and the dtype object of each element type.
//!
//! dtype objects, scalars and exceptions are NumPy's own, so that `x.dtype == numpy.float64`, `isinstance` and
//! `except` clauses hold as they do there.

use gain::{DType, Op, Scalar};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyComplex, PyType};

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
    /// Scalar types in the order of [`DType`].
    scalars: Vec<Py<PyAny>>,
}

static NUMPY: PyOnceLock<Numpy> = PyOnceLock::new();

/// NumPy's type numbers (`dtype.num`) on platforms where `long` has 64 bits.
const NUMBERS: [(usize, DType); 16] = [
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
        let objects = |attribute: Option<&str>| -> PyResult<Vec<Py<PyAny>>> {
            let all = DType::ALL.iter().map(|d| {
                let object = dtype.call1((d.name(),))?;
                Ok(attribute.map_or(Ok(object.clone()), |name| object.getattr(name))?.unbind())
            });
            all.collect()
        };
        let loaded = Numpy {
            ndarray: module.getattr("ndarray")?.cast_into::<PyType>()?.unbind(),
            generic: module.getattr("generic")?.cast_into::<PyType>()?.unbind(),
            asarray: module.getattr("asarray")?.unbind(),
            dtypes: objects(None)?,
            scalars: objects(Some("type"))?,
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
        let number = object.getattr(pyo3::intern!(object.py(), "num"))?.extract::<usize>()?;
        Ok(NUMBERS.iter().find(|(n, _)| *n == number).map(|(_, d)| *d))
    }

    /// The element type that anything NumPy takes for a dtype names; `None` in Python is `None` here.
    pub(crate) fn parse_dtype(object: &Bound<'_, PyAny>) -> PyResult<Option<DType>> {
        if object.is_none() {
            return Ok(None);
        }
        let numpy = Numpy::get(object.py());
        let object = numpy.dtype.bind(object.py()).call1((object,))?;
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
        let class = Numpy::get(py).scalars[value.dtype() as usize].bind(py);
        match value {
            Scalar::Bool(x) => class.call1((x,)),
            Scalar::F16(x) => class.call1((x.to_f32(),)),
            Scalar::F32(x) => class.call1((x,)),
            Scalar::F64(x) | Scalar::PyFloat(x) => class.call1((x,)),
            Scalar::U64(x) => class.call1((x,)),
            Scalar::C64(_) | Scalar::C128(_) | Scalar::PyComplex(_) => {
                let z = value.as_c128();
                class.call1((PyComplex::from_doubles(py, z.re, z.im),))
            }
            _ => class.call1((value.as_i64(),)),
        }
    }
}
