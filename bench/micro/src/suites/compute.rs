//! The start, and what a rank that only computes loses while nobody talks to it: the same work before the world is there and after, when a
//! network engine is loaded and its helper thread sleeps, and what processor time this process's other threads took meanwhile.

use crate::bench::{Bench, Outcome};
use crate::settings::Settings;
use crate::table::{Table, Unit, column};
use crate::timing::Samples;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

/// Pieces of work where the user doesn't say, and the length of each in additions that wait for one another: some milliseconds.
const PIECES: usize = 200;
const STEPS: u64 = 1_000_000;

/// The median time of a piece, in microseconds.
fn work(settings: &Settings) -> f64 {
    let piece = |_| {
        let start = Instant::now();
        let mut x = 1.0f64;
        for _ in 0..STEPS {
            x = black_box(x + 1e-9);
        }
        start.elapsed().as_secs_f64() * 1e6
    };
    let pieces = settings.iterations.unwrap_or(PIECES);
    Samples::new((0..pieces).map(piece).collect()).median()
}

/// The median time of a piece before there is a world.
pub(crate) fn alone(settings: &Settings) -> f64 {
    work(settings)
}

/// Seconds of processor time of all threads of this process but the calling one.
fn other_threads() -> Outcome<f64> {
    let me = fs::read_link("/proc/thread-self")?;
    let mut sum = 0;
    for entry in fs::read_dir("/proc/self/task")? {
        let task = entry?;
        if Some(task.file_name().as_os_str()) != me.file_name() {
            let text = fs::read_to_string(task.path().join("schedstat"))?;
            sum += text.split(' ').next().unwrap_or("").parse::<u64>()?;
        }
    }
    Ok(sum as f64 * 1e-9)
}

pub(crate) fn run(bench: &Bench) -> Outcome<Table> {
    let alone = bench.alone_us;
    let mut table = Table::new(&[
        column("Rank", Unit::Number),
        column("Before (us)", Unit::Time),
        column("After (us)", Unit::Time),
        column("Lost %", Unit::Percent),
        column("Other threads %", Unit::Percent),
    ]);
    bench.world.barrier()?;
    let (start, others) = (Instant::now(), other_threads()?);
    let after = work(bench.settings);
    let share = 100.0 * (other_threads()? - others) / start.elapsed().as_secs_f64();
    let all = bench.world.team().allgather(&[alone, after, 100.0 * (after / alone - 1.0), share])?;
    for (rank, row) in all.chunks(4).enumerate() {
        table.row(&[&[rank as f64], row].concat());
    }
    Ok(table)
}

/// How long joining the job took, as the ranks saw it.
pub(crate) fn init(bench: &Bench) -> Outcome<Table> {
    let mut table = Table::new(&[
        column("Ranks", Unit::Number),
        column("Avg (ms)", Unit::Number),
        column("Min (ms)", Unit::Number),
        column("Max (ms)", Unit::Number),
    ]);
    let all = bench.world.team().allgather(&[bench.start_seconds * 1e3])?;
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    table.row(&[all.len() as f64, all.iter().sum::<f64>() / all.len() as f64, least, most]);
    Ok(table)
}
