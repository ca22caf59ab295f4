//! Elements in the memory of another process of this machine and user: ranks copy what is theirs from a client's array, and to one,
//! in a single step that the kernel makes (`process_vm_readv`).
//!
//! The other process is asked for nothing meanwhile: it waits for the call that this is part of, and keeps the array.

use crate::convert::released;
use crate::ndarray::NdArray;
use gain::{Array, Medium, Stored};
use pyo3::prelude::*;
use std::io;

/// A process.
struct Neighbour(libc::pid_t);

impl Neighbour {
    /// Copies so many bytes between here and there, by one of the two calls of the kernel's.
    fn copy(
        &self,
        here: *mut u8,
        len: usize,
        place: u64,
        call: unsafe extern "C" fn(
            libc::pid_t,
            *const libc::iovec,
            libc::c_ulong,
            *const libc::iovec,
            libc::c_ulong,
            libc::c_ulong,
        ) -> libc::ssize_t,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < len {
            let mine = libc::iovec { iov_base: here.wrapping_add(done).cast(), iov_len: len - done };
            let place = (place as usize).wrapping_add(done) as *mut libc::c_void;
            let theirs = libc::iovec { iov_base: place, iov_len: len - done };
            // SAFETY: `mine` is within the caller's slice, which is exclusive where it is written to; the kernel checks what is the
            // other process's, and fails where there is nothing.
            let moved = unsafe { call(self.0, &raw const mine, 1, &raw const theirs, 1, 0) };
            match moved {
                ..0 => return Err(io::Error::last_os_error()),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => done += moved as usize,
            }
        }
        Ok(())
    }
}

impl Medium for Neighbour {
    fn read_at(&self, bytes: &mut [u8], place: u64) -> io::Result<()> {
        self.copy(bytes.as_mut_ptr(), bytes.len(), place, libc::process_vm_readv)
    }

    fn write_at(&self, bytes: &[u8], place: u64) -> io::Result<()> {
        self.copy(bytes.as_ptr().cast_mut(), bytes.len(), place, libc::process_vm_writev)
    }
}

/// A new array of elements in a process's memory, in C order from this address on, of which this rank has read its own, and what went
/// wrong here. Collective.
#[pyfunction]
fn read_from_neighbour<'py>(
    py: Python<'py>,
    process: i32,
    address: u64,
    shape: Vec<usize>,
    dtype: &Bound<'py, PyAny>,
    is_swapped: bool,
) -> PyResult<(NdArray, Option<Py<PyAny>>)> {
    let dtype = crate::files::typed(dtype)?;
    let from = Neighbour(process);
    let stored = Stored { file: &from, offset: address, is_swapped };
    let (array, done) = released(py, || Array::read_own(&shape, dtype, &stored, &mut |_| {}))?;
    let error = done.err().map(|error| PyErr::from(error).into_value(py).into_any());
    Ok((NdArray::new(array), error))
}

/// Writes this rank's elements of an array to a process's memory, from this address on: raises what went wrong here. Collective.
#[pyfunction]
fn write_to_neighbour(array: &Bound<'_, NdArray>, process: i32, address: u64) -> PyResult<()> {
    let (py, array) = (array.py(), array.try_borrow()?.array.clone());
    let to = Neighbour(process);
    let stored = Stored { file: &to, offset: address, is_swapped: false };
    Ok(released(py, || array.write_own(&stored, &mut |_| {}))??)
}

/// Lets processes that this one started, or of the tree beneath it, copy from and to this process's memory where the system asks for
/// that (Yama); elsewhere nothing is asked for beyond the same user.
#[pyfunction]
fn open_to_neighbour(process: i32) {
    // SAFETY: it takes a number. (A system without that has nothing to be asked.)
    unsafe { libc::prctl(libc::PR_SET_PTRACER, process as libc::c_ulong) };
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_from_neighbour, module)?)?;
    module.add_function(wrap_pyfunction!(write_to_neighbour, module)?)?;
    module.add_function(wrap_pyfunction!(open_to_neighbour, module)?)
}
