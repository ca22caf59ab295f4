//! What a rank that only computes loses while nobody talks to it: the same work before the world is there and after, when a
//! network engine is loaded and its helper thread sleeps, and what processor time this process's other threads took meanwhile.

use crate::table::Table;
use crate::{Bench, Outcome};
use std::fs;
use std::hint::black_box;
use std::time::Instant;

/// Pieces of work, and the length of each in additions that wait for one another: some milliseconds.
const PIECES: usize = 200;
const STEPS: u64 = 1_000_000;

/// Sorted times of the pieces, in microseconds.
fn work() -> Vec<f64> {
    let piece = |_| {
        let start = Instant::now();
        let mut x = 1.0f64;
        for _ in 0..STEPS {
            x = black_box(x + 1e-9);
        }
        start.elapsed().as_secs_f64() * 1e6
    };
    let mut times: Vec<f64> = (0..PIECES).map(piece).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// The median time of a piece before there is a world.
pub(crate) fn alone() -> f64 {
    work()[PIECES / 2]
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

pub(crate) fn run(bench: &Bench, alone: f64) -> Outcome<Table> {
    let columns = ["Rank", "Before (us)", "After (us)", "Lost %", "Other threads %"];
    let mut table =
        Table::new("a fixed piece of work, before the start and while nobody communicates", &columns);
    bench.world.barrier()?;
    let (start, others) = (Instant::now(), other_threads()?);
    let after = work()[PIECES / 2];
    let share = 100.0 * (other_threads()? - others) / start.elapsed().as_secs_f64();
    let all = bench.world.team().allgather(&[alone, after, 100.0 * (after / alone - 1.0), share])?;
    for (rank, row) in all.chunks(4).enumerate() {
        table.row(&[&[rank as f64], row].concat());
    }
    Ok(table)
}
