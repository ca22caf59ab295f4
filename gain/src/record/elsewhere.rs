//! Values whose elements are in another job, of which this process knows shape and type alone.
//!
//! A client of a server of ranks records what it asks for in its own process, too, over such values: so it knows shapes, types
//! and errors without asking. What is recorded with one as an operand is one again, and keeps none of its operands. Computing
//! one is an error of a kind of its own, [`Kind::Elsewhere`]: whoever meets it asks the server.
//!
//! While a client records, more work than a little is left to the server as well, whatever it is about ([`bounded`]).

use crate::error::{Error, Kind, Result};
use std::cell::Cell;

thread_local! {
    /// Elements beyond which this thread computes nothing.
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Runs `work`, in which this thread computes nothing of more than `limit` elements: that is an error of [`Kind::Elsewhere`].
pub fn bounded<R>(limit: usize, work: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LIMIT.set(self.0);
        }
    }
    let _restore = Restore(LIMIT.replace(limit));
    work()
}

/// An error if this thread is not to compute so many elements now.
#[inline]
pub(crate) fn check(elements: usize) -> Result<()> {
    if elements > LIMIT.get() { Err(error()) } else { Ok(()) }
}

/// The error of whoever wants elements that are not here.
#[cold]
pub(crate) fn error() -> Error {
    Error::new(Kind::Elsewhere, "the elements of this array are not in this process")
}
