//! Products of matrices and of patches.
//!
//! Two things are as in the original, which is not what one would expect from C:
//!
//! - Bounds of a transposed operand of `NGA_Matmul_patch` are those of the transpose: `lo[0]` to `hi[0]` are rows of *op(A)*.
//! - `GA_Matmul_patch` takes matrices for Fortran's, so that i runs along the last axis and j along the first.
//!
//! Invariant: everything is put in C's terms here; `ga-core` knows nothing of Fortran.

use crate::bounds::{AXES, Bounds, Index};
use crate::fault::{Result, refuse};
use crate::guard::{Call, wide};
use crate::operand::{scalar, typed};
use crate::table::{self, Array};
use crate::types::dispatch;
use ga_core::linalg::{Field, Matrix, Op, gemm};
use rma::{Complex32, Complex64};
use std::ffi::{c_char, c_int, c_void};

/// What a letter asks for.
pub(crate) fn op(letter: c_char) -> Result<Op> {
    match letter as u8 {
        b'n' | b'N' => Ok(Op::None),
        b't' | b'T' => Ok(Op::Transpose),
        b'c' | b'C' => Ok(Op::ConjugateTranspose),
        other => refuse!("'{}' is none of 'n', 't' and 'c'", other.escape_ascii()),
    }
}

/// The first `rows` by `columns` elements of *op(A)*.
fn corner<T: Field>(array: &Array, op: Op, rows: i64, columns: i64) -> Result<Matrix<'_, T>> {
    let [rows, columns] = if op == Op::None { [rows, columns] } else { [columns, rows] };
    let shape = array.shape();
    if array.ndim != 2
        || rows < 0
        || columns < 0
        || rows as u64 > shape[0] as u64
        || columns as u64 > shape[1] as u64
    {
        // As whoever made the array sees it.
        let [rows, columns] = if array.is_fortran { [columns, rows] } else { [rows, columns] };
        refuse!("{array} has no {rows} x {columns} elements at its beginning");
    }
    Ok(Matrix::new(typed(array)?, [0..rows as usize, 0..columns as usize], op)?)
}

/// A patch whose bounds are those of *op(A)*.
///
/// # Safety
/// Both have a readable number for each axis of the array.
unsafe fn patch<I: Index>(array: &Array, op: Op, lo: *const I, hi: *const I) -> Result<Bounds> {
    if op == Op::None || lo.is_null() || hi.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { Bounds::read(array, lo, hi) };
    }
    let (mut low, mut high) = ([I::narrow(0); AXES], [I::narrow(0); AXES]);
    for place in 0..array.ndim {
        // SAFETY: the caller's promise.
        (low[place], high[place]) = unsafe { (lo.add(place).read(), hi.add(place).read()) };
    }
    // Those two change places that are wider than 1; the innermost ones where there are fewer.
    let mut axes: Vec<usize> = (0..array.ndim).rev().map(|d| I::place(d, array.ndim)).collect();
    axes.sort_by_key(|&d| low[d].wide() == high[d].wide());
    if let [first, second, ..] = axes[..] {
        low.swap(first, second);
        high.swap(first, second);
    }
    // SAFETY: arrays of as many numbers as there can be axes.
    unsafe { Bounds::read(array, low.as_ptr(), high.as_ptr()) }
}

/// The same matrix transposed; nothing if it is conjugated.
fn flipped<'a, T: Field>(matrix: &Matrix<'a, T>) -> Result<Option<Matrix<'a, T>>> {
    let op = match matrix.op() {
        Op::None => Op::Transpose,
        Op::Transpose => Op::None,
        Op::ConjugateTranspose => return Ok(None),
    };
    Ok(Some(Matrix::new(matrix.array(), matrix.patch(), op)?))
}

/// A product of patches, of which those that are vectors in arrays of many axes may be rows or columns, as it fits.
fn multiply<T: Field>(alpha: T, a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: Matrix<'_, T>) -> Result<()> {
    let may_turn = |m: &Matrix<'_, T>| m.array().ndim() > 2 && m.shape().contains(&1);
    let fits = |a: &Matrix<'_, T>, b: &Matrix<'_, T>, c: [usize; 2]| {
        a.shape()[1] == b.shape()[0] && [a.shape()[0], b.shape()[1]] == c
    };
    if fits(&a, &b, c.shape()) || ![&a, &b, &c].into_iter().any(may_turn) {
        return Ok(gemm(alpha, &a, &b, beta, &c)?);
    }
    let (other_a, other_b) =
        (if may_turn(&a) { flipped(&a)? } else { None }, if may_turn(&b) { flipped(&b)? } else { None });
    let lefts: Vec<_> = std::iter::once(a).chain(other_a).collect();
    let rights: Vec<_> = std::iter::once(b).chain(other_b).collect();
    let [rows, columns] = c.shape();
    for (left, right) in lefts.iter().flat_map(|left| rights.iter().map(move |right| (left, right))) {
        if fits(left, right, [rows, columns]) {
            return Ok(gemm(alpha, left, right, beta, &c)?);
        }
        if may_turn(&c)
            && fits(left, right, [columns, rows])
            && let (Some(left), Some(right)) = (flipped(left)?, flipped(right)?)
        {
            return Ok(gemm(alpha, &right, &left, beta, &c)?);
        }
    }
    Ok(gemm(alpha, &lefts[0], &rights[0], beta, &c)?)
}

/// `NGA_Matmul_patch`, with bounds of either width.
///
/// # Safety
/// Bounds have a readable number for each axis, and the factors are readable.
#[allow(clippy::too_many_arguments)] // the original's own shape
pub(crate) unsafe fn multiply_patches<I: Index>(
    ga: &Call,
    (ta, tb): (c_char, c_char),
    (alpha, beta): (*const c_void, *const c_void),
    (g_a, alo, ahi): (c_int, *const I, *const I),
    (g_b, blo, bhi): (c_int, *const I, *const I),
    (g_c, clo, chi): (c_int, *const I, *const I),
) -> Result<()> {
    let (a, b, c) = (ga.array(g_a)?, ga.array(g_b)?, ga.target(g_c)?);
    let (ta, tb) = (op(ta)?, op(tb)?);
    // SAFETY: the caller's promise.
    unsafe {
        let (at_a, at_b) = (patch(a, ta, alo, ahi)?, patch(b, tb, blo, bhi)?);
        let at_c = Bounds::read(c, clo, chi)?;
        dispatch!(c, |c: T| {
            let (a, b) = (Matrix::new(typed(a)?, at_a, ta)?, Matrix::new(typed(b)?, at_b, tb)?);
            let c = Matrix::new(c, at_c, Op::None)?;
            multiply(scalar("alpha", alpha)?, a, b, scalar("beta", beta)?, c)
        }; f32, f64, Complex32, Complex64)
    }
}

/// A product of whole matrices, or of their beginnings.
pub(crate) fn corners<T: Field>(
    ga: &Call,
    (ta, tb): (c_char, c_char),
    [m, n, k]: [i64; 3],
    alpha: T,
    (g_a, g_b): (c_int, c_int),
    beta: T,
    g_c: c_int,
) -> Result<()> {
    let (a, b, c) = (ga.array(g_a)?, ga.array(g_b)?, ga.target(g_c)?);
    let (a, b) = (corner(a, op(ta)?, m, k)?, corner(b, op(tb)?, k, n)?);
    Ok(gemm(alpha, &a, &b, beta, &corner::<T>(c, Op::None, m, n)?)?)
}

/// Products of whole matrices, or of their beginnings.
macro_rules! products {
    ($($name:ident / $wide:ident: $t:ty;)*) => { wide! {$(
        $name / $wide(
            ta: c_char, tb: c_char, m: Int, n: Int, k: Int,
            alpha: $t, g_a: c_int, g_b: c_int, beta: $t, g_c: c_int,
        ) = |ga| corners::<$t>(ga, (ta, tb), [m.wide(), n.wide(), k.wide()], alpha, (g_a, g_b), beta, g_c);
    )*} };
}

products! {
    GA_Sgemm / GA_Sgemm64: f32;
    GA_Dgemm / GA_Dgemm64: f64;
    GA_Cgemm / GA_Cgemm64: Complex32;
    GA_Zgemm / GA_Zgemm64: Complex64;
}

wide! {
    NGA_Matmul_patch / NGA_Matmul_patch64(
        ta: c_char, tb: c_char, alpha: *const c_void, beta: *const c_void,
        g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int,
        g_c: c_int, clo: *const Int, chi: *const Int,
    ) = |ga| multiply_patches(ga, (ta, tb), (alpha, beta), (g_a, alo, ahi), (g_b, blo, bhi), (g_c, clo, chi));
    GA_Matmul_patch / GA_Matmul_patch64(
        ta: c_char, tb: c_char, alpha: *const c_void, beta: *const c_void,
        g_a: c_int, ailo: Int, aihi: Int, ajlo: Int, ajhi: Int,
        g_b: c_int, bilo: Int, bihi: Int, bjlo: Int, bjhi: Int,
        g_c: c_int, cilo: Int, cihi: Int, cjlo: Int, cjhi: Int,
    ) = |ga| {
        for handle in [g_a, g_b, g_c] {
            // Others are named by what comes after.
            if table::find(handle).is_some_and(|array| array.ndim != 2) {
                ga.array(handle)?;
                refuse!("not a matrix");
            }
        }
        // Transposed, the product is that of the transposes in reverse order.
        let (alo, ahi) = ([ajlo, ailo], [ajhi, aihi]);
        let (blo, bhi) = ([bjlo, bilo], [bjhi, bihi]);
        let (clo, chi) = ([cjlo, cilo], [cjhi, cihi]);
        multiply_patches(
            ga, (tb, ta), (alpha, beta), (g_b, blo.as_ptr(), bhi.as_ptr()), (g_a, alo.as_ptr(), ahi.as_ptr()),
            (g_c, clo.as_ptr(), chi.as_ptr()),
        )
    };
}
