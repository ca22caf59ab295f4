//! What the C interface is made of: patches from and to bare pointers, and blocks as memory.
//!
//! Programs in Rust have no need of this: what slices, `ndarray` views and closures do is methods of [`GlobalArray`]. The traits here add
//! the forms with pointers to it, which check all but what a pointer can't tell. [`RawArray`](crate::RawArray) has what is below: bytes of
//! a rank's part, where it is mapped, its segment, and other arrays in the same memory.

mod blocks;
mod elements;
mod patches;
mod sparse;

pub use crate::ghosts::GhostBlock;
pub use crate::sparse::OwnBlock;
pub use blocks::BlockPointers;
pub use elements::ElementPointers;
pub use patches::PatchPointers;
pub use sparse::own_block;

use crate::array::GlobalArray;
use rma::Element;

mod sealed {
    pub trait Sealed {}
    impl<T: rma::Element> Sealed for crate::array::GlobalArray<T> {}
}

/// What the forms with pointers are added to: arrays of elements of `T`. Sealed.
pub trait Pointed<T: Element>: sealed::Sealed {
    /// The array.
    fn array(&self) -> &GlobalArray<T>;
}

impl<T: Element> Pointed<T> for GlobalArray<T> {
    #[inline]
    fn array(&self) -> &GlobalArray<T> {
        self
    }
}
