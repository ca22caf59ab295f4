//! Blocks of sparse matrices in compressed rows, in place and copied.
//!
//! Invariant: what is copied for the program is `malloc`ed, and the program frees it; what it is shown in place lives as long as the
//! matrix.

use super::table::{Kind, Sparse, each};
use crate::bounds::Index;
use crate::fault::{Result, refuse};
use crate::guard::{call, wide};
use common::exports;
use ga_core::pointers::own_block;
use std::any::TypeId;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// A list of the program's.
fn lent<V: Copy>(values: &[V]) -> Result<*mut V> {
    // SAFETY: a size that is not 0.
    let to = unsafe { libc::malloc(size_of_val(values).max(1)) }.cast::<V>();
    if to.is_null() {
        refuse!("there is no memory for {} numbers", values.len());
    }
    // SAFETY: room for as many, just allocated.
    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len()) };
    Ok(to)
}

/// Shows a column block of this rank; null pointers if it has no elements.
///
/// # Safety
/// The places are writable.
unsafe fn show<T: Kind, I: Index>(
    sparse: &Sparse,
    column_block: c_int,
    offsets: *mut *mut I,
    columns: *mut *mut I,
    values: *mut *mut c_void,
) -> Result<()> {
    let rows = sparse.part(0, sparse.team.rank() as c_int)?;
    sparse.part(1, column_block)?;
    let stage = sparse.stage::<T>()?;
    let block = own_block(stage.array()?, column_block as usize);
    let (mut shown, mut shown_columns, mut shown_values) = (null_mut::<I>(), null_mut::<I>(), null_mut());
    if let Some(block) = block {
        shown_values = block.values.as_ptr().cast();
        if TypeId::of::<I>() == TypeId::of::<i64>() {
            (shown, shown_columns) = (block.offsets.as_ptr().cast(), block.column_indices.as_ptr().cast());
        } else {
            let mut narrow = sparse.narrow.lock().expect("no panic holds it");
            let copies = narrow.entry(column_block as usize).or_insert_with(|| {
                // SAFETY: one offset more than there are rows, and as many columns as elements; the pattern never changes.
                let (offsets, columns) = unsafe {
                    (
                        std::slice::from_raw_parts(block.offsets.as_ptr(), rows.len() + 1),
                        std::slice::from_raw_parts(block.column_indices.as_ptr(), block.len),
                    )
                };
                let narrowed = |list: &[i64]| list.iter().map(|n| c_int::narrow(*n)).collect();
                (narrowed(offsets), narrowed(columns))
            });
            (shown, shown_columns) = (copies.0.as_mut_ptr().cast(), copies.1.as_mut_ptr().cast());
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        offsets.write(shown);
        columns.write(shown_columns);
        values.write(shown_values);
    }
    Ok(())
}

/// Copies any block; whether it has elements.
///
/// # Safety
/// The places are writable.
#[allow(clippy::too_many_arguments)] // the original's own shape
unsafe fn copy<T: Kind, I: Index>(
    sparse: &Sparse,
    block: [c_int; 2],
    offsets: *mut *mut I,
    columns: *mut *mut I,
    values: *mut *mut c_void,
    bounds: [*mut I; 4],
) -> Result<c_int> {
    let (rows, across) = (sparse.part(0, block[0])?, sparse.part(1, block[1])?);
    let stage = sparse.stage::<T>()?;
    let found = stage.array()?.block(block[0] as usize, block[1] as usize)?;
    let narrowed = |list: &[i64]| -> Vec<I> { list.iter().map(|n| I::narrow(*n)).collect() };
    let lists = match &found {
        Some(found) => (
            lent(&narrowed(&found.offsets))?,
            lent(&narrowed(&found.column_indices))?,
            lent(&found.values)?.cast::<c_void>(),
        ),
        None => (null_mut(), null_mut(), null_mut()),
    };
    let ends = [rows.start as i64, rows.end as i64 - 1, across.start as i64, across.end as i64 - 1];
    // SAFETY: the caller's promise.
    unsafe {
        offsets.write(lists.0);
        columns.write(lists.1);
        values.write(lists.2);
        for (to, end) in bounds.into_iter().zip(ends) {
            to.write(I::narrow(end));
        }
    }
    Ok(found.is_some().into())
}

/// Refuses null pointers.
macro_rules! check {
    ($($pointer:ident),*) => {
        $(if $pointer.is_null() {
            refuse!("{} is a null pointer", stringify!($pointer));
        })*
    };
}

wide! {
    NGA_Sprs_array_access_col_block / NGA_Sprs_array_access_col_block64(
        s_a: c_int, icol: c_int, idx: *mut *mut Int, jdx: *mut *mut Int, val: *mut *mut c_void,
    ) = |_ga| {
        check!(idx, jdx, val);
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| show::<T, Int>(&sparse, icol, idx, jdx, val))
    };
    NGA_Sprs_array_get_block / NGA_Sprs_array_get_block64(
        s_a: c_int, irow: Int, icol: Int, idx: *mut *mut Int, jdx: *mut *mut Int, data: *mut *mut c_void,
        ilo: *mut Int, ihi: *mut Int, jlo: *mut Int, jhi: *mut Int,
    ) -> c_int = |_ga| {
        check!(idx, jdx, data, ilo, ihi, jlo, jhi);
        let (sparse, block) = (Sparse::find(s_a)?, [c_int::narrow(irow.wide()), c_int::narrow(icol.wide())]);
        each!(sparse, |T| copy::<T, Int>(&sparse, block, idx, jdx, data, [ilo, ihi, jlo, jhi]))
    };
    NGA_Sprs_array_row_distribution / NGA_Sprs_array_row_distribution64(
        s_a: c_int, iproc: c_int, lo: *mut Int, hi: *mut Int,
    ) = |_ga| {
        check!(lo, hi);
        let rows = Sparse::find(s_a)?.part(0, iproc)?;
        lo.write(Int::narrow(rows.start as i64));
        hi.write(Int::narrow(rows.end as i64 - 1));
        Ok(())
    };
    NGA_Sprs_array_column_distribution / NGA_Sprs_array_column_distribution64(
        s_a: c_int, iproc: c_int, lo: *mut Int, hi: *mut Int,
    ) = |_ga| {
        check!(lo, hi);
        let columns = Sparse::find(s_a)?.part(1, iproc)?;
        lo.write(Int::narrow(columns.start as i64));
        hi.write(Int::narrow(columns.end as i64 - 1));
        Ok(())
    };
}

exports! {
    call;
    NGA_Sprs_array_col_block_list(s_a: c_int, idx: *mut *mut c_int, n: *mut c_int) = |_ga| {
        check!(idx, n);
        let sparse = Sparse::find(s_a)?;
        let blocks: Vec<c_int> = each!(sparse, |T| {
            let stage = sparse.stage::<T>()?;
            stage.array()?.own_column_blocks().map(|block| block as c_int).collect()
        });
        idx.write(lent(&blocks)?);
        n.write(blocks.len() as c_int);
        Ok(())
    };
}
