//! What ends a call: a text for people.
//!
//! Invariant: it has every number one needs to see why; who called what on which array is added by [`crate::guard`].

use std::fmt;

/// Why a call can't be done.
pub(crate) struct Fault(Box<str>);

impl Fault {
    #[cold]
    pub(crate) fn new(message: impl fmt::Display) -> Fault {
        Fault(message.to_string().into())
    }
}

/// Returns with a message, as `format!` would write it.
macro_rules! refuse {
    ($($text:tt)*) => { return Err($crate::fault::Fault::new(format_args!($($text)*))) };
}
pub(crate) use refuse;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ga_core::Error> for Fault {
    #[cold]
    fn from(error: ga_core::Error) -> Fault {
        Fault::new(error)
    }
}

impl From<rma::Error> for Fault {
    #[cold]
    fn from(error: rma::Error) -> Fault {
        Fault::new(error)
    }
}

/// Result of everything in this library.
pub(crate) type Result<T> = std::result::Result<T, Fault>;
