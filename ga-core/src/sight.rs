//! Who looks at an array, and how that counts: from 0 or 1, with which end, from which axis on.
//!
//! Invariant: inside this crate numbers are Rust's; they become somebody else's where they become text, and only here.

use crate::raw::RawArray;
use std::fmt::Display;

/// How rows and columns are taken, and elements and axes numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// Rows lie along the last axis; numbers begin with 0, and a range ends before its upper bound.
    Rust,
    /// The same, but the upper bound belongs to the range.
    C,
    /// Columns lie along the last axis, which is the first one; numbers begin with 1; the upper bound belongs to the range.
    Fortran,
}

/// A number of an axis, which may be negative where a program asks for what there isn't.
pub(crate) trait Ordinal: Copy {
    fn signed(self) -> isize;
}

impl Ordinal for usize {
    fn signed(self) -> isize {
        self as isize
    }
}

impl Ordinal for isize {
    fn signed(self) -> isize {
        self
    }
}

impl Sight {
    fn is_fortran(self) -> bool {
        self == Sight::Fortran
    }

    /// An element's number along an axis, or in a list.
    pub(crate) fn number(self, at: impl Ordinal) -> isize {
        at.signed().wrapping_add(self.is_fortran().into())
    }

    /// The number of axis `d` of `ndim`.
    pub(crate) fn axis(self, d: usize, ndim: usize) -> usize {
        if self.is_fortran() { ndim - d } else { d }
    }

    /// Two things in the order in which an operation on matrices names them: Fortran's matrices are transposed here, so that their product is
    /// that of the transposes in reverse order.
    pub(crate) fn pair<T>(self, [first, second]: [T; 2]) -> [T; 2] {
        if self.is_fortran() { [second, first] } else { [first, second] }
    }

    /// Numbers per axis: widths, steps, counts.
    pub(crate) fn list<N: Ordinal>(self, numbers: &[N]) -> String {
        let [open, close] = match self {
            Sight::Rust => ["[", "]"],
            Sight::C => ["{", "}"],
            Sight::Fortran => ["(", ")"],
        };
        format!("{open}{}{close}", self.joined(numbers.iter().map(|number| number.signed()), ", "))
    }

    /// An element's index.
    pub(crate) fn index<N: Ordinal>(self, at: &[N]) -> String {
        let numbers: Vec<isize> = at.iter().map(|at| self.number(*at)).collect();
        self.list(&numbers)
    }

    /// An element's index in tables of arrays, as the original has it.
    pub(crate) fn tabled(self, at: &[usize]) -> String {
        match self {
            Sight::Rust | Sight::C => format!("{at:?}"),
            Sight::Fortran => format!("({})", self.joined(at.iter().map(|at| at + 1), ",")),
        }
    }

    /// The numbers of a half-open range of an axis.
    pub(crate) fn range(self, lo: impl Ordinal, hi: impl Ordinal) -> String {
        match self {
            Sight::Rust => format!("{}..{}", lo.signed(), hi.signed()),
            _ => format!("{} to {}", self.number(lo), self.number(hi).wrapping_sub(1)),
        }
    }

    /// A patch.
    pub(crate) fn patch<N: Ordinal>(self, lo: &[N], hi: &[N]) -> String {
        match self {
            Sight::Rust => format!("patch {}..{}", self.list(lo), self.list(hi)),
            _ => {
                let last: Vec<isize> = hi.iter().map(|hi| hi.signed().wrapping_sub(1)).collect();
                format!("lo {}, hi {}", self.index(lo), self.index(&last))
            }
        }
    }

    /// The extents of an array.
    pub(crate) fn extents(self, shape: &[usize]) -> String {
        match self {
            Sight::Rust => self.list(shape),
            _ => self.joined(shape.iter(), " x "),
        }
    }

    /// An array: its name, and what is known of it to whoever looks.
    pub(crate) fn array(self, array: &RawArray) -> String {
        match (self, array.name()) {
            (Sight::Rust, _) => array.to_string(),
            (_, "") => format!("an array of {}", self.extents(array.shape())),
            (_, name) => format!("array '{name}' of {}", self.extents(array.shape())),
        }
    }

    fn joined<N: Display>(self, numbers: impl DoubleEndedIterator<Item = N>, between: &str) -> String {
        let mut texts: Vec<String> = numbers.map(|number| number.to_string()).collect();
        if self.is_fortran() {
            texts.reverse();
        }
        texts.join(between)
    }
}

#[cfg(test)]
mod tests {
    use super::Sight::{C, Fortran, Rust};

    #[test]
    fn everybody_counts_in_his_own_way() {
        let (lo, hi) = ([2usize, 0], [5usize, 20]);
        assert_eq!(Rust.patch(&lo, &hi), "patch [2, 0]..[5, 20]");
        assert_eq!(C.patch(&lo, &hi), "lo {2, 0}, hi {4, 19}");
        assert_eq!(Fortran.patch(&lo, &hi), "lo (1, 3), hi (20, 5)");
        assert_eq!([Rust, C, Fortran].map(|by| by.axis(0, 3)), [0, 0, 3]);
        assert_eq!([Rust, C, Fortran].map(|by| by.range(0usize, 4usize)), ["0..4", "0 to 3", "1 to 4"]);
        assert_eq!([Rust, C, Fortran].map(|by| by.index(&[-1isize, 7])), ["[-1, 7]", "{-1, 7}", "(8, 0)"]);
        assert_eq!([Rust, C, Fortran].map(|by| by.extents(&[2, 3])), ["[2, 3]", "2 x 3", "3 x 2"]);
        assert_eq!([Rust, C, Fortran].map(|by| by.tabled(&[2, 3])), ["[2, 3]", "[2, 3]", "(4,3)"]);
    }
}
