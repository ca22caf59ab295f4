//! Ghost cells.
//!
//! The original has several ways of updating them, which a program may choose from, and calls that prepare for some; all of them are one here, that needs no
//! preparation.
//!
//! Invariant: axes of a direction are numbered from 1.

use super::access::place;
use super::table::fortran;
use std::ffi::c_void;
use std::ptr::null_mut;

fortran! {
    subroutine ga_update_ghosts_, nga_update_ghosts_(g_a: int) => NGA_Update_ghosts;
    subroutine ga_update1_ghosts_, nga_update1_ghosts_(g_a: int) => NGA_Update_ghosts;
    logical ga_update2_ghosts_, nga_update2_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update3_ghosts_, nga_update3_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update4_ghosts_, nga_update4_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update44_ghosts_, nga_update44_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update5_ghosts_, nga_update5_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update55_ghosts_, nga_update55_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update6_ghosts_, nga_update6_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_update7_ghosts_, nga_update7_ghosts_(g_a: int) = |ga| ga.NGA_Update_ghosts(g_a.int()).map(|()| true);
    logical ga_set_ghost_info_, nga_set_ghost_info_(g_a: int) = |ga| ga.array(g_a.int()).map(|_| true);
    logical ga_set_update4_info_, nga_set_update4_info_(g_a: int) = |ga| ga.array(g_a.int()).map(|_| true);
    logical ga_set_update5_info_, nga_set_update5_info_(g_a: int) = |ga| ga.array(g_a.int()).map(|_| true);
    subroutine ga_ghost_barrier_, nga_ghost_barrier_() => NGA_Sync;
    logical nga_update_ghost_dir_(g_a: int, pdim: int, pdir: int, pflag: int) =
        |ga| ga.NGA_Update_ghost_dir(g_a.int(), pdim.int() - 1, pdir.int(), pflag.is_true().into());
    subroutine nga_update_ghosts_nb_(g_a: int, nb: out) = |ga| {
        let mut handle = 0;
        ga.NGA_Update_ghosts_nb(g_a.int(), &raw mut handle)?;
        nb.set(handle);
        Ok(())
    };
    subroutine nga_nbget_ghost_dir_(g_a: int, mask: ints, nbhandle: out) = |ga| {
        let mut handle = 0;
        ga.NGA_NbGet_ghost_dir(g_a.int(), mask, &raw mut handle)?;
        nbhandle.set(handle);
        Ok(())
    };
    subroutine nga_get_ghost_block_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints) => NGA_Get_ghost_block;
    subroutine nga_access_ghosts_(g_a: int, dims: outs, index: any, ld: outs) = |ga| {
        let mut at: *mut c_void = null_mut();
        ga.NGA_Access_ghosts(g_a.int(), dims, &raw mut at, ld)?;
        place(ga.array(g_a.int())?, at, index)
    };
    subroutine nga_access_ghost_element_(g_a: int, index: any, subscript: ints, ld: outs) = |ga| {
        let mut at: *mut c_void = null_mut();
        ga.NGA_Access_ghost_element(g_a.int(), &raw mut at, subscript, ld)?;
        place(ga.array(g_a.int())?, at, index)
    };
    subroutine nga_release_ghosts_(g_a: int) => NGA_Release_ghosts;
    subroutine nga_release_update_ghosts_(g_a: int) => NGA_Release_ghosts;
    subroutine nga_release_ghost_element_(g_a: int, subscript: ints) => NGA_Release_ghost_element;
    subroutine nga_release_update_ghost_element_(g_a: int, subscript: ints) => NGA_Release_ghost_element;
}
