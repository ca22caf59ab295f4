//! Compiles the C programs beside this file against the library just built, and runs them under several launchers.
//!
//! The oracle is in each program; a rank that is content prints `done`. Where there is no C compiler, or no MPI, the test says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tests::{Job, Outcome};

/// The folder cargo leaves the library in, which is where this executable is.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// A program, compiled by `compiler`; nothing where there is no such compiler.
fn compiled(name: &str, compiler: &str, options: &[&str]) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let label = options.concat().replace(|c: char| !c.is_alphanumeric(), "");
    let folder = built().join("c_programs").join(format!("{compiler}{label}"));
    std::fs::create_dir_all(&folder).unwrap();
    let soname = folder.join("libarmci.so.0");
    if std::fs::symlink_metadata(&soname).is_err() {
        // Another test of this process may have been quicker.
        let _ = std::os::unix::fs::symlink(built().join("libarmci.so"), &soname);
    }
    let program = folder.join(name);
    // Tests run at the same time, and one may be starting the program while another compiles it: so it is replaced as a whole.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let fresh = folder.join(format!("{name}-{}-{number}", std::process::id()));
    let mut command = Command::new(compiler);
    command.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-o"]);
    command.arg(&fresh).arg(here.join("tests").join(format!("{name}.c")));
    command.arg("-I").arg(here.join("../include")).args(options).arg(&soname);
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

fn check(outcome: &Outcome, name: &str, ranks: usize) {
    let done = outcome.stdout.matches("done ").count();
    assert!(outcome.code == 0 && done == ranks, "{name} on {ranks} ranks\n{outcome}");
}

fn run(name: &str) {
    let Some(program) = compiled(name, "cc", &[]) else { return };
    for ranks in 1..=4 {
        check(&Job::new(name).program(&program, ranks), name, ranks);
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

/// More threads at once than the library asks for: they wait for one another.
#[test]
fn one_thread_at_a_time() {
    run("threads");
}

/// Their transfers need not wait for one another, nor for a thread that waits for something else.
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
    let Some(program) = compiled("wrong", "cc", &[]) else { return };
    let cases = [
        ("early", 1, "ARMCI_Put: armci: called before ARMCI_Init"),
        ("address", 1, "belongs to no memory that ARMCI allocated there"),
        ("beyond", 1, "ARMCI_Put: put (rank 0): 4 bytes at offset 62 reach beyond the part's 64 bytes"),
        ("rank", 1, "ARMCI_Get: address: there are ranks 0 to 1 only, not 2"),
        ("type", 1, "7 is no ARMCI_ACC_ type"),
        ("threads", 9, "thread level 3: calls come from one thread at a time"),
        ("error", 42, "ARMCI_Error: out of luck (42)"),
        ("assertion", 1, "wrong.c:19: main: not true: size == 77 (1)"),
    ];
    for (mistake, code, text) in cases {
        let outcome = Job::new("wrong").env("ARMCI_TEST_MISTAKE", mistake).program(&program, 2);
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
    let Some(program) = compiled("message", "cc", &[]) else { return };
    check(&Job::new("hydra").starter("mpiexec.hydra").program(&program, 3), "message", 3);
}

/// MPI starts first and ranks are those of MPI_COMM_WORLD; it ends first or last.
#[test]
fn beside_mpi() {
    let openmpi = ["--allow-run-as-root", "--oversubscribe", "-mca", "btl", "self,vader"];
    for (compiler, starter, options) in
        [("mpicc.mpich", "mpiexec.hydra", &[][..]), ("mpicc.openmpi", "mpiexec.openmpi", &openmpi)]
    {
        let Some(program) = compiled("message", compiler, &["-DWITH_MPI"]) else { continue };
        for order in ["", "1"] {
            let mut job = Job::new("mpi").starter(starter).starter_options(options);
            if !order.is_empty() {
                job = job.env("ARMCI_TEST_MPI_ENDS_FIRST", order);
            }
            check(&job.program(&program, 3), compiler, 3);
        }
    }
}

/// A program for ARMCI-MPI, which expects mpi.h and the other order of fields.
#[test]
fn for_armci_mpi() {
    let openmpi = ["--allow-run-as-root", "--oversubscribe", "-mca", "btl", "self,vader"];
    for (compiler, starter, options) in
        [("mpicc.mpich", "mpiexec.hydra", &[][..]), ("mpicc.openmpi", "mpiexec.openmpi", &openmpi)]
    {
        let Some(program) = compiled("compat", compiler, &[]) else { continue };
        check(
            &Job::new("compat").starter(starter).starter_options(options).program(&program, 3),
            compiler,
            3,
        );
    }
}

/// Groups of MPI's communicators; the library's ranks are MPI's, and then others.
#[test]
fn groups_of_communicators() {
    let openmpi = ["--allow-run-as-root", "--oversubscribe", "-mca", "btl", "self,vader"];
    for (compiler, starter, options) in
        [("mpicc.mpich", "mpiexec.hydra", &[][..]), ("mpicc.openmpi", "mpiexec.openmpi", &openmpi)]
    {
        let Some(program) = compiled("communicators", compiler, &[]) else { continue };
        let backwards = program.with_extension("sh");
        let words = format!("#!/bin/sh\nexec {} backwards\n", program.display());
        std::fs::write(&backwards, words).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&backwards, mode).unwrap();
        let job = || Job::new("communicators").starter(starter).starter_options(options);
        for program in [&program, &backwards] {
            check(&job().program(program, 4), compiler, 4);
        }
        // UCX is left as it is: told to use TCP, MPICH's own MPI_Finalize hangs now and then.
        let apart = job().env("GAIN_FAKE_NODES", "2").env("FI_PROVIDER", "tcp").over("ofi");
        if apart.is_possible() {
            check(&apart.program(&backwards, 4), compiler, 4);
        }
    }
}

/// Ranks on two hosts of the rig.
#[test]
fn on_two_hosts() {
    tests::serve_as_agent();
    for name in ["transfer", "message"] {
        let Some(program) = compiled(name, "cc", &[]) else { return };
        for engine in ["ucx", "ofi"] {
            let job = Job::new(name).hosts(2).over(engine);
            if job.is_possible() {
                check(&job.program(&program, 3), name, 3);
            }
        }
    }
}

/// Ranks that pretend to be on two nodes: nothing between them is mapped.
#[test]
fn on_two_nodes() {
    for name in ["transfer", "message", "alone", "readonly", "threads", "parallel"] {
        let Some(program) = compiled(name, "cc", &[]) else { return };
        for engine in rma::transport::engines() {
            if let Err(reason) = &engine.found {
                eprintln!("skipped: {name} on two nodes over {}: {reason}", engine.name);
                continue;
            }
            let job = Job::new(name).env("GAIN_TRANSPORT", engine.name).fake_nodes(2);
            check(&job.program(&program, 3), name, 3);
        }
    }
}

/// The library defines what the headers declare, and nothing but names of ARMCI.
#[test]
fn names() {
    let Ok(output) =
        Command::new("nm").args(["-D", "--defined-only"]).arg(built().join("libarmci.so")).output()
    else {
        eprintln!("skipped: there is no nm");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
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

/// The same programs with their own memory under AddressSanitizer.
#[test]
#[ignore = "slow"]
fn with_address_sanitizer() {
    for name in ["transfer", "message"] {
        let Some(program) = compiled(name, "cc", &["-fsanitize=address"]) else { return };
        let outcome = Job::new(name).env("ASAN_OPTIONS", "detect_leaks=0").program(&program, 2);
        check(&outcome, name, 2);
    }
}

/// The same programs under valgrind.
#[test]
#[ignore = "slow"]
fn under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: there is no valgrind");
        return;
    }
    for name in ["transfer", "message"] {
        let Some(program) = compiled(name, "cc", &[]) else { return };
        let script = program.with_extension("valgrind");
        let words = format!("#!/bin/sh\nexec valgrind -q --error-exitcode=9 {}\n", program.display());
        std::fs::write(&script, words).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        // valgrind can't reserve as much as the machine has.
        let job = Job::new(name).env("GAIN_HEAP_BYTES", "1G").deadline(std::time::Duration::from_secs(300));
        check(&job.program(&script, 2), name, 2);
    }
}
