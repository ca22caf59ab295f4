//! Arrays of a kernel that several ranks run together: in windows, from which ranks read what others have computed.
//!
//! Each rank's part of a window has room for the whole array, of which it holds what `compile`'s `TeamRun` fetches. An
//! argument's own elements stay as they are until the run is known to be sound on all ranks.

use crate::convert::released;
use crate::error::OrRaise;
use crate::window::Window;
use compile::Ty;
use gain::view::Index;
use gain::{Array, Patch};
use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::prelude::*;

/// A box of elements: first and end along each axis.
type Span = (i64, i64);

/// An array of which each rank has what it needs.
pub(crate) struct Shared<'py> {
    window: Bound<'py, Window>,
    /// This rank's memory as NumPy's array.
    pub(crate) local: Bound<'py, PyAny>,
    address: usize,
    dims: Vec<usize>,
    /// The argument that it stands for.
    pub(crate) source: Option<Array>,
    /// What this rank has to have in the end.
    pub(crate) wanted: Vec<Vec<Span>>,
}

impl<'py> Shared<'py> {
    /// Memory for an array of zeros, or for what an argument has. Collective.
    pub(crate) fn new(py: Python<'py>, ty: Ty, dims: &[usize], source: Option<Array>) -> PyResult<Self> {
        let words: usize = dims.iter().product();
        let window = Bound::new(py, Window::new(py, 8 * words.max(1))?)?;
        let part = Window::part(&window, gain::session::rank())?;
        let numpy = py.import("numpy")?;
        let dtype = if ty == Ty::Float { "f8" } else { "i8" };
        let flat = numpy.call_method1("frombuffer", (part, dtype, words))?;
        let local = flat.call_method1("reshape", (dims.to_vec(),))?;
        let address = match ty {
            Ty::Float => local.cast::<PyArrayDyn<f64>>()?.data() as usize,
            _ => local.cast::<PyArrayDyn<i64>>()?.data() as usize,
        };
        Ok(Shared { window, local, address, dims: dims.to_vec(), source, wanted: Vec::new() })
    }

    /// Where this rank's memory is.
    pub(crate) fn address(&self) -> usize {
        self.address
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Vec<Span> {
        self.dims.iter().map(|dim| (0, *dim as i64)).collect()
    }

    /// Fetches a box: from a rank's part, or from the argument.
    pub(crate) fn fetch(&self, from: Option<usize>, patch: &[Span]) -> PyResult<()> {
        let py = self.window.py();
        let shape: Vec<usize> = patch.iter().map(|(lo, hi)| (hi - lo) as usize).collect();
        let len = shape.iter().product::<usize>();
        if len == 0 {
            return Ok(());
        }
        let mut strides = vec![1usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * self.dims[axis];
        }
        let first: usize = patch.iter().zip(&strides).map(|((lo, _), stride)| *lo as usize * stride).sum();
        let mut words = vec![0u64; len];
        let bytes = bytemuck::cast_slice_mut(&mut words);
        match (from, &self.source) {
            (Some(rank), _) => {
                let (mut counts, mut steps) = (shape.clone(), vec![1isize; shape.len()]);
                if let Some(last) = counts.last_mut() {
                    *last *= 8;
                }
                for (step, stride) in steps.iter_mut().zip(&strides).take(shape.len() - 1) {
                    *step = 8 * *stride as isize;
                }
                let from = Patch { rank, offset: 8 * first, shape: &counts, strides: &steps };
                let window = &self.window.get().0;
                released(py, || window.get(&from, bytes))?;
            }
            (None, Some(source)) => {
                let items: Vec<Index> =
                    patch.iter().map(|(lo, hi)| Index::range(*lo as isize, *hi as isize)).collect();
                let view = source.index(&items).or_raise()?;
                released(py, || view.get_bytes(bytes))?;
            }
            (None, None) => {}
        }
        let row = *shape.last().unwrap_or(&1);
        for (k, values) in words.chunks(row).enumerate() {
            let (mut at, mut rest) = (first, k);
            for axis in (0..shape.len() - 1).rev() {
                at += rest % shape[axis] * strides[axis];
                rest /= shape[axis];
            }
            // SAFETY: the row lies within this rank's part of the window, which has room for the whole array and lives as long
            // as `self`; other ranks read it only between meetings at which nobody fetches into it.
            unsafe {
                std::ptr::copy_nonoverlapping(values.as_ptr(), (self.address as *mut u64).add(at), row);
            }
        }
        Ok(())
    }
}
