//! The command line: what to measure, and how.

use crate::bench::Benchmark;
use crate::catalogue::find;
use crate::settings::Settings;
use clap::Args;
use std::path::PathBuf;

/// What to measure, and how. Options may stand before and after the names.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// What to measure, one or several; without any, the list of what there is
    #[arg(value_name = "BENCHMARK", value_parser = find)]
    pub(crate) benchmarks: Vec<&'static Benchmark>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Measure nothing: print two files of --json side by side, with the second relative to the first
    #[arg(long, num_args = 2, value_names = ["A.json", "B.json"], conflicts_with_all = ["benchmarks", "json", "csv"])]
    pub(crate) compare: Vec<PathBuf>,
}

impl Options {
    /// The benchmarks asked for. Empty if the list is, or a comparison.
    pub fn benchmarks(&self) -> &[&'static Benchmark] {
        &self.benchmarks
    }
}
