//! Work that isn't on arrays of ours: in parts on the threads of this rank, the same that compute arrays, and agreed upon by ranks.

use crate::error::Result;
use crate::exec::pool;
use crate::session;

/// Calls `work` once for each part, on as many threads as this rank has, and returns when all are done. Not collective, and nobody
/// else's turn is waited for: what the parts do to one another is the caller's.
pub fn each_part(parts: usize, work: &(dyn Fn(usize) + Sync)) {
    pool::split(parts, session::threads().min(parts), &|part| work(part));
}

/// What every rank says, by rank: all have come so far when it returns. Collective.
///
/// # Errors
/// Those of the connection, and when a rank has died.
pub fn told_by_all(mine: &[u8]) -> Result<Vec<Vec<u8>>> {
    let _turn = session::take_turn("jit")?;
    session::gathered(mine)
}
