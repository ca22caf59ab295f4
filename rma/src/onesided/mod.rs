//! Operations on a segment that involve one rank: the caller.
//!
//! | file | operations | path |
//! | --- | --- | --- |
//! | `contiguous` | put, get, accumulate of slices and single values | mapped: loads and stores; else the transport |
//! | `shaped` | strided and vector forms | mapped: the copy engine; else the transport |
//! | `raw` | the same on bare pointers, for the floors above | the same |
//! | `request` | non-blocking forms that own their buffer | the transport's tokens |
//! | `scope` | non-blocking forms that borrow | the transport's tokens |
//! | `batch` | many small puts and accumulates, sent together | mapped: at once; else bundles |
//! | `atomic` | fetch_add, swap, compare_swap, bitwise ones | mapped: the processor's; else the transport |
//! | `signal` | put with signal, wait for signal | puts, an atomic, and the target's bell |
//! | `signals` | wait for any, some or all of several | the own memory and bell |

mod atomic;
mod batch;
mod contiguous;
mod raw;
mod request;
mod scope;
mod shaped;
mod signal;
mod signals;

pub use batch::Batch;
pub use request::Request;
pub use scope::Scope;
pub use shaped::{Strided, Vector};
pub use signal::Compare;
