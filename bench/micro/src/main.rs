//! `rma-bench BENCHMARK [options]`: `gain bench` as a program of its own, for launchers that start one on each rank.

use clap::Parser;
use std::process::ExitCode;

/// What communication costs between the ranks of this job.
#[derive(Parser)]
#[command(name = "rma-bench", version, after_help = microbench::list())]
struct Cli {
    #[command(flatten)]
    options: microbench::Options,
}

fn main() -> ExitCode {
    let Cli { options } = Cli::parse();
    let code = microbench::answer(&options).unwrap_or_else(|| microbench::run(&options, None));
    ExitCode::from(code as u8)
}
