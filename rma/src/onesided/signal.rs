//! Put with signal, and waiting for a signal.
//!
//! A signal is an aligned `u64` anywhere in a segment. The writer puts its data, then changes the signal with release order, then
//! rings the target's *bell*, a counter per rank in the heap's root area. The waiter reads the bell, then the signal, and sleeps
//! until the bell moves on; a signal that came in between has moved it already, so no wake-up is lost, and any number of threads
//! may wait.

use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, Event, Kind};
use crate::plain::Plain;
use crate::post::may_wait;
use crate::segment::Segment;
use crate::shared::Shared;
use crate::transport::{SignalUpdate, Token};
use shm::atomics::Atomic;
use shm::sync::Counter;

/// What a waiter waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    /// The signal equals the value.
    Equal(u64),
    /// It differs from the value.
    NotEqual(u64),
    /// It is the value or more.
    AtLeast(u64),
    /// It is more than the value.
    Above(u64),
    /// It is the value or less.
    AtMost(u64),
    /// It is less than the value.
    Below(u64),
}

impl Compare {
    #[inline]
    pub(super) fn holds(self, signal: u64) -> bool {
        match self {
            Compare::Equal(value) => signal == value,
            Compare::NotEqual(value) => signal != value,
            Compare::AtLeast(value) => signal >= value,
            Compare::Above(value) => signal > value,
            Compare::AtMost(value) => signal <= value,
            Compare::Below(value) => signal < value,
        }
    }
}

impl Segment {
    /// Writes `src` to `rank`'s part at `offset`, then updates the signal at `signal_offset` there: who sees the signal sees the data.
    ///
    /// Not collective; `src` may be reused on return. Stands for `shmem_put_signal`. Errors: as [`Segment::put`], and `Alignment`
    /// of the signal; then nothing was written.
    pub fn put_signal<T: Plain>(
        &self,
        rank: usize,
        offset: usize,
        src: &[T],
        signal_offset: usize,
        update: SignalUpdate,
    ) -> Result<()> {
        let bytes = src.as_ptr().cast();
        // SAFETY: the slice is readable until the wait is over.
        let token =
            unsafe { self.start_put_signal(rank, offset, bytes, size_of_val(src), signal_offset, update) }?;
        self.wait(token)
    }

    /// Starts [`Segment::put_signal`].
    ///
    /// # Safety
    /// `src` is readable until the transfer is complete.
    pub(super) unsafe fn start_put_signal(
        &self,
        rank: usize,
        offset: usize,
        src: *const u8,
        len: usize,
        signal_offset: usize,
        update: SignalUpdate,
    ) -> Result<Token> {
        let _span = observe::span(|| self.event(OpCode::PutSignal, rank, len));
        let op = "put_signal";
        let signal = self.signal_spot(op, rank, signal_offset)?;
        if signal.mapped.is_null() {
            let place = self.spot(op, rank, offset, len)?.place;
            // SAFETY: both places were checked, the word is aligned; the source is the caller's promise.
            return unsafe { self.transport().put_signal(place, src, len, signal.place.offset, update) };
        }
        // SAFETY: the caller's promise; memory of segments is never behind a reference of safe code.
        unsafe { self.put_run(rank, offset, src, len) }?;
        let word = signal.mapped.cast::<u64>();
        // SAFETY: aligned, inside the part, mapped for writing; everybody accesses signals atomically.
        unsafe {
            match update {
                SignalUpdate::Set(value) => u64::store_release(word, value),
                SignalUpdate::Add(value) => drop(u64::fetch_add(word, value)),
            }
        }
        self.bell(signal.place.rank).add(1);
        Ok(Token::DONE)
    }

    /// Waits until the signal at `offset` of this rank's own part compares as told; returns it. Data put before is visible then.
    ///
    /// Not collective; any number of threads may wait. Stands for `shmem_signal_wait_until`. Only [`Segment::put_signal`] wakes a waiter
    /// at once; a signal changed otherwise is noticed late. Errors: `Range`, `Alignment`, `Died`, `Foreign`, `Finalized`.
    #[track_caller]
    pub fn wait_signal(&self, offset: usize, until: Compare) -> Result<u64> {
        let call = Call::new(OpCode::WaitSignal);
        may_wait(call.op.name())?;
        let (team, world) = (self.team(), self.shared());
        let _span = observe::span(|| Event::new(call.op, Kind::Operation).at(call.location));
        let spot = self.signal_spot("wait_signal", team.rank(), offset)?;
        let word = spot.mapped.cast::<u64>();
        // SAFETY: the own part is always mapped; aligned and inside it by the check above.
        let load = || unsafe { u64::load_acquire(word) };
        let cause = Cause { call, team: team.id(), target: None, sequence: 0, needs: Needs::AnyOther };
        world.await_signal(cause, &load, until)
    }

    pub(super) fn signal_spot(
        &self,
        op: &'static str,
        rank: usize,
        offset: usize,
    ) -> Result<crate::spot::Spot> {
        let spot = self.spot(op, rank, offset, 8)?;
        if offset.is_multiple_of(8) {
            return Ok(spot);
        }
        let message = format!("a signal at offset {offset} is no multiple of 8");
        Err(Error::at(ErrorKind::Alignment, op, rank, message))
    }

    /// The bell of a world rank.
    fn bell(&self, rank: usize) -> &Counter {
        self.shared().bell(rank)
    }
}

impl Shared {
    /// Waits until a signal of this rank compares as told; returns it. Who changes it rings this rank's bell.
    pub(crate) fn await_signal(
        &self,
        cause: Cause<'_>,
        load: &impl Fn() -> u64,
        until: Compare,
    ) -> Result<u64> {
        for _ in 0..self.policy().spins {
            let signal = load();
            if until.holds(signal) {
                return Ok(signal);
            }
            std::hint::spin_loop();
        }
        let bell = self.bell(self.rank);
        loop {
            let rings = bell.load();
            let signal = load();
            if until.holds(signal) {
                return Ok(signal);
            }
            let cause = Cause { sequence: signal, ..cause };
            let came = || until.holds(load());
            self.waiting(cause, |context| bell.wait_at_least_or(rings + 1, came, context))?;
        }
    }
}
