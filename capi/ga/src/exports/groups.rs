//! Processor groups, and their communicators of MPI.

use crate::groups::{MIRROR, WORLD};
use crate::guard::plain;
use std::ffi::c_int;

plain! {
    NGA_Pgroup_create, GA_Pgroup_create(list: *const c_int, count: c_int) -> c_int = |ga| match count {
        1.. if !list.is_null() => ga.groups.create(std::slice::from_raw_parts(list, count as usize)),
        _ => ga.groups.create(&[]),
    };
    NGA_Pgroup_destroy, GA_Pgroup_destroy(group: c_int) -> c_int = |ga| { ga.groups.destroy(group)?; Ok(1) };
    NGA_Pgroup_duplicate, GA_Pgroup_duplicate(group: c_int) -> c_int = |ga| ga.groups.found(ga.groups.members(group)?);
    NGA_Pgroup_self, GA_Pgroup_self() -> c_int =
        |ga| ga.groups.alone();
    NGA_Pgroup_split, GA_Pgroup_split(group: c_int, parts: c_int) -> c_int = |ga| ga.groups.divide(group, parts);
    NGA_Pgroup_split_irreg, GA_Pgroup_split_irreg(group: c_int, color: c_int) -> c_int = |ga| ga.groups.split(group, color);
    NGA_Pgroup_get_default, GA_Pgroup_get_default() -> c_int = |ga| Ok(ga.groups.default());
    NGA_Pgroup_get_mirror, GA_Pgroup_get_mirror() -> c_int = |_ga| Ok(MIRROR);
    NGA_Pgroup_get_world, GA_Pgroup_get_world() -> c_int = |_ga| Ok(WORLD);
    NGA_Pgroup_set_default, GA_Pgroup_set_default(group: c_int) = |ga| ga.groups.set_default(group);
    NGA_Pgroup_nnodes, GA_Pgroup_nnodes, NGA_Get_pgroup_size, GA_Get_pgroup_size(group: c_int) -> c_int =
        |ga| Ok(ga.groups.size(group)? as c_int);
    NGA_Pgroup_nodeid, GA_Pgroup_nodeid(group: c_int) -> c_int = |ga| ga.groups.rank(group);
    NGA_Pgroup_absolute_id, GA_Pgroup_absolute_id(group: c_int, rank: c_int) -> c_int = |ga| ga.groups.absolute(group, rank);
    NGA_Nodeid, GA_Nodeid() -> c_int = |ga| ga.groups.rank(ga.groups.default());
    NGA_Nnodes, GA_Nnodes() -> c_int = |ga| Ok(ga.groups.size(ga.groups.default())? as c_int);
    NGA_Get_pgroup, GA_Get_pgroup(g_a: c_int) -> c_int = |ga| Ok(ga.array(g_a)?.group);

    GA_MPI_Comm() -> usize = |ga| Ok(ga.groups.comm(WORLD)?.0);
    GA_MPI_Comm_pgroup(group: c_int) -> usize = |ga| Ok(ga.groups.comm(group)?.0);
    GA_MPI_Comm_pgroup_default() -> usize = |ga| Ok(ga.groups.comm(ga.groups.default())?.0);
}
