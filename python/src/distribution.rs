//! Where elements are: a program's own distribution, and groups of ranks.

use crate::convert::{compute, released};
use crate::ndarray::NdArray;
use gain::Array;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(redistribute, module)?)?;
    module.add_function(wrap_pyfunction!(set_group, module)?)
}

/// `distribution=`, as programs say it.
#[derive(FromPyObject)]
enum Wanted {
    /// The first row of each rank.
    Rows(Vec<usize>),
    /// The range of the flat index that each rank has, as `ndarray.distribution()` says.
    Ranges(Vec<(usize, usize)>),
}

/// The array, spread as the program says if it says so.
pub(crate) fn spread(py: Python<'_>, array: Array, wanted: Option<&Bound<'_, PyAny>>) -> PyResult<Array> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_none()) else { return Ok(array) };
    let starts: Vec<usize> = match wanted.extract()? {
        Wanted::Rows(rows) => {
            let row = array.shape().iter().skip(1).product::<usize>();
            rows.iter().map(|first| first.saturating_mul(row)).collect()
        }
        Wanted::Ranges(ranges) => {
            let meets = |pair: &[(usize, usize)]| pair[0].1 == pair[1].0;
            if !ranges.windows(2).all(meets) || ranges.last().is_none_or(|last| last.1 != array.size()) {
                return Err(PyValueError::new_err(
                    "the ranges of a distribution follow one another to the end",
                ));
            }
            ranges.iter().map(|range| range.0).collect()
        }
    };
    compute(py, &[&array], || array.spread_over(&starts))
}

/// A copy of an array that is spread over the ranks as `distribution` says: the first row of each rank, or for each rank the
/// range of the flat index that it has. What is computed from it element by element is spread alike. Collective.
#[pyfunction]
fn redistribute(
    py: Python<'_>,
    array: PyRef<'_, NdArray>,
    distribution: &Bound<'_, PyAny>,
) -> PyResult<NdArray> {
    spread(py, array.array.clone(), Some(distribution)).map(NdArray::new)
}

/// New arrays are spread over these ranks alone from now on; over all if `None`. Collective.
#[pyfunction]
fn set_group(py: Python<'_>, ranks: Option<Vec<usize>>) -> PyResult<()> {
    released(py, || gain::set_group(ranks.as_deref()))
}
