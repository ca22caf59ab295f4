//! Iteration over elements: read ahead in blocks, and again once somebody has written.
//!
//! Invariant: what is handed out is what is there at that time. The block read ahead is good while the array's version
//! is the one it had before the block was read, and nobody else writes the memory. Whether it is all ranks decide alike, as they write alike.

use crate::convert::export;
use crate::error::OrRaise;
use gain::{Array, Index};
use pyo3::prelude::*;

/// Most elements read ahead.
const MOST: usize = 65536;

/// An iterator over the elements of an array in C order.
#[pyclass(module = "gain")]
pub(crate) struct Elements {
    array: Array,
    /// The next element's place.
    at: usize,
    /// Elements from `start` on, as a NumPy array, and how many.
    block: Option<(Py<PyAny>, usize)>,
    start: usize,
    version: u64,
    /// How many to read next.
    ahead: usize,
}

impl Elements {
    /// From the first element on.
    pub(crate) fn new(array: Array) -> Elements {
        Elements { array, at: 0, block: None, start: 0, version: 0, ahead: 256 }
    }

    /// Places gone through.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The element at this place comes next.
    pub(crate) fn go_to(&mut self, at: usize) {
        (self.at, self.block) = (at, None);
    }

    /// The next element as a NumPy scalar.
    pub(crate) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let size = self.array.size();
        if self.at >= size {
            return Ok(None);
        }
        let is_stale = self.version != self.array.version() || self.array.is_open();
        let place = self.at - self.start;
        let block = match &self.block {
            Some((block, len)) if !is_stale && place < *len => block.bind(py).clone(),
            old => {
                self.ahead = if old.is_some() && is_stale { 1 } else { (self.ahead * 8).min(MOST) };
                self.version = self.array.version();
                let stop = (self.at + self.ahead).min(size);
                let flat = if self.array.ndim() == 1 {
                    self.array.clone()
                } else {
                    self.array.ravel().or_raise()?
                };
                let part = flat.index(&[Index::range(self.at as isize, stop as isize)]).or_raise()?;
                let block = export(py, &part)?;
                self.start = self.at;
                self.block = Some((block.clone().unbind(), stop - self.at));
                block
            }
        };
        let item = block.get_item(self.at - self.start)?;
        self.at += 1;
        Ok(Some(item))
    }
}

#[pymethods]
impl Elements {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.next(py)
    }

    fn __length_hint__(&self) -> usize {
        self.array.size() - self.at
    }
}
