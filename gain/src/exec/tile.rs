//! The inner machine: walks one normalised box tile by tile and runs the program on each.
//!
//! A tile is `rows` x `columns` elements of the box's last two axes, a few hundred in all, so that every stream and
//! register of a program fits the first-level cache together. For each tile every leaf's slot is set: straight to
//! memory if the tile is contiguous there, to a splat if it is one element, else to a packed copy.

mod fold;

use super::arg;
use super::cascade::Cascade;
use super::domain::{Domain, Leaf};
use super::geometry::Geometry;
use super::program::Program;
use crate::dtype::DType;
use crate::kernels::copy::{self, Walk};
use crate::kernels::flags::{self, Report};
use crate::kernels::{CHUNK, Operands, Slot, cast};
use smallvec::SmallVec;
use std::ops::Range;

/// Elements of a tile where nothing waits in the first-level cache: one instruction from memory to memory.
const SINGLE: usize = 1 << 15;

/// Element `(r, c)` of a stream's current plane is at `ptr + r * strides[0] + c * strides[1]`.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    at: Walk,
    size: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// The slot points into the stream.
    InPlace,
    /// One element for the whole tile row.
    Splat,
    /// Packed copy (leaves) or scatter (outputs).
    Packed,
    /// Computed coordinates.
    Index,
    /// Coordinates that only number a reduction's elements: computed where they matter.
    Number,
}

/// The stored outputs' part: how each gets to memory.
#[derive(Clone, Copy, Debug)]
struct Sink {
    cursor: Cursor,
    mode: Mode,
    /// The register's slot is the output itself.
    direct: bool,
    /// The register, where the slot isn't the output.
    register: *mut u8,
}

/// What a full reduction has gathered in one piece.
#[derive(Debug)]
pub(super) enum Gathered {
    Cascade(Cascade),
    Extreme(arg::Extreme),
    /// Goes to memory.
    Axes,
}

/// The machine for one program on one piece of a box.
pub(super) struct Machine<'a> {
    program: &'a Program,
    pub(super) domain: &'a Domain,
    pub(super) geometry: Geometry,
    /// Use streaming stores.
    stream: bool,
    slots: SmallVec<[Slot; 24]>,
    leaves: SmallVec<[(Cursor, Mode, *mut u8); 6]>,
    sinks: SmallVec<[Sink; 2]>,
    outs: SmallVec<[Cursor; 2]>,
    status: u8,
    /// Run instruction by instruction, see [`super::watch`].
    careful: bool,
    /// The first instruction that writes over one of its inputs.
    clobbers: usize,
    /// Each row is a tile for which pointers move and nothing else is to be done, see [`Machine::rows`].
    is_plain: bool,
    /// Most columns of a tile.
    columns: usize,
    pub(super) gathered: SmallVec<[Gathered; 2]>,
}

impl<'a> Machine<'a> {
    /// Binds the program to the piece. `scratch` has at least [`scratch_bytes`], aligned to a cache line, for as
    /// long as the machine runs.
    pub(super) fn new(
        program: &'a Program,
        domain: &'a Domain,
        geometry: Geometry,
        stream: bool,
        scratch: *mut u8,
    ) -> Machine<'a> {
        let mut machine = Machine {
            program,
            domain,
            geometry,
            stream,
            slots: SmallVec::from_elem(Slot::row(std::ptr::null_mut()), program.slots()),
            leaves: SmallVec::new(),
            sinks: SmallVec::new(),
            outs: SmallVec::new(),
            status: 0,
            careful: false,
            clobbers: usize::MAX,
            is_plain: false,
            columns: geometry.columns,
            gathered: SmallVec::new(),
        };
        machine.bind(scratch);
        machine
    }

    fn bind(&mut self, mut scratch: *mut u8) {
        let program = self.program;
        let tile = self.geometry.room();
        let mut take = |bytes: usize| {
            let place = scratch;
            scratch = scratch.wrapping_add(bytes);
            place
        };
        for (k, (bytes, size)) in program.consts.iter().enumerate() {
            let place = take(CHUNK * 16);
            // SAFETY: `bytes` holds one element, `place` room for a splat of the largest.
            unsafe { copy::splat(*size, bytes.as_ptr(), place) };
            self.slots[1 + k] = Slot::splat(place);
        }
        for (k, (leaf, dtype)) in self.domain.leaves.iter().zip(&program.leaves).enumerate() {
            let place = take(tile * dtype.size_bytes());
            let (cursor, mode) = match leaf {
                Leaf::Memory(stream) => {
                    let cursor = self.cursor(stream.ptr, &stream.strides, *dtype);
                    (cursor, self.mode(&cursor, self.overwritten(k)))
                }
                Leaf::Index { steps, .. } => {
                    let mode = if program.is_number(k) { Mode::Number } else { Mode::Index };
                    let strides: SmallVec<[isize; 4]> = SmallVec::from_elem(0, steps.len());
                    (self.cursor(std::ptr::null_mut(), &strides, *dtype), mode)
                }
            };
            self.slots[program.first_leaf() + k] = match mode {
                Mode::Splat => Slot::splat(place),
                _ => Slot::row(place),
            };
            self.leaves.push((cursor, mode, place));
        }
        for (k, size) in program.registers.iter().enumerate() {
            self.slots[program.first_register() + k] = Slot::row(take(tile * size));
        }
        for (stream, dtype) in self.domain.outs.iter().zip(&program.outs) {
            self.outs.push(self.cursor(stream.ptr, &stream.strides, *dtype));
        }
        for store in &program.stores {
            let cursor = self.outs[store.out];
            let mode = self.mode(&cursor, false);
            let mode = if mode == Mode::InPlace { mode } else { Mode::Packed };
            let clobbers = store.read_later.iter().any(|&leaf| self.lies_on(leaf.into(), store.out));
            let direct = mode == Mode::InPlace && store.owned && !self.stream && !clobbers;
            let register = self.slots[usize::from(store.slot)].ptr;
            self.sinks.push(Sink { cursor, mode, direct, register });
            if direct
                && program.watch.is_on()
                && (0..program.leaves.len()).any(|leaf| self.lies_on(leaf, store.out))
            {
                let writes = program.instrs.iter().position(|instr| instr.operands.dst.contains(&store.slot));
                self.clobbers = self.clobbers.min(writes.unwrap_or(usize::MAX));
            }
        }
        for reduce in &program.reduces {
            self.gathered.push(match reduce.out {
                Some(_) => Gathered::Axes,
                None if reduce.op.is_index() => Gathered::Extreme(arg::Extreme::new(reduce)),
                None => Gathered::Cascade(Cascade::new(reduce.dtype.size_bytes())),
            });
        }
        self.is_plain = self.has_plain_rows();
        if self.is_single() {
            self.columns = self.columns.max(SINGLE);
        }
    }

    /// Whether all that is done is one instruction that reads and writes memory where it lies, all of its outputs, and raises
    /// nothing (so that it is never done again with room of its own).
    fn is_single(&self) -> bool {
        let lies = |(cursor, mode, _): &(Cursor, Mode, *mut u8)| match mode {
            Mode::InPlace => true,
            Mode::Splat => cursor.at.strides[1] == 0,
            _ => false,
        };
        self.geometry.rows == 1
            && !self.stream
            && self.program.instrs.len() == 1
            && self.program.reduces.is_empty()
            && !self.program.watch.is_on()
            && self.leaves.iter().all(lies)
            && self.sinks.iter().all(|sink| sink.direct)
            && self.program.registers.len() == self.sinks.len()
    }

    /// Whether rows are tiles, leaves are read and outputs written where they lie, and no exception is asked for but of the
    /// flags, of inputs that are still there.
    fn has_plain_rows(&self) -> bool {
        let lies = |(cursor, mode, _): &(Cursor, Mode, *mut u8)| match mode {
            Mode::InPlace => true,
            Mode::Splat => cursor.at.strides[0] == 0,
            _ => false,
        };
        let is_row = self.geometry.rows == 1
            && self.domain.shape[self.domain.shape.len() - 1] <= self.geometry.columns;
        is_row
            && !self.stream
            && self.clobbers == usize::MAX
            && self.leaves.iter().all(lies)
            && self.sinks.iter().all(|sink| sink.direct)
            && self.gathered.iter().all(|gathered| matches!(gathered, Gathered::Cascade(_)))
            && !self.program.watch.instrs.iter().any(|watched| matches!(watched.report, Report::Checked(_)))
    }

    fn cursor(&self, ptr: *mut u8, strides: &[isize], dtype: DType) -> Cursor {
        let last = self.domain.shape.len() - 1;
        let row = if last > 0 { strides[last - 1] } else { 0 };
        Cursor { at: Walk { ptr, strides: [row, strides[last]] }, size: dtype.size_bytes() }
    }

    fn mode(&self, cursor: &Cursor, pack: bool) -> Mode {
        let inner = self.domain.shape[self.domain.shape.len() - 1];
        let (size, [row, column]) = (cursor.size as isize, cursor.at.strides);
        let one_row = self.geometry.rows == 1;
        let flat = one_row || (self.geometry.columns == inner && row == size * inner as isize);
        if column == size && flat && !pack {
            Mode::InPlace
        } else if column == 0 && (one_row || row == 0) {
            Mode::Splat
        } else {
            Mode::Packed
        }
    }

    /// Whether a leaf is copied to an output while another output lies on it: it must be read before any store.
    fn overwritten(&self, leaf: usize) -> bool {
        let stored = self.program.stores.iter().any(|store| self.program.leaf_of(store.slot) == Some(leaf));
        stored
            && self.program.stores.len() > 1
            && (0..self.domain.outs.len()).any(|out| self.lies_on(leaf, out))
    }

    fn lies_on(&self, leaf: usize, out: usize) -> bool {
        match &self.domain.leaves[leaf] {
            Leaf::Memory(stream) => stream.ptr == self.domain.outs[out].ptr,
            Leaf::Index { .. } => false,
        }
    }

    /// Runs over the whole piece; false when a kernel refused a value.
    ///
    /// # Safety
    /// As [`run`](super::run); the scratch memory passed to [`new`](Self::new) is still there.
    pub(super) unsafe fn run(&mut self) -> bool {
        self.begin();
        let outer = self.domain.shape.len().saturating_sub(2);
        let mut coordinate: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer);
        loop {
            // SAFETY: the cursors point at this plane.
            unsafe { self.plane(&coordinate) };
            if !self.step(&mut coordinate, 0..outer) {
                return self.accepted();
            }
        }
    }

    /// The machine stays where it is from here on.
    pub(super) fn begin(&mut self) {
        self.slots[0] = Slot::row(&raw mut self.status);
        if self.program.watch.is_on() {
            flags::clear();
        }
    }

    /// Whether no kernel refused a value.
    pub(super) fn accepted(&self) -> bool {
        self.status == 0
    }

    /// Moves to the next coordinate along some outer axes; false, at their first one again, when there is none.
    pub(super) fn step(&mut self, coordinate: &mut [usize], axes: Range<usize>) -> bool {
        for axis in axes.rev() {
            coordinate[axis] += 1;
            if coordinate[axis] < self.domain.shape[axis] {
                self.advance(axis, 1);
                return true;
            }
            self.advance(axis, -(self.domain.shape[axis] as isize - 1));
            coordinate[axis] = 0;
        }
        false
    }

    /// The memory of a leaf from a place in the current plane on.
    pub(super) fn leaf_at(&self, leaf: usize, at: [usize; 2]) -> Walk {
        shifted(self.leaves[leaf].0.at, at)
    }

    /// The same of a memory output.
    pub(super) fn out_at(&self, out: usize, at: [usize; 2]) -> Walk {
        shifted(self.outs[out].at, at)
    }

    pub(super) fn slot(&self, slot: u16) -> Slot {
        self.slots[usize::from(slot)]
    }

    pub(super) fn leaf_slot(&self, leaf: usize) -> Slot {
        self.slots[self.program.first_leaf() + leaf]
    }

    /// Moves every cursor `by` steps along an outer axis.
    fn advance(&mut self, axis: usize, by: isize) {
        for ((cursor, ..), leaf) in self.leaves.iter_mut().zip(&self.domain.leaves) {
            if let Leaf::Memory(stream) = leaf {
                cursor.at.ptr = cursor.at.ptr.wrapping_offset(stream.strides[axis] * by);
            }
        }
        for (cursor, stream) in self.outs.iter_mut().zip(&self.domain.outs) {
            cursor.at.ptr = cursor.at.ptr.wrapping_offset(stream.strides[axis] * by);
        }
        for (sink, store) in self.sinks.iter_mut().zip(&self.program.stores) {
            sink.cursor = self.outs[store.out];
        }
    }

    unsafe fn plane(&mut self, outer: &[usize]) {
        let last = self.domain.shape.len() - 1;
        let columns = self.domain.shape[last];
        let rows = if last > 0 { self.domain.shape[last - 1] } else { 1 };
        let mut r = 0;
        while r < rows {
            if self.is_plain && !self.careful && rows - r > 1 {
                // SAFETY: passed on.
                r = unsafe { self.rows(r, rows, columns) };
                if r == rows {
                    return;
                }
            }
            let tile_rows = self.geometry.rows.min(rows - r);
            let mut c = 0;
            while c < columns {
                let mut tile_columns = self.columns.min(columns - c);
                if self.stream && self.geometry.rows == 1 && c == 0 && columns > self.geometry.columns {
                    tile_columns -= self.misaligned(r);
                }
                // SAFETY: the tile lies within the plane.
                unsafe { self.tile(outer, [r, c], tile_rows, tile_columns) };
                c += tile_columns;
            }
            r += tile_rows;
        }
    }

    /// Computes rows from `r` on, of a plane whose rows are plain, up to the first that raised something: its number.
    ///
    /// # Safety
    /// The rows lie within the current plane.
    unsafe fn rows(&mut self, mut r: usize, rows: usize, columns: usize) -> usize {
        let program = self.program;
        let (first_leaf, first_result) = (program.first_leaf(), program.first_result());
        let mut moves: SmallVec<[(usize, isize); 8]> = SmallVec::new();
        for (k, (cursor, mode, place)) in self.leaves.iter().enumerate() {
            if *mode == Mode::InPlace {
                self.slots[first_leaf + k].ptr = shifted(cursor.at, [r, 0]).ptr;
                moves.push((first_leaf + k, cursor.at.strides[0]));
            } else {
                // SAFETY: one element is readable, `place` holds a splat.
                unsafe { copy::splat(cursor.size, cursor.at.ptr, *place) };
            }
        }
        for (sink, store) in self.sinks.iter().zip(&program.stores) {
            self.slots[usize::from(store.slot)].ptr = shifted(sink.cursor.at, [r, 0]).ptr;
            moves.push((usize::from(store.slot), sink.cursor.at.strides[0]));
        }
        let (is_watched, wanted) = (program.watch.is_on(), program.watch.wanted[0]);
        while r < rows {
            for instr in &program.instrs {
                // SAFETY: the slots hold the row each.
                unsafe { (instr.kernel)(columns, self.slots.as_ptr(), &instr.operands) };
            }
            if is_watched {
                let found = flags::read();
                if found != 0 {
                    flags::clear();
                    if found & wanted != 0 {
                        return r;
                    }
                }
            }
            for (k, reduce) in program.reduces.iter().enumerate() {
                let Gathered::Cascade(cascade) = &mut self.gathered[k] else {
                    unreachable!("rows are plain")
                };
                self.slots[first_result + k].ptr = cascade.place();
                // SAFETY: as above.
                unsafe {
                    (reduce.row.kernel)(columns, self.slots.as_ptr(), &reduce.row.operands);
                    cascade.advance(reduce);
                    if is_watched {
                        self.reduced(k, columns);
                    }
                }
            }
            let slots = &mut self.slots[..];
            for &(slot, step) in &moves {
                slots[slot].ptr = slots[slot].ptr.wrapping_offset(step);
            }
            r += 1;
        }
        r
    }

    /// Elements by which a full tile at the start of row `r` would end past a cache line of the first output.
    fn misaligned(&self, r: usize) -> usize {
        let Some(sink) = self.sinks.first() else { return 0 };
        let start = sink.cursor.at.ptr.wrapping_offset(r as isize * sink.cursor.at.strides[0]) as usize;
        (start % 64) / sink.cursor.size
    }

    /// Computes and stores one tile, and reduces it unless that is over axes.
    ///
    /// # Safety
    /// The tile lies within the current plane.
    #[inline]
    pub(super) unsafe fn tile(&mut self, outer: &[usize], [r, c]: [usize; 2], rows: usize, columns: usize) {
        let program = self.program;
        let n = rows * columns;
        let first_leaf = program.first_leaf();
        // Tiles of one row follow each other, except in strips.
        let is_new_row = c == 0 || !program.axes().is_empty();
        for (k, (cursor, mode, place)) in self.leaves.iter().enumerate() {
            let [row, column] = cursor.at.strides;
            let ptr = cursor.at.ptr.wrapping_offset(r as isize * row + c as isize * column);
            // SAFETY: the tile's elements are readable, `place` holds a tile (or a splat) of them.
            unsafe {
                match mode {
                    Mode::InPlace => self.slots[first_leaf + k].ptr = ptr,
                    Mode::Splat if is_new_row => copy::splat(cursor.size, ptr, *place),
                    Mode::Splat => {}
                    Mode::Packed => {
                        let walk = Walk { ptr, strides: cursor.at.strides };
                        copy::gather(cursor.size, walk, *place, rows, columns);
                    }
                    Mode::Number => {}
                    Mode::Index => self.number(k, outer, [r, c], rows, columns, place.cast()),
                }
            }
        }
        if !self.careful {
            for (sink, store) in self.sinks.iter().zip(&program.stores) {
                if sink.direct {
                    let [row, column] = sink.cursor.at.strides;
                    let offset = r as isize * row + c as isize * column;
                    self.slots[usize::from(store.slot)].ptr = sink.cursor.at.ptr.wrapping_offset(offset);
                }
            }
        }
        // SAFETY: the slots that instructions name hold a tile each.
        let calm = unsafe {
            match program.watch.is_on() {
                true => self.watched(n),
                false => {
                    for instr in &program.instrs {
                        (instr.kernel)(n, self.slots.as_ptr(), &instr.operands);
                    }
                    true
                }
            }
        };
        if program.watch.is_on() && !program.reduces.is_empty() {
            // What nobody wants to know of instructions isn't the reductions'.
            flags::clear();
        }
        for k in 0..program.reduces.len() {
            // SAFETY: as above.
            unsafe {
                self.reduce(k, outer, [r, c], rows, columns);
                if program.watch.is_on() {
                    self.reduced(k, n);
                }
            }
        }
        for (sink, store) in self.sinks.iter().zip(&program.stores) {
            if sink.direct && !self.careful {
                continue;
            }
            let [row, column] = sink.cursor.at.strides;
            let ptr = sink.cursor.at.ptr.wrapping_offset(r as isize * row + c as isize * column);
            let slot = self.slots[usize::from(store.slot)];
            // SAFETY: the slot holds the tile, the output's tile is writable.
            unsafe {
                if sink.mode == Mode::Packed {
                    copy::scatter(
                        store.size,
                        slot,
                        Walk { ptr, strides: sink.cursor.at.strides },
                        rows,
                        columns,
                    );
                } else if self.stream && slot.step != 0 {
                    copy::stream(slot.ptr, ptr, n * store.size);
                } else {
                    let slots = [Slot::row(ptr), slot];
                    let dtype = program.outs[store.out];
                    cast::kernel(dtype, dtype)(n, slots.as_ptr(), &Operands { dst: [0; 2], src: [1; 8] });
                }
            }
        }
        self.careful &= !calm;
    }

    /// Runs the instructions on a tile of `n` elements with an eye on the flags, which are clear before and after;
    /// whether none was raised.
    ///
    /// # Safety
    /// The slots hold a tile each.
    unsafe fn watched(&mut self, n: usize) -> bool {
        let (program, wanted) = (self.program, self.program.watch.wanted[0]);
        if self.careful {
            // SAFETY: passed on.
            return unsafe { self.carefully(n) };
        }
        for (k, (instr, watched)) in program.instrs.iter().zip(&program.watch.instrs).enumerate() {
            if k == self.clobbers && flags::read() & wanted != 0 {
                // The inputs are still there.
                // SAFETY: passed on.
                return unsafe { self.carefully(n) };
            }
            // SAFETY: passed on.
            unsafe {
                // Where flags would tell, they are asked at the end, unless the inputs are gone then.
                let is_late = matches!(watched.report, Report::Covered(_)) && k < self.clobbers;
                if let Some(check) = watched.report.check().filter(|_| watched.mark.wanted != 0 && !is_late) {
                    program.watch.found(watched.mark, check(n, self.slots.as_ptr(), &instr.operands));
                }
                (instr.kernel)(n, self.slots.as_ptr(), &instr.operands);
            }
            if k >= self.clobbers {
                let bits = flags::read();
                if bits & wanted != 0 {
                    flags::clear();
                    if matches!(watched.report, Report::Exact) {
                        program.watch.found(watched.mark, bits);
                    }
                }
            }
        }
        if flags::read() & wanted == 0 {
            return true;
        }
        // SAFETY: passed on; no input was overwritten, or the flags would have been cleared.
        unsafe { self.carefully(n) }
    }

    /// Instruction by instruction, none over an input that comes from memory.
    ///
    /// # Safety
    /// The slots hold a tile each.
    #[cold]
    unsafe fn carefully(&mut self, n: usize) -> bool {
        let program = self.program;
        self.careful = true;
        for (sink, store) in self.sinks.iter().zip(&program.stores) {
            if sink.direct {
                self.slots[usize::from(store.slot)].ptr = sink.register;
            }
        }
        flags::clear();
        let mut calm = true;
        for (instr, watched) in program.instrs.iter().zip(&program.watch.instrs) {
            // SAFETY: passed on; instructions of several steps don't write over their inputs.
            unsafe {
                if let Some(check) = watched.report.check() {
                    program.watch.found(watched.mark, check(n, self.slots.as_ptr(), &instr.operands));
                }
                (instr.kernel)(n, self.slots.as_ptr(), &instr.operands);
                let bits = flags::read();
                if bits & program.watch.wanted[0] != 0 {
                    calm = false;
                    if matches!(watched.report, Report::Exact) {
                        program.watch.attribute(watched, bits, n, &self.slots);
                    }
                    flags::clear();
                }
            }
        }
        calm
    }
}

/// The walk from another place on.
fn shifted(walk: Walk, [r, c]: [usize; 2]) -> Walk {
    let offset = r as isize * walk.strides[0] + c as isize * walk.strides[1];
    Walk { ptr: walk.ptr.wrapping_offset(offset), ..walk }
}
