//! Running programs over domains: boxes are cut into pieces ([`super::piece`]), pieces are dealt to threads in contiguous
//! shares, and reductions are combined in the order of pieces, whichever thread made them.

use super::arg::Extreme;
use super::axes::Running;
use super::cascade::fold;
use super::geometry::{scratch_bytes, tile_of};
use super::piece::Prepared;
use super::stack::Stack;
use super::tile::{Gathered, Machine};
use super::{Domain, Partial, Program};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, Kind};
use crate::kernels::copy::{self, Walk};
use crate::kernels::extreme::{self, Count};
use crate::kernels::flags::{self, Report};
use crate::kernels::{CHUNK, Kernel, Operands, Slot, cast, reduce, reports, table};
use crate::ops::{Loop, MAX_INPUTS, ReduceOp};
use smallvec::{SmallVec, smallvec};
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Passes of fewer elements aren't worth waking a thread for.
const SERIAL: usize = 1 << 15;

/// Outputs of a pass larger than this bypass the caches.
const STREAM_BYTES: usize = 16 << 20;

/// One box of a pass with its program. All programs of a pass make the same full reductions, in the same order.
#[derive(Debug)]
pub struct Task<'p> {
    /// What to compute.
    pub program: &'p Program,
    /// On which elements.
    pub domain: Domain,
}

/// The full reductions of one piece, in the order of the program.
type Results = SmallVec<[(Scalar, i64); 2]>;

/// Run all tasks of a pass, on up to `threads` threads, and return the combined full reductions (elements in the
/// order of tasks, then memory order within a task). The tasks may run in any order and at once.
///
/// Grouping of reductions depends on the domains alone, not on `threads`.
///
/// # Errors
/// `ValueError` when an integer was raised to a negative integer power; the outputs are then undefined.
///
/// # Panics
/// When a domain doesn't fit its program (number of leaves, outputs or axes).
///
/// # Safety
/// Every stream of every domain is valid for its whole box (reads for leaves, writes for outputs), and no other
/// thread or process writes what is read here or touches what is written here until this returns. Outputs of
/// different tasks don't overlap each other or leaves of other tasks, except that of axis reductions.
pub unsafe fn run(tasks: Vec<Task<'_>>, threads: usize) -> Result<SmallVec<[Partial; 2]>, Error> {
    // Tasks may reduce into the same elements: one after the other.
    if tasks.len() > 1
        && tasks.iter().any(|task| task.program.reduces.iter().any(|reduce| reduce.out.is_some()))
    {
        let mut partials = empty_partials(&tasks);
        for task in tasks {
            // SAFETY: passed on.
            let more = unsafe { run_together([task], threads) }?;
            partials.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.combine(more));
        }
        return Ok(partials);
    }
    // SAFETY: passed on.
    unsafe { run_together(tasks, threads) }
}

/// Tasks that touch different memory.
///
/// # Safety
/// As [`run`].
unsafe fn run_together<'p>(
    tasks: impl AsRef<[Task<'p>]> + IntoIterator<Item = Task<'p>>,
    threads: usize,
) -> Result<SmallVec<[Partial; 2]>, Error> {
    let mut partials = empty_partials(tasks.as_ref());
    let mut prepared: Vec<Prepared<'_>> = Vec::with_capacity(tasks.as_ref().len());
    let (mut pieces, mut elements, mut out_bytes) = (0, 0, 0);
    for task in tasks {
        check(&task);
        let len = task.domain.len();
        if len == 0 {
            continue;
        }
        out_bytes += task.program.stores.iter().map(|store| store.size * len).sum::<usize>();
        elements += len;
        let one = Prepared::new(task, pieces, threads);
        pieces += one.pieces();
        prepared.push(one);
    }
    if pieces == 0 {
        return Ok(partials);
    }
    let stream = out_bytes >= STREAM_BYTES;
    let threads = if elements < SERIAL { 1 } else { threads.clamp(1, pieces) };
    let failed = AtomicBool::new(false);
    let mut results: Vec<OnceLock<Results>> = Vec::new();
    if !partials.is_empty() {
        results.resize_with(pieces, OnceLock::new);
    }
    super::pool::split(pieces, threads, &|piece| {
        // SAFETY: this function's contract.
        let (ok, found) = unsafe { run_piece(&prepared, piece, stream) };
        if !ok {
            failed.store(true, Ordering::Relaxed);
        }
        if let Some(place) = results.get(piece) {
            _ = place.set(found);
        }
    });
    if failed.load(Ordering::Relaxed) {
        let message = "Integers to negative integer powers are not allowed.";
        return Err(Error::new(Kind::Value, message));
    }
    for task in &prepared {
        for (program, domain) in task.second() {
            // SAFETY: what it reads was written by the pieces, into memory that `prepared` holds; it writes what they
            // were to write.
            unsafe { run_together([Task { program: &program, domain }], threads) }?;
            task.program.watch.also(&program.watch);
        }
    }
    let results: Vec<Results> =
        results.into_iter().map(|r| r.into_inner().expect("every piece ran")).collect();
    for (k, partial) in partials.iter_mut().enumerate() {
        for task in &prepared {
            *partial = watching(task.program, || {
                partial.combine(combine_pieces(task, k, &results[task.first..task.first + task.pieces()]))
            });
        }
    }
    Ok(partials)
}

fn empty_partials(tasks: &[Task<'_>]) -> SmallVec<[Partial; 2]> {
    let Some(first) = tasks.first() else { return SmallVec::new() };
    let full = first.program.reduces.iter().filter(|reduce| reduce.out.is_none());
    full.map(|reduce| Partial::empty(reduce.op)).collect()
}

fn check(task: &Task<'_>) {
    let (program, domain) = (task.program, &task.domain);
    assert_eq!(domain.leaves.len(), program.leaves.len(), "one stream per leaf");
    assert_eq!(domain.outs.len(), program.outs.len(), "one stream per output");
    assert!(domain.outs.iter().all(|out| out.strides.len() == domain.shape.len()), "one stride per axis");
}

/// A cache line, for aligned scratch memory.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "room only")] [u8; 64]);

thread_local! {
    static SCRATCH: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Runs one piece of the pass: whether every value was accepted, and the piece's full reductions.
///
/// # Safety
/// As [`run`].
unsafe fn run_piece(tasks: &[Prepared<'_>], piece: usize, stream: bool) -> (bool, Results) {
    let owner = tasks.iter().rfind(|task| task.first <= piece);
    let task = owner.expect("the first task starts at piece 0");
    SCRATCH.with_borrow_mut(|scratch| {
        let lines = scratch_bytes(task.program, task.geometry).div_ceil(64);
        if scratch.len() < lines {
            scratch.resize(lines, Line([0; 64]));
        }
        let domain = task.piece(piece - task.first);
        let room = scratch.as_mut_ptr().cast();
        let mut machine = Machine::new(task.program, &domain, task.geometry, stream, room);
        // SAFETY: passed on; the scratch memory is this thread's.
        let ok = unsafe {
            match &task.layout {
                Some(layout) => {
                    let tile = task.geometry.rows * task.geometry.columns;
                    let strip = layout.strip(task.geometry);
                    let stack = |reduce| Running { reduce, stack: Stack::new(reduce, strip, tile) };
                    let mut lines: SmallVec<[Running<'_>; 1]> =
                        task.program.axes().iter().map(stack).collect();
                    machine.run_axes(layout, &mut lines)
                }
                None => machine.run(),
            }
        };
        if stream {
            copy::stream_fence();
        }
        (ok, watching(task.program, || collect(task.program, machine.gathered)))
    })
}

/// Combines results of a program's reductions, and charges them with what that raises.
fn watching<R>(program: &Program, combine: impl FnOnce() -> R) -> R {
    let watch = &program.watch;
    if !watch.is_on() || watch.reduces.is_empty() {
        return combine();
    }
    flags::clear();
    let combined = combine();
    let bits = flags::read();
    if bits & watch.wanted[1] != 0 {
        watch.combined(bits);
    }
    combined
}

fn collect(program: &Program, gathered: SmallVec<[Gathered; 2]>) -> Results {
    let mut results = Results::new();
    for (reduce, gathered) in program.reduces.iter().zip(gathered) {
        match gathered {
            Gathered::Cascade(cascade) => {
                results.push((Scalar::from_bytes(reduce.dtype, &cascade.finish(reduce)), 0));
            }
            Gathered::Extreme(Extreme { value, index }) => results.push((value, index)),
            Gathered::Axes => {}
        }
    }
    results
}

/// The `k`-th full reduction of a task from those of its pieces.
fn combine_pieces(task: &Prepared<'_>, k: usize, results: &[Results]) -> Partial {
    let full = task.program.reduces.iter().filter(|reduce| reduce.out.is_none()).nth(k);
    let reduce = full.expect("all programs of a pass make the same full reductions");
    let (value, index) = results[0][k];
    let mut total = Partial { op: reduce.op, value: Some(value), index };
    if reduce.op.is_index() {
        for &(value, index) in results[1..].iter().map(|piece| &piece[k]) {
            total = total.combine(Partial { value: Some(value), index, ..total });
        }
        return total;
    }
    let size = reduce.dtype.size_bytes();
    let mut packed: Vec<u8> = Vec::with_capacity(results.len() * size);
    for piece in results {
        packed.extend_from_slice(&piece[k].0.bytes()[..size]);
    }
    let mut out = [0; 16];
    fold(reduce, packed.as_mut_ptr(), results.len(), out.as_mut_ptr());
    total.value = Some(Scalar::from_bytes(reduce.dtype, &out));
    total
}

/// Small eager path: the reduction of `len` elements of type `from` in a row, at least one, converted to `dtype`, as a
/// pass over them makes it; the index from 0 on for indices. With it come the floating-point exceptions of folding (bits
/// of [`crate::status`]). `None` when the type has no such reduction.
///
/// # Safety
/// The elements are readable.
pub unsafe fn fold_row(
    op: ReduceOp,
    from: DType,
    dtype: DType,
    ptr: *const u8,
    len: usize,
) -> Option<(Scalar, u8)> {
    const PLAIN: Operands = Operands { dst: [0; 2], src: [1; 8] };
    let size = dtype.size_bytes();
    if let Some(extremes) = extreme::extremes(op, dtype).filter(|_| from == dtype) {
        let (mut best, mut index) = ([0u64; 2], 0);
        let walk = Walk { ptr: ptr.cast_mut(), strides: [0, size as isize] };
        let to = (best.as_mut_ptr().cast(), &raw mut index);
        // SAFETY: the caller's promise; `best` has room for any element.
        unsafe { (extremes.rows)(walk, 1, len, to, Count { start: 0, step: 1 }) };
        return Some((Scalar::I64(index), 0));
    }
    let (kernel, tile) = (reduce::row(op, dtype)?, tile_of(size));
    let mut sums: SmallVec<[u128; 16]> = SmallVec::from_elem(0, (len.div_ceil(tile) * size).div_ceil(16));
    let base: *mut u8 = sums.as_mut_ptr().cast();
    let mut converted: SmallVec<[u128; 0]> = SmallVec::new();
    if from != dtype {
        converted.resize((tile.min(len) * size).div_ceil(16), 0);
    }
    let mut found = 0;
    for k in 0..len.div_ceil(tile) {
        let n = tile.min(len - k * tile);
        let mut row = Slot::row(ptr.wrapping_add(k * tile * from.size_bytes()).cast_mut());
        // SAFETY: the caller's promise; `converted` has room for a tile, `sums` for a result per tile.
        unsafe {
            if from != dtype {
                let to = Slot::row(converted.as_mut_ptr().cast());
                cast::kernel(from, dtype)(n, [to, row].as_ptr(), &PLAIN);
                row = to;
            }
            // Conversions may leave flags that aren't theirs.
            flags::clear();
            kernel(n, [Slot::row(base.wrapping_add(k * size)), row].as_ptr(), &PLAIN);
            found |= flags::read();
        }
    }
    let mut result = [0u64; 2];
    let slots = [Slot::row(result.as_mut_ptr().cast()), Slot::row(base)];
    // SAFETY: `sums` holds a result per tile, `result` has room for one.
    unsafe { kernel(len.div_ceil(tile), slots.as_ptr(), &PLAIN) };
    let found = match reduce::report(op, dtype) {
        Report::Never => 0,
        _ => found | flags::read(),
    };
    Some((Scalar::from_bytes(dtype, bytemuck::bytes_of(&result)), found))
}

/// Small eager path: one operation on contiguous memory already of the loop's types, no program, no threads.
/// An input step is its element size, or 0 for a scalar to be broadcast. Returns the floating-point exceptions (bits of
/// [`crate::status`]).
///
/// # Errors
/// As [`run`].
///
/// # Safety
/// As [`run`], for `len` elements per stream.
pub unsafe fn apply(
    op: &Loop,
    len: usize,
    inputs: &[(*const u8, usize)],
    outputs: &[*mut u8],
) -> Result<u8, Error> {
    let mut status = 0u8;
    let mut slots: SmallVec<[Slot; 6]> = smallvec![Slot::row(&raw mut status)];
    const ROOM: MaybeUninit<[u128; CHUNK]> = MaybeUninit::uninit();
    let mut splats = [ROOM; MAX_INPUTS];
    for ((&(ptr, step), dtype), splat) in inputs.iter().zip(op.inputs).zip(&mut splats) {
        slots.push(if step == 0 {
            let place = splat.as_mut_ptr().cast();
            // SAFETY: one element is readable, the splat has room for `CHUNK` of the largest.
            unsafe { copy::splat(dtype.size_bytes(), ptr, place) };
            Slot::splat(place)
        } else {
            Slot::row(ptr.cast_mut())
        });
    }
    let first_out = slots.len() as u16;
    outputs.iter().for_each(|&ptr| slots.push(Slot::row(ptr)));
    let second = if outputs.len() == 2 { first_out + 1 } else { 0 };
    let operands = Operands { dst: [first_out, second], src: [1, 2, 3, 0, 0, 0, 0, 0] };
    // SAFETY: the slots are as the kernel of this loop expects them.
    let found = unsafe { watched(reports::of(op), table::kernel(op), len, &slots, &operands) };
    if status == 0 {
        Ok(found)
    } else {
        Err(Error::new(Kind::Value, "Integers to negative integer powers are not allowed."))
    }
}

/// Small eager path: elements in a row, converted. Returns the floating-point exceptions that this had.
///
/// # Safety
/// `len` elements of type `from` are readable, `len` of type `to` writable, apart from each other.
pub(crate) unsafe fn convert(from: DType, to: DType, len: usize, source: *const u8, target: *mut u8) -> u8 {
    let slots = [Slot::row(target), Slot::row(source.cast_mut())];
    let operands = Operands { dst: [0; 2], src: [1; 8] };
    // SAFETY: passed on.
    unsafe { watched(flags::of_cast(from, to), cast::kernel(from, to), len, &slots, &operands) }
}

/// Calls a kernel, and says which floating-point exceptions it had.
///
/// # Safety
/// The slots and operands are as the kernel expects them, for `len` elements.
unsafe fn watched(report: Report, kernel: Kernel, len: usize, slots: &[Slot], operands: &Operands) -> u8 {
    // SAFETY: the caller's promise.
    let call = || unsafe { kernel(len, slots.as_ptr(), operands) };
    match report {
        Report::Never => {
            call();
            0
        }
        Report::Exact => {
            flags::clear();
            call();
            flags::read()
        }
        Report::Checked(check) | Report::Covered(check) => {
            // SAFETY: as above.
            let found = unsafe { check(len, slots.as_ptr(), operands) };
            call();
            found
        }
    }
}
