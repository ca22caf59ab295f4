//! The table-driven suite of `ga.h` (`suite/*.c`): one program per family of operations, each on every layout, type and shape of its table. Beside it
//! what goes wrong at run time (`suite/faults.c`), and the examples of the book (`examples/c`).
//!
//! The oracle is the mock in each program; a rank that is content prints `done`, and a mismatch names its row. Where there is no C compiler, or no
//! MPI, the test says so. What `make test` runs is every table under our launcher; the sweep over places is for `make test-all`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tests::{Job, Outcome};

/// The families, each a file of `suite/`.
const FAMILIES: [&str; 13] = [
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
    "threads",
    "transfer",
    "whole",
];

/// Layouts for places where every operation takes its time.
const FEW: &str = "regular,scalapack,ghosts";

/// The folder cargo leaves the library in, which is where this executable is.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// A family's program.
fn compiled(family: &str, compiler: &str, options: &[&str]) -> Option<PathBuf> {
    let suite = folder().join("tests/suite");
    let sources = [suite.join(format!("{family}.c")), suite.join("harness.c")];
    program(family, &sources, compiler, options)
}

/// The folder of this package.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program, compiled by `compiler`; nothing where there is no such compiler.
fn program(name: &str, sources: &[PathBuf], compiler: &str, options: &[&str]) -> Option<PathBuf> {
    let label = options.concat().replace(|c: char| !c.is_alphanumeric(), "");
    let folder = built().join("suite").join(format!("{compiler}{label}"));
    std::fs::create_dir_all(&folder).unwrap();
    let soname = folder.join("libga.so.0");
    if std::fs::symlink_metadata(&soname).is_err() {
        // Another test of this process may have been quicker.
        let _ = std::os::unix::fs::symlink(built().join("libga.so"), &soname);
    }
    let program = folder.join(name);
    // Tests run at the same time, and one may be starting the program while another compiles it: so it is replaced as a whole.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let fresh = folder.join(format!("{name}-{}-{number}", std::process::id()));
    let mut command = Command::new(compiler);
    command.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-o"]);
    command
        .arg(&fresh)
        .args(sources)
        .arg("-I")
        .arg(self::folder().join("../include"))
        .args(options)
        .arg(&soname);
    command.arg(format!("-Wl,-rpath,{}", folder.display())).args(["-lm", "-lpthread"]);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {name} with {compiler}: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&fresh, &program).unwrap();
    Some(program)
}

/// What all jobs of the suite have in common.
fn job(family: &str) -> Job {
    Job::new(family).deadline(Duration::from_secs(180))
}

fn check(outcome: &Outcome, family: &str, ranks: usize) {
    let done = outcome.stdout.matches("done ").count();
    assert!(outcome.code == 0 && done == ranks, "{family} on {ranks} ranks\n{outcome}");
}

/// Every family under our launcher, with so many ranks.
fn all_families(ranks: &[usize]) {
    for family in FAMILIES {
        let Some(program) = compiled(family, "cc", &[]) else { return };
        for &ranks in ranks {
            check(&job(family).program(&program, ranks), family, ranks);
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
    for entry in std::fs::read_dir(folder().join("../../examples/c")).unwrap() {
        let source = entry.unwrap().path();
        let name = source.file_stem().unwrap().to_str().unwrap();
        let Some(example) = program(name, std::slice::from_ref(&source), "cc", &[]) else { return };
        for ranks in [1, 2, 4] {
            let outcome = job(name).program(&example, ranks);
            assert!(
                outcome.code == 0 && outcome.stdout.contains(": right"),
                "{name} on {ranks} ranks\n{outcome}"
            );
        }
        count += 1;
    }
    assert!(count >= 3, "{count} examples");
}

fn faults() -> Option<PathBuf> {
    program("faults", &[folder().join("tests/suite/faults.c")], "cc", &[])
}

/// Handle 0 on every rank, and memory as before.
#[test]
fn out_of_memory() {
    let Some(faults) = faults() else { return };
    for ranks in [1, 3] {
        check(
            &job("memory")
                .env("GA_TEST_FAULT", "memory")
                .env("GAIN_HEAP_BYTES", "256M")
                .program(&faults, ranks),
            "memory",
            ranks,
        );
    }
}

/// A rank that dies in the middle of a product ends the job, and is named.
#[test]
fn killed_in_a_product() {
    let Some(faults) = faults() else { return };
    let outcome = job("killed").env("GA_TEST_FAULT", "killed").program(&faults, 3);
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
        let Some(program) = compiled(family, "cc", &[]) else { return };
        for engine in rma::transport::engines() {
            match &engine.found {
                Err(reason) => eprintln!("skipped: {family} on two nodes over {}: {reason}", engine.name),
                Ok(_) => {
                    let job = job(family)
                        .env("GAIN_TRANSPORT", engine.name)
                        .env("SUITE_LAYOUTS", FEW)
                        .fake_nodes(2);
                    check(&job.program(&program, 3), family, 3);
                }
            }
        }
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
        let Some(program) = compiled(family, "cc", &[]) else { return };
        check(&job.program(&program, 4), family, 4);
    }
}

/// MPI starts first, and ranks are those of `MPI_COMM_WORLD`.
#[test]
#[ignore = "slow"]
fn beside_mpi() {
    let openmpi = ["--allow-run-as-root", "--oversubscribe", "-mca", "btl", "self,vader"];
    for (compiler, starter, options) in
        [("mpicc.mpich", "mpiexec.hydra", &[][..]), ("mpicc.openmpi", "mpiexec.openmpi", &openmpi)]
    {
        for family in FAMILIES {
            let Some(program) = compiled(family, compiler, &["-DWITH_MPI"]) else { continue };
            let job = job(family).starter(starter).starter_options(options);
            check(&job.program(&program, 3), family, 3);
        }
    }
}

/// The programs with their own memory under AddressSanitizer.
#[test]
#[ignore = "slow"]
fn with_address_sanitizer() {
    for family in FAMILIES {
        let Some(program) = compiled(family, "cc", &["-fsanitize=address"]) else { return };
        check(&job(family).env("ASAN_OPTIONS", "detect_leaks=0").program(&program, 2), family, 2);
    }
}

/// The programs under valgrind, one layout of each kind.
#[test]
#[ignore = "slow"]
fn under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: there is no valgrind");
        return;
    }
    for family in FAMILIES {
        let Some(program) = compiled(family, "cc", &[]) else { return };
        let script = program.with_extension("valgrind");
        let words = format!("#!/bin/sh\nexec valgrind -q --error-exitcode=9 {}\n", program.display());
        std::fs::write(&script, words).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        // valgrind can't reserve as much as the machine has.
        let job = job(family)
            .env("GAIN_HEAP_BYTES", "1G")
            .env("SUITE_LAYOUTS", FEW)
            .deadline(Duration::from_secs(600));
        check(&job.program(&script, 2), family, 2);
    }
}
