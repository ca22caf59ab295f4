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
//! | `catalogue` | the list: a name, a line and a function for each benchmark |
//! | `options` | the command line |
//! | `suites/` | the benchmarks; `pair` is what those of two ranks have in common |
//! | `timing` | samples of one figure |
//! | `table`, `output` | rows under columns with units; as text, JSON and CSV |
//! | `compare`, `plot` | two documents side by side; pictures |
//!
//! Rank 0 measures against the last rank, or the one asked for; the others wait, or compute. Ranks that are measured together (several pairs,
//! both ways, collectives) begin each sample at a barrier.

mod catalogue;
mod compare;
pub mod machine;
mod options;
mod output;
mod plot;
mod suites;
mod table;
mod timing;

pub use catalogue::{Benchmark, list};
pub use options::Options;

use rma::{Op, Segment, World};
use serde_json::Value;
use std::io::Write;
use std::time::Instant;

/// What can go wrong: the message says it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What every benchmark has: the ranks, memory at each, and what the user asked for.
struct Bench<'a> {
    world: &'a World,
    segment: Segment,
    options: &'a Options,
    benchmark: &'static Benchmark,
    /// Seconds that joining the job took.
    start_seconds: f64,
    /// Median time of a fixed piece of work before there was a world, where the benchmark asks for it.
    alone_us: f64,
}

impl Bench<'_> {
    /// The rank that rank 0 talks to.
    fn peer(&self) -> usize {
        self.options.peer.unwrap_or(self.world.size() - 1)
    }

    /// Sizes from the options or the catalogue, doubling, in multiples of `unit` bytes.
    fn sizes(&self, unit: usize) -> Vec<usize> {
        let (least, most) = self.benchmark.sizes(self.options);
        let most =
            most.min((self.segment.len_bytes(self.world.rank()) - 8) / self.benchmark.bytes_per_size());
        std::iter::successors(Some(least.max(1).next_multiple_of(unit)), |size| size.checked_mul(2))
            .take_while(|size| *size <= most)
            .collect()
    }

    /// Where number `index` of a window of transfers of `size` bytes goes: all to the same place, or each to its own.
    fn place(&self, index: usize, size: usize) -> usize {
        let room = self.segment.len_bytes(self.peer()) - 8;
        if self.options.has_many_buffers() { index * size % (room / size * size) } else { 0 }
    }
}

/// What needs no ranks: the list, or a comparison. `None` if there is something to measure.
pub fn answer(options: &Options) -> Option<i32> {
    let outcome = match (&options.compare[..], &options.benchmarks[..]) {
        ([first, second], _) => compare::run(first, second, options.plot.as_deref()),
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
    let alone_us = if needs_quiet { suites::compute::alone(options) } else { 0.0 };
    let start = Instant::now();
    let world = World::init()?;
    let start_seconds = start.elapsed().as_secs_f64();
    check(options, &world, ranks)?;
    let mut documents = Vec::new();
    for benchmark in &options.benchmarks {
        documents.push(one(benchmark, options, &world, start_seconds, alone_us)?);
    }
    if let (Some(file), 0) = (&options.plot, world.rank()) {
        plot::draw(file, &documents)?;
    }
    world.finalize()?;
    Ok(())
}

/// Runs one benchmark and prints its table. Collective.
fn one(
    benchmark: &'static Benchmark,
    options: &Options,
    world: &World,
    start_seconds: f64,
    alone_us: f64,
) -> Outcome<Value> {
    let team = world.team();
    let segment = Segment::allocate_zeroed(&team, benchmark.memory(options))?;
    let bench = Bench { world, segment, options, benchmark, start_seconds, alone_us };
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
    if let Some(peer) = options.peer.filter(|peer| !(1..size).contains(peer)) {
        return Err(format!("there is no rank {peer} for rank 0 to talk to").into());
    }
    if let Some(root) = options.root.filter(|root| *root >= size) {
        return Err(format!("there is no rank {root} to be the root").into());
    }
    if let Some(pairs) = options.pairs.filter(|pairs| 2 * pairs > size) {
        return Err(format!("{pairs} pairs need {} ranks, there are {size}", 2 * pairs).into());
    }
    Ok(())
}
