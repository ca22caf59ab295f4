//! The order of axes in memory of handles: a value lies in C order of its own shape, the handle lists its axes as it likes.

use super::Array;
use crate::error::Result;
use crate::view::order::{copied, inverse, of_joined, of_result, reversed};
use crate::view::reshape::resolve_shape;
use crate::view::{Dims, Layout, View};
use smallvec::SmallVec;

/// # Order of axes
impl Array {
    /// The axes from the outermost in memory to the innermost, as a copy in this order has them; `None` is C order.
    pub fn order(&self, layout: Layout) -> Option<Dims> {
        copied(&self.view, if self.runs_backwards(layout) { Layout::F } else { layout })
    }

    /// The order of an array joined from these, which have as many axes each, as [`Array::order`] says it.
    pub fn joined_order(arrays: &[&Array]) -> Option<Dims> {
        let views: SmallVec<[&View; 4]> = arrays.iter().map(|array| &array.view).collect();
        of_joined(views.first().map_or(0, |view| view.ndim()), &views)
    }

    /// An array just made, with its axes as they lie in memory, as the one whose axis `order[i]` is its axis `i`.
    pub fn in_order(self, order: &[usize]) -> Array {
        Array { view: self.view.permute(&inverse(order)), ..self }
    }

    /// The view that lists the axes as they lie in memory.
    pub(super) fn by_order(&self, order: Option<&[usize]>) -> Array {
        match order {
            None => self.clone(),
            Some(order) => self.with_view(self.view.permute(order)),
        }
    }

    /// Whether `order=` means that the first axis runs fastest.
    fn runs_backwards(&self, layout: Layout) -> bool {
        match layout {
            Layout::F => true,
            Layout::A => self.is_fortran() && !self.is_contiguous(),
            Layout::C | Layout::K => false,
        }
    }

    /// `np.reshape(self, shape, order)`
    pub fn reshape_in(&self, shape: &[isize], layout: Layout) -> Result<Array> {
        if !self.runs_backwards(layout) {
            return self.reshape(shape);
        }
        // (Whose error would tell of the axes the other way round.)
        resolve_shape(self.size(), shape)?;
        let shape: SmallVec<[isize; 4]> = shape.iter().rev().copied().collect();
        let turned = self.by_order(reversed(self.ndim()).as_deref()).reshape(&shape)?;
        Ok(turned.in_order(&(0..shape.len()).rev().collect::<Dims>()))
    }

    /// `np.ravel(self, order)`: a view of what is consecutive in memory, a copy of anything else.
    pub fn ravel_in(&self, layout: Layout) -> Result<Array> {
        let order = match layout {
            // (Of axes that stand still a copy goes by another rule.)
            Layout::K => of_result(layout, self.ndim(), &[&self.view]),
            _ => self.order(layout),
        };
        let turned = self.by_order(order.as_deref());
        if turned.is_contiguous() { turned.ravel() } else { turned.copy()?.ravel() }
    }
}
