//! Memory of arrays, by an index into an array in a COMMON block of MA's: element `dbl_mb(index)` is the first one.
//!
//! Invariant: an index has 8 bytes, however long INTEGERs are. Indices of blocks, and of places in a grid of blocks, count from 0, those of elements from 1.

use super::pass::Any;
use super::table::fortran;
use crate::fault::{Result, refuse};
use crate::ma::{self, Common};
use crate::table::Array;
use crate::types::{C_DBL, C_DCPL, C_FLOAT, C_INT, C_LONG, C_LONGLONG, C_SCPL};
use std::ffi::{c_long, c_void};
use std::ptr::null_mut;

/// Tells the program where an element is.
///
/// # Safety
/// There is a place for the index.
pub(super) unsafe fn place(array: &Array, at: *mut c_void, index: Any) -> Result<()> {
    let common = match array.kind {
        C_INT | C_LONG | C_LONGLONG => Common::Int,
        C_FLOAT => Common::Real,
        C_DBL => Common::Double,
        C_SCPL => Common::Complex,
        C_DCPL => Common::DoubleComplex,
        _ => Common::Byte,
    };
    let (base, size) = (ma::base(common), array.size() as isize);
    let distance = at as isize - base as isize;
    if !at.is_null() && distance % size != 0 {
        refuse!(
            "its memory at {at:p} is no whole number of elements away from the COMMON block at {base:#x}"
        );
    }
    // SAFETY: the caller's promise.
    unsafe { index.at::<c_long>().write((distance / size + 1) as c_long) };
    Ok(())
}

fortran! {
    // Beside the index there is one leading dimension.
    subroutine ga_access_(g_a: int, patch: patch, index: any, ld: out) = |ga| {
        let (mut at, mut rows): (*mut c_void, _) = (null_mut(), [Fortran(0); AXES]);
        let array = ga.array(g_a.int())?;
        ga.NGA_Access(g_a.int(), patch.lo(), patch.hi(), &raw mut at, rows.as_mut_ptr())?;
        place(array, at, index)?;
        ld.set(if array.ndim == 1 { array.shape()[0] as i64 } else { rows[0].wide() });
        Ok(())
    };
    subroutine nga_access_(g_a: int, lo: ints, hi: ints, index: any, ld: outs) = |ga| {
        let mut at: *mut c_void = null_mut();
        ga.NGA_Access(g_a.int(), lo, hi, &raw mut at, ld)?;
        place(ga.array(g_a.int())?, at, index)
    };
    subroutine nga_access_block_(g_a: int, idx: int, index: any, ld: outs) = |ga| {
        let mut at: *mut c_void = null_mut();
        ga.NGA_Access_block(g_a.int(), idx.index(), &raw mut at, ld)?;
        place(ga.array(g_a.int())?, at, index)
    };
    subroutine nga_access_block_grid_(g_a: int, subscript: ints, index: any, ld: outs) = |ga| {
        let mut at: *mut c_void = null_mut();
        ga.NGA_Access_block_grid(g_a.int(), subscript, &raw mut at, ld)?;
        place(ga.array(g_a.int())?, at, index)
    };
    subroutine nga_access_block_segment_(g_a: int, proc: int, index: any, len: out) = |ga| {
        let mut at: *mut c_void = null_mut();
        ga.NGA_Access_block_segment(g_a.int(), proc.int(), &raw mut at, len.give())?;
        place(ga.array(g_a.int())?, at, index)
    };
    subroutine ga_release_(g_a: int, patch: patch) => NGA_Release;
    subroutine nga_release_(g_a: int, lo: ints, hi: ints) => NGA_Release;
    subroutine ga_release_update_(g_a: int, patch: patch) => NGA_Release;
    subroutine nga_release_update_(g_a: int, lo: ints, hi: ints) => NGA_Release;
    subroutine nga_release_block_(g_a: int, iblock: int) => NGA_Release_block;
    subroutine nga_release_update_block_(g_a: int, iblock: int) => NGA_Release_block;
    subroutine nga_release_block_segment_(g_a: int, iproc: int) => NGA_Release_block;
    subroutine nga_release_update_block_segment_(g_a: int, iproc: int) => NGA_Release_block;
    subroutine nga_release_block_grid_(g_a: int, index: ints) = |ga| ga.array(g_a.int()).map(|_| ());
    subroutine nga_release_update_block_grid_(g_a: int, index: ints) = |ga| ga.array(g_a.int()).map(|_| ());
}
