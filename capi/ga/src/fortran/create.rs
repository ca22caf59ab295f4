//! Arrays: made, described, destroyed; what they are.
//!
//! Invariant: a creating function is true if there is an array; then, and only then, there is a handle in its last argument.

use super::pass::{Number, Out};
use super::table::fortran;
use crate::bounds::{Fortran, Index, write};
use crate::fault::{Result, refuse};
use crate::guard::Call;
use crate::table::{self, Array};
use crate::types::{C_CHAR, C_DBL, C_DCPL, C_FLOAT, C_INT, C_LONG, C_LONGLONG, C_SCPL};
use common::fortran::Integer;
use std::ffi::c_int;

/// Tells the program the handle of a new array, if there is one.
///
/// # Safety
/// A place for it.
unsafe fn made<I: Integer>(g_a: Out<I>, handle: c_int) -> Result<bool> {
    if handle != 0 {
        // SAFETY: the caller's promise.
        unsafe { g_a.set(handle.into()) };
    }
    Ok(handle != 0)
}

/// Two numbers as a list.
fn list<I: Integer>(two: [Number<I>; 2]) -> [Fortran<I>; 2] {
    two.map(Number::index)
}

/// Least extents of a matrix's blocks, of which 0 leaves an axis to the library.
fn chunks<I: Integer>(two: [Number<I>; 2]) -> [Fortran<I>; 2] {
    two.map(|chunk| Fortran::narrow(if chunk.wide() == 0 { -1 } else { chunk.wide() }))
}

/// The blocks' first rows and columns in one list.
///
/// # Safety
/// As many readable numbers as `counts` says.
unsafe fn joined<I: Integer>(maps: [*const Fortran<I>; 2], counts: [Number<I>; 2]) -> Vec<Fortran<I>> {
    let part = |axis: usize| {
        let count = counts[axis].wide().max(0) as usize;
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(maps[axis], count) }
    };
    [part(0), part(1)].concat()
}

/// An element type as Fortran numbers it.
fn kind<I>(array: &Array) -> i64 {
    let base = i64::from(C_CHAR);
    match array.kind {
        C_INT if size_of::<I>() == 4 => base + 10,
        C_LONG | C_LONGLONG if size_of::<I>() == 8 => base + 10,
        C_FLOAT => base + 12,
        C_DBL => base + 13,
        C_SCPL => base + 14,
        C_DCPL => base + 15,
        other => other.into(),
    }
}

/// The extents of a matrix or a vector.
fn extents(array: &Array) -> Result<[i64; 2]> {
    match *array.shape() {
        [rows] => Ok([rows as i64, 1]),
        [columns, rows] => Ok([rows as i64, columns as i64]),
        _ => refuse!("it has {} axes: nga_inquire tells about any number", array.ndim),
    }
}

/// Destroys an array; false if there is none.
fn destroyed(ga: &Call, handle: c_int) -> Result<bool> {
    let is_there =
        table::find(handle).is_some() || ga.specs.lock().expect("no panic holds it").contains_key(&handle);
    if is_there {
        // SAFETY: a handle is not a pointer.
        unsafe { ga.NGA_Destroy(handle)? };
    }
    Ok(is_there)
}

fortran! {
    logical ga_create_(kind: int, dim1: int, dim2: int, array_name: text, chunk1: int, chunk2: int, g_a: out) = |ga| {
        let (dims, chunk) = (list([dim1, dim2]), chunks([chunk1, chunk2]));
        made(g_a, ga.NGA_Create(kind.kind(), 2, dims.as_ptr(), array_name.give(), chunk.as_ptr())?)
    };
    logical ga_create_irreg_(kind: int, dim1: int, dim2: int, array_name: text, map1: ints, nblock1: int, map2: ints, nblock2: int, g_a: out) = |ga| {
        let (dims, counts, map) = (list([dim1, dim2]), list([nblock1, nblock2]), joined([map1, map2], [nblock1, nblock2]));
        made(g_a, ga.NGA_Create_irreg(kind.kind(), 2, dims.as_ptr(), array_name.give(), counts.as_ptr(), map.as_ptr())?)
    };
    logical nga_create_(kind: int, ndim: int, dims: ints, array_name: text, chunk: ints, g_a: out) =
        |ga| made(g_a, ga.NGA_Create(kind.kind(), ndim.int(), dims, array_name.give(), chunk)?);
    logical nga_create_config_(kind: int, ndim: int, dims: ints, array_name: text, chunk: ints, p_handle: int, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_config(kind.kind(), ndim.int(), dims, array_name.give(), chunk, p_handle.int())?);
    logical nga_create_ghosts_(kind: int, ndim: int, dims: ints, width: ints, array_name: text, chunk: ints, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_ghosts(kind.kind(), ndim.int(), dims, width, array_name.give(), chunk)?);
    logical nga_create_ghosts_config_(kind: int, ndim: int, dims: ints, width: ints, array_name: text, chunk: ints, p_handle: int, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_ghosts_config(kind.kind(), ndim.int(), dims, width, array_name.give(), chunk, p_handle.int())?);
    logical nga_create_irreg_(kind: int, ndim: int, dims: ints, array_name: text, map: ints, block: ints, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_irreg(kind.kind(), ndim.int(), dims, array_name.give(), block, map)?);
    logical nga_create_irreg_config_(kind: int, ndim: int, dims: ints, array_name: text, map: ints, block: ints, p_handle: int, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_irreg_config(kind.kind(), ndim.int(), dims, array_name.give(), block, map, p_handle.int())?);
    logical nga_create_ghosts_irreg_(kind: int, ndim: int, dims: ints, width: ints, array_name: text, map: ints, block: ints, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_ghosts_irreg(kind.kind(), ndim.int(), dims, width, array_name.give(), block, map)?);
    logical nga_create_ghosts_irreg_config_(kind: int, ndim: int, dims: ints, width: ints, array_name: text, map: ints, block: ints, p_handle: int, g_a: out) =
        |ga| made(g_a, ga.NGA_Create_ghosts_irreg_config(kind.kind(), ndim.int(), dims, width, array_name.give(), block, map, p_handle.int())?);
    logical ga_duplicate_, nga_duplicate_(g_a: int, g_b: out, array_name: text) = |ga| made(g_b, ga.NGA_Duplicate(g_a.int(), array_name.give())?);
    logical ga_destroy_, nga_destroy_(g_a: int) = |ga| destroyed(ga, g_a.int());

    integer ga_create_handle_, nga_create_handle_() => NGA_Create_handle;
    subroutine ga_set_data_, nga_set_data_(g_a: int, ndim: int, dims: ints, kind: int) = |ga| ga.NGA_Set_data(g_a.int(), ndim.int(), dims, kind.kind());
    subroutine ga_set_array_name_, nga_set_array_name_(g_a: int, array_name: text) => NGA_Set_array_name;
    subroutine ga_set_pgroup_, nga_set_pgroup_(g_a: int, p_handle: int) => NGA_Set_pgroup;
    subroutine ga_set_chunk_, nga_set_chunk_(g_a: int, chunk: ints) => NGA_Set_chunk;
    subroutine ga_set_ghosts_, nga_set_ghosts_(g_a: int, width: ints) => NGA_Set_ghosts;
    subroutine ga_set_ghost_corner_flag_, nga_set_ghost_corner_flag_(g_a: int, flag: int) => GA_Set_ghost_corner_flag;
    subroutine ga_set_irreg_distr_, nga_set_irreg_distr_(g_a: int, mapc: ints, nblock: ints) => NGA_Set_irreg_distr;
    subroutine ga_set_irreg_flag_, nga_set_irreg_flag_(g_a: int, flag: int) => NGA_Set_irreg_flag;
    subroutine ga_set_block_cyclic_, nga_set_block_cyclic_(g_a: int, dims: ints) => NGA_Set_block_cyclic;
    subroutine ga_set_block_cyclic_proc_grid_, nga_set_block_cyclic_proc_grid_(g_a: int, dims: ints, proc_grid: ints) => NGA_Set_block_cyclic_proc_grid;
    subroutine ga_set_tiled_proc_grid_, nga_set_tiled_proc_grid_(g_a: int, dims: ints, proc_grid: ints) => NGA_Set_tiled_proc_grid;
    subroutine ga_set_tiled_irreg_proc_grid_, nga_set_tiled_irreg_proc_grid_(g_a: int, mapc: ints, nblocks: ints, proc_grid: ints) => NGA_Set_tiled_irreg_proc_grid;
    subroutine ga_set_restricted_, nga_set_restricted_(g_a: int, list: ints, size: int) = |ga| {
        let list: Vec<c_int> = (0..size.int().max(0) as usize).map(|place| c_int::narrow(list.add(place).read().wide())).collect();
        ga.NGA_Set_restricted(g_a.int(), list.as_ptr(), list.len() as c_int)
    };
    subroutine ga_set_restricted_range_, nga_set_restricted_range_(g_a: int, lo_proc: int, hi_proc: int) => NGA_Set_restricted_range;
    subroutine ga_set_memory_dev_, nga_set_memory_dev_(g_a: int, device: text) => NGA_Set_memory_dev;
    subroutine ga_set_property_, nga_set_property_(g_a: int, property: text) => NGA_Set_property;
    subroutine ga_unset_property_, nga_unset_property_(g_a: int) => NGA_Unset_property;
    logical ga_allocate_, nga_allocate_(g_a: int) => NGA_Allocate;
    logical ga_deallocate_, nga_deallocate_(g_a: int) => NGA_Deallocate;
    logical ga_overlay_, nga_overlay_(g_a: int, g_p: int) => NGA_Overlay;

    subroutine ga_inquire_(g_a: int, kind: out, dim1: out, dim2: out) = |ga| {
        let array = ga.array(g_a.int())?;
        let [rows, columns] = extents(array)?;
        kind.set(super::kind::<Integer>(array));
        dim1.set(rows);
        dim2.set(columns);
        Ok(())
    };
    subroutine nga_inquire_(g_a: int, kind: out, ndim: out, dims: outs) = |ga| {
        let array = ga.array(g_a.int())?;
        kind.set(super::kind::<Integer>(array));
        ndim.set(array.ndim as i64);
        write(dims, array.shape().iter().map(|extent| *extent as i64));
        Ok(())
    };
    subroutine ga_inquire_name_, nga_inquire_name_(g_a: int, array_name: text) = |ga| {
        array_name.write(ga.array(g_a.int())?.name.as_bytes());
        Ok(())
    };
    subroutine ga_get_array_name_, nga_get_array_name_(g_a: int, array_name: text) = |ga| {
        array_name.write(ga.array(g_a.int())?.name.as_bytes());
        Ok(())
    };
    integer ga_ndim_, nga_ndim_(g_a: int) => NGA_Ndim;
    integer ga_get_dimension_, nga_get_dimension_(g_a: int) => NGA_Ndim;
    logical ga_valid_handle_, nga_valid_handle_(g_a: int) => NGA_Valid_handle;
    integer ga_verify_handle_, nga_verify_handle_(g_a: int) => NGA_Valid_handle;
    subroutine ga_check_handle_, nga_check_handle_(g_a: int, fstring: text) => GA_Check_handle;
    logical ga_has_ghosts_, nga_has_ghosts_(g_a: int) => NGA_Has_ghosts;
    logical ga_is_mirrored_, nga_is_mirrored_(g_a: int) => NGA_Is_mirrored;

    integer nga_register_type_(size: int) => NGA_Register_type;
    integer nga_deregister_type_(kind: int) => NGA_Deregister_type;
}
