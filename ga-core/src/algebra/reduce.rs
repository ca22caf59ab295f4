//! Reductions: dot products, norms, extreme elements.
//!
//! Invariant: a result has the same bits on all ranks.

use super::scalar::Scalar;
use super::view::View;
use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::patch::Patch;
use crate::region::Region;
use crate::sight::Sight;
use rma::{Element, Op, Reducible};

/// Which element [`GlobalArray::select_elem`] looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extreme {
    /// The smallest.
    Min,
    /// The greatest.
    Max,
}

impl<T: Scalar> GlobalArray<T> {
    /// The smallest or greatest element and its index, the first in row-major order among equals; complex
    /// elements are compared by magnitude, and a NaN is found only where all are. The same on every rank.
    /// Collective. `NGA_Select_elem`.
    ///
    /// # Errors
    /// [`ErrorKind::Value`] for an array without elements.
    #[track_caller]
    pub fn select_elem(&self, extreme: Extreme) -> Result<(T, Dims)> {
        let is_nan = |value: T| value.magnitude().is_nan();
        let better = |value: T, best: T| {
            let (first, second) = if extreme == Extreme::Min { (value, best) } else { (best, value) };
            first.precedes(second) || is_nan(best) && !is_nan(value)
        };
        let found = self.best_of("select_elem", &self.everything(), |_| true, better)?;
        let message = |by: Sight| format!("no elements in {}", by.array(self.raw()));
        found.ok_or_else(|| Error::numbered(ErrorKind::Value, "select_elem", message))
    }

    /// The sum of the magnitudes of all elements, those of a matrix taken for one vector as in the original; 0 of
    /// nothing. The same on every rank. Collective. `GA_Norm1`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn norm1(&self) -> Result<f64> {
        let sum = self.own_magnitudes("norm1", |sum, magnitude| sum + magnitude)?;
        self.combined("norm1", sum, |sum, part| sum + part)
    }

    /// The greatest magnitude of all elements; a NaN if there is one, 0 of nothing. The same on every rank.
    /// Collective. `GA_Norm_infinity`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn norm_infinity(&self) -> Result<f64> {
        // A NaN stays.
        let greater = |most: f64, other: f64| if other <= most { most } else { other };
        let most = self.own_magnitudes("norm_infinity", greater)?;
        self.combined("norm_infinity", most, greater)
    }

    /// Folds the magnitudes of my elements, after a synchronisation.
    #[track_caller]
    fn own_magnitudes(&self, op: &'static str, fold: impl Fn(f64, f64) -> f64) -> Result<f64> {
        self.sync_for(op)?;
        let mut folded = 0.0;
        self.own_rows(&self.everything(), |_, row, len| {
            // SAFETY: `own_rows` gives that many elements, and nobody writes to them between the
            // synchronisations, of which the exchange of the results is the second.
            folded = (0..len).fold(folded, |folded, i| fold(folded, unsafe { (*row.add(i)).magnitude() }));
        });
        Ok(folded)
    }

    /// Folds the results of all ranks, in the order of ranks.
    #[track_caller]
    fn combined(&self, op: &'static str, own: f64, fold: impl Fn(f64, f64) -> f64) -> Result<f64> {
        let all = self.team().allgatherv(&[own]).map_err(|e| Error::from_rma(op, e))?;
        Ok(all.into_iter().flatten().fold(0.0, fold))
    }
}

impl<T: Element> GlobalArray<T> {
    /// The first of the best of the `wanted` elements of a patch, and its index; the same on every rank.
    /// Collective; synchronises on both sides.
    #[track_caller]
    pub(super) fn best_of(
        &self,
        op: &'static str,
        patch: &Patch,
        wanted: impl Fn(T) -> bool,
        better: impl Fn(T, T) -> bool,
    ) -> Result<Option<(T, Dims)>> {
        self.sync_for(op)?;
        let numbers = Dims::row_major_strides(self.shape());
        let mut best: Option<(T, usize)> = None;
        let mut offer = |value: T, number: usize| {
            let wins = best.is_none_or(|(top, at)| better(value, top) || !better(top, value) && number < at);
            if wins {
                best = Some((value, number));
            }
        };
        self.own_rows(patch, |index, row, len| {
            // SAFETY: `own_rows` gives that many elements, and nobody writes to them between the
            // synchronisations, of which gathering is the second.
            let value = |i: usize| unsafe { *row.add(i) };
            let Some(mut first) = (0..len).find(|&i| wanted(value(i))) else { return };
            for i in first + 1..len {
                if better(value(i), value(first)) && wanted(value(i)) {
                    first = i;
                }
            }
            let number: usize = index.iter().zip(&numbers[..]).map(|(i, n)| i * n).sum();
            offer(value(first), number + first);
        });
        let (value, number) = best.map_or((T::default(), u64::MAX), |(value, number)| (value, number as u64));
        let values = self.team().allgather(&[value]).map_err(|e| Error::from_rma(op, e))?;
        let places = self.team().allgather(&[number]).map_err(|e| Error::from_rma(op, e))?;
        let mut best: Option<(T, u64)> = None;
        for (value, number) in values.into_iter().zip(places).filter(|(_, number)| *number != u64::MAX) {
            if best.is_none_or(|(top, at)| better(value, top) || !better(top, value) && number < at) {
                best = Some((value, number));
            }
        }
        Ok(best.map(|(value, number)| {
            let mut rest = number as usize;
            let index = Dims::from_fn(self.ndim(), |d| {
                let i = rest / numbers[d];
                rest %= numbers[d];
                i
            });
            (value, index)
        }))
    }
}

impl<T: Number + Reducible> GlobalArray<T> {
    /// The sum of the products of the elements of two arrays of one shape and one team, the same bits on
    /// every rank; no element is conjugated. Collective. `GA_Ddot`, `GA_Zdot`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) and [`ErrorKind::Team`](crate::ErrorKind::Team) for
    /// arrays that don't match.
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Result<T> {
        self.check_match("dot", other)?;
        let whole = self.everything();
        let view = self.operand("dot", &whole, (other, &whole), false)?;
        self.dot_view("dot", &whole, view)
    }

    /// The sum of the products of the elements of two patches of as many elements, in row-major order; if one
    /// of the two is `transposed`, that one's axes are taken in reverse order. Else as [`GlobalArray::dot`].
    /// Collective. `NGA_Ddot_patch`, `NGA_Zdot_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`](crate::ErrorKind::Range) or [`ErrorKind::Shape`](crate::ErrorKind::Shape) for
    /// patches that don't fit their arrays or each other, [`ErrorKind::Team`](crate::ErrorKind::Team) for
    /// arrays of different teams, [`ErrorKind::Memory`](crate::ErrorKind::Memory) when there is none for a
    /// temporary.
    #[track_caller]
    pub fn dot_patch(
        &self,
        region: impl Region,
        transposed: bool,
        other: &Self,
        other_region: impl Region,
        other_transposed: bool,
    ) -> Result<T> {
        let op = "dot_patch";
        let (patch, at) = (self.checked(op, region)?, other.checked(op, other_region)?);
        self.check_counts(op, &patch, other, &at)?;
        let view = match transposed == other_transposed {
            true => self.operand(op, &patch, (other, &at), false)?,
            false => self.reshaped(op, &patch, (other, &at), true)?,
        };
        self.dot_view(op, &patch, view)
    }

    #[track_caller]
    fn dot_view(&self, op: &'static str, patch: &Patch, view: View<'_, T>) -> Result<T> {
        self.sync_for(op)?;
        let mut total = [T::ZERO];
        let swept = self.sweep(patch, &[view], |cell| {
            // SAFETY: a cell's elements are there, and nobody writes to them between the synchronisations, of
            // which the reduction is the second.
            cell.rows(|row| total[0] = total[0].plus(unsafe { row.dot() }));
        });
        let reduced = self.team().allreduce(&mut total, Op::Sum);
        swept?;
        reduced.map_err(|e| Error::from_rma(op, e))?;
        Ok(total[0])
    }
}
