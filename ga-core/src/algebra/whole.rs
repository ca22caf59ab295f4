//! Fill, zero, scale, add.

use super::view::View;
use crate::array::GlobalArray;
use crate::error::Result;
use crate::number::Number;
use crate::patch::Patch;
use crate::region::Region;
use rma::Element;

impl<T: Element> GlobalArray<T> {
    /// Sets every element. Collective, with the same value everywhere. `GA_Fill`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn fill(&self, value: T) -> Result<()> {
        self.fill_box(&self.everything(), value)
    }

    /// Sets every element of a patch. Collective, with the same arguments everywhere. `NGA_Fill_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`](crate::ErrorKind::Range) or [`ErrorKind::Shape`](crate::ErrorKind::Shape) for a
    /// patch that doesn't fit the array.
    #[track_caller]
    pub fn fill_patch(&self, region: impl Region, value: T) -> Result<()> {
        self.fill_box(&self.checked("fill_patch", region)?, value)
    }

    /// Sets every element to zero (`false`). Collective. `GA_Zero`.
    ///
    /// # Errors
    /// As [`GlobalArray::fill`].
    #[track_caller]
    pub fn zero(&self) -> Result<()> {
        self.fill(T::default())
    }

    /// Sets every element of a patch to zero (`false`). Collective. `NGA_Zero_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::fill_patch`].
    #[track_caller]
    pub fn zero_patch(&self, region: impl Region) -> Result<()> {
        self.fill_box(&self.checked("zero_patch", region)?, T::default())
    }

    /// Sets each of my elements of a patch to `f` of the operands' at its place, between two synchronisations.
    #[track_caller]
    pub(super) fn map<const N: usize>(
        &self,
        op: &'static str,
        patch: &Patch,
        views: [View<'_, T>; N],
        f: impl Fn([T; N]) -> T,
    ) -> Result<()> {
        self.epoch(op, || {
            // SAFETY: a cell's elements are there; each rank writes its own between the synchronisations, and
            // an operand that is this array is read at the places that are written.
            self.sweep(patch, &views, |cell| unsafe { cell.map(&f) })
        })
    }

    /// Sets each element of a patch. Collective. Nothing is read: fresh memory holds no values of some types.
    #[track_caller]
    fn fill_box(&self, patch: &Patch, value: T) -> Result<()> {
        self.epoch("fill", || {
            // SAFETY: a cell's elements are there, and mine alone between the synchronisations.
            self.sweep(patch, &[], |cell| unsafe { cell.fill(value) })
        })
    }

    /// Sets each element of a patch to `f` of itself. Collective.
    #[track_caller]
    pub(super) fn update(&self, op: &'static str, patch: &Patch, f: impl Fn(T) -> T) -> Result<()> {
        self.epoch(op, || {
            // SAFETY: a cell's elements are there, and mine alone between the synchronisations.
            self.sweep(patch, &[], |cell| cell.rows(|row| unsafe { row.update(&f) }))
        })
    }

    /// Sets each element of a patch to `f` of those of two others. Collective.
    #[track_caller]
    pub(super) fn combine(
        &self,
        op: &'static str,
        patch: &Patch,
        (a, at_a): (&Self, &Patch),
        (b, at_b): (&Self, &Patch),
        f: impl Fn(T, T) -> T,
    ) -> Result<()> {
        let a = self.operand(op, patch, (a, at_a), true)?;
        let b = self.operand(op, patch, (b, at_b), true)?;
        self.map(op, patch, [a, b], |[a, b]| f(a, b))
    }
}

impl<T: Number> GlobalArray<T> {
    /// Multiplies every element. Collective, with the same factor everywhere. `GA_Scale`.
    ///
    /// # Errors
    /// As [`GlobalArray::fill`].
    #[track_caller]
    pub fn scale(&self, factor: T) -> Result<()> {
        self.update("scale", &self.everything(), |value| value.times(factor))
    }

    /// Multiplies every element of a patch. Collective. `NGA_Scale_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::fill_patch`].
    #[track_caller]
    pub fn scale_patch(&self, region: impl Region, factor: T) -> Result<()> {
        let op = "scale_patch";
        let patch = self.checked(op, region)?;
        self.update(op, &patch, |value| value.times(factor))
    }

    /// Sets this array to `alpha * a + beta * b`; it may be `a` or `b`. The arrays have one shape and one
    /// team, and any layouts. Collective. `GA_Add`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::ErrorKind::Shape) and [`ErrorKind::Team`](crate::ErrorKind::Team) for
    /// arrays that don't match.
    #[track_caller]
    pub fn add(&self, alpha: T, a: &Self, beta: T, b: &Self) -> Result<()> {
        self.check_match("add", a)?;
        self.check_match("add", b)?;
        let whole = self.everything();
        let sum = |x: T, y: T| alpha.times(x).plus(beta.times(y));
        self.combine("add", &whole, (a, &whole), (b, &whole), sum)
    }

    /// Sets a patch to `alpha * a + beta * b`, where `a` and `b` are patches of as many elements of arrays of
    /// the same team, this one perhaps. Collective. `NGA_Add_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`](crate::ErrorKind::Range) or [`ErrorKind::Shape`](crate::ErrorKind::Shape) for
    /// patches that don't fit their arrays or each other, [`ErrorKind::Team`](crate::ErrorKind::Team) for
    /// arrays of different teams, [`ErrorKind::Memory`](crate::ErrorKind::Memory) when there is none for a
    /// temporary.
    #[track_caller]
    pub fn add_patch(
        &self,
        region: impl Region,
        alpha: T,
        (a, region_a): (&Self, impl Region),
        beta: T,
        (b, region_b): (&Self, impl Region),
    ) -> Result<()> {
        let op = "add_patch";
        let patch = self.checked(op, region)?;
        let (at_a, at_b) = (a.checked(op, region_a)?, b.checked(op, region_b)?);
        let sum = |x: T, y: T| alpha.times(x).plus(beta.times(y));
        self.combine(op, &patch, (a, &at_a), (b, &at_b), sum)
    }
}
