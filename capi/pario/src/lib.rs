//! Files of Global Arrays' programs: arrays on disk (DRA), files of one process (EAF), files that all share (SF), and what these stand on (ELIO).
//!
//! Each knows the ones above it in this table:
//!
//! | file | what |
//! | --- | --- |
//! | [`code`] | numbers of errors, and their texts |
//! | [`file`](mod@file) | a file, on disk or in memory: reads and writes of whole ranges |
//! | [`engine`] | the threads that read and write while the program goes on, and its requests |
//! | [`plain`] | ELIO: files by number, without a process's or a team's rules |
//! | [`exclusive`] | EAF: files of one process |
//! | [`shared`] | SF: scratch files of all ranks |
//! | [`dra`] | DRA: arrays on disk |
//!
//! Invariant: a full disk or a file that ends too early is a code with a text, on every rank that took part; only what a program does wrong is an [`Error::Wrong`], which
//! ends it. The names that C and Fortran see are `libga`'s.

pub mod code;
pub mod dra;
pub mod engine;
pub mod exclusive;
pub mod file;
pub mod plain;
pub mod shared;

/// Why a call can't be done.
#[derive(Debug)]
pub enum Error {
    /// What the system says: a code that the call returns.
    Code(i32),
    /// What the program did wrong.
    Wrong(String),
}

impl From<rma::Error> for Error {
    fn from(error: rma::Error) -> Error {
        Error::Wrong(error.to_string())
    }
}

/// Result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Returns with what the program did wrong, as `format!` would write it.
macro_rules! wrong {
    ($($text:tt)*) => { return Err($crate::Error::Wrong(format!($($text)*))) };
}
pub(crate) use wrong;
