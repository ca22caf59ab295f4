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
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Slots of a team. Segments beyond so many have none.
const SLOTS: usize = 2048;

/// The slot of what has none: segments and teams when all slots are taken. A synchronisation alone decides about those.
pub(crate) const NO_SLOT: usize = 0;

/// One member's bits. Zeroed memory is their initial state.
#[repr(C, align(64))]
pub(crate) struct Live {
    words: [AtomicU64; SLOTS / 64],
}

impl Live {
    pub(crate) fn set(&self, slot: usize) {
        if slot != NO_SLOT {
            self.words[slot / 64].fetch_or(1 << (slot % 64), Ordering::Relaxed);
        }
    }

    pub(crate) fn clear(&self, slot: usize) {
        if slot != NO_SLOT {
            self.words[slot / 64].fetch_and(!(1 << (slot % 64)), Ordering::Release);
        }
    }

    pub(crate) fn is_set(&self, slot: usize) -> bool {
        slot != NO_SLOT && self.words[slot / 64].load(Ordering::Acquire) & (1 << (slot % 64)) != 0
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

/// Each slot once, then those that came back, oldest first.
#[derive(Default)]
struct Slots {
    used: usize,
    returned: VecDeque<usize>,
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

    /// At rank 0: a slot for a new segment.
    pub(crate) fn take_slot(&self) -> usize {
        let mut slots = lock(&self.slots);
        if slots.used + 1 < SLOTS {
            slots.used += 1;
            return slots.used;
        }
        slots.returned.pop_front().unwrap_or(NO_SLOT)
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
        let all: Vec<usize> = (1..SLOTS).map(|_| retired.take_slot()).collect();
        assert_eq!(all, (1..SLOTS).collect::<Vec<_>>());
        assert_eq!(retired.take_slot(), NO_SLOT);
        retired.return_slot(7);
        retired.return_slot(5);
        retired.return_slot(NO_SLOT);
        assert_eq!([retired.take_slot(), retired.take_slot(), retired.take_slot()], [7, 5, NO_SLOT]);
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
