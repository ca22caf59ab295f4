//! Messages of TCGMSG, arrays on disk, files, the C++ classes and global pointers: programs in C, C++ and Fortran.
//!
//! The oracle is in each program; a rank that is content prints `done`. Where there is no compiler for a language, the test says so.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use tests::Job;
use tests::c::{MPIS, Program, Source, built};

fn source(name: &str) -> Source {
    Source::new(env!("CARGO_MANIFEST_DIR"), name, "ga")
}

fn compiled(name: &str) -> Option<Program> {
    source(name).compiled()
}

/// The name of a file that nobody else uses, without a file.
fn fresh(name: &str) -> String {
    let path: PathBuf = built().join(format!("{name}-{}", std::process::id()));
    path.display().to_string()
}

/// A mistake ends the job at once, and the message names the routine and the numbers.
fn is_named(program: &Program, job: Job, code: i32, text: &str) {
    let start = Instant::now();
    let outcome = program.outcome(job, 2);
    assert!(outcome.code == code && outcome.stderr.contains(text), "{text}\n{outcome}");
    assert!(start.elapsed() < Duration::from_secs(20), "{text} took {:?}", start.elapsed());
}

#[test]
fn messages() {
    let Some(program) = compiled("tcgmsg") else { return };
    program.check_on(1..=4);
    // Where no process may read another one's memory.
    program.check(program.job().env("GA_TEST_FORBIDDEN", "1"), 3);
    program.check_on_two_nodes(|| program.job(), 3);
    let cases = [
        ("early", 1, "tcg_nodeid: called before PBEGINF"),
        ("node", 1, "tcg_snd: there is no node 2: they are 0 to 1"),
        ("length", 1, "tcg_rcv: a message of -1 bytes"),
        ("twice", 1, "tcg_pbegin: called a second time"),
        ("operator", 1, "tcg_igop: there is no operator \"minus\""),
        ("parerr", 42, "tcg_parerr: the program found an error (42)"),
        ("room", 1, "tcg_rcv: receive (rank"),
    ];
    for (mistake, code, text) in cases {
        is_named(&program, program.job().env("GA_TEST_MISTAKE", mistake), code, text);
    }
}

/// A program that was linked with MPI gets it from `pbeginf`, as with the original.
#[test]
fn messages_beside_mpi() {
    for (compiler, starter, options) in MPIS {
        let Some(program) = source("tcgmsg").by(compiler).compiled() else { continue };
        program.check(program.job().starter(starter).starter_options(options), 3);
    }
}

#[test]
fn arrays_on_disk() {
    let Some(program) = compiled("disk") else { return };
    let file = fresh("disk");
    let job = || program.job().env("GA_TEST_FILE", &file);
    for ranks in 1..=4 {
        program.check(job(), ranks);
    }
    program.check_on_two_nodes(job, 3);
    let job = |mode: &str| job().env("GA_TEST_MODE", mode);
    // Written by some, read by others; closed, or not.
    for (writers, readers, leaves) in [(3, 2, false), (1, 4, true), (2, 1, false)] {
        let write = job("write");
        program.check(if leaves { write.env("GA_TEST_LEAVES", "1") } else { write }, writers);
        program.check(job("read"), readers);
    }
    // Shortened, damaged, of two arrays: refused, with a reason.
    let refused = |reason: &str| {
        let outcome = program.outcome(job("refused"), 2);
        assert!(outcome.code == 0 && outcome.stderr.contains(reason), "{reason}\n{outcome}");
    };
    let second = format!("{file}.1");
    let bytes = std::fs::read(&second).unwrap();
    std::fs::write(&second, &bytes[..bytes.len() - 1]).unwrap();
    refused("bytes, not");
    std::fs::remove_file(&second).unwrap();
    refused("No such file");
    std::fs::write(&second, &bytes).unwrap();
    let mut first = std::fs::read(&file).unwrap();
    first[40] ^= 1;
    std::fs::write(&file, &first).unwrap();
    refused("its header is damaged");
    std::fs::write(&file, "something else").unwrap();
    refused("shorter than a header");
    std::fs::remove_file(&second).unwrap();
    program.check(job("full"), 2);
    // A rank that ends in the middle leaves what the next job refuses.
    let outcome = program.outcome(job("killed"), 2);
    assert!(outcome.code != 0, "{outcome}");
    refused("was being written when a process ended");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn mistakes_about_arrays_on_disk_are_named() {
    let Some(program) = compiled("disk") else { return };
    let file = fresh("wrong");
    let cases = [
        ("early", "NDRA_Write: array 'small' (handle -1000, int, 4 x 5): called before DRA_Init"),
        ("handle", "17 is no array on disk"),
        ("memory", "lo is 0 and hi is 7 in memory: axis 1 goes from 0 to 4"),
        ("disk", "lo is 0 and hi is 5 on disk: axis 1 goes from 0 to 4"),
        ("alike", "the section on disk has 2 elements along axis 0, that in memory 1"),
        ("mode", "was opened in mode Read"),
        ("request", "DRA_Wait: there is no request 99"),
    ];
    for (mode, text) in cases {
        let job = program.job().env("GA_TEST_FILE", &file).env("GA_TEST_MODE", mode);
        is_named(&program, job, 1, text);
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn files() {
    let Some(program) = compiled("files") else { return };
    let file = fresh("files");
    for ranks in [1, 3] {
        program.check(program.job().env("GA_TEST_FILE", &file), ranks);
    }
    let job = program.job().env("GA_TEST_FILE", &file).env("GA_TEST_MODE", "handle");
    is_named(&program, job, 1, "SF_Read: -17 is no shared file");
}

#[test]
fn global_pointers() {
    let Some(program) = compiled("pointers") else { return };
    program.check_on(1..=4);
    program.check_on_two_nodes(|| program.job(), 3);
    let job = program.job().env("GA_TEST_MISTAKE", "range");
    is_named(&program, job, 1, "GP_Access_element: subscript is {9, 6}: axis 0 goes from 0 to 8");
    // The other rank is on another node.
    if let Some(engine) = rma::transport::engines().iter().find(|engine| engine.found.is_ok()) {
        let job =
            program.job().env("GA_TEST_MISTAKE", "node").env("GAIN_TRANSPORT", engine.name).fake_nodes(2);
        is_named(&program, job, 1, "is rank 1's, on another node: GP_Get copies it");
    }
}

#[test]
fn classes() {
    let source = source("classes").of(&["tests/classes.cc"]).by("c++");
    if let Some(program) = source.compiled() {
        program.check_on([1, 3]);
    }
}

/// Fortran with integers of 8 bytes, and of 4.
#[test]
fn from_fortran() {
    for (library, option) in [("ga", "-fdefault-integer-8"), ("ga_i4", "-DINT4")] {
        let file = fresh(library);
        let compiled = |name: &str| {
            let source = Source::new(env!("CARGO_MANIFEST_DIR"), name, library);
            source.of(&[&format!("tests/{name}.F")]).by("gfortran").option(option).compiled()
        };
        if let Some(program) = compiled("messages") {
            for ranks in [1, 3] {
                program.check(program.job().env("GA_TEST_FILE", &file), ranks);
            }
            for (mode, text) in
                [("node", "snd: there is no node 2"), ("file", "sf_close: 17 is no shared file")]
            {
                is_named(&program, program.job().env("GA_TEST_MODE", mode), 1, text);
            }
        }
        if let Some(program) = compiled("disk_arrays") {
            for ranks in [1, 2, 4] {
                program.check(program.job().env("GA_TEST_FILE", &file), ranks);
            }
        }
    }
}

/// The examples of the book, each run twice: it goes on where it was.
#[test]
fn a_computation_goes_on() {
    let file = fresh("checkpoint");
    let goes_on = |program: Program| {
        let program = program.by("on", &format!("{{}} {file}"));
        for (ranks, text) in [(2, "3 steps so far"), (3, "6 steps so far")] {
            let outcome = program.outcome(program.job(), ranks);
            assert!(outcome.code == 0 && outcome.stdout.contains(text), "{text}\n{outcome}");
        }
        std::fs::remove_file(&file).unwrap();
    };
    if let Some(program) = source("checkpoint").of(&["../../examples/files/checkpoint.c"]).compiled() {
        goes_on(program);
    }
    let fortran = source("checkpoint").of(&["../../examples/files/checkpoint.F"]).by("gfortran");
    if let Some(program) = fortran.option("-fdefault-integer-8").compiled() {
        goes_on(program);
    }
}
