//! How to measure: OSU's options by OSU's names, and some of our own.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Bytes of memory that a rank's part may take at most if the user doesn't say: OSU's limit.
const MEMORY_LIMIT: &str = "512M";

/// How to measure, and what to print.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// Sizes in bytes, doubling from MIN to MAX: 8:1M, 4K (from the least to it), 64: (from it to the greatest)
    #[arg(short = 'm', long = "message-size", value_name = "[MIN:]MAX", value_parser = range)]
    pub(crate) sizes: Option<Range>,
    /// Samples of each figure [default: as many as fit into a tenth of a second, from 20 to 10000]
    #[arg(short, long, value_name = "COUNT", value_parser = at_least_one)]
    pub(crate) iterations: Option<usize>,
    /// Samples before those that count [default: a tenth of the iterations]
    #[arg(short = 'x', long, value_name = "COUNT")]
    pub(crate) warmup: Option<usize>,
    /// Operations that are started before the first is waited for
    #[arg(short = 'W', long = "window-size", value_name = "COUNT", default_value = "64", value_parser = at_least_one)]
    pub(crate) window: usize,
    /// Print least, median, 99th percentile, greatest and the number of samples as well
    #[arg(short, long)]
    pub(crate) full: bool,
    /// Compare every byte that was moved with what it should be
    #[arg(short = 'c', long = "validation")]
    pub(crate) validate: bool,
    /// Pairs of ranks of the benchmarks of several: rank i and i + PAIRS [default: half of the ranks]
    #[arg(short, long = "num-pairs", value_name = "PAIRS", value_parser = at_least_one)]
    pub(crate) pairs: Option<usize>,
    /// Whether the transfers of a window share one buffer at the target or have one each
    #[arg(short, long = "buffer-num", value_enum, default_value_t = Buffers::Single)]
    pub(crate) buffers: Buffers,
    /// Most memory of each rank, in bytes; larger sizes are left out
    #[arg(short = 'M', long = "mem-limit", value_name = "BYTES", default_value = MEMORY_LIMIT, value_parser = bytes)]
    pub(crate) memory_bytes: usize,
    /// The root of broadcast, reduce, gather and scatter [default: 0]
    #[arg(short = 'k', long = "root-rank", value_name = "RANK")]
    pub(crate) root: Option<usize>,
    /// The rank that rank 0 talks to [default: the last one]
    #[arg(long, value_name = "RANK")]
    pub(crate) peer: Option<usize>,
    /// What the target does meanwhile: wait in a barrier, or compute and never call the library
    #[arg(long, value_enum, default_value_t = Target::Wait)]
    pub(crate) target: Target,
    /// Print JSON: a document for one benchmark, a list of them for several
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Print comma-separated values
    #[arg(long)]
    pub(crate) csv: bool,
    /// Draw latency and bandwidth over size into a .svg or .png file
    #[arg(long, value_name = "FILE", value_parser = picture)]
    pub(crate) plot: Option<PathBuf>,
}

/// Bounds of sizes, where they were given.
pub(crate) type Range = (Option<usize>, Option<usize>);

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Buffers {
    Single,
    Multiple,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Target {
    Wait,
    Compute,
}

impl Settings {
    pub(crate) fn has_many_buffers(&self) -> bool {
        self.buffers == Buffers::Multiple
    }
}

/// A number of bytes, with K, M or G.
fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KIB" => 1 << 10,
        "M" | "MIB" => 1 << 20,
        "G" | "GIB" => 1 << 30,
        _ => return Err("must be a number of bytes, or one with K, M or G".into()),
    };
    let number: usize = digits.parse().map_err(|_| "not a number".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".into())
}

fn range(text: &str) -> Result<Range, String> {
    let bound = |text: &str| if text.is_empty() { Ok(None) } else { bytes(text).map(Some) };
    let (least, most) = match text.split_once(':') {
        Some((least, most)) => (bound(least)?, bound(most)?),
        None => (None, Some(bytes(text)?)),
    };
    match (least, most) {
        (Some(least), Some(most)) if least > most => Err("the first is larger than the second".into()),
        (_, Some(0)) => Err("there is nothing to move".into()),
        _ => Ok((least, most)),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "must be 1 or more".into())
}

fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let kind = path.extension().and_then(|kind| kind.to_str());
    if matches!(kind, Some("svg" | "png")) { Ok(path) } else { Err("must end in .svg or .png".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_osu_reads_them() {
        assert_eq!(range("8:1M"), Ok((Some(8), Some(1 << 20))));
        assert_eq!(range("4K"), Ok((None, Some(4096))));
        assert_eq!(range("2:"), Ok((Some(2), None)));
        assert_eq!(range(":128"), Ok((None, Some(128))));
        assert!(range("1M:8").is_err() && range("0").is_err() && bytes("x").is_err());
    }

    #[test]
    fn pictures_are_of_two_kinds() {
        assert!(picture("a/b.svg").is_ok() && picture("b.png").is_ok());
        assert!(picture("b.pdf").is_err() && picture("svg").is_err());
    }
}
