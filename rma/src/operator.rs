//! The operators of reductions, with the numbers and names that signatures of calls have for them.

/// How a reduction combines elements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Op {
    /// `+`, wrapping for integers; "or" for `bool`.
    Sum = 1,
    /// `*`, wrapping for integers; "and" for `bool`.
    Prod,
    /// The smaller one; a NaN wins, as in `numpy.minimum`. Not for complex numbers.
    Min,
    /// The greater one; a NaN wins, as in `numpy.maximum`. Not for complex numbers.
    Max,
    /// Bitwise "and", of integers and `bool`.
    And,
    /// Bitwise "or", of integers and `bool`.
    Or,
    /// Bitwise "exclusive or", of integers and `bool`.
    Xor,
}

/// Number of a user's function in signatures.
pub(crate) const USER: u8 = 8;

impl Op {
    pub(crate) fn name_of(number: u8) -> &'static str {
        ["", "sum", "prod", "min", "max", "and", "or", "xor", "user function"]
            .get(number as usize)
            .copied()
            .unwrap_or("?")
    }
}
