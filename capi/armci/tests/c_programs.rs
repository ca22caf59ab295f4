//! Compiles the C programs beside this file against the library just built, and runs them under several launchers.
//!
//! The oracle is in each program; a rank that is content prints `done`. Where there is no C compiler, or no MPI, the test says so.

use std::path::Path;
use std::process::Command;
use tests::c::{MPIS, Program, Source};
use tests::{Job, c};

fn source(name: &str) -> Source {
    Source::new(env!("CARGO_MANIFEST_DIR"), name, "armci")
}

fn compiled(name: &str) -> Option<Program> {
    source(name).compiled()
}

fn run(name: &str) {
    if let Some(program) = compiled(name) {
        program.check_on(1..=4);
    }
}

#[test]
fn transfer() {
    run("transfer");
}

#[test]
fn message() {
    run("message");
}

/// Everything that threads may do at once, each call by itself.
#[test]
fn threads_call_whenever_they_like() {
    run("threads");
}

/// Transfers of threads need not wait for one another, nor for a thread that waits for something else.
#[test]
fn transfers_of_threads_are_done_at_once() {
    run("parallel");
}

#[test]
fn what_is_read_may_be_read_only() {
    run("readonly");
}

#[test]
fn groups_are_made_by_their_members_alone() {
    run("alone");
}

/// Each mistake ends the job, and the message says what was wrong in which call.
#[test]
fn mistakes_are_named() {
    let Some(program) = compiled("wrong") else { return };
    let cases = [
        ("early", 1, "ARMCI_Put: armci: called before ARMCI_Init"),
        ("address", 1, "belongs to no memory that ARMCI allocated there"),
        ("beyond", 1, "ARMCI_Put: put (rank 0): 4 bytes at offset 62 reach beyond the part's 64 bytes"),
        ("rank", 1, "ARMCI_Get: address: there are ranks 0 to 1 only, not 2"),
        ("type", 1, "7 is no ARMCI_ACC_ type"),
        ("threads", 9, "there is no thread level 4"),
        ("error", 42, "ARMCI_Error: out of luck (42)"),
        ("assertion", 1, "wrong.c:19: main: not true: size == 77 (1)"),
    ];
    for (mistake, code, text) in cases {
        let outcome = program.outcome(program.job().env("ARMCI_TEST_MISTAKE", mistake), 2);
        assert!(outcome.code == code && outcome.stderr.contains(text), "{mistake}\n{outcome}");
    }
}

/// Without MPI under MPI's launcher: the ranks are numbered by the process manager.
#[test]
fn under_mpichs_launcher() {
    if Command::new("mpiexec.hydra").arg("--version").output().is_err() {
        eprintln!("skipped: there is no mpiexec.hydra");
        return;
    }
    let Some(program) = compiled("message") else { return };
    program.check(program.job().starter("mpiexec.hydra"), 3);
}

/// MPI starts first and ranks are those of MPI_COMM_WORLD; it ends first or last.
#[test]
fn beside_mpi() {
    for (compiler, starter, options) in MPIS {
        let Some(program) = source("message").by(compiler).option("-DWITH_MPI").compiled() else { continue };
        let job = || program.job().starter(starter).starter_options(options);
        program.check(job(), 3);
        program.check(job().env("ARMCI_TEST_MPI_ENDS_FIRST", "1"), 3);
    }
}

/// A program for ARMCI-MPI, which expects mpi.h and the other order of fields.
#[test]
fn for_armci_mpi() {
    for (compiler, starter, options) in MPIS {
        let Some(program) = source("compat").by(compiler).compiled() else { continue };
        program.check(program.job().starter(starter).starter_options(options), 3);
    }
}

/// Groups of MPI's communicators; the library's ranks are MPI's, and then others.
#[test]
fn groups_of_communicators() {
    for (compiler, starter, options) in MPIS {
        let Some(program) = source("communicators").by(compiler).compiled() else { continue };
        let backwards = program.by("sh", "{} backwards");
        let job = || program.job().starter(starter).starter_options(options);
        for program in [&program, &backwards] {
            program.check(job(), 4);
        }
        // UCX is left as it is: told to use TCP, MPICH's own MPI_Finalize hangs now and then.
        let apart = job().env("GAIN_FAKE_NODES", "2").env("FI_PROVIDER", "tcp").over("ofi");
        if apart.is_possible() {
            backwards.check(apart, 4);
        }
    }
}

/// Ranks on two hosts of the rig.
#[test]
fn on_two_hosts() {
    tests::serve_host();
    for name in ["transfer", "message"] {
        let Some(program) = compiled(name) else { return };
        for engine in ["ucx", "ofi"] {
            let job = Job::new(name).hosts(2).over(engine);
            if job.is_possible() {
                program.check(job, 3);
            }
        }
    }
}

/// Ranks that pretend to be on two nodes: nothing between them is mapped.
#[test]
fn on_two_nodes() {
    for name in ["transfer", "message", "alone", "readonly", "threads", "parallel"] {
        let Some(program) = compiled(name) else { return };
        program.check_on_two_nodes(|| program.job(), 3);
    }
}

/// The library defines what the headers declare, and nothing but names of ARMCI.
#[test]
fn names() {
    let Some(text) = c::names("armci") else { return };
    let defined: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    let prefixes = ["ARMCI_", "ARMCIX_", "PARMCI_", "PARMCIX_", "armci_", "parmci_", "dassertp_fail"];
    let foreign: Vec<_> =
        defined.iter().filter(|name| !prefixes.iter().any(|prefix| name.starts_with(prefix))).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let mut declared = 0;
    for header in ["armci.h", "message.h", "parmci.h"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include").join(header);
        let text = std::fs::read_to_string(path).unwrap();
        let library = text.split("#ifdef MPI_VERSION").next().unwrap();
        for line in library.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            let Some((head, _)) = line.split_once('(') else { continue };
            let name = head.rsplit([' ', '*']).next().unwrap();
            if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                assert!(defined.contains(&name), "{header} declares {name}");
                declared += 1;
            }
        }
    }
    assert!(declared > 200, "{declared} declarations were found");
}

/// What threads do in another order each time.
#[test]
#[ignore = "slow"]
fn threads_call_again_and_again() {
    let Some(program) = compiled("threads") else { return };
    for _ in 0..20 {
        program.check_on(2..=3);
        program.check_on_two_nodes(|| program.job(), 3);
    }
}

/// The same programs with their own memory under AddressSanitizer.
#[test]
#[ignore = "slow"]
fn with_address_sanitizer() {
    for name in ["transfer", "message"] {
        let Some(program) = source(name).option("-fsanitize=address").compiled() else { return };
        program.check(program.job().env("ASAN_OPTIONS", "detect_leaks=0"), 2);
    }
}

/// The same programs under valgrind.
#[test]
#[ignore = "slow"]
fn under_valgrind() {
    for name in ["transfer", "message"] {
        let Some(program) = compiled(name).and_then(|program| program.under_valgrind()) else { return };
        program.check(program.job().deadline(std::time::Duration::from_secs(300)), 2);
    }
}
