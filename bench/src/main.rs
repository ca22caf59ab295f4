//! `gain-bench SUITE`: one suite of measurements on the ranks that the launcher started.
//!
//! ```text
//! gain run -n 2 gain-bench rma       # transfers, atomics, locks, allocation
//! gain run -n 4 gain-bench sync      # barrier and small collectives
//! gain run -n 2 gain-bench arrays    # patches of Global Arrays, create and destroy
//! ```

mod suites;

use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(suite) = suites::by_name(&name) else {
        eprintln!("usage: gain-bench SUITE, one of: {}", suites::names().join(" "));
        return ExitCode::from(2);
    };
    match suites::run(suite) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gain-bench {name}: {error}");
            ExitCode::FAILURE
        }
    }
}
