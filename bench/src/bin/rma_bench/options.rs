//! The command line.

use clap::{Parser, ValueEnum};

/// What one-sided communication costs between the ranks of this job.
#[derive(Parser, Debug)]
#[command(name = "rma-bench", version, arg_required_else_help = true)]
pub(crate) struct Options {
    /// What to measure
    pub(crate) benchmark: Benchmark,
    /// Sizes in bytes, from LEAST to MOST, doubling: 8:1M
    #[arg(long, value_parser = range, value_name = "LEAST:MOST")]
    pub(crate) sizes: Option<(usize, usize)>,
    /// Samples of each figure [default: as many as fit into a tenth of a second, at least 20]
    #[arg(long)]
    pub(crate) iterations: Option<usize>,
    /// Operations that are started before the first is waited for
    #[arg(long, default_value_t = 64)]
    pub(crate) window: usize,
    /// The rank that rank 0 talks to [default: the last one]
    #[arg(long)]
    pub(crate) peer: Option<usize>,
    /// What the target does meanwhile: wait in a barrier, or compute and never call the library
    #[arg(long, value_enum, default_value_t = Target::Wait)]
    pub(crate) target: Target,
    /// Compare every byte that was moved with what it should be
    #[arg(long)]
    pub(crate) validate: bool,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Memory of each rank, in bytes
    #[arg(long, default_value = "16M", value_parser = bytes, value_name = "BYTES")]
    pub(crate) memory_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Target {
    Wait,
    Compute,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Benchmark {
    /// A put and its fence
    PutLatency,
    /// Puts, a window at a time
    PutBw,
    /// A get
    GetLatency,
    /// Gets, a window at a time
    GetBw,
    /// Puts both ways at once
    BidirectionalBw,
    /// Accumulates: one with its fence, and a window at a time
    Acc,
    /// 512 rows of growing length: one strided put, a put per row, the same bytes in one put
    Strided,
    /// 512 scattered runs of growing length
    Vector,
    /// An atomic addition
    FetchAdd,
    /// Small puts of all pairs of ranks at once
    MessageRate,
    /// Team::barrier of all ranks
    Barrier,
    /// Team::allreduce of f64 sums
    Allreduce,
    /// Team::alltoall, bytes for each rank
    Alltoall,
    /// How much of a transfer hides behind computation
    Overlap,
    /// What a rank that computes loses while nobody talks to it
    Compute,
    /// HPC Challenge's RandomAccess
    RandomAccess,
}

impl Benchmark {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn least_ranks(self) -> usize {
        match self {
            Benchmark::Barrier | Benchmark::Allreduce | Benchmark::Alltoall => 1,
            Benchmark::Compute | Benchmark::RandomAccess => 1,
            _ => 2,
        }
    }
}

pub(crate) fn parse() -> Options {
    Options::parse()
}

/// A number of bytes, with K, M or G.
fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 1,
        "K" | "KIB" => 1 << 10,
        "M" | "MIB" => 1 << 20,
        "G" | "GIB" => 1 << 30,
        _ => return Err("must be a number of bytes, or one with K, M or G".into()),
    };
    let number: usize = digits.parse().map_err(|_| "not a number".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".into())
}

fn range(text: &str) -> Result<(usize, usize), String> {
    let (least, most) = text.split_once(':').unwrap_or((text, text));
    let (least, most) = (bytes(least)?, bytes(most)?);
    if least <= most { Ok((least, most)) } else { Err("the first is larger than the second".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_units() {
        assert_eq!(range("8:1M"), Ok((8, 1 << 20)));
        assert_eq!(range("4K"), Ok((4096, 4096)));
        assert!(range("1M:8").is_err() && bytes("x").is_err());
    }
}
