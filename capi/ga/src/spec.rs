//! What an array is going to be: `GA_Create_handle`, `GA_Set_*`.
//!
//! Invariant: a handle has a description as long as it has no array; from the first `GA_Allocate` on its description is the array's.

use crate::bounds::{Index, MAX_DIM, Sizes};
use crate::fault::{Fault, Result, refuse};
use crate::guard::{exported, wide};
use crate::state::{State, text};
use crate::table;
use crate::types::{self, Kind};
use ga_core::Distribution;
use std::collections::HashMap;
use std::ffi::{c_char, c_int};
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
        }
    }

    /// With a type and extents.
    ///
    /// # Safety
    /// `dims` has `ndim` readable numbers.
    pub(crate) unsafe fn with_data<I: Index>(
        mut self,
        state: &State,
        ndim: c_int,
        dims: *const I,
        number: c_int,
    ) -> Result<Spec> {
        if ndim < 1 || ndim as usize > MAX_DIM {
            refuse!("{ndim} axes, and there may be 1 to {MAX_DIM}");
        }
        self.kind = Some(types::kind(&state.registered, number)?);
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
    unsafe fn read<I: Index>(&self, what: &str, list: *const I, least: i64) -> Result<Vec<usize>> {
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
            (0..self.ndim()?).map(|d| unsafe { chunk.add(d).read() }.wide()).collect()
        };
        let is_free = numbers.last().is_none_or(|last| *last == 0);
        let least = |number: i64| number.max(0) as usize;
        self.layout =
            Layout::Regular(if is_free { Vec::new() } else { numbers.into_iter().map(least).collect() });
        Ok(())
    }

    /// Where blocks begin: `counts[d]` numbers of `map` for each axis.
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
        let mut starts = Vec::with_capacity(counts.len());
        for (d, count) in counts.into_iter().enumerate() {
            // SAFETY: the caller's promises.
            let list = unsafe { std::slice::from_raw_parts(next, count) };
            if let Some(wrong) = list.iter().find(|start| start.wide() < 0) {
                refuse!("a block of axis {d} begins at {wrong}");
            }
            starts.push(list.iter().map(|start| start.wide() as usize).collect());
            next = next.wrapping_add(count);
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

impl State {
    /// Changes the description of a handle.
    fn describe(&self, handle: c_int, change: impl FnOnce(&mut Spec) -> Result<()>) -> Result<()> {
        if table::find(handle).is_some() {
            refuse!("handle {handle} has memory already, and is as it is");
        }
        let mut specs = self.specs.lock().expect("no panic holds it");
        match specs.get_mut(&handle) {
            Some(spec) => change(spec),
            None => Err(table::missing(handle)),
        }
    }

    /// Only these ranks of the group get elements.
    fn restrict(&self, handle: c_int, list: Vec<usize>) -> Result<()> {
        self.describe(handle, |spec| {
            let size = self.groups.size(spec.group.unwrap_or(self.groups.default()))?;
            if let Some(wrong) = list.iter().find(|rank| **rank >= size) {
                refuse!("rank {wrong} of a group of {size}");
            }
            spec.members = Some(list);
            Ok(())
        })
    }
}

exported! {
    NGA_Create_handle, GA_Create_handle() -> c_int = |ga| {
        let Some(handle) = table::reserve() else { return Ok(0) };
        ga.specs.lock().expect("no panic holds it").insert(handle, Spec::new(None));
        Ok(handle)
    };
    NGA_Set_array_name, GA_Set_array_name(g_a: c_int, name: *const c_char) = |ga| {
        let name = text(name);
        ga.describe(g_a, |spec| { spec.name = name; Ok(()) })
    };
    NGA_Set_pgroup, GA_Set_pgroup(g_a: c_int, group: c_int) = |ga| {
        ga.groups.team(group)?;
        ga.describe(g_a, |spec| { spec.group = Some(group); Ok(()) })
    };
    NGA_Set_irreg_flag, GA_Set_irreg_flag(g_a: c_int, flag: c_int) = |ga| ga.describe(g_a, |spec| {
        if flag == 0 && matches!(spec.layout, Layout::Irregular(_)) {
            spec.layout = Layout::Regular(Vec::new());
        }
        Ok(())
    });
    GA_Set_ghost_corner_flag(g_a: c_int, flag: c_int) = |ga| match table::find(g_a) {
        Some(array) => { array.has_corners.store(flag != 0, std::sync::atomic::Ordering::Relaxed); Ok(()) }
        None => ga.describe(g_a, |spec| { spec.has_corners = flag != 0; Ok(()) }),
    };
    NGA_Set_restricted, GA_Set_restricted(g_a: c_int, list: *const c_int, size: c_int) = |ga| {
        if list.is_null() || size < 1 {
            refuse!("{size} ranks");
        }
        let list = std::slice::from_raw_parts(list, size as usize);
        if let Some(wrong) = list.iter().find(|rank| **rank < 0) {
            refuse!("rank {wrong}");
        }
        ga.restrict(g_a, list.iter().map(|rank| *rank as usize).collect())
    };
    NGA_Set_restricted_range, GA_Set_restricted_range(g_a: c_int, lo: c_int, hi: c_int) = |ga| {
        if lo < 0 || hi < lo {
            refuse!("ranks {lo} to {hi}");
        }
        ga.restrict(g_a, (lo as usize..=hi as usize).collect())
    };
    NGA_Set_memory_dev, GA_Set_memory_dev(g_a: c_int, _device: *const c_char) = |ga| ga.describe(g_a, |_spec| Ok(()));
}

wide! {
    NGA_Set_data, GA_Set_data / NGA_Set_data64, GA_Set_data64(g_a: c_int, ndim: c_int, dims: *const Int, kind: c_int) =
        |ga| ga.describe(g_a, |spec| { *spec = spec.clone().with_data(ga, ndim, dims, kind)?; Ok(()) });
    NGA_Set_chunk, GA_Set_chunk / NGA_Set_chunk64, GA_Set_chunk64(g_a: c_int, chunk: *const Int) =
        |ga| ga.describe(g_a, |spec| spec.set_chunk(chunk));
    NGA_Set_ghosts, GA_Set_ghosts / NGA_Set_ghosts64, GA_Set_ghosts64(g_a: c_int, widths: *const Int) =
        |ga| ga.describe(g_a, |spec| spec.set_ghosts(widths));
    NGA_Set_irreg_distr, GA_Set_irreg_distr / NGA_Set_irreg_distr64, GA_Set_irreg_distr64(g_a: c_int, map: *const Int, nblock: *const Int) =
        |ga| ga.describe(g_a, |spec| { spec.layout = Layout::Irregular(spec.starts(map, nblock)?); Ok(()) });
    NGA_Set_block_cyclic, GA_Set_block_cyclic / NGA_Set_block_cyclic64, GA_Set_block_cyclic64(g_a: c_int, dims: *const Int) =
        |ga| ga.describe(g_a, |spec| { spec.layout = Layout::Cyclic(spec.read("dims", dims, 1)?); Ok(()) });
    NGA_Set_block_cyclic_proc_grid, GA_Set_block_cyclic_proc_grid / NGA_Set_block_cyclic_proc_grid64, GA_Set_block_cyclic_proc_grid64(g_a: c_int, dims: *const Int, grid: *const Int) =
        |ga| ga.describe(g_a, |spec| {
            spec.layout = Layout::Scalapack(spec.read("block", dims, 1)?, spec.read("proc_grid", grid, 1)?);
            Ok(())
        });
    NGA_Set_tiled_proc_grid, GA_Set_tiled_proc_grid / NGA_Set_tiled_proc_grid64, GA_Set_tiled_proc_grid64(g_a: c_int, dims: *const Int, grid: *const Int) =
        |ga| ga.describe(g_a, |spec| {
            spec.layout = Layout::Tiled(spec.read("block", dims, 1)?, spec.read("proc_grid", grid, 1)?);
            Ok(())
        });
    NGA_Set_tiled_irreg_proc_grid, GA_Set_tiled_irreg_proc_grid / NGA_Set_tiled_irreg_proc_grid64, GA_Set_tiled_irreg_proc_grid64(g_a: c_int, map: *const Int, nblock: *const Int, grid: *const Int) =
        |ga| ga.describe(g_a, |spec| {
            spec.layout = Layout::TiledIrregular(spec.starts(map, nblock)?, spec.read("proc_grid", grid, 1)?);
            Ok(())
        });
}
