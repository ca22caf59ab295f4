//! A dissemination barrier across processes.
//!
//! In round k each member signals the one 2^k further on and waits for the signal of the one 2^k behind;
//! after ceil(log2 n) rounds everybody has heard, directly or not, from everybody.
//!
//! | field | who writes | who reads | ordering |
//! | --- | --- | --- | --- |
//! | `entered` | its owner | its owner | relaxed |
//! | `flags[k]` | the member 2^k behind (swap), its owner (the SLEEPING bit) | its owner | release / acquire |
//!
//! A flag holds the number of the barrier last signalled. A neighbour can be one barrier ahead and never two,
//! as the next one needs us: hence the test "this number or the next". The swap that signals also fetches the
//! SLEEPING bit, so nobody sleeps through a signal and nobody makes a system call for a member that is awake.

use super::wait::{WaitContext, WaitError, wait_with};
use crate::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use crate::os::{futex_wait, futex_wake};

const SLEEPING: u32 = 1 << 31;
const NUMBER: u32 = SLEEPING - 1;
const ROUNDS: usize = 15;

/// One member's share of a barrier in shared memory. One cache line, zero at the start.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct BarrierRow {
    entered: AtomicU32,
    flags: [AtomicU32; ROUNDS],
}

/// A barrier over `rows.len()` members as member `me` sees it. All state is in the rows: handles may come and
/// go.
#[derive(Clone, Copy, Debug)]
pub struct Barrier<'a> {
    rows: &'a [BarrierRow],
    me: usize,
}

impl<'a> Barrier<'a> {
    /// Most members of one barrier.
    pub const MOST_MEMBERS: usize = 1 << ROUNDS;

    /// Member `me`'s handle. The rows are zero before the first member enters. Panics on more than
    /// [`Self::MOST_MEMBERS`] rows and when `me` isn't one of them.
    #[inline]
    pub fn new(rows: &'a [BarrierRow], me: usize) -> Barrier<'a> {
        assert!(me < rows.len() && rows.len() <= Self::MOST_MEMBERS, "barrier member {me} of {}", rows.len());
        Barrier { rows, me }
    }

    /// Collective: returns once every member has entered; what each wrote before is then visible to all. One
    /// thread per member at a time. After an error the barrier is unusable. Stands for `MPI_Barrier` within a
    /// node.
    #[inline]
    pub fn wait(&self, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
        let mine = &self.rows[self.me];
        let number = mine.entered.load(Relaxed).wrapping_add(1) & NUMBER;
        mine.entered.store(number, Relaxed);
        let members = self.rows.len();
        let mut distance = 1;
        for flag in &mine.flags {
            if distance >= members {
                break;
            }
            let mut to = self.me + distance;
            if to >= members {
                to -= members;
            }
            signal(&self.rows[to].flags[distance.trailing_zeros() as usize], number);
            await_signal(flag, number, ctx)?;
            distance *= 2;
        }
        Ok(())
    }
}

#[inline]
fn signal(flag: &AtomicU32, number: u32) {
    // Acquire as well: it keeps the reads of our flags behind this store, as a signal is useless while it is
    // on its way.
    if flag.swap(number, AcqRel) & SLEEPING != 0 {
        futex_wake(flag, 1);
    }
}

#[inline]
fn await_signal(flag: &AtomicU32, number: u32, ctx: &WaitContext<'_>) -> Result<(), WaitError> {
    let reached = |value: u32| value.wrapping_sub(number) & NUMBER <= 1;
    wait_with(
        ctx,
        || reached(flag.load(Acquire)),
        |longest| {
            let seen = flag.load(Relaxed);
            let marked = seen | SLEEPING;
            if !reached(seen)
                && (seen == marked || flag.compare_exchange(seen, marked, Relaxed, Relaxed).is_ok())
            {
                futex_wait(flag, marked, longest);
            }
        },
    )
}
