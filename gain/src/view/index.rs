//! Basic indexing: integers, slices, `...` and `newaxis`, by NumPy's rules.

use super::{Dims, MAX_AXES, Strides, View};
use crate::error::{Error, Kind, Result};

/// Python's `start:stop:step`; absent ends are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Slice {
    /// First index; negative counts from the end.
    pub start: Option<isize>,
    /// First index not taken; negative counts from the end.
    pub stop: Option<isize>,
    /// Distance of neighbours, not 0; absent is 1.
    pub step: Option<isize>,
}

/// One item between the brackets of `a[...]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Index {
    /// One index; the axis goes away. Negative counts from the end.
    At(isize),
    /// A range; the axis stays.
    Slice(Slice),
    /// All axes not spoken for.
    Ellipsis,
    /// A new axis of extent 1.
    NewAxis,
}

impl Index {
    /// `:`
    pub const ALL: Index = Index::Slice(Slice { start: None, stop: None, step: None });

    /// `start:stop`
    pub fn range(start: impl Into<Option<isize>>, stop: impl Into<Option<isize>>) -> Index {
        Index::Slice(Slice { start: start.into(), stop: stop.into(), step: None })
    }
}

impl Slice {
    /// First index, count and step on an axis of extent `n` (CPython's `PySlice_AdjustIndices`).
    pub fn resolve(&self, n: usize) -> Result<(isize, usize, isize)> {
        let n = n as isize;
        let step = self.step.unwrap_or(1).max(-isize::MAX);
        if step == 0 {
            return Err(Error::new(Kind::Value, "slice step cannot be zero"));
        }
        let (least, most) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let clip = |i: isize| if i < 0 { (i + n).max(least) } else { i.min(most) };
        let start = self.start.map_or(if step > 0 { least } else { most }, clip);
        let stop = self.stop.map_or(if step > 0 { most } else { least }, clip);
        let span = if step > 0 { stop - start } else { start - stop };
        let count = if span > 0 { (span - 1) / step.abs() + 1 } else { 0 };
        Ok((start, count as usize, step))
    }
}

impl View {
    /// `self[items]` for basic indexing.
    pub fn index(&self, items: &[Index]) -> Result<View> {
        if let ([Index::Slice(slice)], [n]) = (items, &self.shape[..]) {
            let (start, count, step) = slice.resolve(*n)?;
            let (mut shape, mut strides) = (Dims::new(), Strides::new());
            let stride = self.strides[0];
            shape.push(count);
            strides.push(stride.wrapping_mul(step));
            let offset = if count > 0 { self.offset + start * stride } else { self.offset };
            return Ok(View { offset, shape, strides });
        }
        let taken = items.iter().filter(|i| matches!(i, Index::At(_) | Index::Slice(_))).count();
        let dots = items.iter().filter(|i| matches!(i, Index::Ellipsis)).count();
        if dots > 1 {
            return Err(Error::new(Kind::Index, "an index can only have a single ellipsis ('...')"));
        }
        let Some(rest) = self.ndim().checked_sub(taken) else {
            return Err(Error::new(
                Kind::Index,
                format!(
                    "too many indices for array: array is {}-dimensional, but {taken} were indexed",
                    self.ndim()
                ),
            ));
        };
        let (mut offset, mut axis) = (self.offset, 0);
        let (mut shape, mut strides) = (Dims::new(), Strides::new());
        let keep = |axis: &mut usize, count: usize, shape: &mut Dims, strides: &mut Strides| {
            shape.extend_from_slice(&self.shape[*axis..*axis + count]);
            strides.extend_from_slice(&self.strides[*axis..*axis + count]);
            *axis += count;
        };
        for item in items {
            match item {
                Index::Ellipsis => keep(&mut axis, rest, &mut shape, &mut strides),
                Index::NewAxis => {
                    shape.push(1);
                    strides.push(0);
                }
                Index::At(i) => {
                    let n = self.shape[axis];
                    let at = if *i < 0 { *i + n as isize } else { *i };
                    if at < 0 || at >= n as isize {
                        return Err(Error::new(
                            Kind::Index,
                            format!("index {i} is out of bounds for axis {axis} with size {n}"),
                        ));
                    }
                    offset += at * self.strides[axis];
                    axis += 1;
                }
                Index::Slice(s) => {
                    let (start, count, step) = s.resolve(self.shape[axis])?;
                    if count > 0 {
                        offset += start * self.strides[axis];
                    }
                    shape.push(count);
                    strides.push(self.strides[axis].wrapping_mul(step));
                    axis += 1;
                }
            }
        }
        let rest = self.ndim() - axis;
        if rest > 0 {
            keep(&mut axis, rest, &mut shape, &mut strides);
        }
        if shape.len() > MAX_AXES {
            return Err(Error::new(
                Kind::Index,
                format!(
                    "number of dimensions must be within [0, {MAX_AXES}], indexing result would have {}",
                    shape.len()
                ),
            ));
        }
        Ok(View { offset, shape, strides })
    }
}
