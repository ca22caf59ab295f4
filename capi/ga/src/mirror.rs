//! Mirrored arrays: one copy per node, and their sums.
//!
//! Invariant: every rank adds what it owns of its node's copy, once; so nodes of unequal size do no harm.

use crate::bounds::Bounds;
use crate::fault::{Result, refuse};
use crate::groups::MIRROR;
use crate::guard::{exported, wide};
use crate::table::Array;
use crate::types::numbers;
use ga_core::{GlobalArray, Number};
use std::ffi::c_int;

/// Adds what this rank owns of a patch of `from` to the same place, `shift` away, of `to`.
fn add_mine<T: Number>(
    from: &GlobalArray<T>,
    to: &GlobalArray<T>,
    patch: Bounds,
    shift: &[isize],
) -> Result<()> {
    for piece in from.distribution().own_pieces(from.team().rank(), patch)? {
        let mut values = vec![T::ZERO; piece.patch.len()];
        from.get(&piece.patch, &mut values)?;
        let moved = |bounds: &[usize]| -> Vec<usize> {
            bounds.iter().zip(shift).map(|(number, by)| number.wrapping_add_signed(*by)).collect()
        };
        to.accumulate(
            ga_core::Patch::new(&moved(piece.patch.lo())[..], &moved(piece.patch.hi())[..]),
            &values,
            T::ONE,
        )?;
    }
    Ok(())
}

/// Gives every copy of a mirrored array the sum of all. Collective over the world.
fn merge<T: Number>(copy: &GlobalArray<T>, world: &rma::Team, whole: Bounds) -> Result<()> {
    world.sync()?;
    if copy.team().size() < world.size() {
        let sum = GlobalArray::<T>::builder(world, copy.shape()).create()?;
        sum.zero()?;
        add_mine(copy, &sum, whole, &vec![0; copy.ndim()])?;
        sum.sync()?;
        for piece in copy.distribution().own_pieces(copy.team().rank(), whole)? {
            let mut values = vec![T::ZERO; piece.patch.len()];
            sum.get(&piece.patch, &mut values)?;
            copy.put(&piece.patch, &values)?;
        }
        sum.destroy()?;
    }
    Ok(world.sync()?)
}

/// Gives a patch of a distributed array the sum of a patch of all copies of a mirrored one. Collective over the world.
fn merge_patch(a: &Array, from: Bounds, b: &Array, to: Bounds) -> Result<()> {
    if a.group != MIRROR || b.group == MIRROR {
        refuse!("the first array is to be mirrored, the second is not to be");
    }
    let (ndim, is_same) = (a.raw.shape().len(), a.raw.shape().len() == b.raw.shape().len());
    if !is_same || (0..ndim).any(|d| from.extent(d) != to.extent(d)) {
        refuse!("patches of different shapes");
    }
    let shift: Vec<isize> = (0..ndim).map(|d| to.lo()[d] as isize - from.lo()[d] as isize).collect();
    b.raw.sync()?;
    numbers!(a, |copy: T| {
        let Some(target) = b.raw.typed::<T>() else { refuse!("arrays of different types") };
        for piece in target.distribution().own_pieces(target.team().rank(), to)? {
            target.put(&piece.patch, &vec![T::ZERO; piece.patch.len()])?;
        }
        target.sync()?;
        add_mine(copy, target, from, &shift)
    })?;
    Ok(b.raw.sync()?)
}

exported! {
    NGA_Merge_mirrored, GA_Merge_mirrored(g_a: c_int) = |ga| {
        let array = ga.array(g_a)?;
        if array.group != MIRROR {
            refuse!("the array is not mirrored");
        }
        numbers!(array, |a: T| merge(a, &ga.world.team(), Bounds::whole(array)))
    };
}

wide! {
    NGA_Merge_distr_patch / NGA_Merge_distr_patch64(g_a: c_int, alo: *const Int, ahi: *const Int, g_b: c_int, blo: *const Int, bhi: *const Int) = |ga| {
        let (a, b) = (ga.array(g_a)?, ga.array(g_b)?);
        merge_patch(a, Bounds::read(a, alo, ahi)?, b, Bounds::read(b, blo, bhi)?)
    };
}
