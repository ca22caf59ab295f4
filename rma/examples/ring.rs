//! A ring of puts with signals, and a counter that hands out tasks.
//!
//! ```text
//! cargo run --release -p rma --example ring                       one rank
//! gain run -n 4 target/release/examples/ring                      four
//! ```
//!
//! Part one: each rank sends its left neighbour's message on to the right until it is home again; the receiver waits for a signal, so
//! no rank meets any other. Part two: ranks take tasks of very unequal length from one counter, and accumulate
//! the results at rank 0.

use rma::{Compare, Op, Result, Segment, SignalUpdate, World};

/// Byte offsets in each rank's part.
const SIGNAL: usize = 0;
const COUNTER: usize = 8;
const SUM: usize = 16;
const MESSAGE: usize = 64;

const TASKS: u64 = 200;

pub(crate) fn main() -> Result<()> {
    let world = World::init()?;
    let (me, size) = (world.rank(), world.size());
    // One place per lap: nothing is overwritten, so nobody has to say that it has read.
    let place = |lap: usize| MESSAGE + lap * 8 * size;
    let segment = Segment::allocate_zeroed(&world.team(), place(size))?;

    let mut trace = vec![me as u64];
    for lap in 0..size {
        segment.put_signal((me + 1) % size, place(lap), &trace, SIGNAL, SignalUpdate::Add(1))?;
        segment.wait_signal(SIGNAL, Compare::AtLeast(lap as u64 + 1))?;
        segment.get(me, place(lap), &mut trace)?;
        if lap + 1 < size {
            trace.push(me as u64);
        }
    }
    assert_eq!(trace[0], me as u64, "home again");
    report(&world, &format!("the message of rank {me} went by {trace:?}"))?;

    let mut done = 0;
    loop {
        let task: u64 = segment.fetch_add(0, COUNTER, 1)?;
        if task >= TASKS {
            break;
        }
        segment.accumulate(0, SUM, &[inverse_squares(task)], 1.0)?;
        done += 1;
    }
    world.sync()?;
    report(&world, &format!("rank {me} did {done} of {TASKS} tasks"))?;
    let mut total = [done];
    world.team().allreduce(&mut total, Op::Sum)?;
    assert_eq!(total[0], TASKS);
    let sum: f64 = segment.get_value(0, SUM)?;
    let pi = (6.0 * sum).sqrt();
    assert!((pi - std::f64::consts::PI).abs() < 1e-4);
    report(&world, &if me == 0 { format!("pi is about {pi:.4}") } else { String::new() })?;
    segment.free()?;
    world.finalize()
}

/// Terms of the sum of 1/k²; task t has about t times the work of task 1.
fn inverse_squares(task: u64) -> f64 {
    let from = task * (task + 1) / 2 * 10 + 1;
    (from..from + (task + 1) * 10).map(|k| 1.0 / (k as f64 * k as f64)).sum()
}

/// Rank 0 prints everybody's line, in rank order, but empty ones.
fn report(world: &World, line: &str) -> Result<()> {
    for line in world.team().gatherv(line.as_bytes(), 0)?.iter().filter(|line| !line.is_empty()) {
        let mut lines = std::io::stdout().lock();
        // Nobody reads any more: there is nobody to tell.
        let _ = std::io::Write::write_all(&mut lines, &[line, &b"\n"[..]].concat());
    }
    Ok(())
}
