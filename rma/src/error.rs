//! The crate's error: what kind, which operation, which rank, and the numbers in words.
//!
//! One pointer wide, so that the successful path of a small operation carries nothing.

use std::fmt;

/// Result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// What sort of thing went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such rank in the team.
    Rank,
    /// Bytes outside the target's part of the segment, or outside the local buffer.
    Range,
    /// Lengths, strides or counts that don't fit together.
    Shape,
    /// An offset that isn't a multiple of the element's size.
    Alignment,
    /// An element type the operation isn't defined for, or bytes that are no value of the type.
    Type,
    /// A segment, team or mutex of somewhere else, or one that has been freed.
    Foreign,
    /// The world has been finalized.
    Finalized,
    /// Ranks of a team called different collectives.
    Mismatch,
    /// Out of memory, on this rank or on another.
    Memory,
    /// A rank of the job died.
    Died,
    /// The start of the job failed.
    Bootstrap,
    /// Nothing on this machine can do it.
    Unsupported,
    /// A call that waits for other ranks, made by a handler of an active message.
    Handler,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    op: &'static str,
    rank: Option<usize>,
    message: String,
}

/// A failed operation. Nothing was written at the target unless the kind is `Died`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

impl Error {
    /// An error of an operation at no rank in particular.
    #[cold]
    pub fn new(kind: ErrorKind, op: &'static str, message: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, op, rank: None, message: message.into() }))
    }

    /// An error of an operation at `rank` (of the team concerned).
    #[cold]
    pub fn at(kind: ErrorKind, op: &'static str, rank: usize, message: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, op, rank: Some(rank), message: message.into() }))
    }

    /// An operation on what belongs to the job of the rank that this process was forked from.
    #[cold]
    pub(crate) fn of_parent(op: &'static str) -> Error {
        let message =
            "this process was forked from a rank, and what belongs to that rank's job can't be used in it";
        Error::new(ErrorKind::Finalized, op, message)
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation, by the name of its function.
    pub fn op(&self) -> &'static str {
        self.0.op
    }

    /// The rank the operation was aimed at, or that failed, if it was one.
    pub fn rank(&self) -> Option<usize> {
        self.0.rank
    }

    /// The numbers in words, without operation and rank.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.rank {
            Some(rank) => write!(f, "{} (rank {rank}): {}", self.0.op, self.0.message),
            None => write!(f, "{}: {}", self.0.op, self.0.message),
        }
    }
}

impl std::error::Error for Error {}
