//! Operands: boxes of other arrays that lie beside my parts of the result.
//!
//! [`GlobalArray::sweep`] cuts my elements of a patch into [`Cell`]s, boxes within which every operand has one
//! owner: in place where that owner's memory is mapped, else fetched panel by panel.
//!
//! Invariant: the cells of a sweep are disjoint, and together they are my elements of the patch; each leg of
//! a cell is good for the cell's extents at its strides until `visit` returns.

use super::cell::Cell;
use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::distribution::{Distribution, Piece};
use crate::error::Result;
use crate::patch::Patch;
use crate::raw::RawArray;
use rma::Element;
use std::ops::Deref;

/// Scratch for a part of an operand that is not mapped.
pub(super) const PANEL_BYTES: usize = 1 << 20;

/// An axis of the result that the operand doesn't have; its extent is 1.
pub(super) const NONE: usize = usize::MAX;

/// An array that is borrowed, or a temporary.
enum Hold<'a, T: Element> {
    Borrowed(&'a GlobalArray<T>),
    Owned(GlobalArray<T>),
}

/// A box of an array, seen along the axes of the result.
pub(super) struct View<'a, T: Element> {
    array: Hold<'a, T>,
    lo: Dims,
    /// The array's axis for each axis of the result, or [`NONE`].
    axes: Dims,
}

impl<T: Element> Deref for View<'_, T> {
    type Target = GlobalArray<T>;

    fn deref(&self) -> &GlobalArray<T> {
        match &self.array {
            Hold::Borrowed(array) => array,
            Hold::Owned(array) => array,
        }
    }
}

/// Which axis of a box of extents `source` runs along each axis of one of extents `target`: axes of extent 1
/// don't count, the others agree one by one. With `reversed` they do so from the last to the first. `None`
/// if they don't agree.
pub(super) fn match_axes(target: &[usize], source: &[usize], reversed: bool) -> Option<Dims> {
    let mut rest: Vec<usize> = (0..source.len()).filter(|&k| source[k] != 1).collect();
    if reversed {
        rest.reverse();
    }
    let mut rest = rest.into_iter();
    let mut axes = Dims::filled(NONE, target.len());
    for (axis, &extent) in axes.iter_mut().zip(target).filter(|(_, extent)| **extent != 1) {
        *axis = rest.next().filter(|&k| source[k] == extent)?;
    }
    rest.next().is_none().then_some(axes)
}

impl<'a, T: Element> View<'a, T> {
    /// A box of an array from `lo` on; `axes` as [`match_axes`] gives them.
    pub(super) fn new(array: &'a GlobalArray<T>, lo: &[usize], axes: Dims) -> Self {
        View { array: Hold::Borrowed(array), lo: lo.into(), axes }
    }

    /// The view's elements for the box `[lo, hi)` of the result, whose patch begins at `origin`: the box of
    /// the array.
    fn beside(&self, origin: &[usize], lo: &[usize], hi: &[usize]) -> (Dims, Dims) {
        let (mut from, mut to) = (self.lo.clone(), self.lo.clone());
        to.iter_mut().for_each(|bound| *bound += 1);
        for (d, &k) in self.axes.iter().enumerate().filter(|(_, k)| **k != NONE) {
            from[k] = self.lo[k] + lo[d] - origin[d];
            to[k] = self.lo[k] + hi[d] - origin[d];
        }
        (from, to)
    }

    /// Numbers by axes of the array, by axes of the result.
    fn turned(&self, of_axes: impl Fn(usize) -> usize, otherwise: impl Fn(usize) -> usize) -> Dims {
        Dims::from_fn(self.axes.len(), |d| match self.axes[d] {
            NONE => otherwise(d),
            k => of_axes(k),
        })
    }
}

/// Where the elements of a box are: the first, that of index `lo`, and strides.
#[derive(Clone)]
struct Leg<T> {
    first: *mut T,
    lo: Dims,
    strides: Dims,
}

impl<T> Leg<T> {
    /// The element at `lo`, within the box.
    fn at(&self, lo: &[usize]) -> *mut T {
        let ahead = (0..lo.len()).map(|d| (lo[d] - self.lo[d]) * self.strides[d]).sum();
        self.first.wrapping_add(ahead)
    }
}

/// A box of the result while its operands are being found: the first of them have their legs.
struct Draft<'p, T, const N: usize> {
    origin: &'p [usize],
    own: Leg<T>,
    inputs: [Leg<T>; N],
}

impl<T: Element> GlobalArray<T> {
    /// An operand of an operation whose result (or first operand) is `patch` of this array; it has as many
    /// elements. What has another shape, or would be `written` in other places than where it is read, is
    /// copied to a temporary. Collective.
    #[track_caller]
    pub(super) fn operand<'a>(
        &self,
        op: &'static str,
        patch: &Patch,
        (array, at): (&'a Self, &Patch),
        written: bool,
    ) -> Result<View<'a, T>> {
        self.check_team(op, array)?;
        self.check_counts(op, patch, array, at)?;
        let in_the_way = written && std::ptr::eq(self, array) && patch != at;
        match match_axes(&patch.shape(), &at.shape(), false) {
            Some(axes) if !in_the_way => Ok(View::new(array, at.lo(), axes)),
            _ => self.reshaped(op, patch, (array, at), false),
        }
    }

    /// A copy of an operand in the shape of `patch`, transposed if asked for. Collective.
    #[track_caller]
    pub(super) fn reshaped<'a>(
        &self,
        op: &'static str,
        patch: &Patch,
        (array, at): (&Self, &Patch),
        transposed: bool,
    ) -> Result<View<'a, T>> {
        let shape = patch.shape();
        let distribution = Distribution::regular(&shape, &[], self.team().size())?;
        let copy = GlobalArray::from_raw(RawArray::create(self.team(), T::DTYPE, distribution)?);
        copy.copy_boxes(op, &Patch::whole(&shape), array, at, transposed)?;
        let (lo, axes) = (Dims::filled(0, shape.len()), Dims::from_fn(shape.len(), |d| d));
        Ok(View { array: Hold::Owned(copy), lo, axes })
    }

    /// Calls `visit` for each cell of my elements of a patch. In a flat sweep, of whole arrays of one layout
    /// without ghost cells, there is a single cell with all elements of my memory.
    pub(super) fn sweep<const N: usize>(
        &self,
        patch: &Patch,
        views: &[View<'_, T>; N],
        mut visit: impl FnMut(Cell<T, N>),
    ) -> Result<()> {
        let own = self.distribution();
        // The same layout on a team in another order is another one.
        let alike = |view: &View<'_, T>| {
            view.distribution() == own
                && view.team().is_same(self.team())
                && view.axes.iter().copied().eq(0..own.ndim())
        };
        if patch.len() == self.len() && !own.has_ghosts() && views.iter().all(alike) {
            let inputs = std::array::from_fn(|k| (views[k].local_ptr().cast_const(), Dims::from([1])));
            let (len, out) = (Dims::from([self.local_len()]), (self.local_ptr(), Dims::from([1])));
            if self.local_len() > 0 {
                visit(Cell::new(len, out, inputs));
            }
            return Ok(());
        }
        for part in self.own_parts(patch.lo(), patch.hi()) {
            let own = Leg { first: part.first, lo: part.patch.lo().into(), strides: part.strides };
            let inputs = std::array::from_fn(|_| own.clone());
            let mut draft = Draft { origin: patch.lo(), own, inputs };
            draft.refine(views, 0, (part.patch.lo(), part.patch.hi()), &mut visit)?;
        }
        Ok(())
    }
}

impl<T: Element, const N: usize> Draft<'_, T, N> {
    /// Finds the legs of operand `k` and the following for a box, and visits its cells.
    fn refine(
        &mut self,
        views: &[View<'_, T>; N],
        k: usize,
        (lo, hi): (&[usize], &[usize]),
        visit: &mut impl FnMut(Cell<T, N>),
    ) -> Result<()> {
        let Some(view) = views.get(k) else {
            let extents = Dims::from_fn(lo.len(), |d| hi[d] - lo[d]);
            let inputs = self.inputs.each_ref().map(|leg| (leg.at(lo).cast_const(), leg.strides.clone()));
            visit(Cell::new(extents, (self.own.at(lo), self.own.strides.clone()), inputs));
            return Ok(());
        };
        let (from, to) = view.beside(self.origin, lo, hi);
        for piece in view.distribution().pieces(&from, &to) {
            if let Some(memory) = view.raw().mapped(piece.rank) {
                let first = memory.cast::<T>().as_ptr().wrapping_add(piece.offset);
                self.step(views, k, (lo, hi), (first, &piece), visit)?;
            } else {
                self.fetch(views, k, (lo, hi), piece, visit)?;
            }
        }
        Ok(())
    }

    /// Goes on with the part of a box beside a piece of operand `k`, whose first element is given.
    fn step(
        &mut self,
        views: &[View<'_, T>; N],
        k: usize,
        (lo, hi): (&[usize], &[usize]),
        (first, piece): (*mut T, &Piece),
        visit: &mut impl FnMut(Cell<T, N>),
    ) -> Result<()> {
        let (view, origin) = (&views[k], self.origin);
        let bound = |of: &[usize], otherwise: &[usize]| {
            Dims::from_fn(lo.len(), |d| match view.axes[d] {
                NONE => otherwise[d],
                k => of[k] - view.lo[k] + origin[d],
            })
        };
        let (lo, hi) = (bound(piece.patch.lo(), lo), bound(piece.patch.hi(), hi));
        let strides = view.turned(|k| piece.strides[k], |_| 0);
        self.inputs[k] = Leg { first, lo: lo.clone(), strides };
        self.refine(views, k + 1, (&lo, &hi), visit)
    }

    /// [`Draft::step`] for a piece that is not mapped here, by panels along its first axis that has several
    /// indices.
    fn fetch(
        &mut self,
        views: &[View<'_, T>; N],
        k: usize,
        (lo, hi): (&[usize], &[usize]),
        piece: Piece,
        visit: &mut impl FnMut(Cell<T, N>),
    ) -> Result<()> {
        let extents = piece.patch.shape();
        let cut = extents.iter().position(|&extent| extent > 1).unwrap_or(0);
        let (outer, len) = (extents.get(cut).copied().unwrap_or(1), piece.patch.len());
        let height = (PANEL_BYTES / (len / outer * size_of::<T>()).max(1)).clamp(1, outer);
        for start in (0..outer).step_by(height) {
            let (mut from, mut to) = (Dims::from(piece.patch.lo()), Dims::from(piece.patch.hi()));
            if outer > 1 {
                from[cut] += start;
                to[cut] = to[cut].min(from[cut] + height);
            }
            let patch = Patch::new(from, to);
            let mut panel = vec![T::default(); patch.len()];
            views[k].get(&patch, &mut panel)?;
            let strides = Dims::row_major_strides(&patch.shape());
            let fetched = Piece { patch, offset: 0, strides, ..piece };
            self.step(views, k, (lo, hi), (panel.as_mut_ptr(), &fetched), visit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_extent_one_do_not_count() {
        let axes = |target: &[usize], source: &[usize], reversed| {
            match_axes(target, source, reversed).map(|axes| axes.to_vec())
        };
        assert_eq!(axes(&[3, 4], &[3, 4], false), Some(vec![0, 1]));
        assert_eq!(axes(&[1, 3, 1, 4], &[3, 1, 4, 1], false), Some(vec![NONE, 0, NONE, 2]));
        assert_eq!(axes(&[4, 3], &[3, 4], false), None);
        assert_eq!(axes(&[4, 1, 3], &[3, 4], true), Some(vec![1, NONE, 0]));
        assert_eq!(axes(&[3], &[3, 4], false), None);
        assert_eq!(axes(&[], &[1, 1], false), Some(vec![]));
    }
}
