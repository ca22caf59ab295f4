//! The table-driven suite of `ga.h` (`suite/*.c`): one program per family of operations, each on every layout, type and shape of its table. Beside it
//! what goes wrong at run time (`suite/faults.c`), and the examples of the book (`examples/c`).
//!
//! The oracle is the mock in each program; a rank that is content prints `done`, and a mismatch names its row. Where there is no C compiler, or no
//! MPI, the test says so. What `make test` runs is every table under our launcher; the sweep over places is for `make test-all`.

use std::path::Path;
use std::time::Duration;
use tests::Job;
use tests::c::{MPIS, Program, Source};

/// The families, each a file of `suite/`.
const FAMILIES: [&str; 14] = [
    "access",
    "create",
    "elements",
    "elementwise",
    "fields",
    "ghosts",
    "groups",
    "matrix",
    "product",
    "scan",
    "solve",
    "threads",
    "transfer",
    "whole",
];

/// Layouts for places where every operation takes its time.
const FEW: &str = "regular,scalapack,ghosts";

/// The package's folder.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A family's program.
fn source(family: &str) -> Source {
    let file = format!("tests/suite/{family}.c");
    Source::new(HERE, family, "ga").of(&[&file, "tests/suite/harness.c"])
}

/// What all jobs of the suite have in common.
fn job(family: &str) -> Job {
    Job::new(family).deadline(Duration::from_secs(180))
}

/// Every family under our launcher, with so many ranks.
fn all_families(ranks: &[usize]) {
    for family in FAMILIES {
        let Some(program) = source(family).compiled() else { return };
        for &ranks in ranks {
            program.check(job(family), ranks);
        }
    }
}

#[test]
fn one_rank_and_three() {
    all_families(&[1, 3]);
}

/// The examples check themselves.
#[test]
fn examples() {
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(HERE).join("../../examples/c")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let source = Source::new(HERE, name, "ga").of(&[&format!("../../examples/c/{name}.c")]);
        let Some(example) = source.compiled() else { return };
        for ranks in [1, 2, 4] {
            let outcome = example.outcome(job(name), ranks);
            let is_right = outcome.code == 0 && outcome.stdout.contains(": right");
            assert!(is_right, "{name} on {ranks} ranks\n{outcome}");
        }
        count += 1;
    }
    assert!(count >= 3, "{count} examples");
}

fn faults() -> Option<Program> {
    Source::new(HERE, "faults", "ga").of(&["tests/suite/faults.c"]).compiled()
}

/// Handle 0 on every rank, and memory as before.
#[test]
fn out_of_memory() {
    let Some(faults) = faults() else { return };
    for ranks in [1, 3] {
        faults.check(job("memory").env("GA_TEST_FAULT", "memory").env("GAIN_HEAP_BYTES", "256M"), ranks);
    }
}

/// A rank that dies in the middle of a product ends the job, and is named.
#[test]
fn killed_in_a_product() {
    let Some(faults) = faults() else { return };
    let outcome = faults.outcome(job("killed").env("GA_TEST_FAULT", "killed"), 3);
    let is_named = outcome.stderr.contains("rank 2") && outcome.stderr.contains("signal 27");
    assert!(outcome.code != 0 && is_named && outcome.elapsed < Duration::from_secs(10), "{outcome}");
}

#[test]
#[ignore = "slow"]
fn two_ranks_and_four() {
    all_families(&[2, 4]);
}

/// Ranks that pretend to be on two nodes: nothing between them is mapped.
#[test]
#[ignore = "slow"]
fn two_nodes() {
    for family in FAMILIES {
        let Some(program) = source(family).compiled() else { return };
        program.check_on_two_nodes(|| job(family).env("SUITE_LAYOUTS", FEW), 3);
    }
}

/// Ranks on two hosts of the rig.
#[test]
#[ignore = "slow"]
fn two_hosts() {
    tests::serve_host();
    for family in FAMILIES {
        let job = job(family).env("SUITE_LAYOUTS", FEW).hosts(2);
        if !job.is_possible() {
            return;
        }
        let Some(program) = source(family).compiled() else { return };
        program.check(job, 4);
    }
}

/// MPI starts first, and ranks are those of `MPI_COMM_WORLD`.
#[test]
#[ignore = "slow"]
fn beside_mpi() {
    for (compiler, starter, options) in MPIS {
        for family in FAMILIES {
            let source = source(family).by(compiler).option("-DWITH_MPI");
            let Some(program) = source.compiled() else { continue };
            program.check(job(family).starter(starter).starter_options(options), 3);
        }
    }
}

/// The programs with their own memory under AddressSanitizer.
#[test]
#[ignore = "slow"]
fn with_address_sanitizer() {
    for family in FAMILIES {
        let Some(program) = source(family).option("-fsanitize=address").compiled() else { return };
        program.check(job(family).env("ASAN_OPTIONS", "detect_leaks=0"), 2);
    }
}

/// The programs under valgrind, one layout of each kind.
#[test]
#[ignore = "slow"]
fn under_valgrind() {
    for family in FAMILIES {
        let program = source(family).compiled().and_then(|program| program.under_valgrind());
        let Some(program) = program else { return };
        let job = Job::new(family).env("SUITE_LAYOUTS", FEW).deadline(Duration::from_secs(600));
        program.check(job, 2);
    }
}
