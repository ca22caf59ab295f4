//! Start and end, ranks and nodes, memory, time.
//!
//! Invariant: ranks and nodes are numbered from 0, as in C.

use super::table::fortran;
use crate::exports::start::{Start, debugging, initialize, limit, terminate};
use crate::fault::Result;
use crate::mpi::Comm;
use crate::{random, state};
use common::seconds;
use std::ffi::c_int;

/// Ends the job.
fn error(text: &str, code: c_int) -> Result<()> {
    armci::host::abort(code, &format!("ga_error: {text} ({code})"))
}

fortran! {
    subroutine ga_initialize_, nga_initialize_() bare = initialize(Start::Found, 0);
    subroutine ga_initialize_ltd_, nga_initialize_ltd_(limit: int) bare = initialize(Start::Found, limit.give());
    // A communicator as Fortran has it.
    logical ga_initialize_comm_, nga_initialize_comm_(comm: any) bare = initialize(Start::Of(Comm::from_fortran(comm.read())?), 0).map(|()| true);
    logical ga_initialized_, nga_initialized_() bare = Ok(state::get().is_some());
    subroutine ga_terminate_, nga_terminate_() bare = terminate();
    subroutine ga_error_, nga_error_(string: text, icode: int) bare = error(&string.string(), icode.int());
    double_precision ga_wtime_, nga_wtime_() bare = Ok(seconds());
    double_precision ga_timer_, nga_timer_() bare = Ok(seconds());
    double_precision ga_rand_, nga_rand_(iseed: int) bare = Ok(random::draw(iseed.int()));
    subroutine ga_set_debug_, nga_set_debug_(flag: int) = |ga| { debugging(ga, flag.is_true()); Ok(()) };
    logical ga_get_debug_, nga_get_debug_() => NGA_Get_debug;
    subroutine ga_version_, nga_version_(major: out, minor: out, patch: out) bare = {
        for (to, number) in [(major, 5), (minor, 9), (patch, 2)] {
            to.set(number);
        }
        Ok(())
    };

    integer ga_nnodes_, nga_nnodes_() => NGA_Nnodes;
    integer ga_nodeid_, nga_nodeid_() => NGA_Nodeid;
    integer ga_cluster_nnodes_, nga_cluster_nnodes_() => GA_Cluster_nnodes;
    integer ga_cluster_nodeid_, nga_cluster_nodeid_() => GA_Cluster_nodeid;
    integer ga_cluster_nprocs_, nga_cluster_nprocs_(node: int) => GA_Cluster_nprocs;
    integer ga_cluster_procid_, nga_cluster_procid_(node: int, loc_proc_id: int) => GA_Cluster_procid;
    integer ga_cluster_proc_nodeid_, nga_cluster_proc_nodeid_(proc: int) => GA_Cluster_proc_nodeid;
    subroutine ga_list_nodeid_, nga_list_nodeid_(list: outs, nprocs: int) = |ga| {
        if nprocs.int() > 0 {
            ga.GA_Cluster_proc_nodeid(nprocs.int() - 1)?;
        }
        for rank in 0..nprocs.int().max(0) {
            list.add(rank as usize).write(Fortran::narrow(rank.into()));
        }
        Ok(())
    };

    integer ga_inquire_memory_, nga_inquire_memory_() => NGA_Inquire_memory;
    integer ga_memory_avail_, nga_memory_avail_() => NGA_Memory_avail;
    logical ga_memory_limited_, nga_memory_limited_() => NGA_Memory_limited;
    subroutine ga_set_memory_limit_, nga_set_memory_limit_(mem_limit: int) bare = { limit(mem_limit.give()); Ok(()) };
    // Arrays have memory of their own.
    logical ga_uses_ma_, nga_uses_ma_() bare = Ok(false);
}
