//! Seeing a view as coordinates: which axis of the base each axis of the view walks along.
//!
//! A flat stride forgets the axes it came from. For a base of known shape this module finds them again, so that an
//! expression that was never stored can be evaluated at the elements a view shows, and so that a region written by
//! an assignment is known as a box.

use super::{Dims, View, c_strides};
use smallvec::SmallVec;

/// The view as an affine map of coordinates: coordinate `a` of the base is
/// `start[a] + sum(step of d * i[d] for every axis d that walks along a)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AxisMap {
    /// Coordinates of the view's first element.
    pub(crate) start: Dims,
    /// For each axis of the view: the axis of the base and the step along it; `None` if it doesn't move.
    pub(crate) walks: SmallVec<[Option<(usize, isize)>; 4]>,
}

impl View {
    /// This view, of a base of shape `base`, as a map of coordinates; `None` if some axis of the view leaves the
    /// grid's lines (a ravel, a diagonal) or there are no elements.
    pub(crate) fn axis_map(&self, base: &[usize]) -> Option<AxisMap> {
        if self.size() == 0 {
            return None;
        }
        let unit = c_strides(base);
        let mut rest = self.offset as usize;
        let mut start: Dims = SmallVec::from_elem(0, base.len());
        for a in 0..base.len() {
            if rest >= unit[a] as usize {
                start[a] = rest / unit[a] as usize;
                rest %= unit[a] as usize;
            }
        }
        let mut low: SmallVec<[isize; 4]> = start.iter().map(|&c| c as isize).collect();
        let mut high = low.clone();
        let mut walks = SmallVec::new();
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            if n == 1 || s == 0 {
                walks.push(None);
                continue;
            }
            let a = (0..base.len()).find(|&a| base[a] > 1 && (s == unit[a] || s % unit[a] == 0))?;
            let step = if s == unit[a] { 1 } else { s / unit[a] };
            let far = step * (n as isize - 1);
            if far < 0 {
                low[a] += far
            } else {
                high[a] += far
            }
            if low[a] < 0 || high[a] >= base[a] as isize {
                return None;
            }
            walks.push(Some((a, step)));
        }
        Some(AxisMap { start, walks })
    }

    /// The elements that `self`, a view with one axis per axis of some base, shows at the coordinates `map` gives.
    pub(crate) fn through(&self, map: &AxisMap, shape: &[usize]) -> View {
        View {
            offset: self.offset + self.dot(&map.start),
            shape: SmallVec::from_slice(shape),
            strides: map
                .walks
                .iter()
                .map(|walk| walk.map_or(0, |(a, step)| self.strides[a] * step))
                .collect(),
        }
    }
}

impl AxisMap {
    /// Whether the view is a box: unit steps, each along an axis of its own, in order.
    pub(crate) fn is_box(&self) -> bool {
        let along: SmallVec<[usize; 4]> = self.walks.iter().flatten().map(|w| w.0).collect();
        self.walks.iter().flatten().all(|w| w.1 == 1)
            && (1..along.len()).all(|i| !along[..i].contains(&along[i]))
    }

    /// Least and greatest coordinate along axis `a` over a box of these extents.
    pub(crate) fn span(&self, a: usize, counts: &[usize]) -> (isize, isize) {
        let (mut lo, mut hi) = (self.start[a] as isize, self.start[a] as isize);
        for (walk, &n) in self.walks.iter().zip(counts) {
            if let Some((along, step)) = walk
                && *along == a
            {
                let far = step * (n as isize - 1);
                if far < 0 { lo += far } else { hi += far }
            }
        }
        (lo, hi)
    }
}
