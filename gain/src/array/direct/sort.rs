//! Sorting of few elements, what is distinct among them, and which are among others, under the condition of the module above.

use super::{Room, are_few, first, pack, room};
use crate::algo::{self, Sort};
use crate::array::Array;
use crate::dtype::{Complex32, Complex64, DType, f16};
use crate::error::Result;
use crate::memory::Storage;
use crate::record::Node;
use bytemuck::Pod;
use smallvec::SmallVec;
use std::sync::Arc;

/// The elements of an array as bytes, in C order: where they are if they lie in a row, else in `packed`.
pub(super) fn bytes<'a>(a: &'a Array, packed: &'a mut Room) -> Option<&'a [u8]> {
    let (view, dtype, len) = (&a.view, a.cell.dtype, a.view.size());
    if a.lens.is_some() || a.is_open() {
        return None;
    }
    let mut from = first(a.cell.home()?, view, dtype).cast_const();
    if !view.is_contiguous() || !from.addr().is_multiple_of(dtype.size_bytes().min(8)) {
        *packed = room(len, dtype);
        // SAFETY: the view shows elements of the stored value, and there is room for all of them.
        unsafe { pack(from, view, dtype, packed.as_mut_ptr().cast()) };
        from = packed.as_ptr().cast();
    }
    if len == 0 {
        return Some(&[]);
    }
    // SAFETY: so many elements lie in a row there, of a value that the variable keeps and nobody writes since it is this
    // thread's turn; or in `packed`.
    Some(unsafe { std::slice::from_raw_parts(from, len * dtype.size_bytes()) })
}

/// A new value of this shape, whose bytes `write` gives.
pub(super) fn made(shape: &[usize], dtype: DType, write: impl FnOnce(&mut [u8])) -> Result<Arc<Node>> {
    let len: usize = shape.iter().product();
    let storage = Storage::replicated(len, dtype.size_bytes())?;
    if len > 0 {
        // SAFETY: the new buffer has room for them, and is known here alone.
        write(unsafe { std::slice::from_raw_parts_mut(storage.local(), len * dtype.size_bytes()) });
    }
    Ok(Node::stored(SmallVec::from_slice(shape), dtype, storage))
}

/// The elements of an array sorted along an axis, or their numbers.
pub(in crate::array) fn sorted(a: &Array, sort: &Sort<'_>) -> Result<Option<Arc<Node>>> {
    if !are_few(a.size()) {
        return Ok(None);
    }
    let mut packed = Room::new();
    let Some(elements) = bytes(a, &mut packed) else { return Ok(None) };
    made(a.shape(), sort.result(), |out| sort.run_here(elements, out)).map(Some)
}

/// Of an ordered value of one axis, which was just made, the first of equal elements each.
pub(in crate::array) fn distinct(ordered: &Arc<Node>, equal_nan: bool) -> Result<Arc<Node>> {
    fn firsts<T: Pod + PartialEq>(elements: &[u8], equal_nan: bool) -> Vec<u8> {
        let elements: &[T] = bytemuck::cast_slice(elements);
        #[expect(clippy::eq_op, reason = "that is what NaN is")]
        let is_nan = |x: &T| x != x;
        let is_same = |one: &T, two: &T| one == two || equal_nan && is_nan(one) && is_nan(two);
        let firsts = elements.iter().enumerate().filter(|(k, x)| *k == 0 || !is_same(&elements[k - 1], x));
        let firsts: Vec<T> = firsts.map(|(_, x)| *x).collect();
        bytemuck::cast_slice(&firsts).to_vec()
    }
    if ordered.len() == 0 {
        return Ok(ordered.clone());
    }
    let array = Array::from_node(ordered.clone());
    let mut packed = Room::new();
    let elements = bytes(&array, &mut packed).unwrap_or_default();
    let firsts = match ordered.dtype {
        DType::F16 => firsts::<f16>(elements, equal_nan),
        DType::F32 => firsts::<f32>(elements, equal_nan),
        DType::F64 => firsts::<f64>(elements, equal_nan),
        DType::C64 => firsts::<Complex32>(elements, equal_nan),
        DType::C128 => firsts::<Complex64>(elements, equal_nan),
        dtype => match dtype.size_bytes() {
            1 => firsts::<u8>(elements, false),
            2 => firsts::<u16>(elements, false),
            4 => firsts::<u32>(elements, false),
            _ => firsts::<u64>(elements, false),
        },
    };
    made(&[firsts.len() / ordered.dtype.size_bytes()], ordered.dtype, |out| out.copy_from_slice(&firsts))
}

/// Whether elements of an array are among those of another one, or aren't.
pub(in crate::array) fn member(a: &Array, others: &Array, is_wanted: bool) -> Result<Option<Arc<Node>>> {
    if !are_few(a.size()) || !are_few(others.size()) {
        return Ok(None);
    }
    let (mut packed, mut more) = (Room::new(), Room::new());
    let (Some(elements), Some(others)) = (bytes(a, &mut packed), bytes(others, &mut more)) else {
        return Ok(None);
    };
    made(a.shape(), DType::Bool, |out| algo::member_here(a.dtype(), elements, others, is_wanted, out))
        .map(Some)
}
