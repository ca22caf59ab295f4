//! Arrays on disk: `dra.h` and `dra.fh`.
//!
//! Invariant: below are half-open bounds in C's order, whoever calls.

use super::memory::Patches;
use super::{code, stored};
use crate::fault::{Result, refuse};
use crate::guard::{Call, call};
use crate::types;
use ::pario::dra::{self, Sections};
use ::pario::file::Way;
use common::fortran::{self, Integer as _, Length};
use common::{exports, text};
use rma::Team;
use std::ffi::{CString, c_char, c_int, c_long};
use std::sync::Arc;

/// Fortran's INTEGER.
type Integer = i64;

/// Bounds and extents as they come: from 0 in C's order, or from 1 in Fortran's, which is C's backwards.
#[derive(Clone, Copy)]
enum Order {
    C,
    Fortran,
}

impl Order {
    /// # Safety
    /// So many readable numbers.
    unsafe fn read<N: fortran::Integer>(self, what: &str, list: *const N, axes: usize) -> Result<Vec<i64>> {
        if list.is_null() {
            refuse!("{what} is a null pointer");
        }
        // SAFETY: the caller's promise.
        let mut list: Vec<i64> = (0..axes).map(|axis| unsafe { list.add(axis).read() }.wide()).collect();
        if matches!(self, Order::Fortran) {
            list.reverse();
        }
        Ok(list)
    }

    /// Half-open bounds of a section within the extents.
    ///
    /// # Safety
    /// As [`Order::read`].
    unsafe fn bounds<N: fortran::Integer>(
        self,
        what: &str,
        (lo, hi): (*const N, *const N),
        extents: &[usize],
    ) -> Result<(Vec<usize>, Vec<usize>)> {
        // SAFETY: the caller's promise.
        let (lo, hi) = unsafe { (self.read("lo", lo, extents.len())?, self.read("hi", hi, extents.len())?) };
        let (base, last) = match self {
            Order::C => (0, -1),
            Order::Fortran => (1, 0),
        };
        for (axis, extent) in extents.iter().enumerate() {
            let (lo, hi, extent) = (lo[axis], hi[axis], *extent as i64);
            if lo < base || hi < lo || hi > extent + last {
                let name = match self {
                    Order::C => axis,
                    Order::Fortran => extents.len() - axis,
                };
                refuse!(
                    "lo is {lo} and hi is {hi} {what}: axis {name} goes from {base} to {}",
                    extent + last
                );
            }
        }
        let from_zero = |list: Vec<i64>, less: i64| list.into_iter().map(|at| (at - less) as usize).collect();
        Ok((from_zero(lo, base), from_zero(hi, base - 1)))
    }
}

fn team(ga: &Call) -> Result<Team> {
    ga.groups.default_team()
}

/// Tells of what went wrong: there is no function that would.
fn told(ga: &Call, result: Result<i32>) -> Result<i32> {
    if let Ok(code @ 1.. | code @ ..=-1) = result {
        eprintln!("rank {}: DRA: {}", ga.world.rank(), ::pario::code::text(code));
    }
    result
}

fn begin(most: i64, memory: f64) -> Result<i32> {
    code(dra::begin(i32::try_from(most).unwrap_or(i32::MAX), memory))
}

/// # Safety
/// So many readable extents; a writable handle.
#[allow(clippy::too_many_arguments)]
unsafe fn create<N: fortran::Integer, H>(
    ga: &Call,
    order: Order,
    kind: i64,
    axes: i64,
    dims: *const N,
    (name, file): (&str, &str),
    mode: i64,
    handle: *mut H,
    convert: impl FnOnce(i32) -> H,
) -> Result<i32> {
    let kind = types::kind(&ga.registered, i32::try_from(kind).unwrap_or(-1))?;
    let Some(axes) = usize::try_from(axes).ok().filter(|axes| (1..=7).contains(axes)) else {
        refuse!("{axes} axes, and there may be 1 to 7")
    };
    // SAFETY: the caller's promise.
    let dims = unsafe { order.read("dims", dims, axes)? };
    if let Some(extent) = dims.iter().find(|extent| **extent < 1) {
        refuse!("an extent of {extent}, and 1 is the least");
    }
    let dims: Vec<usize> = dims.into_iter().map(|extent| extent as usize).collect();
    let mode = i32::try_from(mode).unwrap_or(0);
    let made = dra::create(team(ga)?, kind.number, kind.size(), &dims, name, file, mode);
    // SAFETY: the caller's promise.
    told(ga, unsafe { stored(made, handle, convert) })
}

/// A transfer of all of both, or of sections.
struct Bounds<N, M> {
    memory: (*const N, *const N),
    disk: (*const M, *const M),
}

/// # Safety
/// Bounds have a readable number for each axis, the request is writable.
unsafe fn transfer<N: fortran::Integer, M: fortran::Integer>(
    ga: &Call,
    way: Way,
    order: Order,
    is_turned: bool,
    g_a: c_int,
    d_a: c_int,
    bounds: Option<Bounds<N, M>>,
) -> Result<::pario::Result<i32>> {
    let array = if way == Way::Write { ga.array(g_a)? } else { ga.target(g_a)? };
    let header = match dra::inquire(d_a) {
        Ok((header, _)) => header,
        Err(error) => return Ok(Err(error)),
    };
    let (shape, dims) = (array.shape(), &header.dims);
    if array.kind != header.kind || array.size() != header.item {
        refuse!("the array on disk has elements of type {}", types::name(header.kind));
    }
    if shape.len() != dims.len() {
        refuse!("the array on disk has {} axes", dims.len());
    }
    let (memory, disk) = match bounds {
        None if shape != dims => refuse!("the array on disk has the extents {dims:?}"),
        None => ((vec![0; dims.len()], shape.to_vec()), (vec![0; dims.len()], dims.clone())),
        // SAFETY: the caller's promises.
        Some(bounds) => unsafe {
            (order.bounds("in memory", bounds.memory, shape)?, order.bounds("on disk", bounds.disk, dims)?)
        },
    };
    let patches = Arc::new(Patches::new(g_a, &ga.world));
    let sections = Sections { memory: (&memory.0, &memory.1), disk: (&disk.0, &disk.1), is_turned };
    Ok(dra::start(d_a, way, patches, &sections))
}

/// What C sees of an array.
///
/// # Safety
/// Places are writable: a number for each axis, and texts of any length.
unsafe fn inquire(
    d_a: c_int,
    kind: *mut c_int,
    axes: *mut c_int,
    dims: *mut c_long,
    name: *mut c_char,
    file: *mut c_char,
) -> Result<i32> {
    let found = dra::inquire(d_a);
    code(found.map(|(header, path)| {
        // SAFETY: the caller's promise.
        unsafe {
            kind.write(header.kind);
            axes.write(header.dims.len() as c_int);
            for (axis, extent) in header.dims.iter().enumerate() {
                dims.add(axis).write(*extent as c_long);
            }
            for (place, text) in [(name, header.name), (file, path.into_bytes())] {
                let text = CString::new(text).unwrap_or_default();
                std::ptr::copy_nonoverlapping(text.as_ptr(), place, text.as_bytes_with_nul().len());
            }
        }
    }))
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

/// What a probe says: the original's number for "done", or for "not yet".
fn progress(is_over: bool) -> c_int {
    if is_over { -1 } else { 1 }
}

exports! {
    call;
    DRA_Init(most: c_int, _most_bytes: f64, _disk_bytes: f64, memory: f64) -> c_int = |ga| begin(most.into(), memory);
    DRA_Terminate() -> c_int = |ga| told(ga, code(dra::end()));
    DRA_Set_default_config(files: c_int, writers: c_int) = |ga| code(dra::configure(files, writers)).map(drop);
    DRA_Set_debug(on: c_long) = |ga| { dra::debug(on != 0); Ok(()) };
    DRA_Flick() = |ga| { std::thread::yield_now(); Ok(()) };
    DRA_Print_internals(d_a: c_int) = |ga| print(d_a);
    NDRA_Create(kind: c_int, axes: c_int, dims: *const c_long, name: *const c_char, file: *const c_char, mode: c_int, _typical: *const c_long, d_a: *mut c_int) -> c_int =
        |ga| create(ga, Order::C, kind.into(), axes.into(), dims, (&text(name), &text(file)), mode.into(), d_a, |handle| handle);
    DRA_Open(file: *const c_char, mode: c_int, d_a: *mut c_int) -> c_int =
        |ga| told(ga, stored(dra::open(team(ga)?, &text(file), mode), d_a, |handle| handle));
    DRA_Close(d_a: c_int) -> c_int = |ga| told(ga, code(dra::close(d_a)));
    DRA_Delete(d_a: c_int) -> c_int = |ga| told(ga, code(dra::remove(d_a)));
    NDRA_Inquire(d_a: c_int, kind: *mut c_int, axes: *mut c_int, dims: *mut c_long, name: *mut c_char, file: *mut c_char) -> c_int =
        |ga| inquire(d_a, kind, axes, dims, name, file);
    NDRA_Write(g_a: c_int, d_a: c_int, request: *mut c_int) -> c_int =
        |ga| told(ga, stored(transfer::<c_int, c_long>(ga, Way::Write, Order::C, false, g_a, d_a, None)?, request, |number| number));
    NDRA_Read(g_a: c_int, d_a: c_int, request: *mut c_int) -> c_int =
        |ga| told(ga, stored(transfer::<c_int, c_long>(ga, Way::Read, Order::C, false, g_a, d_a, None)?, request, |number| number));
    NDRA_Write_section(transp: c_long, g_a: c_int, glo: *const c_int, ghi: *const c_int, d_a: c_int, dlo: *const c_long, dhi: *const c_long, request: *mut c_int) -> c_int = |ga| {
        let bounds = Bounds { memory: (glo, ghi), disk: (dlo, dhi) };
        told(ga, stored(transfer(ga, Way::Write, Order::C, transp != 0, g_a, d_a, Some(bounds))?, request, |number| number))
    };
    NDRA_Read_section(transp: c_long, g_a: c_int, glo: *const c_int, ghi: *const c_int, d_a: c_int, dlo: *const c_long, dhi: *const c_long, request: *mut c_int) -> c_int = |ga| {
        let bounds = Bounds { memory: (glo, ghi), disk: (dlo, dhi) };
        told(ga, stored(transfer(ga, Way::Read, Order::C, transp != 0, g_a, d_a, Some(bounds))?, request, |number| number))
    };
    DRA_Wait(request: c_int) -> c_int = |ga| told(ga, code(dra::wait(request)));
    DRA_Probe(request: c_int, status: *mut c_int) -> c_int = |ga| stored(dra::is_over(request), status, progress);
}

fn print(d_a: c_int) -> Result<()> {
    let text = dra::internals(d_a).map_err(|error| match error {
        ::pario::Error::Wrong(text) => crate::fault::Fault::new(text),
        ::pario::Error::Code(code) => crate::fault::Fault::new(::pario::code::text(code)),
    })?;
    super::files::say(&text);
    Ok(())
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
