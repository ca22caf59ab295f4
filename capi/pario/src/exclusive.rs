//! EAF: files of one process, by small numbers.
//!
//! A file whose type is above 0 is in memory of the process, from the first time it is opened until it is deleted.
//!
//! Invariant: a number is that of the place in [`State::files`]; the lowest free one is given.

use crate::code::{self, failed, translated};
use crate::engine::{Numbered, Request};
use crate::file::{File, Lent, Mode, Way, whole};
use crate::plain::begun;
use crate::{Error, Result};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What was done with a file one way: calls, bytes, seconds.
#[derive(Clone, Copy, Default)]
struct Tally {
    calls: u64,
    bytes: f64,
    seconds: f64,
}

impl Tally {
    fn add(&mut self, bytes: usize, since: Instant) {
        self.calls += 1;
        self.bytes += bytes as f64;
        self.seconds += since.elapsed().as_secs_f64();
    }
}

/// An open file: its name, and what was done with it: writes, reads, writes and reads that were started, waits.
struct Open {
    name: String,
    file: Arc<File>,
    tallies: [Tally; 5],
}

#[derive(Default)]
struct State {
    files: Vec<Option<Open>>,
    requests: Numbered,
}

/// How many files there may be.
const MOST: usize = 1024;

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    f(STATE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Does something with an open file.
fn on<R>(number: i32, f: impl FnOnce(&mut Open) -> R) -> Result<R> {
    let found = with(|state| {
        let place = usize::try_from(number).ok()?;
        state.files.get_mut(place)?.as_mut().map(f)
    });
    found.ok_or_else(|| code::because(code::EAF_FILE, format!("{number}")))
}

fn file(number: i32) -> Result<Arc<File>> {
    on(number, |open| open.file.clone())
}

/// Opens a file; its number. `EAF_Open`.
///
/// # Errors
/// [`code::EAF_OPEN`], [`code::EAF_MOST_OPEN`].
pub fn open(name: &str, kind: i32) -> Result<i32> {
    let file = match (Mode::of(kind), kind) {
        (Some(mode), _) => File::open(name, mode).map_err(|error| translated(error, code::EAF_OPEN))?,
        (None, 1..) => File::in_memory(name),
        _ => return Err(code::because(code::EAF_OPEN, format!("there is no type {kind}"))),
    };
    let open = Open { name: name.to_owned(), file: Arc::new(file), tallies: Default::default() };
    with(|state| {
        let free = state.files.iter().position(Option::is_none).unwrap_or(state.files.len());
        if free >= MOST {
            return Err(code::because(code::EAF_MOST_OPEN, format!("{MOST}")));
        }
        if free == state.files.len() {
            state.files.push(None);
        }
        state.files[free] = Some(open);
        Ok(free as i32)
    })
}

/// Closes a file. `EAF_Close`.
///
/// # Errors
/// [`code::EAF_FILE`].
pub fn close(number: i32) -> Result<()> {
    file(number)?;
    with(|state| state.files[number as usize] = None);
    Ok(())
}

fn codes(error: Error, way: Way) -> Error {
    match (error, way) {
        (Error::Code(code::END), _) => translated(Error::Code(code::END), code::EAF_END),
        (error, Way::Read) => translated(error, code::EAF_READ),
        (error, Way::Write) => translated(error, code::EAF_WRITE),
    }
}

/// Reads or writes a range. `EAF_Read`, `EAF_Write`.
///
/// # Errors
/// [`code::EAF_READ`], [`code::EAF_END`], [`code::EAF_WRITE`], [`code::EAF_OFFSET`], [`code::EAF_FILE`].
///
/// # Safety
/// As [`File::transfer`].
pub unsafe fn transfer(number: i32, way: Way, offset: f64, lent: Lent) -> Result<()> {
    let (file, offset, since) = (file(number)?, whole(offset, code::EAF_OFFSET)?, Instant::now());
    // SAFETY: the caller's promise.
    unsafe { file.transfer(way, offset, lent) }.map_err(|error| codes(error, way))?;
    on(number, |open| open.tallies[usize::from(way == Way::Read)].add(lent.1, since))
}

/// Starts to; the request's number. `EAF_Aread`, `EAF_Awrite`.
///
/// # Errors
/// [`code::EAF_OFFSET`], [`code::EAF_FILE`].
///
/// # Safety
/// As [`File::transfer`], until the request is over.
pub unsafe fn start(number: i32, way: Way, offset: f64, lent: Lent) -> Result<i32> {
    let (file, offset, since) = (file(number)?, whole(offset, code::EAF_OFFSET)?, Instant::now());
    // SAFETY: the caller's promise.
    let request = unsafe { begun(file, way, offset, lent) };
    on(number, |open| open.tallies[2 + usize::from(way == Way::Read)].add(lent.1, since))?;
    Ok(with(|state| state.requests.add(request)))
}

/// Waits for a request of a file. `EAF_Wait`.
///
/// # Errors
/// [`code::EAF_WAIT`]; how the request ended.
pub fn wait(number: i32, request: i32) -> Result<()> {
    let since = Instant::now();
    let Some(found) = with(|state| state.requests.take(request)) else {
        return Err(code::because(code::EAF_WAIT, format!("{request}")));
    };
    let ended = found.wait();
    on(number, |open| open.tallies[4].add(0, since))?;
    match ended {
        code::OK => Ok(()),
        code::WRITE => Err(codes(Error::Code(ended), Way::Write)),
        _ => Err(codes(Error::Code(ended), Way::Read)),
    }
}

/// Whether a request is over. `EAF_Probe`.
///
/// # Errors
/// [`code::EAF_PROBE`].
pub fn is_over(request: i32) -> Result<bool> {
    let found = with(|state| state.requests.get(request).map(Request::is_over));
    found.ok_or_else(|| code::because(code::EAF_PROBE, format!("{request}")))
}

/// Deletes a file; one that isn't there is deleted. `EAF_Delete`.
///
/// # Errors
/// [`code::EAF_DELETE`].
pub fn delete(name: &str) -> Result<()> {
    crate::file::delete(name).map_err(|error| translated(error, code::EAF_DELETE))
}

/// Has a file end there. `EAF_Truncate`.
///
/// # Errors
/// [`code::EAF_TRUNCATE`], [`code::EAF_FILE`].
pub fn truncate(number: i32, len: f64) -> Result<()> {
    file(number)?.set_length(whole(len, code::EAF_TRUNCATE)?).map_err(failed(code::EAF_TRUNCATE))
}

/// A file's length. `EAF_Length`.
///
/// # Errors
/// [`code::EAF_LENGTH`], [`code::EAF_FILE`].
pub fn length(number: i32) -> Result<u64> {
    file(number)?.length().map_err(failed(code::EAF_LENGTH))
}

/// What was done with a file, as a table; nothing if it isn't open. `EAF_Print_stats`.
pub fn statistics(number: i32) -> String {
    let Ok((name, tallies)) = on(number, |open| (open.name.clone(), open.tallies)) else {
        return String::new();
    };
    let len = length(number).unwrap_or(0);
    let mut text = format!("EAF file {number}: \"{name}\", {len} bytes\n");
    for (tally, what) in tallies.iter().zip(["write", "read", "awrite", "aread", "wait"]) {
        let Tally { calls, bytes, seconds } = tally;
        let rate = if *seconds > 0.0 && *bytes > 0.0 { bytes / seconds / 1e6 } else { 0.0 };
        let _ = writeln!(
            text,
            "{what:>8}: {calls:>8} calls {bytes:>12.3e} bytes {seconds:>10.3e} s {rate:>10.2} MB/s"
        );
    }
    text
}
