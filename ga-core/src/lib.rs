//! Global Arrays: distributed dense arrays with one-sided access to patches.

mod dims;
mod distribution;
mod error;
mod patch;

pub use dims::Dims;
pub use distribution::{Distribution, Location, Piece, Pieces};
pub use error::{Error, ErrorKind, Result};
pub use patch::{Patch, Region};
