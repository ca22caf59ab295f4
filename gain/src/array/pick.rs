//! Indexing by arrays: of integers, of bools, and mixed with slices, `None` and `...`, by NumPy's rules.

use super::{Array, Operand, direct};
use crate::algo::{self, Indices, Pick};
use crate::dtype::{Category, DType, Scalar, category};
use crate::error::{Error, Kind, Result, shape_text};
use crate::ops::Op;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::status;
use crate::view::{Dims, Index, Layout, MAX_AXES, Strides, View, broadcast_shapes};
use smallvec::SmallVec;
use std::sync::Arc;

/// One item between the brackets of `a[...]`, arrays among them.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// An integer, a slice, `...` or `None`.
    Basic(Index),
    /// Of integers, one for each place of an axis that is wanted; or of bools, for as many axes as it has.
    Array(&'a Array),
    /// One bool: a new axis with one place or none.
    Truth(bool),
}

/// An item with bools made numbers.
enum Plain {
    Basic(Index),
    Numbers(Array),
    Truth(bool),
}

/// # Indexing by arrays
///
/// Collective: the indices are looked at when it is called.
impl Array {
    /// `self[items]`, a copy.
    ///
    /// # Errors
    /// `IndexError` as NumPy's: an index outside, arrays that don't broadcast, bools of another shape.
    pub fn picked(&self, items: &[Item<'_>]) -> Result<Array> {
        let _turn = session::take_turn("getitem")?;
        if let [Item::Array(mask)] = items
            && mask.dtype() == DType::Bool
            && mask.shape() == self.shape()
            && self.ndim() > 0
        {
            if let Some(made) = direct::pick::compressed(Some(self), mask)? {
                return Ok(made);
            }
            let made = algo::compress(Some(self.arg()), mask.arg(), self.shape(), self.dtype())?;
            return Ok(Array::from_node(made));
        }
        if self.lens.is_some() {
            return self.laid_out(self.dtype(), crate::view::Layout::C)?.picked(items);
        }
        if let [Item::Array(index)] = items
            && let Some(made) = direct::pick::taken(self, index)?
        {
            return Ok(made);
        }
        let pick = self.pick(items)?;
        if let Some(made) = direct::pick::gathered(self, &pick)? {
            return Ok(made);
        }
        Ok(Array::from_node(algo::gather(&self.cell.get(), self.dtype(), &pick)?))
    }

    /// `self[items] = value`: of several values for one element the last is kept.
    ///
    /// # Errors
    /// As [`Array::picked`]; `ValueError` if the value doesn't broadcast. Nothing is written then.
    pub fn set_picked<'a>(&self, items: &[Item<'_>], value: impl Into<Operand<'a>>) -> Result<()> {
        let _turn = session::take_turn("setitem")?;
        let value = value.into();
        if self.view.repeats() {
            return Err(Error::new(Kind::Value, "assignment destination is read-only"));
        }
        if let [Item::Array(mask)] = items
            && mask.dtype() == DType::Bool
            && mask.shape() == self.shape()
            && self.ndim() > 0
        {
            let is_one = match value {
                Operand::Scalar(_) => true,
                Operand::Array(value) => value.size() == 1 && value.ndim() <= 1,
            };
            if is_one {
                return self.set_where(mask, value);
            }
        }
        if let [Item::Array(index)] = items
            && direct::pick::put(self, index, value)?
        {
            return Ok(());
        }
        if self.lens.is_some() {
            let copy = self.laid_out(self.dtype(), crate::view::Layout::C)?;
            copy.set_picked(items, value)?;
            return self.assign(&copy);
        }
        let pick = self.pick(items)?;
        let shape = pick.shape();
        let (value, is_one) = match value {
            Operand::Scalar(x) => (Arg::Const(status::converted(x, x.assigned(self.dtype())?)), true),
            Operand::Array(a) => {
                a.bound()?;
                status::converts(a.dtype(), self.dtype());
                let is_one = a.size() == 1 && a.ndim() <= shape.len();
                let to: &[usize] = if is_one { &[1] } else { &shape };
                (spread(a, to, &shape, items)?, is_one)
            }
        };
        if shape.contains(&0) {
            // (Indices of nothing are looked at all the same.)
            self.picked(items)?;
            return Ok(());
        }
        if direct::pick::scattered(self, &pick, &value, is_one)? {
            return Ok(());
        }
        let value = match value {
            Arg::Const(x) => Arg::whole(Node::lazy(SmallVec::from_slice(&[1]), self.dtype(), Expr::Fill(x))),
            value => value,
        };
        let made = algo::put(self.cell.get(), self.dtype(), &pick, value, is_one)?;
        self.cell.set(made);
        Ok(())
    }

    /// `self[mask] = value`, one for all.
    fn set_where(&self, mask: &Array, value: Operand<'_>) -> Result<()> {
        let dtype = self.dtype();
        let value = match value {
            Operand::Scalar(x) => Arg::Const(status::converted(x, x.assigned(dtype)?)),
            Operand::Array(a) => {
                a.bound()?;
                status::converts(a.dtype(), dtype);
                let one =
                    Array::from_node(Node::lazy(SmallVec::new(), dtype, Expr::Cast(a.reshape(&[])?.arg())));
                one.broadcast_to(self.shape())?.arg()
            }
        };
        if let Arg::Const(_) = value
            && direct::pick::filled_where(self, mask, &value)?
        {
            return Ok(());
        }
        let chosen = Expr::choice(mask.arg(), [value, self.arg()], dtype);
        let made = Array::from_node(Node::lazy(self.view.shape.clone(), dtype, chosen));
        self.assign(&made)
    }

    /// `np.repeat(self, counts)`, both of one axis: each element as often as its count says.
    ///
    /// # Errors
    /// `ValueError` if a count is negative, or unless there are as many as elements.
    pub fn repeated(&self, counts: &Array) -> Result<Array> {
        let _turn = session::take_turn("repeat")?;
        if self.ndim() != 1 || counts.shape() != self.shape() {
            let shapes = [self, counts].map(|array| shape_text(array.shape()));
            let text =
                format!("operands could not be broadcast together with shape {} {}", shapes[0], shapes[1]);
            return Err(Error::new(Kind::Value, text));
        }
        Ok(Array::from_node(algo::expand(self.arg(), counts.arg(), self.size(), self.dtype())?))
    }

    /// `np.repeat(self, times, axis)` by one number: a copy, also where nothing is repeated.
    pub fn repeated_evenly(&self, times: usize, axis: usize) -> Result<Array> {
        let _turn = session::take_turn("repeat")?;
        let mut view = self.view.clone();
        view.shape.insert(axis + 1, 1);
        view.strides.insert(axis + 1, 0);
        let mut wider = view.shape.clone();
        wider[axis + 1] = times;
        let view = view.broadcast_to(&wider)?;
        let extent = |d: usize| match d == axis {
            true => wider[d].saturating_mul(times).min(isize::MAX as usize),
            false => wider[d + usize::from(d > axis)],
        };
        let shape: SmallVec<[isize; 4]> = (0..self.ndim()).map(|d| extent(d) as isize).collect();
        let made = self.with_view(view).reshape(&shape)?;
        if Arc::ptr_eq(&made.cell, &self.cell) { made.laid_out(made.dtype(), Layout::C) } else { Ok(made) }
    }

    /// `np.flatnonzero(self)`, of bools.
    pub fn flat_nonzero(&self) -> Result<Array> {
        let _turn = session::take_turn("nonzero")?;
        if let Some(made) = direct::pick::compressed(None, self)? {
            return Ok(made);
        }
        let mask = self.cast_to(DType::Bool);
        Ok(Array::from_node(algo::compress(None, mask.arg(), self.shape(), DType::I64)?))
    }

    /// `np.nonzero(self)`: an array of coordinates for each axis.
    pub fn nonzero(&self) -> Result<Vec<Array>> {
        let flat = self.flat_nonzero()?;
        let mut step = self.size();
        let shape: Dims = SmallVec::from_slice(self.shape());
        shape
            .iter()
            .enumerate()
            .map(|(axis, &extent)| {
                step /= extent.max(1);
                let by = |n: usize| Operand::Scalar(Scalar::PyInt(n.max(1) as i128));
                let mut at = flat.clone();
                if step > 1 {
                    at = Array::apply(Op::FloorDivide, &[(&at).into(), by(step)])?;
                }
                if axis > 0 {
                    at = Array::apply(Op::Remainder, &[(&at).into(), by(extent)])?;
                }
                Ok(at)
            })
            .collect()
    }

    /// Few arrays of few elements, of one type and shapes that fit, joined along an axis; `None` where that has to be recorded.
    pub fn joined_few(arrays: &[&Array], axis: usize) -> Result<Option<Array>> {
        let _turn = session::take_turn("concatenate")?;
        direct::pick::joined(arrays, axis)
    }

    fn check_mask(&self, mask: &Array, axis: usize) -> Result<()> {
        for (k, &n) in mask.shape().iter().enumerate() {
            let own = self.shape().get(axis + k).copied();
            // (NumPy takes a mask without elements for one of any extent.)
            if own != Some(n) && n > 0 {
                let own = own.unwrap_or(0);
                let at = axis + k;
                return Err(Error::new(
                    Kind::Index,
                    format!(
                        "boolean index did not match indexed array along axis {at}; size of axis is {own} but size of corresponding boolean axis is {n}"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Which elements the items name.
    pub(super) fn pick(&self, items: &[Item<'_>]) -> Result<Pick> {
        let axes_of = |item: &Item<'_>| match item {
            Item::Basic(Index::At(_) | Index::Slice(_)) => 1,
            Item::Array(a) if a.dtype() == DType::Bool => a.ndim(),
            Item::Array(_) => 1,
            _ => 0,
        };
        let taken: usize = items.iter().map(axes_of).sum();
        if items.iter().filter(|item| matches!(item, Item::Basic(Index::Ellipsis))).count() > 1 {
            return Err(Error::new(Kind::Index, "an index can only have a single ellipsis ('...')"));
        }
        let Some(rest) = self.ndim().checked_sub(taken) else {
            let text = format!(
                "too many indices for array: array is {}-dimensional, but {taken} were indexed",
                self.ndim()
            );
            return Err(Error::new(Kind::Index, text));
        };
        // Bools by their numbers, with the shapes checked first.
        let mut axis = 0;
        for item in items {
            match item {
                Item::Array(a) if a.dtype() == DType::Bool => self.check_mask(a, axis)?,
                Item::Array(a) if !matches!(category(a.dtype()), Category::Signed | Category::Unsigned) => {
                    let text = "arrays used as indices must be of integer (or boolean) type";
                    return Err(Error::new(Kind::Index, text));
                }
                _ => {}
            }
            axis += if matches!(item, Item::Basic(Index::Ellipsis)) { rest } else { axes_of(item) };
        }
        let mut plain: Vec<Plain> = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Item::Basic(index) => plain.push(Plain::Basic(*index)),
                Item::Truth(truth) => plain.push(Plain::Truth(*truth)),
                Item::Array(a) if a.dtype() == DType::Bool => {
                    plain.extend(a.nonzero()?.into_iter().map(Plain::Numbers));
                }
                Item::Array(a) => plain.push(Plain::Numbers(Array::clone(a))),
            }
        }
        self.laid(plain, rest)
    }

    fn laid(&self, items: Vec<Plain>, rest: usize) -> Result<Pick> {
        let (mut offset, mut axis) = (self.view.offset, 0);
        let (mut shape, mut strides) = (Dims::new(), Strides::new());
        let mut indices: SmallVec<[Indices; 2]> = SmallVec::new();
        let mut among: SmallVec<[Dims; 4]> = SmallVec::new();
        // Where the axes of the arrays go: to the place of the first, unless something lies between two of them.
        let (mut place, mut is_open, mut is_split) = (None, false, false);
        for item in items {
            let is_array = !matches!(item, Plain::Basic(Index::Slice(_) | Index::Ellipsis | Index::NewAxis));
            match (is_array, place) {
                (true, None) => (place, is_open) = (Some(shape.len()), true),
                (true, Some(_)) => is_split |= !is_open,
                (false, _) => is_open = false,
            }
            let n = self.view.shape.get(axis).copied().unwrap_or(0);
            let stride = self.view.strides.get(axis).copied().unwrap_or(0);
            match item {
                Plain::Basic(Index::Ellipsis) => {
                    shape.extend_from_slice(&self.view.shape[axis..axis + rest]);
                    strides.extend_from_slice(&self.view.strides[axis..axis + rest]);
                    axis += rest;
                }
                Plain::Basic(Index::NewAxis) => {
                    shape.push(1);
                    strides.push(0);
                }
                Plain::Basic(Index::At(i)) => {
                    let at = if i < 0 { i + n as isize } else { i };
                    if at < 0 || at >= n as isize {
                        let text = format!("index {i} is out of bounds for axis {axis} with size {n}");
                        return Err(Error::new(Kind::Index, text));
                    }
                    offset += at * stride;
                    axis += 1;
                }
                Plain::Basic(Index::Slice(slice)) => {
                    let (start, count, step) = slice.resolve(n)?;
                    offset += if count > 0 { start * stride } else { 0 };
                    shape.push(count);
                    strides.push(stride.wrapping_mul(step));
                    axis += 1;
                }
                Plain::Truth(truth) => among.push(SmallVec::from_slice(&[usize::from(truth)])),
                Plain::Numbers(numbers) => {
                    let shape: Dims = SmallVec::from_slice(numbers.shape());
                    among.push(shape.clone());
                    indices.push(Indices { value: numbers.arg(), shape, axis, extent: n, stride });
                    axis += 1;
                }
            }
        }
        shape.extend_from_slice(&self.view.shape[axis..]);
        strides.extend_from_slice(&self.view.strides[axis..]);
        let shapes: SmallVec<[&[usize]; 4]> = among.iter().map(|shape| &shape[..]).collect();
        let among = broadcast_shapes(&shapes).map_err(|_| {
            let shapes: String = among.iter().map(|shape| shape_text(shape) + " ").collect();
            let text = format!(
                "shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
            );
            Error::new(Kind::Index, text)
        })?;
        if shape.len() + among.len() > MAX_AXES {
            let text = format!(
                "number of dimensions must be within [0, {MAX_AXES}], indexing result would have {}",
                shape.len() + among.len()
            );
            return Err(Error::new(Kind::Index, text));
        }
        let at = if is_split { 0 } else { place.unwrap_or(0) };
        let part = |range: std::ops::Range<usize>| {
            (SmallVec::from_slice(&shape[range.clone()]), SmallVec::from_slice(&strides[range]))
        };
        Ok(Pick { offset, outer: part(0..at), inner: part(at..shape.len()), among, indices })
    }
}

/// A value as an operand of this shape.
fn spread(value: &Array, to: &[usize], shape: &[usize], items: &[Item<'_>]) -> Result<Arg> {
    if to.len() == 1 && value.size() == 1 {
        return Ok(value.reshape(&[1])?.arg());
    }
    let mut view = value.view.clone();
    while view.shape.len() > shape.len() && view.shape[0] == 1 {
        view.shape.remove(0);
        view.strides.remove(0);
    }
    let mismatch = || {
        let own = value.shape();
        let is_mask = matches!(items, [Item::Array(mask)] if mask.dtype() == DType::Bool && shape.len() == 1);
        if is_mask && own.len() > 1 {
            let text = format!(
                "NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has {} dimensions",
                own.len()
            );
            return Error::new(Kind::Type, text);
        }
        if is_mask && let ([n], [wanted]) = (own, shape) {
            return Error::new(
                Kind::Value,
                format!(
                    "NumPy boolean array indexing assignment cannot assign {n} input values to the {wanted} output values where the mask is true"
                ),
            );
        }
        let (own, wanted) = (shape_text(own), shape_text(shape));
        let text = format!(
            "shape mismatch: value array of shape {own} could not be broadcast to indexing result of shape {wanted}"
        );
        Error::new(Kind::Value, text)
    };
    let view: View = view.broadcast_to(shape).map_err(|_| mismatch())?;
    Ok(value.with_view(view).arg())
}
