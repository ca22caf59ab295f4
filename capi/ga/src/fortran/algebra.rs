//! Whole arrays and patches, element by element.
//!
//! A letter in a name says of which type the numbers are: `i` INTEGER, `s` REAL, `d` DOUBLE PRECISION, `c` COMPLEX, `z` DOUBLE COMPLEX.
//!
//! Invariant: patches of one operation have as many elements each, counted in Fortran's order.

use super::pass::Number;
use super::table::fortran;
use crate::bounds::{Bounds, Fortran};
use crate::fault::Result;
use crate::guard::Call;
use crate::operand::typed;
use crate::types::reals;
use common::fortran::Integer;
use rma::DType;
use std::ffi::{c_char, c_int};

/// The dot product of arrays of integers, of whatever size.
fn idot(ga: &Call, g_a: c_int, g_b: c_int) -> Result<i64> {
    let is_long = ga.array(g_a)?.raw.dtype() == DType::I64;
    // SAFETY: handles are no pointers.
    unsafe { if is_long { ga.GA_Ldot(g_a, g_b) } else { ga.GA_Idot(g_a, g_b).map(i64::from) } }
}

/// The same of patches.
///
/// # Safety
/// Bounds have a readable number for each axis.
unsafe fn idot_patch<I: Integer>(
    ga: &Call,
    (g_a, t_a, alo, ahi): (c_int, c_char, *const Fortran<I>, *const Fortran<I>),
    (g_b, t_b, blo, bhi): (c_int, c_char, *const Fortran<I>, *const Fortran<I>),
) -> Result<i64> {
    // SAFETY: the caller's promise.
    unsafe {
        match ga.array(g_a)?.raw.dtype() {
            DType::I64 => ga.NGA_Ldot_patch(g_a, t_a, alo, ahi, g_b, t_b, blo, bhi),
            _ => ga.NGA_Idot_patch(g_a, t_a, alo, ahi, g_b, t_b, blo, bhi).map(i64::from),
        }
    }
}

/// Quotients of which none is an error; which of two rules there are for zeros.
///
/// # Safety
/// Bounds have a readable number for each axis.
unsafe fn step_quotients<I: Integer>(
    ga: &Call,
    is_bound: bool,
    (g_a, alo, ahi): (Number<I>, *const Fortran<I>, *const Fortran<I>),
    (g_b, blo, bhi): (Number<I>, *const Fortran<I>, *const Fortran<I>),
    (g_c, clo, chi): (Number<I>, *const Fortran<I>, *const Fortran<I>),
) -> Result<()> {
    let (a, b, c) = (ga.array(g_a.int())?, ga.array(g_b.int())?, ga.target(g_c.int())?);
    // SAFETY: the caller's promise.
    let (at_a, at_b, at_c) =
        unsafe { (Bounds::read(a, alo, ahi)?, Bounds::read(b, blo, bhi)?, Bounds::read(c, clo, chi)?) };
    reals!(c, |c: T| match is_bound {
        false => Ok(c.step_quotients(at_c, (typed(a)?, at_a), (typed(b)?, at_b))?),
        true => Ok(c.bound_quotients(at_c, (typed(a)?, at_a), (typed(b)?, at_b))?),
    })
}

fortran! {
    subroutine ga_zero_, nga_zero_(g_a: int) => NGA_Zero;
    subroutine ga_fill_, nga_fill_(g_a: int, val: any) => NGA_Fill;
    subroutine ga_copy_, nga_copy_(g_a: int, g_b: int) => GA_Copy;
    subroutine ga_scale_, nga_scale_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_iscale_, nga_iscale_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_iscal_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_sscale_, nga_sscale_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_sscal_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_dscale_, nga_dscale_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_dscal_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_cscale_, nga_cscale_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_cscal_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_zscale_, nga_zscale_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_zscal_(g_a: int, alpha: any) => GA_Scale;
    subroutine ga_add_, nga_add_(alpha: any, g_a: int, beta: any, g_b: int, g_c: int) => GA_Add;
    subroutine ga_iadd_, nga_iadd_(alpha: any, g_a: int, beta: any, g_b: int, g_c: int) => GA_Add;
    subroutine ga_sadd_, nga_sadd_(alpha: any, g_a: int, beta: any, g_b: int, g_c: int) => GA_Add;
    subroutine ga_dadd_, nga_dadd_(alpha: any, g_a: int, beta: any, g_b: int, g_c: int) => GA_Add;
    subroutine ga_cadd_, nga_cadd_(alpha: any, g_a: int, beta: any, g_b: int, g_c: int) => GA_Add;
    subroutine ga_zadd_, nga_zadd_(alpha: any, g_a: int, beta: any, g_b: int, g_c: int) => GA_Add;

    subroutine ga_zero_patch_(g_a: int, at: patch) => NGA_Zero_patch;
    subroutine nga_zero_patch_(g_a: int, lo: ints, hi: ints) => NGA_Zero_patch;
    subroutine ga_fill_patch_(g_a: int, at: patch, val: any) => NGA_Fill_patch;
    subroutine nga_fill_patch_(g_a: int, lo: ints, hi: ints, val: any) => NGA_Fill_patch;
    subroutine ga_ifill_patch_(g_a: int, at: patch, val: any) => NGA_Fill_patch;
    subroutine nga_ifill_patch_(g_a: int, lo: ints, hi: ints, val: any) => NGA_Fill_patch;
    subroutine ga_sfill_patch_(g_a: int, at: patch, val: any) => NGA_Fill_patch;
    subroutine nga_sfill_patch_(g_a: int, lo: ints, hi: ints, val: any) => NGA_Fill_patch;
    subroutine ga_dfill_patch_(g_a: int, at: patch, val: any) => NGA_Fill_patch;
    subroutine nga_dfill_patch_(g_a: int, lo: ints, hi: ints, val: any) => NGA_Fill_patch;
    subroutine ga_cfill_patch_(g_a: int, at: patch, val: any) => NGA_Fill_patch;
    subroutine nga_cfill_patch_(g_a: int, lo: ints, hi: ints, val: any) => NGA_Fill_patch;
    subroutine ga_zfill_patch_(g_a: int, at: patch, val: any) => NGA_Fill_patch;
    subroutine nga_zfill_patch_(g_a: int, lo: ints, hi: ints, val: any) => NGA_Fill_patch;
    subroutine ga_scale_patch_(g_a: int, at: patch, alpha: any) => NGA_Scale_patch;
    subroutine nga_scale_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => NGA_Scale_patch;
    subroutine ga_iscal_patch_(g_a: int, at: patch, alpha: any) => NGA_Scale_patch;
    subroutine nga_iscale_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => NGA_Scale_patch;
    subroutine ga_sscal_patch_(g_a: int, at: patch, alpha: any) => NGA_Scale_patch;
    subroutine nga_sscale_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => NGA_Scale_patch;
    subroutine ga_dscal_patch_(g_a: int, at: patch, alpha: any) => NGA_Scale_patch;
    subroutine nga_dscale_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => NGA_Scale_patch;
    subroutine ga_cscal_patch_(g_a: int, at: patch, alpha: any) => NGA_Scale_patch;
    subroutine nga_cscale_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => NGA_Scale_patch;
    subroutine ga_zscal_patch_(g_a: int, at: patch, alpha: any) => NGA_Scale_patch;
    subroutine nga_zscale_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => NGA_Scale_patch;
    subroutine ga_add_patch_(alpha: any, g_a: int, a: patch, beta: any, g_b: int, b: patch, g_c: int, c: patch) => NGA_Add_patch;
    subroutine nga_add_patch_(alpha: any, g_a: int, alo: ints, ahi: ints, beta: any, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => NGA_Add_patch;
    subroutine ga_iadd_patch_(alpha: any, g_a: int, a: patch, beta: any, g_b: int, b: patch, g_c: int, c: patch) => NGA_Add_patch;
    subroutine nga_iadd_patch_(alpha: any, g_a: int, alo: ints, ahi: ints, beta: any, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => NGA_Add_patch;
    subroutine ga_sadd_patch_(alpha: any, g_a: int, a: patch, beta: any, g_b: int, b: patch, g_c: int, c: patch) => NGA_Add_patch;
    subroutine nga_sadd_patch_(alpha: any, g_a: int, alo: ints, ahi: ints, beta: any, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => NGA_Add_patch;
    subroutine ga_dadd_patch_(alpha: any, g_a: int, a: patch, beta: any, g_b: int, b: patch, g_c: int, c: patch) => NGA_Add_patch;
    subroutine nga_dadd_patch_(alpha: any, g_a: int, alo: ints, ahi: ints, beta: any, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => NGA_Add_patch;
    subroutine ga_cadd_patch_(alpha: any, g_a: int, a: patch, beta: any, g_b: int, b: patch, g_c: int, c: patch) => NGA_Add_patch;
    subroutine nga_cadd_patch_(alpha: any, g_a: int, alo: ints, ahi: ints, beta: any, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => NGA_Add_patch;
    subroutine ga_zadd_patch_(alpha: any, g_a: int, a: patch, beta: any, g_b: int, b: patch, g_c: int, c: patch) => NGA_Add_patch;
    subroutine nga_zadd_patch_(alpha: any, g_a: int, alo: ints, ahi: ints, beta: any, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => NGA_Add_patch;
    subroutine ga_copy_patch_(trans: text, g_a: int, a: patch, g_b: int, b: patch) => NGA_Copy_patch;
    subroutine ga_copy_patch_dp_(trans: text, g_a: int, a: patch, g_b: int, b: patch) => NGA_Copy_patch;
    subroutine nga_copy_patch_(trans: text, g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints) => NGA_Copy_patch;

    real ga_sdot_, nga_sdot_(g_a: int, g_b: int) => GA_Fdot;
    double_precision ga_ddot_, nga_ddot_(g_a: int, g_b: int) => GA_Ddot;
    complex ga_cdot_, nga_cdot_(g_a: int, g_b: int) => GA_Cdot;
    double_complex ga_zdot_, nga_zdot_(g_a: int, g_b: int) => GA_Zdot;
    integer ga_idot_, nga_idot_(g_a: int, g_b: int) = |ga| idot(ga, g_a.int(), g_b.int());
    real ga_sdot_patch_(g_a: int, t_a: text, a: patch, g_b: int, t_b: text, b: patch) => NGA_Fdot_patch;
    real nga_sdot_patch_(g_a: int, t_a: text, alo: ints, ahi: ints, g_b: int, t_b: text, blo: ints, bhi: ints) => NGA_Fdot_patch;
    double_precision ga_ddot_patch_(g_a: int, t_a: text, a: patch, g_b: int, t_b: text, b: patch) => NGA_Ddot_patch;
    double_precision nga_ddot_patch_(g_a: int, t_a: text, alo: ints, ahi: ints, g_b: int, t_b: text, blo: ints, bhi: ints) => NGA_Ddot_patch;
    complex ga_cdot_patch_(g_a: int, t_a: text, a: patch, g_b: int, t_b: text, b: patch) => NGA_Cdot_patch;
    complex nga_cdot_patch_(g_a: int, t_a: text, alo: ints, ahi: ints, g_b: int, t_b: text, blo: ints, bhi: ints) => NGA_Cdot_patch;
    double_complex ga_zdot_patch_(g_a: int, t_a: text, a: patch, g_b: int, t_b: text, b: patch) => NGA_Zdot_patch;
    double_complex nga_zdot_patch_(g_a: int, t_a: text, alo: ints, ahi: ints, g_b: int, t_b: text, blo: ints, bhi: ints) => NGA_Zdot_patch;
    integer ga_idot_patch_(g_a: int, t_a: text, a: patch, g_b: int, t_b: text, b: patch) =
        |ga| idot_patch(ga, (g_a.int(), t_a.letter(), a.lo(), a.hi()), (g_b.int(), t_b.letter(), b.lo(), b.hi()));
    integer nga_idot_patch_(g_a: int, t_a: text, alo: ints, ahi: ints, g_b: int, t_b: text, blo: ints, bhi: ints) =
        |ga| idot_patch(ga, (g_a.int(), t_a.letter(), alo, ahi), (g_b.int(), t_b.letter(), blo, bhi));
    double_precision ga_ddot_patch_dp_(g_a: int, t_a: text, a: patch, g_b: int, t_b: text, b: patch) => NGA_Ddot_patch;
    // Complex sums where the caller says.
    subroutine gai_cdot_, ngai_cdot_(g_a: int, g_b: int, sum: any) = |ga| { sum.at::<rma::Complex32>().write(ga.GA_Cdot(g_a.int(), g_b.int())?); Ok(()) };
    subroutine gai_zdot_, ngai_zdot_(g_a: int, g_b: int, sum: any) = |ga| { sum.at::<rma::Complex64>().write(ga.GA_Zdot(g_a.int(), g_b.int())?); Ok(()) };

    subroutine ga_elem_multiply_, nga_elem_multiply_(g_a: int, g_b: int, g_c: int) => GA_Elem_multiply;
    subroutine ga_elem_divide_, nga_elem_divide_(g_a: int, g_b: int, g_c: int) => GA_Elem_divide;
    subroutine ga_elem_maximum_, nga_elem_maximum_(g_a: int, g_b: int, g_c: int) => GA_Elem_maximum;
    subroutine ga_elem_minimum_, nga_elem_minimum_(g_a: int, g_b: int, g_c: int) => GA_Elem_minimum;
    subroutine ga_elem_multiply_patch_, nga_elem_multiply_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => GA_Elem_multiply_patch;
    subroutine ga_elem_divide_patch_, nga_elem_divide_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => GA_Elem_divide_patch;
    subroutine ga_elem_maximum_patch_, nga_elem_maximum_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => GA_Elem_maximum_patch;
    subroutine ga_elem_minimum_patch_, nga_elem_minimum_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) => GA_Elem_minimum_patch;
    subroutine ga_elem_step_divide_patch_, nga_elem_step_divide_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) =
        |ga| step_quotients(ga, false, (g_a, alo, ahi), (g_b, blo, bhi), (g_c, clo, chi));
    subroutine ga_elem_stepb_divide_patch_, nga_elem_stepb_divide_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) =
        |ga| step_quotients(ga, true, (g_a, alo, ahi), (g_b, blo, bhi), (g_c, clo, chi));
    subroutine ga_abs_value_, nga_abs_value_(g_a: int) => GA_Abs_value;
    subroutine ga_abs_value_patch_, nga_abs_value_patch_(g_a: int, lo: ints, hi: ints) => GA_Abs_value_patch;
    subroutine ga_add_constant_, nga_add_constant_(g_a: int, alpha: any) => GA_Add_constant;
    subroutine ga_add_constant_patch_, nga_add_constant_patch_(g_a: int, lo: ints, hi: ints, alpha: any) => GA_Add_constant_patch;
    subroutine ga_recip_(g_a: int) => GA_Recip;
    subroutine ga_recip_patch_, nga_recip_patch_(g_a: int, lo: ints, hi: ints) => GA_Recip_patch;
    subroutine ga_median_, nga_median_(g_a: int, g_b: int, g_c: int, g_m: int) => GA_Median;
    subroutine ga_median_patch_, nga_median_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints, g_m: int, mlo: ints, mhi: ints) => GA_Median_patch;
    subroutine ga_step_max_, nga_step_max_(g_a: int, g_b: int, retval: any) => GA_Step_max;
    subroutine ga_step_max_patch_, nga_step_max_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, result: any) => GA_Step_max_patch;
    subroutine ga_step_bound_info_, nga_step_bound_info_(g_xx: int, g_vv: int, g_xxll: int, g_xxuu: int, boundmin: any, wolfemin: any, boundmax: any) => GA_Step_bound_info;
    subroutine ga_step_bound_info_patch_, nga_step_bound_info_patch_(g_xx: int, xxlo: ints, xxhi: ints, g_vv: int, vvlo: ints, vvhi: ints, g_xxll: int, xxlllo: ints, xxllhi: ints, g_xxuu: int, xxuulo: ints, xxuuhi: ints, boundmin: any, wolfemin: any, boundmax: any) => GA_Step_bound_info_patch;
    subroutine ga_randomize_, nga_randomize_(g_a: int, val: any) => NGA_Randomize;
    subroutine ga_merge_mirrored_, nga_merge_mirrored_(g_a: int) => NGA_Merge_mirrored;
    subroutine nga_merge_distr_patch_(g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints) => NGA_Merge_distr_patch;
    subroutine nga_select_elem_(g_a: int, op: text, val: any, subscript: outs) => NGA_Select_elem;
}
