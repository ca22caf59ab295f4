//! A tile's reductions: gathering, numbers of elements, and what was raised.

use super::super::arg;
use super::super::domain::Leaf;
use super::{Gathered, Machine};
use crate::kernels::flags::{self, Report};

impl Machine<'_> {
    /// What reduction `k` of the tile has raised.
    ///
    /// # Safety
    /// The slots hold a tile each.
    pub(super) unsafe fn reduced(&mut self, k: usize, n: usize) {
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

    /// What reduction `k` over axes, of a tile or of its results, has raised.
    #[inline]
    pub(in crate::exec) fn folded(&self, k: usize) {
        let watch = &self.program.watch;
        if watch.is_on() {
            let bits = flags::read();
            if bits & watch.wanted[1] != 0 {
                watch.reduced(k, bits);
                flags::clear();
            }
        }
    }

    /// Writes the index values of a tile.
    pub(super) unsafe fn number(
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
    pub(in crate::exec) fn index_at(
        &self,
        leaf: usize,
        outer: &[usize],
        [r, c]: [usize; 2],
    ) -> (i64, i64, i64) {
        let Leaf::Index { start, steps } = &self.domain.leaves[leaf] else { unreachable!() };
        let last = self.domain.shape.len() - 1;
        let (row, column) = (if last > 0 { steps[last - 1] } else { 0 }, steps[last]);
        let outer: i64 = outer.iter().zip(steps).map(|(&x, &step)| step.wrapping_mul(x as i64)).sum();
        (start + outer + row.wrapping_mul(r as i64) + column.wrapping_mul(c as i64), row, column)
    }

    pub(super) unsafe fn reduce(
        &mut self,
        k: usize,
        outer: &[usize],
        at: [usize; 2],
        rows: usize,
        columns: usize,
    ) {
        let reduce = &self.program.reduces[k];
        let numbers = reduce.index.map(|leaf| match &self.domain.leaves[usize::from(leaf)] {
            Leaf::Index { .. } => arg::Numbers::Counted(self.index_at(leaf.into(), outer, at)),
            Leaf::Memory(_) => arg::Numbers::Read(self.leaf_slot(leaf.into())),
        });
        // SAFETY: the slots hold the tile.
        unsafe {
            match (&mut self.gathered[k], numbers) {
                (Gathered::Cascade(cascade), _) => {
                    let result = self.program.first_result() + k;
                    self.slots[result].ptr = cascade.place();
                    (reduce.row.kernel)(rows * columns, self.slots.as_ptr(), &reduce.row.operands);
                    cascade.advance(reduce);
                }
                (Gathered::Extreme(extreme), Some(numbers)) => {
                    extreme.visit(reduce, self.slots[usize::from(reduce.slot)], numbers, rows, columns);
                }
                (Gathered::Extreme(_), None) => unreachable!("compiled with an index"),
                (Gathered::Axes, _) => {}
            }
        }
    }
}
