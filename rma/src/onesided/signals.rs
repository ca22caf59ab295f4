//! Waiting for any, some or all of several signals, and looking at them.
//!
//! The semantics are those of OpenSHMEM 1.6's `shmem_wait_until_*` and `shmem_test_*`, vector forms included: each signal has a comparison of its own.

use super::signal::Compare;
use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::post::may_wait;
use crate::segment::Segment;
use shm::atomics::Atomic;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where looks for any signal begin: each time at another one, so that none is passed over for ever.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// Several signals of this rank's own part, of which some are left out.
struct Several<'a> {
    words: Vec<*const u64>,
    signals: &'a [(usize, Compare)],
    status: Option<&'a [bool]>,
}

impl Several<'_> {
    fn is_in(&self, index: usize) -> bool {
        self.status.is_none_or(|status| !status[index])
    }

    fn is_empty(&self) -> bool {
        (0..self.signals.len()).all(|index| !self.is_in(index))
    }

    /// Whether a signal that isn't left out compares as told.
    fn holds(&self, index: usize) -> bool {
        // SAFETY: aligned and inside the own part, which is always mapped, by `several`.
        self.is_in(index) && self.signals[index].1.holds(unsafe { u64::load_acquire(self.words[index]) })
    }

    fn any(&self, first: usize) -> Option<usize> {
        let count = self.signals.len();
        (0..count).map(|place| (first + place) % count).find(|index| self.holds(*index))
    }

    fn some(&self) -> Vec<usize> {
        (0..self.signals.len()).filter(|index| self.holds(*index)).collect()
    }

    fn all(&self) -> bool {
        (0..self.signals.len()).all(|index| self.holds(index))
    }
}

/// Signals are given as byte offsets in this rank's own part, each with what is wanted of it. Those whose `status` is true are left out, as if they were not listed; indices count them.
/// Data put before a signal that was seen are visible.
///
/// Not collective; any number of threads may wait. Only [`Segment::put_signal`] wakes a waiter at once; a signal changed otherwise is noticed late. Errors: `Range`, `Alignment`, `Shape` (a
/// status of another length), `Died`, `Handler` (waits), `Foreign`, `Finalized`.
impl Segment {
    /// Waits until any of the signals compares as told; returns its index. `None`, at once, if all are left out. Which one of several is returned is left open, but
    /// none is passed over for ever. Stands for `shmem_wait_until_any`, `shmem_wait_until_any_vector`.
    #[track_caller]
    pub fn wait_until_any(
        &self,
        signals: &[(usize, Compare)],
        status: Option<&[bool]>,
    ) -> Result<Option<usize>> {
        let first = FIRST.fetch_add(1, Ordering::Relaxed);
        self.await_several(Call::new(OpCode::WaitUntil), signals, status, |several| {
            match several.is_empty() {
                true => Some(None),
                false => several.any(first).map(Some),
            }
        })
    }

    /// Waits until at least one of the signals compares as told; returns the indices of all that do, in increasing order. None, at once, if all are left out.
    /// Stands for `shmem_wait_until_some`, `shmem_wait_until_some_vector`.
    #[track_caller]
    pub fn wait_until_some(
        &self,
        signals: &[(usize, Compare)],
        status: Option<&[bool]>,
    ) -> Result<Vec<usize>> {
        self.await_several(Call::new(OpCode::WaitUntil), signals, status, |several| {
            let some = several.some();
            (!some.is_empty() || several.is_empty()).then_some(some)
        })
    }

    /// Waits until each of the signals has compared as told. Stands for `shmem_wait_until_all`, `shmem_wait_until_all_vector`.
    #[track_caller]
    pub fn wait_until_all(&self, signals: &[(usize, Compare)]) -> Result<()> {
        // What one has seen it need not see again.
        let seen = RefCell::new(vec![false; signals.len()]);
        self.await_several(Call::new(OpCode::WaitUntil), signals, None, |several| {
            let mut seen = seen.borrow_mut();
            for (index, seen) in seen.iter_mut().enumerate() {
                *seen = *seen || several.holds(index);
            }
            seen.iter().all(|seen| *seen).then_some(())
        })
    }

    /// The index of a signal that compares as told, if there is one. Never waits; makes progress. Stands for `shmem_test_any`. Else as [`Segment::wait_until_any`].
    pub fn test_any(&self, signals: &[(usize, Compare)], status: Option<&[bool]>) -> Result<Option<usize>> {
        let first = FIRST.fetch_add(1, Ordering::Relaxed);
        self.look_at(signals, status, |several| several.any(first))
    }

    /// The indices of the signals that compare as told. Never waits; makes progress. Stands for `shmem_test_some`. Else as [`Segment::wait_until_some`].
    pub fn test_some(&self, signals: &[(usize, Compare)], status: Option<&[bool]>) -> Result<Vec<usize>> {
        self.look_at(signals, status, |several| several.some())
    }

    /// Whether all of the signals compare as told, now. Never waits; makes progress. Stands for `shmem_test_all`; with one signal, for `shmem_test`.
    pub fn test_all(&self, signals: &[(usize, Compare)]) -> Result<bool> {
        self.look_at(signals, None, |several| several.all())
    }

    fn several<'a>(
        &self,
        op: &'static str,
        signals: &'a [(usize, Compare)],
        status: Option<&'a [bool]>,
    ) -> Result<Several<'a>> {
        if let Some(status) = status.filter(|status| status.len() != signals.len()) {
            let message = format!("a status of length {} for {} signals", status.len(), signals.len());
            return Err(Error::new(ErrorKind::Shape, op, message));
        }
        let rank = self.team().rank();
        let word = |(offset, _): &(usize, Compare)| {
            self.signal_spot(op, rank, *offset).map(|spot| spot.mapped.cast_const().cast())
        };
        self.shared().alive(op)?;
        Ok(Several { words: signals.iter().map(word).collect::<Result<_>>()?, signals, status })
    }

    fn look_at<R>(
        &self,
        signals: &[(usize, Compare)],
        status: Option<&[bool]>,
        look: impl Fn(&Several<'_>) -> R,
    ) -> Result<R> {
        let several = self.several("test", signals, status)?;
        self.shared().turn();
        Ok(look(&several))
    }

    fn await_several<R>(
        &self,
        call: Call,
        signals: &[(usize, Compare)],
        status: Option<&[bool]>,
        look: impl Fn(&Several<'_>) -> Option<R>,
    ) -> Result<R> {
        let op = call.op.name();
        let several = self.several(op, signals, status)?;
        if let Some(found) = look(&several) {
            return Ok(found);
        }
        may_wait(op)?;
        let found = RefCell::new(None);
        let cause = Cause { call, team: self.team().id(), target: None, sequence: 0, needs: Needs::AnyOther };
        self.shared().await_bell(cause, || {
            let mut found = found.borrow_mut();
            *found = found.take().or_else(|| look(&several));
            found.is_some()
        })?;
        Ok(found.take().expect("what the wait ended by"))
    }
}
