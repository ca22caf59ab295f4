//! Active messages, and operations sent together, between rank 0 and its peer, which waits in a barrier.

use super::pair::{bandwidth_row, bandwidth_table, check, latency_row, latency_table, over_sizes, pattern};
use crate::bench::{Bench, Outcome};
use crate::table::Table;
use crate::timing::measure;
use rma::{Batch, Handler, Result};

/// A handler that does nothing; collective.
fn idle(bench: &Bench) -> Result<Handler> {
    bench.world.register(|_| {})
}

/// A message and its reply.
pub(crate) fn latency(bench: &Bench) -> Outcome<Table> {
    let handler = idle(bench)?;
    over_sizes(bench, 1, latency_table(), |size| {
        let data = pattern(size);
        let samples = measure(bench.settings, || -> Result<()> {
            bench.world.am_call(bench.peer(), handler, &(), &data)?.wait().map(drop)
        })?;
        Ok(latency_row(size, &samples))
    })
}

/// Messages, a window at a time; the last of them is replied to.
pub(crate) fn rate(bench: &Bench) -> Outcome<Table> {
    let handler = idle(bench)?;
    over_sizes(bench, 1, bandwidth_table(), |size| {
        let (data, window) = (pattern(size), bench.settings.window);
        let samples = measure(bench.settings, || -> Result<()> {
            for _ in 1..window {
                bench.world.am(bench.peer(), handler, &(), &data)?;
            }
            bench.world.am_call(bench.peer(), handler, &(), &data)?.wait().map(drop)
        })?;
        Ok(bandwidth_row(size, window, &samples))
    })
}

/// Puts of a batch, a window at a time, complete at the target.
pub(crate) fn batch(bench: &Bench) -> Outcome<Table> {
    let mut batch = Batch::new(bench.world);
    over_sizes(bench, 1, bandwidth_table(), |size| {
        let (data, window) = (pattern(size), bench.settings.window);
        let samples = measure(bench.settings, || -> Result<()> {
            for index in 0..window {
                batch.put(&bench.segment, bench.peer(), bench.place(index, size), &data)?;
            }
            batch.flush()?;
            bench.world.fence(bench.peer())
        })?;
        check(bench, bench.peer(), &data)?;
        Ok(bandwidth_row(size, window, &samples))
    })
}
