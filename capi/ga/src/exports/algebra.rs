//! Algebra of whole arrays: fill, zero, scale, add, copy, dot products, transposition.
//!
//! Invariant: arrays of one operation have one element type; everything else is for `ga-core` to refuse.

use crate::guard::plain;
use crate::operand::{scalar, typed};
use crate::types::{elements, numbers};
use rma::{Complex32, Complex64};
use std::ffi::{c_int, c_void};

plain! {
    NGA_Zero, GA_Zero(g_a: c_int) = |ga| elements!(ga.target(g_a)?, |a: T| Ok(a.zero()?));
    NGA_Fill, GA_Fill(g_a: c_int, value: *const c_void) =
        |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.fill(scalar("value", value)?)?));
    GA_Scale(g_a: c_int, factor: *const c_void) =
        |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.scale(scalar("value", factor)?)?));
    GA_Add(alpha: *const c_void, g_a: c_int, beta: *const c_void, g_b: c_int, g_c: c_int) = |ga| {
        let (a, b, c) = (ga.array(g_a)?, ga.array(g_b)?, ga.target(g_c)?);
        numbers!(c, |c: T| Ok(c.add(scalar("alpha", alpha)?, typed(a)?, scalar("beta", beta)?, typed(b)?)?))
    };
    GA_Copy(g_a: c_int, g_b: c_int) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        elements!(b, |b: T| Ok(b.copy_from(typed(a)?)?))
    };
    GA_Transpose(g_a: c_int, g_b: c_int) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.target(g_b)?);
        numbers!(b, |b: T| Ok(b.transpose_from(typed(a)?)?))
    };
    GA_Idot(g_a: c_int, g_b: c_int) -> c_int =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
    GA_Ldot(g_a: c_int, g_b: c_int) -> i64 =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
    GA_Lldot(g_a: c_int, g_b: c_int) -> i64 =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
    GA_Fdot(g_a: c_int, g_b: c_int) -> f32 =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
    GA_Ddot(g_a: c_int, g_b: c_int) -> f64 =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
    GA_Cdot(g_a: c_int, g_b: c_int) -> Complex32 =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
    GA_Zdot(g_a: c_int, g_b: c_int) -> Complex64 =
        |ga| Ok(typed(ga.array(g_a)?)?.dot(typed(ga.array(g_b)?)?)?);
}
