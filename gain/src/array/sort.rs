//! Sorting: NumPy's axes, places and order of axes around the algorithm.

use super::{Array, direct};
use crate::algo::{self, Gives, Sort};
use crate::dtype::{Category, category};
use crate::error::{Error, Kind, Result, normalize_axis};
use crate::session;
use crate::view::{Dims, Layout};

/// # Sorting
///
/// Collective. NaN comes last; of zeros of both signs the negative ones come first; else equal elements stay in their order.
impl Array {
    /// `np.sort(self, axis)`; with places `np.partition(self, places, axis)`.
    ///
    /// # Errors
    /// An axis or a place outside, as NumPy's.
    pub fn sorted(&self, axis: isize, places: Option<&[isize]>) -> Result<Array> {
        self.ordered(axis, places, Gives::Elements)
    }

    /// `np.argsort(self, axis)`; with places `np.argpartition(self, places, axis)`.
    ///
    /// # Errors
    /// As [`Array::sorted`].
    pub fn argsorted(&self, axis: isize, places: Option<&[isize]>) -> Result<Array> {
        self.ordered(axis, places, Gives::Numbers)
    }

    fn ordered(&self, axis: isize, places: Option<&[isize]>, gives: Gives) -> Result<Array> {
        let name = if gives == Gives::Elements { "sort" } else { "argsort" };
        let _turn = session::take_turn(name)?;
        let axis = normalize_axis(axis, self.ndim())?;
        let places = places.map(|places| checked(places, self.shape()[axis])).transpose()?;
        // (Numbers come in C order, elements in the array's own.)
        let order = if gives == Gives::Elements { self.order(Layout::K) } else { None };
        let turned = self.by_order(order.as_deref());
        let axis = order.as_ref().map_or(axis, |order| order.iter().position(|&d| d == axis).unwrap_or(axis));
        let shape: Dims = turned.shape().into();
        let sort = Sort { shape: &shape, axis, dtype: self.dtype(), gives, places: places.as_deref() };
        if let Some(made) = direct::sort::sorted(&turned, &sort)? {
            return Ok(Array::from_node_in(made, order.as_deref()));
        }
        let node = algo::operand(turned.arg(), &shape, self.dtype());
        if axis + 1 == shape.len() || sort.is_local(node.blocks) {
            return Ok(Array::from_node_in(sort.run(&node)?, order.as_deref()));
        }
        // With the axis last in memory, and back.
        let turn: Dims = (0..shape.len()).filter(|&d| d != axis).chain([axis]).collect();
        let moved = turned.with_view(turned.view.permute(&turn));
        let shape: Dims = moved.shape().into();
        let sort = Sort { shape: &shape, axis: shape.len() - 1, ..sort };
        let node = algo::operand(moved.arg(), &shape, self.dtype());
        let made = Array::from_node_in(sort.run(&node)?, Some(&turn));
        let made = made.laid_out(made.dtype(), Layout::C)?;
        Ok(if let Some(order) = &order { made.in_order(order) } else { made })
    }

    /// The elements that belong at these places, in ascending order, of the order of all.
    ///
    /// # Errors
    /// `ValueError` for a place outside, `TypeError` for complex numbers.
    pub fn selected(&self, places: &[usize]) -> Result<Array> {
        let _turn = session::take_turn("partition")?;
        if category(self.dtype()) == Category::Complex {
            return Err(Error::new(Kind::Type, "complex numbers are sorted, and not selected"));
        }
        let size = self.size();
        if let Some(place) = places.iter().find(|&&place| place >= size) {
            return Err(outside(*place as isize, size));
        }
        let made = algo::select(self.arg(), self.shape(), self.dtype(), places)?;
        Ok(Array::from_node(made))
    }

    /// `np.unique(self)` of few elements of one axis, by now; `None` of others.
    pub fn distinct_now(&self, equal_nan: bool) -> Result<Option<Array>> {
        let _turn = session::take_turn("sort")?;
        let (shape, dtype) = (self.shape(), self.dtype());
        let sort = Sort { shape, axis: 0, dtype, gives: Gives::Elements, places: None };
        let Some(ordered) = direct::sort::sorted(self, &sort)? else { return Ok(None) };
        Ok(Some(Array::from_node(direct::sort::distinct(&ordered, equal_nan)?)))
    }

    /// For each element whether it is among those of `others`, which have one axis and the same type; or whether it isn't. Every
    /// rank looks at all of `others`.
    pub fn is_among(&self, others: &Array, is_wanted: bool) -> Result<Array> {
        let _turn = session::take_turn("isin")?;
        if let Some(made) = direct::sort::member(self, others, is_wanted)? {
            return Ok(Array::from_node(made));
        }
        let node = algo::operand(self.arg(), self.shape(), self.dtype());
        Ok(Array::from_node(algo::member(&node, others.arg(), others.size(), is_wanted)?))
    }
}

fn outside(place: isize, len: usize) -> Error {
    Error::new(Kind::Value, format!("kth(={place}) out of bounds ({len})"))
}

/// Places from the front, in ascending order.
fn checked(places: &[isize], len: usize) -> Result<Vec<usize>> {
    let mut found = Vec::with_capacity(places.len());
    for &place in places {
        let place = if place < 0 { place + len as isize } else { place };
        // (NumPy looks at no place of an axis without any.)
        if place < 0 || place >= len as isize {
            return if len == 0 { Ok(Vec::new()) } else { Err(outside(place, len)) };
        }
        found.push(place as usize);
    }
    found.sort_unstable();
    Ok(found)
}
