//! Read-modify-write of one integer, and mutexes, between rank 0 and its peer.

use super::pair::{latency_row, latency_table, over_sizes};
use crate::bench::{Bench, Outcome};
use crate::table::Table;
use crate::timing::measure;
use rma::{MutexSet, Result};

/// Measures `op`, which is given how often it was called and says what it found there: the number of calls before, as `what` promises.
fn one_word(bench: &Bench, what: &str, op: impl Fn(usize, i64) -> Result<i64>) -> Outcome<Table> {
    over_sizes(bench, 8, latency_table(), |size| {
        let (peer, mut count, mut is_right) = (bench.peer(), 0i64, true);
        bench.segment.put(peer, 0, &[0i64])?;
        let samples = measure(bench.settings, || -> Result<()> {
            is_right &= op(peer, count)? == count;
            count += 1;
            Ok(())
        })?;
        if bench.settings.validate && !is_right {
            return Err(format!("{what} gave another value than the one before").into());
        }
        Ok(latency_row(size, &samples))
    })
}

pub(crate) fn fetch_add(bench: &Bench) -> Outcome<Table> {
    one_word(bench, "a fetch_add", |peer, _| bench.segment.fetch_add(peer, 0, 1i64))
}

pub(crate) fn swap(bench: &Bench) -> Outcome<Table> {
    one_word(bench, "a swap", |peer, count| bench.segment.swap(peer, 0, count + 1))
}

pub(crate) fn compare_swap(bench: &Bench) -> Outcome<Table> {
    one_word(bench, "a compare_swap", |peer, count| bench.segment.compare_swap(peer, 0, count, count + 1))
}

/// A mutex that nobody else wants.
pub(crate) fn lock(bench: &Bench) -> Outcome<Table> {
    let mutexes = MutexSet::create(&bench.world.team(), 1)?;
    let outcome = over_sizes(bench, 8, latency_table(), |size| {
        let samples = measure(bench.settings, || -> Result<()> {
            mutexes.lock(bench.peer(), 0)?;
            mutexes.unlock(bench.peer(), 0)
        })?;
        Ok(latency_row(size, &samples))
    });
    mutexes.free()?;
    outcome
}
