//! A new value in two steps: all ranks make room for it together, then each writes its own run, waiting for nobody. For
//! elements that come from outside.

use super::Run;
use crate::dtype::DType;
use crate::error::Result;
use crate::memory::Storage;
use crate::record::Node;
use crate::view::Dims;
use smallvec::SmallVec;
use std::sync::Arc;

/// Room for the elements of an array.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) shape: Dims,
    pub(crate) dtype: DType,
    storage: Arc<Storage>,
}

impl Fresh {
    /// Collective.
    pub(crate) fn new(shape: &[usize], dtype: DType) -> Result<Fresh> {
        let storage = Storage::new(shape, dtype.size_bytes())?;
        Ok(Fresh { shape: SmallVec::from_slice(shape), dtype, storage })
    }

    /// The value, once `write` has given this rank's run its elements.
    pub(crate) fn written(self, write: impl FnOnce(&mut Run<'_>)) -> Arc<Node> {
        write(&mut Run::own(&self.storage));
        self.storage.mark_written();
        Node::stored(self.shape, self.dtype, self.storage)
    }
}
