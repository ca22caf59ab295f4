//! Products of vectors, matrices and stacks of them, as functions of two arguments and nothing else.

use crate::convert::{compute, required, result};
use pyo3::prelude::*;

macro_rules! products {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            fn $name<'py>(first: &Bound<'py, PyAny>, second: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
                let name = stringify!($name);
                let (a, b) = (required(first, name)?.into_array()?, required(second, name)?.into_array()?);
                result(first.py(), compute(first.py(), &[&a, &b], || a.$name(&b))?)
            }
        )*

        /// Adds the functions.
        pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(module.add_function(wrap_pyfunction!($name, module)?)?;)*
            Ok(())
        }
    };
}

products! {
    /// `numpy.dot(first, second)`
    dot
    /// `numpy.matmul(first, second)`
    matmul
    /// `numpy.matvec(first, second)`
    matvec
    /// `numpy.vecdot(first, second)`
    vecdot
    /// `numpy.vecmat(first, second)`
    vecmat
}
