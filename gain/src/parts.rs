//! Work that isn't on arrays of ours: in parts on the threads of this rank, the same that compute arrays, and agreed upon by ranks.

use crate::error::Result;
use crate::exec::pool;
use crate::session::{self, running};

/// How many threads there are for parts: this rank's. One as long as a job of several ranks hasn't started its runtime, since that start waits
/// for all of them. Not collective.
pub fn threads_for_parts() -> usize {
    let is_open = running().is_some() || !rma::bootstrap::is_managed();
    if is_open && session::init().is_ok() { session::threads() } else { 1 }
}

/// Calls `work` once for each part, on as many threads as this rank has, and returns when all are done. Not collective, and nobody
/// else's turn is waited for: what the parts do to one another is the caller's.
pub fn each_part(parts: usize, work: &(dyn Fn(usize) + Sync)) {
    pool::split(parts, threads_for_parts().min(parts), &|part| work(part));
}

/// What every rank says, by rank: all have come so far when it returns. Collective.
///
/// # Errors
/// Those of the connection, and when a rank has died.
pub fn told_by_all(mine: &[u8]) -> Result<Vec<Vec<u8>>> {
    let _turn = session::take_turn("jit")?;
    session::gathered(mine)
}
