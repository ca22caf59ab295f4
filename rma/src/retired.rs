//! Memory this process has given up while others may still use it.
//!
//! Each segment of a team has a *slot*, chosen by the team's rank 0 and the same on all members. Each member keeps a bit per slot in its
//! control row: set as long as it has a handle to the segment. A dropped part goes back to its arena when a full synchronisation
//! has begun after the drop and no member's bit is set, so a member that drops late costs memory and nothing else. Rank 0 hands a slot out
//! again after giving back its own part; a member that looks later may then find bits of the slot's next segment,
//! and keeps its part until those are cleared, too.
//!
//! Bit 0 stands for the team itself. Its memory (control rows, and whatever of its segments is left) goes back to the arena of the
//! parent when nobody has a handle to it. Segments are handles, too. Who sees that first waits for two more synchronisations
//! of the parent: by the first one the others have seen it as well, and nobody looks at the row any more.
//!
//! | bit | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | set | its member, in the meeting that allocates | all, after a later meeting | relaxed; the meetings order it |
//! | clear | its member, when it drops its last handle | all | release, acquire: what it read there, it has read |

use crate::control::Rows;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Slots of a team. Segments beyond so many have none.
const SLOTS: usize = 2048;

/// The slot of what has none: segments when all slots are taken. A synchronisation alone decides about those.
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

    /// The member has a handle to the team.
    pub(crate) fn hold_team(&self) {
        self.words[0].fetch_or(1, Ordering::Relaxed);
    }

    /// The member has none any more.
    pub(crate) fn leave_team(&self) {
        self.words[0].fetch_and(!1, Ordering::Release);
    }

    pub(crate) fn holds_team(&self) -> bool {
        self.words[0].load(Ordering::Acquire) & 1 != 0
    }

    pub(crate) fn is_set(&self, slot: usize) -> bool {
        slot != NO_SLOT && self.words[slot / 64].load(Ordering::Acquire) & (1 << (slot % 64)) != 0
    }
}

/// A block of this process's arena, given up.
pub(crate) struct Retiree {
    /// The last collective call this process had entered.
    entered: u64,
    pub(crate) offset: usize,
    pub(crate) slot: usize,
    /// The rows of the team it belonged to, until nobody has a handle to that.
    team: Option<Arc<Rows>>,
    /// Synchronisations to let pass.
    rest: u32,
}

impl Retiree {
    /// Whether nobody uses it in the synchronisation that call number `entered` is.
    fn is_free(&mut self, entered: u64, is_live: &impl Fn(usize) -> bool) -> bool {
        if self.entered >= entered {
            return false;
        }
        if let Some(rows) = &self.team {
            if !rows.is_held() {
                (self.team, self.rest) = (None, 1);
            }
            return false;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        !is_live(self.slot)
    }
}

/// What a member has given up, and at rank 0 the slots to hand out.
#[derive(Default)]
pub(crate) struct Retired {
    is_pending: AtomicBool,
    blocks: Mutex<Vec<Retiree>>,
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
    pub(crate) fn put(&self, entered: u64, offset: usize, slot: usize) {
        self.push(Retiree { entered, offset, slot, team: None, rest: 0 });
    }

    /// Takes over a block of a team that this process has no handle to any more.
    pub(crate) fn put_of_team(&self, entered: u64, offset: usize, team: Arc<Rows>) {
        self.push(Retiree { entered, offset, slot: NO_SLOT, team: Some(team), rest: 0 });
    }

    fn push(&self, block: Retiree) {
        lock(&self.blocks).push(block);
        self.is_pending.store(true, Ordering::Release);
    }

    /// Takes out everything.
    pub(crate) fn take_all(&self) -> Vec<Retiree> {
        std::mem::take(&mut *lock(&self.blocks))
    }

    /// Takes out what was given up before call number `entered` was entered, and is in nobody's use.
    pub(crate) fn take(&self, entered: u64, is_live: impl Fn(usize) -> bool) -> Vec<Retiree> {
        if !self.is_pending.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut blocks = lock(&self.blocks);
        let taken = blocks.extract_if(.., |block| block.is_free(entered, &is_live)).collect();
        self.is_pending.store(!blocks.is_empty(), Ordering::Release);
        taken
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
        retired.put(3, 64, 1);
        retired.put(4, 128, NO_SLOT);
        let offsets = |entered, live: &[usize]| -> Vec<usize> {
            retired.take(entered, |slot| live.contains(&slot)).iter().map(|block| block.offset).collect()
        };
        assert!(offsets(3, &[]).is_empty(), "the call was entered before the drop");
        assert!(offsets(4, &[1]).is_empty(), "somebody still has a handle");
        assert_eq!(offsets(5, &[1]), [128]);
        assert_eq!(offsets(6, &[]), [64]);
        assert!(offsets(7, &[]).is_empty());
    }
}
