//! Vectors under a mask, and bins of integers.
//!
//! Bins lie side by side in a vector of integers: `g_cnt` has how many elements each has, `g_off` how many come before it.
//!
//! Invariant: elements and bins are numbered from 1; offsets are numbers of elements, so the first is 0.

use super::pass::{Number, Out};
use super::table::fortran;
use crate::bounds::Fortran;
use crate::fault::{Result, refuse};
use crate::guard::Call;
use crate::operand::typed;
use crate::table::Array;
use crate::types::{dispatch, unfit};
use common::fortran::Integer;
use ga_core::GlobalArray;
use rma::DType;
use std::ffi::c_int;

/// A vector's numbers, all of them.
fn all(array: &Array) -> Result<Vec<i64>> {
    match array.raw.dtype() {
        DType::I32 => read(typed::<i32>(array)?),
        DType::I64 => read(typed::<i64>(array)?),
        _ => Err(unfit(array.kind)),
    }
}

fn read<T: rma::Element + Into<i64>>(vector: &GlobalArray<T>) -> Result<Vec<i64>> {
    let mut all = vec![T::default(); vector.len()];
    vector.get(0..vector.len(), &mut all)?;
    Ok(all.into_iter().map(Into::into).collect())
}

/// Puts my values into their bins.
///
/// # Safety
/// As many readable numbers as `n` says in both lists.
unsafe fn fill<I: Integer>(
    ga: &Call,
    [g_bin, g_off]: [Number<I>; 2],
    values: *const Fortran<I>,
    subs: *const Fortran<I>,
    n: Number<I>,
) -> Result<()> {
    let (target, offsets) = (ga.target(g_bin.int())?, ga.array(g_off.int())?);
    let count = n.wide().max(0) as usize;
    // SAFETY: the caller's promise.
    let (values, subs) =
        unsafe { (std::slice::from_raw_parts(values, count), std::slice::from_raw_parts(subs, count)) };
    if let Some(wrong) = subs.iter().find(|bin| bin.0.wide() < 1) {
        refuse!("there is no bin {wrong}");
    }
    let bins: Vec<usize> = subs.iter().map(|bin| bin.0.wide() as usize - 1).collect();
    dispatch!(target, |bin: T| {
        let values: Vec<T> = values.iter().map(|value| value.0.wide() as T).collect();
        match offsets.raw.dtype() {
            DType::I32 => Ok(bin.fill_bins(typed::<i32>(offsets)?, &values, &bins)?),
            _ => Ok(bin.fill_bins(typed::<i64>(offsets)?, &values, &bins)?),
        }
    }; i32, i64)
}

/// Sorts each bin. The third array has the offsets, or the ranks' ranges of bins, which lie side by side.
fn sort<I: Integer>(ga: &Call, [g_bin, g_cnt, g_off]: [Number<I>; 3]) -> Result<()> {
    let (target, counts, third) = (ga.target(g_bin.int())?, ga.array(g_cnt.int())?, ga.array(g_off.int())?);
    target.raw.sync()?;
    let numbers = all(counts)?;
    let offsets = if third.ndim == 1 {
        all(third)?
    } else {
        numbers
            .iter()
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum - count)
            })
            .collect()
    };
    if offsets.len() != numbers.len() || target.ndim != 1 {
        refuse!("{} offsets and {} counts", offsets.len(), numbers.len());
    }
    let layout = &target.layout;
    dispatch!(target, |bin: T| {
        for (offset, count) in offsets.iter().zip(&numbers) {
            let (Ok(start), Ok(count)) = (usize::try_from(*offset), usize::try_from(*count)) else {
                refuse!("a bin of {count} elements at {offset}");
            };
            if start + count > bin.len() {
                refuse!("a bin of {count} elements at {offset} of {}", bin.len());
            }
            if count > 0 && layout.locate(&[start])?.rank == bin.team().rank() {
                let mut values = vec![T::default(); count];
                bin.get(start..start + count, &mut values)?;
                values.sort_unstable();
                bin.put(start..start + count, &values)?;
            }
        }
        Ok(())
    }; i32, i64)?;
    Ok(target.raw.sync()?)
}

/// An array of two rows with a column for each rank: the first and the last of the bins that begin in its part of `g_bin`; 1 and 0 if none does.
///
/// # Safety
/// There is a place for its handle.
unsafe fn ranges<I: Integer>(
    ga: &Call,
    [g_bin, g_cnt, g_off]: [Number<I>; 3],
    g_range: Out<I>,
) -> Result<bool> {
    let (bins, counts, offsets) = (ga.array(g_bin.int())?, ga.array(g_cnt.int())?, ga.array(g_off.int())?);
    let (layout, team) = (&bins.layout, bins.raw.team());
    if bins.ndim != 1 || !layout.is_one_block() {
        refuse!("{bins} is no vector in one block per rank");
    }
    bins.raw.sync()?;
    let (counts, offsets, mine) = (all(counts)?, all(offsets)?, layout.block(team.rank()));
    let is_mine = |place: &usize| {
        let at = offsets.get(*place).copied().unwrap_or(-1);
        counts[*place] > 0 && at >= mine.lo()[0] as i64 && at < mine.hi()[0] as i64
    };
    let places: Vec<usize> = (0..counts.len()).filter(is_mine).collect();
    let range = [
        places.first().map_or(1, |first| *first as i64 + 1),
        places.last().map_or(0, |last| *last as i64 + 1),
    ];
    let kind: c_int = Number(I::FALSE).integer();
    let (dims, chunk) = ([2, team.size() as c_int], [2, 1]);
    let dims = dims.map(|extent| Fortran(I::narrow(extent.into())));
    let chunk = chunk.map(|extent: c_int| Fortran(I::narrow(extent.into())));
    // SAFETY: lists of two numbers.
    let handle = unsafe {
        ga.NGA_Create_config(kind, 2, dims.as_ptr(), c"bin_proc".as_ptr(), chunk.as_ptr(), bins.group)?
    };
    if handle == 0 {
        return Ok(false);
    }
    let made = ga.array(handle)?;
    let row = team.rank();
    dispatch!(made, |a: T| {
        let values = range.map(|number| number as T);
        Ok(a.put(ga_core::Patch::new(&[row, 0][..], &[row + 1, 2][..]), &values)?)
    }; i32, i64)?;
    made.raw.sync()?;
    // SAFETY: the caller's promise.
    unsafe { g_range.set(handle.into()) };
    Ok(true)
}

fortran! {
    subroutine ga_scan_copy_, nga_scan_copy_(g_a: int, g_b: int, g_sbit: int, lo: int, hi: int) =
        |ga| ga.GA_Scan_copy::<Fortran<Integer>>(g_a.int(), g_b.int(), g_sbit.int(), lo.index(), hi.index());
    subroutine ga_scan_add_, nga_scan_add_(g_a: int, g_b: int, g_sbit: int, lo: int, hi: int, excl: int) =
        |ga| ga.GA_Scan_add::<Fortran<Integer>>(g_a.int(), g_b.int(), g_sbit.int(), lo.index(), hi.index(), excl.int());
    subroutine ga_pack_, nga_pack_(g_a: int, g_b: int, g_sbit: int, lo: int, hi: int, icount: out) =
        |ga| ga.GA_Pack::<Fortran<Integer>>(g_a.int(), g_b.int(), g_sbit.int(), lo.index(), hi.index(), icount.give());
    subroutine ga_unpack_, nga_unpack_(g_a: int, g_b: int, g_sbit: int, lo: int, hi: int, icount: out) =
        |ga| ga.GA_Unpack::<Fortran<Integer>>(g_a.int(), g_b.int(), g_sbit.int(), lo.index(), hi.index(), icount.give());
    subroutine ga_patch_enum_, nga_patch_enum_(g_a: int, lo: int, hi: int, start: any, stride: any) =
        |ga| ga.GA_Patch_enum::<Fortran<Integer>>(g_a.int(), lo.index(), hi.index(), start.give(), stride.give());
    // Sorted or not: values keep their order within a bin.
    subroutine ga_bin_index_, nga_bin_index_(g_bin: int, g_cnt: int, g_off: int, values: ints, subs: ints, n: int, sortit: int) =
        |ga| fill(ga, [g_bin, g_off], values, subs, n);
    subroutine ga_bin_sorter_, nga_bin_sorter_(g_bin: int, g_cnt: int, g_off: int) = |ga| sort(ga, [g_bin, g_cnt, g_off]);
    logical ga_create_bin_range_, nga_create_bin_range_(g_bin: int, g_cnt: int, g_off: int, g_range: out) = |ga| ranges(ga, [g_bin, g_cnt, g_off], g_range);
}
