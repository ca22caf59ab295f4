//! Searching in sorted arrays, and counting in bins: `searchsorted`, `digitize`, `interp`, `bincount`, `histogram`.

use super::{Array, Item, Operand, direct};
use crate::algo::{self, Bins, Outside, Side, Trend, trend};
use crate::dtype::{Category, DType, Scalar, category, is_integer, promote};
use crate::error::{Error, Kind, Result};
use crate::ops::{Op, ReduceOp};
use crate::session;
use crate::view::{Index, Slice};

/// # Searching and counting
///
/// Computed at the call.
impl Array {
    /// `np.searchsorted(self, needles, side, sorter)`: an array of the needles' shape.
    ///
    /// # Errors
    /// `ValueError` unless this array has one axis, and the sorter as many elements, each of them an index of this array.
    pub fn searchsorted(&self, needles: &Array, side: Side, sorter: Option<&Array>) -> Result<Array> {
        let _turn = session::take_turn("searchsorted")?;
        one_axis(self)?;
        if let Some(sorter) = sorter {
            return self.sorted_by(sorter)?.searchsorted(needles, side, None);
        }
        let dtype = promote(self.dtype(), needles.dtype());
        if let Some(found) = direct::bins::searched(self, needles, dtype, side)? {
            return Ok(found);
        }
        let node = algo::search((self.arg(), self.size()), (needles.arg(), needles.shape()), dtype, side)?;
        Ok(Array::from_node(node))
    }

    /// The elements in the order that a sorter says.
    fn sorted_by(&self, sorter: &Array) -> Result<Array> {
        if !is_integer(sorter.dtype()) {
            return Err(Error::new(Kind::Type, "sorter must only contain integers"));
        }
        if sorter.ndim() != 1 {
            return Err(Error::new(Kind::Type, "could not parse sorter argument"));
        }
        if sorter.size() != self.size() {
            return Err(Error::new(Kind::Value, "sorter.size must equal a.size"));
        }
        if self.size() == 0 {
            return Ok(self.clone());
        }
        let extreme = |op| sorter.reduce(op, &Default::default())?.item();
        let (least, most) = (extreme(ReduceOp::Min)?, extreme(ReduceOp::Max)?);
        let is_inside = |x: Scalar| x.as_i128().is_some_and(|x| (0..self.size() as i128).contains(&x));
        if !is_inside(least) || !is_inside(most) {
            return Err(Error::new(Kind::Value, "Sorter index out of range."));
        }
        self.picked(&[Item::Array(sorter)])
    }

    /// `np.digitize(self, bins, right)`
    ///
    /// # Errors
    /// `TypeError` of complex numbers, `ValueError` unless the bins are one axis of numbers that rise or fall.
    pub fn digitize(&self, bins: &Array, right: bool) -> Result<Array> {
        let _turn = session::take_turn("digitize")?;
        if category(self.dtype()) == Category::Complex {
            return Err(Error::new(Kind::Type, "x may not be complex"));
        }
        if category(bins.dtype()) == Category::Complex {
            let text = format!(
                "Cannot cast array data from dtype('{}') to dtype('float64') according to the rule 'safe'",
                bins.dtype()
            );
            return Err(Error::new(Kind::Type, text));
        }
        one_axis(bins)?;
        let side = if right { Side::Left } else { Side::Right };
        match trend(bins.arg(), bins.size(), bins.dtype())? {
            Trend::Neither => {
                Err(Error::new(Kind::Value, "bins must be monotonically increasing or decreasing"))
            }
            Trend::Up => bins.searchsorted(self, side, None),
            Trend::Down => {
                let back = Slice { step: Some(-1), ..Slice::default() };
                let found = bins.index(&[Index::Slice(back)])?.searchsorted(self, side, None)?;
                let len = Scalar::I64(bins.size() as i64);
                Array::apply(Op::Subtract, &[len.into(), (&found).into()])
            }
        }
    }

    /// `np.interp(self, places, values, left, right)`
    ///
    /// # Errors
    /// `ValueError` unless places and values have one axis of one length, which is not 0.
    pub fn interp(&self, places: &Array, values: &Array, outside: Outside) -> Result<Array> {
        let _turn = session::take_turn("interp")?;
        one_axis(values)?;
        one_axis(places)?;
        if places.size() == 0 {
            return Err(Error::new(Kind::Value, "array of sample points is empty"));
        }
        if values.size() != places.size() {
            return Err(Error::new(Kind::Value, "fp and xp are not of the same length."));
        }
        let is_complex = category(values.dtype()) == Category::Complex;
        let dtype = if is_complex { DType::C128 } else { DType::F64 };
        if algo::is_far(places.size(), self.size()) {
            return self.interp_far(places, values, outside, dtype);
        }
        let points = (places.arg(), values.arg(), places.size());
        Ok(Array::from_node(algo::interp((self.arg(), self.shape()), points, outside, dtype)?))
    }

    /// As [`Array::interp`]: the points around each element are asked for, not all of them fetched.
    fn interp_far(&self, places: &Array, values: &Array, outside: Outside, dtype: DType) -> Result<Array> {
        let len = places.size();
        let found = algo::search((places.arg(), len), (self.arg(), self.shape()), DType::F64, Side::Right)?;
        let place = Array::from_node(found);
        let integer = |x: usize| Operand::Scalar(Scalar::PyInt(x as i128));
        let before = Array::apply(Op::Subtract, &[(&place).into(), integer(1)])?;
        let before = Array::apply(Op::Maximum, &[(&before).into(), integer(0)])?;
        let behind = Array::apply(Op::Add, &[(&before).into(), integer(1)])?;
        let behind = Array::apply(Op::Minimum, &[(&behind).into(), integer(len - 1)])?;
        let ends = Array::from_slice(&[2], &[0, len as i64 - 1])?;
        let bring = |at: &Array| -> Result<[Array; 2]> {
            Ok([places.picked(&[Item::Array(at)])?, values.picked(&[Item::Array(at)])?])
        };
        let args = |points: &[Array; 2]| [points[0].arg(), points[1].arg()];
        let (ends, from, to) = (bring(&ends)?, bring(&before)?, bring(&behind)?);
        let brought =
            algo::Brought { ends: args(&ends), place: place.arg(), from: args(&from), to: args(&to) };
        Ok(Array::from_node(algo::interp_brought(
            (self.arg(), self.shape()),
            (brought, len),
            outside,
            dtype,
        )?))
    }

    /// `np.bincount(self, weights, least)`: of integers or bools.
    ///
    /// # Errors
    /// `ValueError` if one is negative, if there are not as many weights, or unless all have one axis.
    pub fn bincount(&self, weights: Option<&Array>, least: usize) -> Result<Array> {
        let _turn = session::take_turn("bincount")?;
        one_axis(self)?;
        if self.size() == 0 {
            return Array::zeros(&[least], DType::I64);
        }
        if let Some(weights) = weights {
            one_axis(weights)?;
            if weights.size() != self.size() {
                return Err(Error::new(Kind::Value, "The weights and list don't have the same length."));
            }
        }
        if let Some(counts) = direct::bins::counted(self, weights, least)? {
            return Ok(counts);
        }
        let weights = weights.map(|weights| (weights.arg(), weights.dtype()));
        Ok(Array::from_node(algo::bincount(self.arg(), self.dtype(), self.size(), weights, least)?))
    }

    /// How many elements lie between each edge and the next, behind the last bin's left edge up to its right one; or what
    /// their weights come to, as integers, doubles or complex numbers. The edges rise; `are_equal` says that all bins are
    /// of one width.
    ///
    /// # Errors
    /// `ValueError` unless all have one axis, and as many weights as there are elements.
    pub fn histogram(&self, edges: &Array, are_equal: bool, weights: Option<&Array>) -> Result<Array> {
        let _turn = session::take_turn("histogram")?;
        one_axis(self)?;
        one_axis(edges)?;
        if weights.is_some_and(|weights| weights.shape() != self.shape()) {
            return Err(Error::new(Kind::Value, "weights should have the same shape as a."));
        }
        let weights = weights.map(|weights| {
            let sums = match category(weights.dtype()) {
                Category::Float => DType::F64,
                Category::Complex => DType::C128,
                _ => DType::I64,
            };
            (weights.arg(), weights.dtype(), sums)
        });
        let dtype = promote(self.dtype(), edges.dtype());
        let are_equal = are_equal && category(dtype) != Category::Complex;
        let bins = Bins { edges: edges.arg(), len: edges.size(), dtype, are_equal };
        Ok(Array::from_node(algo::histogram(self.arg(), self.dtype(), self.size(), &bins, weights)?))
    }
}

fn one_axis(array: &Array) -> Result<()> {
    let text = match array.ndim() {
        1 => return Ok(()),
        0 => "object of too small depth for desired array",
        _ => "object too deep for desired array",
    };
    Err(Error::new(Kind::Value, text))
}
