//! ELIO: files by number, without a process's or a team's rules.
//!
//! Invariant: a number is that of an open file or of none; requests are numbered apart from those of other libraries.

use crate::code::{self, failed};
use crate::engine::{Numbered, Request};
use crate::file::{File, Lent, Mode, Way, outcome};
use crate::{Error, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All open files and requests.
#[derive(Default)]
struct State {
    files: HashMap<usize, Arc<File>>,
    next: usize,
    requests: Numbered,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    let mut state: MutexGuard<'_, _> = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    f(state.get_or_insert_default())
}

fn file(number: usize) -> Result<Arc<File>> {
    let found = with(|state| state.files.get(&number).cloned());
    found.ok_or_else(|| Error::Wrong(format!("{number:#x} is no open file")))
}

/// Opens a file; its number, which isn't 0. `elio_open`.
///
/// # Errors
/// [`code::MODE`], [`code::OPEN`].
pub fn open(name: &str, mode: i32) -> Result<usize> {
    let Some(mode) = Mode::of(mode) else { return Err(code::because(code::MODE, format!("{mode}"))) };
    let file = Arc::new(File::open(name, mode)?);
    Ok(with(|state| {
        // As an address it would be one that nothing has.
        state.next += 16;
        state.files.insert(state.next, file);
        state.next
    }))
}

/// Closes a file. `elio_close`.
///
/// # Errors
/// There is no such file.
pub fn close(number: usize) -> Result<()> {
    file(number)?;
    with(|state| state.files.remove(&number));
    Ok(())
}

/// Reads or writes a range; how many bytes. `elio_read`, `elio_write`
///
/// # Errors
/// [`code::READ`], [`code::WRITE`], [`code::END`].
///
/// # Safety
/// As [`File::transfer`].
pub unsafe fn transfer(number: usize, way: Way, offset: f64, lent: Lent) -> Result<usize> {
    let (file, offset) = (file(number)?, crate::file::whole(offset, code::READ)?);
    // SAFETY: the caller's promise.
    unsafe { file.transfer(way, offset, lent) }?;
    Ok(lent.1)
}

/// Starts to; the request's number. `elio_aread`, `elio_awrite`.
///
/// # Errors
/// There is no such file.
///
/// # Safety
/// As [`File::transfer`], until the request is over.
pub unsafe fn start(number: usize, way: Way, offset: f64, lent: Lent) -> Result<i32> {
    let (file, offset) = (file(number)?, crate::file::whole(offset, code::READ)?);
    // SAFETY: the caller's promise.
    Ok(with(|state| state.requests.add(unsafe { begun(file, way, offset, lent) })))
}

/// A request for a range.
///
/// # Safety
/// As [`File::transfer`], until the request is over.
pub(crate) unsafe fn begun(file: Arc<File>, way: Way, offset: u64, lent: Lent) -> Request {
    let request = Request::default();
    request.add(move || {
        // All of it, not its parts.
        let lent = { lent };
        // SAFETY: the caller's promise.
        outcome(unsafe { file.transfer(way, offset, lent) })
    });
    request
}

/// Waits for a request; its code. `elio_wait`.
///
/// # Errors
/// [`code::REQUEST`].
pub fn wait(request: i32) -> Result<i32> {
    match with(|state| state.requests.take(request)) {
        Some(request) => Ok(request.wait()),
        None => Err(code::because(code::REQUEST, format!("{request}"))),
    }
}

/// Whether a request is over; one that isn't there is. `elio_probe`.
pub fn is_over(request: i32) -> bool {
    with(|state| state.requests.get(request).is_none_or(Request::is_over))
}

/// Has a file end there. `elio_truncate`.
///
/// # Errors
/// [`code::TRUNCATE`].
pub fn truncate(number: usize, len: f64) -> Result<()> {
    let len = crate::file::whole(len, code::TRUNCATE)?;
    file(number)?.set_length(len).map_err(failed(code::TRUNCATE))
}

/// A file's length. `elio_length`.
///
/// # Errors
/// [`code::STAT`].
pub fn length(number: usize) -> Result<u64> {
    file(number)?.length().map_err(failed(code::STAT))
}

/// Returns when a file is on the disk. `elio_fsync`.
///
/// # Errors
/// [`code::FSYNC`].
pub fn sync(number: usize) -> Result<()> {
    file(number)?.sync().map_err(failed(code::FSYNC))
}
