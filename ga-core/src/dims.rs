//! Small vectors of extents, indices and strides.
//!
//! Invariant: up to [`Dims::INLINE`] axes live inside the value, so nothing on the path of a patch allocates;
//! more axes spill to the heap and everything still works.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// One number per axis: a shape, an index, or strides. A slice in all its uses.
#[derive(Clone)]
pub struct Dims {
    len: usize,
    inline: [usize; Dims::INLINE],
    spill: Option<Box<[usize]>>,
}

impl Dims {
    /// How many axes are stored without an allocation.
    pub const INLINE: usize = 8;

    /// `len` times `value`.
    #[inline]
    pub fn filled(value: usize, len: usize) -> Self {
        let spill = (len > Self::INLINE).then(|| vec![value; len].into_boxed_slice());
        Dims { len, inline: [value; Self::INLINE], spill }
    }

    /// The values `f(0) .. f(len)`.
    #[inline]
    pub fn from_fn(len: usize, f: impl FnMut(usize) -> usize) -> Self {
        let mut dims = Self::filled(0, len);
        dims.iter_mut().zip((0..len).map(f)).for_each(|(d, v)| *d = v);
        dims
    }

    /// Row-major (C order) strides of a dense block of this shape, in elements.
    #[inline]
    pub fn row_major_strides(shape: &[usize]) -> Self {
        let mut strides = Self::filled(1, shape.len());
        for d in (1..shape.len()).rev() {
            strides[d - 1] = strides[d] * shape[d];
        }
        strides
    }
}

impl Deref for Dims {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        match &self.spill {
            None => &self.inline[..self.len],
            Some(spill) => spill,
        }
    }
}

impl DerefMut for Dims {
    #[inline]
    fn deref_mut(&mut self) -> &mut [usize] {
        match &mut self.spill {
            None => &mut self.inline[..self.len],
            Some(spill) => spill,
        }
    }
}

impl From<&[usize]> for Dims {
    #[inline]
    fn from(values: &[usize]) -> Self {
        Self::from_fn(values.len(), |d| values[d])
    }
}

impl<const N: usize> From<[usize; N]> for Dims {
    #[inline]
    fn from(values: [usize; N]) -> Self {
        Self::from(values.as_slice())
    }
}

impl PartialEq for Dims {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Dims {}

impl fmt::Debug for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self[..], f)
    }
}

/// Number of elements of a shape, or `None` when it overflows `usize`.
pub(crate) fn checked_volume(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spills_beyond_the_inline_axes() {
        for len in 0..20 {
            let naive: Vec<usize> = (0..len).map(|d| 3 * d + 1).collect();
            let mut dims = Dims::from(naive.as_slice());
            assert_eq!(&dims[..], &naive[..]);
            assert_eq!(dims.clone(), dims);
            dims.iter_mut().for_each(|v| *v += 1);
            assert_eq!(dims.iter().sum::<usize>(), naive.iter().sum::<usize>() + len);
        }
    }

    #[test]
    fn strides_are_those_of_c_order() {
        assert_eq!(&Dims::row_major_strides(&[4, 3, 5])[..], &[15, 5, 1]);
        assert_eq!(&Dims::row_major_strides(&[])[..], &[] as &[usize]);
        assert_eq!(checked_volume(&[usize::MAX, 2]), None);
        assert_eq!(checked_volume(&[usize::MAX, 2, 0]), Some(0));
        assert_eq!(checked_volume(&[]), Some(1));
    }
}
