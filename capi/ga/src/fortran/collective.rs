//! Broadcasts, reductions, synchronisation, mutexes, groups, MPI's communicators.
//!
//! Invariant: the number of a message that old programs give first (`type`) says nothing here: calls are matched by their order.

use super::pass::{Any, Number, Text};
use super::table::fortran;
use crate::fault::Result;
use crate::guard::Call;
use crate::types::{C_DBL, C_DCPL, C_FLOAT, C_SCPL};
use common::fortran::Integer;
use std::ffi::c_int;

/// Combines everybody's numbers, in the default group or in another.
///
/// # Safety
/// So many numbers of that type.
unsafe fn combine<I: Integer>(
    ga: &Call,
    group: Option<Number<I>>,
    kind: c_int,
    x: Any,
    n: Number<I>,
    op: &Text,
) -> Result<()> {
    let group = group.map_or(ga.groups.default(), Number::int);
    // SAFETY: the caller's promise.
    unsafe {
        crate::exports::collective::reduce(
            &ga.groups.team(group)?,
            kind,
            x.0,
            n.int(),
            super::pass::Give::give(op),
        )
    }
}

fortran! {
    subroutine ga_brdcst_, nga_brdcst_(tag: int, buf: any, len: int, originator: int) = |ga| ga.GA_Brdcst(buf.give(), len.int(), originator.int());
    subroutine ga_pgroup_brdcst_(grp_id: int, tag: int, buf: any, len: int, originator: int) = |ga| ga.GA_Pgroup_brdcst(grp_id.int(), buf.give(), len.int(), originator.int());
    subroutine ga_gop_, nga_gop_(kind: int, x: any, n: int, op: text) = |ga| ga.GA_Gop(kind.kind(), x.give(), n.int(), op.give());
    subroutine ga_igop_, nga_igop_(tag: int, x: any, n: int, op: text) = |ga| combine(ga, None, n.integer(), x, n, &op);
    subroutine ga_sgop_, nga_sgop_(tag: int, x: any, n: int, op: text) = |ga| combine(ga, None, C_FLOAT, x, n, &op);
    subroutine ga_dgop_, nga_dgop_(tag: int, x: any, n: int, op: text) = |ga| combine(ga, None, C_DBL, x, n, &op);
    subroutine ga_cgop_, nga_cgop_(tag: int, x: any, n: int, op: text) = |ga| combine(ga, None, C_SCPL, x, n, &op);
    subroutine ga_zgop_, nga_zgop_(tag: int, x: any, n: int, op: text) = |ga| combine(ga, None, C_DCPL, x, n, &op);
    subroutine ga_pgroup_gop_, nga_pgroup_gop_(grp: int, kind: int, x: any, n: int, op: text) =
        |ga| combine(ga, Some(grp), crate::types::kind(&ga.registered, kind.kind())?.number, x, n, &op);
    subroutine ga_pgroup_igop_, nga_pgroup_igop_(grp: int, tag: int, x: any, n: int, op: text) = |ga| combine(ga, Some(grp), n.integer(), x, n, &op);
    subroutine ga_pgroup_sgop_, nga_pgroup_sgop_(grp: int, tag: int, x: any, n: int, op: text) = |ga| combine(ga, Some(grp), C_FLOAT, x, n, &op);
    subroutine ga_pgroup_dgop_, nga_pgroup_dgop_(grp: int, tag: int, x: any, n: int, op: text) = |ga| combine(ga, Some(grp), C_DBL, x, n, &op);
    subroutine ga_pgroup_cgop_, nga_pgroup_cgop_(grp: int, tag: int, x: any, n: int, op: text) = |ga| combine(ga, Some(grp), C_SCPL, x, n, &op);
    subroutine ga_pgroup_zgop_, nga_pgroup_zgop_(grp: int, tag: int, x: any, n: int, op: text) = |ga| combine(ga, Some(grp), C_DCPL, x, n, &op);

    subroutine ga_sync_, nga_sync_() => NGA_Sync;
    subroutine ga_msg_sync_, nga_msg_sync_() => NGA_Sync;
    subroutine ga_pgroup_sync_, nga_pgroup_sync_(grp_id: int) => NGA_Pgroup_sync;
    subroutine ga_mask_sync_, nga_mask_sync_(begin: int, end: int) => NGA_Mask_sync;
    subroutine ga_init_fence_, nga_init_fence_() => NGA_Init_fence;
    subroutine ga_fence_, nga_fence_() => NGA_Fence;
    logical ga_create_mutexes_, nga_create_mutexes_(num: int) => GA_Create_mutexes;
    logical ga_destroy_mutexes_, nga_destroy_mutexes_() => NGA_Destroy_mutexes;
    subroutine ga_lock_, nga_lock_(mutex: int) => NGA_Lock;
    subroutine ga_unlock_, nga_unlock_(mutex: int) => NGA_Unlock;

    integer ga_pgroup_create_, nga_pgroup_create_(list: ints, count: int) = |ga| {
        let list: Vec<c_int> = (0..count.int().max(0) as usize).map(|place| Number(list.add(place).read().0).int()).collect();
        ga.NGA_Pgroup_create(list.as_ptr(), list.len() as c_int)
    };
    logical ga_pgroup_destroy_, nga_pgroup_destroy_(grp: int) => NGA_Pgroup_destroy;
    integer ga_pgroup_duplicate_, nga_pgroup_duplicate_(grp: int) => NGA_Pgroup_duplicate;
    integer ga_pgroup_self_, nga_pgroup_self_() => NGA_Pgroup_self;
    integer ga_pgroup_split_, nga_pgroup_split_(grp: int, grp_num: int) => NGA_Pgroup_split;
    integer ga_pgroup_split_irreg_, nga_pgroup_split_irreg_(grp: int, mycolor: int) => NGA_Pgroup_split_irreg;
    integer ga_pgroup_get_default_, nga_pgroup_get_default_() => NGA_Pgroup_get_default;
    integer ga_pgroup_get_mirror_, nga_pgroup_get_mirror_() => NGA_Pgroup_get_mirror;
    integer ga_pgroup_get_world_, nga_pgroup_get_world_() => NGA_Pgroup_get_world;
    subroutine ga_pgroup_set_default_, nga_pgroup_set_default_(grp: int) => NGA_Pgroup_set_default;
    integer ga_pgroup_nnodes_, nga_pgroup_nnodes_(grp: int) => NGA_Pgroup_nnodes;
    integer ga_get_pgroup_size_, nga_get_pgroup_size_(grp_id: int) => NGA_Pgroup_nnodes;
    integer ga_pgroup_nodeid_, nga_pgroup_nodeid_(grp: int) => NGA_Pgroup_nodeid;
    integer ga_pgroup_absolute_id_, nga_pgroup_absolute_id_(grp: int, pid: int) => NGA_Pgroup_absolute_id;
    integer ga_get_pgroup_, nga_get_pgroup_(g_a: int) => NGA_Get_pgroup;

    subroutine ga_mpi_comm_(fcomm: out) = |ga| { fcomm.set(ga.groups.comm(crate::groups::WORLD)?.to_fortran()?.into()); Ok(()) };
    subroutine ga_mpi_comm_pgroup_(fcomm: out, pgroup: int) = |ga| { fcomm.set(ga.groups.comm(pgroup.int())?.to_fortran()?.into()); Ok(()) };
    subroutine ga_mpi_comm_pgroup_default_(fcomm: out) = |ga| { fcomm.set(ga.groups.comm(ga.groups.default())?.to_fortran()?.into()); Ok(()) };
}
