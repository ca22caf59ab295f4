//! Arrays on disk: `dra.h`, and what Fortran's names stand on.
//!
//! Invariant: below are half-open bounds in C's order, whoever calls; bounds and extents come as [`Index`] reads them.

use super::memory::Patches;
use super::{code, stored};
use crate::bounds::{Index, Sizes};
use crate::fault::{Result, refuse};
use crate::guard::{Call, call};
use crate::types;
use ::pario::dra::{self, Sections};
use ::pario::file::Way;
use common::{exports, text};
use rma::Team;
use std::ffi::{CString, c_char, c_int, c_long};
use std::sync::Arc;

/// Half-open bounds of a section within the extents, of inclusive ones as they come.
///
/// # Safety
/// Both have a readable number for each axis.
unsafe fn section<I: Index>(
    what: &str,
    (lo, hi): (*const I, *const I),
    extents: &[usize],
) -> Result<(Vec<usize>, Vec<usize>)> {
    if lo.is_null() || hi.is_null() {
        refuse!("lo or hi is a null pointer");
    }
    let axes = extents.len();
    let mut bounds = (Vec::new(), Vec::new());
    for (axis, extent) in extents.iter().enumerate() {
        // SAFETY: the caller's promise.
        let (from, to) = unsafe { (I::read(lo, axis, axes), I::read(hi, axis, axes)) };
        let (first, last, extent) = (from.at(), to.at(), *extent as i64);
        if first < 0 || last < first || last >= extent {
            refuse!(
                "lo is {from} and hi is {to} {what}: axis {} goes from {} to {}",
                I::axis(axis, axes),
                I::BASE,
                extent - 1 + I::BASE
            );
        }
        bounds.0.push(first as usize);
        bounds.1.push(last as usize + 1);
    }
    Ok(bounds)
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
pub(crate) unsafe fn create<I: Index, H>(
    ga: &Call,
    kind: i64,
    axes: i64,
    dims: *const I,
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
    let dims = unsafe { Sizes::read("dims", dims, axes, 1)? };
    let mode = i32::try_from(mode).unwrap_or(0);
    let made = dra::create(team(ga)?, kind.number, kind.size(), dims.list(), name, file, mode);
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
pub(crate) unsafe fn transfer<N: Index, M: Index>(
    ga: &Call,
    way: Way,
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
        None if shape != dims => refuse!("the array on disk has the extents {}", N::extents(dims)),
        None => ((vec![0; dims.len()], shape.to_vec()), (vec![0; dims.len()], dims.clone())),
        // SAFETY: the caller's promises.
        Some(bounds) => unsafe {
            (section("in memory", bounds.memory, shape)?, section("on disk", bounds.disk, dims)?)
        },
    };
    for axis in 0..dims.len() {
        let turned = if is_turned { dims.len() - 1 - axis } else { axis };
        let (here, there) = (disk.1[axis] - disk.0[axis], memory.1[turned] - memory.0[turned]);
        if here != there {
            let axis = M::axis(axis, dims.len());
            refuse!("the section on disk has {here} elements along axis {axis}, that in memory {there}");
        }
    }
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
        |ga| create(ga, kind.into(), axes.into(), dims, (&text(name), &text(file)), mode.into(), d_a, |handle| handle);
    DRA_Open(file: *const c_char, mode: c_int, d_a: *mut c_int) -> c_int =
        |ga| told(ga, stored(dra::open(team(ga)?, &text(file), mode), d_a, |handle| handle));
    DRA_Close(d_a: c_int) -> c_int = |ga| told(ga, code(dra::close(d_a)));
    DRA_Delete(d_a: c_int) -> c_int = |ga| told(ga, code(dra::remove(d_a)));
    NDRA_Inquire(d_a: c_int, kind: *mut c_int, axes: *mut c_int, dims: *mut c_long, name: *mut c_char, file: *mut c_char) -> c_int =
        |ga| inquire(d_a, kind, axes, dims, name, file);
    NDRA_Write(g_a: c_int, d_a: c_int, request: *mut c_int) -> c_int =
        |ga| told(ga, stored(transfer::<c_int, c_long>(ga, Way::Write, false, g_a, d_a, None)?, request, |number| number));
    NDRA_Read(g_a: c_int, d_a: c_int, request: *mut c_int) -> c_int =
        |ga| told(ga, stored(transfer::<c_int, c_long>(ga, Way::Read, false, g_a, d_a, None)?, request, |number| number));
    NDRA_Write_section(transp: c_long, g_a: c_int, glo: *const c_int, ghi: *const c_int, d_a: c_int, dlo: *const c_long, dhi: *const c_long, request: *mut c_int) -> c_int = |ga| {
        let bounds = Bounds { memory: (glo, ghi), disk: (dlo, dhi) };
        told(ga, stored(transfer(ga, Way::Write, transp != 0, g_a, d_a, Some(bounds))?, request, |number| number))
    };
    NDRA_Read_section(transp: c_long, g_a: c_int, glo: *const c_int, ghi: *const c_int, d_a: c_int, dlo: *const c_long, dhi: *const c_long, request: *mut c_int) -> c_int = |ga| {
        let bounds = Bounds { memory: (glo, ghi), disk: (dlo, dhi) };
        told(ga, stored(transfer(ga, Way::Read, transp != 0, g_a, d_a, Some(bounds))?, request, |number| number))
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
