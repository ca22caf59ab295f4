//! What the launcher knows of a rank, wherever that runs.

use crate::output::Lines;
use rma::waits::Snapshot;
use std::process::ExitStatus;

/// A rank of the job.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// Its host's number.
    pub(crate) host: usize,
    /// Its process id there; 0 until it is known to run.
    pub(crate) process: u32,
    /// Set when it has ended.
    pub(crate) status: Option<ExitStatus>,
    /// Its host has been lost.
    pub(crate) is_lost: bool,
    /// What it waits for, once it was asked.
    pub(crate) state: Option<Option<Snapshot>>,
    pub(crate) output_ended: bool,
    pub(crate) errors_ended: bool,
    pub(crate) out_lines: Lines,
    pub(crate) error_lines: Lines,
    pub(crate) pmi_lines: Lines,
}

impl Member {
    /// Whether the rank has ended with code 0.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Whether the rank runs no more, or nothing will be heard of it.
    pub(crate) fn is_gone(&self) -> bool {
        self.status.is_some() || self.is_lost
    }

    /// Whether everything it printed has arrived.
    pub(crate) fn is_drained(&self) -> bool {
        self.is_lost || self.output_ended && self.errors_ended
    }
}
