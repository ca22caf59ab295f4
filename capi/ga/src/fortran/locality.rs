//! Who owns what.
//!
//! Invariant: bounds of nothing are 0 and -1; ranks, blocks, and places in grids of either are numbered from 0.

use super::pass::{Number, Out};
use super::table::fortran;
use crate::bounds::{AXES, Fortran, Index, write};
use crate::exports::locality::{cell, distribution, locate, numbers, proc_grid, region, tell};
use crate::fault::{Result, refuse};
use crate::guard::Call;
use crate::table::Array;
use common::fortran::Integer;

/// The array of a handle that has two axes at most.
fn flat<I: Integer>(ga: &Call, handle: Number<I>) -> Result<&Array> {
    let array = ga.array(handle.int())?;
    if array.ndim > 2 {
        refuse!("it has {} axes, and this is for matrices", array.ndim);
    }
    Ok(array)
}

/// Bounds in two lists; of a vector the second axis has one place.
type Lists<I> = ([Fortran<I>; AXES], [Fortran<I>; AXES]);

fn ones<I: Integer>() -> Lists<I> {
    ([Fortran::narrow(1); AXES], [Fortran::narrow(1); AXES])
}

/// Writes `ilo, ihi, jlo, jhi`.
///
/// # Safety
/// Places for them.
unsafe fn spread<I: Integer>(lists: &Lists<I>, to: [Out<I>; 4]) {
    let (lo, hi) = lists;
    for (to, value) in to.into_iter().zip([lo[0], hi[0], lo[1], hi[1]]) {
        // SAFETY: the caller's promise.
        unsafe { to.set(value.wide()) };
    }
}

/// The number of an element's owner; whether there is one.
///
/// # Safety
/// A readable number for each axis, and a place for the owner.
unsafe fn owner<I: Integer>(array: &Array, subscript: *const Fortran<I>, to: Out<I>) -> Result<bool> {
    // SAFETY: the caller's promise.
    unsafe {
        let found = locate(array, subscript)?;
        to.set(found.into());
        Ok(found >= 0)
    }
}

/// How many blocks have a part of a patch; whether any has.
///
/// # Safety
/// Bounds have a readable number for each axis, and there is a place for the count.
unsafe fn counted<I: Integer>(
    array: &Array,
    lo: *const Fortran<I>,
    hi: *const Fortran<I>,
    np: Out<I>,
) -> Result<bool> {
    // SAFETY: the caller's promise.
    unsafe {
        let count = region(array, lo, hi, |_, _| {})?;
        np.set(count as i64);
        Ok(count > 0)
    }
}

fortran! {
    subroutine ga_distribution_(g_a: int, proc: int, ilo: out, ihi: out, jlo: out, jhi: out) = |ga| {
        let (array, mut lists) = (flat(ga, g_a)?, ones());
        distribution(array, proc.int(), lists.0.as_mut_ptr(), lists.1.as_mut_ptr())?;
        spread(&lists, [ilo, ihi, jlo, jhi]);
        Ok(())
    };
    subroutine nga_distribution_(g_a: int, proc: int, lo: outs, hi: outs) => NGA_Distribution;
    logical ga_locate_(g_a: int, i: int, j: int, proc: out) = |ga| owner(ga.array(g_a.int())?, filled([i.0, j.0]).as_ptr(), proc);
    logical nga_locate_(g_a: int, subscript: ints, proc: out) = |ga| owner(ga.array(g_a.int())?, subscript, proc);
    logical ga_locate_nnodes_(g_a: int, at: patch, np: out) = |ga| counted(ga.array(g_a.int())?, at.lo(), at.hi(), np);
    logical nga_locate_nnodes_(g_a: int, lo: ints, hi: ints, np: out) = |ga| counted(ga.array(g_a.int())?, lo, hi, np);
    // Five numbers for each block: its bounds and its owner.
    logical ga_locate_region_(g_a: int, at: patch, map: outs, np: out) = |ga| {
        let array = flat(ga, g_a)?;
        let mut next = map.cast::<Integer>();
        let count = region(array, at.lo(), at.hi(), |number, piece| {
            let mut lists = ones();
            tell(array, piece, lists.0.as_mut_ptr(), lists.1.as_mut_ptr());
            spread(&lists, [0, 1, 2, 3].map(|place| Out(next.add(place))));
            Out(next.add(4)).set(number as i64);
            next = next.add(5);
        })?;
        np.set(count as i64);
        Ok(count > 0)
    };
    // `map(2 * ndim, *)`
    logical nga_locate_region_(g_a: int, lo: ints, hi: ints, map: outs, proclist: outs, np: out) = |ga| {
        let (array, mut k) = (ga.array(g_a.int())?, 0);
        let count = region(array, lo, hi, |number, piece| {
            let to = map.add(2 * array.ndim * k);
            tell(array, piece, to, to.add(array.ndim));
            proclist.add(k).write(Fortran::narrow(number as i64));
            k += 1;
        })?;
        np.set(count as i64);
        Ok(count > 0)
    };
    integer nga_locate_num_blocks_(g_a: int, lo: ints, hi: ints) = |ga| {
        let array = ga.array(g_a.int())?;
        let count = region(array, lo, hi, |_, _| {})? as i64;
        Ok(if array.layout.is_one_block() { -1 } else { count })
    };
    logical ga_compare_distr_, nga_compare_distr_(g_a: int, g_b: int) = |ga| Ok(ga.NGA_Compare_distr(g_a.int(), g_b.int())? == 0);
    subroutine ga_proc_topology_(g_a: int, proc: int, pr: out, pc: out) = |ga| {
        let cell = cell(flat(ga, g_a)?, proc.int())?;
        let mut places = numbers(&cell).rev();
        pr.set(places.next().unwrap_or(0));
        pc.set(places.next().unwrap_or(0));
        Ok(())
    };
    subroutine nga_proc_topology_(g_a: int, proc: int, subscript: outs) = |ga| { write(subscript, numbers(&cell(ga.array(g_a.int())?, proc.int())?)); Ok(()) };
    subroutine ga_get_proc_index_, nga_get_proc_index_(g_a: int, iproc: int, index: outs) = |ga| { write(index, numbers(&cell(ga.array(g_a.int())?, iproc.int())?)); Ok(()) };
    subroutine ga_get_proc_grid_, nga_get_proc_grid_(g_a: int, dims: outs) = |ga| { write(dims, numbers(&proc_grid(ga.array(g_a.int())?))); Ok(()) };
    subroutine ga_nblock_, nga_nblock_(g_a: int, nblock: outs) = |ga| { write(nblock, numbers(&ga.array(g_a.int())?.layout.grid())); Ok(()) };
    subroutine ga_get_block_info_, nga_get_block_info_(g_a: int, num_blocks: outs, block_dims: outs) = |ga| {
        let layout = &ga.array(g_a.int())?.layout;
        write(num_blocks, numbers(&layout.grid()));
        write(block_dims, numbers(layout.block_patch(0).shape().as_ref()));
        Ok(())
    };
    integer ga_total_blocks_, nga_total_blocks_(g_a: int) => NGA_Total_blocks;
    logical ga_uses_proc_grid_, nga_uses_proc_grid_(g_a: int) => NGA_Uses_proc_grid;
}
