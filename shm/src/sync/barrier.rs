//! A dissemination barrier across processes, which compares on its way what the members say.
//!
//! In round k each member signals the one 2^k further on and waits for the signal of the one 2^k behind; after ceil(log2 n) rounds
//! everybody has heard, directly or not, from everybody. A signal carries what its sender says, and whether it has heard of two who
//! differ: so if any two differ, all know.
//!
//! | field | who writes | who reads | ordering |
//! | --- | --- | --- | --- |
//! | a round's `said`, `differs` | the member 2^k behind, before `number` | the owner, after it | relaxed |
//! | a round's `number` | the member 2^k behind | the owner | release / acquire |
//!
//! Barriers are numbered from 1, and use the rounds of even and odd numbers in turn. That is enough: who writes a round for barrier
//! `n + 2` has completed `n + 1`, which its owner had to enter, after it was done with `n`.

use super::sequence::Counter;
use crate::atomic::{AtomicU64, Ordering::Relaxed};

const ROUNDS: usize = 12;

#[repr(C, align(32))]
#[derive(Debug, Default)]
struct Round {
    number: Counter,
    said: [AtomicU64; 2],
    differs: AtomicU64,
}

/// One member's share of a barrier in shared memory. Zero at the start.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct BarrierRow {
    rounds: [[Round; ROUNDS]; 2],
}

/// A barrier as one member sees it. All state is in the rows: handles may come and go.
#[derive(Clone, Copy, Debug)]
pub struct Barrier<R> {
    row: R,
    members: usize,
    me: usize,
}

impl<'a, R: Fn(usize) -> &'a BarrierRow> Barrier<R> {
    /// Most members of one barrier.
    pub const MOST_MEMBERS: usize = 1 << ROUNDS;

    /// Member `me`'s handle; `row` finds the members' rows. Panics on more than [`Self::MOST_MEMBERS`] and when `me` isn't one of them.
    #[inline]
    pub fn new(row: R, members: usize, me: usize) -> Barrier<R> {
        assert!(me < members && members <= Self::MOST_MEMBERS, "barrier member {me} of {members}");
        Barrier { row, members, me }
    }

    /// Collective: returns once every member has entered; what each wrote before is then visible to all. True if all said the
    /// same. `number` counts this member's barriers, from 1. `heard(counter, from)` waits until the counter, at which member `from` signals, is at
    /// least `number`. One thread per member at a time. After an error the barrier is unusable. Stands for `MPI_Barrier` within a node.
    #[inline]
    pub fn wait<E>(
        &self,
        number: u64,
        say: [u64; 2],
        mut heard: impl FnMut(&Counter, usize) -> Result<(), E>,
    ) -> Result<bool, E> {
        let (members, half) = (self.members, (number % 2) as usize);
        let (mut differs, mut distance) = (false, 1);
        for (round, here) in (self.row)(self.me).rounds[half].iter().enumerate() {
            if distance >= members {
                break;
            }
            let around = |member: usize| if member >= members { member - members } else { member };
            let there = &(self.row)(around(self.me + distance)).rounds[half][round];
            for (word, say) in there.said.iter().zip(say) {
                word.store(say, Relaxed);
            }
            there.differs.store(u64::from(differs), Relaxed);
            there.number.publish(number);
            heard(&here.number, around(self.me + members - distance))?;
            let said = [0, 1].map(|word: usize| here.said[word].load(Relaxed));
            differs |= said != say || here.differs.load(Relaxed) != 0;
            distance *= 2;
        }
        Ok(!differs)
    }
}
