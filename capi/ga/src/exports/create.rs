//! Creating and destroying arrays.
//!
//! Invariant: all ranks of the array's group get a handle, or all get 0 because there was no memory on one.

use crate::bounds::Index;
use crate::fault::{Fault, Result, refuse};
use crate::guard::{plain, wide};
use crate::property::Property;
use crate::specs::{Layout, Spec};
use crate::state::State;
use crate::statistics::count;
use crate::table::{self, Array};
use crate::types::{self, Kind};
use common::text;
use ga_core::{Distribution, ErrorKind, Operation, RawArray};
use rma::Team;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl State {
    /// Gives a reserved handle the array that `make` makes for a type and a layout. Collective over the group; false if there is no
    /// memory on some rank.
    fn allocate_as(
        &self,
        handle: c_int,
        spec: &Spec,
        make: impl FnOnce(&Team, Kind, Distribution) -> ga_core::Result<RawArray>,
    ) -> Result<bool> {
        let Some(kind) = spec.kind else {
            refuse!("handle {handle} has no type and extents: GA_Set_data comes first")
        };
        let group = spec.group.unwrap_or(self.groups.default());
        let team = self.groups.team(group)?;
        // Memory alone would not tell that ranks mean different arrays.
        let mine = spec.fingerprint();
        if let Some(rank) = team.allgather(&[mine])?.iter().position(|other| *other != mine) {
            refuse!("ranks {} and {rank} of the group create different arrays", team.rank());
        }
        let elements = spec.shape.iter().try_fold(kind.size(), |bytes, extent| bytes.checked_mul(*extent));
        if elements.is_none_or(|bytes| bytes > isize::MAX as usize / 16) {
            return Ok(false);
        }
        let layout = spec.distribution(team.size())?;
        let distribution = if kind.item > 0 { layout.with_items(kind.item)? } else { layout.clone() };
        let raw = match make(&team, kind, distribution) {
            Ok(raw) => raw.named(&*spec.name),
            Err(error) if error.kind() == ErrorKind::Memory => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let array = Array {
            is_near: (0..raw.team().size()).all(|rank| raw.mapped(rank).is_some()),
            raw,
            kind: kind.number,
            item: kind.item,
            ndim: layout.ndim(),
            layout,
            name: CString::new(&*spec.name).unwrap_or_default(),
            group,
            handle,
            has_corners: AtomicBool::new(spec.has_corners),
            property: Property::default(),
            is_fortran: spec.is_fortran,
        };
        let own = array.raw.distribution().storage_len(array.raw.team().rank());
        count(Operation::Create, own * array.raw.dtype().size_bytes());
        table::fill(handle, array);
        Ok(true)
    }

    fn allocate(&self, handle: c_int, spec: &Spec) -> Result<bool> {
        self.allocate_as(handle, spec, |team, kind, distribution| {
            RawArray::create(team, kind.dtype, distribution)
        })
    }

    /// A new array's handle, or 0.
    pub(crate) fn create(&self, spec: &Spec) -> Result<c_int> {
        let Some(handle) = table::reserve() else { return Ok(0) };
        let is_there = self.allocate(handle, spec)?;
        if !is_there {
            table::release(handle);
        }
        Ok(if is_there { handle } else { 0 })
    }

    /// The handle of an array that an operation made. Collective over its group.
    pub(crate) fn adopt(&self, raw: RawArray, number: c_int, group: c_int, name: &str) -> Result<c_int> {
        let Some(handle) = table::reserve() else { refuse!("there are as many arrays as there may be") };
        let mut spec = Spec::new(Some(group));
        spec.kind = Some(types::kind(&self.registered, number)?);
        spec.shape = raw.shape().to_vec();
        spec.name = name.to_owned();
        spec.layout = Layout::Given(raw.distribution().clone());
        self.allocate_as(handle, &spec, |_, _, _| Ok(raw))?;
        Ok(handle)
    }

    /// The description of a handle that has no array.
    fn spec(&self, handle: c_int) -> Result<Spec> {
        let specs = self.specs.lock().expect("no panic holds it");
        match specs.get(&handle) {
            Some(spec) if table::find(handle).is_none() => Ok(spec.clone()),
            Some(_) => Err(Fault::new(format_args!("handle {handle} has memory already"))),
            None => Err(table::missing(handle)),
        }
    }

    /// `GA_Allocate`
    fn allocate_handle(&self, handle: c_int) -> Result<c_int> {
        let spec = self.spec(handle)?;
        Ok(self.allocate(handle, &spec)?.into())
    }

    /// `GA_Overlay`
    fn overlay(&self, handle: c_int, parent: &Array) -> Result<c_int> {
        let spec = self.spec(handle)?;
        let raw = &parent.raw;
        // SAFETY: the program says so; no type of C is a boolean here, and there are no views.
        let make = |_: &Team, kind: Kind, distribution| unsafe { raw.overlay(kind.dtype, distribution) };
        Ok(self.allocate_as(handle, &spec, make)?.into())
    }

    /// `GA_Deallocate`: the handle keeps its description.
    fn deallocate(&self, array: &Array) -> Result<()> {
        let (handle, spec) = (array.handle, self.as_is(array, array.name.to_string_lossy().into_owned())?);
        self.specs.lock().expect("no panic holds it").insert(handle, spec);
        self.free(handle)
    }

    /// What makes an array like this one.
    fn as_is(&self, array: &Array, name: String) -> Result<Spec> {
        let mut spec = Spec::new(Some(array.group));
        spec.kind = Some(types::kind(&self.registered, array.kind)?);
        spec.shape = array.shape().to_vec();
        spec.name = name;
        spec.has_corners = array.has_corners.load(Ordering::Relaxed);
        spec.layout = Layout::Given(array.layout.clone());
        spec.is_fortran = array.is_fortran;
        Ok(spec)
    }

    /// Collective over the array's group.
    fn free(&self, handle: c_int) -> Result<()> {
        if let Some(array) = table::empty(handle) {
            count(Operation::Destroy, 0);
            array.raw.destroy()?;
        }
        Ok(())
    }

    /// Also for handles without memory.
    fn destroy(&self, handle: c_int) -> Result<()> {
        let had_spec = self.specs.lock().expect("no panic holds it").remove(&handle).is_some();
        if !had_spec && table::find(handle).is_none() {
            return Err(table::missing(handle));
        }
        self.free(handle)?;
        table::release(handle);
        Ok(())
    }

    /// `GA_Getmem`: each rank may ask for another number of elements.
    fn lend(&self, number: c_int, count: c_int, group: c_int) -> Result<*mut c_void> {
        let kind = types::kind(&self.registered, number)?;
        let team = self.groups.team(group)?;
        let counts = team.allgather(&[count.max(0) as u64])?;
        let mut starts = Vec::with_capacity(counts.len());
        let mut total = 0usize;
        for count in counts {
            starts.push(total);
            total += count as usize * kind.size();
        }
        let distribution = Distribution::irregular(&[total], &[starts], team.size())?;
        let raw = match RawArray::create(&team, rma::DType::U8, distribution) {
            Ok(raw) => raw,
            Err(error) if error.kind() == ErrorKind::Memory => return Ok(null_mut()),
            Err(error) => return Err(error.into()),
        };
        let Some(start) = raw.mapped(team.rank()) else { return Ok(null_mut()) };
        self.lent.lock().expect("no panic holds it").insert(start.as_ptr() as usize, Arc::new(raw));
        Ok(start.as_ptr().cast())
    }

    /// `GA_Assemble_duplicate`: an array like another in memory of `GA_Getmem`.
    fn assemble(&self, array: &Array, name: String, start: *mut c_void) -> Result<c_int> {
        let spec = self.as_is(array, name)?;
        let below = self.lent.lock().expect("no panic holds it").get(&(start as usize)).cloned();
        let Some(below) = below else { refuse!("{start:p} is not from GA_Getmem") };
        let Some(handle) = table::reserve() else { return Ok(0) };
        // SAFETY: as overlay.
        let make = |_: &Team, kind: Kind, distribution| unsafe { below.overlay(kind.dtype, distribution) };
        let is_there = self.allocate_as(handle, &spec, make)?;
        if !is_there {
            table::release(handle);
        }
        Ok(if is_there { handle } else { 0 })
    }

    /// Collective over the group the memory was lent to.
    fn unlend(&self, start: *mut c_void) -> Result<()> {
        let raw = self.lent.lock().expect("no panic holds it").remove(&(start as usize));
        let Some(raw) = raw.and_then(Arc::into_inner) else { refuse!("{start:p} is not from GA_Getmem") };
        Ok(raw.destroy()?)
    }

    /// What the creating calls have in common: null widths are no ghost cells.
    ///
    /// # Safety
    /// `dims` has `ndim` readable numbers, `widths` as many or is null; the name is null or terminated.
    unsafe fn creation<I: Index>(
        &self,
        kind: c_int,
        ndim: c_int,
        dims: *const I,
        widths: *const I,
        name: *const c_char,
        group: c_int,
    ) -> Result<Spec> {
        // SAFETY: the caller's promises.
        unsafe {
            let mut spec = Spec::new(Some(group)).with_data(&self.registered, ndim, dims, kind)?;
            spec.name = text(name);
            if !widths.is_null() {
                spec.set_ghosts(widths)?;
            }
            Ok(spec)
        }
    }

    /// `NGA_Create_config`, `NGA_Create_ghosts_config`.
    ///
    /// # Safety
    /// `chunk` has a readable number for each axis, or is null.
    unsafe fn create_regular<I: Index>(&self, mut spec: Spec, chunk: *const I) -> Result<c_int> {
        // SAFETY: the caller's promise.
        unsafe { spec.set_chunk(chunk)? };
        self.create(&spec)
    }

    /// `NGA_Create_irreg_config`, `NGA_Create_ghosts_irreg_config`.
    ///
    /// # Safety
    /// `nblock` has a readable number for each axis, `map` as many as these say.
    unsafe fn create_irregular<I: Index>(
        &self,
        mut spec: Spec,
        nblock: *const I,
        map: *const I,
    ) -> Result<c_int> {
        // SAFETY: the caller's promise.
        spec.layout = Layout::Irregular(unsafe { spec.starts(map, nblock)? });
        self.create(&spec)
    }
}

plain! {
    NGA_Allocate, GA_Allocate(g_a: c_int) -> c_int = |ga| ga.allocate_handle(g_a);
    NGA_Deallocate, GA_Deallocate(g_a: c_int) -> c_int = |ga| { ga.deallocate(ga.array(g_a)?)?; Ok(1) };
    NGA_Overlay, GA_Overlay(g_a: c_int, g_p: c_int) -> c_int = |ga| ga.overlay(g_a, ga.array(g_p)?);
    NGA_Destroy, GA_Destroy(g_a: c_int) = |ga| ga.destroy(g_a);
    NGA_Duplicate, GA_Duplicate(g_a: c_int, name: *const c_char) -> c_int =
        |ga| ga.create(&ga.as_is(ga.array(g_a)?, text(name))?);
    GA_Assemble_duplicate(g_a: c_int, name: *const c_char, start: *mut c_void) -> c_int =
        |ga| ga.assemble(ga.array(g_a)?, text(name), start);
    GA_Getmem(kind: c_int, count: c_int, group: c_int) -> *mut c_void = |ga| ga.lend(kind, count, group);
    GA_Freemem(start: *mut c_void) = |ga| ga.unlend(start);
}

wide! {
    NGA_Create / NGA_Create64(kind: c_int, ndim: c_int, dims: *const Int, name: *const c_char, chunk: *const Int) -> c_int =
        |ga| ga.create_regular(ga.creation(kind, ndim, dims, null(), name, ga.groups.default())?, chunk);
    NGA_Create_config / NGA_Create_config64(kind: c_int, ndim: c_int, dims: *const Int, name: *const c_char, chunk: *const Int, group: c_int) -> c_int =
        |ga| ga.create_regular(ga.creation(kind, ndim, dims, null(), name, group)?, chunk);
    NGA_Create_ghosts / NGA_Create_ghosts64(kind: c_int, ndim: c_int, dims: *const Int, widths: *const Int, name: *const c_char, chunk: *const Int) -> c_int =
        |ga| ga.create_regular(ga.creation(kind, ndim, dims, widths, name, ga.groups.default())?, chunk);
    NGA_Create_ghosts_config / NGA_Create_ghosts_config64(kind: c_int, ndim: c_int, dims: *const Int, widths: *const Int, name: *const c_char, chunk: *const Int, group: c_int) -> c_int =
        |ga| ga.create_regular(ga.creation(kind, ndim, dims, widths, name, group)?, chunk);
    NGA_Create_irreg / NGA_Create_irreg64(kind: c_int, ndim: c_int, dims: *const Int, name: *const c_char, nblock: *const Int, map: *const Int) -> c_int =
        |ga| ga.create_irregular(ga.creation(kind, ndim, dims, null(), name, ga.groups.default())?, nblock, map);
    NGA_Create_irreg_config / NGA_Create_irreg_config64(kind: c_int, ndim: c_int, dims: *const Int, name: *const c_char, nblock: *const Int, map: *const Int, group: c_int) -> c_int =
        |ga| ga.create_irregular(ga.creation(kind, ndim, dims, null(), name, group)?, nblock, map);
    NGA_Create_ghosts_irreg / NGA_Create_ghosts_irreg64(kind: c_int, ndim: c_int, dims: *const Int, widths: *const Int, name: *const c_char, nblock: *const Int, map: *const Int) -> c_int =
        |ga| ga.create_irregular(ga.creation(kind, ndim, dims, widths, name, ga.groups.default())?, nblock, map);
    NGA_Create_ghosts_irreg_config / NGA_Create_ghosts_irreg_config64(kind: c_int, ndim: c_int, dims: *const Int, widths: *const Int, name: *const c_char, nblock: *const Int, map: *const Int, group: c_int) -> c_int =
        |ga| ga.create_irregular(ga.creation(kind, ndim, dims, widths, name, group)?, nblock, map);
}
