//! What can go wrong with a global array.
//!
//! Invariant: an operation that returns an error has written nothing, here or on any rank; the message has
//! every number one needs to see why, as Rust counts, and as C and Fortran do for programs in these languages.

use crate::sight::Sight;
use std::fmt;

/// Result of the operations of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an [`Error`], for programs; the message is for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Numbers of axes or shapes that don't fit each other.
    Shape,
    /// An index or a patch that leaves the array.
    Range,
    /// A local buffer or leading dimension too small for the patch.
    Buffer,
    /// A description of a distribution that can't be one.
    Distribution,
    /// Two arrays of different teams, or a rank outside the team.
    Team,
    /// An element that the operation isn't defined for: a zero divisor, say.
    Value,
    /// Not enough memory, on some rank of the team.
    Memory,
    /// A matrix that doesn't admit what was asked for: singular, not positive definite, not finite.
    Numeric,
    /// Reported by the communication layer; see [`std::error::Error::source`].
    Communication,
}

/// An error with its operation and all its numbers.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    /// What programs in C and in Fortran are told, where it differs.
    translated: Option<[String; 2]>,
    source: Option<rma::Error>,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, operation: &'static str, message: impl fmt::Display) -> Self {
        Error(Box::new(Inner {
            kind,
            operation,
            message: message.to_string(),
            translated: None,
            source: None,
        }))
    }

    /// An error whose message has numbers that depend on who counts.
    #[cold]
    pub(crate) fn numbered(
        kind: ErrorKind,
        operation: &'static str,
        message: impl Fn(Sight) -> String,
    ) -> Self {
        let translated = Some([Sight::C, Sight::Fortran].map(&message));
        Error(Box::new(Inner { kind, operation, message: message(Sight::Rust), translated, source: None }))
    }

    /// An error of the communication layer met in `operation`.
    #[cold]
    pub(crate) fn from_rma(operation: &'static str, source: rma::Error) -> Self {
        let kind = Self::kind_of(&source);
        Error(Box::new(Inner {
            kind,
            operation,
            message: source.to_string(),
            translated: None,
            source: Some(source),
        }))
    }

    fn kind_of(source: &rma::Error) -> ErrorKind {
        match source.kind() {
            rma::ErrorKind::Memory => ErrorKind::Memory,
            _ => ErrorKind::Communication,
        }
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without the operation's name, for a program that has another name for it and counts in its own way.
    pub fn seen(&self, sight: Sight) -> &str {
        match (&self.0.translated, sight) {
            (Some([c, _]), Sight::C) => c,
            (Some([_, fortran]), Sight::Fortran) => fortran,
            _ => &self.0.message,
        }
    }

    /// The operation that was refused or failed.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }
}

/// An error of the communication layer met by a program itself, so that `?` takes those of both floors.
impl From<rma::Error> for Error {
    fn from(source: rma::Error) -> Self {
        let message = match source.rank() {
            Some(rank) => format!("rank {rank}: {}", source.message()),
            None => source.message().to_owned(),
        };
        let (kind, operation) = (Self::kind_of(&source), source.op());
        Error(Box::new(Inner { kind, operation, message, translated: None, source: Some(source) }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.operation, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} error: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e as _)
    }
}
