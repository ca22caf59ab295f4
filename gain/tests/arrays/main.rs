//! Arrays against NumPy's semantics on plain vectors: one test program, since most of it shares an oracle.

mod common;
mod ranks;
mod reshape;
mod sequences;
mod threads;
mod views;
