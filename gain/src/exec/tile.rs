//! The inner machine: walks one normalised box tile by tile and runs the program on each.
//!
//! A tile is `rows` x `columns` elements of the box's last two axes, a few hundred in all, so that every stream and
//! register of a program fits the first-level cache together. For each tile every leaf's slot is set: straight to
//! memory if the tile is contiguous there, to a splat if it is one element, else to a packed copy.

use super::arg;
use super::cascade::Cascade;
use super::domain::{Domain, Leaf};
use super::program::{Program, Reduce};
use crate::dtype::DType;
use crate::kernels::copy::{self, Walk};
use crate::kernels::flags::{self, Report};
use crate::kernels::{CHUNK, Operands, Slot, cast};
use smallvec::SmallVec;

/// Bytes that the streams and registers of a tile may take of the first-level cache together.
const BUDGET: usize = 16 << 10;

/// Shape of the tiles of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    rows: usize,
    columns: usize,
}

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

impl Geometry {
    /// Chosen from the whole normalised box, so that it doesn't depend on how the box is cut for threads.
    pub(super) fn of(program: &Program, domain: &Domain) -> Geometry {
        let last = domain.shape.len() - 1;
        let inner = domain.shape[last];
        let tile = tile_len(program);
        if last == 0 {
            return Geometry { rows: 1, columns: tile };
        }
        let crosses = |strides: &[isize]| {
            let (row, column) = (strides[last - 1].unsigned_abs(), strides[last].unsigned_abs());
            row != 0 && row < column
        };
        let leaf_crosses = domain.leaves.iter().any(|leaf| match leaf {
            Leaf::Memory(stream) => crosses(&stream.strides),
            Leaf::Index { .. } => false,
        });
        if leaf_crosses && domain.shape[last - 1] >= 8 {
            Geometry { rows: 16, columns: (tile / 16).min(16).min(inner) }
        } else if inner >= tile / 2 {
            Geometry { rows: 1, columns: tile }
        } else {
            Geometry { rows: tile / inner, columns: inner }
        }
    }
}

/// The machine for one program on one piece of a box.
pub(super) struct Machine<'a> {
    program: &'a Program,
    domain: &'a Domain,
    geometry: Geometry,
    /// Use streaming stores.
    stream: bool,
    slots: SmallVec<[Slot; 24]>,
    leaves: SmallVec<[(Cursor, Mode, *mut u8); 6]>,
    sinks: SmallVec<[Sink; 2]>,
    outs: SmallVec<[Cursor; 2]>,
    /// Room for one tile of the largest element, for scattered axis reductions.
    spare: *mut u8,
    status: u8,
    /// Run instruction by instruction, see [`super::watch`].
    careful: bool,
    /// The first instruction that writes over one of its inputs.
    clobbers: usize,
    pub(super) gathered: SmallVec<[Gathered; 2]>,
}

/// Bytes per element of everything a tile touches.
fn element_bytes(program: &Program) -> usize {
    let dtypes = program.leaves.iter().chain(&program.outs).map(|dtype| dtype.size_bytes());
    dtypes.chain(program.registers.iter().copied()).sum()
}

/// Elements of a tile: what fits the budget, a multiple of 64, at least 128 (so that a 16 x 8 block fits).
fn tile_len(program: &Program) -> usize {
    (BUDGET / element_bytes(program).max(1) / 64 * 64).clamp(128, 1024)
}

/// Bytes of scratch memory a program's tiles need.
pub(super) fn scratch_bytes(program: &Program) -> usize {
    let sizes = program.leaves.iter().map(|leaf| leaf.size_bytes()).chain(program.registers.iter().copied());
    program.consts.len() * CHUNK * 16 + tile_len(program) * (sizes.sum::<usize>() + 16)
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
            spare: std::ptr::null_mut(),
            status: 0,
            careful: program.watch.is_on(),
            clobbers: usize::MAX,
            gathered: SmallVec::new(),
        };
        machine.bind(scratch);
        machine
    }

    fn bind(&mut self, mut scratch: *mut u8) {
        let program = self.program;
        let tile = tile_len(program);
        let mut take = |bytes: usize| {
            let place = scratch;
            scratch = scratch.wrapping_add(bytes);
            place
        };
        self.spare = take(tile * 16);
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
                Leaf::Index { .. } => (
                    self.cursor(
                        std::ptr::null_mut(),
                        &self.domain.shape.iter().map(|_| 0).collect::<SmallVec<[isize; 4]>>(),
                        *dtype,
                    ),
                    Mode::Index,
                ),
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
            if direct && self.careful && (0..program.leaves.len()).any(|leaf| self.lies_on(leaf, store.out)) {
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
        self.slots[0] = Slot::row(&raw mut self.status);
        if self.careful {
            flags::clear();
        }
        let shape = &self.domain.shape;
        let outer = shape.len().saturating_sub(2);
        let mut coordinate: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer);
        loop {
            // SAFETY: the cursors point at this plane.
            unsafe { self.plane(&coordinate) };
            let mut axis = outer;
            loop {
                if axis == 0 {
                    return self.status == 0;
                }
                axis -= 1;
                coordinate[axis] += 1;
                if coordinate[axis] < shape[axis] {
                    self.advance(axis, 1);
                    break;
                }
                self.advance(axis, -(shape[axis] as isize - 1));
                coordinate[axis] = 0;
            }
        }
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
            let tile_rows = self.geometry.rows.min(rows - r);
            let mut c = 0;
            while c < columns {
                let mut tile_columns = self.geometry.columns.min(columns - c);
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

    /// Elements by which a full tile at the start of row `r` would end past a cache line of the first output.
    fn misaligned(&self, r: usize) -> usize {
        let Some(sink) = self.sinks.first() else { return 0 };
        let start = sink.cursor.at.ptr.wrapping_offset(r as isize * sink.cursor.at.strides[0]) as usize;
        (start % 64) / sink.cursor.size
    }

    #[inline]
    unsafe fn tile(&mut self, outer: &[usize], [r, c]: [usize; 2], rows: usize, columns: usize) {
        let program = self.program;
        let n = rows * columns;
        let first_leaf = program.first_leaf();
        for (k, (cursor, mode, place)) in self.leaves.iter().enumerate() {
            let [row, column] = cursor.at.strides;
            let ptr = cursor.at.ptr.wrapping_offset(r as isize * row + c as isize * column);
            // SAFETY: the tile's elements are readable, `place` holds a tile (or a splat) of them.
            unsafe {
                match mode {
                    Mode::InPlace => self.slots[first_leaf + k].ptr = ptr,
                    Mode::Splat if c == 0 => copy::splat(cursor.size, ptr, *place),
                    Mode::Splat => {}
                    Mode::Packed => {
                        let walk = Walk { ptr, strides: cursor.at.strides };
                        copy::gather(cursor.size, walk, *place, rows, columns);
                    }
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
        for k in 0..program.reduces.len() {
            // SAFETY: as above.
            unsafe {
                self.reduce(k, [r, c], rows, columns);
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

    /// What reduction `k` of the tile has raised.
    ///
    /// # Safety
    /// The slots hold a tile each.
    unsafe fn reduced(&mut self, k: usize, n: usize) {
        let watch = &self.program.watch;
        let bits = flags::read();
        if bits & watch.wanted[1] != 0 {
            let watched = &watch.reduces[k];
            if matches!(watched.report, Report::Exact) {
                // SAFETY: passed on.
                unsafe { watch.attribute(watched, bits, n, &self.slots) };
            }
            flags::clear();
        }
    }

    /// Writes the index values of a tile.
    unsafe fn number(
        &self,
        leaf: usize,
        outer: &[usize],
        [r, c]: [usize; 2],
        rows: usize,
        columns: usize,
        place: *mut i64,
    ) {
        let (first, row, column) = self.index_at(leaf, outer, [r, c]);
        for i in 0..rows {
            let start = first.wrapping_add(row.wrapping_mul(i as i64));
            for j in 0..columns {
                let value = start.wrapping_add(column.wrapping_mul(j as i64));
                // SAFETY: `place` holds a tile.
                unsafe { place.add(i * columns + j).write(value) };
            }
        }
    }

    /// Value of an index leaf at a tile's first element, and its steps by row and column.
    fn index_at(&self, leaf: usize, outer: &[usize], [r, c]: [usize; 2]) -> (i64, i64, i64) {
        let Leaf::Index { start, steps } = &self.domain.leaves[leaf] else { unreachable!() };
        let last = self.domain.shape.len() - 1;
        let (row, column) = (if last > 0 { steps[last - 1] } else { 0 }, steps[last]);
        let outer: i64 = outer.iter().zip(steps).map(|(&x, &step)| step.wrapping_mul(x as i64)).sum();
        (start + outer + row.wrapping_mul(r as i64) + column.wrapping_mul(c as i64), row, column)
    }

    unsafe fn reduce(&mut self, k: usize, [r, c]: [usize; 2], rows: usize, columns: usize) {
        let reduce = &self.program.reduces[k];
        let value = self.slots[usize::from(reduce.slot)];
        let index = reduce.index.map(|leaf| self.slots[self.program.first_leaf() + usize::from(leaf)]);
        // SAFETY: the slots hold the tile.
        unsafe {
            match &mut self.gathered[k] {
                Gathered::Cascade(cascade) => {
                    let result = self.program.first_result() + k;
                    self.slots[result].ptr = cascade.place();
                    (reduce.row.kernel)(rows * columns, self.slots.as_ptr(), &reduce.row.operands);
                    cascade.advance(reduce);
                }
                Gathered::Extreme(extreme) => {
                    extreme.visit(reduce, value, index.expect("compiled with an index"), 0, rows * columns);
                }
                Gathered::Axes => {
                    let out = reduce.out.expect("an axis reduction has an output");
                    let at = |out: usize| {
                        let cursor = &self.outs[out];
                        let [row, column] = cursor.at.strides;
                        let ptr = cursor.at.ptr.wrapping_offset(r as isize * row + c as isize * column);
                        Walk { ptr, strides: cursor.at.strides }
                    };
                    match index {
                        Some(index) => {
                            let to = [at(out), at(out + 1)];
                            arg::reduce_axes(reduce, value, index, to, [rows, columns], self.spare);
                        }
                        None => reduce_axes(reduce, value, at(out), rows, columns, self.spare),
                    }
                }
            }
        }
    }
}

/// The slot of a tile's row.
pub(super) fn row_of(value: Slot, offset: usize, size: usize) -> Slot {
    if value.step == 0 { value } else { Slot { ptr: value.ptr.wrapping_add(offset * size), ..value } }
}

/// Combines a tile into an output that is constant along the reduced axes.
unsafe fn reduce_axes(reduce: &Reduce, value: Slot, out: Walk, rows: usize, columns: usize, spare: *mut u8) {
    let size = reduce.dtype.size_bytes();
    let [by_row, by_column] = out.strides;
    // One row of everything when the whole tile goes to one element.
    let (rows, columns) = if by_row == 0 && by_column == 0 { (1, rows * columns) } else { (rows, columns) };
    for r in 0..rows {
        let row = row_of(value, r * columns, size);
        let place = out.ptr.wrapping_offset(r as isize * by_row);
        // SAFETY: the caller's promise; `spare` has room for a tile.
        unsafe {
            if by_column == 0 {
                let slots = [Slot::row(spare), row];
                (reduce.plain)(columns, slots.as_ptr(), &Operands { dst: [0; 2], src: [1; 8] });
                let slots = [Slot::row(place), Slot::row(spare)];
                (reduce.pair)(1, slots.as_ptr(), &Operands { dst: [0; 2], src: [0, 1, 0, 0, 0, 0, 0, 0] });
            } else if by_column == size as isize {
                let slots = [Slot::row(place), row];
                (reduce.pair)(
                    columns,
                    slots.as_ptr(),
                    &Operands { dst: [0; 2], src: [0, 1, 0, 0, 0, 0, 0, 0] },
                );
            } else {
                let walk = Walk { ptr: place, strides: [0, by_column] };
                copy::gather(size, walk, spare, 1, columns);
                let slots = [Slot::row(spare), row];
                (reduce.pair)(
                    columns,
                    slots.as_ptr(),
                    &Operands { dst: [0; 2], src: [0, 1, 0, 0, 0, 0, 0, 0] },
                );
                copy::scatter(size, slots[0], walk, 1, columns);
            }
        }
    }
}
