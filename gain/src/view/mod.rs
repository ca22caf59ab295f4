//! View algebra: which elements of a flat buffer an array shows, and in which order.
//!
//! A [`View`] is an offset, a shape and signed strides, all counted in elements of a base that is laid out in
//! C order. Every operation here is arithmetic on those few numbers; nothing is moved, nobody is asked.
//!
//! Invariant: a view with elements touches flat indices `0 <= i < len` of its base only. Every constructor of this
//! module keeps it, given a view that has it. A shape has at most [`MAX_AXES`] axes, and its extents that aren't 0
//! multiply to no more elements than can be addressed whatever their type ([`checked_size`]): each operation that can
//! make a larger shape out of smaller ones asks, so products of extents and of steps never wrap.

mod index;
mod map;
pub(crate) mod order;
pub(crate) mod reshape;

pub use index::{Index, Slice};
pub(crate) use map::AxisMap;
pub use order::Layout;

use crate::error::{Error, Kind, Result, normalize_axis, shape_text};
use smallvec::SmallVec;

/// Extents, one per axis.
pub type Dims = SmallVec<[usize; 4]>;
/// Steps in elements, one per axis.
pub type Strides = SmallVec<[isize; 4]>;

/// A window on a flat buffer: element `i` of the view is element `offset + sum(i[d] * strides[d])` of the base.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct View {
    pub(crate) offset: isize,
    pub(crate) shape: Dims,
    pub(crate) strides: Strides,
}

// (By hand: what is derived copies number by number.)
impl Clone for View {
    #[inline]
    fn clone(&self) -> View {
        let View { offset, shape, strides } = self;
        View { offset: *offset, shape: SmallVec::from_slice(shape), strides: SmallVec::from_slice(strides) }
    }
}

/// C-order strides of a shape.
#[inline]
pub(crate) fn c_strides(shape: &[usize]) -> Strides {
    let mut strides: Strides = SmallVec::from_elem(1, shape.len());
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d].max(1) as isize;
    }
    strides
}

/// Most axes that an array may have.
pub const MAX_AXES: usize = 64;

/// Most elements: of the largest type, this many bytes can still be counted.
const MAX_SIZE: usize = isize::MAX as usize / 16;

/// The elements that a shape would have if it had no extents of 0; `None` if they can't be counted.
fn spread(shape: &[usize]) -> Option<usize> {
    shape.iter().filter(|&&n| n != 0).try_fold(1usize, |a, &n| a.checked_mul(n))
}

/// Number of elements of a shape, or an error if it has too many of them or too many axes.
pub fn checked_size(shape: &[usize]) -> Result<usize> {
    if shape.len() > MAX_AXES {
        let text = format!(
            "maximum supported dimension for an ndarray is currently {MAX_AXES}, found {}",
            shape.len()
        );
        return Err(Error::new(Kind::Value, text));
    }
    match spread(shape) {
        Some(n) if n <= MAX_SIZE => Ok(shape.iter().product()),
        _ => Err(Error::new(
            Kind::Value,
            "array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.",
        )),
    }
}

/// As [`checked_size`], for a shape that operands are broadcast to.
fn checked_broadcast(shape: &[usize]) -> Result<()> {
    match shape.iter().try_fold(1usize, |a, &n| a.checked_mul(n)) {
        Some(n) if n <= isize::MAX as usize => checked_size(shape).map(|_| ()),
        _ if shape.contains(&0) => checked_size(shape).map(|_| ()),
        _ => Err(Error::new(Kind::Value, "iterator is too large")),
    }
}

impl View {
    /// All of a base of this shape, in C order.
    #[inline]
    pub fn contiguous(shape: &[usize]) -> View {
        View { offset: 0, shape: SmallVec::from_slice(shape), strides: c_strides(shape) }
    }

    /// All of a new base of this shape: as [`View::contiguous`], but with NumPy's steps of 0 where there are no elements, so
    /// that what is made of it gets no order from them.
    #[inline]
    pub(crate) fn of_new(shape: &[usize]) -> View {
        let mut view = View::contiguous(shape);
        if shape.contains(&0) {
            view.strides.fill(0);
        }
        view
    }

    /// Index in the base of the first element.
    pub fn offset(&self) -> isize {
        self.offset
    }

    /// Extents.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Steps in elements.
    #[inline]
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Whether some element may stand at several places, so that several threads would write it at once.
    pub fn is_folded(&self) -> bool {
        if self.shape.contains(&0) {
            return false;
        }
        let axes = self.shape.iter().zip(&self.strides).filter(|(n, _)| **n > 1);
        let axes = axes.map(|(&n, s)| (s.unsigned_abs(), n));
        let is_within = |reach: &mut usize, (step, n): (usize, usize)| {
            let is_within = step <= *reach;
            *reach += step * (n - 1);
            is_within
        };
        // As most views have them, from the widest step to the narrowest; or else sorted.
        if !axes.clone().rev().any({
            let mut reach = 0;
            move |axis| is_within(&mut reach, axis)
        }) {
            return false;
        }
        let mut axes: SmallVec<[(usize, usize); 4]> = axes.collect();
        axes.sort_unstable();
        let mut reach = 0;
        axes.into_iter().any(|axis| is_within(&mut reach, axis))
    }

    /// Whether some element stands at several places. Where only a look at each place tells, and there are very many, it may say
    /// so of elements that don't.
    pub fn overlaps(&self) -> bool {
        /// Places that are looked at: an eighth of this in bytes.
        const MOST: usize = 1 << 26;
        if !self.is_folded() {
            return false;
        }
        let Some((least, most)) = self.bounds() else { return false };
        let span = most - least + 1;
        if self.size() > span || span > MOST {
            return true;
        }
        let mut seen = vec![0u64; span.div_ceil(64)];
        let mut index: Dims = SmallVec::from_elem(0, self.ndim());
        loop {
            let at = (self.offset + self.dot(&index)) as usize - least;
            let bit = 1 << (at % 64);
            if seen[at / 64] & bit != 0 {
                return true;
            }
            seen[at / 64] |= bit;
            // The next place: the last axis that has one more.
            let Some(d) = (0..self.ndim()).rev().find(|&d| index[d] + 1 < self.shape[d]) else {
                return false;
            };
            index[d] += 1;
            index[d + 1..].fill(0);
        }
    }

    /// Number of axes.
    #[inline]
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    #[inline]
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements are consecutive in the base, in C order.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.is_contiguous_by(1)
    }

    /// As [`View::is_contiguous`], for elements that are `step` units of the view long.
    #[inline]
    pub(crate) fn is_contiguous_by(&self, mut step: isize) -> bool {
        for (&n, &s) in self.shape.iter().zip(&self.strides).rev() {
            if n == 0 {
                return true;
            }
            if n != 1 {
                if s != step {
                    return self.shape.contains(&0);
                }
                step *= n as isize;
            }
        }
        true
    }

    /// Whether elements are shown more than once along an axis, as broadcasting does.
    pub(crate) fn repeats(&self) -> bool {
        self.shape.iter().zip(&self.strides).any(|(&n, &s)| n > 1 && s == 0) && !self.shape.contains(&0)
    }

    /// Whether this is the whole of a base of `len` elements in C order, whatever its shape.
    pub(crate) fn is_whole(&self, len: usize) -> bool {
        self.offset == 0 && self.size() == len && self.is_contiguous()
    }

    /// The axes in the order that `axes` lists them; `None` reverses them (`transpose`).
    pub fn transpose(&self, axes: Option<&[isize]>) -> Result<View> {
        let order: SmallVec<[usize; 4]> = match axes {
            None => (0..self.ndim()).rev().collect(),
            Some(axes) => {
                if axes.len() != self.ndim() {
                    return Err(Error::new(Kind::Value, "axes don't match array"));
                }
                let order: SmallVec<[usize; 4]> =
                    axes.iter().map(|&a| normalize_axis(a, self.ndim())).collect::<Result<_>>()?;
                distinct(&order, "repeated axis in transpose")?;
                order
            }
        };
        Ok(self.permute(&order))
    }

    /// The axes in this order, which the caller knows to be a permutation.
    pub(crate) fn permute(&self, order: &[usize]) -> View {
        View {
            offset: self.offset,
            shape: order.iter().map(|&a| self.shape[a]).collect(),
            strides: order.iter().map(|&a| self.strides[a]).collect(),
        }
    }

    /// This view repeated along axes of extent 1 and along new leading axes (`broadcast_to`).
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<View> {
        if self.shape[..] == *shape {
            return Ok(self.clone());
        }
        checked_broadcast(shape)?;
        self.try_broadcast(shape).ok_or_else(|| {
            if self.ndim() > shape.len() {
                let text = "input operand has more dimensions than allowed by the axis remapping";
                return Error::new(Kind::Shape, text);
            }
            Error::new(
                Kind::Shape,
                format!(
                    "operands could not be broadcast together with remapped shapes [original->remapped]: {}  and requested shape {}",
                    shape_text(&self.shape),
                    shape_text(shape)
                ),
            )
        })
    }

    /// [`View::broadcast_to`] without the text of the error, for a shape that an array has.
    pub(crate) fn try_broadcast(&self, shape: &[usize]) -> Option<View> {
        if self.shape[..] == *shape {
            return Some(self.clone());
        }
        let lead = shape.len().checked_sub(self.ndim())?;
        let mut strides: Strides = SmallVec::from_elem(0, shape.len());
        for (d, &n) in self.shape.iter().enumerate() {
            let to = shape[lead + d];
            if n == to {
                strides[lead + d] = self.strides[d];
            } else if n != 1 {
                return None;
            }
        }
        Some(View { offset: self.offset, shape: SmallVec::from_slice(shape), strides })
    }

    /// The view without its axes of extent 1, or without the ones named (`squeeze`).
    pub fn squeeze(&self, axes: Option<&[isize]>) -> Result<View> {
        let drop: SmallVec<[usize; 4]> = match axes {
            None => (0..self.ndim()).filter(|&d| self.shape[d] == 1).collect(),
            Some(axes) => axes.iter().map(|&a| normalize_axis(a, self.ndim())).collect::<Result<_>>()?,
        };
        if drop.iter().enumerate().any(|(i, d)| drop[..i].contains(d)) {
            return Err(Error::new(Kind::Value, "duplicate value in 'axis'"));
        }
        if drop.iter().any(|&d| self.shape[d] != 1) {
            return Err(Error::new(
                Kind::Value,
                "cannot select an axis to squeeze out which has size not equal to one",
            ));
        }
        let keep: SmallVec<[usize; 4]> = (0..self.ndim()).filter(|d| !drop.contains(d)).collect();
        Ok(self.permute(&keep))
    }

    /// The same places, counted in parts of elements, `factor` to one.
    pub(crate) fn finer(&self, factor: usize) -> View {
        let factor = factor as isize;
        View {
            offset: self.offset * factor,
            shape: SmallVec::from_slice(&self.shape),
            strides: self.strides.iter().map(|s| s.wrapping_mul(factor)).collect(),
        }
    }

    /// The same places, counted in runs of `factor` elements; `None` if one of them is inside a run.
    pub(crate) fn coarser(&self, factor: usize) -> Option<View> {
        let factor = factor as isize;
        let mut steps = self.shape.iter().zip(&self.strides).filter(|&(&n, _)| n > 1);
        let fits = self.offset % factor == 0 && steps.all(|(_, &s)| s % factor == 0);
        (fits || self.size() == 0).then(|| View {
            offset: self.offset / factor,
            shape: self.shape.clone(),
            strides: self.strides.iter().map(|s| s / factor).collect(),
        })
    }

    /// The box `[lo, lo + counts)` of the view; the caller knows it to be inside.
    pub(crate) fn patch(&self, lo: &[usize], counts: &[usize]) -> View {
        View {
            offset: self.offset + self.dot(lo),
            shape: SmallVec::from_slice(counts),
            strides: SmallVec::from_slice(&self.strides),
        }
    }

    /// How far from the first element the element at `index` is.
    #[inline]
    pub(crate) fn dot(&self, index: &[usize]) -> isize {
        index.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s).sum()
    }

    /// Smallest and largest index in the base; `None` if there are no elements.
    pub(crate) fn bounds(&self) -> Option<(usize, usize)> {
        let (mut lo, mut hi) = (self.offset, self.offset);
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            if n == 0 {
                return None;
            }
            let far = (n as isize - 1) * s;
            if far < 0 { lo += far } else { hi += far }
        }
        Some((lo as usize, hi as usize))
    }

    /// The same elements with all steps positive, and which axes were turned round.
    pub(crate) fn unflip(&self) -> (View, SmallVec<[bool; 4]>) {
        let flips = self.shape.iter().zip(&self.strides).map(|(&n, &s)| n > 1 && s < 0).collect();
        (self.flip(&flips), flips)
    }

    /// This view with the marked axes turned round.
    pub(crate) fn flip(&self, flips: &SmallVec<[bool; 4]>) -> View {
        let mut out = self.clone();
        for d in 0..self.ndim() {
            if flips[d] && self.shape[d] > 0 {
                out.offset += (self.shape[d] as isize - 1) * self.strides[d];
                out.strides[d] = -self.strides[d];
            }
        }
        out
    }

    /// The view with steps of axes of extent 0 and 1 set to 0: equal for views of equal meaning.
    pub(crate) fn canonical(mut self) -> View {
        for (n, s) in self.shape.iter().zip(&mut self.strides) {
            if *n <= 1 {
                *s = 0;
            }
        }
        self
    }
}

/// The shape that all of these broadcast to, in NumPy's rules.
pub fn broadcast_shapes(shapes: &[&[usize]]) -> Result<Dims> {
    if let [first, rest @ ..] = shapes
        && rest.iter().all(|shape| shape.is_empty() || shape == first)
    {
        return Ok(SmallVec::from_slice(first));
    }
    let ndim = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut out: Dims = SmallVec::from_elem(1, ndim);
    for shape in shapes {
        let lead = ndim - shape.len();
        for (d, &n) in shape.iter().enumerate() {
            let have = &mut out[lead + d];
            if *have == 1 {
                *have = n;
            } else if n != 1 && n != *have {
                let all: String = shapes.iter().map(|s| shape_text(s) + " ").collect();
                let text = format!("operands could not be broadcast together with shapes {all}");
                return Err(Error::new(Kind::Shape, text));
            }
        }
    }
    checked_broadcast(&out)?;
    Ok(out)
}

/// An error with this text unless every axis occurs once.
pub(crate) fn distinct(axes: &[usize], text: &str) -> Result<()> {
    let repeated = axes.iter().enumerate().any(|(i, a)| axes[..i].contains(a));
    if repeated { Err(Error::new(Kind::Value, text)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(view: &View, item: isize) -> Vec<isize> {
        let all = ndarray::indices(ndarray::IxDyn(&view.shape)).into_iter();
        all.map(|i| item * (view.offset + view.dot(ndarray::Dimension::slice(&i)))).collect()
    }

    proptest! {
        /// Counted in parts of elements and in runs of them, a view shows the same places.
        #[test]
        fn other_units_show_the_same_places(
            rows in 1usize..5, cols in 1usize..9, from in 0isize..9, step in prop_oneof![Just(1isize), Just(-1), Just(2), Just(4)],
            factor in prop_oneof![Just(1usize), Just(2), Just(4)],
        ) {
            let slice = Index::Slice(Slice { start: Some(from), step: Some(step), stop: None });
            let view = View::contiguous(&[rows, cols]).index(&[Index::ALL, slice]).unwrap();
            let fine = view.finer(factor);
            prop_assert_eq!(places(&fine, 1), places(&view, factor as isize));
            prop_assert_eq!(fine.coarser(factor).map(View::canonical), Some(view.clone().canonical()));
            match view.coarser(factor) {
                Some(coarse) => prop_assert_eq!(places(&coarse, factor as isize), places(&view, 1)),
                None => prop_assert!(places(&view, 1).iter().any(|p| p % factor as isize != 0)),
            }
        }
    }
}
