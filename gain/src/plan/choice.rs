//! Where a value of a pass will be stored: decided, not yet carried out.

use crate::memory::{Blocks, Storage};
use crate::view::{Dims, View};
use std::sync::Arc;

/// A decision, not yet carried out.
#[derive(Debug)]
pub(super) enum Choice {
    Existing(Arc<Storage>, View),
    Fresh { blocks: Blocks, shape: Dims, item_bytes: usize, view: View },
}

impl Choice {
    pub(super) fn blocks(&self) -> Blocks {
        match self {
            Choice::Existing(storage, _) => storage.blocks(),
            Choice::Fresh { blocks, .. } => *blocks,
        }
    }

    pub(super) fn view(&self) -> &View {
        match self {
            Choice::Existing(_, view) | Choice::Fresh { view, .. } => view,
        }
    }

    /// Size of an element.
    pub(super) fn item_bytes(&self) -> usize {
        match self {
            Choice::Existing(storage, _) => storage.item_bytes(),
            Choice::Fresh { item_bytes, .. } => *item_bytes,
        }
    }
}
