//! What an array is going to be.
//!
//! Invariant: a handle has a description as long as it has no array; from the first `GA_Allocate` on its description is the array's.

use crate::bounds::{Index, MAX_DIM, Sizes};
use crate::fault::{Fault, Result, refuse};
use crate::types::{self, Kind, Registered};
use ga_core::Distribution;
use std::collections::HashMap;
use std::ffi::c_int;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

/// Who owns what.
#[derive(Clone)]
pub(crate) enum Layout {
    /// Blocks of at least this; 0 leaves an axis to the library.
    Regular(Vec<usize>),
    /// Where the blocks of each axis begin.
    Irregular(Vec<Vec<usize>>),
    /// Blocks of this size, dealt out in turn.
    Cyclic(Vec<usize>),
    /// The same on a grid of ranks.
    Scalapack(Vec<usize>, Vec<usize>),
    /// The same with each block's elements together.
    Tiled(Vec<usize>, Vec<usize>),
    /// The same with blocks that begin where is said.
    TiledIrregular(Vec<Vec<usize>>, Vec<usize>),
    /// That of an array that there was.
    Given(Distribution),
}

/// A description.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) kind: Option<Kind>,
    pub(crate) shape: Vec<usize>,
    pub(crate) name: String,
    /// Where it was not said, the group that is the default when there is to be memory.
    pub(crate) group: Option<c_int>,
    pub(crate) layout: Layout,
    pub(crate) ghosts: Vec<usize>,
    /// The only ranks that get anything.
    pub(crate) members: Option<Vec<usize>>,
    pub(crate) has_corners: bool,
    /// Described by Fortran.
    pub(crate) is_fortran: bool,
}

/// Descriptions by handle.
pub(crate) type Specs = Mutex<HashMap<c_int, Spec>>;

impl Spec {
    pub(crate) fn new(group: Option<c_int>) -> Spec {
        Spec {
            kind: None,
            shape: Vec::new(),
            name: String::new(),
            group,
            layout: Layout::Regular(Vec::new()),
            ghosts: Vec::new(),
            members: None,
            has_corners: true,
            is_fortran: false,
        }
    }

    /// With a type and extents.
    ///
    /// # Safety
    /// `dims` has `ndim` readable numbers.
    pub(crate) unsafe fn with_data<I: Index>(
        mut self,
        registered: &Registered,
        ndim: c_int,
        dims: *const I,
        number: c_int,
    ) -> Result<Spec> {
        if ndim < 1 || ndim as usize > MAX_DIM {
            refuse!("{ndim} axes, and there may be 1 to {MAX_DIM}");
        }
        self.kind = Some(types::kind(registered, number)?);
        self.is_fortran = I::IS_FORTRAN;
        // SAFETY: the caller's promise.
        self.shape = unsafe { Sizes::read("dims", dims, ndim as usize, 1) }?.list().to_vec();
        Ok(self)
    }

    /// The axes it has so far.
    fn ndim(&self) -> Result<usize> {
        match self.shape.len() {
            0 => Err(Fault::new("GA_Set_data comes first")),
            ndim => Ok(ndim),
        }
    }

    /// One number per axis.
    ///
    /// # Safety
    /// As many readable numbers as there are axes.
    pub(crate) unsafe fn read<I: Index>(&self, what: &str, list: *const I, least: i64) -> Result<Vec<usize>> {
        // SAFETY: the caller's promise.
        Ok(unsafe { Sizes::read(what, list, self.ndim()?, least) }?.list().to_vec())
    }

    /// Least extents of blocks; a null pointer, or numbers below 1, leave them to the library. As in the original a 0 for the last axis
    /// leaves it all of them.
    ///
    /// # Safety
    /// Null, or as many readable numbers as there are axes.
    pub(crate) unsafe fn set_chunk<I: Index>(&mut self, chunk: *const I) -> Result<()> {
        let numbers = if chunk.is_null() {
            Vec::new()
        } else {
            // SAFETY: the caller's promise.
            (0..self.ndim()?).map(|d| unsafe { I::read(chunk, d, self.shape.len()) }.wide()).collect()
        };
        let is_free = numbers.last().is_none_or(|last| *last == 0);
        let least = |number: i64| number.max(0) as usize;
        self.layout =
            Layout::Regular(if is_free { Vec::new() } else { numbers.into_iter().map(least).collect() });
        Ok(())
    }

    /// Where blocks begin: `counts[d]` numbers of `map` for each axis, in the order of the list.
    ///
    /// # Safety
    /// As many readable numbers as there are axes, and as those say.
    pub(crate) unsafe fn starts<I: Index>(&self, map: *const I, counts: *const I) -> Result<Vec<Vec<usize>>> {
        // SAFETY: the caller's promises.
        let counts = unsafe { self.read("nblock", counts, 1) }?;
        if map.is_null() {
            refuse!("map is a null pointer");
        }
        let mut next = map;
        let mut starts = vec![Vec::new(); counts.len()];
        for place in 0..counts.len() {
            let d = I::place(place, counts.len());
            // SAFETY: the caller's promises.
            let list = unsafe { std::slice::from_raw_parts(next, counts[d]) };
            if let Some(wrong) = list.iter().find(|start| start.at() < 0) {
                refuse!("a block of axis {} begins at {wrong}", place as i64 + I::BASE);
            }
            starts[d] = list.iter().map(|start| start.at() as usize).collect();
            next = next.wrapping_add(counts[d]);
        }
        Ok(starts)
    }

    /// # Safety
    /// As many readable numbers as there are axes.
    pub(crate) unsafe fn set_ghosts<I: Index>(&mut self, widths: *const I) -> Result<()> {
        // SAFETY: the caller's promise.
        self.ghosts = unsafe { self.read("width", widths, 0) }?;
        Ok(())
    }

    /// A number that is the same on ranks that describe the same array.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.kind.map(|kind| (kind.number, kind.item)), &self.shape, &self.ghosts, &self.members)
            .hash(&mut hasher);
        match &self.layout {
            Layout::Regular(numbers) => (0, numbers).hash(&mut hasher),
            Layout::Irregular(starts) => (1, starts).hash(&mut hasher),
            Layout::Cyclic(block) => (2, block).hash(&mut hasher),
            Layout::Scalapack(block, grid) => (3, block, grid).hash(&mut hasher),
            Layout::Tiled(block, grid) => (4, block, grid).hash(&mut hasher),
            Layout::TiledIrregular(starts, grid) => (5, starts, grid).hash(&mut hasher),
            Layout::Given(given) => (6, given.blocks(), &given.grid()[..]).hash(&mut hasher),
        }
        hasher.finish()
    }

    /// The layout over so many ranks.
    pub(crate) fn distribution(&self, ranks: usize) -> Result<Distribution> {
        let (shape, members) = (&self.shape[..], self.members.as_deref());
        if let Layout::Given(given) = &self.layout {
            return Ok(given.clone());
        }
        let some = members.map_or(ranks, <[usize]>::len);
        let made = match &self.layout {
            Layout::Regular(chunk) => Distribution::regular(shape, chunk, some),
            Layout::Irregular(starts) => Distribution::irregular(shape, starts, some),
            Layout::Cyclic(block) => Distribution::block_cyclic(shape, block, some),
            Layout::Scalapack(block, grid) => Distribution::scalapack(shape, block, grid, some),
            Layout::Tiled(block, grid) => Distribution::tiled(shape, block, grid, some),
            Layout::TiledIrregular(starts, grid) => Distribution::tiled_irregular(shape, starts, grid, some),
            Layout::Given(given) => Ok(given.clone()),
        }?;
        let made = members.map_or(Ok(made.clone()), |members| made.restricted(members, ranks))?;
        Ok(if self.ghosts.iter().any(|width| *width > 0) { made.with_ghosts(&self.ghosts)? } else { made })
    }
}
