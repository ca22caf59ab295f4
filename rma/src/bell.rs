//! Bells: one counter per rank of the node, which counts the signals sent to that rank, so that it can sleep until the next.
//!
//! They lie at the beginning of the heap's root area; the number of a bell is its rank's number in the node.

use shm::Heap;
use shm::sync::Sequence;

/// Bytes of the heap's root area that belong to the bells.
pub(crate) const BELLS_LEN: usize = 64 * 1024;

/// The bell of a rank of this node.
pub(crate) fn bell(heap: &Heap, index: usize) -> &Sequence {
    // Heaps of more ranks have a larger root area than bells need, but the rows of the world begin behind this.
    assert!(index < heap.ranks() && (index + 1) * size_of::<Sequence>() <= BELLS_LEN);
    let (root, _) = heap.root_area();
    // SAFETY: inside the bells' part of the root area, which is mapped as long as the heap, zero at the start, and holds
    // nothing but bells; a bell is made of atomics.
    unsafe { root.cast::<Sequence>().add(index).as_ref() }
}
