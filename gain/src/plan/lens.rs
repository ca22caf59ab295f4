//! Elements seen as another type: the memory of a buffer read and written in units of another size.
//!
//! A lens is a type and a view that counts *bytes* of the base. Three ways lead to its elements:
//!
//! - the real or imaginary part of a complex value is an operation like any other, wherever the value is;
//! - where the elements lie at multiples of their size, as do the edges of the owners' blocks, the buffer itself is a
//!   buffer of the other type ([`memory`]): passes read and write it in place;
//! - otherwise (bytes `1..9` as a double) elements are moved in the largest unit that divides everything, which lies in
//!   one block and is aligned ([`copy`]).

use super::{Outcome, Pass, Store, Target};
use crate::dtype::{Category, DType, category, real_part};
use crate::error::Result;
use crate::memory::Storage;
use crate::ops::Op;
use crate::record::{Arg, Node};
use crate::status::site::Origin;
use crate::view::{Dims, View};
use std::sync::Arc;

/// If the lens shows the real or the imaginary parts of complex elements: which, and of which elements.
pub(crate) fn part(base: DType, dtype: DType, bytes: &View) -> Option<(Op, View)> {
    if category(base) != Category::Complex || dtype != real_part(base) {
        return None;
    }
    let (half, all) = (dtype.size_bytes() as isize, base.size_bytes());
    let is_imag = bytes.offset.rem_euclid(all as isize) == half;
    let first = View { offset: bytes.offset - if is_imag { half } else { 0 }, ..bytes.clone() };
    Some((if is_imag { Op::Imag } else { Op::Real }, first.coarser(all)?))
}

/// The bytes of the real or the imaginary parts of these elements of a complex base.
pub(crate) fn part_bytes(base: DType, op: Op, view: &View) -> View {
    let mut bytes = view.finer(base.size_bytes());
    if op == Op::Imag {
        bytes.offset += real_part(base).size_bytes() as isize;
    }
    bytes
}

/// The buffer as one of elements of `item_bytes`, and the view of it, where every element lies in one place.
pub(crate) fn memory(
    storage: &Arc<Storage>,
    item_bytes: usize,
    bytes: &View,
) -> Option<(Arc<Storage>, View)> {
    let view = bytes.coarser(item_bytes)?;
    Some((storage.seen_as(item_bytes)?, view))
}

/// The elements of `item_bytes` that `bytes` shows, as runs of units along one more axis.
fn units(storage: &Arc<Storage>, item_bytes: usize, bytes: &View, unit: usize) -> (Arc<Storage>, View) {
    let seen = storage.seen_as(unit).expect("a unit divides the size of an element");
    let mut view = bytes.coarser(unit).expect("a unit divides all steps");
    view.shape.push(item_bytes / unit);
    view.strides.push(1);
    (seen, view)
}

/// The largest unit in which the elements may be moved.
fn unit_of(storage: &Storage, item_bytes: usize, bytes: &View) -> usize {
    let mut all = storage.item_bytes() | item_bytes;
    if bytes.size() > 0 {
        all |= bytes.offset.unsigned_abs();
        for (&n, &s) in bytes.shape.iter().zip(&bytes.strides) {
            all |= if n > 1 { s.unsigned_abs() } else { 0 };
        }
    }
    1 << all.trailing_zeros()
}

/// An element type of this size: that it is moved is all that happens to it.
fn any_of_size(unit: usize) -> DType {
    match unit {
        1 => DType::U8,
        2 => DType::U16,
        4 => DType::U32,
        8 => DType::U64,
        _ => DType::C128,
    }
}

/// The elements that a lens on a stored value shows, as units along one more axis: an operand and its shape.
pub(crate) fn operand(storage: &Arc<Storage>, item_bytes: usize, bytes: &View) -> (Arg, DType) {
    in_units(storage, item_bytes, bytes, unit_of(storage, item_bytes, bytes))
}

fn in_units(storage: &Arc<Storage>, item_bytes: usize, bytes: &View, unit: usize) -> (Arg, DType) {
    let (seen, view) = units(storage, item_bytes, bytes, unit);
    let dtype = any_of_size(unit);
    // Only the buffer is of interest. A shape that isn't distributed, as one rank may come here by itself, and the numbers
    // of distributed values are the same on all.
    (Arg::Node(Node::stored(Dims::new(), dtype, seen), view), dtype)
}

/// Copy elements of `item_bytes` from and to the bytes that two views of one shape show. Collective.
pub(super) fn copy(
    (from, from_bytes): (&Arc<Storage>, &View),
    (to, to_bytes): (&Arc<Storage>, &View),
    item_bytes: usize,
) -> Result<Outcome> {
    let unit = unit_of(from, item_bytes, from_bytes).min(unit_of(to, item_bytes, to_bytes));
    let (value, dtype) = in_units(from, item_bytes, from_bytes, unit);
    let (seen, view) = units(to, item_bytes, to_bytes, unit);
    let shape = view.shape.clone();
    Pass::storing(&shape, Store { value, dtype, to: Target::At(seen, view), origin: Origin::default() }).run()
}
