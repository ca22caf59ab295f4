//! From and to `ndarray`.

use super::DistArray;
use crate::array::Array;
use crate::dtype::{Element, Scalar};
use crate::error::Result;
use ndarray::{ArrayBase, Data, Dimension, IntoDimension};

impl<T: Element + Into<Scalar>, D: Dimension> DistArray<T, D> {
    /// A distributed array with the elements of an `ndarray` one, which every rank passes alike.
    pub fn from_ndarray<S: Data<Elem = T>>(array: &ArrayBase<S, D>) -> Result<Self> {
        let standard = array.as_standard_layout();
        let elements = standard.as_slice().expect("standard layout is a slice");
        Array::from_slice(array.shape(), elements).map(Self::promise)
    }

    /// From a function of the index, called by every rank for every element.
    pub fn from_shape_fn(shape: impl IntoDimension<Dim = D>, f: impl FnMut(D::Pattern) -> T) -> Result<Self> {
        Self::from_ndarray(&ndarray::Array::from_shape_fn(shape.into_dimension(), f))
    }

    /// All elements, on every rank.
    pub fn to_ndarray(&self) -> Result<ndarray::Array<T, D>> {
        let elements = self.array.to_vec::<T>()?;
        let array = ndarray::Array::from_shape_vec(self.raw_dim(), elements);
        Ok(array.expect("as many elements as the shape says"))
    }

    /// All elements, called by any rank on its own; see [`Array::get_bytes`].
    pub fn get(&self) -> Result<ndarray::Array<T, D>> {
        let mut elements = vec![T::default(); self.len()];
        let len_bytes = size_of_val(&elements[..]);
        // SAFETY: an `Element` is plain data without padding; what is written are elements of the same type.
        let bytes = unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast::<u8>(), len_bytes) };
        self.array.get_bytes(bytes)?;
        let array = ndarray::Array::from_shape_vec(self.raw_dim(), elements);
        Ok(array.expect("as many elements as the shape says"))
    }
}

impl<T: Element + Into<Scalar>, D: Dimension> TryFrom<Array> for DistArray<T, D> {
    type Error = crate::Error;

    fn try_from(array: Array) -> Result<Self> {
        Self::from_array(array)
    }
}

impl<T, D> From<DistArray<T, D>> for Array {
    fn from(array: DistArray<T, D>) -> Array {
        array.array
    }
}

impl<T, D> std::fmt::Display for DistArray<T, D> {
    /// As NumPy prints it. Collective; moves only the elements shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.array.fmt(f)
    }
}
