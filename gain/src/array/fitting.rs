//! Whether `out=` and `where=` of a reduction fit what is reduced, in NumPy's order and words.

use super::ReduceOptions;
use crate::error::{Error, Kind, Result, open_shape_text, shape_text};
use smallvec::SmallVec;

/// Checks the shapes of a reduction's arrays: the number of axes of `out`, then extents along the axes of `shape`, of which
/// some are `reduced`.
///
/// # Errors
/// `ValueError` with the text of NumPy's iterator.
pub(super) fn check(
    name: &str,
    shape: &[usize],
    reduced: &[bool],
    options: &ReduceOptions<'_>,
) -> Result<()> {
    let (out, mask) = (options.out.map(|out| out.shape()), options.mask.map(|mask| mask.shape()));
    if out.is_none() && mask.is_none() {
        return Ok(());
    }
    let fail = |text: String| Err(Error::new(Kind::Value, text));
    let is_left = |d: usize| options.keepdims || !reduced[d];
    let left = (0..shape.len()).filter(|&d| is_left(d)).count();
    if let Some(out) = out
        && out.len() != left
    {
        let why = if options.keepdims { " (must match the operand's when keepdims=True)" } else { "" };
        return fail(format!(
            "output parameter for reduction operation {name} has the wrong number of dimensions: Found {} but expected {left}{why}",
            out.len()
        ));
    }
    if mask.is_some_and(|mask| mask.len() > shape.len()) {
        return fail("input operand has more dimensions than allowed by the axis remapping".into());
    }
    // The extents of `out` at the axes of what is reduced; -1 where it has none.
    let mut extents = out.unwrap_or_default().iter().map(|&n| n as isize);
    let remapped: SmallVec<[isize; 4]> =
        (0..shape.len()).map(|d| if is_left(d) { extents.next().unwrap_or(-1) } else { -1 }).collect();
    let of_mask = |d: usize| {
        let mask = mask.unwrap_or_default();
        (d + mask.len()).checked_sub(shape.len()).map(|own| mask[own])
    };
    let mut all: SmallVec<[usize; 4]> = SmallVec::from_slice(shape);
    let mut is_one_shape = true;
    for (d, n) in all.iter_mut().enumerate() {
        let of_out = usize::try_from(remapped[d]).ok().filter(|_| !reduced[d]);
        for other in [of_out, of_mask(d)].into_iter().flatten() {
            match (*n, other) {
                (_, 1) => {}
                (1, other) => *n = other,
                (n, other) => is_one_shape &= n == other,
            }
        }
        // (What stands for a reduced axis is one element.)
        is_one_shape &= !reduced[d] || remapped[d] <= 1 && remapped[d] != 0;
    }
    if !is_one_shape {
        let out =
            out.map_or(String::new(), |out| format!("{}->{} ", shape_text(out), open_shape_text(&remapped)));
        let mask = mask.map_or(String::new(), |mask| format!("{} ", shape_text(mask)));
        return fail(format!(
            "operands could not be broadcast together with remapped shapes [original->remapped]: {out}{} {mask}",
            shape_text(shape)
        ));
    }
    if all[..] != *shape {
        return fail(format!(
            "non-broadcastable operand with shape {} doesn't match the broadcast shape {}",
            shape_text(shape),
            shape_text(&all)
        ));
    }
    let narrow = (0..shape.len()).find(|&d| !reduced[d] && remapped[d] == 1 && shape[d] != 1);
    match narrow {
        // (It is the axis of `out` that is told.)
        Some(d) => fail(format!(
            "output operand requires a reduction along dimension {}, but the reduction is not enabled. The dimension size of 1 does not match the expected output shape.",
            (0..d).filter(|&axis| is_left(axis)).count()
        )),
        None => Ok(()),
    }
}
