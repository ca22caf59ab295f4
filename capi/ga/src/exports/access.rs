//! Direct access to memory: patches, blocks, and all that a rank has.
//!
//! Invariant: a pointer leads to memory of this node; what may be read or written there when is up to the program. Nothing has to be
//! released, as what is mapped stays so until the array is destroyed.

use crate::bounds::{Bounds, Index, Sizes, write};
use crate::fault::{Result, refuse};
use crate::guard::{plain, wide};
use crate::state;
use crate::table::{self, Array};
use armci::host::Lent;
use ga_core::{Location, RawArray};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// Where an element of an owner's is mapped.
fn pointer(array: &Array, at: Location) -> Result<*mut c_void> {
    let size = array.raw.dtype().size_bytes();
    match array.raw.mapped(at.rank) {
        Some(part) => Ok(part.as_ptr().wrapping_add(at.offset * size).cast()),
        None => refuse!("it is rank {}'s, on another node", at.rank),
    }
}

/// Memory of arrays, for ARMCI's calls: where an address of a world rank's lies, here or as its owner has it.
pub(crate) fn lend(owner: usize, arena: Option<usize>, address: usize) -> Option<Lent> {
    let look = |raw: &RawArray| {
        // SAFETY: the program's calls on the array's memory are its own; nothing here frees the segment or reads what lies there.
        let (team, segment) = (raw.team(), unsafe { raw.segment() });
        let is_owner = |rank: &usize| team.world_rank(*rank) == owner;
        // In most teams that are all ranks.
        let rank = Some(owner).filter(|rank| *rank < team.size() && is_owner(rank));
        let rank = rank.or_else(|| (0..team.size()).find(is_owner))?;
        let here = segment.mapped(rank).map(|start| start.as_ptr() as usize);
        let own = arena.map(|arena| arena + segment.arena_offset(rank));
        let is_inside = |start: &usize| address.wrapping_sub(*start) < segment.len_bytes(rank);
        let start = here.into_iter().chain(own).find(is_inside)?;
        Some(Lent { segment: segment.clone(), rank, start })
    };
    let found = table::handles().into_iter().filter_map(table::find).find_map(|array| look(&array.raw));
    found.or_else(|| state::get()?.lent.lock().expect("no panic holds it").values().find_map(|raw| look(raw)))
}

/// Extents of the memory that strides are those of, for all axes but the first, as C has them.
pub(crate) fn leading<'a>(array: &'a Array, strides: &'a [usize]) -> impl ExactSizeIterator<Item = i64> + 'a {
    (1..array.ndim).map(|d| (strides[d - 1] / strides[d].max(1)) as i64)
}

/// # Safety
/// Bounds have a readable number for each axis; there is a place for the pointer, and for as many numbers, less one.
unsafe fn access<I: Index>(
    array: &Array,
    lo: *const I,
    hi: *const I,
    ptr: *mut *mut c_void,
    ld: *mut I,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let patch = unsafe { Bounds::read(array, lo, hi) }?;
    let mut pieces = array.raw.distribution().locate_region(patch)?;
    let (first, second) = (pieces.next(), pieces.next());
    // SAFETY: the caller's promise.
    unsafe {
        match (first, second) {
            (Some(piece), None) => {
                ptr.write(pointer(array, Location { rank: piece.rank, offset: piece.offset })?);
                write(ld, leading(array, &piece.strides));
            }
            (None, _) => ptr.write(null_mut()),
            (Some(one), Some(other)) => {
                refuse!(
                    "the patch lies in several blocks, of rank {} and rank {} among others",
                    one.rank,
                    other.rank
                )
            }
        }
    }
    Ok(())
}

/// # Safety
/// There is a place for the pointer, and for as many numbers as the array has axes, less one.
unsafe fn access_block<I: Index>(
    array: &Array,
    number: i64,
    ptr: *mut *mut c_void,
    ld: *mut I,
) -> Result<()> {
    let distribution = array.raw.distribution();
    let count = distribution.blocks();
    let Some(number) = usize::try_from(number).ok().filter(|number| *number < count) else {
        refuse!("block {number} of {count}");
    };
    let (place, strides) = distribution.block_place(number);
    // SAFETY: the caller's promise.
    unsafe {
        ptr.write(pointer(array, place)?);
        write(ld, leading(array, &strides));
    }
    Ok(())
}

/// The number of the block at a place in the grid of blocks.
///
/// # Safety
/// A readable number for each axis.
unsafe fn number<I: Index>(array: &Array, index: *const I) -> Result<i64> {
    let grid = array.layout.grid();
    // SAFETY: the caller's promise.
    let cell = unsafe { Sizes::read("index", index, array.ndim, 0) }?;
    if cell.list().iter().zip(&grid[..]).any(|(number, count)| number >= count) {
        let counts: Vec<I> =
            (0..array.ndim).map(|d| I::narrow(grid[I::place(d, array.ndim)] as i64)).collect();
        // SAFETY: the caller's promise; what was read is no null pointer.
        let given = unsafe { std::slice::from_raw_parts(index, array.ndim) };
        refuse!("block {} of a grid of {}", I::listed(given), I::listed(&counts));
    }
    Ok(array.layout.block_number(cell.list()) as i64)
}

/// # Safety
/// There are places for the pointer and the number.
unsafe fn access_segment<I: Index>(
    array: &Array,
    rank: c_int,
    ptr: *mut *mut c_void,
    len: *mut I,
) -> Result<()> {
    let size = array.raw.team().size();
    let Some(rank) = usize::try_from(rank).ok().filter(|rank| *rank < size) else {
        refuse!("rank {rank} of {size}")
    };
    let elements = array.raw.distribution().storage_len(rank) / array.item.max(1);
    // SAFETY: the caller's promise.
    unsafe {
        ptr.write(if elements == 0 { null_mut() } else { pointer(array, Location { rank, offset: 0 })? });
        len.write(I::narrow(elements as i64));
    }
    Ok(())
}

plain! {
    NGA_Release_block, NGA_Release_update_block, NGA_Release_block_segment, NGA_Release_update_block_segment(g_a: c_int, _idx: c_int) =
        |ga| ga.array(g_a).map(|_| ());
    NGA_Release_block_grid, NGA_Release_update_block_grid(g_a: c_int, _index: *const c_int) = |ga| ga.array(g_a).map(|_| ());
    NGA_Release_ghosts, NGA_Release_update_ghosts(g_a: c_int) = |ga| ga.array(g_a).map(|_| ());
}

wide! {
    NGA_Access / NGA_Access64(g_a: c_int, lo: *const Int, hi: *const Int, ptr: *mut *mut c_void, ld: *mut Int) =
        |ga| access(ga.array(g_a)?, lo, hi, ptr, ld);
    NGA_Access_block / NGA_Access_block64(g_a: c_int, idx: Int, ptr: *mut *mut c_void, ld: *mut Int) =
        |ga| access_block(ga.array(g_a)?, idx.wide(), ptr, ld);
    NGA_Access_block_grid / NGA_Access_block_grid64(g_a: c_int, index: *const Int, ptr: *mut *mut c_void, ld: *mut Int) = |ga| {
        let array = ga.array(g_a)?;
        access_block(array, number(array, index)?, ptr, ld)
    };
    NGA_Access_block_segment / NGA_Access_block_segment64(g_a: c_int, proc: c_int, ptr: *mut *mut c_void, len: *mut Int) =
        |ga| access_segment(ga.array(g_a)?, proc, ptr, len);
    NGA_Release, NGA_Release_update / NGA_Release64, NGA_Release_update64(g_a: c_int, _lo: *const Int, _hi: *const Int) =
        |ga| ga.array(g_a).map(|_| ());
    NGA_Release_ghost_element, NGA_Release_update_ghost_element / NGA_Release_ghost_element64, NGA_Release_update_ghost_element64(g_a: c_int, _index: *const Int) =
        |ga| ga.array(g_a).map(|_| ());
}
