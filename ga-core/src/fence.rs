//! Completion of what was issued, without the others' help.
//!
//! Invariant: none of this is collective, and none of it waits for anything but one's own operations. A fence of everything is
//! [`rma::World::fence_all`].

use crate::array::GlobalArray;
use crate::error::{Error, Result};
use crate::raw::RawArray;
use rma::Element;

impl RawArray {
    /// Returns when all my puts and accumulates to this array are visible to whoever looks. Not collective; costs nothing where
    /// all owners are on my node. `GA_Fence` of one array, which the original has not.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    pub fn fence(&self) -> Result<()> {
        let is_far =
            |rank: &usize| self.distribution().storage_len(*rank) > 0 && self.mapped(*rank).is_none();
        (0..self.team().size())
            .filter(is_far)
            .try_for_each(|rank| self.team().fence(rank).map_err(|e| Error::from_rma("fence", e)))
    }
}

impl<T: Element> GlobalArray<T> {
    /// Returns when all my puts and accumulates to this array are visible to whoever looks; see [`RawArray::fence`].
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    pub fn fence(&self) -> Result<()> {
        self.raw().fence()
    }
}
