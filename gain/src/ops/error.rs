//! What an operation may refuse.

use std::fmt;

/// The Python exception an error stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpErrorKind {
    /// `TypeError`: no loop for these types.
    Type,
    /// `UFuncTypeError`: a cast of an operand that `casting=` forbids.
    Casting,
    /// `ValueError`: integers to negative integer powers; a reduction without identity over nothing.
    Value,
    /// `OverflowError`: a Python integer out of bounds for the array's type.
    Overflow,
}

/// An error of typing or of a value, with NumPy's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpError {
    kind: OpErrorKind,
    message: String,
}

impl OpError {
    pub(crate) fn new(kind: OpErrorKind, message: impl Into<String>) -> OpError {
        OpError { kind, message: message.into() }
    }

    /// Which exception.
    pub fn kind(&self) -> OpErrorKind {
        self.kind
    }

    /// The text alone.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OpError {}
