//! Bells: one counter per rank of the node, which counts the signals sent to that rank, so that it can sleep until the next.
//!
//! They lie at the beginning of the heap's root area; the number of a bell is its rank's number in the node.

use shm::Heap;
use shm::sync::Sequence;

/// Bytes of the root area that belong to the bells of so many ranks; whole pages.
pub(crate) fn bells_len(ranks: usize) -> usize {
    (ranks * size_of::<Sequence>()).next_multiple_of(64 * 1024)
}

/// The bell of a rank of this node.
pub(crate) fn bell(heap: &Heap, index: usize) -> &Sequence {
    assert!(index < heap.ranks(), "bell {index} of {}", heap.ranks());
    let (root, _) = heap.root_area();
    // SAFETY: inside the bells' part of the root area, which is mapped as long as the heap, zero at the start, and holds
    // nothing but bells; a bell is made of atomics.
    unsafe { root.cast::<Sequence>().add(index).as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ROW_LEN;
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
