//! What an array is going to be: `GA_Create_handle`, `GA_Set_*`.

use crate::fault::{Result, refuse};
use crate::guard::{plain, wide};
use crate::specs::{Layout, Spec};
use crate::state::State;
use crate::table;
use common::text;
use std::ffi::{c_char, c_int};

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

plain! {
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
        |ga| ga.describe(g_a, |spec| { *spec = spec.clone().with_data(&ga.registered, ndim, dims, kind)?; Ok(()) });
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
