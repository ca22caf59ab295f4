//! Views of arrays: the view algebra on handles.

use super::Array;
use crate::error::{Error, Kind, Result};
use crate::view::reshape::resolve_shape;
use crate::view::{Dims, Index, Layout, Strides, View, checked_size};

/// # Views
///
/// None of these moves or evaluates anything, nor involves other ranks, `reshape` and `ravel` of a view that strides
/// can't describe excepted: these record a copy.
impl Array {
    /// `self[items]`
    #[inline]
    pub fn index(&self, items: &[Index]) -> Result<Array> {
        Ok(self.with_view(self.view.index(items)?))
    }

    /// `np.transpose(self, axes)`; `None` reverses the axes.
    pub fn transpose(&self, axes: Option<&[isize]>) -> Result<Array> {
        Ok(self.with_view(self.view.transpose(axes)?))
    }

    /// `self.reshape(shape)`, one entry may be -1: a view where NumPy gives a view, else a copy.
    pub fn reshape(&self, shape: &[isize]) -> Result<Array> {
        let shape = resolve_shape(self.size(), shape)?;
        match self.view.reshape(&shape)? {
            // Steps of no elements are those of the elements there could be.
            Some(view) if view.size() == 0 && self.lens.is_some() => {
                Ok(self.with_view(view.finer(self.dtype().size_bytes())))
            }
            Some(view) => Ok(self.with_view(view)),
            None => {
                let copy = self.laid_out(self.dtype(), Layout::C)?;
                let view = View::contiguous(&shape);
                Ok(Array { view, ..copy })
            }
        }
    }

    /// `self.ravel()`: 1-D; a view where possible. `.flat` is this.
    pub fn ravel(&self) -> Result<Array> {
        self.reshape(&[-1])
    }

    /// `np.broadcast_to(self, shape)`
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Array> {
        Ok(self.with_view(self.view.broadcast_to(shape)?))
    }

    /// `np.lib.stride_tricks.as_strided(self, shape, strides)`: steps in bytes, from the array's first element on. Elements may
    /// stand at several places; that all of them lie in the memory of the array's base is checked.
    pub fn strided(&self, shape: &[usize], strides_bytes: &[isize]) -> Result<Array> {
        let fail = |text: &str| Err(Error::new(Kind::Value, text));
        if shape.len() != strides_bytes.len() {
            return fail("mismatch in length of strides and shape");
        }
        let offset = self.bytes().offset;
        if checked_size(shape)? > 0 {
            let (mut low, mut high) = (offset as i128, offset as i128 + self.dtype().size_bytes() as i128);
            for (&n, &step) in shape.iter().zip(strides_bytes) {
                let far = (n as i128 - 1) * step as i128;
                if far < 0 { low += far } else { high += far }
            }
            let base = self.cell.get();
            if low < 0 || high > (base.len() * base.dtype.size_bytes()) as i128 {
                return fail("strides is incompatible with shape of requested array and size of buffer");
            }
        }
        let (shape, strides) = (Dims::from_slice(shape), Strides::from_slice(strides_bytes));
        Ok(self.seen(View { offset, shape, strides }, self.dtype()))
    }

    /// `np.squeeze(self, axes)`
    pub fn squeeze(&self, axes: Option<&[isize]>) -> Result<Array> {
        Ok(self.with_view(self.view.squeeze(axes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use proptest::prelude::*;

    proptest! {
        /// Against the elements picked one by one; what would lie outside is refused.
        #[test]
        fn strided_shows_what_lies_there(
            start in 0isize..40, axes in prop::collection::vec((0usize..4, -6isize..7), 0..4),
        ) {
            let base = Array::arange(0i64.into(), 40i64.into(), 1i64.into(), Some(DType::I64)).unwrap();
            let from = base.index(&[Index::range(start, None)]).unwrap();
            let (shape, steps): (Vec<usize>, Vec<isize>) = axes.into_iter().unzip();
            let places = ndarray::indices(ndarray::IxDyn(&shape)).into_iter().map(|index| {
                let index = ndarray::Dimension::slice(&index).to_vec();
                index.iter().zip(&steps).fold(start, |at, (&i, &step)| at + i as isize * step)
            });
            let places: Vec<isize> = places.collect();
            let strides: Vec<isize> = steps.iter().map(|step| step * 8).collect();
            let is_inside = places.iter().all(|place| (0..40).contains(place));
            let made = from.strided(&shape, &strides);
            prop_assert_eq!(made.is_ok(), is_inside);
            let Ok(made) = made else { return Ok(()) };
            prop_assert_eq!(made.to_vec::<i64>().unwrap(), places.iter().map(|&place| place as i64).collect::<Vec<_>>());
            let mut sorted = places.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let written = made.assign(7i64);
            prop_assert_eq!(written.is_ok(), sorted.len() == places.len());
            prop_assert_eq!(made.view().overlaps(), written.is_err());
        }
    }
}
