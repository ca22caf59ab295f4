//! Compiles the C programs beside this file against the library just built, and runs them under several launchers.
//!
//! The oracle is in each program; a rank that is content prints `done`. Where there is no C compiler, or no MPI, the test says so.

use std::path::{Path, PathBuf};
use std::process::Command;
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
    let mut command = Command::new(compiler);
    command.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-o"]);
    command.arg(&program).arg(here.join("tests").join(format!("{name}.c")));
    command.arg("-I").arg(here.join("include")).args(options).arg(&soname);
    command.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-lm");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {name} with {compiler}: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
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
