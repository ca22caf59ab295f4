//! Algebra of patches: fill, zero, scale, add, copy, dot products.
//!
//! Invariant: patches of one operation have as many elements each, counted in row-major order.

use crate::bounds::Bounds;
use crate::fault::refuse;
use crate::guard::wide;
use crate::operand::{is_transposed, scalar, typed};
use crate::types::{elements, numbers};
use rma::{Complex32, Complex64};
use std::ffi::{c_char, c_int, c_void};

/// The dot product of two patches, each of them possibly transposed.
macro_rules! dot_patches {
    ($($name:ident / $wide:ident -> $ret:ty;)*) => { wide! {$(
        $name / $wide(
            g_a: c_int, ta: c_char, alo: *const Int, ahi: *const Int,
            g_b: c_int, tb: c_char, blo: *const Int, bhi: *const Int,
        ) -> $ret = |ga| {
            let (a, b) = (ga.array(g_a)?, ga.array(g_b)?);
            let (at, other) = (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?);
            Ok(typed(a)?.dot_patch(at, is_transposed(ta)?, typed(b)?, other, is_transposed(tb)?)?)
        };
    )*} };
}

dot_patches! {
    NGA_Idot_patch / NGA_Idot_patch64 -> c_int;
    NGA_Ldot_patch / NGA_Ldot_patch64 -> i64;
    NGA_Lldot_patch / NGA_Lldot_patch64 -> i64;
    NGA_Fdot_patch / NGA_Fdot_patch64 -> f32;
    NGA_Ddot_patch / NGA_Ddot_patch64 -> f64;
    NGA_Cdot_patch / NGA_Cdot_patch64 -> Complex32;
    NGA_Zdot_patch / NGA_Zdot_patch64 -> Complex64;
}

wide! {
    NGA_Zero_patch / NGA_Zero_patch64(g_a: c_int, lo: *const Int, hi: *const Int) = |ga| {
        let array = ga.target(g_a)?;
        let at = Bounds::read(array, lo, hi)?;
        elements!(array, |a: T| Ok(a.zero_patch(at)?))
    };
    NGA_Fill_patch / NGA_Fill_patch64(g_a: c_int, lo: *const Int, hi: *const Int, value: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        let at = Bounds::read(array, lo, hi)?;
        numbers!(array, |a: T| Ok(a.fill_patch(at, scalar("val", value)?)?))
    };
    NGA_Scale_patch / NGA_Scale_patch64(g_a: c_int, lo: *const Int, hi: *const Int, factor: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        let at = Bounds::read(array, lo, hi)?;
        numbers!(array, |a: T| Ok(a.scale_patch(at, scalar("alpha", factor)?)?))
    };
    NGA_Add_patch / NGA_Add_patch64(
        alpha: *const c_void, g_a: c_int, alo: *const Int, ahi: *const Int,
        beta: *const c_void, g_b: c_int, blo: *const Int, bhi: *const Int,
        g_c: c_int, clo: *const Int, chi: *const Int,
    ) = |ga| {
        let (a, b, c) = (ga.array(g_a)?, ga.array(g_b)?, ga.target(g_c)?);
        let at_a = Bounds::read(a, alo, ahi)?;
        let at_b = Bounds::read(b, blo, bhi)?;
        let at_c = Bounds::read(c, clo, chi)?;
        numbers!(c, |c: T| {
            let (alpha, beta) = (scalar("alpha", alpha)?, scalar("beta", beta)?);
            Ok(c.add_patch(at_c, alpha, (typed(a)?, at_a), beta, (typed(b)?, at_b))?)
        })
    };
    NGA_Copy_patch / NGA_Copy_patch64(
        trans: c_char, g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int,
    ) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        let (from, to) = (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?);
        let is_transposed = is_transposed(trans)?;
        if is_transposed && a.item > 0 {
            refuse!("elements of a registered type are not transposed");
        }
        elements!(b, |b: T| Ok(b.copy_patch_from(to, typed(a)?, from, is_transposed)?))
    };
}
