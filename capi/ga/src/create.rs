//! Creating and destroying arrays.
//!
//! Invariant: all ranks of the array's group get a handle, or all get 0 because there was no memory on one.

use crate::bounds::{Index, MAX_DIM, Sizes};
use crate::fault::{Result, refuse};
use crate::guard::{exported, wide};
use crate::state::{State, text};
use crate::table::{self, Array};
use crate::types::{self, Kind};
use ga_core::{Distribution, ErrorKind, RawArray};
use std::ffi::{CString, c_char, c_int};

/// What makes an array.
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) group: c_int,
    /// Of the axes as C sees them.
    pub(crate) distribution: Distribution,
}

impl State {
    /// Gives a reserved handle an array. Collective over the group; false if there is no memory on some rank.
    pub(crate) fn allocate(&self, handle: c_int, plan: Plan) -> Result<bool> {
        let Plan { kind, name, group, distribution } = plan;
        let team = self.groups.team(group)?;
        let ndim = distribution.ndim();
        let distribution = if kind.item > 0 { distribution.with_items(kind.item)? } else { distribution };
        let bytes = distribution.storage_len(team.rank()) * kind.dtype.size_bytes();
        let raw = match RawArray::create(&team, kind.dtype, distribution) {
            Ok(raw) => raw.named(&*name),
            Err(error) if error.kind() == ErrorKind::Memory => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let name = CString::new(name).unwrap_or_default();
        let item = kind.item;
        table::fill(
            handle,
            Array { raw, kind: kind.number, item, ndim, name, group, handle, has_corners: true, bytes },
        );
        Ok(true)
    }

    /// A new array's handle, or 0.
    pub(crate) fn create(&self, plan: Plan) -> Result<c_int> {
        let Some(handle) = table::reserve() else { return Ok(0) };
        let is_there = self.allocate(handle, plan)?;
        if !is_there {
            table::release(handle);
        }
        Ok(if is_there { handle } else { 0 })
    }

    /// # Safety
    /// `dims` has `ndim` readable numbers, `chunk` as many or is null; the name is null or terminated.
    unsafe fn create_regular<I: Index>(
        &self,
        number: c_int,
        ndim: c_int,
        dims: *const I,
        name: *const c_char,
        chunk: *const I,
        group: c_int,
    ) -> Result<c_int> {
        let kind = types::kind(&self.registered, number)?;
        if ndim < 1 || ndim as usize > MAX_DIM {
            refuse!("{ndim} axes, and there may be 1 to {MAX_DIM}");
        }
        // SAFETY: the caller's promises.
        unsafe {
            let shape = Sizes::read("dims", dims, ndim as usize, 1)?;
            let least =
                if chunk.is_null() { None } else { Some(Sizes::read("chunk", chunk, ndim as usize, -1)?) };
            let least: Vec<usize> =
                least.iter().flat_map(Sizes::list).map(|c| if *c == usize::MAX { 0 } else { *c }).collect();
            let distribution = Distribution::regular(shape.list(), &least, self.groups.size(group)?)?;
            self.create(Plan { kind, name: text(name), group, distribution })
        }
    }

    /// Collective over the array's group.
    fn destroy(&self, handle: c_int) -> Result<()> {
        if let Some(array) = table::empty(handle) {
            array.raw.destroy()?;
        }
        table::release(handle);
        Ok(())
    }
}

exported! {
    NGA_Destroy, GA_Destroy(g_a: c_int) = |ga| { ga.array(g_a)?; ga.destroy(g_a) };
}

wide! {
    NGA_Create / NGA_Create64(kind: c_int, ndim: c_int, dims: *const Int, name: *const c_char, chunk: *const Int) -> c_int =
        |ga| ga.create_regular(kind, ndim, dims, name, chunk, ga.groups.default());
}
