//! The decisions that a rank has taken since the ranks last agreed: their digest, and the last of them to tell.

use crate::lock;
use crate::status::site::Site;
use std::sync::{Mutex, MutexGuard};

/// Decisions that are kept to be told; of older ones only their number is known.
const TOLD: usize = 4096;

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Decision {
    /// A value is stored in a buffer that held something else, or in one of its own.
    Store,
    /// A buffer comes from the pool (its place there), or is a new one.
    Take,
    /// An element is written in place, or the assignment is recorded.
    Poke,
    /// An algorithm runs, or a product is cut in one of its ways.
    Stage,
    /// New arrays are spread over some ranks.
    Group,
}

impl Decision {
    const ALL: [Decision; 5] =
        [Decision::Store, Decision::Take, Decision::Poke, Decision::Stage, Decision::Group];

    pub(super) fn describe(code: u64, choice: u64) -> &'static str {
        match (Decision::ALL.get(code as usize), choice) {
            (Some(Decision::Store), 0) => "stores it in a buffer of its own",
            (Some(Decision::Store), _) => "stores it in place of what nobody needs any more",
            (Some(Decision::Take), NEW) => "allocates a buffer",
            (Some(Decision::Take), _) => "reuses a buffer that the others don't",
            (Some(Decision::Poke), 0) => "records an assignment to an element",
            (Some(Decision::Poke), _) => "writes an element in place",
            (Some(Decision::Stage), _) => "runs an algorithm",
            (Some(Decision::Group), _) => "spreads new arrays over ranks of its own choice",
            (None, _) => "did something unknown",
        }
    }
}

/// The choice of [`Decision::Take`] that means a new buffer.
pub(crate) const NEW: u64 = u64::MAX;

/// What a synchronisation is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The program asks for it.
    Barrier,
    /// A pass reads what other ranks wrote, or writes what they read.
    Pass,
    /// Shares of a reduction are combined, or parts of a result exchanged.
    Combine,
    /// A buffer is allocated.
    Allocate,
    /// The job ends.
    Leave,
    /// Others may be looking at what is about to be overwritten. A rank may want this alone.
    Caution,
    /// This rank can't finish an algorithm that all are in; the others learn of it wherever they meet next.
    Failure,
}

impl Purpose {
    pub(super) fn describe(code: u64) -> &'static str {
        const TEXTS: [&str; 7] = [
            "waits at a barrier",
            "waits for what other ranks compute",
            "combines a result with those of other ranks",
            "allocates an array",
            "leaves the job",
            "waits until nobody looks at an array any more",
            "failed",
        ];
        TEXTS.get(code as usize).copied().unwrap_or("waits")
    }
}

/// One decision: what (low byte) with its choice, about which value, recorded where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) what: u64,
    pub(super) choice: u64,
    pub(super) number: u64,
}

#[derive(Debug, Default)]
struct Decided {
    digest: u64,
    /// Decisions since the last agreement.
    count: usize,
    /// The last of them, and where the values they are about were asked for.
    told: Vec<(Entry, Site)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Trail(Mutex<Decided>);

impl Trail {
    fn lock(&self) -> MutexGuard<'_, Decided> {
        lock(&self.0)
    }

    /// A decision about value `number`, which was asked for at `made`.
    pub(super) fn note(&self, what: Decision, number: u64, choice: u64, made: Site) {
        let entry = Entry { what: what as u64, choice, number };
        let mut trail = self.lock();
        trail.digest = mix(trail.digest ^ mix(number ^ choice.rotate_left(24) ^ (entry.what << 56)));
        trail.count += 1;
        if trail.told.len() == 2 * TOLD {
            trail.told.drain(..TOLD);
        }
        trail.told.push((entry, made));
    }

    /// Of all since the ranks agreed.
    pub(super) fn digest(&self) -> u64 {
        self.lock().digest
    }

    /// The ranks have agreed.
    pub(super) fn forget(&self) {
        let mut trail = self.lock();
        (trail.digest, trail.count) = (0, 0);
        trail.told.clear();
    }

    /// Digest, number of decisions, and the last of them.
    pub(super) fn tell(&self) -> (u64, usize, Vec<Entry>) {
        let trail = self.lock();
        let last = &trail.told[trail.told.len().saturating_sub(TOLD)..];
        (trail.digest, trail.count, last.iter().map(|told| told.0).collect())
    }

    /// Where the value that decision `i` is about was asked for, if that is still known.
    pub(super) fn site(&self, i: usize) -> Option<Site> {
        let trail = self.lock();
        Some(trail.told.get(i.checked_sub(trail.count - trail.told.len())?)?.1)
    }
}

/// Spreads the bits of a word; a step of SplitMix64.
#[inline]
pub(crate) fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
