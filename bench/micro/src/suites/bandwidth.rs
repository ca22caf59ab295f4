//! A window of operations under way at a time, between rank 0 and its peer.

use super::latency::check_sums;
use super::pair::{
    bandwidth_row, bandwidth_table, check, get_window, over_sizes, pattern, put_window, window_buffers,
};
use crate::bench::{Bench, Outcome};
use crate::table::Table;
use crate::timing::{measure, measure_together};
use rma::Result;

pub(crate) fn put(bench: &Bench) -> Outcome<Table> {
    over_sizes(bench, 1, bandwidth_table(), |size| {
        let data = pattern(size);
        let samples = measure(bench.settings, || put_window(bench, bench.peer(), &data))?;
        check(bench, bench.peer(), &data)?;
        Ok(bandwidth_row(size, bench.settings.window, &samples))
    })
}

pub(crate) fn get(bench: &Bench) -> Outcome<Table> {
    over_sizes(bench, 1, bandwidth_table(), |size| {
        let data = pattern(size);
        put_window(bench, bench.peer(), &data)?;
        let mut buffers = window_buffers(bench, size);
        let samples = measure(bench.settings, || get_window(bench, bench.peer(), &mut buffers))?;
        if bench.settings.validate && buffers.iter().any(|buffer| *buffer != data) {
            return Err(format!("a get of {size} bytes brought other bytes").into());
        }
        Ok(bandwidth_row(size, bench.settings.window, &samples))
    })
}

pub(crate) fn accumulate(bench: &Bench) -> Outcome<Table> {
    over_sizes(bench, 8, bandwidth_table(), |size| {
        let (peer, ones, mut sum) = (bench.peer(), vec![1.0f64; size / 8], 0.0);
        bench.segment.put(peer, 0, &vec![0.0f64; size / 8])?;
        let samples = measure(bench.settings, || -> Result<()> {
            sum += bench.settings.window as f64;
            for _ in 0..bench.settings.window {
                bench.segment.accumulate(peer, 0, &ones, 1.0)?;
            }
            bench.world.fence(peer)
        })?;
        check_sums(bench, size, sum)?;
        Ok(bandwidth_row(size, bench.settings.window, &samples))
    })
}

pub(crate) fn put_both_ways(bench: &Bench) -> Outcome<Table> {
    let mut table = bandwidth_table();
    for size in bench.sizes(1) {
        let data = pattern(size);
        let samples = both_ways(bench, |other| put_window(bench, other, &data))?;
        if let Some(me) = party(bench) {
            check(bench, me, &data)?;
        }
        table.row(&bandwidth_row(size, 2 * bench.settings.window, &samples));
    }
    Ok(table)
}

pub(crate) fn get_both_ways(bench: &Bench) -> Outcome<Table> {
    let mut table = bandwidth_table();
    for size in bench.sizes(1) {
        let (data, mut buffers) = (pattern(size), window_buffers(bench, size));
        put_window(bench, bench.world.rank(), &data)?;
        let samples = both_ways(bench, |other| get_window(bench, other, &mut buffers))?;
        if bench.settings.validate && party(bench).is_some() && buffers.iter().any(|buffer| *buffer != data) {
            return Err(format!("a get of {size} bytes brought other bytes").into());
        }
        table.row(&bandwidth_row(size, 2 * bench.settings.window, &samples));
    }
    Ok(table)
}

/// This rank, if it is one of the two.
fn party(bench: &Bench) -> Option<usize> {
    Some(bench.world.rank()).filter(|rank| *rank == 0 || *rank == bench.peer())
}

/// Both ranks at once, from a barrier to a barrier.
fn both_ways(bench: &Bench, mut transfer: impl FnMut(usize) -> Result<()>) -> Result<crate::timing::Samples> {
    measure_together(bench.settings, bench.world, true, || match party(bench) {
        Some(me) => transfer(bench.peer() - me),
        None => Ok(()),
    })
}
