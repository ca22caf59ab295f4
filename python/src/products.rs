//! Products of vectors, matrices and stacks of them, as functions of two arguments and nothing else.

use crate::convert::{compute, required, result};
use crate::foreign::{Stance, refusal, stance};
use crate::ndarray::NdArray;
use crate::number::made;
use crate::numpy::Numpy;
use gain::Array;
use pyo3::prelude::*;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// The product of this name, by `ours` unless NumPy's ufunc has to ask the operands' classes. The result is of the class of
/// the first operand of a subclass.
fn product<'py>(
    name: &str,
    operands: [&Bound<'py, PyAny>; 2],
    is_ufunc: bool,
    ours: fn(&Array, &Array) -> gain::Result<Array>,
) -> Object<'py> {
    let py = operands[0].py();
    for object in operands.iter().filter(|_| is_ufunc) {
        match stance(object)? {
            Stance::Plain | Stance::Outranks => {}
            Stance::Refuses => return Err(refusal(object)),
            Stance::Subclass | Stance::Overrides => {
                return Numpy::attribute(py, name)?.call1((operands[0], operands[1]));
            }
        }
    }
    let (a, b) = (required(operands[0], name)?.into_array()?, required(operands[1], name)?.into_array()?);
    let array = compute(py, &[&a, &b], || ours(&a, &b))?;
    let of_subclass = |object: &&&Bound<'py, PyAny>| !object.is_exact_instance_of::<NdArray>();
    match operands.iter().filter(of_subclass).find_map(|object| object.cast::<NdArray>().ok()) {
        Some(model) => made(model, array),
        None => result(py, array),
    }
}

macro_rules! products {
    ($($(#[$doc:meta])* $name:ident, is_ufunc: $is_ufunc:literal;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            fn $name<'py>(first: &Bound<'py, PyAny>, second: &Bound<'py, PyAny>) -> Object<'py> {
                product(stringify!($name), [first, second], $is_ufunc, Array::$name)
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
    dot, is_ufunc: false;
    /// `numpy.matmul(first, second)`
    matmul, is_ufunc: true;
    /// `numpy.matvec(first, second)`
    matvec, is_ufunc: true;
    /// `numpy.vecdot(first, second)`
    vecdot, is_ufunc: true;
    /// `numpy.vecmat(first, second)`
    vecmat, is_ufunc: true;
}
