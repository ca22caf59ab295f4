//! What this process asked for: how many calls of each kind, and how many bytes they moved.

use ga_core::{Operation, Statistics};

/// The counts.
pub(crate) static STATISTICS: Statistics = Statistics::new();

/// Counts a call that moved so many bytes.
#[inline(always)]
pub(crate) fn count(operation: Operation, bytes: usize) {
    STATISTICS.count(operation, bytes);
}
