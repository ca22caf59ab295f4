//! `gain._job`: what a rank can do before NumPy and the package are there, which this library's other module needs: memory through which
//! ranks hand each other bytes. For the broadcast of imports (`python/gain/_broadcast.py`), which brings the rest.
//!
//! Invariant: nothing here imports anything, or asks for the state of NumPy.

use crate::error::exception;
use gain::{Patch, Window};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Memory of which each rank has a part.
#[pyclass(frozen, module = "gain._job")]
struct Line(Window);

fn run<T: Send>(py: Python<'_>, work: impl FnOnce() -> gain::Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(exception)
}

#[pymethods]
impl Line {
    /// So many bytes for this rank, zero at first. Collective.
    #[new]
    fn new(py: Python<'_>, len_bytes: usize) -> PyResult<Line> {
        run(py, || Window::new(len_bytes)).map(Line)
    }

    /// Writes bytes to a rank's part. Not collective.
    fn put(&self, py: Python<'_>, rank: usize, offset: usize, bytes: &[u8]) -> PyResult<()> {
        run(py, || self.0.put(&Patch { rank, offset, shape: &[bytes.len()], strides: &[1] }, bytes))
    }

    /// The bytes there. Not collective.
    fn get<'py>(
        &self,
        py: Python<'py>,
        rank: usize,
        offset: usize,
        len: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, len, |to| {
            run(py, || self.0.get(&Patch { rank, offset, shape: &[len], strides: &[1] }, to))
        })
    }

    /// Adds one to the 64-bit integer there, after all that was put before, and wakes who waits for it. Not collective.
    fn signal(&self, py: Python<'_>, rank: usize, offset: usize) -> PyResult<()> {
        run(py, || self.0.signal(rank, offset))
    }

    /// Waits until the 64-bit integer at this byte of the own part is `least` or more. Not collective.
    fn wait(&self, py: Python<'_>, offset: usize, least: u64) -> PyResult<()> {
        run(py, || self.0.wait(offset, least))
    }

    /// Whether a rank is on this node.
    fn is_near(&self, rank: usize) -> PyResult<bool> {
        Ok(self.0.mapped(rank).map_err(exception)?.is_some())
    }
}

/// This process's number among the ranks, and how many there are. Starts the runtime.
#[pyfunction]
fn place(py: Python<'_>) -> PyResult<(usize, usize)> {
    run(py, gain::session::init)?;
    Ok((gain::session::rank(), gain::session::size()))
}

#[pymodule]
fn _job(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Line>()?;
    module.add_function(wrap_pyfunction!(place, module)?)
}
