//! The C programs of the families of operations: each compares every operation with plain loops, and prints `done` where they agree.
//!
//! Invariant: a program needs nothing but the library just built and the headers; where there is no C compiler the test says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{Job, Outcome};

/// A program compiled against the library just built; nothing where there is no C compiler.
fn compiled(name: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let folder = built.join("families").join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let soname = folder.join("libga.so.0");
    // Another test of this process may have been quicker.
    let _ = std::os::unix::fs::symlink(built.join("libga.so"), &soname);
    let program = folder.join(name);
    let mut command = Command::new("cc");
    command.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-o"]);
    command.arg(&program).arg(here.join("tests").join(format!("{name}.c")));
    command.arg("-I").arg(here.join("../include")).arg(&soname);
    command.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-lm");
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            eprintln!("skipped: {name}: {error}");
            return None;
        }
    }
    Some(program)
}

/// Forgets a compiled program.
fn discard(program: &Path) {
    std::fs::remove_dir_all(program.parent().unwrap()).unwrap();
}

fn check(outcome: &Outcome, name: &str, ranks: usize) {
    let done = outcome.stdout.matches("done ").count();
    assert!(outcome.code == 0 && done == ranks, "{name} on {ranks} ranks\n{outcome}");
}

/// The allocator needs no ranks, so it is tested on one.
#[test]
fn memory_allocator() {
    let Some(program) = compiled("ma") else { return };
    check(&Job::new("ma").program(&program, 1), "ma", 1);
    let cases = [
        ("hard", 1, "MA: MA_allocate_heap: block 'huge': no room"),
        ("fatal", 1, "MA: MA_sizeof: 17 is no datatype"),
        ("soft", 0, "MA: MA_pop_stack: 77 is the handle of no block"),
        ("callback", 0, "terminated: MA: cannot go on (0)"),
        ("asked", 0, "MA: pushing 'four' (4)"),
        ("asked", 0, "MA_summarize_allocated_blocks: scan completed: 0 heap blocks, 1 stack block"),
    ];
    for (mistake, code, text) in cases {
        let outcome = Job::new("ma").env("MA_TEST_MISTAKE", mistake).program(&program, 1);
        let is_said = outcome.stdout.contains(text) || outcome.stderr.contains(text);
        assert!(outcome.code == code && is_said, "{mistake}\n{outcome}");
    }
    discard(&program);
}

/// On one to four ranks.
fn run(name: &str) {
    let Some(program) = compiled(name) else { return };
    for ranks in 1..=4 {
        check(&Job::new(name).program(&program, ranks), name, ranks);
    }
    discard(&program);
}

#[test]
fn vectors_under_a_mask() {
    run("scan");
}

#[test]
fn algebra() {
    run("algebra");
}

#[test]
fn element_by_element() {
    run("elementwise");
}

#[test]
fn matrices() {
    run("matrix");
}

#[test]
fn products_of_matrices() {
    run("products");
}

#[test]
fn solvers_and_eigenvalues() {
    run("solvers");
}

#[test]
fn sparse_matrices() {
    let Some(program) = compiled("sparse") else { return };
    for ranks in 1..=4 {
        let file = program.with_extension("mtx");
        check(&Job::new("sparse").env("SPARSE_TEST_FILE", file).program(&program, ranks), "sparse", ranks);
    }
    discard(&program);
}

/// Each mistake ends the job, and the message says what was wrong with which array.
#[test]
fn mistakes_are_named() {
    let Some(program) = compiled("mistakes") else { return };
    let cases = [
        (
            "types",
            "GA_Add: array 'ints' (handle -999, int, 6 x 8): array 'doubles' (handle -1000, double, 6 x 8):",
        ),
        (
            "bounds",
            "NGA_Fill_patch: array 'doubles' (handle -1000, double, 6 x 8): lo {0, 2}, hi {5, 8}: axis 1 goes from 0 to 7",
        ),
        ("null", "GA_Scale: array 'doubles' (handle -1000, double, 6 x 8): value is a null pointer"),
        ("buffer", "NGA_Put: array 'doubles' (handle -1000, double, 6 x 8): the buffer is a null pointer"),
        ("alpha", "alpha is a null pointer"),
        ("subscripts", "the subscripts are a null pointer"),
        ("letter", "GA_Dgemm:"),
        ("extents", "has no 7 x 8 elements at its beginning"),
        ("zero", "GA_Elem_divide:"),
        ("choice", "operation 'mid' is neither \"min\" nor \"max\""),
        ("patches", "NGA_Copy_patch:"),
        ("handle", "NGA_Sprs_array_assemble: invalid handle 7: no sparse matrix has it"),
        ("open", "NGA_Sprs_array_duplicate: the sparse matrix is not assembled"),
        ("element", "NGA_Sprs_array_add_element: there is no element -1, 0"),
    ];
    for (mistake, text) in cases {
        let outcome = Job::new("mistakes").env("GA_TEST_MISTAKE", mistake).program(&program, 2);
        assert!(outcome.code != 0 && outcome.stderr.contains(text), "{mistake}\n{outcome}");
    }
    discard(&program);
}
