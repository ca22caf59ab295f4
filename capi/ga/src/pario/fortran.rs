//! Fortran's names of arrays on disk and files: `dra.fh`, `eaf.fh`, `sf.fh`.
//!
//! Invariant: bounds count from 1 and axes are in Fortran's order up to here.

use super::disk::{Bounds, Order, begin, create, print, progress, team, told, transfer};
use super::files::{KIND, NONE, lent, lent_by, say, stat, wait_all};
use super::{code, stored};
use crate::fault::{Result, refuse};
use crate::guard::{self, Call};
use crate::types;
use ::pario::code::EAF_END;
use ::pario::dra;
use ::pario::file::{Mode, Way};
use ::pario::{exclusive as eaf, shared as sf};
use common::exports;
use common::fortran::{self, Integer as _, Length};
use std::ffi::{c_char, c_int, c_void};

/// Fortran's INTEGER.
type Integer = i64;

/// As [`guard::bare`], by the name that the program has.
fn bare<R>(name: impl Fn() -> &'static str + Copy, body: impl FnOnce() -> Result<R>) -> R {
    guard::bare(move || fortran::routine(name()), body)
}

/// As [`guard::call`], by the name that the program has.
fn call<R>(name: impl Fn() -> &'static str + Copy, body: impl FnOnce(&Call) -> Result<R>) -> R {
    guard::call(move || fortran::routine(name()), body)
}

/// Fortran's number of a type, of C's.
fn in_fortran(kind: i32) -> Integer {
    match kind {
        types::C_CHAR => 1009,
        types::C_LONG if size_of::<Integer>() == 8 => 1010,
        types::C_INT if size_of::<Integer>() == 4 => 1010,
        types::C_FLOAT => 1012,
        types::C_DBL => 1013,
        types::C_SCPL => 1014,
        types::C_DCPL => 1015,
        other => other.into(),
    }
}

/// What Fortran sees of an array of so many axes; of any number if that is 0.
///
/// # Safety
/// Places are writable: a number for each axis, texts of the lengths told.
#[allow(clippy::too_many_arguments)]
unsafe fn inquire_fortran(
    d_a: Integer,
    kind: *mut Integer,
    axes: *mut Integer,
    dims: &[*mut Integer],
    list: *mut Integer,
    (name, nlen): (*mut c_char, Length),
    (file, flen): (*mut c_char, Length),
) -> Result<Integer> {
    let (header, path) = match dra::inquire(d_a.int()) {
        Ok(found) => found,
        Err(error) => return code(Err(error)).map(|code| Integer::narrow(code.into())),
    };
    if !dims.is_empty() && header.dims.len() != dims.len() {
        refuse!("array on disk {d_a} has {} axes", header.dims.len());
    }
    // SAFETY: the caller's promise.
    unsafe {
        kind.write(in_fortran(header.kind));
        if !axes.is_null() {
            axes.write(header.dims.len() as Integer);
        }
        for (axis, extent) in header.dims.iter().rev().enumerate() {
            let place = if list.is_null() { dims[axis] } else { list.add(axis) };
            place.write(*extent as Integer);
        }
        fortran::write(name, nlen, &header.name);
        fortran::write(file, flen, path.as_bytes());
    }
    Ok(0)
}

fn integer(code: i32) -> Integer {
    Integer::narrow(code.into())
}

/// The bounds of two axes as lists.
struct Two([Integer; 2], [Integer; 2]);

impl Two {
    /// # Safety
    /// Readable numbers.
    unsafe fn read(
        ilo: *const Integer,
        ihi: *const Integer,
        jlo: *const Integer,
        jhi: *const Integer,
    ) -> Two {
        // SAFETY: the caller's promise.
        unsafe { Two([ilo.read(), jlo.read()], [ihi.read(), jhi.read()]) }
    }
}

/// A transfer that Fortran wants.
///
/// # Safety
/// As [`transfer`].
unsafe fn from_fortran(
    ga: &Call,
    way: Way,
    is_turned: bool,
    (g_a, d_a): (*const Integer, *const Integer),
    bounds: Option<(*const Integer, *const Integer, *const Integer, *const Integer)>,
    request: *mut Integer,
) -> Result<Integer> {
    // SAFETY: the caller's promise.
    unsafe {
        let (g_a, d_a) = (g_a.read().int(), d_a.read().int());
        let bounds = bounds.map(|(glo, ghi, dlo, dhi)| Bounds { memory: (glo, ghi), disk: (dlo, dhi) });
        let started = transfer(ga, way, Order::Fortran, is_turned, g_a, d_a, bounds)?;
        told(ga, stored(started, request, integer)).map(integer)
    }
}

exports! {
    call;
    dra_init_(most: *const Integer, _most_bytes: *const f64, _disk_bytes: *const f64, memory: *const f64) -> Integer =
        |ga| begin(most.read().wide(), memory.read()).map(integer);
    dra_terminate_() -> Integer = |ga| told(ga, code(dra::end())).map(integer);
    dra_set_default_config_(files: *const Integer, writers: *const Integer) = |ga| code(dra::configure(files.read().int(), writers.read().int())).map(drop);
    dra_set_debug_(on: *const Integer) = |ga| { dra::debug(on.read().is_true()); Ok(()) };
    dra_flick_() = |ga| { std::thread::yield_now(); Ok(()) };
    dra_print_internals_(d_a: *const Integer) = |ga| print(d_a.read().int());
    dra_create_(kind: *const Integer, dim1: *const Integer, dim2: *const Integer, name: *const c_char, file: *const c_char, mode: *const Integer, _typical1: *const Integer, _typical2: *const Integer, d_a: *mut Integer, nlen: Length, flen: Length) -> Integer = |ga| {
        let names = (&*fortran::string(name, nlen), &*fortran::string(file, flen));
        let dims = [dim1.read().wide(), dim2.read().wide()];
        create(ga, Order::Fortran, kind.read().wide(), 2, dims.as_ptr(), names, mode.read().wide(), d_a, integer).map(integer)
    };
    ndra_create_(kind: *const Integer, axes: *const Integer, dims: *const Integer, name: *const c_char, file: *const c_char, mode: *const Integer, _typical: *const Integer, d_a: *mut Integer, nlen: Length, flen: Length) -> Integer = |ga| {
        let names = (&*fortran::string(name, nlen), &*fortran::string(file, flen));
        create(ga, Order::Fortran, kind.read().wide(), axes.read().wide(), dims, names, mode.read().wide(), d_a, integer).map(integer)
    };
    dra_open_(file: *const c_char, mode: *const Integer, d_a: *mut Integer, flen: Length) -> Integer =
        |ga| told(ga, stored(dra::open(team(ga)?, &fortran::string(file, flen), mode.read().int()), d_a, integer)).map(integer);
    dra_wait_(request: *const Integer) -> Integer = |ga| told(ga, code(dra::wait(request.read().int()))).map(integer);
    dra_probe_(request: *const Integer, status: *mut Integer) -> Integer =
        |ga| stored(dra::is_over(request.read().int()), status, |is_over| integer(progress(is_over))).map(integer);
    dra_close_(d_a: *const Integer) -> Integer = |ga| told(ga, code(dra::close(d_a.read().int()))).map(integer);
    dra_delete_(d_a: *const Integer) -> Integer = |ga| told(ga, code(dra::remove(d_a.read().int()))).map(integer);
    dra_inquire_(d_a: *const Integer, kind: *mut Integer, dim1: *mut Integer, dim2: *mut Integer, name: *mut c_char, file: *mut c_char, nlen: Length, flen: Length) -> Integer =
        |ga| inquire_fortran(d_a.read(), kind, std::ptr::null_mut(), &[dim1, dim2], std::ptr::null_mut(), (name, nlen), (file, flen));
    ndra_inquire_(d_a: *const Integer, kind: *mut Integer, axes: *mut Integer, dims: *mut Integer, name: *mut c_char, file: *mut c_char, nlen: Length, flen: Length) -> Integer =
        |ga| inquire_fortran(d_a.read(), kind, axes, &[], dims, (name, nlen), (file, flen));
    dra_write_, ndra_write_(g_a: *const Integer, d_a: *const Integer, request: *mut Integer) -> Integer =
        |ga| from_fortran(ga, Way::Write, false, (g_a, d_a), None, request);
    dra_read_, ndra_read_(g_a: *const Integer, d_a: *const Integer, request: *mut Integer) -> Integer =
        |ga| from_fortran(ga, Way::Read, false, (g_a, d_a), None, request);
    ndra_write_section_(transp: *const Integer, g_a: *const Integer, glo: *const Integer, ghi: *const Integer, d_a: *const Integer, dlo: *const Integer, dhi: *const Integer, request: *mut Integer) -> Integer =
        |ga| from_fortran(ga, Way::Write, transp.read().is_true(), (g_a, d_a), Some((glo, ghi, dlo, dhi)), request);
    ndra_read_section_(transp: *const Integer, g_a: *const Integer, glo: *const Integer, ghi: *const Integer, d_a: *const Integer, dlo: *const Integer, dhi: *const Integer, request: *mut Integer) -> Integer =
        |ga| from_fortran(ga, Way::Read, transp.read().is_true(), (g_a, d_a), Some((glo, ghi, dlo, dhi)), request);
    dra_write_section_(transp: *const Integer, g_a: *const Integer, gilo: *const Integer, gihi: *const Integer, gjlo: *const Integer, gjhi: *const Integer, d_a: *const Integer, dilo: *const Integer, dihi: *const Integer, djlo: *const Integer, djhi: *const Integer, request: *mut Integer) -> Integer = |ga| {
        let (Two(glo, ghi), Two(dlo, dhi)) = (Two::read(gilo, gihi, gjlo, gjhi), Two::read(dilo, dihi, djlo, djhi));
        let bounds = Some((glo.as_ptr(), ghi.as_ptr(), dlo.as_ptr(), dhi.as_ptr()));
        two_axes(ga, g_a.read().int())?;
        from_fortran(ga, Way::Write, transp.read().is_true(), (g_a, d_a), bounds, request)
    };
    dra_read_section_(transp: *const Integer, g_a: *const Integer, gilo: *const Integer, gihi: *const Integer, gjlo: *const Integer, gjhi: *const Integer, d_a: *const Integer, dilo: *const Integer, dihi: *const Integer, djlo: *const Integer, djhi: *const Integer, request: *mut Integer) -> Integer = |ga| {
        let (Two(glo, ghi), Two(dlo, dhi)) = (Two::read(gilo, gihi, gjlo, gjhi), Two::read(dilo, dihi, djlo, djhi));
        let bounds = Some((glo.as_ptr(), ghi.as_ptr(), dlo.as_ptr(), dhi.as_ptr()));
        two_axes(ga, g_a.read().int())?;
        from_fortran(ga, Way::Read, transp.read().is_true(), (g_a, d_a), bounds, request)
    };
}

/// Refuses arrays that don't have the two axes that the call has bounds of.
fn two_axes(ga: &Call, g_a: c_int) -> Result<()> {
    let axes = ga.array(g_a)?.ndim;
    if axes != 2 {
        refuse!("the array has {axes} axes, and the bounds are of 2");
    }
    Ok(())
}

exports! {
    bare;
    eaf_open_(name: *const c_char, kind: *const Integer, fd: *mut Integer, len: Length) -> Integer =
        || stored(eaf::open(&fortran::string(name, len), kind.read().int()), fd, integer).map(integer);
    eaf_close_(fd: *const Integer) -> Integer = || code(eaf::close(fd.read().int())).map(integer);
    eaf_read_(fd: *const Integer, offset: *const f64, buf: *mut c_void, bytes: *const Integer) -> Integer =
        || code(eaf::transfer(fd.read().int(), Way::Read, offset.read(), lent(buf, bytes.read().wide())?)).map(integer);
    eaf_write_(fd: *const Integer, offset: *const f64, buf: *const c_void, bytes: *const Integer) -> Integer =
        || code(eaf::transfer(fd.read().int(), Way::Write, offset.read(), lent(buf, bytes.read().wide())?)).map(integer);
    eaf_aread_(fd: *const Integer, offset: *const f64, buf: *mut c_void, bytes: *const Integer, request: *mut Integer) -> Integer =
        || stored(eaf::start(fd.read().int(), Way::Read, offset.read(), lent(buf, bytes.read().wide())?), request, integer).map(integer);
    eaf_awrite_(fd: *const Integer, offset: *const f64, buf: *const c_void, bytes: *const Integer, request: *mut Integer) -> Integer =
        || stored(eaf::start(fd.read().int(), Way::Write, offset.read(), lent(buf, bytes.read().wide())?), request, integer).map(integer);
    eaf_wait_(fd: *const Integer, request: *const Integer) -> Integer = || code(eaf::wait(fd.read().int(), request.read().int())).map(integer);
    eaf_probe_(request: *const Integer, status: *mut Integer) -> Integer =
        || stored(eaf::is_over(request.read().int()), status, |is_over| Integer::from(!is_over)).map(integer);
    eaf_delete_(name: *const c_char, len: Length) -> Integer = || code(eaf::delete(&fortran::string(name, len))).map(integer);
    eaf_length_(fd: *const Integer, length: *mut f64) -> Integer = || stored(eaf::length(fd.read().int()), length, |length| length as f64).map(integer);
    eaf_truncate_(fd: *const Integer, length: *const f64) -> Integer = || code(eaf::truncate(fd.read().int(), length.read())).map(integer);
    eaf_stat_(path: *const c_char, room_kb: *mut Integer, kind: *mut c_char, len: Length, kind_len: Length) -> Integer = || {
        let found = stat(&fortran::string(path, len), room_kb, |room| Integer::narrow(room as i64))?;
        if found == 0 {
            fortran::write(kind, kind_len, KIND.as_bytes());
        }
        Ok(integer(found))
    };
    eaf_eof_(found: *const Integer) -> Integer = || Ok(Integer::logical(found.read().int() != EAF_END));
    eaf_errmsg_(found: *const Integer, message: *mut c_char, len: Length) = || {
        fortran::write(message, len, ::pario::code::text(found.read().int()).as_bytes());
        Ok(())
    };
    eaf_print_stats_(fd: *const Integer) = || { say(&eaf::statistics(fd.read().int())); Ok(()) };
    eaf_util_szint_() -> Integer = || Ok(size_of::<Integer>() as Integer);
    eaf_util_random_(seed: *const Integer) -> f64 = || Ok(crate::tcgmsg::random(seed.read().wide()));
}

exports! {
    call;
    sf_create_(name: *const c_char, _hard: *const f64, _soft: *const f64, _typical: *const f64, handle: *mut Integer, len: Length) -> Integer =
        |ga| stored(sf::create(ga.groups.default_team()?, &fortran::string(name, len), None), handle, integer).map(integer);
    sf_create_suffix_(name: *const c_char, _hard: *const f64, _soft: *const f64, _typical: *const f64, handle: *mut Integer, suffix: *const Integer, len: Length) -> Integer =
        |ga| stored(sf::create(ga.groups.default_team()?, &fortran::string(name, len), Some(suffix.read().int())), handle, integer).map(integer);
}

exports! {
    bare;
    sf_destroy_(handle: *const Integer) -> Integer = || code(sf::destroy(handle.read().int())).map(integer);
    sf_open_(handle: *const Integer) -> Integer = || code(sf::open(handle.read().int(), Mode::ReadWrite)).map(integer);
    sf_rwtor_(handle: *const Integer) -> Integer = || code(sf::open(handle.read().int(), Mode::Read)).map(integer);
    sf_close_(handle: *const Integer) -> Integer = || code(sf::close(handle.read().int())).map(integer);
    sf_fsync_(handle: *const Integer) -> Integer = || code(sf::sync(handle.read().int())).map(integer);
    sf_write_(handle: *const Integer, offset: *const f64, bytes: *const f64, buf: *const c_void, request: *mut Integer) -> Integer =
        || stored(sf::start(handle.read().int(), Way::Write, offset.read(), lent_by(buf, bytes.read())?), request, integer).map(integer);
    sf_read_(handle: *const Integer, offset: *const f64, bytes: *const f64, buf: *mut c_void, request: *mut Integer) -> Integer =
        || stored(sf::start(handle.read().int(), Way::Read, offset.read(), lent_by(buf, bytes.read())?), request, integer).map(integer);
    sf_wait_(request: *mut Integer) -> Integer = || { let found = code(sf::wait(request.read().int()))?; request.write(integer(NONE)); Ok(integer(found)) };
    sf_waitall_(list: *mut Integer, count: *const Integer) -> Integer =
        || wait_all(list, count.read().wide(), |number| number.int(), integer(NONE)).map(integer);
    sf_errmsg_(found: *const Integer, message: *mut c_char, len: Length) = || {
        fortran::write(message, len, ::pario::code::text(found.read().int()).as_bytes());
        Ok(())
    };
}
