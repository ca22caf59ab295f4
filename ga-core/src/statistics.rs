//! Counts of what a process has asked for, for people.
//!
//! Invariant: counting costs a load and a store, no locked instruction; calls that several threads make at the same moment may be
//! counted once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Operation {
    /// Creations of arrays.
    Create,
    /// Destructions of arrays.
    Destroy,
    /// Reads of patches.
    Get,
    /// Writes of patches.
    Put,
    /// Accumulates to patches.
    Accumulate,
    /// Writes of elements, and accumulates to elements.
    Scatter,
    /// Reads of elements.
    Gather,
    /// Draws from counters.
    ReadInc,
}

const NAMES: [&str; 8] = ["create", "destroy", "get", "put", "acc", "scatter", "gather", "read&inc"];

/// Calls and bytes by operation. Shown as a table: `GA_Print_stats`.
#[derive(Debug, Default)]
pub struct Statistics {
    calls: [AtomicU64; NAMES.len()],
    bytes: [AtomicU64; NAMES.len()],
}

impl Statistics {
    /// Nothing counted yet.
    pub const fn new() -> Self {
        Statistics {
            calls: [const { AtomicU64::new(0) }; NAMES.len()],
            bytes: [const { AtomicU64::new(0) }; NAMES.len()],
        }
    }

    /// Counts a call that moved so many bytes.
    #[inline]
    pub fn count(&self, operation: Operation, bytes: usize) {
        let add = |to: &AtomicU64, n: u64| to.store(to.load(Relaxed).wrapping_add(n), Relaxed);
        add(&self.calls[operation as usize], 1);
        add(&self.bytes[operation as usize], bytes as u64);
    }

    /// Calls so far.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.calls[operation as usize].load(Relaxed)
    }

    /// Bytes so far.
    pub fn bytes(&self, operation: Operation) -> u64 {
        self.bytes[operation as usize].load(Relaxed)
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, head: &str, cells: &[String]| {
            write!(f, "{head:7}")?;
            cells.iter().try_for_each(|cell| write!(f, " {cell:>9}"))
        };
        line(f, "", &NAMES.map(str::to_owned))?;
        writeln!(f)?;
        line(f, "calls:", &self.calls.each_ref().map(|n| n.load(Relaxed).to_string()))?;
        writeln!(f)?;
        line(f, "bytes:", &self.bytes.each_ref().map(|n| format!("{:.2e}", n.load(Relaxed) as f64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_under_their_names() {
        let statistics = Statistics::new();
        (0..3).for_each(|_| statistics.count(Operation::Get, 100));
        statistics.count(Operation::ReadInc, 8);
        assert_eq!((statistics.calls(Operation::Get), statistics.bytes(Operation::Get)), (3, 300));
        let table = statistics.to_string();
        let words = |n: usize| table.lines().nth(n).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(words(0), NAMES);
        assert_eq!(words(1), ["calls:", "0", "0", "3", "0", "0", "0", "0", "1"]);
        assert_eq!((words(2)[3], words(2)[8]), ("3.00e2", "8.00e0"));
    }
}
