//! Which bytes of an arena are free: a pure map, private to the owner, that knows nothing of pages.
//!
//! Invariant: free extents are disjoint, never touch one another (freeing joins neighbours), and together
//! with the used blocks cover `[0, len)` exactly; `by_size` holds the same extents as `by_offset`.

use std::collections::{BTreeMap, BTreeSet};

/// Smallest unit handed out, and smallest alignment: a cache line.
pub(super) const GRAIN: usize = 64;
/// Blocks of at least [`PAGED`] bytes begin and end on pages.
const PAGE: usize = 4096;
const PAGED: usize = 16 * PAGE;

/// Free and used extents of one arena.
#[derive(Debug)]
pub(super) struct Space {
    by_offset: BTreeMap<usize, usize>,
    by_size: BTreeSet<(usize, usize)>,
    used: BTreeMap<usize, usize>,
    used_bytes: usize,
}

impl Space {
    pub(super) fn new(len: usize) -> Space {
        let mut space = Space {
            by_offset: BTreeMap::new(),
            by_size: BTreeSet::new(),
            used: BTreeMap::new(),
            used_bytes: 0,
        };
        space.insert(0, len);
        space
    }

    /// Takes the smallest free extent that fits; `None` if there is none. Returns the offset and the length
    /// really taken.
    pub(super) fn take(&mut self, len: usize, align: usize) -> Option<(usize, usize)> {
        let (unit, align) = if len >= PAGED { (PAGE, align.max(PAGE)) } else { (GRAIN, align.max(GRAIN)) };
        let len = len.max(1).checked_next_multiple_of(unit)?;
        let (size, start, offset) = self
            .by_size
            .range((len, 0)..)
            .map(|&(size, start)| (size, start, start.next_multiple_of(align)))
            .find(|&(size, start, offset)| offset - start <= size - len)?;
        self.remove(start, size);
        if offset > start {
            self.insert(start, offset - start);
        }
        if offset + len < start + size {
            self.insert(offset + len, start + size - offset - len);
        }
        self.used.insert(offset, len);
        self.used_bytes += len;
        Some((offset, len))
    }

    /// Gives back what [`Space::take`] took at `offset`; `None` if nothing was.
    pub(super) fn give_back(&mut self, offset: usize) -> Option<usize> {
        let len = self.used.remove(&offset)?;
        self.used_bytes -= len;
        let (mut start, mut end) = (offset, offset + len);
        if let Some((&before, &size)) = self.by_offset.range(..offset).next_back()
            && before + size == offset
        {
            self.remove(before, size);
            start = before;
        }
        if let Some(&size) = self.by_offset.get(&end) {
            self.remove(end, size);
            end += size;
        }
        self.insert(start, end - start);
        Some(len)
    }

    /// Bytes in used blocks.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Free extents as `(offset, len)`, highest address first.
    pub(super) fn free_from_the_top(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.by_offset.iter().rev().map(|(&offset, &len)| (offset, len))
    }

    fn insert(&mut self, offset: usize, len: usize) {
        self.by_offset.insert(offset, len);
        self.by_size.insert((len, offset));
    }

    fn remove(&mut self, offset: usize, len: usize) {
        self.by_offset.remove(&offset);
        self.by_size.remove(&(len, offset));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The oracle: one flag per grain.
    struct Naive(Vec<bool>);

    impl Naive {
        fn mark(&mut self, offset: usize, len: usize, used: bool) {
            for grain in &mut self.0[offset / GRAIN..(offset + len) / GRAIN] {
                assert_ne!(*grain, used, "extent {offset}+{len} was not {}", !used);
                *grain = used;
            }
        }

        fn longest_free(&self) -> usize {
            self.0.split(|used| *used).map(<[bool]>::len).max().unwrap_or(0) * GRAIN
        }
    }

    proptest! {
        #[test]
        fn agrees_with_one_flag_per_grain(
            steps in prop::collection::vec((1usize..40_000, 0u32..8, any::<prop::sample::Index>(), any::<bool>()), 1..200)
        ) {
            const LEN: usize = 1 << 18;
            let (mut space, mut naive, mut live) = (Space::new(LEN), Naive(vec![false; LEN / GRAIN]), Vec::new());
            for (len, align, pick, release) in steps {
                if release && !live.is_empty() {
                    let (offset, len) = live.swap_remove(pick.index(live.len()));
                    prop_assert_eq!(space.give_back(offset), Some(len));
                    naive.mark(offset, len, false);
                } else if let Some((offset, taken)) = space.take(len, GRAIN << align) {
                    prop_assert!(taken >= len && offset % (GRAIN << align) == 0);
                    naive.mark(offset, taken, true);
                    live.push((offset, taken));
                } else {
                    prop_assert!(naive.longest_free() < len + (GRAIN << align));
                }
                let free: usize = space.free_from_the_top().map(|(_, len)| len).sum();
                prop_assert_eq!(free + space.used_bytes(), LEN);
            }
            for (offset, _) in live {
                space.give_back(offset);
            }
            prop_assert_eq!(space.free_from_the_top().collect::<Vec<_>>(), vec![(0, LEN)]);
        }
    }

    #[test]
    fn giving_back_what_was_not_taken_is_noticed() {
        let mut space = Space::new(1 << 20);
        let (offset, _) = space.take(100, 64).unwrap();
        assert_eq!(space.give_back(offset + 64), None);
        assert_eq!(space.give_back(offset), Some(128));
        assert_eq!(space.give_back(offset), None);
    }
}
