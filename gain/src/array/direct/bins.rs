//! Few elements that are looked for in a sorted table of few, or counted: when asked, under the condition of the module above.

use super::pick::Row;
use super::{FEW, are_few, fresh};
use crate::algo::{self, Side};
use crate::array::Array;
use crate::dtype::DType;
use crate::error::Result;
use crate::view::Dims;
use smallvec::SmallVec;

fn row(array: &Array, dtype: DType) -> Option<Row> {
    if array.lens.is_some() || !are_few(array.size()) {
        return None;
    }
    Row::at(array.cell.home()?, array.cell.dtype, &array.view, dtype)
}

/// Where needles belong in a table, compared as this type.
pub(in crate::array) fn searched(
    table: &Array,
    needles: &Array,
    dtype: DType,
    side: Side,
) -> Result<Option<Array>> {
    let (Some(elements), Some(wanted)) = (row(table, dtype), row(needles, dtype)) else { return Ok(None) };
    let len = needles.size();
    let out = fresh(len, DType::I64)?;
    // SAFETY: rows have the arrays' elements, as this type; nobody writes them, since it is this thread's turn.
    let [elements, wanted] = unsafe { [elements.bytes(table.size(), dtype), wanted.bytes(len, dtype)] };
    // SAFETY: the new buffer has room for `len` numbers, is aligned for them and known to nobody else.
    let places = unsafe { std::slice::from_raw_parts_mut(out.base(0).cast::<i64>(), len) };
    algo::search_few(elements, wanted, dtype, side, places);
    Ok(Some(Array::of_own(SmallVec::from_slice(needles.shape()), DType::I64, out)))
}

/// How often each number occurs, or what its weights come to; nothing if one is negative, or large.
pub(in crate::array) fn counted(
    numbers: &Array,
    weights: Option<&Array>,
    least: usize,
) -> Result<Option<Array>> {
    let Some(row_of) = row(numbers, DType::I64) else { return Ok(None) };
    let len = numbers.size();
    // SAFETY: as above; rows are aligned to their elements.
    let numbers = unsafe { row_of.slice::<i64>(len) };
    let most = numbers.iter().fold(-1, |most, &i| if i < 0 { i64::MAX } else { i.max(most) });
    if most >= FEW as i64 || least > FEW {
        return Ok(None);
    }
    let count = least.max((most + 1) as usize);
    if !are_few(count) {
        return Ok(None);
    }
    let shape: Dims = SmallVec::from_slice(&[count]);
    match weights {
        None => {
            let mut bins = [0i64; FEW];
            numbers.iter().for_each(|&i| bins[i as usize] += 1);
            stored(shape, DType::I64, &bins[..count]).map(Some)
        }
        Some(weights) => {
            let Some(weights) = row(weights, DType::F64) else { return Ok(None) };
            // SAFETY: as above; there are as many weights.
            let weights = unsafe { weights.slice::<f64>(len) };
            let mut bins = [0.0; FEW];
            numbers.iter().zip(weights).for_each(|(&i, &w)| bins[i as usize] += w);
            stored(shape, DType::F64, &bins[..count]).map(Some)
        }
    }
}

fn stored<T: bytemuck::Pod>(shape: Dims, dtype: DType, elements: &[T]) -> Result<Array> {
    let out = fresh(elements.len(), dtype)?;
    // SAFETY: the new memory has room for as many elements.
    unsafe { std::ptr::copy_nonoverlapping(elements.as_ptr(), out.base(0).cast(), elements.len()) };
    Ok(Array::of_own(shape, dtype, out))
}
