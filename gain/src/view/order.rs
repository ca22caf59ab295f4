//! The order of axes in memory. A value lies in C order of its own shape; another order is a view that lists the axes
//! differently. Here is which order a result gets, by NumPy's rules.
//!
//! An order lists the axes from the outermost in memory to the innermost. C order, by far the most frequent, is `None`.

use super::{Dims, View};
use smallvec::SmallVec;

/// `order=` of NumPy's functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Layout {
    /// The last axis is the innermost.
    C,
    /// The first axis is the innermost.
    F,
    /// `F` if the operands lie so, else `C`.
    A,
    /// The operands' order.
    #[default]
    K,
}

impl Layout {
    /// By NumPy's letter, in either case.
    pub fn from_name(name: &str) -> Option<Layout> {
        Some(match name {
            "C" | "c" => Layout::C,
            "F" | "f" => Layout::F,
            "A" | "a" => Layout::A,
            "K" | "k" => Layout::K,
            _ => return None,
        })
    }
}

/// The order that reverses the axes; `None` where there is nothing to reverse.
pub(crate) fn reversed(ndim: usize) -> Option<Dims> {
    (ndim > 1).then(|| (0..ndim).rev().collect())
}

/// The places at which an order lists the axes: permuting by it undoes permuting by the order.
pub(crate) fn inverse(order: &[usize]) -> Dims {
    let mut inverse: Dims = SmallVec::from_elem(0, order.len());
    for (place, &axis) in order.iter().enumerate() {
        inverse[axis] = place;
    }
    inverse
}

/// The order of a new array of `ndim` axes made from these operands, which broadcast to it. The caller has decided
/// what `A` means.
pub(crate) fn of_result(layout: Layout, ndim: usize, operands: &[&View]) -> Option<Dims> {
    match layout {
        Layout::C | Layout::A => None,
        Layout::F => reversed(ndim),
        Layout::K => kept(ndim, operands),
    }
}

/// The order that walks the operands' memory best: axes move inwards past those with larger steps.
fn kept(ndim: usize, operands: &[&View]) -> Option<Dims> {
    if ndim < 2 || operands.iter().all(|view| view.is_c_ordered()) {
        return None;
    }
    let step = |view: &View, axis: usize| match (axis + view.ndim()).checked_sub(ndim) {
        Some(own) if view.shape[own] != 1 => view.strides[own].unsigned_abs(),
        _ => 0,
    };
    // An operand in which the outer axis has the larger steps, or equal ones, has the last word.
    let votes = |axis, inner| {
        let steps = operands.iter().map(|view| (step(view, axis), step(view, inner)));
        let mut known = steps.filter(|&(own, other)| own != 0 && other != 0).map(|(own, other)| other > own);
        known.clone().next().map(|_| known.all(|moves| moves))
    };
    let mut order = arranged((0..ndim).rev().collect(), votes);
    order.reverse();
    unless_c(order)
}

/// The order of operands joined along an axis: as [`kept`], by NumPy's other rule, which asks from the outside.
pub(crate) fn of_joined(ndim: usize, operands: &[&View]) -> Option<Dims> {
    let votes = |axis: usize, outer: usize| {
        let known = operands.iter().filter(|view| view.shape[axis] != 1 && view.shape[outer] != 1);
        let mut known = known.map(|view| view.strides[axis].abs() > view.strides[outer].abs());
        known.clone().next().map(|_| known.all(|moves| moves))
    };
    unless_c(arranged((0..ndim).collect(), votes))
}

/// The axes, each moved towards the front past those that `votes` says it comes before, as far as the first that it
/// doesn't; past those of which nothing is known on the way.
fn arranged(mut axes: Dims, votes: impl Fn(usize, usize) -> Option<bool>) -> Dims {
    for from in 1..axes.len() {
        let (axis, mut to) = (axes[from], from);
        for place in (0..from).rev() {
            match votes(axis, axes[place]) {
                Some(true) => to = place,
                Some(false) => break,
                None => {}
            }
        }
        axes.remove(from);
        axes.insert(to, axis);
    }
    axes
}

/// `None` for C order.
fn unless_c(order: Dims) -> Option<Dims> {
    let is_c = order.iter().enumerate().all(|(place, &axis)| place == axis);
    (!is_c).then_some(order)
}

impl View {
    /// Whether no axis has larger steps than one before it.
    #[inline]
    pub(crate) fn is_c_ordered(&self) -> bool {
        let mut outer = usize::MAX;
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            if n > 1 && s != 0 {
                if s.unsigned_abs() > outer {
                    return false;
                }
                outer = s.unsigned_abs();
            }
        }
        true
    }

    /// Whether the elements, `step` units of the view long, are consecutive with the first axis the innermost.
    pub(crate) fn is_fortran_by(&self, mut step: isize) -> bool {
        let fits = self.shape.iter().zip(&self.strides).filter(|&(&n, _)| n != 1).all(|(&n, &s)| {
            let fits = s == step;
            step *= n as isize;
            fits
        });
        fits || self.shape.contains(&0)
    }
}

/// The order of a copy of a view. The caller has decided what `A` means.
pub(crate) fn copied(view: &View, layout: Layout) -> Option<Dims> {
    match layout {
        Layout::C | Layout::A => None,
        Layout::F => reversed(view.ndim()),
        Layout::K if view.is_c_ordered() && !view.strides.contains(&0) => None,
        Layout::K => {
            let mut order: Dims = (0..view.ndim()).collect();
            order.sort_by_key(|&d| std::cmp::Reverse(view.strides[d].unsigned_abs()));
            unless_c(order)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: &[usize], strides: &[isize]) -> View {
        View { offset: 0, shape: SmallVec::from_slice(shape), strides: SmallVec::from_slice(strides) }
    }

    #[test]
    fn results_keep_the_operands_order() {
        let c = view(&[3, 4], &[4, 1]);
        let f = view(&[3, 4], &[1, 3]);
        let turned = view(&[4, 5, 3], &[5, 1, 20]);
        let row = view(&[4], &[1]);
        let column = view(&[3, 1], &[1, 1]);
        let k = |operands: &[&View]| of_result(Layout::K, 2.max(operands[0].ndim()), operands);
        assert_eq!(k(&[&c]), None);
        assert_eq!(k(&[&f]), Some(SmallVec::from_slice(&[1, 0])));
        assert_eq!(k(&[&f, &c]), None);
        assert_eq!(k(&[&f, &row]), Some(SmallVec::from_slice(&[1, 0])));
        assert_eq!(k(&[&column, &row]), None);
        assert_eq!(k(&[&turned]), Some(SmallVec::from_slice(&[2, 0, 1])));
        assert_eq!(of_result(Layout::F, 2, &[&c]), reversed(2));
        assert!(f.is_fortran_by(1) && !c.is_fortran_by(1) && !f.is_fortran_by(2) && row.is_fortran_by(1));
        assert_eq!(of_joined(3, &[&turned, &turned]), Some(SmallVec::from_slice(&[2, 0, 1])));
        assert_eq!(copied(&turned, Layout::K), Some(SmallVec::from_slice(&[2, 0, 1])));
        assert_eq!(inverse(&[2, 0, 1])[..], [1, 2, 0]);
    }
}
