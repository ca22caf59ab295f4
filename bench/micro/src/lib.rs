//! What communication costs between any two places of a cluster, and in collectives: the benchmarks of `gain bench`.
//!
//! ```text
//! gain bench put-latency                                   # two ranks of this machine
//! gain bench --hosts a:1,b:1 get-bw                        # between two
//! srun --mpi=pmi2 -N 2 -n 2 gain bench strided --json
//! ```
//!
//! Names, options and tables are those of the OSU micro-benchmarks as far as they go, so that who knows these finds what they know, and the
//! first figure of a row compares with theirs: a mean. What ours have beside (medians, extremes) is behind it, and always in JSON and CSV.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `options` | the command line |
//! | `catalogue` | the list: a name, a line and a function for each benchmark |
//! | `bench`, `settings` | what a benchmark is and has when it runs; how to measure |
//! | `suites/` | the benchmarks; `pair` is what those of two ranks have in common |
//! | `timing` | samples of one figure |
//! | `table`, `output` | rows under columns with units; as text, JSON and CSV |
//! | `compare`, `plot` | two documents side by side; pictures |
//!
//! Rank 0 measures against the last rank, or the one asked for; the others wait, or compute. Ranks that are measured together (several pairs,
//! both ways, collectives) begin each sample at a barrier.

mod bench;
mod catalogue;
mod compare;
pub mod machine;
mod options;
mod output;
mod plot;
mod settings;
mod suites;
mod table;
mod timing;

pub use bench::Benchmark;
pub use catalogue::list;
pub use options::Options;

use bench::{Bench, Outcome, Place};
use rma::{Op, Segment, World};
use serde_json::Value;
use settings::Settings;
use std::io::Write;
use std::time::Instant;

/// What needs no ranks: the list, or a comparison. `None` if there is something to measure.
pub fn answer(options: &Options) -> Option<i32> {
    let outcome = match (&options.compare[..], &options.benchmarks[..]) {
        ([first, second], _) => compare::run(first, second, options.settings.plot.as_deref()),
        (_, []) => write_out(&list()),
        _ => return None,
    };
    Some(code(outcome))
}

/// Joins the job and runs the benchmarks of the options; the exit code. Collective over the job. `ranks`, if given, must be its size.
pub fn run(options: &Options, ranks: Option<usize>) -> i32 {
    code(measure(options, ranks))
}

fn code(outcome: Outcome<()>) -> i32 {
    let Err(error) = outcome else { return 0 };
    let _ = writeln!(std::io::stderr(), "gain bench: {error}");
    1
}

fn write_out(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn measure(options: &Options, ranks: Option<usize>) -> Outcome<()> {
    let needs_quiet = options.benchmarks.iter().any(|benchmark| benchmark.works_before_start);
    let alone_us = if needs_quiet { suites::compute::alone(&options.settings) } else { 0.0 };
    let start = Instant::now();
    let world = World::init()?;
    let start_seconds = start.elapsed().as_secs_f64();
    check(options, &world, ranks)?;
    let mut documents = Vec::new();
    let count = options.benchmarks.len();
    for (index, benchmark) in options.benchmarks.iter().enumerate() {
        let place = Place { index, count };
        documents.push(one(benchmark, place, &options.settings, &world, start_seconds, alone_us)?);
    }
    if let (Some(file), 0) = (&options.settings.plot, world.rank()) {
        plot::draw(file, &documents)?;
    }
    world.finalize()?;
    Ok(())
}

/// Runs one benchmark and prints its table. Collective.
fn one(
    benchmark: &'static Benchmark,
    place: Place,
    settings: &Settings,
    world: &World,
    start_seconds: f64,
    alone_us: f64,
) -> Outcome<Value> {
    let team = world.team();
    let segment = Segment::allocate_zeroed(&team, benchmark.memory(settings))?;
    let bench = Bench { world, segment, settings, place, benchmark, start_seconds, alone_us };
    let table = (benchmark.run)(&bench)?;
    let mut nodes = [u64::from(world.node_team().rank() == 0)];
    team.allreduce(&mut nodes, Op::Sum)?;
    let document = output::document(&bench, nodes[0], &table);
    if world.rank() == 0 {
        output::print(&bench, &table, &document)?;
    }
    bench.segment.free()?;
    Ok(document)
}

fn check(options: &Options, world: &World, ranks: Option<usize>) -> Outcome<()> {
    let size = world.size();
    if let Some(ranks) = ranks.filter(|ranks| *ranks != size) {
        return Err(format!("{size} ranks were started already, -n asks for {ranks}").into());
    }
    for benchmark in &options.benchmarks {
        if size < benchmark.least_ranks {
            let Benchmark { name, least_ranks, .. } = benchmark;
            let advice = if size == 1 { ": start it by `gain bench`, mpiexec or srun" } else { "" };
            return Err(format!("{name} needs {least_ranks} ranks, there are {size}{advice}").into());
        }
    }
    let settings = &options.settings;
    if let Some(peer) = settings.peer.filter(|peer| !(1..size).contains(peer)) {
        return Err(format!("there is no rank {peer} for rank 0 to talk to").into());
    }
    if let Some(root) = settings.root.filter(|root| *root >= size) {
        return Err(format!("there is no rank {root} to be the root").into());
    }
    if let Some(pairs) = settings.pairs.filter(|pairs| 2 * pairs > size) {
        return Err(format!("{pairs} pairs need {} ranks, there are {size}", 2 * pairs).into());
    }
    Ok(())
}
