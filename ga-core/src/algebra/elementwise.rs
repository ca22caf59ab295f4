//! The element-wise family: absolute value, added constants, reciprocals, products, quotients, extremes,
//! medians.

use super::scalar::Scalar;
use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::patch::Patch;
use crate::region::Region;
use crate::sight::Sight;

impl<T: Scalar> GlobalArray<T> {
    /// Sets each element to its absolute value, or its magnitude if complex. The smallest integer stays as it
    /// is. Collective. `GA_Abs_value`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn abs_value(&self) -> Result<()> {
        self.update("abs_value", &self.everything(), T::absolute)
    }

    /// [`GlobalArray::abs_value`] of a patch. Collective. `GA_Abs_value_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for a patch that doesn't fit the array.
    #[track_caller]
    pub fn abs_value_patch(&self, region: impl Region) -> Result<()> {
        let op = "abs_value_patch";
        self.update(op, &self.checked(op, region)?, T::absolute)
    }

    /// Adds a constant to each element. Collective, with the same constant everywhere. `GA_Add_constant`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn add_constant(&self, constant: T) -> Result<()> {
        self.update("add_constant", &self.everything(), |value| value.plus(constant))
    }

    /// [`GlobalArray::add_constant`] to a patch. Collective. `GA_Add_constant_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for a patch that doesn't fit the array.
    #[track_caller]
    pub fn add_constant_patch(&self, region: impl Region, constant: T) -> Result<()> {
        let op = "add_constant_patch";
        self.update(op, &self.checked(op, region)?, |value| value.plus(constant))
    }

    /// Sets each element to its reciprocal; that of an integer is cut towards zero. Collective. `GA_Recip`.
    ///
    /// # Errors
    /// [`ErrorKind::Value`] on all ranks when an element is zero.
    #[track_caller]
    pub fn recip(&self) -> Result<()> {
        self.recip_box("recip", &self.everything())
    }

    /// [`GlobalArray::recip`] of a patch. Collective. `GA_Recip_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::recip`]; [`ErrorKind::Range`] or [`ErrorKind::Shape`] for a patch that doesn't fit
    /// the array.
    #[track_caller]
    pub fn recip_patch(&self, region: impl Region) -> Result<()> {
        let op = "recip_patch";
        self.recip_box(op, &self.checked(op, region)?)
    }

    fn recip_box(&self, op: &'static str, patch: &Patch) -> Result<()> {
        self.require(op, patch, "zero", |value| value == T::ZERO)?;
        self.update(op, patch, |value| T::ONE.over(value))
    }

    /// Sets each element to the product of those of `a` and `b`, arrays of one shape and one team; they may
    /// be this one. Collective. `GA_Elem_multiply`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] and [`ErrorKind::Team`] for arrays that don't match.
    #[track_caller]
    pub fn elem_multiply(&self, a: &Self, b: &Self) -> Result<()> {
        self.pairs("elem_multiply", a, b, T::times)
    }

    /// Sets each element of a patch to the product of those of two patches of as many elements of arrays of
    /// the same team, this one perhaps. Collective. `GA_Elem_multiply_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for patches that don't fit their arrays or each other,
    /// [`ErrorKind::Team`] for arrays of different teams, [`ErrorKind::Memory`] when there is none for a
    /// temporary.
    #[track_caller]
    pub fn elem_multiply_patch(
        &self,
        region: impl Region,
        a: (&Self, impl Region),
        b: (&Self, impl Region),
    ) -> Result<()> {
        self.pairs_of_patches("elem_multiply_patch", region, a, b, T::times)
    }

    /// Sets each element to the quotient of those of `a` and `b`; that of integers is cut towards zero. Else
    /// as [`GlobalArray::elem_multiply`]. Collective. `GA_Elem_divide`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply`]; [`ErrorKind::Value`] on all ranks when an element of `b` is zero.
    #[track_caller]
    pub fn elem_divide(&self, a: &Self, b: &Self) -> Result<()> {
        let op = "elem_divide";
        self.check_match(op, a)?;
        self.check_match(op, b)?;
        b.require(op, &b.everything(), "zero", |value| value == T::ZERO)?;
        self.pairs(op, a, b, T::over)
    }

    /// [`GlobalArray::elem_divide`] of patches, as [`GlobalArray::elem_multiply_patch`]. Collective.
    /// `GA_Elem_divide_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply_patch`]; [`ErrorKind::Value`] on all ranks when an element of the
    /// patch of `b` is zero.
    #[track_caller]
    pub fn elem_divide_patch(
        &self,
        region: impl Region,
        a: (&Self, impl Region),
        (b, region_b): (&Self, impl Region),
    ) -> Result<()> {
        let op = "elem_divide_patch";
        let at = b.checked(op, region_b)?;
        self.check_team(op, b)?;
        b.require(op, &at, "zero", |value| value == T::ZERO)?;
        self.pairs_of_patches(op, region, a, (b, at), T::over)
    }

    /// Sets each element to the greater of those of `a` and `b`, of greater magnitude if complex. Else as
    /// [`GlobalArray::elem_multiply`]. Collective. `GA_Elem_maximum`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply`].
    #[track_caller]
    pub fn elem_maximum(&self, a: &Self, b: &Self) -> Result<()> {
        self.pairs("elem_maximum", a, b, maximum)
    }

    /// [`GlobalArray::elem_maximum`] of patches, as [`GlobalArray::elem_multiply_patch`]. Collective.
    /// `GA_Elem_maximum_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply_patch`].
    #[track_caller]
    pub fn elem_maximum_patch(
        &self,
        region: impl Region,
        a: (&Self, impl Region),
        b: (&Self, impl Region),
    ) -> Result<()> {
        self.pairs_of_patches("elem_maximum_patch", region, a, b, maximum)
    }

    /// Sets each element to the smaller of those of `a` and `b`, of smaller magnitude if complex. Else as
    /// [`GlobalArray::elem_multiply`]. Collective. `GA_Elem_minimum`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply`].
    #[track_caller]
    pub fn elem_minimum(&self, a: &Self, b: &Self) -> Result<()> {
        self.pairs("elem_minimum", a, b, minimum)
    }

    /// [`GlobalArray::elem_minimum`] of patches, as [`GlobalArray::elem_multiply_patch`]. Collective.
    /// `GA_Elem_minimum_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply_patch`].
    #[track_caller]
    pub fn elem_minimum_patch(
        &self,
        region: impl Region,
        a: (&Self, impl Region),
        b: (&Self, impl Region),
    ) -> Result<()> {
        self.pairs_of_patches("elem_minimum_patch", region, a, b, minimum)
    }

    /// Sets each element to the one in the middle of those of `a`, `b` and `c`, by magnitude if complex. Else
    /// as [`GlobalArray::elem_multiply`]. Collective. `GA_Median`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply`].
    #[track_caller]
    pub fn elem_median(&self, a: &Self, b: &Self, c: &Self) -> Result<()> {
        for operand in [a, b, c] {
            self.check_match("elem_median", operand)?;
        }
        let whole = self.everything();
        self.median_boxes("elem_median", &whole, [(a, &whole), (b, &whole), (c, &whole)])
    }

    /// [`GlobalArray::elem_median`] of patches, as [`GlobalArray::elem_multiply_patch`]. Collective.
    /// `GA_Median_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::elem_multiply_patch`].
    #[track_caller]
    pub fn elem_median_patch(
        &self,
        region: impl Region,
        (a, region_a): (&Self, impl Region),
        (b, region_b): (&Self, impl Region),
        (c, region_c): (&Self, impl Region),
    ) -> Result<()> {
        let op = "elem_median_patch";
        let patch = self.checked(op, region)?;
        let (at_a, at_b) = (a.checked(op, region_a)?, b.checked(op, region_b)?);
        self.median_boxes(op, &patch, [(a, &at_a), (b, &at_b), (c, &c.checked(op, region_c)?)])
    }

    #[track_caller]
    fn median_boxes(&self, op: &'static str, patch: &Patch, [a, b, c]: [(&Self, &Patch); 3]) -> Result<()> {
        let views = [
            self.operand(op, patch, a, true)?,
            self.operand(op, patch, b, true)?,
            self.operand(op, patch, c, true)?,
        ];
        self.map(op, patch, views, |[a, b, c]| median(a, b, c))
    }

    #[track_caller]
    fn pairs(&self, op: &'static str, a: &Self, b: &Self, f: impl Fn(T, T) -> T) -> Result<()> {
        self.check_match(op, a)?;
        self.check_match(op, b)?;
        let whole = self.everything();
        self.combine(op, &whole, (a, &whole), (b, &whole), f)
    }

    #[track_caller]
    pub(super) fn pairs_of_patches(
        &self,
        op: &'static str,
        region: impl Region,
        (a, region_a): (&Self, impl Region),
        (b, region_b): (&Self, impl Region),
        f: impl Fn(T, T) -> T,
    ) -> Result<()> {
        let patch = self.checked(op, region)?;
        let (at_a, at_b) = (a.checked(op, region_a)?, b.checked(op, region_b)?);
        self.combine(op, &patch, (a, &at_a), (b, &at_b), f)
    }

    /// Refuses, on all ranks, a patch that has an element for which `is_bad`. Collective; synchronises on
    /// both sides.
    #[track_caller]
    pub(super) fn require(
        &self,
        op: &'static str,
        patch: &Patch,
        what: &str,
        is_bad: impl Fn(T) -> bool,
    ) -> Result<()> {
        let found = self.best_of(op, patch, is_bad, |_, _| false)?;
        let Some((_, index)) = found else { return Ok(()) };
        let message = |by: Sight| format!("{what} at {} of {}", by.index(&index), by.array(self.raw()));
        Err(Error::numbered(ErrorKind::Value, op, message))
    }
}

#[inline]
fn maximum<T: Scalar>(a: T, b: T) -> T {
    if b.precedes(a) { a } else { b }
}

#[inline]
fn minimum<T: Scalar>(a: T, b: T) -> T {
    if a.precedes(b) { a } else { b }
}

#[inline]
fn median<T: Scalar>(a: T, b: T, c: T) -> T {
    let (low, high) = if b.precedes(a) { (b, a) } else { (a, b) };
    if c.precedes(low) {
        low
    } else if high.precedes(c) {
        high
    } else {
        c
    }
}
