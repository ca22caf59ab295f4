//! Mirrored arrays: one copy per node, and their sums.

use crate::bounds::Bounds;
use crate::fault::refuse;
use crate::groups::MIRROR;
use crate::guard::{plain, wide};
use crate::types::numbers;
use std::ffi::c_int;

plain! {
    NGA_Merge_mirrored, GA_Merge_mirrored(g_a: c_int) = |ga| {
        let array = ga.target(g_a)?;
        if array.group != MIRROR {
            refuse!("the array is not mirrored");
        }
        numbers!(array, |a: T| Ok(a.merge_mirrored(&ga.world)?))
    };
    NGA_Is_mirrored, GA_Is_mirrored(g_a: c_int) -> c_int = |ga| Ok((ga.array(g_a)?.group == MIRROR).into());
}

wide! {
    NGA_Merge_distr_patch / NGA_Merge_distr_patch64(g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        if a.group != MIRROR || b.group == MIRROR {
            refuse!("the first array is to be mirrored, the second is not to be");
        }
        let (from, to) = (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?);
        numbers!(a, |copy: T| match b.raw.typed::<T>() {
            Some(target) => Ok(copy.merge_into(&ga.world, from, target, to)?),
            None => refuse!("arrays of different types"),
        })
    };
}
