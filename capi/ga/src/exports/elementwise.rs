//! The element-wise family, and the steps of line searches; of whole arrays and of patches.
//!
//! Invariant: patches of one operation have as many elements each, counted in row-major order.

use crate::bounds::{Bounds, Index};
use crate::guard::{plain, wide};
use crate::operand::{scalar, store, typed};
use crate::types::{numbers, reals};
use std::ffi::{c_int, c_void};

/// Operations on two arrays into a third, whole and in patches.
macro_rules! pairs {
    ($($name:ident, $patch:ident / $wide:ident = $method:ident, $method_patch:ident;)*) => {
        plain! { $(
            $name(g_a: c_int, g_b: c_int, g_c: c_int) = |ga| {
                let (a, b, c) = (ga.array(g_a)?, ga.array(g_b)?, ga.target(g_c)?);
                numbers!(c, |c: T| Ok(c.$method(typed(a)?, typed(b)?)?))
            };
        )*}
        wide! {$(
            $patch / $wide(
                g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int,
                g_c: c_int, clo: *const Int, chi: *const Int,
            ) = |ga| {
                let (a, b, c) = (ga.array(g_a)?, ga.array(g_b)?, ga.target(g_c)?);
                let (at_a, at_b) = (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?);
                let at_c = Bounds::read(c, clo, chi)?;
                numbers!(c, |c: T| Ok(c.$method_patch(at_c, (typed(a)?, at_a), (typed(b)?, at_b))?))
            };
        )*}
    };
}

pairs! {
    GA_Elem_multiply, GA_Elem_multiply_patch / GA_Elem_multiply_patch64 = elem_multiply, elem_multiply_patch;
    GA_Elem_divide, GA_Elem_divide_patch / GA_Elem_divide_patch64 = elem_divide, elem_divide_patch;
    GA_Elem_maximum, GA_Elem_maximum_patch / GA_Elem_maximum_patch64 = elem_maximum, elem_maximum_patch;
    GA_Elem_minimum, GA_Elem_minimum_patch / GA_Elem_minimum_patch64 = elem_minimum, elem_minimum_patch;
}

plain! {
    GA_Abs_value(g_a: c_int) = |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.abs_value()?));
    GA_Add_constant(g_a: c_int, alpha: *const c_void) =
        |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.add_constant(scalar("alpha", alpha)?)?));
    GA_Recip(g_a: c_int) = |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.recip()?));
    GA_Median(g_a: c_int, g_b: c_int, g_c: c_int, g_m: c_int) = |ga| {
        let (a, b, c, m) = (ga.array(g_a)?, ga.array(g_b)?, ga.array(g_c)?, ga.target(g_m)?);
        numbers!(m, |m: T| Ok(m.elem_median(typed(a)?, typed(b)?, typed(c)?)?))
    };
    GA_Step_max(g_a: c_int, g_b: c_int, step: *mut c_void) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.array(g_b)?);
        reals!(a, |a: T| store("step", step, a.step_max(typed(b)?)?))
    };
    GA_Step_bound_info(
        g_x: c_int, g_v: c_int, g_low: c_int, g_high: c_int,
        least: *mut c_void, wolfe: *mut c_void, most: *mut c_void,
    ) = |ga| {
        let (x, v, low, high) = (ga.array(g_x)?, ga.array(g_v)?, ga.array(g_low)?, ga.array(g_high)?);
        reals!(x, |x: T| {
            let found = x.step_bound_info(typed(v)?, typed(low)?, typed(high)?)?;
            store("boundmin", least, found.bound_min)?;
            store("wolfemin", wolfe, found.wolfe_min)?;
            store("boundmax", most, found.bound_max)
        })
    };
}

wide! {
    GA_Abs_value_patch / GA_Abs_value_patch64(g_a: c_int, lo: *const Int, hi: *const Int) = |ga| {
        let array = ga.target(g_a)?;
        let at = Bounds::read(array, lo, hi)?;
        numbers!(array, |a: T| Ok(a.abs_value_patch(at)?))
    };
    GA_Add_constant_patch / GA_Add_constant_patch64(
        g_a: c_int, lo: *const Int, hi: *const Int, alpha: *const c_void,
    ) = |ga| {
        let array = ga.target(g_a)?;
        let at = Bounds::read(array, lo, hi)?;
        numbers!(array, |a: T| Ok(a.add_constant_patch(at, scalar("alpha", alpha)?)?))
    };
    GA_Recip_patch / GA_Recip_patch64(g_a: c_int, lo: *const Int, hi: *const Int) = |ga| {
        let array = ga.target(g_a)?;
        let at = Bounds::read(array, lo, hi)?;
        numbers!(array, |a: T| Ok(a.recip_patch(at)?))
    };
    GA_Median_patch / GA_Median_patch64(
        g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int,
        g_c: c_int, clo: *const Int, chi: *const Int, g_m: c_int, mlo: *const Int, mhi: *const Int,
    ) = |ga| {
        let (a, b, c, m) = (ga.array(g_a)?, ga.array(g_b)?, ga.array(g_c)?, ga.target(g_m)?);
        let (at_a, at_b) = (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?);
        let (at_c, at_m) = (Bounds::read(c, clo, chi)?, Bounds::read(m, mlo, mhi)?);
        numbers!(m, |m: T| Ok(m.elem_median_patch(at_m, (typed(a)?, at_a), (typed(b)?, at_b), (typed(c)?, at_c))?))
    };
    GA_Step_max_patch / GA_Step_max_patch64(
        g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int, step: *mut c_void,
    ) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.array(g_b)?);
        let (at_a, at_b) = (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?);
        reals!(a, |a: T| store("step", step, a.step_max_patch(at_a, typed(b)?, at_b)?))
    };
}

/// The bound search of patches; the upper bounds' handle is as wide as the indices.
macro_rules! bounds_of_patches {
    ($name:ident / $wide:ident) => { wide! {
        $name / $wide(
            g_x: c_int, xlo: *const Int, xhi: *const Int, g_v: c_int, vlo: *const Int, vhi: *const Int,
            g_low: c_int, lowlo: *const Int, lowhi: *const Int, g_high: Int, highlo: *const Int, highhi: *const Int,
            least: *mut c_void, wolfe: *mut c_void, most: *mut c_void,
        ) = |ga| {
            let (x, v, low) = (ga.array(g_x)?, ga.array(g_v)?, ga.array(g_low)?);
            let high = ga.array(c_int::narrow(g_high.wide()))?;
            let (at, at_v) = (Bounds::read(x, xlo, xhi)?, Bounds::read(v, vlo, vhi)?);
            let (at_low, at_high) = (Bounds::read(low, lowlo, lowhi)?, Bounds::read(high, highlo, highhi)?);
            reals!(x, |x: T| {
                let others = ((typed(v)?, at_v), (typed(low)?, at_low), (typed(high)?, at_high));
                let found = x.step_bound_info_patch(at, others.0, others.1, others.2)?;
                store("boundmin", least, found.bound_min)?;
                store("wolfemin", wolfe, found.wolfe_min)?;
                store("boundmax", most, found.bound_max)
            })
        };
    } };
}

bounds_of_patches! { GA_Step_bound_info_patch / GA_Step_bound_info_patch64 }
