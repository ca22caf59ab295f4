//! MA: a heap and a stack in one arena, reached by an index into an array in a COMMON block.
//!
//! The names with `f2c_` are those that the original's own Fortran half calls: an index of theirs counts from 0.
//!
//! Invariant: results are written on success only; a logical function that fails is false, after a message.

use super::pass::{Any, Number, Out, Text};
use super::table::fortran;
use crate::ma::exports::{
    Asked, align, create, free, free_piece, index, init, inquire, next, overhead, pop, print_stats, size_of,
    summarize, switch, verify,
};
use crate::ma::state::mistake;
use crate::ma::{Name, Result, Room, State};
use common::fortran::Integer;
use std::ffi::c_long;

/// Tells the compiler what a row's body takes.
#[inline(always)]
pub(crate) fn with<R>(state: &mut State, body: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
    body(state)
}

/// A datatype.
fn asked<I: Integer>(number: Number<I>) -> Asked {
    Asked::by_fortran(number.wide(), std::mem::size_of::<I>())
}

fn name(text: &Text) -> Name {
    Name::new(text.bytes().iter().copied())
}

/// A new block; its handle, and the index of its first element if that is wanted.
///
/// # Safety
/// Places for both.
#[inline(always)]
unsafe fn made<I: Integer>(
    state: &mut State,
    (kind, elements, text, is_heap): (Number<I>, Number<I>, &Text, bool),
    handle: Out<I>,
    place: Option<(Any, c_long)>,
) -> Result<c_long> {
    let made = create(state, asked(kind), elements.wide(), name(text), is_heap)?;
    // SAFETY: the caller's promise.
    unsafe {
        handle.set(made);
        if let Some((place, first)) = place {
            place.at::<c_long>().write(index(state, made)? + first);
        }
    }
    Ok(1)
}

/// The index of a block's first element.
///
/// # Safety
/// A place for it.
unsafe fn told<I: Integer>(
    state: &mut State,
    handle: Number<I>,
    place: Any,
    first: c_long,
) -> Result<c_long> {
    // SAFETY: the caller's promise.
    unsafe { place.at::<c_long>().write(index(state, handle.wide())? + first) };
    Ok(1)
}

/// The next block of a scan.
///
/// # Safety
/// Places for two INTEGERs, of which the first is readable.
unsafe fn following<I: Integer>(state: &mut State, iterator: Out<I>, handle: Out<I>) -> Result<c_long> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(next) = next(state, iterator.0.read().wide())? else { return Ok(0) };
        iterator.set(next);
        handle.set(next);
    }
    Ok(1)
}

/// Begins a scan.
///
/// # Safety
/// A place for an INTEGER.
unsafe fn first<I: Integer>(state: &mut State, iterator: Out<I>) -> Result<c_long> {
    state.arena()?;
    // SAFETY: the caller's promise.
    unsafe { iterator.set(-1) };
    Ok(1)
}

/// Whether two elements of a datatype's array are where this library has them.
fn informed<I: Integer>(kind: Number<I>, at: [Any; 2]) -> Result<c_long> {
    let [first, second] = at.map(|at| at.0 as usize);
    let kind = asked(kind).known()?;
    if first == kind.base && second.wrapping_sub(first) == kind.size {
        return Ok(1);
    }
    mistake(format!(
        "elements of {} at {first:#x} and {second:#x}, and the first one is at {:#x} here",
        kind.name, kind.base
    ))
}

fortran! {
    logical ma_init_, f2c_init_(datatype: int, nominal_stack: int, nominal_heap: int) ma MA_init = |state| init(state, asked(datatype), nominal_stack.wide(), nominal_heap.wide());
    logical ma_initialized_, f2c_initialized_() ma MA_initialized = |state| Ok(state.arena.is_some().into());
    logical f2c_inform_base_(datatype: int, address1: any, address2: any) ma MA_get_mbase = |_state| informed(datatype, [address1, address2]);

    logical ma_push_get_(datatype: int, nelem: int, name: text, memhandle: out, index: any) ma MA_push_get = |state| made(state, (datatype, nelem, &name, false), memhandle, Some((index, 1)));
    logical f2c_push_get_(datatype: int, nelem: int, name: text, memhandle: out, index: any) ma MA_push_get = |state| made(state, (datatype, nelem, &name, false), memhandle, Some((index, 0)));
    logical ma_push_stack_, f2c_push_stack_(datatype: int, nelem: int, name: text, memhandle: out) ma MA_push_stack = |state| made(state, (datatype, nelem, &name, false), memhandle, None);
    logical ma_pop_stack_, f2c_pop_stack_(memhandle: int) ma MA_pop_stack = |state| pop(state, memhandle.wide(), true);
    logical ma_chop_stack_, f2c_chop_stack_(memhandle: int) ma MA_chop_stack = |state| pop(state, memhandle.wide(), false);
    logical ma_alloc_get_(datatype: int, nelem: int, name: text, memhandle: out, index: any) ma MA_alloc_get = |state| made(state, (datatype, nelem, &name, true), memhandle, Some((index, 1)));
    logical f2c_alloc_get_(datatype: int, nelem: int, name: text, memhandle: out, index: any) ma MA_alloc_get = |state| made(state, (datatype, nelem, &name, true), memhandle, Some((index, 0)));
    logical ma_allocate_heap_, f2c_allocate_heap_(datatype: int, nelem: int, name: text, memhandle: out) ma MA_allocate_heap = |state| made(state, (datatype, nelem, &name, true), memhandle, None);
    logical ma_free_heap_, f2c_free_heap_(memhandle: int) ma MA_free_heap = |state| free(state, memhandle.wide());
    logical ma_free_heap_piece_, f2c_free_heap_piece_(memhandle: int, nelem: int) ma MA_free_heap_piece = |state| free_piece(state, memhandle.wide(), nelem.wide());
    logical ma_get_index_(memhandle: int, index: any) ma MA_get_index = |state| told(state, memhandle, index, 1);
    logical f2c_get_index_(memhandle: int, index: any) ma MA_get_index = |state| told(state, memhandle, index, 0);
    logical ma_init_memhandle_iterator_, f2c_init_memhandle_iterator_(ithandle: out) ma MA_init_memhandle_iterator = |state| first(state, ithandle);
    logical ma_get_next_memhandle_, f2c_get_next_memhandle_(ithandle: out, memhandle: out) ma MA_get_next_memhandle = |state| following(state, ithandle, memhandle);

    integer ma_inquire_avail_, f2c_inquire_avail_(datatype: int) ma MA_inquire_avail = |state| inquire(state, asked(datatype), Room::Gap, false);
    integer ma_inquire_heap_, f2c_inquire_heap_(datatype: int) ma MA_inquire_heap = |state| inquire(state, asked(datatype), Room::HeapHalf, true);
    integer ma_inquire_heap_check_stack_, f2c_inquire_heap_check_stack_(datatype: int) ma MA_inquire_heap_check_stack = |state| inquire(state, asked(datatype), Room::HeapHalfFree, true);
    integer ma_inquire_heap_no_partition_, f2c_inquire_heap_no_partition_(datatype: int) ma MA_inquire_heap_no_partition = |state| inquire(state, asked(datatype), Room::Gap, true);
    integer ma_inquire_stack_, f2c_inquire_stack_(datatype: int) ma MA_inquire_stack = |state| inquire(state, asked(datatype), Room::StackHalf, false);
    integer ma_inquire_stack_check_heap_, f2c_inquire_stack_check_heap_(datatype: int) ma MA_inquire_stack_check_heap = |state| inquire(state, asked(datatype), Room::StackHalfFree, false);
    integer ma_inquire_stack_no_partition_, f2c_inquire_stack_no_partition_(datatype: int) ma MA_inquire_stack_no_partition = |state| inquire(state, asked(datatype), Room::Gap, false);
    integer ma_sizeof_, f2c_sizeof_(datatype1: int, nelem1: int, datatype2: int) ma MA_sizeof = |_state| size_of(asked(datatype1), nelem1.wide(), asked(datatype2));
    integer ma_sizeof_overhead_, f2c_sizeof_overhead_(datatype: int) ma MA_sizeof_overhead = |_state| overhead(asked(datatype));

    logical ma_set_auto_verify_, f2c_set_auto_verify_(value: int) ma MA_set_auto_verify = |state| switch(&mut state.does_verify, value.is_true().into());
    logical ma_set_error_print_, f2c_set_error_print_(value: int) ma MA_set_error_print = |state| switch(&mut state.prints_errors, value.is_true().into());
    logical ma_set_hard_fail_, f2c_set_hard_fail_(value: int) ma MA_set_hard_fail = |state| switch(&mut state.fails_hard, value.is_true().into());
    logical ma_set_numalign_, f2c_set_numalign_(value: int) ma MA_set_numalign = |state| align(state, value.wide());
    logical ma_get_numalign_, f2c_get_numalign_(value: out) ma MA_get_numalign = |state| { value.set(state.numalign.into()); Ok(1) };
    subroutine ma_trace_, f2c_trace_(value: int) ma MA_trace = |state| { state.traces = value.is_true(); Ok(0) };
    logical ma_verify_allocator_stuff_, f2c_verify_allocator_stuff_() ma MA_verify_allocator_stuff = |state| verify(state);
    subroutine ma_summarize_allocated_blocks_, f2c_summarize_allocated_blocks_() ma MA_summarize_allocated_blocks = |state| { summarize(state); Ok(0) };
    subroutine ma_print_stats_, f2c_print_stats_(printroutines: int) ma MA_print_stats = |state| { print_stats(state, printroutines.is_true()); Ok(0) };
}
