//! Running programs over domains.

use super::{Domain, Partial, Program};
use crate::ops::{Loop, OpError};
use smallvec::SmallVec;

/// One box of a pass with its program. All programs of a pass make the same full reductions, in the same order.
#[derive(Debug)]
pub struct Task<'p> {
    /// What to compute.
    pub program: &'p Program,
    /// On which elements.
    pub domain: Domain,
}

/// Run all tasks of a pass, on up to `threads` threads, and return the combined full reductions (elements in the
/// order of tasks, then C order within a task). The tasks may run in any order and at once.
///
/// Grouping of reductions depends on the domains alone, not on `threads`.
///
/// # Errors
/// `ValueError` when an integer was raised to a negative integer power; the outputs are then undefined.
///
/// # Safety
/// Every stream of every domain is valid for its whole box (reads for leaves, writes for outputs), aligned to its
/// type, and no other thread or process writes what is read here or touches what is written here until this
/// returns. Outputs of different tasks don't overlap each other or leaves of other tasks.
pub unsafe fn run(tasks: &[Task<'_>], threads: usize) -> Result<SmallVec<[Partial; 2]>, OpError> {
    let _ = (tasks, threads);
    todo!()
}

/// Small eager path: one operation on contiguous memory already of the loop's types, no program, no threads.
/// An input step is its element size, or 0 for a scalar to be broadcast.
///
/// # Errors
/// As [`run`].
///
/// # Safety
/// As [`run`], for `len` elements per stream.
pub unsafe fn apply(
    op: &Loop,
    len: usize,
    inputs: &[(*const u8, usize)],
    outputs: &[*mut u8],
) -> Result<(), OpError> {
    let _ = (op, len, inputs, outputs);
    todo!()
}
