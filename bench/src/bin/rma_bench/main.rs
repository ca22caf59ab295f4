//! `rma-bench BENCHMARK [options]`: what one-sided communication costs, between any two places of a cluster.
//!
//! ```text
//! gain run -n 2 rma-bench put-latency                      # inside a node
//! gain run --hosts a:1,b:1 -n 2 rma-bench get-bw           # between two
//! srun --mpi=pmi2 -N 2 -n 2 rma-bench strided --json
//! ```
//!
//! The tables are those of the OSU microbenchmarks. Rank 0 measures against the last rank, or the one asked for; the others wait. Ranks that are
//! measured together (bandwidth both ways, message rate, collectives) begin at a barrier.

mod collective;
mod compute;
mod options;
mod overlap;
mod pair;
mod random_access;
mod shapes;
mod table;
mod timing;

use options::{Benchmark, Options};
use rma::{Segment, World};
use std::process::ExitCode;
use table::Table;

/// What can go wrong: the message says it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What every benchmark has: the ranks, memory at each, and what the user asked for.
struct Bench {
    world: World,
    segment: Segment,
    options: Options,
}

impl Bench {
    /// The rank that rank 0 talks to.
    fn peer(&self) -> usize {
        self.options.peer.unwrap_or(self.world.size() - 1)
    }

    /// Sizes from the options, or from `default`.
    fn sizes(&self, default: (usize, usize)) -> Vec<usize> {
        let (least, most) = self.options.sizes.unwrap_or(default);
        let most = most.min(self.options.memory_bytes);
        std::iter::successors(Some(least.max(8)), |size| size.checked_mul(2))
            .take_while(|size| *size <= most)
            .collect()
    }
}

fn main() -> ExitCode {
    let options = options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rma-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Outcome<()> {
    let is_compute = options.benchmark == Benchmark::Compute;
    let alone = if is_compute { compute::alone() } else { 0.0 };
    let world = World::init()?;
    let least = options.benchmark.least_ranks();
    if world.size() < least {
        return Err(
            format!("{} needs {least} ranks, there are {}", options.benchmark.name(), world.size()).into()
        );
    }
    if let Some(peer) = options.peer.filter(|peer| !(1..world.size()).contains(peer)) {
        return Err(format!("there is no rank {peer} for rank 0 to talk to").into());
    }
    let segment = Segment::allocate_zeroed(&world.team(), options.memory_bytes.max(1 << 20))?;
    let bench = Bench { world, segment, options };
    let table = match bench.options.benchmark {
        Benchmark::PutLatency => pair::put_latency(&bench)?,
        Benchmark::GetLatency => pair::get_latency(&bench)?,
        Benchmark::PutBw => pair::put_bandwidth(&bench)?,
        Benchmark::GetBw => pair::get_bandwidth(&bench)?,
        Benchmark::BidirectionalBw => pair::both_ways(&bench)?,
        Benchmark::Acc => pair::accumulate(&bench)?,
        Benchmark::FetchAdd => pair::fetch_add(&bench)?,
        Benchmark::MessageRate => pair::message_rate(&bench)?,
        Benchmark::Strided => shapes::strided(&bench)?,
        Benchmark::Vector => shapes::vector(&bench)?,
        Benchmark::Barrier => collective::barrier(&bench)?,
        Benchmark::Allreduce => collective::allreduce(&bench)?,
        Benchmark::Alltoall => collective::alltoall(&bench)?,
        Benchmark::Overlap => overlap::run(&bench)?,
        Benchmark::Compute => compute::run(&bench, alone)?,
        Benchmark::RandomAccess => random_access::run(&bench)?,
    };
    if bench.world.rank() == 0 {
        table::print(&bench, &table)?;
    }
    let Bench { world, segment, .. } = bench;
    segment.free()?;
    world.finalize()?;
    Ok(())
}

/// An empty table on ranks that have nothing to say.
fn nothing() -> Table {
    Table::new("", &[])
}
