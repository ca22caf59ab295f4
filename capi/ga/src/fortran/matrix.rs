//! Matrices: products, solvers, eigenvalues, diagonals, rows and columns.
//!
//! Invariant: a matrix of Fortran's is the transpose of what C and `ga-core` see. Products are those of the transposes in reverse order, rows are columns;
//! solvers take C's matrices for Fortran's themselves.

use super::pass::{Any, Corners, Number, Text};
use super::table::fortran;
use crate::bounds::Fortran;
use crate::exports::linalg::{corners, multiply_patches};
use crate::fault::Result;
use crate::guard::Call;
use common::fortran::Integer;
use ga_core::linalg::Field;

/// `C = alpha op(A) op(B) + beta C` of whole matrices, or of their beginnings.
///
/// # Safety
/// The factors are of that type.
unsafe fn product<T: Field, I: Integer>(
    ga: &Call,
    (ta, tb): (&Text, &Text),
    [m, n, k]: [Number<I>; 3],
    (alpha, beta): (Any, Any),
    [g_a, g_b, g_c]: [Number<I>; 3],
) -> Result<()> {
    // SAFETY: the caller's promise.
    let (alpha, beta) = unsafe { (alpha.read::<T>(), beta.read::<T>()) };
    corners(
        ga,
        (tb.letter(), ta.letter()),
        [n.wide(), m.wide(), k.wide()],
        alpha,
        (g_b.int(), g_a.int()),
        beta,
        g_c.int(),
    )
}

/// The same of patches.
///
/// # Safety
/// As [`multiply_patches`].
unsafe fn patches<I: Integer>(
    ga: &Call,
    (ta, tb): (&Text, &Text),
    (alpha, beta): (Any, Any),
    (g_a, alo, ahi): (Number<I>, *const Fortran<I>, *const Fortran<I>),
    (g_b, blo, bhi): (Number<I>, *const Fortran<I>, *const Fortran<I>),
    (g_c, clo, chi): (Number<I>, *const Fortran<I>, *const Fortran<I>),
) -> Result<()> {
    let (letters, factors) = ((tb.letter(), ta.letter()), (alpha.0.cast_const(), beta.0.cast_const()));
    let (a, b, c) = ((g_a.int(), alo, ahi), (g_b.int(), blo, bhi), (g_c.int(), clo, chi));
    // SAFETY: the caller's promise.
    unsafe { multiply_patches(ga, letters, factors, b, a, c) }
}

/// The bounds of a patch as a pair.
fn bounds<I: Integer>(g: Number<I>, at: &Corners<I>) -> (Number<I>, *const Fortran<I>, *const Fortran<I>) {
    (g, at.lo(), at.hi())
}

fortran! {
    subroutine ga_sgemm_(transa: text, transb: text, m: int, n: int, k: int, alpha: any, g_a: int, g_b: int, beta: any, g_c: int) =
        |ga| product::<f32, _>(ga, (&transa, &transb), [m, n, k], (alpha, beta), [g_a, g_b, g_c]);
    subroutine ga_dgemm_(transa: text, transb: text, m: int, n: int, k: int, alpha: any, g_a: int, g_b: int, beta: any, g_c: int) =
        |ga| product::<f64, _>(ga, (&transa, &transb), [m, n, k], (alpha, beta), [g_a, g_b, g_c]);
    subroutine ga_cgemm_(transa: text, transb: text, m: int, n: int, k: int, alpha: any, g_a: int, g_b: int, beta: any, g_c: int) =
        |ga| product::<rma::Complex32, _>(ga, (&transa, &transb), [m, n, k], (alpha, beta), [g_a, g_b, g_c]);
    subroutine ga_zgemm_(transa: text, transb: text, m: int, n: int, k: int, alpha: any, g_a: int, g_b: int, beta: any, g_c: int) =
        |ga| product::<rma::Complex64, _>(ga, (&transa, &transb), [m, n, k], (alpha, beta), [g_a, g_b, g_c]);
    subroutine ga_matmul_(transa: text, transb: text, alpha: any, beta: any, g_a: int, a: patch, g_b: int, b: patch, g_c: int, c: patch) =
        |ga| patches(ga, (&transa, &transb), (alpha, beta), bounds(g_a, &a), bounds(g_b, &b), bounds(g_c, &c));
    subroutine ga_matmul_mirrored_(transa: text, transb: text, alpha: any, beta: any, g_a: int, a: patch, g_b: int, b: patch, g_c: int, c: patch) =
        |ga| patches(ga, (&transa, &transb), (alpha, beta), bounds(g_a, &a), bounds(g_b, &b), bounds(g_c, &c));
    subroutine ga_matmul_patch_(transa: text, transb: text, alpha: any, beta: any, g_a: int, a: patch, g_b: int, b: patch, g_c: int, c: patch) =
        |ga| patches(ga, (&transa, &transb), (alpha, beta), bounds(g_a, &a), bounds(g_b, &b), bounds(g_c, &c));
    subroutine nga_matmul_patch_, nga_matmul_patch_alt_(transa: text, transb: text, alpha: any, beta: any, g_a: int, alo: ints, ahi: ints, g_b: int, blo: ints, bhi: ints, g_c: int, clo: ints, chi: ints) =
        |ga| patches(ga, (&transa, &transb), (alpha, beta), (g_a, alo, ahi), (g_b, blo, bhi), (g_c, clo, chi));

    subroutine ga_lu_solve_(tran: text, g_a: int, g_b: int) => GA_Lu_solve;
    subroutine ga_lu_solve_seq_(trans: text, g_a: int, g_b: int) => GA_Lu_solve;
    // 0 is 'n', and anything else 't'.
    subroutine ga_lu_solve_alt_(tran: int, g_a: int, g_b: int) =
        |ga| ga.GA_Lu_solve(if tran.is_true() { b't' } else { b'n' } as std::ffi::c_char, g_a.int(), g_b.int());
    integer ga_llt_solve_, nga_llt_solve_(g_a: int, g_b: int) => GA_Llt_solve;
    integer ga_solve_, nga_solve_(g_a: int, g_b: int) => GA_Solve;
    integer ga_spd_invert_, nga_spd_invert_(g_a: int) => GA_Spd_invert;
    subroutine ga_diag_(g_a: int, g_s: int, g_v: int, eval: any) => GA_Diag;
    subroutine ga_diag_seq_(g_a: int, g_s: int, g_v: int, eval: any) => GA_Diag_seq;
    subroutine ga_diag_reuse_(reuse: int, g_a: int, g_s: int, g_v: int, eval: any) => GA_Diag_reuse;
    subroutine ga_diag_std_(g_a: int, g_v: int, eval: any) => GA_Diag_std;
    subroutine ga_diag_std_seq_(g_a: int, g_v: int, eval: any) => GA_Diag_std_seq;

    subroutine ga_transpose_, nga_transpose_(g_a: int, g_b: int) => GA_Transpose;
    subroutine ga_symmetrize_, nga_symmetrize_(g_a: int) => GA_Symmetrize;
    subroutine ga_set_diagonal_, nga_set_diagonal_(g_a: int, g_v: int) => GA_Set_diagonal;
    subroutine ga_add_diagonal_, nga_add_diagonal_(g_a: int, g_v: int) => GA_Add_diagonal;
    subroutine ga_get_diag_, nga_get_diag_(g_a: int, g_v: int) => GA_Get_diag;
    subroutine ga_shift_diagonal_, nga_shift_diagonal_(g_a: int, c: any) => GA_Shift_diagonal;
    subroutine ga_zero_diagonal_, nga_zero_diagonal_(g_a: int) => GA_Zero_diagonal;
    subroutine ga_scale_rows_, nga_scale_rows_(g_a: int, g_v: int) => GA_Scale_cols;
    subroutine ga_scale_cols_, nga_scale_cols_(g_a: int, g_v: int) => GA_Scale_rows;
    subroutine ga_norm1_, nga_norm1_(g_a: int, nm: any) => GA_Norm1;
    subroutine ga_norm_infinity_, nga_norm_infinity_(g_a: int, nm: any) => GA_Norm_infinity;
}
