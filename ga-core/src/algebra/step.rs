//! How far a line search may go: the operations that GA has for the optimisers of TAO.

use super::scalar::{Real, Scalar};
use super::view::View;
use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::patch::Patch;
use crate::region::Region;
use rma::Op;

/// What [`GlobalArray::step_bound_info`] finds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StepBounds<T> {
    /// The least of the steps at which some element meets a bound; 0 for one that rests on a bound.
    pub bound_min: T,
    /// The least of the steps of those elements that move.
    pub wolfe_min: T,
    /// The greatest of the steps at which an element meets its bound.
    pub bound_max: T,
}

impl<T: Real> GlobalArray<T> {
    /// The greatest step for which `self + step * direction` stays non-negative: the least of `self / -direction`
    /// where the direction is negative, [`Real::FAR`] where it is nowhere, and for an array as its own direction.
    /// Collective. `GA_Step_max`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) and [`ErrorKind::Team`](crate::ErrorKind::Team) for
    /// arrays that don't match, [`ErrorKind::Value`](crate::ErrorKind::Value) for a negative element of this
    /// one.
    #[track_caller]
    pub fn step_max(&self, direction: &Self) -> Result<T> {
        self.check_match("step_max", direction)?;
        let whole = self.everything();
        self.step_max_boxes("step_max", &whole, direction, &whole)
    }

    /// [`GlobalArray::step_max`] of two patches of as many elements. Collective. `GA_Step_max_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::step_max`]; [`ErrorKind::Range`](crate::ErrorKind::Range) for a patch that leaves
    /// its array.
    #[track_caller]
    pub fn step_max_patch(
        &self,
        region: impl Region,
        direction: &Self,
        direction_region: impl Region,
    ) -> Result<T> {
        let op = "step_max_patch";
        let (patch, at) = (self.checked(op, region)?, direction.checked(op, direction_region)?);
        self.step_max_boxes(op, &patch, direction, &at)
    }

    #[track_caller]
    fn step_max_boxes(&self, op: &'static str, patch: &Patch, direction: &Self, at: &Patch) -> Result<T> {
        let view = self.operand(op, patch, (direction, at), false)?;
        if std::ptr::eq(self, direction) && patch == at {
            return self.epoch(op, || Ok(T::FAR));
        }
        self.require(op, patch, "a negative element", |value| value < T::ZERO)?;
        let step = |[least]: [T; 1], value: T, [direction]: [T; 1]| {
            let is_limit = direction < T::ZERO;
            [if is_limit { smaller(least, value.over(direction).absolute()) } else { least }]
        };
        let [least] = self.fold(op, patch, [view], [T::FAR], step, Op::Min)?;
        Ok(least)
    }

    /// How far this array may go along `direction` until elements meet their bounds; see [`StepBounds`]. An
    /// element that doesn't move and isn't at a bound has [`Real::FAR`] to go. Collective.
    /// `GA_Step_bound_info`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) and [`ErrorKind::Team`](crate::ErrorKind::Team) for
    /// arrays that don't match, [`ErrorKind::Value`](crate::ErrorKind::Value) on all ranks when an element
    /// lies outside of its bounds.
    #[track_caller]
    pub fn step_bound_info(&self, direction: &Self, lower: &Self, upper: &Self) -> Result<StepBounds<T>> {
        let op = "step_bound_info";
        for other in [direction, lower, upper] {
            self.check_match(op, other)?;
        }
        let whole = self.everything();
        self.bounds_of_boxes(op, &whole, [(direction, &whole), (lower, &whole), (upper, &whole)])
    }

    /// [`GlobalArray::step_bound_info`] of patches of as many elements. Collective.
    /// `GA_Step_bound_info_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::step_bound_info`]; [`ErrorKind::Range`](crate::ErrorKind::Range) for a patch that
    /// leaves its array.
    #[track_caller]
    pub fn step_bound_info_patch(
        &self,
        region: impl Region,
        (direction, direction_region): (&Self, impl Region),
        (lower, lower_region): (&Self, impl Region),
        (upper, upper_region): (&Self, impl Region),
    ) -> Result<StepBounds<T>> {
        let op = "step_bound_info_patch";
        let patch = self.checked(op, region)?;
        let at = direction.checked(op, direction_region)?;
        let (low, high) = (lower.checked(op, lower_region)?, upper.checked(op, upper_region)?);
        self.bounds_of_boxes(op, &patch, [(direction, &at), (lower, &low), (upper, &high)])
    }

    /// Sets each element of a patch to the quotient of those of `a` and `b`, none of which is an error: what is divided by zero has [`Real::FAR`] for a quotient,
    /// and so has a zero where `b` isn't negative; else a zero is 0. Patches as in [`GlobalArray::elem_multiply_patch`]. Collective.
    /// `GA_Elem_step_divide_patch` of Fortran.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply_patch`].
    #[track_caller]
    pub fn step_quotients(
        &self,
        region: impl Region,
        a: (&Self, impl Region),
        b: (&Self, impl Region),
    ) -> Result<()> {
        self.pairs_of_patches("step_quotients", region, a, b, |a, b| match (a == T::ZERO, b == T::ZERO) {
            (true, _) if b < T::ZERO => T::ZERO,
            (true, _) | (_, true) => T::FAR,
            _ => a.over(b),
        })
    }

    /// The same where a zero is 0 if `b` is positive, and has [`Real::FAR`] for a quotient if it isn't. Collective. `GA_Elem_stepb_divide_patch` of Fortran.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply_patch`].
    #[track_caller]
    pub fn bound_quotients(
        &self,
        region: impl Region,
        a: (&Self, impl Region),
        b: (&Self, impl Region),
    ) -> Result<()> {
        self.pairs_of_patches("bound_quotients", region, a, b, |a, b| match (a == T::ZERO, b == T::ZERO) {
            (true, _) if b > T::ZERO => T::ZERO,
            (true, _) | (_, true) => T::FAR,
            _ => a.over(b),
        })
    }

    #[track_caller]
    fn bounds_of_boxes(
        &self,
        op: &'static str,
        patch: &Patch,
        [direction, lower, upper]: [(&Self, &Patch); 3],
    ) -> Result<StepBounds<T>> {
        let views = [
            self.operand(op, patch, direction, false)?,
            self.operand(op, patch, lower, false)?,
            self.operand(op, patch, upper, false)?,
        ];
        // The greatest step is the least of their opposites; the last number says that no element has left
        // its bounds.
        let start = [T::FAR, T::FAR, T::ZERO, T::ONE];
        let step = |[nearest, wolfe, farthest, legal]: [T; 4], x: T, [v, low, high]: [T; 3]| {
            let is_legal = if x < low || high < x { T::ZERO } else { legal };
            let (down, up) = (x.minus(low), high.minus(x));
            let moves = match (v < T::ZERO, v > T::ZERO) {
                (true, _) => down.over(v).absolute(),
                (_, true) => up.over(v),
                _ => T::FAR,
            };
            let rests = v == T::ZERO && (down == T::ZERO || up == T::ZERO);
            let bound = if rests { T::ZERO } else { moves };
            let opposite = smaller(farthest, T::ZERO.minus(bound));
            [smaller(nearest, bound), smaller(wolfe, moves), opposite, is_legal]
        };
        let [bound_min, wolfe_min, opposite, legal] = self.fold(op, patch, views, start, step, Op::Min)?;
        if legal == T::ZERO {
            return Err(Error::numbered(crate::ErrorKind::Value, op, |by| {
                let (patch, array) = (by.patch(patch.lo(), patch.hi()), by.array(self.raw()));
                format!("an element of {patch} of {array} lies outside of its bounds")
            }));
        }
        Ok(StepBounds { bound_min, wolfe_min, bound_max: T::ZERO.minus(opposite) })
    }
}

impl<T: Scalar> GlobalArray<T> {
    /// Folds my elements of a patch and those of the operands at their places into `M` numbers, and combines
    /// those of all ranks. Collective; synchronises on both sides.
    #[track_caller]
    fn fold<const N: usize, const M: usize>(
        &self,
        op: &'static str,
        patch: &Patch,
        views: [View<'_, T>; N],
        start: [T; M],
        step: impl Fn([T; M], T, [T; N]) -> [T; M],
        combine: Op,
    ) -> Result<[T; M]> {
        self.sync_for(op)?;
        let mut state = start;
        let swept = self.sweep(patch, &views, |cell| {
            cell.rows(|row| {
                for i in 0..row.len {
                    // SAFETY: i is below the row's length; nobody writes to these elements between the
                    // synchronisations, of which the reduction is the second.
                    let (own, inputs) = unsafe { row.values(i) };
                    state = step(state, own, inputs);
                }
            });
        });
        let reduced = self.team().allreduce(&mut state, combine);
        swept?;
        reduced.map_err(|e| Error::from_rma(op, e))?;
        Ok(state)
    }
}

#[inline]
fn smaller<T: Real>(a: T, b: T) -> T {
    if b < a { b } else { a }
}
