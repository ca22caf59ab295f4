//! One-sided communication between the ranks of one program.

pub mod bootstrap;
pub mod waits;
