//! Starts the ranks of a program, on one machine or on several, and diagnoses them.
//!
//! | module | what it owns |
//! | --- | --- |
//! | `cli` | the command line of `gain` |
//! | `info`, `devices` | `gain info`; the network devices it names |
//! | [`Job`] | what to run and how; also the entry point for tests |
//! | `run` | the loop that serves all ranks until they have ended |
//! | `member` | what that loop knows of a rank |
//! | `crew`, `spawn` | the ranks of one host; one rank's process |
//! | `remote`, `agent` | the two ends of a connection to another host, whose crew the agent has |
//! | `wire` | what these two say |
//! | `hosts`, `environment` | which hosts, and what of this process's environment they get |
//! | `pmi` | the PMI-1 server's rules |
//! | `output` | lines, their ranks, and merging |
//! | `report` | who failed, in words |
//! | `guardian` | ends the ranks when the launcher dies |
//! | `binding`, `signals`, `stdin` | processors, signals, the terminal |
//!
//! A rank learns who it is by PMI-1 (`PMI_FD`, `PMI_RANK`, `PMI_SIZE`), so MPICH programs start as well.

mod agent;
mod binding;
mod cli;
mod crew;
mod devices;
mod environment;
mod guardian;
mod hosts;
mod info;
mod job;
mod member;
mod output;
mod pipes;
mod pmi;
mod remote;
mod report;
mod run;
mod signals;
mod spawn;
mod stdin;
mod wire;

pub use agent::agent;
pub use cli::main;
pub use hosts::{Host, host_file, hosts};
pub use job::{Job, Report};
pub use output::Output;
