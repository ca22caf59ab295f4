//! Floating-point exceptions and where they come from: what an operation is to do about them, the line that asked for it, and
//! what was found.
//!
//! The bits are those of MXCSR. A [`Policy`] is taken when an operation is recorded, together with its line ([`site`]); what
//! its evaluation finds becomes an [`Event`], which the language binding takes from this thread once the operation that
//! evaluated it is over. What a replicated pass finds, every rank finds; what ranks find in their shares they tell each other
//! first (`session::events`).

mod event;
mod policy;
pub mod site;

pub use event::{Event, Place, take};
pub(crate) use event::{converted, converts, raised, tell};
pub use policy::{Mode, Policy};

/// The result of an invalid operation is not a number.
pub const INVALID: u8 = 1;
/// A finite number was divided by zero, or a function was taken at a pole.
pub const DIVIDE: u8 = 4;
/// A result is too large for its type.
pub const OVER: u8 = 8;
/// A result is too small for its type.
pub const UNDER: u8 = 16;

/// Not of MXCSR: complex numbers became real ones, which no policy is asked about.
pub const IMAGINARY: u8 = 128;

/// The kinds that policies are about, in the order in which they are told.
pub const ALL: [u8; 4] = [DIVIDE, OVER, UNDER, INVALID];
