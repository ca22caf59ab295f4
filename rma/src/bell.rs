//! Doors: one per rank of the node. The bell counts the signals sent to that rank, so that it can sleep until the next; beside it stands where letters for it go.
//!
//! They lie at the beginning of the heap's root area; the number of a door is its rank's number in the node.

use shm::Heap;
use shm::sync::Counter;
use std::sync::atomic::AtomicU64;

/// What others of the node find of a rank. Zeroed memory is its initial state.
#[repr(C, align(64))]
pub(crate) struct Door {
    pub(crate) bell: Counter,
    /// One more than where its [ring of letters](crate::post) begins in its arena; 0 if it has none yet.
    pub(crate) ring: AtomicU64,
    /// Number of the ring's next letter.
    pub(crate) next_letter: AtomicU64,
}

/// Bytes of the root area that belong to the doors of so many ranks; whole pages.
pub(crate) fn bells_len(ranks: usize) -> usize {
    (ranks * size_of::<Door>()).next_multiple_of(64 * 1024)
}

/// The bell of a rank of this node.
pub(crate) fn bell(heap: &Heap, index: usize) -> &Counter {
    &door(heap, index).bell
}

/// The door of a rank of this node.
pub(crate) fn door(heap: &Heap, index: usize) -> &Door {
    assert!(index < heap.ranks(), "bell {index} of {}", heap.ranks());
    let (root, _) = heap.root_area();
    // SAFETY: inside the doors' part of the root area, which is mapped as long as the heap, zero at the start, and holds
    // nothing but doors; a door is made of atomics.
    unsafe { root.cast::<Door>().add(index).as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::ROW_LEN;
    use shm::HeapConfig;

    /// Oracle: how many ranks a heap takes.
    #[test]
    fn a_node_s_heap_has_room_for_the_bells_and_rows_of_all_its_ranks() {
        for ranks in [1, 2, 1024, 1025, 4096] {
            let heap = Heap::create(HeapConfig { ranks, limit_bytes: Some(1 << 20) }).unwrap();
            let (_, len) = heap.root_area();
            assert!(bells_len(ranks) + ranks * ROW_LEN <= len, "{ranks} ranks");
            assert_eq!(bell(&heap, ranks - 1).load(), 0);
        }
        let error = Heap::create(HeapConfig { ranks: 4097, limit_bytes: Some(1 << 20) }).unwrap_err();
        assert!(error.to_string().contains("4097 ranks on one node: must be 1 to 4096"), "{error}");
    }
}
