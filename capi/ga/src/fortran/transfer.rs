//! Get, put and accumulate of patches; scattered elements; the shared counter.
//!
//! Invariant: a handle of a non-blocking call is an INTEGER that is written before the call returns, and not later.

use super::pass::{Number, Out};
use super::table::fortran;
use crate::bounds::Fortran;
use crate::exports::field::field;
use crate::fault::{Result, refuse};
use crate::guard::Call;
use crate::table;
use common::fortran::Integer;
use ga_core::pointers::PatchPointers;
use std::ffi::c_long;

/// Starts a transfer, and tells the program its handle.
///
/// # Safety
/// A place for it.
#[inline(always)]
unsafe fn started<I: Integer>(to: Out<I>, start: impl FnOnce(*mut c_long) -> Result<()>) -> Result<()> {
    let mut handle: c_long = 0;
    start(&raw mut handle)?;
    // SAFETY: the caller's promise.
    unsafe { to.set(handle) };
    Ok(())
}

/// Subscripts of a matrix's elements in one list.
///
/// # Safety
/// As many readable numbers in both.
unsafe fn pairs<I: Integer>(
    ga: &Call,
    g_a: Number<I>,
    i: *const Fortran<I>,
    j: *const Fortran<I>,
    count: Number<I>,
) -> Result<Vec<Fortran<I>>> {
    // Who doesn't find it says so.
    if let Some(array) = table::find(g_a.int()).filter(|array| array.ndim != 2) {
        ga.array(g_a.int())?;
        refuse!("two subscripts for an array of {} axes", array.ndim);
    }
    let count = count.wide().max(0) as usize;
    // SAFETY: the caller's promise.
    Ok(unsafe { (0..count).flat_map(|place| [i.add(place).read(), j.add(place).read()]).collect() })
}

fortran! {
    subroutine ga_put_(g_a: int, at: patch, buf: any, ld: ints) => NGA_Put;
    subroutine nga_put_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints) => NGA_Put;
    subroutine ga_get_(g_a: int, at: patch, buf: any, ld: ints) => NGA_Get;
    subroutine nga_get_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints) => NGA_Get;
    subroutine ga_acc_(g_a: int, at: patch, buf: any, ld: ints, alpha: any) => NGA_Acc;
    subroutine nga_acc_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints, alpha: any) => NGA_Acc;

    subroutine ga_nbput_(g_a: int, at: patch, buf: any, ld: ints, nbhandle: out) =
        |ga| started(nbhandle, |handle| ga.NGA_NbPut(g_a.int(), at.lo(), at.hi(), buf.give(), ld, handle));
    subroutine nga_nbput_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints, nbhandle: out) =
        |ga| started(nbhandle, |handle| ga.NGA_NbPut(g_a.int(), lo, hi, buf.give(), ld, handle));
    subroutine ga_nbget_(g_a: int, at: patch, buf: any, ld: ints, nbhandle: out) =
        |ga| started(nbhandle, |handle| ga.NGA_NbGet(g_a.int(), at.lo(), at.hi(), buf.give(), ld, handle));
    subroutine nga_nbget_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints, nbhandle: out) =
        |ga| started(nbhandle, |handle| ga.NGA_NbGet(g_a.int(), lo, hi, buf.give(), ld, handle));
    subroutine ga_nbacc_(g_a: int, at: patch, buf: any, ld: ints, alpha: any, nbhandle: out) =
        |ga| started(nbhandle, |handle| ga.NGA_NbAcc(g_a.int(), at.lo(), at.hi(), buf.give(), ld, alpha.give(), handle));
    subroutine nga_nbacc_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints, alpha: any, nbhandle: out) =
        |ga| started(nbhandle, |handle| ga.NGA_NbAcc(g_a.int(), lo, hi, buf.give(), ld, alpha.give(), handle));
    subroutine ga_nbwait_, nga_nbwait_(nbhandle: int) = |ga| ga.NGA_NbWait(&mut nbhandle.wide());
    integer ga_nbtest_, nga_nbtest_(nbhandle: int) = |ga| ga.NGA_NbTest(&mut nbhandle.wide());
    // The element of `g_b` is written when the patch is there, so that who sees it may read the patch.
    subroutine nga_nbput_notify_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints, g_b: int, ecoords: ints, bufn: any, nbhandle: out) = |ga| {
        ga.NGA_Put(g_a.int(), lo, hi, buf.give(), ld)?;
        ga.world.fence_all()?;
        let rows = [Fortran::narrow(1); AXES];
        started(nbhandle, |handle| ga.NGA_NbPut(g_b.int(), ecoords, ecoords, bufn.give(), rows.as_ptr(), handle))
    };
    subroutine nga_nbwait_notify_(nbhandle: int) = |ga| ga.NGA_NbWait(&mut nbhandle.wide());

    subroutine nga_strided_put_(g_a: int, lo: ints, hi: ints, skip: ints, buf: any, ld: ints) => NGA_Strided_put;
    subroutine nga_strided_get_(g_a: int, lo: ints, hi: ints, skip: ints, buf: any, ld: ints) => NGA_Strided_get;
    subroutine nga_strided_acc_(g_a: int, lo: ints, hi: ints, skip: ints, buf: any, ld: ints, alpha: any) => NGA_Strided_acc;
    subroutine nga_periodic_put_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints) => NGA_Periodic_put;
    subroutine nga_periodic_get_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints) => NGA_Periodic_get;
    subroutine nga_periodic_acc_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints, alpha: any) => NGA_Periodic_acc;

    subroutine ga_gather_(g_a: int, v: any, i: ints, j: ints, nv: int) =
        |ga| ga.NGA_Gather_flat(g_a.int(), v.give(), pairs(ga, g_a, i, j, nv)?.as_ptr(), nv.index());
    subroutine nga_gather_(g_a: int, v: any, subscript: ints, nv: int) => NGA_Gather_flat;
    subroutine ga_scatter_(g_a: int, v: any, i: ints, j: ints, nv: int) =
        |ga| ga.NGA_Scatter_flat(g_a.int(), v.give(), pairs(ga, g_a, i, j, nv)?.as_ptr(), nv.index());
    subroutine nga_scatter_(g_a: int, v: any, subscript: ints, nv: int) => NGA_Scatter_flat;
    subroutine ga_scatter_acc_(g_a: int, v: any, i: ints, j: ints, nv: int, alpha: any) =
        |ga| ga.NGA_Scatter_acc_flat(g_a.int(), v.give(), pairs(ga, g_a, i, j, nv)?.as_ptr(), nv.index(), alpha.give());
    subroutine nga_scatter_acc_(g_a: int, v: any, subscript: ints, nv: int, alpha: any) => NGA_Scatter_acc_flat;
    subroutine nga_alloc_gatscat_buf_(nelems: int) => NGA_Alloc_gatscat_buf;
    subroutine nga_free_gatscat_buf_() => NGA_Free_gatscat_buf;

    integer ga_read_inc_(g_a: int, i: int, j: int, inc: int) =
        |ga| ga.NGA_Read_inc(g_a.int(), filled([i.0, j.0]).as_ptr(), inc.wide());
    integer nga_read_inc_(g_a: int, subscript: ints, inc: int) => NGA_Read_inc;

    subroutine nga_put_field_(g_a: int, lo: ints, hi: ints, foff: int, fsize: int, buf: any, ld: ints) = |ga| {
        let (bytes, patch, ld) = field(ga.target(g_a.int())?, lo, hi, foff.int(), fsize.int(), ld)?;
        Ok(bytes.put_ptr(patch.lo(), patch.hi(), buf.at(), ld.list())?)
    };
    subroutine nga_get_field_(g_a: int, lo: ints, hi: ints, foff: int, fsize: int, buf: any, ld: ints) = |ga| {
        let (bytes, patch, ld) = field(ga.array(g_a.int())?, lo, hi, foff.int(), fsize.int(), ld)?;
        Ok(bytes.get_ptr(patch.lo(), patch.hi(), buf.at(), ld.list())?)
    };
    subroutine nga_nbput_field_(g_a: int, lo: ints, hi: ints, foff: int, fsize: int, buf: any, ld: ints, nbhandle: out) = |ga| {
        let (bytes, patch, ld) = field(ga.target(g_a.int())?, lo, hi, foff.int(), fsize.int(), ld)?;
        started(nbhandle, |handle| ga.keep(bytes.put_ptr_nb(patch.lo(), patch.hi(), buf.at(), ld.list())?, handle))
    };
    subroutine nga_nbget_field_(g_a: int, lo: ints, hi: ints, foff: int, fsize: int, buf: any, ld: ints, nbhandle: out) = |ga| {
        let (bytes, patch, ld) = field(ga.array(g_a.int())?, lo, hi, foff.int(), fsize.int(), ld)?;
        started(nbhandle, |handle| ga.keep(bytes.get_ptr_nb(patch.lo(), patch.hi(), buf.at(), ld.list())?, handle))
    };
}
