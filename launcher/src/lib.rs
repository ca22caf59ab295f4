//! Starts the ranks of a program on one machine and diagnoses them.
//!
//! | module | what it owns |
//! | --- | --- |
//! | `cli` | the command line of `gain` |
//! | `info` | `gain info` |
//! | [`Job`] | what to run and how; also the entry point for tests |
//! | `run` | the loop that serves all ranks until they have ended |
//! | `spawn` | one rank's process |
//! | `pmi` | the PMI-1 server's rules |
//! | `output` | lines, their ranks, and merging |
//! | `report` | who failed, in words |
//! | `guardian` | ends the ranks when the launcher dies |
//! | `binding`, `signals`, `stdin` | processors, signals, the terminal |
//!
//! A rank learns who it is by PMI-1 (`PMI_FD`, `PMI_RANK`, `PMI_SIZE`), so MPICH programs start as well.

mod binding;
mod cli;
mod guardian;
mod info;
mod job;
mod output;
mod pmi;
mod report;
mod run;
mod signals;
mod spawn;
mod stdin;

pub use cli::main;
pub use job::{Job, Report};
pub use output::Output;
