//! Who owns what.
//!
//! Of arrays whose ranks have one block each, blocks are numbered by their owners; of others (block-cyclic, tiled) in row-major order
//! of the grid of blocks, and what C calls a process there is a block's number, as in the original.
//!
//! Invariant: what is empty has bounds -1 and -2.

use crate::bounds::{AXES, Bounds, Index, index, write, write_places};
use crate::fault::{Result, refuse};
use crate::guard::{plain, wide};
use crate::table::Array;
use ga_core::{Dims, Patch};
use std::ffi::c_int;

/// The bounds of a patch, inclusive.
///
/// # Safety
/// There is a place for as many numbers as there are axes.
pub(crate) unsafe fn tell<I: Index>(array: &Array, patch: &Patch, lo: *mut I, hi: *mut I) {
    let (from, to) = (&patch.lo()[..array.ndim], &patch.hi()[..array.ndim]);
    let is_empty = patch.is_empty();
    // SAFETY: the caller's promise.
    unsafe {
        write_places(lo, from.iter().map(|number| if is_empty { -1 } else { *number as i64 }));
        write_places(hi, to.iter().map(|number| if is_empty { -2 } else { *number as i64 - 1 }));
    }
}

/// A number below a count.
fn below(what: &str, number: c_int, count: usize) -> Result<usize> {
    match usize::try_from(number) {
        Ok(number) if number < count => Ok(number),
        _ => refuse!("{what} {number} of {count}"),
    }
}

/// # Safety
/// As [`tell`].
pub(crate) unsafe fn distribution<I: Index>(
    array: &Array,
    number: c_int,
    lo: *mut I,
    hi: *mut I,
) -> Result<()> {
    let layout = &array.layout;
    // Who isn't in the array's group has nothing, and neither has a block that there isn't.
    let nothing = Patch::new(&[0; AXES][..array.ndim], &[0; AXES][..array.ndim]);
    let patch = match usize::try_from(number) {
        Ok(rank) if layout.is_one_block() && rank < layout.ranks() => layout.block(rank),
        Ok(block) if !layout.is_one_block() && block < layout.blocks() => layout.block_patch(block),
        _ => nothing,
    };
    // SAFETY: the caller's promise.
    unsafe { tell(array, &patch, lo, hi) };
    Ok(())
}

/// # Safety
/// A readable number for each axis.
pub(crate) unsafe fn locate<I: Index>(array: &Array, subscript: *const I) -> Result<c_int> {
    // SAFETY: the caller's promise.
    let Ok(place) = (unsafe { index(array, subscript) }) else { return Ok(-1) };
    let (layout, place) = (&array.layout, &place[..array.ndim]);
    if layout.is_one_block() {
        return Ok(layout.locate(place)?.rank as c_int);
    }
    let cell =
        Dims::from_fn(array.ndim, |d| layout.starts(d).take_while(|start| *start <= place[d]).count() - 1);
    Ok(layout.block_number(&cell) as c_int)
}

/// Calls `each` for every block that has a part of a patch, in ascending order, with its number (or its owner) and that part. A
/// patch that leaves the array has no owners: the manual promises 0 for it.
///
/// # Safety
/// Bounds have a readable number for each axis.
pub(crate) unsafe fn region<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    mut each: impl FnMut(usize, &Patch),
) -> Result<usize> {
    // SAFETY: the caller's promise.
    let Ok(bounds) = (unsafe { Bounds::read(array, lo, hi) }) else { return Ok(0) };
    let layout = &array.layout;
    let patch = Patch::new(&bounds.lo()[..array.ndim], &bounds.hi()[..array.ndim]);
    let mut count = 0;
    for piece in layout.locate_region(patch)? {
        let number = if layout.is_one_block() {
            piece.rank
        } else {
            let from = piece.patch.lo();
            let cell = Dims::from_fn(array.ndim, |d| {
                layout.starts(d).take_while(|start| *start <= from[d]).count() - 1
            });
            layout.block_number(&cell)
        };
        each(number, &piece.patch);
        count += 1;
    }
    Ok(count)
}

/// # Safety
/// Bounds have a readable number for each axis; there is room for bounds and number of every block.
unsafe fn locate_region<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    map: *mut I,
    procs: *mut c_int,
) -> Result<c_int> {
    let (ndim, mut k) = (array.ndim, 0);
    // SAFETY: the caller's promises.
    unsafe {
        let count = region(array, lo, hi, |number, patch| {
            let to = map.add(2 * ndim * k);
            tell(array, patch, to, to.add(ndim));
            procs.add(k).write(number as c_int);
            k += 1;
        })?;
        Ok(count as c_int)
    }
}

/// The grid of ranks, in row-major order.
pub(crate) fn proc_grid(array: &Array) -> Dims {
    array.layout.process_grid().map_or_else(|| array.layout.grid(), Dims::from)
}

/// Where a rank is in the grid of ranks.
pub(crate) fn cell(array: &Array, rank: c_int) -> Result<Dims> {
    let layout = &array.layout;
    let rank = below("rank", rank, layout.ranks())?;
    match layout.grid_cell(rank) {
        Some(cell) => Ok(cell),
        None => Ok(Dims::filled(0, array.ndim)),
    }
}

/// Numbers of a grid.
pub(crate) fn numbers<'a>(
    dims: &'a [usize],
) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + 'a {
    dims.iter().map(|number| *number as i64)
}

plain! {
    NGA_Compare_distr, GA_Compare_distr(g_a: c_int, g_b: c_int) -> c_int = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.array(g_b)?);
        let is_same = a.layout == b.layout && a.raw.team().is_same(b.raw.team());
        Ok((!is_same).into())
    };
    // The original has these two with the first axis last, and programs count on it.
    NGA_Proc_topology(g_a: c_int, proc: c_int, coord: *mut c_int) =
        |ga| { write(coord, numbers(&cell(ga.array(g_a)?, proc)?).rev()); Ok(()) };
    NGA_Get_proc_grid, GA_Get_proc_grid(g_a: c_int, dims: *mut c_int) =
        |ga| { write(dims, numbers(&proc_grid(ga.array(g_a)?)).rev()); Ok(()) };
    NGA_Get_proc_index, GA_Get_proc_index(g_a: c_int, proc: c_int, subscript: *mut c_int) =
        |ga| { write(subscript, numbers(&cell(ga.array(g_a)?, proc)?)); Ok(()) };
    NGA_Get_block_info, GA_Get_block_info(g_a: c_int, counts: *mut c_int, extents: *mut c_int) = |ga| {
        let array = ga.array(g_a)?;
        write(counts, numbers(&array.layout.grid()));
        write(extents, numbers(array.layout.block_patch(0).shape().as_ref()));
        Ok(())
    };
    NGA_Nblock, GA_Nblock(g_a: c_int, counts: *mut c_int) =
        |ga| { write(counts, numbers(&ga.array(g_a)?.layout.grid())); Ok(()) };
    NGA_Total_blocks, GA_Total_blocks(g_a: c_int) -> c_int = |ga| {
        let layout = &ga.array(g_a)?.layout;
        Ok(if layout.is_one_block() { -1 } else { layout.blocks() as c_int })
    };
    NGA_Uses_proc_grid, GA_Uses_proc_grid(g_a: c_int) -> c_int = |ga| Ok(ga.array(g_a)?.layout.process_grid().is_some().into());
    NGA_Locate_num_blocks(g_a: c_int, lo: *const c_int, hi: *const c_int) -> c_int = |ga| {
        let array = ga.array(g_a)?;
        let count = region(array, lo, hi, |_, _| {})? as c_int;
        Ok(if array.layout.is_one_block() { -1 } else { count })
    };
}

wide! {
    NGA_Distribution / NGA_Distribution64(g_a: c_int, proc: c_int, lo: *mut Int, hi: *mut Int) =
        |ga| distribution(ga.array(g_a)?, proc, lo, hi);
    NGA_Locate / NGA_Locate64(g_a: c_int, subscript: *const Int) -> c_int = |ga| locate(ga.array(g_a)?, subscript);
    NGA_Locate_nnodes / NGA_Locate_nnodes64(g_a: c_int, lo: *const Int, hi: *const Int) -> c_int =
        |ga| Ok(region(ga.array(g_a)?, lo, hi, |_, _| {})? as c_int);
    NGA_Locate_region / NGA_Locate_region64(g_a: c_int, lo: *const Int, hi: *const Int, map: *mut Int, procs: *mut c_int) -> c_int =
        |ga| locate_region(ga.array(g_a)?, lo, hi, map, procs);
}
