//! Sparse matrices: `NGA_Sprs_array_*`.
//!
//! | file | what |
//! | --- | --- |
//! | [`table`] | handles, and the matrices of any type behind them |
//! | [`exports`] | the functions |
//! | [`blocks`] | blocks in compressed rows, in place and copied |
//!
//! Invariant: indices are `int` or `int64_t` as the function's name says, however the matrix was made.

mod blocks;
mod exports;
mod table;

pub(crate) use table::clear;
