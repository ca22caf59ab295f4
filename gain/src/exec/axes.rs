//! Reductions over axes: how a box is laid out and walked for them.
//!
//! The box is arranged as `[kept axes .., reduced axes .., row, last]`; memory runs along the last axis. A *strip* is the
//! results of one tile: of its columns, if the last axis is kept and the row axis reduced, or of its rows, if it is the
//! other way round, or one per element, if both are kept. For each strip all reduced coordinates are visited, tile by
//! tile; what each tile gives goes on a [`Stack`], whose sum then goes to the output. Results are thus summed pairwise
//! whatever the axis, and an output element is touched once per piece.

use super::domain::{Domain, Leaf};
use super::geometry::{Geometry, tile_len};
use super::program::{Program, Reduce};
use super::stack::Stack;
use super::tile::Machine;
use crate::kernels::Slot;
use crate::kernels::copy::{self, Walk};
use crate::kernels::extreme::Count;
use smallvec::SmallVec;
use std::ops::Range;

/// What a tile is folded along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fold {
    /// Each column to one element.
    Columns,
    /// Each row to one element.
    Rows,
    /// Nothing: a tile is one element of each line.
    Nothing,
}

/// How a box is walked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) fold: Fold,
    /// Number of leading kept axes.
    kept: usize,
    /// The leaf whose memory is folded in place.
    bare: Option<usize>,
    /// The outputs hold nothing yet.
    pub(super) fresh: bool,
}

/// Bytes of memory folded at once, if nothing is computed before.
const BARE_BYTES: usize = 16 << 10;

/// Rows this long (in bytes) are folded a few at a time, whole; a few streams are what a processor fetches ahead.
const LONG_ROW: usize = 4 << 10;
const FEW_ROWS: usize = 8;

/// Columns fewer than this are a bad row if the axis before them is kept as well.
const NARROW: usize = 64;

/// One of the reductions and its results so far.
pub(super) struct Running<'p> {
    pub(super) reduce: &'p Reduce,
    pub(super) stack: Stack,
}

impl Layout {
    /// Arranges a normalised box.
    pub(super) fn of(program: &Program, domain: &mut Domain) -> Option<Layout> {
        let reduce = program.axes().first()?;
        let out = reduce.out?;
        if let Some(leaf) = reduce.index {
            domain.count_up(leaf.into());
        }
        let kept = |domain: &Domain, axis: usize| domain.outs[out].strides[axis] != 0;
        let last = domain.shape.len() - 1;
        let innermost = |is_kept: bool| (0..last).rev().find(|&axis| kept(domain, axis) == is_kept);
        let by_columns = kept(domain, last);
        let both_kept = by_columns
            && innermost(true) == last.checked_sub(1)
            && innermost(false).is_some()
            && domain.shape[last] < NARROW;
        let (fold, row) = match (by_columns, both_kept) {
            (true, true) => (Fold::Nothing, innermost(true)),
            (true, false) => (Fold::Columns, innermost(false)),
            (false, _) => (Fold::Rows, innermost(true)),
        };
        let row = row.unwrap_or_else(|| {
            domain.insert_axis(last);
            last
        });
        let last = domain.shape.len() - 1;
        let kept_now = {
            let strides = domain.outs[out].strides.clone();
            move |axis: usize| strides[axis] != 0
        };
        let kept_now = &kept_now;
        let outer = |is_kept: bool| (0..last).filter(move |&axis| axis != row && kept_now(axis) == is_kept);
        let mut order: SmallVec<[usize; 8]> = outer(true).collect();
        let leading = order.len();
        order.extend(outer(false));
        order.extend([row, last]);
        domain.reorder(&order);
        let is_packed = |leaf: usize| match &domain.leaves[leaf] {
            Leaf::Memory(stream) => stream.strides[last] == reduce.dtype.size_bytes() as isize,
            Leaf::Index { .. } => false,
        };
        let is_numbered =
            reduce.index.is_none_or(|leaf| matches!(domain.leaves[usize::from(leaf)], Leaf::Index { .. }));
        let bare = program.bare().filter(|&leaf| fold != Fold::Nothing && is_numbered && is_packed(leaf));
        Some(Layout { fold, kept: leading, bare, fresh: false })
    }

    /// The tiles of the whole arranged box.
    pub(super) fn geometry(&self, program: &Program, domain: &Domain) -> Geometry {
        let last = domain.shape.len() - 1;
        let columns = domain.shape[last];
        let Some(leaf) = self.bare else {
            let tile = tile_len(program, domain);
            if Geometry::crosses(domain) && domain.shape[last - 1] >= 8 {
                return Geometry { rows: 16, columns: (tile / 16).min(columns) };
            }
            let columns = columns.min(tile);
            return Geometry { rows: tile / columns, columns };
        };
        let size = program.leaves[leaf].size_bytes();
        let room = BARE_BYTES / size;
        match self.fold {
            Fold::Columns if columns * size >= LONG_ROW => {
                Geometry { rows: FEW_ROWS, columns: columns.min(2 * room) }
            }
            // Long rows in pieces whose lanes add few elements.
            Fold::Rows => {
                let columns = columns.min(1024.max(4096 / size));
                Geometry { rows: (room / columns).max(1), columns }
            }
            _ => Geometry { rows: (room / columns).max(1), columns },
        }
    }

    /// Room for the results of one tile.
    pub(super) fn strip(&self, geometry: Geometry) -> usize {
        match self.fold {
            Fold::Columns => geometry.columns,
            Fold::Rows => geometry.rows,
            Fold::Nothing => geometry.rows * geometry.columns,
        }
    }
}

/// A tile's place: first row, first column, rows, columns.
#[derive(Clone, Copy)]
struct Place {
    at: [usize; 2],
    rows: usize,
    columns: usize,
}

/// `0..len` in steps.
fn steps(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(step).map(move |from| from..end.min(from + step))
}

impl Machine<'_> {
    /// As [`run`](Self::run), for the reductions over axes that the program makes.
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn run_axes(&mut self, layout: &Layout, lines: &mut [Running<'_>]) -> bool {
        self.begin();
        let outer = self.domain.shape.len() - 2;
        let [rows, columns] = [self.domain.shape[outer], self.domain.shape[outer + 1]];
        let geometry = self.geometry;
        let (by_row, by_column) = match layout.fold {
            Fold::Columns => (rows, geometry.columns),
            Fold::Rows => (geometry.rows, columns),
            Fold::Nothing => (geometry.rows, geometry.columns),
        };
        let mut coordinate: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer);
        loop {
            for r in steps(0..rows, by_row) {
                for c in steps(0..columns, by_column) {
                    let strip = Place { at: [r.start, c.start], rows: r.len(), columns: c.len() };
                    loop {
                        for r in steps(r.clone(), geometry.rows) {
                            for c in steps(c.clone(), geometry.columns) {
                                let place = Place { at: [r.start, c.start], rows: r.len(), columns: c.len() };
                                // SAFETY: the tile lies within the plane that the cursors point at.
                                unsafe { self.fold_tile(layout, lines, &coordinate, place) };
                            }
                        }
                        if !self.step(&mut coordinate, layout.kept..outer) {
                            break;
                        }
                    }
                    for (k, line) in lines.iter_mut().enumerate() {
                        // SAFETY: the strip's results are on the stack; the cursors of outputs point at its plane.
                        unsafe { self.finish_strip(layout, line, strip) };
                        self.folded(k);
                    }
                }
            }
            if !self.step(&mut coordinate, 0..layout.kept) {
                return self.accepted();
            }
        }
    }

    /// Computes a tile and puts what it folds to on the stacks.
    unsafe fn fold_tile(
        &mut self,
        layout: &Layout,
        lines: &mut [Running<'_>],
        outer: &[usize],
        place: Place,
    ) {
        if layout.bare.is_none() {
            // SAFETY: the tile lies within the plane.
            unsafe { self.tile(outer, place.at, place.rows, place.columns) };
        }
        for (k, line) in lines.iter_mut().enumerate() {
            // SAFETY: the slots hold the tile.
            unsafe { self.fold_line(layout, line, outer, place) };
            self.folded(k);
        }
    }

    /// Puts what a computed tile folds to on the stack of one reduction.
    unsafe fn fold_line(&self, layout: &Layout, line: &mut Running<'_>, outer: &[usize], place: Place) {
        let Place { at, rows, columns } = place;
        let Running { reduce, stack } = line;
        let from = match layout.bare {
            Some(leaf) => self.leaf_at(leaf, at),
            // SAFETY: the slot holds the tile, and `spare` has room for one.
            None => unsafe {
                packed(self.slot(reduce.slot), reduce.dtype.size_bytes(), rows, columns, stack.spare())
            },
        };
        let (fold, rows, columns) = match layout.fold {
            // Elements that each are a column.
            Fold::Nothing => (Fold::Columns, 1, rows * columns),
            fold => (fold, rows, columns),
        };
        let len = if fold == Fold::Rows { rows } else { columns };
        // SAFETY: the walk shows the tile; the stack has room for a strip.
        unsafe {
            match reduce.index {
                None => {
                    let kernel = reduce.lines[usize::from(fold == Fold::Rows)];
                    let (to, first) = stack.place();
                    kernel(from, rows, columns, to, first);
                    stack.advance(reduce, len);
                }
                Some(leaf) => match &self.domain.leaves[usize::from(leaf)] {
                    Leaf::Index { .. } => {
                        let extremes = reduce.extremes.expect("an index reduction");
                        let (start, by_row, by_column) = self.index_at(leaf.into(), outer, at);
                        let (kernel, step) = match fold {
                            Fold::Rows => (extremes.rows, by_column),
                            _ => (extremes.columns, by_row),
                        };
                        kernel(from, rows, columns, stack.pairs(), Count { start, step });
                        stack.offer(reduce, len);
                    }
                    Leaf::Memory(_) => {
                        let numbers =
                            packed(self.leaf_slot(leaf.into()), 8, rows, columns, stack.spare_numbers());
                        offer_each(reduce, fold, [from, numbers], [rows, columns], stack);
                    }
                },
            }
        }
    }

    /// Combines the stack's results with the output's elements, or writes them if it holds nothing yet.
    unsafe fn finish_strip(&self, layout: &Layout, line: &mut Running<'_>, strip: Place) {
        let Running { reduce, stack } = line;
        let out = reduce.out.expect("an axis reduction has an output");
        let (rows, columns) = match layout.fold {
            Fold::Columns => (1, strip.columns),
            Fold::Rows => (strip.rows, 1),
            Fold::Nothing => (strip.rows, strip.columns),
        };
        let to = |out: usize| {
            let walk = self.out_at(out, strip.at);
            // A column is a row the other way round.
            match layout.fold {
                Fold::Rows => (Walk { strides: [0, walk.strides[0]], ..walk }, 1, rows),
                _ => (walk, rows, columns),
            }
        };
        // SAFETY: the outputs' elements of the strip are writable; the stack holds one for each.
        unsafe {
            let (to_values, rows, columns) = to(out);
            match reduce.index {
                None => stack.finish(reduce, to_values, [rows, columns], layout.fresh),
                Some(_) => {
                    stack.finish_pairs(reduce, [to_values, to(out + 1).0], [rows, columns], layout.fresh)
                }
            }
        }
    }
}

/// Offers each element of a packed tile with its number, of those that were read from memory, to its line.
///
/// # Safety
/// The walks show the tile; the stack has room for a strip.
unsafe fn offer_each(
    reduce: &Reduce,
    fold: Fold,
    [values, numbers]: [Walk; 2],
    [rows, columns]: [usize; 2],
    stack: &mut Stack,
) {
    let at = |walk: &Walk, r: usize, c: usize| {
        walk.ptr.wrapping_offset(r as isize * walk.strides[0] + c as isize * walk.strides[1])
    };
    for r in 0..rows {
        let pairs = |c: usize| (at(&values, r, c).cast_const(), at(&numbers, r, c).cast_const().cast());
        // SAFETY: passed on.
        unsafe {
            match fold {
                Fold::Rows => (0..columns).for_each(|c| stack.offer_at(reduce, r, 1, pairs(c), c == 0)),
                _ => stack.offer_at(reduce, 0, columns, pairs(0), r == 0),
            }
        }
    }
    stack.count_offer();
}

/// A slot's tile as a walk; a splat is written out to `spare`.
///
/// # Safety
/// The slot holds the tile, `spare` has room for one.
unsafe fn packed(slot: Slot, size: usize, rows: usize, columns: usize, spare: *mut u8) -> Walk {
    let ptr = if slot.step == 0 {
        // SAFETY: one element is read again and again.
        unsafe { copy::gather(size, Walk { ptr: slot.ptr, strides: [0, 0] }, spare, 1, rows * columns) };
        spare
    } else {
        slot.ptr
    };
    Walk { ptr, strides: [(columns * size) as isize, size as isize] }
}
