//! From one array to another: duplicate, copy with any reshaping and transposition, transpose.
//!
//! Owner of the target computes: each rank fills its own parts of the target from wherever the source is. Only
//! when the source's team is the smaller one do its owners put theirs.

use super::view::{NONE, View, match_axes};
use super::{different_teams, transpose, unequal_shapes, walk};
use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::own::Part;
use crate::patch::Patch;
use crate::raw::RawArray;
use crate::region::Region;
use crate::transfer::{Slab, Verb, Wait};
use rma::{Element, Team};

impl<T: Element> GlobalArray<T> {
    /// A new array of the same type, shape, distribution and team; its contents are unspecified. Collective.
    /// `GA_Duplicate`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when the memory is not there on one.
    #[track_caller]
    pub fn duplicate(&self) -> Result<Self> {
        let raw = RawArray::create(self.team(), T::DTYPE, self.distribution().clone())?;
        Ok(GlobalArray::from_raw(raw.named(self.name())))
    }

    /// Copies all of `source`, an array of the same shape; the distributions may differ, and the teams if the
    /// ranks of one are among those of the other. Collective over the smaller team. `GA_Copy`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] and [`ErrorKind::Team`] for arrays that don't match.
    #[track_caller]
    pub fn copy_from(&self, source: &Self) -> Result<()> {
        if self.shape() != source.shape() {
            return Err(unequal_shapes("copy_from", self, source));
        }
        let whole = self.everything();
        self.copy_boxes("copy_from", &whole, source, &whole, false)
    }

    /// Copies a patch of `source` to a patch of as many elements: in row-major order, so that shapes may
    /// differ; with `transposed` the source's axes are taken in reverse order, the first varying fastest. The
    /// teams may differ if the ranks of one are among those of the other, and the two patches may overlap.
    /// Collective over the smaller team. `NGA_Copy_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Range`] or [`ErrorKind::Shape`] for patches that don't fit their arrays or each other,
    /// [`ErrorKind::Team`] for teams that don't, [`ErrorKind::Memory`] when there is none for a temporary.
    #[track_caller]
    pub fn copy_patch_from(
        &self,
        region: impl Region,
        source: &Self,
        source_region: impl Region,
        transposed: bool,
    ) -> Result<()> {
        let op = "copy_patch_from";
        let (to, from) = (self.checked(op, region)?, source.checked(op, source_region)?);
        self.check_counts(op, &to, source, &from)?;
        self.copy_boxes(op, &to, source, &from, transposed)
    }

    /// Makes this matrix the transpose of `source`, a matrix of the same team. Collective. `GA_Transpose`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless both have two axes and the extents of one are those of the other,
    /// exchanged; [`ErrorKind::Team`] for an array of another team; [`ErrorKind::Shape`] for the array
    /// itself.
    #[track_caller]
    pub fn transpose_from(&self, source: &Self) -> Result<()> {
        let fits = match (self.shape(), source.shape()) {
            ([rows, columns], [source_rows, source_columns]) => {
                rows == source_columns && columns == source_rows
            }
            _ => false,
        };
        if !fits || std::ptr::eq(self, source) {
            let same = if fits { ", the same array" } else { "" };
            return Err(Error::numbered(ErrorKind::Shape, "transpose_from", |by| {
                format!("{} from {}{same}", by.extents(self.shape()), by.extents(source.shape()))
            }));
        }
        self.check_team("transpose_from", source)?;
        self.copy_boxes("transpose_from", &self.everything(), source, &source.everything(), true)
    }

    /// [`GlobalArray::copy_patch_from`] of checked boxes of as many elements.
    #[track_caller]
    pub(super) fn copy_boxes(
        &self,
        op: &'static str,
        to: &Patch,
        source: &Self,
        from: &Patch,
        transposed: bool,
    ) -> Result<()> {
        if std::ptr::eq(self, source) {
            if to == from && !transposed {
                return self.epoch(op, || Ok(()));
            }
            if !to.intersection(from).is_empty() {
                let copy = source.reshaped(op, from, (source, from), false)?;
                return self.copy_boxes(op, to, &copy, &copy.everything(), transposed);
            }
        }
        if is_part_of(self.team(), source.team()) {
            return self.epoch(op, || self.pull(op, to, source, from, transposed));
        }
        if !is_part_of(source.team(), self.team()) {
            return Err(different_teams(op, self, source));
        }
        if transposed {
            let turned = Patch::whole(&Dims::from_fn(from.ndim(), |d| from.shape()[from.ndim() - 1 - d]));
            let copy = source.reshaped(op, &turned, (source, from), true)?;
            return self.copy_boxes(op, to, &copy, &copy.everything(), false);
        }
        source.epoch(op, || self.push(op, to, source, from))
    }

    /// Fills my parts of `to`.
    fn pull(
        &self,
        op: &'static str,
        to: &Patch,
        source: &Self,
        from: &Patch,
        transposed: bool,
    ) -> Result<()> {
        let Some(axes) = match_axes(&to.shape(), &from.shape(), transposed) else {
            return walk::rows(self, to, from, transposed, |place, slab, strides| {
                // SAFETY: the walk's place is in my part and good for the slab at the strides; the source is
                // elsewhere, and nobody else accesses my part between the synchronisations.
                unsafe { source.raw().transfer(op, Verb::Get(place), slab, strides, &mut Wait) }
            });
        };
        let turned = axes.iter().filter(|k| **k != NONE).collect::<Vec<_>>().windows(2).any(|w| w[0] > w[1]);
        let view = View::new(source, from.lo(), axes.clone());
        if turned {
            // SAFETY: a cell's elements are there; mine are nobody else's between the synchronisations, nobody
            // writes to the source, and the two don't overlap.
            return self.sweep(to, &[view], |cell| unsafe { transpose::cell(&cell) });
        }
        if self.distribution() == source.distribution() && to == from && to.len() == self.len() {
            // SAFETY: as above.
            return self.sweep(to, &[view], |cell| unsafe { cell.map(|[value]| value) });
        }
        self.beside(to, source, from, &axes, |part, slab, strides| {
            // SAFETY: the part is mine, the slab has its shape; the rest as above.
            unsafe { source.raw().transfer(op, Verb::Get(part), slab, strides, &mut Wait) }
        })
    }

    /// Puts my parts of `from` where they belong.
    fn push(&self, op: &'static str, to: &Patch, source: &Self, from: &Patch) -> Result<()> {
        let put = |place: *mut T, slab: Slab<'_>, strides: &[isize]| {
            let verb = Verb::Put(place.cast_const());
            // SAFETY: the place is in my part of the source and good for the slab at the strides; the target
            // is elsewhere.
            unsafe { self.raw().transfer(op, verb, slab, strides, &mut Wait) }
        };
        match match_axes(&from.shape(), &to.shape(), false) {
            Some(axes) => source.beside(from, self, to, &axes, put),
            None => walk::rows(source, from, to, false, put),
        }
    }

    /// Calls `f` for each of my parts of `patch`: its first element, the slab of `other` beside it, and the
    /// part's strides in bytes along the axes of the slab.
    fn beside(
        &self,
        patch: &Patch,
        other: &Self,
        at: &Patch,
        axes: &Dims,
        mut f: impl FnMut(*mut T, Slab<'_>, &[isize]) -> Result<()>,
    ) -> Result<()> {
        for Part { patch: own, first, strides } in self.own_parts(patch.lo(), patch.hi()) {
            let (mut lo, mut hi) = (Dims::from(at.lo()), Dims::from(at.lo()));
            hi.iter_mut().for_each(|bound| *bound += 1);
            let mut local = ByteStrides::from_fn(other.ndim(), |_| 0);
            for (d, &k) in axes.iter().enumerate().filter(|(_, k)| **k != NONE) {
                lo[k] = at.lo()[k] + own.lo()[d] - patch.lo()[d];
                hi[k] = at.lo()[k] + own.hi()[d] - patch.lo()[d];
                local.as_mut_slice()[k] = (strides[d] * size_of::<T>()) as isize;
            }
            f(first, Slab { lo: &lo, hi: &hi, step: None }, local.as_slice())?;
        }
        Ok(())
    }
}

/// All ranks of a team are ranks of another.
fn is_part_of(team: &Team, other: &Team) -> bool {
    let ranks = |team: &Team| (0..team.size()).map(|rank| team.world_rank(rank)).collect::<Vec<_>>();
    let of_other = ranks(other);
    team.is_same(other) || ranks(team).iter().all(|rank| of_other.contains(rank))
}
