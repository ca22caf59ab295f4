//! Rank 0 and the last rank: latency, bandwidth, rate.

use crate::options::Target;
use crate::table::Table;
use crate::timing::{Samples, measure};
use crate::{Bench, Outcome, nothing};
use rma::Result;
use std::time::Instant;

/// Byte offset of the word by which rank 0 tells a computing target that it is done; it lies behind all data.
fn stop_word(bench: &Bench) -> usize {
    bench.segment.len_bytes(0) - 8
}

/// Rank 0 runs `work`; the others wait, or compute without calling the library.
pub(crate) fn against_target(bench: &Bench, work: impl FnOnce() -> Outcome<Table>) -> Outcome<Table> {
    let (world, segment) = (&bench.world, &bench.segment);
    world.barrier()?;
    let outcome = match (world.rank(), bench.options.target) {
        (0, _) => {
            let outcome = work();
            for rank in 1..world.size() {
                segment.put(rank, stop_word(bench), &[1u64])?;
            }
            world.fence_all()?;
            outcome
        }
        (_, Target::Wait) => Ok(nothing()),
        (_, Target::Compute) => {
            compute_until_told(bench);
            Ok(nothing())
        }
    };
    world.barrier()?;
    outcome
}

fn compute_until_told(bench: &Bench) {
    let base = bench.segment.mapped(bench.world.rank()).expect("a rank's own part is mapped");
    let word = base.as_ptr().wrapping_add(stop_word(bench)).cast::<u64>();
    let mut x = 1.0f64;
    // SAFETY: an aligned word of the own part, which rank 0 writes as a whole; read afresh each time.
    while unsafe { word.read_volatile() } == 0 {
        for _ in 0..1000 {
            x = std::hint::black_box(x * 1.000_000_1);
        }
    }
}

fn megabytes(size: usize, samples: &Samples) -> f64 {
    size as f64 / samples.median()
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 7 + size) as u8).collect()
}

/// Under `--validate`: an error unless the target's first bytes are `expected`.
fn check(bench: &Bench, expected: &[u8]) -> Outcome<()> {
    if !bench.options.validate {
        return Ok(());
    }
    let mut found = vec![0u8; expected.len()];
    bench.segment.get(bench.peer(), 0, &mut found)?;
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => {
            Err(format!("byte {at} of {} is {}, not {}", expected.len(), found[at], expected[at]).into())
        }
    }
}

fn latency_table(title: &str) -> Table {
    Table::new(title, &["Size", "Median (us)", "P99 (us)", "MB/s"])
}

fn bandwidth_table(title: &str) -> Table {
    Table::new(title, &["Size", "MB/s", "Mmsg/s"])
}

pub(crate) fn put_latency(bench: &Bench) -> Outcome<Table> {
    let mut table = latency_table("put and fence");
    against_target(bench, || {
        for size in bench.sizes((8, 4 << 20)) {
            let data = pattern(size);
            let samples = measure(bench.options.iterations, || -> Result<()> {
                bench.segment.put(bench.peer(), 0, &data)?;
                bench.world.fence(bench.peer())
            })?;
            check(bench, &data)?;
            table.row(&[size as f64, samples.median(), samples.p99(), megabytes(size, &samples)]);
        }
        Ok(table)
    })
}

pub(crate) fn get_latency(bench: &Bench) -> Outcome<Table> {
    let mut table = latency_table("get");
    against_target(bench, || {
        for size in bench.sizes((8, 4 << 20)) {
            let data = pattern(size);
            bench.segment.put(bench.peer(), 0, &data)?;
            let mut found = vec![0u8; size];
            let samples =
                measure(bench.options.iterations, || bench.segment.get(bench.peer(), 0, &mut found))?;
            if bench.options.validate && found != data {
                return Err(format!("a get of {size} bytes brought other bytes").into());
            }
            table.row(&[size as f64, samples.median(), samples.p99(), megabytes(size, &samples)]);
        }
        Ok(table)
    })
}

/// One window of puts, complete at the target.
fn put_window(bench: &Bench, rank: usize, data: &[u8]) -> Result<()> {
    bench.world.scope(|scope| {
        (0..bench.options.window).try_for_each(|_| scope.put(&bench.segment, rank, 0, data))
    })?;
    bench.world.fence(rank)
}

fn window_row(bench: &Bench, size: usize, samples: &Samples) -> [f64; 3] {
    let count = bench.options.window as f64;
    [size as f64, size as f64 * count / samples.median(), count / samples.median()]
}

pub(crate) fn put_bandwidth(bench: &Bench) -> Outcome<Table> {
    let mut table = bandwidth_table("puts, a window at a time, then a fence");
    against_target(bench, || {
        for size in bench.sizes((8, 4 << 20)) {
            let data = pattern(size);
            let samples = measure(bench.options.iterations, || put_window(bench, bench.peer(), &data))?;
            check(bench, &data)?;
            table.row(&window_row(bench, size, &samples));
        }
        Ok(table)
    })
}

pub(crate) fn get_bandwidth(bench: &Bench) -> Outcome<Table> {
    let mut table = bandwidth_table("gets, a window at a time");
    against_target(bench, || {
        for size in bench.sizes((8, 1 << 20)) {
            let data = pattern(size);
            bench.segment.put(bench.peer(), 0, &data)?;
            bench.world.fence(bench.peer())?;
            let mut buffers = vec![vec![0u8; size]; bench.options.window];
            let samples = measure(bench.options.iterations, || {
                bench.world.scope(|scope| {
                    buffers
                        .iter_mut()
                        .try_for_each(|buffer| scope.get(&bench.segment, bench.peer(), 0, buffer))
                })
            })?;
            if bench.options.validate && buffers.iter().any(|buffer| *buffer != data) {
                return Err(format!("a get of {size} bytes brought other bytes").into());
            }
            table.row(&window_row(bench, size, &samples));
        }
        Ok(table)
    })
}

/// Rank 0 and the last rank put at the same time.
pub(crate) fn both_ways(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new("puts both ways at once", &["Size", "MB/s"]);
    let (world, rounds) = (&bench.world, bench.options.iterations.unwrap_or(20));
    for size in bench.sizes((8, 4 << 20)) {
        let data = pattern(size);
        let other = bench.peer() - world.rank().min(bench.peer());
        let takes_part = world.rank() == 0 || world.rank() == bench.peer();
        let mut times = Vec::new();
        for _ in 0..rounds + 2 {
            world.barrier()?;
            let start = Instant::now();
            if takes_part {
                put_window(bench, other, &data)?;
            }
            world.barrier()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        times.drain(..2);
        times.sort_by(f64::total_cmp);
        let bytes = 2 * size * bench.options.window;
        table.row(&[size as f64, bytes as f64 / times[times.len() / 2]]);
    }
    Ok(table)
}

pub(crate) fn accumulate(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new(
        "accumulate of f64, alpha 1",
        &["Size", "Median (us)", "P99 (us)", "Window MB/s", "Mmsg/s"],
    );
    against_target(bench, || {
        for size in bench.sizes((8, 4 << 20)) {
            let (peer, ones, mut sum) = (bench.peer(), vec![1.0f64; size / 8], 0.0);
            bench.segment.put(peer, 0, &vec![0.0f64; size / 8])?;
            let samples = measure(bench.options.iterations, || -> Result<()> {
                sum += 1.0;
                bench.segment.accumulate(peer, 0, &ones, 1.0)?;
                bench.world.fence(peer)
            })?;
            let windows = measure(bench.options.iterations, || -> Result<()> {
                sum += bench.options.window as f64;
                for _ in 0..bench.options.window {
                    bench.segment.accumulate(peer, 0, &ones, 1.0)?;
                }
                bench.world.fence(peer)
            })?;
            if bench.options.validate {
                let mut found = vec![0.0f64; size / 8];
                bench.segment.get(peer, 0, &mut found)?;
                if found.iter().any(|value| *value != sum) {
                    return Err(format!("{sum} accumulates of one make {}", found[0]).into());
                }
            }
            let [_, rate, messages] = window_row(bench, size, &windows);
            table.row(&[size as f64, samples.median(), samples.p99(), rate, messages]);
        }
        Ok(table)
    })
}

pub(crate) fn fetch_add(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new("fetch_add of i64", &["Size", "Median (us)", "P99 (us)"]);
    against_target(bench, || {
        let mut count = 0i64;
        bench.segment.put(bench.peer(), 0, &[0i64])?;
        let mut is_right = true;
        let samples = measure(bench.options.iterations, || -> Result<()> {
            is_right &= bench.segment.fetch_add(bench.peer(), 0, 1i64)? == count;
            count += 1;
            Ok(())
        })?;
        if bench.options.validate && !is_right {
            return Err("a fetch_add gave another value than the one before plus one".into());
        }
        table.row(&[8.0, samples.median(), samples.p99()]);
        Ok(table)
    })
}

/// Every rank of the first half puts to its partner in the second.
pub(crate) fn message_rate(bench: &Bench) -> Outcome<Table> {
    let mut table =
        Table::new("puts of all pairs at once, rank i to rank i + n/2", &["Size", "MB/s", "Mmsg/s"]);
    let (world, rounds) = (&bench.world, bench.options.iterations.unwrap_or(50));
    let pairs = world.size() / 2;
    for size in bench.sizes((8, 64 << 10)) {
        let data = pattern(size);
        let mut times = Vec::new();
        for _ in 0..rounds + 2 {
            world.barrier()?;
            let start = Instant::now();
            if world.rank() < pairs {
                put_window(bench, world.rank() + pairs, &data)?;
            }
            world.barrier()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        times.drain(..2);
        times.sort_by(f64::total_cmp);
        let rate = (pairs * bench.options.window) as f64 / times[times.len() / 2];
        table.row(&[size as f64, rate * size as f64, rate]);
    }
    Ok(table)
}
