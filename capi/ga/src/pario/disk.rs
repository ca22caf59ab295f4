//! Arrays on disk: `dra.h`, and what Fortran's names stand on.
//!
//! Invariant: below are half-open bounds in C's order, whoever calls.

use super::memory::Patches;
use super::{code, stored};
use crate::fault::{Result, refuse};
use crate::guard::{Call, call};
use crate::types;
use ::pario::dra::{self, Sections};
use ::pario::file::Way;
use common::fortran;
use common::{exports, text};
use rma::Team;
use std::ffi::{CString, c_char, c_int, c_long};
use std::sync::Arc;

/// Bounds and extents as they come: from 0 in C's order, or from 1 in Fortran's, which is C's backwards.
#[derive(Clone, Copy)]
pub(crate) enum Order {
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

pub(crate) fn team(ga: &Call) -> Result<Team> {
    ga.groups.default_team()
}

/// Tells of what went wrong: there is no function that would.
pub(crate) fn told(ga: &Call, result: Result<i32>) -> Result<i32> {
    if let Ok(code @ 1.. | code @ ..=-1) = result {
        eprintln!("rank {}: DRA: {}", ga.world.rank(), ::pario::code::whole_text(code));
    }
    result
}

pub(crate) fn begin(most: i64, memory: f64) -> Result<i32> {
    code(dra::begin(i32::try_from(most).unwrap_or(i32::MAX), memory))
}

/// # Safety
/// So many readable extents; a writable handle.
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn create<N: fortran::Integer, H>(
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
pub(crate) struct Bounds<N, M> {
    pub(crate) memory: (*const N, *const N),
    pub(crate) disk: (*const M, *const M),
}

/// # Safety
/// Bounds have a readable number for each axis, the request is writable.
pub(crate) unsafe fn transfer<N: fortran::Integer, M: fortran::Integer>(
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

/// What a probe says: the original's number for "done", or for "not yet".
pub(crate) fn progress(is_over: bool) -> c_int {
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

pub(crate) fn print(d_a: c_int) -> Result<()> {
    let text = dra::internals(d_a).map_err(|error| match error {
        ::pario::Error::Wrong(text) => crate::fault::Fault::new(text),
        ::pario::Error::Code(code) => crate::fault::Fault::new(::pario::code::whole_text(code)),
    })?;
    super::files::say(&text);
    Ok(())
}
