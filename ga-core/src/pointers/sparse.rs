//! Blocks of sparse matrices as memory.

use crate::sparse::{OwnBlock, SparseArray};
use rma::Element;

/// A column block of this rank in place, or `None` if it has no elements. Not collective; what may be done with the values when
/// is up to the program. `NGA_Sprs_array_access_col_block`.
pub fn own_block<T: Element>(array: &SparseArray<T>, column_block: usize) -> Option<OwnBlock<T>> {
    array.own_memory(column_block)
}
