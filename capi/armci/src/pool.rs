//! A part of this rank's memory that it hands out by itself: `ARMCI_Memget`.
//!
//! Invariant: free and used blocks are disjoint, multiples of 64 bytes, and together the whole; neighbours that are free are one.

use std::collections::BTreeMap;

/// Offsets of blocks, first fit.
pub(crate) struct Pool {
    free: BTreeMap<usize, usize>,
    used: BTreeMap<usize, usize>,
}

impl Pool {
    pub(crate) fn new(len: usize) -> Pool {
        Pool { free: BTreeMap::from([(0, len)]), used: BTreeMap::new() }
    }

    /// Where so many bytes are, if there are as many in one piece.
    pub(crate) fn take(&mut self, len: usize) -> Option<usize> {
        let len = len.max(1).checked_next_multiple_of(64)?;
        let (&at, &room) = self.free.iter().find(|(_, room)| **room >= len)?;
        self.free.remove(&at);
        if room > len {
            self.free.insert(at + len, room - len);
        }
        self.used.insert(at, len);
        Some(at)
    }

    /// Takes a block back; `false` if there is none.
    pub(crate) fn give(&mut self, at: usize) -> bool {
        let Some(mut len) = self.used.remove(&at) else { return false };
        let mut start = at;
        if let Some((&before, &room)) = self.free.range(..at).next_back()
            && before + room == at
        {
            self.free.remove(&before);
            (start, len) = (before, len + room);
        }
        if let Some(room) = self.free.remove(&(start + len)) {
            len += room;
        }
        self.free.insert(start, len);
        true
    }
}
