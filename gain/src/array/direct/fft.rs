//! Transforms of few elements, under the condition of the module above.

use super::sort::{bytes, made};
use super::{Room, are_few, may_become};
use crate::array::Array;
use crate::error::Result;
use crate::fft::{self, Lines, Transform};
use crate::record::Node;
use crate::view::Dims;
use std::sync::Arc;

/// The transform along an axis of an array in C order.
pub(in crate::array) fn transformed(
    a: &Array,
    axis: usize,
    transform: &Transform,
) -> Result<Option<Arc<Node>>> {
    let shape = a.shape();
    let mut result: Dims = shape.into();
    result[axis] = transform.given();
    let (from, to) = transform.types(a.dtype());
    if !are_few(a.size()) || !are_few(result.iter().product()) || !may_become(a.dtype(), from) {
        return Ok(None);
    }
    let converted;
    let a = if a.dtype() == from {
        a
    } else {
        converted = a.cast_to(from);
        &converted
    };
    let mut packed = Room::new();
    let Some(elements) = bytes(a, &mut packed) else { return Ok(None) };
    made(&result, to, |out| fft::here(transform, from, elements, Lines::of(shape, axis), out)).map(Some)
}
