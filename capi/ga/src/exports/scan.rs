//! Vectors under a mask: scans, packing, enumeration.
//!
//! Invariant: bounds are of the vector that has the mask's length; a mask has numbers of any type, and what is not 0 there is a mark.

use crate::bounds::{Bounds, Index};
use crate::fault::{Result, refuse};
use crate::guard::{Call, wide};
use crate::operand::{scalar, typed};
use crate::table::Array;
use crate::types::{elements, numbers};
use std::ffi::{c_int, c_void};
use std::ops::Range;

/// The elements that C's bounds name.
fn range<I: Index>(array: &Array, lo: I, hi: I) -> Result<Range<usize>> {
    if array.ndim != 1 || array.item > 0 {
        refuse!("{array} is no vector of numbers");
    }
    // SAFETY: one axis, and one number for each bound.
    let bounds = unsafe { Bounds::read(array, &raw const lo, &raw const hi) }?;
    Ok(bounds.lo()[0]..bounds.hi()[0])
}

/// Source, target and mask of an operation.
fn operands(ga: &Call, source: c_int, target: c_int, mask: c_int) -> Result<[&Array; 3]> {
    Ok([ga.array(source)?, ga.target(target)?, ga.array(mask)?])
}

wide! {
    GA_Scan_copy / GA_Scan_copy64(g_a: c_int, g_b: c_int, g_sbit: c_int, lo: Int, hi: Int) = |ga| {
        let [a, b, mask] = operands(ga, g_a, g_b, g_sbit)?;
        let range = range(mask, lo, hi)?;
        numbers!(mask, |m: M| elements!(b, |b: T| Ok(b.scan_copy_from(typed(a)?, m, range)?)))
    };
    GA_Scan_add / GA_Scan_add64(g_a: c_int, g_b: c_int, g_sbit: c_int, lo: Int, hi: Int, excl: c_int) = |ga| {
        let [a, b, mask] = operands(ga, g_a, g_b, g_sbit)?;
        let range = range(mask, lo, hi)?;
        numbers!(mask, |m: M| numbers!(b, |b: T| Ok(b.scan_add_from(typed(a)?, m, range, excl != 0)?)))
    };
    GA_Pack / GA_Pack64(g_src: c_int, g_dest: c_int, g_mask: c_int, lo: Int, hi: Int, count: *mut Int) = |ga| {
        let [source, target, mask] = operands(ga, g_src, g_dest, g_mask)?;
        let range = range(mask, lo, hi)?;
        let done: Result<usize> = numbers!(mask, |m: M| elements!(target, |t: T| Ok(t.pack_from(typed(source)?, m, range)?)));
        if count.is_null() {
            refuse!("icount is a null pointer");
        }
        count.write(Int::narrow(done? as i64));
        Ok(())
    };
    GA_Unpack / GA_Unpack64(g_src: c_int, g_dest: c_int, g_mask: c_int, lo: Int, hi: Int, count: *mut Int) = |ga| {
        let [source, target, mask] = operands(ga, g_src, g_dest, g_mask)?;
        let range = range(mask, lo, hi)?;
        let done: Result<usize> = numbers!(mask, |m: M| elements!(target, |t: T| Ok(t.unpack_from(typed(source)?, m, range)?)));
        if count.is_null() {
            refuse!("icount is a null pointer");
        }
        count.write(Int::narrow(done? as i64));
        Ok(())
    };
    GA_Patch_enum / GA_Patch_enum64(g_a: c_int, lo: Int, hi: Int, start: *const c_void, step: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        let range = range(array, lo, hi)?;
        numbers!(array, |a: T| Ok(a.enumerate(range, scalar("start", start)?, scalar("inc", step)?)?))
    };
}
