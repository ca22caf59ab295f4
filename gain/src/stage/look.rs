//! Looking at elements: printing, taking one out, exporting.
//!
//! What is stored and was written before the last synchronisation each rank reads for itself, so that a print or a debugger on
//! one rank waits for nobody. What is not is read by all ranks together.

use crate::error::Result;
use crate::plan;
use crate::record::Node;
use crate::session::{self, privately};
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

/// Whether each rank can look at all of these by itself, one of which is distributed; if so, runs `read`, which does. What is
/// replicated is made for that; it may be stored on some ranks only, which decides nothing.
pub(crate) fn look_alone<R>(nodes: &[Arc<Node>], read: impl FnOnce() -> Result<R>) -> Option<Result<R>> {
    let (far, near): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.blocks.is_distributed());
    let is_visible = |node: &Arc<Node>| node.storage().is_some_and(|storage| !storage.is_fresh());
    if session::get().size == 1 || far.is_empty() || !far.iter().all(|node| is_visible(node)) {
        return None;
    }
    let made = near.into_iter().try_for_each(plan::force).and_then(|()| privately(read));
    far.iter().filter_map(|node| node.storage()).for_each(|storage| storage.mark_looked());
    Some(made)
}
