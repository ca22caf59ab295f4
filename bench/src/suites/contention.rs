//! What ranks do to each other: counters, mutexes, and two ranks accumulating into one target.

use super::sync::agree;
use super::{Outcome, on_rank_0, show};
use bench::report::{Row, Unit};
use bench::sample::{self, Plan, Spread};
use rma::{MutexSet, Segment, World};
use std::hint::black_box;

/// Two ranks into one target this long.
const TARGET: usize = 16 << 20;

/// Every rank calls it.
pub(super) fn run(world: &World) -> Outcome {
    let team = world.team();
    let neighbour = world.size() - 1;
    let counters = Segment::allocate(&team, 4096)?;
    let mutexes = MutexSet::create(&team, 1)?;
    let add = |rank: usize| _ = black_box(counters.fetch_add(rank, black_box(64), 1_i64).expect("in range"));
    let row = |what: &str, spread| Row::new(what, Unit::Time, spread);

    let quiet = on_rank_0(world, || {
        let alone = sample::alone(|| add(neighbour));
        let lock = sample::alone(|| {
            mutexes.lock(neighbour, 0).expect("a mutex of this set");
            mutexes.unlock(neighbour, 0).expect("held");
        });
        (alone, lock)
    })?;
    let both = at_once(world, || add(neighbour))?;
    let both_lock = at_once(world, || {
        mutexes.lock(neighbour, 0).expect("a mutex of this set");
        mutexes.unlock(neighbour, 0).expect("held");
    })?;
    let (alone, lock) = quiet.unwrap_or((both, both_lock));
    let rows = [
        row("fetch_add remote", alone).at_most(12.0),
        row("fetch_add, all ranks on one counter", both).at_most(150.0),
        row("lock + unlock a remote mutex", lock).at_most(40.0),
        row("lock + unlock, all ranks on one mutex", both_lock),
    ];
    show(world, "Counters and mutexes", &rows);
    mutexes.free()?;
    counters.free()?;
    accumulate(world)
}

/// All ranks into rank 0's 16 MiB, and each into its own; the totals of both.
fn accumulate(world: &World) -> Outcome {
    let segment = Segment::allocate(&world.team(), TARGET)?;
    let source = vec![0.5_f64; TARGET / 8];
    let into = |rank: usize| segment.accumulate(rank, 0, black_box(&source), 1e-9).expect("in range");
    into(world.rank());
    let mut pairs = Vec::new();
    let mut singles = Vec::new();
    let mut quotients = Vec::new();
    for _ in 0..15 {
        let shared = slowest(world, || into(0))?;
        let own = slowest(world, || into(world.rank()))?;
        pairs.push(shared);
        singles.push(own);
        quotients.push(own / shared);
    }
    let total = (TARGET * world.size()) as f64;
    let rows = [
        Row::new("each into its own 16 MiB, together", Unit::Rate, Spread::of(singles).inverse(total)),
        Row::new("all into one target of 16 MiB, together", Unit::Rate, Spread::of(pairs).inverse(total)),
        Row::new("one target / independent", Unit::Ratio, Spread::of(quotients)).at_least(0.9),
    ];
    show(world, "Accumulate f64, all ranks at once", &rows);
    segment.free()?;
    Ok(())
}

/// Nanoseconds until the slowest rank has done `op`, all having begun together.
fn slowest(world: &World, op: impl FnOnce()) -> rma::Result<f64> {
    let team = world.team();
    team.barrier()?;
    let start = std::time::Instant::now();
    op();
    let mut spent = [start.elapsed().as_nanos() as f64];
    team.allreduce(&mut spent, rma::Op::Max)?;
    Ok(spent[0])
}

/// Nanoseconds per call when all ranks call at once; rank 0's share of the time.
fn at_once(world: &World, mut op: impl FnMut()) -> rma::Result<Spread> {
    let spent = sample::trial(1000, &mut op);
    let plan = agree(world, Plan::from_trial(1000, spent))?;
    let plan = Plan { batch: plan.batch * 20, samples: plan.samples.min(101) };
    let mut samples = Vec::new();
    for _ in 0..plan.samples {
        let spent = slowest(world, || _ = sample::time_batch(plan.batch, &mut op))?;
        samples.push(spent / plan.batch as f64);
    }
    Ok(Spread::of(samples))
}
