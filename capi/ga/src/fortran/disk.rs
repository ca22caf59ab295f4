//! Arrays on disk: `dra.fh`.
//!
//! Invariant: bounds count from 1 and axes are in Fortran's order up to here.

use super::pass::{Number, Out, Text};
use super::table::fortran;
use crate::bounds::Fortran;
use crate::fault::{Result, refuse};
use crate::guard::Call;
use crate::pario::disk::{Bounds, begin, create, print, progress, team, told, transfer};
use crate::pario::{code, stored};
use crate::types;
use ::pario::dra;
use ::pario::file::Way;
use common::fortran::Integer;
use std::ffi::c_int;

/// The INTEGER of a code.
fn narrow<I: Integer>(code: c_int) -> I {
    I::narrow(code.into())
}

/// Fortran's number of a type, of C's.
fn in_fortran<I: Integer>(kind: c_int) -> i64 {
    let integer = if size_of::<I>() == 8 { types::C_LONG } else { types::C_INT };
    match kind {
        types::C_CHAR => 1009,
        kind if kind == integer => 1010,
        types::C_FLOAT => 1012,
        types::C_DBL => 1013,
        types::C_SCPL => 1014,
        types::C_DCPL => 1015,
        other => other.into(),
    }
}

/// What there is of an array on disk: its extents go to `dims`, which are as many as its axes, or to `list`.
///
/// # Safety
/// Places of a Fortran program, in the list one for each axis.
unsafe fn inquire<I: Integer>(
    d_a: Number<I>,
    (kind, axes): (Out<I>, Option<Out<I>>),
    (dims, list): (&[Out<I>], *mut Fortran<I>),
    (name, file): (&Text, &Text),
) -> Result<c_int> {
    let (header, path) = match dra::inquire(d_a.int()) {
        Ok(found) => found,
        Err(error) => return code(Err(error)),
    };
    if list.is_null() && header.dims.len() != dims.len() {
        refuse!("array on disk {} has {} axes", d_a.int(), header.dims.len());
    }
    // SAFETY: the caller's promise.
    unsafe {
        kind.set(in_fortran::<I>(header.kind));
        if let Some(axes) = axes {
            axes.set(header.dims.len() as i64);
        }
        for (axis, extent) in header.dims.iter().rev().enumerate() {
            let place = if list.is_null() { dims[axis] } else { Out(list.add(axis).cast()) };
            place.set(*extent as i64);
        }
        name.write(&header.name);
        file.write(path.as_bytes());
    }
    Ok(0)
}

/// All of both arrays, or sections of them: `[glo, ghi, dlo, dhi]`.
///
/// # Safety
/// Bounds of as many numbers as the arrays have axes; a place for the request.
unsafe fn moved<I: Integer>(
    ga: &Call,
    way: Way,
    is_turned: bool,
    (g_a, d_a): (Number<I>, Number<I>),
    bounds: Option<[*const Fortran<I>; 4]>,
    request: Out<I>,
) -> Result<c_int> {
    let bounds = bounds.map(|[glo, ghi, dlo, dhi]| Bounds { memory: (glo, ghi), disk: (dlo, dhi) });
    // SAFETY: the caller's promise.
    unsafe {
        let started = transfer(ga, way, is_turned, g_a.int(), d_a.int(), bounds)?;
        told(ga, stored(started, request.0, narrow))
    }
}

/// Refuses arrays that don't have the two axes that the call has bounds of.
fn two_axes(ga: &Call, g_a: c_int) -> Result<()> {
    let axes = ga.array(g_a)?.ndim;
    if axes != 2 {
        refuse!("the array has {axes} axes, and the bounds are of 2");
    }
    Ok(())
}

fortran! {
    integer dra_init_(most: int, most_bytes: any, disk_bytes: any, memory: any) = |ga| begin(most.wide(), memory.read());
    integer dra_terminate_() = |ga| told(ga, code(dra::end()));
    subroutine dra_set_default_config_(files: int, writers: int) = |ga| code(dra::configure(files.int(), writers.int())).map(drop);
    subroutine dra_set_debug_(on: int) = |ga| { dra::debug(on.is_true()); Ok(()) };
    subroutine dra_flick_() = |ga| { std::thread::yield_now(); Ok(()) };
    subroutine dra_print_internals_(d_a: int) = |ga| print(d_a.int());
    integer dra_create_(kind: int, dim1: int, dim2: int, name: text, file: text, mode: int, typical1: int, typical2: int, d_a: out) = |ga| {
        let (dims, names) = ([dim1.index(), dim2.index()], (&*name.string(), &*file.string()));
        create(ga, kind.kind().into(), 2, dims.as_ptr(), names, mode.wide(), d_a.0, narrow)
    };
    integer ndra_create_(kind: int, axes: int, dims: ints, name: text, file: text, mode: int, typical: ints, d_a: out) = |ga| {
        let names = (&*name.string(), &*file.string());
        create(ga, kind.kind().into(), axes.wide(), dims, names, mode.wide(), d_a.0, narrow)
    };
    integer dra_open_(file: text, mode: int, d_a: out) = |ga| told(ga, stored(dra::open(team(ga)?, &file.string(), mode.int()), d_a.0, narrow));
    integer dra_wait_(request: int) = |ga| told(ga, code(dra::wait(request.int())));
    integer dra_probe_(request: int, status: out) = |ga| stored(dra::is_over(request.int()), status.0, |is_over| narrow(progress(is_over)));
    integer dra_close_(d_a: int) = |ga| told(ga, code(dra::close(d_a.int())));
    integer dra_delete_(d_a: int) = |ga| told(ga, code(dra::remove(d_a.int())));
    integer dra_inquire_(d_a: int, kind: out, dim1: out, dim2: out, name: text, file: text) =
        |ga| inquire(d_a, (kind, None), (&[dim1, dim2], std::ptr::null_mut()), (&name, &file));
    integer ndra_inquire_(d_a: int, kind: out, axes: out, dims: outs, name: text, file: text) =
        |ga| inquire(d_a, (kind, Some(axes)), (&[], dims), (&name, &file));
    integer dra_write_, ndra_write_(g_a: int, d_a: int, request: out) = |ga| moved(ga, Way::Write, false, (g_a, d_a), None, request);
    integer dra_read_, ndra_read_(g_a: int, d_a: int, request: out) = |ga| moved(ga, Way::Read, false, (g_a, d_a), None, request);
    integer ndra_write_section_(transp: int, g_a: int, glo: ints, ghi: ints, d_a: int, dlo: ints, dhi: ints, request: out) =
        |ga| moved(ga, Way::Write, transp.is_true(), (g_a, d_a), Some([glo, ghi, dlo, dhi]), request);
    integer ndra_read_section_(transp: int, g_a: int, glo: ints, ghi: ints, d_a: int, dlo: ints, dhi: ints, request: out) =
        |ga| moved(ga, Way::Read, transp.is_true(), (g_a, d_a), Some([glo, ghi, dlo, dhi]), request);
    integer dra_write_section_(transp: int, g_a: int, memory: patch, d_a: int, disk: patch, request: out) = |ga| {
        two_axes(ga, g_a.int())?;
        moved(ga, Way::Write, transp.is_true(), (g_a, d_a), Some([memory.lo(), memory.hi(), disk.lo(), disk.hi()]), request)
    };
    integer dra_read_section_(transp: int, g_a: int, memory: patch, d_a: int, disk: patch, request: out) = |ga| {
        two_axes(ga, g_a.int())?;
        moved(ga, Way::Read, transp.is_true(), (g_a, d_a), Some([memory.lo(), memory.hi(), disk.lo(), disk.hi()]), request)
    };
}
