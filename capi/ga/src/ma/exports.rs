//! The functions of `macdecls.h`.
//!
//! Invariant: outputs are written on success only. A function that fails says why on standard error (unless told not
//! to), and returns `MA_FALSE` or zero; after `MA_set_hard_fail`, or where there is nothing sensible to return, the
//! job ends.

use super::arena::{Arena, Name, OVERHEAD, Room};
use super::state::{MOST_FUNCTIONS, Result, State, Terminate, call, fatal, mistake, print, state};
use super::types::Type;
use std::ffi::{c_char, c_long, c_void};

/// Bytes of heap and of stack when the program does not say: what the original takes.
const DEFAULT_BYTES: usize = 1 << 19;

/// Exported functions: `name(arguments) -> result, or what is returned on failure, = body;`.
macro_rules! functions {
    ($($name:ident ($($arg:ident: $ty:ty),*) -> $ret:ty, $failed:expr, $body:expr;)*) => {
        /// The functions, whose calls are counted.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        pub(crate) enum Function { $($name),* }

        /// Their names.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    $(
        #[allow(non_snake_case, unused_unsafe)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
            // SAFETY: pointers are what the header says they must be: the C caller's promise.
            let body = |state: &mut State| unsafe { typed($body, state) };
            let run = || call((stringify!($name), Function::$name as usize), $failed, body);
            common::bounded(|| armci::host::abort(1, concat!(stringify!($name), ": a bug in libga")), run)
        }
    )*};
}

const _: () = assert!(NAMES.len() <= MOST_FUNCTIONS);

/// Tells the compiler what a body takes.
fn typed<R>(body: impl FnOnce(&mut State) -> Result<R>, state: &mut State) -> Result<R> {
    body(state)
}

/// A datatype, as it was given and as what it is known.
#[derive(Clone, Copy)]
pub(crate) struct Asked(c_long, Option<Type>);

impl Asked {
    /// By C.
    fn by_c(number: c_long) -> Asked {
        Asked(number, Type::of(number))
    }

    /// By a Fortran program with INTEGERs of so many bytes.
    pub(crate) fn by_fortran(number: c_long, bytes: usize) -> Asked {
        Asked(number, Type::of_fortran(number, bytes))
    }

    pub(crate) fn known(self) -> Result<Type> {
        self.1.map_or_else(|| mistake(format!("{} is no datatype", self.0)), Ok)
    }

    fn known_or_end(self) -> Result<Type> {
        self.1.map_or_else(|| fatal(format!("{} is no datatype", self.0)), Ok)
    }
}

fn number(name: Name, value: c_long) -> Result<usize> {
    usize::try_from(value).or_else(|_| mistake(format!("block '{}': {value} elements", name.text())))
}

/// # Safety
/// Null, or terminated and readable.
unsafe fn title(name: *const c_char) -> Name {
    if name.is_null() {
        return Name::default();
    }
    // SAFETY: readable up to the closing zero: the caller's promise.
    let byte = |place: usize| unsafe { name.add(place).read() } as u8;
    Name::new((0..).map(byte).take_while(|byte| *byte != 0))
}

/// Where a result goes.
///
/// # Safety
/// Null, or writable.
unsafe fn store<T>(what: &str, place: *mut T, value: impl FnOnce() -> Result<T>) -> Result<c_long> {
    if place.is_null() {
        return mistake(format!("no place for {what}"));
    }
    let value = value()?;
    // SAFETY: not null, so writable: the caller's promise.
    unsafe { place.write(value) };
    Ok(1)
}

pub(crate) fn init(state: &mut State, kind: Asked, stack: c_long, heap: c_long) -> Result<c_long> {
    if state.arena.is_some() {
        return mistake("called a second time");
    }
    let size = kind.known()?.size;
    let bytes = |elements: c_long| match usize::try_from(elements) {
        Ok(elements) => elements.saturating_mul(size),
        Err(_) => DEFAULT_BYTES,
    };
    let (heap, stack) = (bytes(heap), bytes(stack));
    match Arena::new(heap, stack) {
        Some(arena) => state.arena = Some(arena),
        None => return mistake(format!("there is no memory for {heap} bytes of heap and {stack} of stack")),
    }
    Ok(1)
}

/// A new block, in the heap or on the stack.
pub(crate) fn create(
    state: &mut State,
    kind: Asked,
    elements: c_long,
    name: Name,
    is_heap: bool,
) -> Result<c_long> {
    let what = || format!("block '{}'", name.text());
    if state.traces {
        let verb = if is_heap { "allocating" } else { "pushing" };
        print(&format!("MA: {verb} '{}' ({elements})\n", name.text()));
    }
    let (numalign, elements) = (state.numalign, number(name, elements)?);
    let arena = state.arena()?;
    let Some(datatype) = kind.1 else { return mistake(format!("{}: {} is no datatype", what(), kind.0)) };
    let made = if is_heap {
        arena.allocate(datatype, elements, numalign, name)
    } else {
        arena.push(datatype, elements, numalign, name)
    };
    made.or_else(|bytes| {
        let (what, size, left) = (what(), datatype.size, arena.elements(Room::Gap, datatype, numalign));
        mistake(format!("{what}: no room for {bytes} bytes; at most {left} elements of {size} are left"))
    })
}

/// The index of a block's first element from its base.
pub(crate) fn index(state: &mut State, handle: c_long) -> Result<c_long> {
    let block = state.block(handle)?;
    let distance = state.arena()?.pointer(&block) as isize - block.datatype.base as isize;
    Ok((distance / block.datatype.size as isize) as c_long)
}

/// # Safety
/// The places are null or writable.
unsafe fn create_with_index(
    state: &mut State,
    made: Result<c_long>,
    handle: *mut c_long,
    place: *mut c_long,
) -> Result<c_long> {
    let made = made?;
    // SAFETY: the caller's promise.
    unsafe {
        store("a handle", handle, || Ok(made))?;
        store("an index", place, || index(state, made))
    }
}

pub(crate) fn free(state: &mut State, handle: c_long) -> Result<c_long> {
    let block = state.block_of(handle, true)?;
    if state.traces {
        print(&format!("MA: freeing '{}'\n", block.name.text()));
    }
    state.arena()?.free(handle);
    Ok(1)
}

pub(crate) fn free_piece(state: &mut State, handle: c_long, elements: c_long) -> Result<c_long> {
    let block = state.block_of(handle, true)?;
    let elements = number(block.name, elements)?;
    if elements >= block.elements {
        return free(state, handle);
    }
    if state.traces {
        print(&format!("MA: freeing {elements} elements of '{}'\n", block.name.text()));
    }
    state.arena()?.shrink(handle, block.elements - elements);
    Ok(1)
}

pub(crate) fn pop(state: &mut State, handle: c_long, only_top: bool) -> Result<c_long> {
    let block = state.block_of(handle, false)?;
    if only_top && !state.arena()?.is_top(handle) {
        return mistake(format!(
            "block '{}' (handle {handle}) is not on top of the stack",
            block.name.text()
        ));
    }
    if state.traces {
        print(&format!("MA: popping '{}'\n", block.name.text()));
    }
    state.arena()?.chop(handle);
    Ok(1)
}

/// How many elements fit; with the gaps between heap blocks, or without.
pub(crate) fn inquire(state: &mut State, kind: Asked, room: Room, fragments: bool) -> Result<c_long> {
    let numalign = state.numalign;
    let arena = state.arena()?;
    let datatype = kind.known_or_end()?;
    let most = arena.elements(room, datatype, numalign);
    let fragment = if fragments { arena.fragment(datatype, numalign) } else { 0 };
    Ok(most.max(fragment) as c_long)
}

pub(crate) fn size_of(from: Asked, elements: c_long, to: Asked) -> Result<c_long> {
    let (from, to) = (from.known_or_end()?, to.known_or_end()?);
    match usize::try_from(elements).ok().and_then(|elements| elements.checked_mul(from.size)) {
        Some(bytes) => Ok(bytes.div_ceil(to.size) as c_long),
        None => fatal(format!("{elements} elements")),
    }
}

pub(crate) fn summarize(state: &State) {
    let mut counts = [0; 2];
    print("MA_summarize_allocated_blocks: starting scan ...\n");
    for (handle, block) in state.arena.iter().flat_map(Arena::blocks) {
        counts[usize::from(!block.is_heap)] += 1;
        let region = if block.is_heap { "heap" } else { "stack" };
        let address = state.arena.as_ref().map_or(std::ptr::null_mut(), |arena| arena.pointer(block));
        print(&format!(
            "{region} block '{}', handle {handle}, address {address:p}: {} of type {}, {} bytes\n",
            block.name.text(),
            block.elements,
            block.datatype.name,
            block.len
        ));
    }
    let plural = |count: i32| if count == 1 { "" } else { "s" };
    let [heap, stack] = counts;
    print(&format!(
        "MA_summarize_allocated_blocks: scan completed: {heap} heap block{}, {stack} stack block{}\n",
        plural(heap),
        plural(stack)
    ));
}

pub(crate) fn print_stats(state: &State, with_calls: bool) {
    let [heap, stack] = state.arena.as_ref().map(Arena::usage).unwrap_or_default();
    let mut text = format!("MA usage statistics:\n{:34}{:>14}{:>14}\n", "", "heap", "stack");
    let rows = [
        ("current number of blocks", heap.blocks, stack.blocks),
        ("maximum number of blocks", heap.most_blocks, stack.most_blocks),
        ("current total bytes", heap.bytes, stack.bytes),
        ("maximum total bytes", heap.most_bytes, stack.most_bytes),
    ];
    for (what, heap, stack) in rows {
        text.push_str(&format!("  {what:32}{heap:>14}{stack:>14}\n"));
    }
    if with_calls {
        text.push_str("  calls per routine:\n");
        let counts = NAMES.iter().zip(&state.calls);
        for (name, calls) in counts.filter(|(_, calls)| **calls > 0) {
            text.push_str(&format!("  {calls:>14}  {name}\n"));
        }
    }
    print(&text);
}

/// The most a block needs beyond its elements, in elements.
pub(crate) fn overhead(kind: Asked) -> Result<c_long> {
    Ok(OVERHEAD.div_ceil(kind.known_or_end()?.size) as c_long)
}

/// The block after one in the order in which they were made. The end of a scan is no error.
pub(crate) fn next(state: &mut State, handle: c_long) -> Result<Option<c_long>> {
    Ok(state.arena()?.following(handle))
}

/// Sets the least alignment.
pub(crate) fn align(state: &mut State, value: c_long) -> Result<c_long> {
    match value {
        0..=30 => state.numalign = value as u32,
        _ => return mistake(format!("2 to the power of {value} is no alignment; 0 to 30 are")),
    }
    Ok(1)
}

/// Whether all guards are whole.
pub(crate) fn verify(state: &State) -> Result<c_long> {
    state.verify().map(|()| 1).or_else(mistake)
}

/// Sets a switch and returns what it was.
pub(crate) fn switch(flag: &mut bool, value: c_long) -> Result<c_long> {
    Ok(c_long::from(std::mem::replace(flag, value != 0)))
}

functions! {
    MA_init(kind: c_long, stack: c_long, heap: c_long) -> c_long, 0, |state| init(state, Asked::by_c(kind), stack, heap);
    MA_initialized() -> c_long, 0, |state| Ok(c_long::from(state.arena.is_some()));

    MA_allocate_heap(kind: c_long, elements: c_long, name: *const c_char, handle: *mut c_long) -> c_long, 0,
        |state| store("a handle", handle, || create(state, Asked::by_c(kind), elements, title(name), true));
    MA_alloc_get(kind: c_long, elements: c_long, name: *const c_char, handle: *mut c_long, index: *mut c_long) -> c_long, 0,
        |state| { let made = create(state, Asked::by_c(kind), elements, title(name), true); create_with_index(state, made, handle, index) };
    MA_push_stack(kind: c_long, elements: c_long, name: *const c_char, handle: *mut c_long) -> c_long, 0,
        |state| store("a handle", handle, || create(state, Asked::by_c(kind), elements, title(name), false));
    MA_push_get(kind: c_long, elements: c_long, name: *const c_char, handle: *mut c_long, index: *mut c_long) -> c_long, 0,
        |state| { let made = create(state, Asked::by_c(kind), elements, title(name), false); create_with_index(state, made, handle, index) };

    MA_free_heap(handle: c_long) -> c_long, 0, |state| free(state, handle);
    MA_free_heap_piece(handle: c_long, elements: c_long) -> c_long, 0, |state| free_piece(state, handle, elements);
    MA_pop_stack(handle: c_long) -> c_long, 0, |state| pop(state, handle, true);
    MA_chop_stack(handle: c_long) -> c_long, 0, |state| pop(state, handle, false);

    MA_get_index(handle: c_long, place: *mut c_long) -> c_long, 0,
        |state| store("an index", place, || index(state, handle));
    MA_get_pointer(handle: c_long, place: *mut c_void) -> c_long, 0, |state| {
        let value = || { let block = state.block(handle)?; Ok(state.arena()?.pointer(&block)) };
        store("a pointer", place.cast::<*mut u8>(), value)
    };
    MA_get_mbase(kind: c_long) -> *mut c_char, std::ptr::null_mut(),
        |_state| Ok(Asked::by_c(kind).known_or_end()?.base as *mut c_char);
    MA_init_memhandle_iterator(iterator: *mut c_long) -> c_long, 0,
        |state| { state.arena()?; store("an iterator", iterator, || Ok(-1)) };
    MA_get_next_memhandle(iterator: *mut c_long, handle: *mut c_long) -> c_long, 0, |state| {
        if iterator.is_null() || handle.is_null() {
            return mistake("no place for an iterator or a handle");
        }
        let Some(next) = next(state, iterator.read())? else { return Ok(0) };
        iterator.write(next);
        handle.write(next);
        Ok(1)
    };

    MA_inquire_avail(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::Gap, false);
    MA_inquire_heap(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::HeapHalf, true);
    MA_inquire_heap_check_stack(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::HeapHalfFree, true);
    MA_inquire_heap_no_partition(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::Gap, true);
    MA_inquire_stack(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::StackHalf, false);
    MA_inquire_stack_check_heap(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::StackHalfFree, false);
    MA_inquire_stack_no_partition(kind: c_long) -> c_long, 0, |state| inquire(state, Asked::by_c(kind), Room::Gap, false);

    MA_sizeof(from: c_long, elements: c_long, to: c_long) -> c_long, 0, |_state| size_of(Asked::by_c(from), elements, Asked::by_c(to));
    MA_sizeof_overhead(kind: c_long) -> c_long, 0,
        |_state| overhead(Asked::by_c(kind));

    MA_set_auto_verify(value: c_long) -> c_long, 0, |state| switch(&mut state.does_verify, value);
    MA_set_error_print(value: c_long) -> c_long, 0, |state| switch(&mut state.prints_errors, value);
    MA_set_hard_fail(value: c_long) -> c_long, 0, |state| switch(&mut state.fails_hard, value);
    MA_trace(value: c_long) -> (), (), |state| { state.traces = value != 0; Ok(()) };
    MA_get_numalign(place: *mut c_long) -> c_long, 0,
        |state| store("an alignment", place, || Ok(c_long::from(state.numalign)));
    MA_set_numalign(value: c_long) -> c_long, 0, |state| align(state, value);
    MA_verify_allocator_stuff() -> c_long, 0,
        |state| verify(state);
    MA_summarize_allocated_blocks() -> (), (), |state| { summarize(state); Ok(()) };
    MA_print_stats(routines: c_long) -> (), (), |state| { print_stats(state, routines != 0); Ok(()) };
}

/// What is called, with a text and a code, when MA cannot go on; without one the job is ended.
#[unsafe(no_mangle)]
extern "C" fn MA_set_error_callback(function: Option<Terminate>) {
    state().terminate = function;
}

/// The job is ended by Global Arrays, as it is from the start.
#[unsafe(no_mangle)]
extern "C" fn ma_set_error_callback() {
    state().terminate = None;
}
