//! What ends a call: a text for people.
//!
//! Invariant: it has every number one needs to see why, as the program's language counts; who called what on which array is added by
//! [`crate::guard`].

use ga_core::Sight;
use std::fmt;

/// Why a call can't be done.
pub(crate) struct Fault(Box<Inner>);

struct Inner {
    /// What it is about, where the reason doesn't say.
    about: String,
    why: Why,
}

enum Why {
    Said(String),
    /// The array's own reason, which every language reads in its way.
    Array(ga_core::Error),
}

impl Fault {
    #[cold]
    pub(crate) fn new(message: impl fmt::Display) -> Fault {
        Fault(Box::new(Inner { about: String::new(), why: Why::Said(message.to_string()) }))
    }

    /// With what it is about in front.
    #[cold]
    pub(crate) fn of(mut self, what: impl fmt::Display) -> Fault {
        self.0.about = format!("{what}: {}", self.0.about);
        self
    }

    /// The text, for a program in this language.
    pub(crate) fn seen(&self, sight: Sight) -> String {
        let why = match &self.0.why {
            Why::Said(text) => text,
            Why::Array(error) => error.seen(sight),
        };
        format!("{}{why}", self.0.about)
    }
}

/// Returns with a message, as `format!` would write it.
macro_rules! refuse {
    ($($text:tt)*) => { return Err($crate::fault::Fault::new(format_args!($($text)*))) };
}
pub(crate) use refuse;

impl From<ga_core::Error> for Fault {
    #[cold]
    fn from(error: ga_core::Error) -> Fault {
        Fault(Box::new(Inner { about: String::new(), why: Why::Array(error) }))
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
