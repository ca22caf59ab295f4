//! Random numbers: arrays drawn from the state of one of NumPy's bit generators, which comes and goes as bytes.

use crate::convert::released;
use crate::creation::shape_of;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use gain::{Array, DType, Draw, Stream};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A state: the name of the generator's class, its words as bytes, whether half a word is kept, and which.
type State<'py> = (String, Bound<'py, PyBytes>, bool, u32);
/// The same of what comes back.
type After<'py> = (Bound<'py, PyBytes>, bool, u32);

fn stream_of(state: &State<'_>) -> PyResult<Stream> {
    let (name, words, has_half, half) = state;
    Stream::from_bytes(name, words.as_bytes(), *has_half, *half)
        .ok_or_else(|| PyValueError::new_err(format!("no state of a {name}")))
}

fn after<'py>(py: Python<'py>, stream: &Stream) -> After<'py> {
    (PyBytes::new(py, &stream.to_bytes()), stream.has_half, stream.half)
}

/// What is drawn, by name: with numbers, or of integers their type, the least as unsigned bits, the greatest less that, and whether by masks.
fn draw_of(
    name: &str,
    numbers: &[f64],
    integers: Option<(Bound<'_, PyAny>, u64, u64, bool)>,
) -> PyResult<Draw> {
    Ok(match (name, numbers, integers) {
        ("random", [], _) => Draw::Random,
        ("random32", [], _) => Draw::ShortRandom,
        ("uniform", &[low, range], _) => Draw::Uniform { low, range },
        ("normal", [], _) => Draw::StandardNormal,
        ("normal32", [], _) => Draw::ShortNormal,
        ("normal", &[loc, scale], _) => Draw::Normal { loc, scale },
        ("exponential", [], _) => Draw::StandardExponential,
        ("exponential32", [], _) => Draw::ShortExponential,
        ("exponential", &[scale], _) => Draw::Exponential { scale },
        ("inverse", [], _) => Draw::Inverse { scale: None },
        ("inverse", &[scale], _) => Draw::Inverse { scale: Some(scale) },
        ("inverse32", [], _) => Draw::ShortInverse,
        ("polar", [], _) => Draw::Polar { linear: None },
        ("polar", &[loc, scale], _) => Draw::Polar { linear: Some((loc, scale)) },
        ("integers", [], Some((dtype, low, range, is_masked))) if range > 0 => {
            let dtype = Numpy::parse_dtype(&dtype)?.unwrap_or(DType::I64);
            Draw::Integers { dtype, low, range, is_masked }
        }
        _ => return Err(PyValueError::new_err(format!("nothing is drawn as {name} {numbers:?}"))),
    })
}

/// An array of this shape drawn from a state; the state afterwards, and the normal variate left over, if there is one.
#[pyfunction]
#[pyo3(signature = (state, shape, name, numbers, integers=None, kept=None))]
fn drawn<'py>(
    py: Python<'py>,
    state: State<'py>,
    shape: &Bound<'py, PyAny>,
    name: &str,
    numbers: Vec<f64>,
    integers: Option<(Bound<'py, PyAny>, u64, u64, bool)>,
    kept: Option<f64>,
) -> PyResult<(Bound<'py, NdArray>, After<'py>, Option<f64>)> {
    let draw = draw_of(name, &numbers, integers)?;
    let (mut stream, mut kept, shape) = (stream_of(&state)?, kept, shape_of(shape)?);
    let made = released(py, || Array::drawn(draw, &mut stream, &mut kept, &shape))?;
    Ok((Bound::new(py, NdArray::new(made))?, after(py, &stream), kept))
}

/// So many permutations of the numbers below `len`, drawn from a state; the state afterwards.
#[pyfunction]
fn shuffles<'py>(
    py: Python<'py>,
    state: State<'py>,
    rows: usize,
    len: usize,
) -> PyResult<(Bound<'py, NdArray>, After<'py>)> {
    let mut stream = stream_of(&state)?;
    let made = released(py, || Array::shuffles(&mut stream, rows, len))?;
    Ok((Bound::new(py, NdArray::new(made))?, after(py, &stream)))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(drawn, module)?)?;
    module.add_function(wrap_pyfunction!(shuffles, module)?)
}
