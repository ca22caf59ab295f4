//! Memory that several processes of one node share.
//!
//! The bottom floor: it knows the operating system and nothing else.

pub mod element;

pub use element::{Complex32, Complex64, DType, Element};
