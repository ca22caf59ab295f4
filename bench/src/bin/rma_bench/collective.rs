//! Collectives of all ranks. Every rank measures; the table has the mean over the ranks of their medians, and the extremes.

use crate::table::Table;
use crate::{Bench, Outcome};
use rma::{Op, Result};
use std::time::Instant;

/// Samples where the user doesn't say, and the calls of each.
const ROUNDS: usize = 200;

/// Mean, least and greatest of all ranks' median times of one call, in microseconds.
fn measure(bench: &Bench, mut call: impl FnMut() -> Result<()>) -> Outcome<[f64; 3]> {
    let world = &bench.world;
    let rounds = bench.options.iterations.unwrap_or(ROUNDS);
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds + rounds / 10 + 1 {
        world.barrier()?;
        let start = Instant::now();
        call()?;
        if round > rounds / 10 {
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    let medians = world.team().allgather(&[times[times.len() / 2]])?;
    let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let most = medians.iter().copied().fold(0.0, f64::max);
    Ok([medians.iter().sum::<f64>() / medians.len() as f64, least, most])
}

const COLUMNS: [&str; 4] = ["Size", "Mean (us)", "Least (us)", "Most (us)"];

pub(crate) fn barrier(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new("barrier of all ranks", &COLUMNS);
    let [mean, least, most] = measure(bench, || bench.world.barrier())?;
    table.row(&[0.0, mean, least, most]);
    Ok(table)
}

pub(crate) fn allreduce(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new("allreduce: sums of f64, bytes per rank", &COLUMNS);
    let team = bench.world.team();
    for size in bench.sizes((8, 1 << 20)) {
        let mut data = vec![0.0f64; size / 8];
        let [mean, least, most] = measure(bench, || {
            data.fill(1.0);
            team.allreduce(&mut data, Op::Sum)
        })?;
        if bench.options.validate && data.iter().any(|sum| *sum != team.size() as f64) {
            return Err(format!("an allreduce of ones made {}", data[0]).into());
        }
        table.row(&[size as f64, mean, least, most]);
    }
    Ok(table)
}

pub(crate) fn alltoall(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new("alltoall, bytes from each rank to each", &COLUMNS);
    let team = bench.world.team();
    for size in bench.sizes((8, 256 << 10)) {
        let data: Vec<u64> = (0..team.size() * (size / 8)).map(|i| (team.rank() << 32 | i) as u64).collect();
        let mut received = Vec::new();
        let [mean, least, most] = measure(bench, || {
            received = team.alltoall(&data)?;
            Ok(())
        })?;
        let share = size / 8;
        let right = |(i, value): (usize, &u64)| {
            *value == ((i / share) << 32 | (team.rank() * share + i % share)) as u64
        };
        if bench.options.validate && !received.iter().enumerate().all(right) {
            return Err(format!("an alltoall of {size} bytes mixed something up").into());
        }
        table.row(&[size as f64, mean, least, most]);
    }
    Ok(table)
}
