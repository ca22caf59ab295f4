//! The exported functions, by what they are about. They know the rest of the library, and it doesn't know them.

mod atomic;
mod extras;
mod group;
mod handles;
mod mail;
pub(crate) mod memory;
mod message;
mod start;
pub(crate) mod transfer;
mod vector;
