//! `Window`: memory of which each rank has a part, and which every rank reads and writes by itself.

use crate::convert::{attached, released};
use gain::Patch;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};
use std::ffi::c_int;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Window>()?;
    module.add_class::<Part>()
}

/// Memory of which this rank has `len_bytes` bytes, zero at first; ranks may differ. Collective.
#[pyclass(frozen, module = "gain._gain")]
pub(crate) struct Window(pub(crate) gain::Window);

/// A rank's part of a window, where it is in the memory of this process: its bytes by the buffer protocol.
#[pyclass(frozen, module = "gain._gain")]
struct Part {
    window: Py<Window>,
    rank: usize,
}

#[pymethods]
impl Window {
    #[new]
    pub(crate) fn new(py: Python<'_>, len_bytes: usize) -> PyResult<Window> {
        released(py, || gain::Window::new(len_bytes)).map(Window)
    }

    /// The bytes of a rank's part as a memoryview; `None` if the rank is on another node. They change as ranks write. Not collective.
    pub(crate) fn part<'py>(
        slf: &Bound<'py, Self>,
        rank: usize,
    ) -> PyResult<Option<Bound<'py, PyMemoryView>>> {
        let py = slf.py();
        if attached(py, || slf.get().0.mapped(rank))?.is_none() {
            return Ok(None);
        }
        let part = Bound::new(py, Part { window: slf.clone().unbind(), rank })?;
        PyMemoryView::from(part.as_any()).map(Some)
    }

    /// Writes bytes, given in C order, to where shape and strides say, from this byte of the rank's part on. Not collective; a `fence`
    /// waits for them.
    fn put(
        &self,
        py: Python<'_>,
        rank: usize,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<isize>,
        given: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let buffer = PyBuffer::<u8>::get(given)?;
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err("bytes that are put lie one after the other"));
        }
        // SAFETY: the buffer is held, so its bytes stay where they are and readable; who changes them meanwhile puts something else.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) };
        let to = Patch { rank, offset, shape: &shape, strides: &strides };
        released(py, || self.0.put(&to, bytes))
    }

    /// The bytes that `put` would write there, in C order. Not collective.
    fn get<'py>(
        &self,
        py: Python<'py>,
        rank: usize,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<isize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let from = Patch { rank, offset, shape: &shape, strides: &strides };
        let len = shape.iter().try_fold(1usize, |len, &n| len.checked_mul(n));
        let len = len.ok_or_else(|| PyValueError::new_err("more bytes than there can be"))?;
        PyBytes::new_with(py, len, |to| released(py, || self.0.get(&from, to)))
    }

    /// Adds to the 64-bit integer at this byte of a rank's part; what was there before. Atomic, not collective.
    fn fetch_add(&self, py: Python<'_>, rank: usize, offset: usize, value: i64) -> PyResult<i64> {
        released(py, || self.0.fetch_add(rank, offset, value))
    }

    /// Adds one to the 64-bit integer at this byte of a rank's part and wakes who waits for it, after all that was put there before.
    fn signal(&self, py: Python<'_>, rank: usize, offset: usize) -> PyResult<()> {
        released(py, || self.0.signal(rank, offset))
    }

    /// Waits until the 64-bit integer at this byte of the own part is `least` or more. Not collective.
    fn wait(&self, py: Python<'_>, offset: usize, least: u64) -> PyResult<()> {
        released(py, || self.0.wait(offset, least))
    }

    /// Returns when all that this rank has put is where it belongs. Not collective.
    fn fence(&self, py: Python<'_>) -> PyResult<()> {
        released(py, || self.0.fence())
    }
}

#[pymethods]
impl Part {
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let part = slf.get();
        let window = &part.window.get().0;
        let found = attached(slf.py(), || Ok((window.mapped(part.rank)?, window.len_bytes(part.rank)?)))?;
        let (Some(start), len) = found else {
            return Err(PyBufferError::new_err("this part is in the memory of another node"));
        };
        // SAFETY: the interpreter hands over a `Py_buffer` to be filled in. The memory lives as long as the window, which the part
        // keeps, and the view keeps the part; bytes have no values that are none.
        let failed = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                start.as_ptr().cast(),
                len as ffi::Py_ssize_t,
                0,
                flags,
            )
        };
        if failed == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
