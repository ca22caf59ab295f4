//! The class `ndarray`: flags, methods that are functions of the package, and what other libraries ask of an array.

use crate::error::OrRaise;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Calls the package's function of a method that has no need to be quick.
fn packaged<'py>(
    slf: &Bound<'py, NdArray>,
    name: &str,
    arguments: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> Object<'py> {
    let py = slf.py();
    let function = py.import("gain._class")?.getattr("METHODS")?.get_item(name)?;
    let mut all = vec![slf.clone().into_any()];
    all.extend(arguments.iter());
    function.call(PyTuple::new(py, all)?, keywords)
}

/// Methods of the package, with the signatures that `help` shows.
macro_rules! packaged {
    ($($name:ident $signature:literal,)*) => {$(
        #[pymethods]
        impl NdArray {
            #[pyo3(signature = (*arguments, **keywords), text_signature = $signature)]
            fn $name<'py>(
                slf: &Bound<'py, Self>,
                arguments: &Bound<'py, PyTuple>,
                keywords: Option<&Bound<'py, PyDict>>,
            ) -> Object<'py> {
                packaged(slf, stringify!($name), arguments, keywords)
            }
        }
    )*};
}

packaged! {
    argpartition "($self, kth, axis=-1, kind='introselect', order=None)",
    argsort "($self, axis=-1, kind=None, order=None, *, stable=None)",
    choose "($self, choices, out=None, mode='raise')",
    clip "($self, min=None, max=None, out=None, **kwargs)",
    compress "($self, condition, axis=None, out=None)",
    cumprod "($self, axis=None, dtype=None, out=None)",
    cumsum "($self, axis=None, dtype=None, out=None)",
    nonzero "($self)",
    partition "($self, kth, axis=-1, kind='introselect', order=None)",
    put "($self, indices, values, mode='raise')",
    round "($self, decimals=0, out=None)",
    sort "($self, axis=-1, kind=None, order=None, *, stable=None)",
    std "($self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None)",
    take "($self, indices, axis=None, out=None, mode='raise')",
    var "($self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None)",
}

/// # Flags
#[pymethods]
impl NdArray {
    #[getter]
    fn flags<'py>(slf: &Bound<'py, Self>) -> Object<'py> {
        let is_writeable = slf.try_borrow()?.is_flagged_writeable();
        slf.py().import("gain._class")?.getattr("Flags")?.call1((slf, is_writeable))
    }

    #[pyo3(signature = (write = None, align = None, uic = None))]
    fn setflags(
        slf: &Bound<'_, Self>,
        write: Option<&Bound<'_, PyAny>>,
        align: Option<&Bound<'_, PyAny>>,
        uic: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let wanted = |flag: Option<&Bound<'_, PyAny>>| match flag {
            Some(flag) if !flag.is_none() => flag.is_truthy().map(Some),
            _ => Ok(None),
        };
        let (write, align, uic) = (wanted(write)?, wanted(align)?, wanted(uic)?);
        if align == Some(false) {
            return Err(PyValueError::new_err("gain's arrays are aligned: ALIGNED can't be set to False"));
        }
        if uic == Some(true) {
            return Err(PyValueError::new_err("cannot set WRITEBACKIFCOPY flag to True"));
        }
        match write {
            Some(write) => slf.try_borrow_mut()?.set_writeable(slf.py(), write),
            None => Ok(()),
        }
    }
}

/// # For other libraries
#[pymethods]
impl NdArray {
    /// As of NumPy's arrays.
    #[classattr]
    fn __array_priority__() -> f64 {
        0.0
    }

    #[getter(mT)]
    fn matrix_transposed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, NdArray>> {
        let mine = slf.try_borrow()?.array.clone();
        let ndim = mine.ndim() as isize;
        if ndim < 2 {
            return Err(PyValueError::new_err("matrix transpose with ndim < 2 is undefined"));
        }
        let mut order: Vec<isize> = (0..ndim).collect();
        order.swap(ndim as usize - 1, ndim as usize - 2);
        NdArray::derived(slf, mine.transpose(Some(&order)).or_raise()?)
    }

    #[getter]
    fn device(&self) -> &'static str {
        "cpu"
    }

    #[pyo3(signature = (device, /, *, stream = None))]
    fn to_device<'py>(
        slf: &Bound<'py, Self>,
        device: &Bound<'py, PyAny>,
        stream: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        if stream.is_some_and(|stream| !stream.is_none()) {
            return Err(PyValueError::new_err("The stream argument in to_device() is not supported"));
        }
        match device.extract::<&str>() {
            Ok("cpu") => Ok(slf.clone()),
            _ => Err(PyValueError::new_err(format!("Unsupported device: {}.", device.str()?))),
        }
    }

    #[pyo3(signature = (*, api_version = None))]
    fn __array_namespace__<'py>(
        &self,
        py: Python<'py>,
        api_version: Option<&Bound<'py, PyAny>>,
    ) -> Object<'py> {
        let gain = py.import("gain")?;
        // (NumPy may know fewer versions.)
        let is_newest = match api_version {
            Some(version) => version.eq(gain.getattr("__array_api_version__")?)?,
            None => true,
        };
        if !is_newest {
            let given = PyDict::new(py);
            given.set_item("api_version", api_version)?;
            Numpy::attribute(py, "empty")?.call1((0,))?.call_method(
                "__array_namespace__",
                (),
                Some(&given),
            )?;
        }
        Ok(gain.into_any())
    }
}
