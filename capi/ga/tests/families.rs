//! The C programs of the families of operations: each compares every operation with plain loops, and prints `done` where they agree.
//!
//! Invariant: a program needs nothing but the library just built and the headers; where there is no C compiler the test says so.

use tests::c::{Program, Source};

fn compiled(name: &str) -> Option<Program> {
    Source::new(env!("CARGO_MANIFEST_DIR"), name, "ga").compiled()
}

/// The allocator needs no ranks, so it is tested on one.
#[test]
fn memory_allocator() {
    let Some(program) = compiled("ma") else { return };
    program.check(program.job(), 1);
    let cases = [
        ("hard", 1, "MA: MA_allocate_heap: block 'huge': no room"),
        ("fatal", 1, "MA: MA_sizeof: 17 is no datatype"),
        ("soft", 0, "MA: MA_pop_stack: 77 is the handle of no block"),
        ("callback", 0, "terminated: MA: cannot go on (0)"),
        ("asked", 0, "MA: pushing 'four' (4)"),
        ("asked", 0, "MA_summarize_allocated_blocks: scan completed: 0 heap blocks, 1 stack block"),
    ];
    for (mistake, code, text) in cases {
        let outcome = program.outcome(program.job().env("MA_TEST_MISTAKE", mistake), 1);
        let is_said = outcome.stdout.contains(text) || outcome.stderr.contains(text);
        assert!(outcome.code == code && is_said, "{mistake}\n{outcome}");
    }
}

/// On one to four ranks.
fn run(name: &str) {
    if let Some(program) = compiled(name) {
        program.check_on(1..=4);
    }
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
        let file = program.path().with_extension("mtx");
        program.check(program.job().env("SPARSE_TEST_FILE", file), ranks);
    }
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
        let outcome = program.outcome(program.job().env("GA_TEST_MISTAKE", mistake), 2);
        assert!(outcome.code != 0 && outcome.stderr.contains(text), "{mistake}\n{outcome}");
    }
}
