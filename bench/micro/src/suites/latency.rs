//! One operation at a time, between rank 0 and its peer.

use super::pair::{check, latency_row, latency_table, over_sizes, pattern};
use crate::bench::{Bench, Outcome};
use crate::table::Table;
use crate::timing::measure;
use rma::{Compare, Result, SignalUpdate};
use std::time::Instant;

pub(crate) fn put(bench: &Bench) -> Outcome<Table> {
    over_sizes(bench, 1, latency_table(), |size| {
        let data = pattern(size);
        let samples = measure(bench.settings, || -> Result<()> {
            bench.segment.put(bench.peer(), 0, &data)?;
            bench.world.fence(bench.peer())
        })?;
        check(bench, bench.peer(), &data)?;
        Ok(latency_row(size, &samples))
    })
}

pub(crate) fn get(bench: &Bench) -> Outcome<Table> {
    over_sizes(bench, 1, latency_table(), |size| {
        let data = pattern(size);
        bench.segment.put(bench.peer(), 0, &data)?;
        let mut found = vec![0u8; size];
        let samples = measure(bench.settings, || bench.segment.get(bench.peer(), 0, &mut found))?;
        if bench.settings.validate && found != data {
            return Err(format!("a get of {size} bytes brought other bytes").into());
        }
        Ok(latency_row(size, &samples))
    })
}

pub(crate) fn accumulate(bench: &Bench) -> Outcome<Table> {
    over_sizes(bench, 8, latency_table(), |size| {
        let (peer, ones, mut sum) = (bench.peer(), vec![1.0f64; size / 8], 0.0);
        bench.segment.put(peer, 0, &vec![0.0f64; size / 8])?;
        let samples = measure(bench.settings, || -> Result<()> {
            sum += 1.0;
            bench.segment.accumulate(peer, 0, &ones, 1.0)?;
            bench.world.fence(peer)
        })?;
        check_sums(bench, size, sum)?;
        Ok(latency_row(size, &samples))
    })
}

/// Under `--validation`: an error unless all of the peer's first `size` bytes are the number `sum`.
pub(crate) fn check_sums(bench: &Bench, size: usize, sum: f64) -> Outcome<()> {
    let mut found = vec![sum; size / 8];
    if bench.settings.validate {
        bench.segment.get(bench.peer(), 0, &mut found)?;
    }
    match found.iter().find(|value| **value != sum) {
        None => Ok(()),
        Some(other) => Err(format!("{sum} accumulates of one make {other}").into()),
    }
}

/// Both ranks: the message, then its signal. What is measured is half of a round trip, as of a message that is waited for.
pub(crate) fn put_signal(bench: &Bench) -> Outcome<Table> {
    let (world, segment, peer) = (bench.world, &bench.segment, bench.peer());
    let (me, mut table, mut turn) = (world.rank(), latency_table(), 0u64);
    let signal = segment.len_bytes(me) - 8;
    for size in bench.sizes(1) {
        world.barrier()?;
        if me != 0 && me != peer {
            continue;
        }
        let (data, other) = (pattern(size), peer - me);
        let count = bench.settings.iterations.unwrap_or(1000);
        let warmup = bench.settings.warmup.unwrap_or(count / 10);
        let mut times = Vec::with_capacity(count);
        for round in 0..warmup + count {
            turn += 1;
            let start = Instant::now();
            if me == peer {
                segment.wait_signal(signal, Compare::AtLeast(turn))?;
            }
            segment.put_signal(other, 0, &data, signal, SignalUpdate::Set(turn))?;
            if me == 0 {
                segment.wait_signal(signal, Compare::AtLeast(turn))?;
            }
            if round >= warmup {
                times.push(start.elapsed().as_secs_f64() * 1e6 / 2.0);
            }
        }
        check(bench, me, &data)?;
        table.row(&latency_row(size, &crate::timing::Samples::new(times)));
    }
    world.barrier()?;
    Ok(table)
}
