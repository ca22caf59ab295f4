//! Looking at elements: printing, taking one out, exporting.
//!
//! What is stored and was written before the last synchronisation each rank reads for itself, so that a print or a debugger on
//! one rank waits for nobody. What is not is read by all ranks together.

use crate::error::Result;
use crate::memory::privately;
use crate::record::Node;
use crate::session;
use std::sync::Arc;

/// Runs `read`, which reads elements of `node`, and is told whether this rank reads for itself; `alone` says that nobody else
/// does. Collective otherwise, if the value isn't stored and visible to all ranks.
pub(crate) fn look(node: &Arc<Node>, alone: bool, read: impl FnOnce(bool) -> Result<()>) -> Result<()> {
    let visible = node.storage().filter(|storage| storage.blocks().is_distributed() && !storage.is_fresh());
    read(alone || visible.is_some())?;
    if let (Some(storage), false) = (visible, alone) {
        storage.mark_looked();
    }
    Ok(())
}

/// Whether each rank can look at all of these by itself, one of which is distributed; if so, runs `read`, which does.
pub(crate) fn look_alone<R>(nodes: &[Arc<Node>], read: impl FnOnce() -> Result<R>) -> Option<Result<R>> {
    let stored = || nodes.iter().filter_map(|node| node.storage());
    let is_shared = session::get().size > 1 && stored().any(|storage| storage.blocks().is_distributed());
    if !is_shared || stored().count() < nodes.len() || stored().any(|storage| storage.is_fresh()) {
        return None;
    }
    let made = privately(read);
    stored().for_each(|storage| storage.mark_looked());
    Some(made)
}
