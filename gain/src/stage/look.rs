//! Looking at elements: printing, taking one out, exporting.
//!
//! What is stored and was written before the last synchronisation each rank reads for itself, so that a print or a debugger on
//! one rank waits for nobody. What is not is read by all ranks together.

use crate::error::Result;
use crate::record::Node;
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
