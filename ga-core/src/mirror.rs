//! Arrays with a copy on each node: mirrored ones, whose copies differ until they are merged, and node copies, for arrays that are
//! only read.
//!
//! Invariant: a mirrored array is an array on the team of its node, so each access stays on the node and every rank knows one copy; only
//! merging concerns the world. All here is collective over the world (or the array's team) and synchronises before and after.

use crate::array::GlobalArray;
use crate::boxes::ByteStrides;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::own::Part;
use crate::patch::Patch;
use crate::region::Region;
use crate::sight::Sight;
use crate::transfer::{Slab, Verb, Wait};
use rma::{Element, World};

impl<T: Element> GlobalArray<T> {
    /// Lives on the team of a node. In a job of one node that is the team of all ranks, and every array on it counts as mirrored.
    /// Not collective. `GA_Is_mirrored`.
    pub fn is_mirrored(&self, world: &World) -> bool {
        self.team().is_same(&world.node_team())
    }

    /// Makes all copies of a mirrored array the sum of all. Collective over the world. `GA_Merge_mirrored`.
    ///
    /// # Errors
    /// [`ErrorKind::Team`] for an array that is not on the node's team, [`ErrorKind::Memory`] on all ranks when there is no memory
    /// for the sum, which is distributed over the world.
    #[track_caller]
    pub fn merge_mirrored(&self, world: &World) -> Result<()>
    where
        T: Number,
    {
        self.check_mirrored("merge_mirrored", world)?;
        if world.node_team().is_same(&world.team()) {
            return self.sync();
        }
        let sum = Self::builder(&world.team(), self.shape()).create()?;
        sum.zero()?;
        let whole = Patch::whole(self.shape());
        for part in self.own_parts(whole.lo(), whole.hi()) {
            sum.exchange(Verb::Accumulate(part.first, T::ONE), &part, part.patch.lo())?;
        }
        sum.sync()?;
        for part in self.own_parts(whole.lo(), whole.hi()) {
            sum.exchange(Verb::Get(part.first), &part, part.patch.lo())?;
        }
        sum.sync()
    }

    /// Sets a patch of `target`, an array on the world's team, to the sum of all copies of a patch of this mirrored array.
    /// Collective over the world. `NGA_Merge_distr_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Team`] for arrays on other teams, [`ErrorKind::Range`] for patches that leave them, [`ErrorKind::Shape`] for
    /// patches of different extents.
    #[track_caller]
    pub fn merge_into(
        &self,
        world: &World,
        region: impl Region,
        target: &Self,
        target_region: impl Region,
    ) -> Result<()>
    where
        T: Number,
    {
        let op = "merge_into";
        self.check_mirrored(op, world)?;
        if !target.team().is_same(&world.team()) {
            let message = |by: Sight| format!("{} is not on the team of all ranks", by.array(target.raw()));
            return Err(Error::numbered(ErrorKind::Team, op, message));
        }
        let from = self.checked_patch(op, region)?;
        let to = target.checked_patch(op, target_region)?;
        if from.shape() != to.shape() {
            return Err(Error::numbered(ErrorKind::Shape, op, |by| {
                format!("{} into {}", by.patch(from.lo(), from.hi()), by.patch(to.lo(), to.hi()))
            }));
        }
        target.sync()?;
        for part in target.own_parts(to.lo(), to.hi()) {
            for (offset, len) in part.rows() {
                // SAFETY: a row of my part, which nobody else writes to between the two synchronisations.
                (offset..offset + len).for_each(|at| unsafe { part.first.add(at).write(T::ZERO) });
            }
        }
        target.sync()?;
        for part in self.own_parts(from.lo(), from.hi()) {
            let at = Dims::from_fn(self.ndim(), |d| part.patch.lo()[d] - from.lo()[d] + to.lo()[d]);
            target.exchange(Verb::Accumulate(part.first, T::ONE), &part, &at)?;
        }
        target.sync()
    }

    /// A copy of the array on the team of each node: what reads of the others' nodes may be replaced by while nobody writes. `None`
    /// when all ranks are on one node, where reads are loads anyway. Collective over the array's team. `GA_Set_property` with
    /// `read_only`.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks of a node when there is no memory for its copy.
    #[track_caller]
    pub fn node_copy(&self) -> Result<Option<Self>> {
        self.sync()?;
        if (0..self.team().size()).all(|rank| self.raw().mapped(rank).is_some()) {
            return Ok(None);
        }
        // The nodes' lowest ranks are different numbers.
        let below = |e| Error::from_rma("node_copy", e);
        let world = World::init().map_err(below)?;
        let color = world.node_team().world_rank(0) as u32;
        let team = self.team().split(Some(color), self.team().rank() as i64).map_err(below)?;
        let copy =
            Self::builder(&team.expect("a color gives a team"), self.shape()).name(self.name()).create();
        // All ranks meet again even if one node has no memory.
        let done = copy.and_then(|copy| {
            let whole = Patch::whole(self.shape());
            for part in copy.own_parts(whole.lo(), whole.hi()) {
                self.exchange(Verb::Get(part.first), &part, part.patch.lo())?;
            }
            copy.sync()?;
            Ok(Some(copy))
        });
        self.sync()?;
        done
    }

    /// Moves a part of another array, in its memory, from or to the box of this array that begins at `at`.
    fn exchange(&self, verb: Verb<T>, part: &Part<T>, at: &[usize]) -> Result<()> {
        let extents = part.patch.shape();
        let end = Dims::from_fn(at.len(), |d| at[d] + extents[d]);
        let local = ByteStrides::from_fn(at.len(), |d| (part.strides[d] * size_of::<T>()) as isize);
        let slab = Slab { lo: at, hi: &end, step: None };
        // SAFETY: the callers have checked that the box lies in this array; the part is memory of mine in another array, and nobody
        // else's between two synchronisations.
        unsafe { self.raw().transfer("merge", verb, slab, local.as_slice(), &mut Wait) }
    }

    fn check_mirrored(&self, op: &'static str, world: &World) -> Result<()> {
        if self.is_mirrored(world) {
            return Ok(());
        }
        let message = |by: Sight| format!("{} is not on the team of the node's ranks", by.array(self.raw()));
        Err(Error::numbered(ErrorKind::Team, op, message))
    }

    fn checked_patch(&self, op: &'static str, region: impl Region) -> Result<Patch> {
        region.with_bounds(self.shape(), |lo, hi| {
            self.distribution().check_bounds(op, lo, hi)?;
            Ok(Patch::new(lo, hi))
        })
    }
}
