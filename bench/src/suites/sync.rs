//! What synchronising costs: barrier, allreduce of one number and of a vector, allocation; at 2 ranks, and at 4 ranks on
//! 2 cores, where a waiting rank must give its core away.

use super::{Outcome, show};
use bench::report::{Row, Unit};
use bench::sample::{self, Plan, Spread};
use rma::{Op, Segment, World};

/// Every rank calls it.
pub(super) fn run(world: &World) -> Outcome {
    let team = world.team();
    let crowded = world.size() > microbench::machine::online_cores();
    let mut one = [world.rank() as f64];
    let mut many = vec![1e-3_f64; 1024];
    let barrier = together(world, || team.barrier().expect("no rank died"))?;
    let allreduce = together(world, || team.allreduce(&mut one, Op::Min).expect("same on all ranks"))?;
    let vector = together(world, || team.allreduce(&mut many, Op::Max).expect("same on all ranks"))?;
    let broadcast = together(world, || team.broadcast(&mut one, 0).expect("same on all ranks"))?;
    let large = together(world, || {
        let segment = Segment::allocate(&team, 64 << 20).expect("memory for 64 MiB a rank");
        segment.free().expect("no operation is pending");
    })?;
    let row = |what: &str, spread| Row::new(what, Unit::Time, spread);
    let bound = |row: Row, limit: f64| if crowded { row } else { row.at_most(limit) };
    let rows = [
        row("barrier", barrier).at_most(if crowded { 15e3 } else { 200.0 }),
        bound(row("allreduce of one f64", allreduce), 300.0),
        row("allreduce of 1024 f64", vector),
        row("broadcast of one f64", broadcast),
        bound(row("allocate + free 64 MiB on every rank", large), 2e3),
    ];
    let title =
        format!("Synchronisation, {} ranks on {} cores", world.size(), microbench::machine::online_cores());
    show(world, &title, &rows);
    Ok(())
}

/// Nanoseconds per call of a collective operation, on rank 0; all ranks make the same calls.
pub(super) fn together(world: &World, mut op: impl FnMut()) -> rma::Result<Spread> {
    let mut trial = 16;
    let plan = loop {
        let spent = sample::trial(trial, &mut op);
        let plan = agree(world, Plan::from_trial(trial, spent))?;
        if trial >= plan.batch {
            break plan;
        }
        trial = plan.batch;
    };
    Ok(sample::repeat(plan, &mut op))
}

/// Rank 0's plan, for everybody.
pub(super) fn agree(world: &World, plan: Plan) -> rma::Result<Plan> {
    let mut numbers = [plan.batch as u64, plan.samples as u64];
    world.team().broadcast(&mut numbers, 0)?;
    Ok(Plan { batch: numbers[0] as usize, samples: numbers[1] as usize })
}
