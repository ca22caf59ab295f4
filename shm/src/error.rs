//! The crate's error: which operation failed, why, and what the system said.

use std::fmt;

/// Result of this crate's fallible operations; running out of heap has its own type, [`crate::OutOfMemory`].
pub type Result<T> = std::result::Result<T, Error>;

/// A failed operation on the node heap or a board.
#[derive(Debug)]
pub struct Error {
    operation: &'static str,
    detail: String,
    os: Option<std::io::Error>,
}

impl Error {
    pub(crate) fn new(operation: &'static str, detail: impl Into<String>) -> Error {
        Error { operation, detail: detail.into(), os: None }
    }

    /// Takes the reason from `errno`.
    pub(crate) fn last_os(operation: &'static str, detail: impl Into<String>) -> Error {
        Error { operation, detail: detail.into(), os: Some(std::io::Error::last_os_error()) }
    }

    /// The operation that failed, as in `"heap create"`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The system's error number, where the system gave one.
    pub fn os_code(&self) -> Option<i32> {
        self.os.as_ref().and_then(std::io::Error::raw_os_error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.detail)?;
        match &self.os {
            Some(os) => write!(f, " ({os})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
