//! A Hermitian matrix whose panels lie with the ranks, as the reduction to tridiagonal form sees it.
//!
//! The product with a vector is each rank's for its own columns, then one sum over all ranks; what is small beside it, the
//! reflections of some columns, every rank computes for itself from the same columns, alike.
//!
//! Invariant: columns are read by others only after a synchronisation that follows their last change.

use super::Field;
use super::panels::Panels;
use crate::error::{Error, Result};
use ga_dense::{Conj, MatMut, MatRef, Reborrow, ReborrowMut};
use ga_factor::{Lower, subtract_product};
use rma::Op;
use std::ops::Range;
use std::sync::Mutex;

/// Orders whose products with vectors are not worth waking a thread.
const SERIAL: usize = 512;

pub(super) struct Spread<'a, T: Field> {
    panels: &'a Panels<T>,
    op: &'static str,
    /// Columns were changed since the last synchronisation.
    is_changed: bool,
    scratch: Vec<T>,
}

impl<'a, T: Field> Spread<'a, T> {
    pub(super) fn new(op: &'static str, panels: &'a Panels<T>) -> Self {
        Spread { panels, op, is_changed: true, scratch: Vec::new() }
    }

    /// My panels with columns from `from` on, and those columns.
    fn mine(&self, from: usize) -> impl Iterator<Item = (usize, Range<usize>)> + use<'a, T> {
        let panels = self.panels;
        (panels.of(from)..panels.count()).filter(|&k| panels.is_mine(k)).map(move |k| {
            let range = panels.range(k);
            (k, range.start.max(from)..range.end)
        })
    }

    /// These columns of my panel `k`, from the row of the first one on.
    ///
    /// # Safety
    /// As [`Panels::own`].
    #[allow(clippy::mut_from_ref)]
    unsafe fn own(&self, k: usize, columns: &Range<usize>) -> MatMut<'_, T> {
        let (panels, first) = (self.panels, self.panels.range(k).start);
        let before = panels.mine_before(k) + columns.start - first;
        // SAFETY: the caller's promise.
        let own = unsafe { panels.own(before..before + columns.len()) };
        own.subrows_mut(columns.start, panels.order() - columns.start)
    }
}

impl<T: Field> Lower<T> for Spread<'_, T> {
    type Error = Error;

    fn order(&self) -> usize {
        self.panels.order()
    }

    fn copy(&mut self, columns: Range<usize>, mut to: MatMut<'_, T>) -> Result<()> {
        if std::mem::take(&mut self.is_changed) {
            self.panels.sync()?;
        }
        let rows = columns.start..self.order();
        for k in self.panels.of(columns.start)..=self.panels.of(columns.end - 1) {
            let range = self.panels.range(k);
            let (start, end) = (range.start.max(columns.start), range.end.min(columns.end));
            // SAFETY: nobody changes columns between a synchronisation and the next product or synchronisation, which wait for
            // this rank.
            let panel = unsafe { self.panels.panel(k, rows.clone(), &mut self.scratch)? };
            let to = to.rb_mut().subcols_mut(start - columns.start, end - start);
            { to }.copy_from(panel.subcols(start - range.start, end - start));
        }
        Ok(())
    }

    fn times(&mut self, from: usize, x: &[T], y: &mut [T]) -> Result<()> {
        let mine: Vec<(usize, Range<usize>)> = self.mine(from).collect();
        let some = |of: usize, pieces: usize, y: &mut [T]| {
            for (k, columns) in mine.iter().skip(of).step_by(pieces) {
                // SAFETY: read only; the columns are mine.
                let own = unsafe { self.own(*k, columns) };
                let at = columns.start - from;
                T::hermitian_times(own.rb(), &x[at..], &mut y[at..]);
            }
        };
        let crew = self.panels.crew();
        let pieces = if y.len() <= SERIAL { 1 } else { crew.threads().min(mine.len()) };
        if pieces > 1 {
            // Each thread has sums of its own, of every so manieth panel.
            let sums: Vec<Mutex<Vec<T>>> = (0..pieces).map(|_| Mutex::new(vec![T::ZERO; y.len()])).collect();
            crew.share(pieces, &|p| some(p, pieces, &mut sums[p].lock().expect("nobody panics")));
            for sum in sums {
                let sum = sum.into_inner().expect("nobody panics");
                y.iter_mut().zip(sum).for_each(|(y, x)| *y += x);
            }
        } else {
            some(0, 1, y);
        }
        self.panels.team().allreduce(y, Op::Sum).map_err(|e| Error::from_rma(self.op, e))
    }

    fn update(&mut self, from: usize, left: MatRef<'_, T>, right: MatRef<'_, T>) -> Result<()> {
        self.is_changed = true;
        for (k, columns) in self.mine(from) {
            // SAFETY: the columns are mine, and nobody reads them before the next synchronisation.
            let own = unsafe { self.own(k, &columns) };
            let at = columns.start - from;
            let left = left.subrows(at, left.nrows() - at);
            let right = right.subrows(at, columns.len()).transpose();
            subtract_product(self.panels.crew(), own, (left, Conj::No), (right, Conj::Yes));
        }
        Ok(())
    }

    fn keep(&mut self, columns: Range<usize>, from: MatRef<'_, T>) -> Result<()> {
        // Others may still be copying these columns.
        self.panels.sync()?;
        self.is_changed = true;
        for (k, mine) in self.mine(columns.start).take_while(|(_, mine)| mine.start < columns.end) {
            let mine = mine.start..mine.end.min(columns.end);
            // SAFETY: as in `update`.
            let mut own = unsafe { self.own(k, &mine) };
            let at = mine.start - columns.start;
            own.copy_from(from.submatrix(at, at, from.nrows() - at, mine.len()));
        }
        Ok(())
    }
}
