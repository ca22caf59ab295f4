//! What a kernel is given, what it gives back, and what it needs of whoever has the arrays.

use crate::factor::Factoring;
use crate::ir::Ty;
use crate::team::Team;

/// An argument of a call.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// Address and extents of an array in C order, of elements of eight bytes.
    Array(usize, &'a [usize]),
}

/// Where the operand of a library call lies along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// An index of the contraction, from one element to another: its number, the first element, the end.
    Index(usize, i64, i64),
    /// One element.
    At(i64),
}

/// A part of an array: its number and where.
pub type Part = (usize, Vec<Axis>);

/// A library call: `out += factor * product of operands`, summed over the indices that `out` doesn't have.
#[derive(Debug, Clone)]
pub struct Contract {
    /// What is added to.
    pub out: Part,
    /// What is multiplied.
    pub operands: Vec<Part>,
    /// What the product is multiplied by.
    pub factor: f64,
    /// `(operand or None for the result, a, b, offset)`: only elements with `position of a - position of b + offset >= 0`,
    /// positions within the parts.
    pub masks: Vec<(Option<usize>, usize, usize, i64)>,
}

/// What a run leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The scalars, by number, as their bits.
    pub scalars: Vec<i64>,
    /// Floating-point exceptions that it raised ([`crate::flags`]).
    pub raised: u8,
}

/// What a kernel needs of whoever has the arrays.
pub trait Host {
    /// Address of a new array of the kernel's own: its number, type, extents. Zeros.
    fn make(&mut self, arr: usize, ty: Ty, dims: &[usize]) -> std::result::Result<usize, String>;
    /// Does a library call.
    fn contract(&mut self, contract: &Contract) -> std::result::Result<(), String>;
    /// Factors the first `n` rows and columns of an array in place.
    fn factor(&mut self, kind: Factoring, arr: usize, n: usize) -> std::result::Result<(), String>;
    /// How many threads there are for a loop.
    fn threads(&self) -> usize;
    /// Calls it for each part, on these threads, and returns when all are done.
    fn each(&mut self, parts: usize, work: &(dyn Fn(usize) + Sync));
    /// Nanoseconds of work from which threads are worth it.
    fn grain(&self) -> f64;
    /// The ranks that run the kernel together, if there are several.
    fn team(&mut self) -> Option<&mut dyn Team> {
        None
    }
}
