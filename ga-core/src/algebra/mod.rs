//! Operations on whole arrays and patches: owner computes.
//!
//! Every operation here is collective and synchronises on both sides, so whatever was put before takes part
//! and whatever is put after comes after. Patches of several arrays in one operation need the same number of
//! elements; where their shapes (axes of extent 1 apart) or teams ask for it, an operand is reshaped into a
//! temporary first. An array may be operand and result at once, with any patches. Empty patches are legal.
//!
//! | file | what |
//! | --- | --- |
//! | `view` | an operand, as boxes that lie beside the result's |
//! | `cell` | loops over such boxes: rows, tiles, whole cache lines |
//! | `whole` | fill, scale, add |
//! | `elementwise` | absolute value, sums, products, quotients, extremes, median |
//! | `copy`, `walk` | from patch to patch: redistribution, transposition, any reshaping |
//! | `transpose` | the transposing loops |
//! | `reduce` | dot, norms, extreme element |
//! | `step` | the line-search bounds of optimisers |
//! | `matrix` | diagonals, rows, columns, symmetrize, transpose |
//! | `random` | random elements |
//! | `scalar` | what an element type must have for the above |
//!
//! Differences from the original, all of them where it stops or goes wrong: any type may be symmetrized or
//! compared; patches of one array may overlap; complex rows are scaled by complex products; zero divisors are
//! found before anything is written; an integer quotient that is cut to zero limits no step unless the
//! direction is negative; random elements don't depend on the number of ranks.
//!
//! Invariant: between the synchronisations each rank writes its own elements only (pushing copies apart, whose
//! elements nobody else touches), and no ghost cells.

mod cell;
mod copy;
mod elementwise;
mod matrix;
mod random;
mod reduce;
mod scalar;
mod step;
pub(crate) mod transpose;
mod view;
mod walk;
mod whole;

pub use reduce::Extreme;
pub use scalar::{Real, Scalar};
pub use step::StepBounds;

use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::patch::Patch;
use crate::region::Region;
use rma::Element;

impl<T: Element> GlobalArray<T> {
    /// Runs `body` between two synchronisations for `op`, the second of which happens whatever `body` returns.
    #[track_caller]
    fn epoch<R>(&self, op: &'static str, body: impl FnOnce() -> Result<R>) -> Result<R> {
        self.sync_for(op)?;
        let done = body();
        self.sync_for(op)?;
        done
    }

    /// All of the array.
    fn everything(&self) -> Patch {
        Patch::whole(self.shape())
    }

    /// The patch that a region names, checked against this array.
    fn checked(&self, op: &'static str, region: impl Region) -> Result<Patch> {
        region.with_bounds(self.shape(), |lo, hi| {
            self.distribution().check_bounds(op, lo, hi)?;
            Ok(Patch::new(lo, hi))
        })
    }

    /// Number of elements that I have memory for.
    fn local_len(&self) -> usize {
        self.distribution().storage_len(self.team().rank())
    }

    /// Refuses another shape or another team.
    fn check_match(&self, op: &'static str, other: &Self) -> Result<()> {
        if self.shape() != other.shape() {
            return Err(unequal_shapes(op, self, other));
        }
        self.check_team(op, other)
    }

    /// Refuses another team.
    pub(crate) fn check_team(&self, op: &'static str, other: &Self) -> Result<()> {
        let (a, b) = (self.team(), other.team());
        if a.is_same(b) {
            return Ok(());
        }
        Err(different_teams(op, self, other))
    }

    /// Refuses patches of different numbers of elements.
    fn check_counts(&self, op: &'static str, patch: &Patch, other: &Self, at: &Patch) -> Result<()> {
        let (own, its) = (patch.len(), at.len());
        if own == its {
            return Ok(());
        }
        Err(Error::numbered(ErrorKind::Shape, op, |by| {
            let [patch, at] = [patch, at].map(|patch| by.patch(patch.lo(), patch.hi()));
            let [array, other] = [self, other].map(|array| by.array(array.raw()));
            format!("{patch} of {array} has {own} elements, {at} of {other} has {its}")
        }))
    }

    /// Calls `f(index, row, length)` for each row of my elements of a patch: the index of the row's first
    /// element, the element, and how many there are, one beside the other along the last axis.
    fn own_rows(&self, patch: &Patch, mut f: impl FnMut(&[usize], *mut T, usize)) {
        for part in self.own_parts(patch.lo(), patch.hi()) {
            let (mut index, hi) = (crate::dims::Dims::from(part.patch.lo()), part.patch.hi());
            for (offset, len) in part.rows() {
                f(&index, part.first.wrapping_add(offset), len);
                for d in (0..index.len().saturating_sub(1)).rev() {
                    index[d] += 1;
                    if index[d] < hi[d] {
                        break;
                    }
                    index[d] = part.patch.lo()[d];
                }
            }
        }
    }
}

#[cold]
fn unequal_shapes<T: Element>(op: &'static str, one: &GlobalArray<T>, other: &GlobalArray<T>) -> Error {
    Error::numbered(ErrorKind::Shape, op, |by| {
        let [a, b] = [one, other].map(|array| by.extents(array.shape()));
        let [one, other] = [one, other].map(|array| by.array(array.raw()));
        format!("shapes {a} and {b} of {one} and {other}")
    })
}

#[cold]
fn different_teams<T: Element>(op: &'static str, one: &GlobalArray<T>, other: &GlobalArray<T>) -> Error {
    Error::numbered(ErrorKind::Team, op, |by| {
        let [a, b] = [one, other].map(|array| array.team().size());
        let [one, other] = [one, other].map(|array| by.array(array.raw()));
        format!("{one} and {other} of different teams of {a} and {b} ranks")
    })
}
