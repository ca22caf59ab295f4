//! Memory this process has given up while others may still use it.
//!
//! Each segment of a team has a *slot*, chosen by the team's rank 0 and the same on all members. Each member keeps a bit per slot in its
//! control row: set as long as it has a handle to the segment. A dropped part goes back to its arena when a full synchronisation
//! has begun after the drop and no member's bit is set, so a member that drops late costs memory and nothing else. Rank 0 hands a slot out
//! again after giving back its own part; a member that looks later may then find bits of the slot's next segment,
//! and keeps its part until those are cleared, too. What members of other nodes have is told by one bit per slot that their leaders
//! keep up to date ([`crate::mirror`]). In a team that spans nodes a member's next collective call clears the bit, after a fence:
//! what it still had on its way to the segment has arrived then.
//!
//! Teams have slots of their parents, all teams made by one call the same: their memory (control rows, and whatever of their segments is
//! left) goes back when nobody has a handle to any of them. Segments are handles to their team, too.
//!
//! | bit | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | set | its member, in the meeting that allocates | all, after a later meeting | relaxed; the meetings order it |
//! | clear | its member, when it drops its last handle, or later | all | release, acquire: what it read there, it has read |

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Slots that a team has from the start.
const FIRST: usize = 2048;

/// Pages of slots beyond those, each as long as all before it together.
pub(crate) const PAGES: usize = 10;

/// Segments, and calls that make teams, of which a team may have handles at a time, and one more. A slot's number fits
/// 21 bits.
pub(crate) const SLOTS: usize = FIRST << PAGES;

const _: () = assert!(SLOTS <= 1 << 21);

/// No slot: what nothing has.
pub(crate) const NO_SLOT: usize = 0;

/// The bits of a team's first slots. Zeroed memory is their initial state.
#[repr(C, align(64))]
pub(crate) struct Live {
    words: [AtomicU64; FIRST / 64],
}

impl Live {
    /// Their words.
    pub(crate) fn words(&self) -> NonNull<AtomicU64> {
        NonNull::from(&self.words).cast()
    }
}

/// The page that a slot is in; nothing for one of the first slots.
pub(crate) fn page_of(slot: usize) -> Option<usize> {
    (slot / FIRST).checked_ilog2().map(|page| page as usize)
}

/// Bytes of a page's bits.
pub(crate) fn page_len(page: usize) -> usize {
    (FIRST << page) / 8
}

/// A slot's bit.
pub(crate) struct Bit<'a> {
    word: &'a AtomicU64,
    mask: u64,
}

impl Bit<'_> {
    /// The bit of `slot`, whose page, or the first slots, have `words`.
    ///
    /// # Safety
    /// The words are those of the page, which is mapped for as long as the result is used.
    pub(crate) unsafe fn new<'a>(words: NonNull<AtomicU64>, slot: usize) -> Bit<'a> {
        let place = slot - page_of(slot).map_or(0, |page| FIRST << page);
        // SAFETY: a word of the page, by the caller's promise.
        Bit { word: unsafe { words.add(place / 64).as_ref() }, mask: 1 << (place % 64) }
    }

    pub(crate) fn set(&self) {
        self.word.fetch_or(self.mask, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.word.fetch_and(!self.mask, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & self.mask != 0
    }
}

/// Something of this process that is given up.
#[derive(Clone, Copy)]
pub(crate) struct Retiree {
    /// The last collective call this process had entered.
    entered: u64,
    /// Where a block of the arena begins, if this is one.
    pub(crate) block: Option<usize>,
    pub(crate) slot: usize,
    /// Whether the slot goes back with it.
    pub(crate) has_slot: bool,
}

/// What a member has given up, and at rank 0 the slots to hand out.
#[derive(Default)]
pub(crate) struct Retired {
    is_pending: AtomicBool,
    blocks: Mutex<Vec<Retiree>>,
    /// Slots whose bits are still to be cleared.
    fading: Mutex<Vec<usize>>,
    slots: Mutex<Slots>,
}

/// Each slot once, then those that came back, oldest first. When all are in use there are as many again.
struct Slots {
    used: usize,
    there: usize,
    returned: VecDeque<usize>,
}

impl Default for Slots {
    fn default() -> Slots {
        Slots { used: 0, there: FIRST, returned: VecDeque::new() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Retired {
    /// Gives up a segment's block, and its slot.
    pub(crate) fn put(&self, entered: u64, block: Option<usize>, slot: usize) {
        self.push(Retiree { entered, block, slot, has_slot: true });
    }

    /// Gives up a block that is one of several of its slot.
    pub(crate) fn put_part(&self, entered: u64, block: usize, slot: usize) {
        self.push(Retiree { entered, block: Some(block), slot, has_slot: false });
    }

    fn push(&self, retiree: Retiree) {
        lock(&self.blocks).push(retiree);
        self.is_pending.store(true, Ordering::Release);
    }

    /// Takes out all blocks.
    pub(crate) fn take_all(&self) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.blocks)).into_iter().filter_map(|retiree| retiree.block).collect()
    }

    /// Takes out what was given up before call number `entered` was entered, and is in nobody's use.
    pub(crate) fn take(&self, entered: u64, is_live: impl Fn(usize) -> bool) -> Vec<Retiree> {
        if !self.is_pending.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut blocks = lock(&self.blocks);
        let taken = blocks.extract_if(.., |block| block.entered < entered && !is_live(block.slot)).collect();
        self.is_pending.store(!blocks.is_empty(), Ordering::Release);
        taken
    }

    /// Takes out what was given up since last time, in a team that spans nodes: bits are to be cleared after a fence.
    pub(crate) fn take_fading(&self) -> Vec<usize> {
        if !self.is_pending.load(Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut lock(&self.fading))
    }

    /// A bit to be cleared later; called before the part is [`put`](Retired::put).
    pub(crate) fn fade(&self, slot: usize) {
        lock(&self.fading).push(slot);
    }

    /// At rank 0: a slot for a new segment; none if there are [`SLOTS`].
    pub(crate) fn take_slot(&self) -> usize {
        let mut slots = lock(&self.slots);
        if slots.used + 1 == slots.there {
            if let Some(slot) = slots.returned.pop_front() {
                return slot;
            }
            if slots.there == SLOTS {
                return NO_SLOT;
            }
            slots.there *= 2;
        }
        slots.used += 1;
        slots.used
    }

    /// At rank 0: a slot is free again.
    pub(crate) fn return_slot(&self, slot: usize) {
        if slot != NO_SLOT {
            lock(&self.slots).returned.push_back(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_handed_out_once_until_they_come_back() {
        let retired = Retired::default();
        let all: Vec<usize> = (1..FIRST).map(|_| retired.take_slot()).collect();
        assert_eq!(all, (1..FIRST).collect::<Vec<_>>());
        retired.return_slot(7);
        retired.return_slot(5);
        retired.return_slot(NO_SLOT);
        assert_eq!([retired.take_slot(), retired.take_slot(), retired.take_slot()], [7, 5, FIRST]);
        let more: Vec<usize> = (FIRST + 1..SLOTS).map(|_| retired.take_slot()).collect();
        assert_eq!(more, (FIRST + 1..SLOTS).collect::<Vec<_>>());
        assert_eq!(retired.take_slot(), NO_SLOT);
    }

    #[test]
    fn each_slot_has_a_bit_of_its_own() {
        let pages: Vec<(Option<usize>, Vec<AtomicU64>)> = std::iter::once((None, FIRST / 8))
            .chain((0..3).map(|page| (Some(page), page_len(page))))
            .map(|(page, len)| (page, (0..len / 8).map(|_| AtomicU64::new(0)).collect()))
            .collect();
        let bit = |slot| {
            let (_, words) = pages.iter().find(|(page, _)| *page == page_of(slot)).unwrap();
            // SAFETY: as many words as the page has.
            unsafe { Bit::new(NonNull::from(&words[..]).cast(), slot) }
        };
        for slot in 0..FIRST << 3 {
            assert!(!bit(slot).is_set(), "{slot}");
            bit(slot).set();
            assert!(bit(slot).is_set(), "{slot}");
        }
        assert!(
            pages.iter().all(|(_, words)| words.iter().all(|word| word.load(Ordering::Relaxed) == u64::MAX))
        );
        bit(FIRST).clear();
        assert_eq!((0..FIRST << 3).filter(|slot| !bit(*slot).is_set()).collect::<Vec<_>>(), [FIRST]);
    }

    #[test]
    fn blocks_wait_for_a_later_call_and_for_the_last_handle() {
        let retired = Retired::default();
        retired.put(3, Some(64), 1);
        retired.put_part(4, 128, NO_SLOT);
        let offsets = |entered, live: &[usize]| -> Vec<usize> {
            retired
                .take(entered, |slot| live.contains(&slot))
                .iter()
                .filter_map(|retiree| retiree.block)
                .collect()
        };
        assert!(offsets(3, &[]).is_empty(), "the call was entered before the drop");
        assert!(offsets(4, &[1]).is_empty(), "somebody still has a handle");
        assert_eq!(offsets(5, &[1]), [128]);
        assert_eq!(offsets(6, &[]), [64]);
        assert!(offsets(7, &[]).is_empty());
    }
}
