//! Files of one process, files that all share, and what they stand on: `eaf.h`, `sf.h`, `elio.h`, and what
//! Fortran's names stand on.
//!
//! Invariant: buffers are lent until the request they belong to is over.

use super::{code, stored};
use crate::fault::{Result, refuse};
use crate::guard::{bare, call};
use ::pario::code::{EAF_END, MOST, because};
use ::pario::file::{Lent, Mode, Way};
use ::pario::{Error, exclusive as eaf, plain as elio, shared as sf};
use common::{exports, text};
use std::ffi::{CString, c_char, c_int, c_long, c_ulong, c_void};

/// Prints by C's streams, so that it comes in order with what the program prints.
pub(crate) fn say(text: &str) {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: terminated texts; null is all streams.
    unsafe {
        libc::printf(c"%s".as_ptr(), text.as_ptr());
        libc::fflush(std::ptr::null_mut());
    }
}

/// Writes a text and its end mark into room for [`MOST`] bytes and that.
///
/// # Safety
/// There is that room.
unsafe fn write(to: *mut c_char, text: &str) {
    let text = CString::new(text).unwrap_or_default();
    debug_assert!(text.as_bytes().len() <= MOST);
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), to, text.as_bytes_with_nul().len()) };
}

/// A buffer of the program's.
pub(crate) fn lent(buffer: *const c_void, bytes: i64) -> Result<Lent> {
    match usize::try_from(bytes) {
        Ok(len) if len == 0 || !buffer.is_null() => Ok(Lent(buffer.cast_mut().cast(), len)),
        Ok(_) => refuse!("the buffer of {bytes} bytes is a null pointer"),
        Err(_) => refuse!("{bytes} bytes"),
    }
}

/// As [`lent`], of a length that is a floating-point number.
pub(crate) fn lent_by(buffer: *const c_void, bytes: f64) -> Result<Lent> {
    if !(0.0..9e15).contains(&bytes) || bytes.fract() != 0.0 {
        refuse!("{bytes} bytes");
    }
    lent(buffer, bytes as i64)
}

/// The kind of file system and its room, for a place of the program's.
///
/// # Safety
/// The text has the room told, the number is writable.
pub(crate) unsafe fn stat<N>(path: &str, room: *mut N, convert: impl FnOnce(u64) -> N) -> Result<i32> {
    let found = ::pario::file::free_kb(path)
        .map_err(|error| ::pario::code::translated(error, ::pario::code::EAF_STAT));
    // SAFETY: the caller's promise.
    unsafe { stored(found, room, convert) }
}

/// The only kind of file system that there is.
pub(crate) const KIND: &str = "UFS";

exports! {
    bare;
    EAF_Open(name: *const c_char, kind: c_int, fd: *mut c_int) -> c_int = || stored(eaf::open(&text(name), kind), fd, |number| number);
    EAF_Close(fd: c_int) -> c_int = || code(eaf::close(fd));
    EAF_Read(fd: c_int, offset: f64, buf: *mut c_void, bytes: usize) -> c_int =
        || code(eaf::transfer(fd, Way::Read, offset, lent(buf, bytes as i64)?));
    EAF_Write(fd: c_int, offset: f64, buf: *const c_void, bytes: usize) -> c_int =
        || code(eaf::transfer(fd, Way::Write, offset, lent(buf, bytes as i64)?));
    EAF_Aread(fd: c_int, offset: f64, buf: *mut c_void, bytes: usize, request: *mut c_int) -> c_int =
        || stored(eaf::start(fd, Way::Read, offset, lent(buf, bytes as i64)?), request, |number| number);
    EAF_Awrite(fd: c_int, offset: f64, buf: *const c_void, bytes: usize, request: *mut c_int) -> c_int =
        || stored(eaf::start(fd, Way::Write, offset, lent(buf, bytes as i64)?), request, |number| number);
    EAF_Wait(fd: c_int, request: c_int) -> c_int = || code(eaf::wait(fd, request));
    EAF_Probe(request: c_int, status: *mut c_int) -> c_int = || stored(eaf::is_over(request), status, |is_over| c_int::from(!is_over));
    EAF_Delete(name: *const c_char) -> c_int = || code(eaf::delete(&text(name)));
    EAF_Length(fd: c_int, length: *mut f64) -> c_int = || stored(eaf::length(fd), length, |length| length as f64);
    EAF_Truncate(fd: c_int, length: f64) -> c_int = || code(eaf::truncate(fd, length));
    EAF_Stat(path: *const c_char, room_kb: *mut c_long, kind: *mut c_char, len: c_int) -> c_int = || {
        if (len as usize) <= KIND.len() || len < 0 {
            return code(Err(because(::pario::code::EAF_SHORT, format!("{len} bytes"))));
        }
        let found = stat(&text(path), room_kb, |room| room as c_long)?;
        if found == 0 {
            write(kind, KIND);
        }
        Ok(found)
    };
    // 0 for the code of a file that ends too early, as the original has it.
    EAF_Eof(found: c_int) -> c_int = || Ok(c_int::from(found != EAF_END));
    EAF_Errmsg(found: c_int, message: *mut c_char) = || { write(message, &::pario::code::text(found)); Ok(()) };
    EAF_Print_stats(fd: c_int) = || { say(&eaf::statistics(fd)); Ok(()) };
}

exports! {
    call;
    SF_Create(name: *const c_char, _hard: f64, _soft: f64, _typical: f64, handle: *mut c_int) -> c_int =
        |ga| stored(sf::create(ga.groups.default_team()?, &text(name), None), handle, |number| number);
    SF_Create_suffix(name: *const c_char, _hard: f64, _soft: f64, _typical: f64, handle: *mut c_int, suffix: c_int) -> c_int =
        |ga| stored(sf::create(ga.groups.default_team()?, &text(name), Some(suffix)), handle, |number| number);
}

/// A list of requests, all of which are waited for and are none then; the first code that isn't 0 is 1.
///
/// # Safety
/// So many readable and writable numbers.
pub(crate) unsafe fn wait_all<N: Copy>(
    list: *mut N,
    count: i64,
    number: impl Fn(N) -> i32,
    none: N,
) -> Result<i32> {
    let mut worst = 0;
    for place in 0..count.max(0) as usize {
        // SAFETY: the caller's promise.
        let found = unsafe { list.add(place).read() };
        if code(sf::wait(number(found)))? != 0 {
            worst = ::pario::code::SF_FAIL;
        }
        // SAFETY: as above.
        unsafe { list.add(place).write(none) };
    }
    Ok(worst)
}

/// What a request that was waited for becomes.
pub(crate) const NONE: c_int = -1;

exports! {
    bare;
    SF_Destroy(handle: c_int) -> c_int = || code(sf::destroy(handle));
    SF_Open(handle: c_int) -> c_int = || code(sf::open(handle, Mode::ReadWrite));
    SF_Rwtor(handle: c_int) -> c_int = || code(sf::open(handle, Mode::Read));
    SF_Close(handle: c_int) -> c_int = || code(sf::close(handle));
    SF_Fsync(handle: c_int) -> c_int = || code(sf::sync(handle));
    SF_Write(handle: c_int, offset: f64, bytes: f64, buf: *const c_void, request: *mut c_int) -> c_int =
        || stored(sf::start(handle, Way::Write, offset, lent_by(buf, bytes)?), request, |number| number);
    SF_Read(handle: c_int, offset: f64, bytes: f64, buf: *mut c_void, request: *mut c_int) -> c_int =
        || stored(sf::start(handle, Way::Read, offset, lent_by(buf, bytes)?), request, |number| number);
    SF_Wait(request: *mut c_int) -> c_int = || { let found = code(sf::wait(request.read()))?; request.write(NONE); Ok(found) };
    SF_Waitall(list: *mut c_int, count: c_int) -> c_int = || wait_all(list, count.into(), |number| number, NONE);
    SF_Errmsg(found: c_int, message: *mut c_char) = || { write(message, &::pario::code::text(found)); Ok(()) };
}

/// What `elio_stat` says.
#[repr(C)]
struct Stat {
    kind: c_int,
    room_kb: c_ulong,
}

/// Bytes, or a code.
fn amount(result: ::pario::Result<usize>) -> Result<c_long> {
    match result {
        Ok(bytes) => Ok(bytes as c_long),
        Err(error) => Ok(code(Err(error))?.into()),
    }
}

exports! {
    bare;
    elio_init() = || Ok(());
    elio_open(name: *const c_char, kind: c_int, _mode: c_int) -> usize = || match elio::open(&text(name), kind) {
        Ok(number) => Ok(number),
        Err(Error::Code(_)) => Ok(0),
        Err(error) => code(Err(error)).map(|_| 0),
    };
    elio_close(fd: usize) -> c_int = || code(elio::close(fd));
    elio_read(fd: usize, offset: f64, buf: *mut c_void, bytes: c_long) -> c_long = || amount(elio::transfer(fd, Way::Read, offset, lent(buf, bytes)?));
    elio_write(fd: usize, offset: f64, buf: *const c_void, bytes: c_long) -> c_long = || amount(elio::transfer(fd, Way::Write, offset, lent(buf, bytes)?));
    elio_aread(fd: usize, offset: f64, buf: *mut c_void, bytes: c_long, request: *mut c_long) -> c_int =
        || stored(elio::start(fd, Way::Read, offset, lent(buf, bytes)?), request, c_long::from);
    elio_awrite(fd: usize, offset: f64, buf: *const c_void, bytes: c_long, request: *mut c_long) -> c_int =
        || stored(elio::start(fd, Way::Write, offset, lent(buf, bytes)?), request, c_long::from);
    elio_wait(request: *mut c_long) -> c_int = || {
        let number = request.read();
        request.write(NONE.into());
        match elio::wait(number as c_int) {
            // One that was waited for is over.
            Err(_) if number == c_long::from(NONE) => Ok(0),
            outcome => outcome.or_else(|error| code(Err(error))),
        }
    };
    elio_probe(request: *mut c_long, status: *mut c_int) -> c_int = || {
        status.write(if elio::is_over(request.read() as c_int) { NONE } else { 1 });
        Ok(0)
    };
    elio_delete(name: *const c_char) -> c_int = || code(::pario::file::delete(&text(name)));
    elio_truncate(fd: usize, length: f64) -> c_int = || code(elio::truncate(fd, length));
    elio_length(fd: usize, length: *mut f64) -> c_int = || stored(elio::length(fd), length, |length| length as f64);
    elio_fsync(fd: usize) -> c_int = || code(elio::sync(fd));
    elio_stat(name: *const c_char, found: *mut Stat) -> c_int =
        || stored(::pario::file::free_kb(&text(name)), found, |room| Stat { kind: 0, room_kb: room as c_ulong });
    // The part of a name before its last slash.
    elio_dirname(name: *const c_char, folder: *mut c_char, len: c_int) -> c_int = || {
        let name = text(name);
        let end = match name.rfind('/') {
            Some(0) => "/",
            Some(end) => &name[..end],
            None => ".",
        };
        if end.len() as i64 >= i64::from(len) {
            return code(Err(because(::pario::code::LONG, end)));
        }
        let end = CString::new(end).unwrap_or_default();
        std::ptr::copy_nonoverlapping(end.as_ptr(), folder, end.as_bytes_with_nul().len());
        Ok(0)
    };
    elio_errmsg(found: c_int, message: *mut c_char) = || { write(message, &::pario::code::text(found)); Ok(()) };
}
