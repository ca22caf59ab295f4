//! Fortran programs, with integers of 8 bytes on `libga` and of 4 on `libga_i4`: names, headers, every family, mistakes, and what is printed.
//!
//! The oracle is in each program: plain loops; a rank that is content prints `done`. Where there is no gfortran, the test says so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::c::{self, Program, Source};

include!("../table.rs");
include!("../headers.rs");

/// The families, each a file of `fortran/`.
const FAMILIES: [&str; 6] = ["transfer", "algebra", "groups", "memory", "shapes", "habits"];

/// The package's folder.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The routines of the published interface: what each gives, its name, and the kinds of its arguments.
const ROUTINES: &str = include_str!("fortran/routines.txt");

/// A program whose integers have 8 bytes.
fn long(name: &str) -> Source {
    Source::fortran(HERE, name, "ga").option("-fdefault-integer-8")
}

/// The same with those of 4.
fn short(name: &str) -> Source {
    Source::fortran(HERE, name, "ga_i4").option("-DINT4")
}

fn run(source: impl Fn(&str) -> Source, ranks: &[usize]) {
    for family in FAMILIES {
        let Some(program) = source(family).compiled() else { return };
        ranks
            .iter()
            .for_each(|&ranks| program.check(program.job().deadline(Duration::from_secs(120)), ranks));
    }
}

#[test]
fn long_integers() {
    run(long, &[1, 3]);
}

#[test]
fn short_integers() {
    run(short, &[2]);
}

#[test]
#[ignore = "slow"]
fn any_number_of_ranks() {
    run(long, &[2, 4]);
    run(short, &[1, 3, 4]);
}

/// Ranks that pretend to be on two nodes: nothing between them is mapped.
#[test]
#[ignore = "slow"]
fn two_nodes() {
    for family in ["transfer", "algebra", "groups"] {
        let Some(program) = long(family).compiled() else { return };
        program.check_on_two_nodes(|| program.job().deadline(Duration::from_secs(120)), 3);
    }
}

/// Started by the launchers of both MPIs.
#[test]
#[ignore = "slow"]
fn started_by_mpi() {
    for (_, starter, options) in c::MPIS {
        if std::process::Command::new(starter).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {starter}");
            continue;
        }
        for source in [long("habits"), short("shapes")] {
            let Some(program) = source.compiled() else { return };
            program.check(program.job().starter(starter).starter_options(options), 3);
        }
    }
}

/// By LLVM's compiler: complex results by value among others.
#[test]
#[ignore = "slow"]
fn by_flang() {
    for family in FAMILIES {
        for source in [long(family), short(family)] {
            let Some(program) = source.by_flang().and_then(|source| source.compiled()) else { return };
            [1, 2, 3].into_iter().for_each(|ranks| program.check(program.job(), ranks));
        }
    }
}

/// Started by MPI's own launcher.
#[test]
fn started_by_hydra() {
    if std::process::Command::new("mpiexec.hydra").arg("--version").output().is_err() {
        eprintln!("skipped: there is no mpiexec.hydra");
        return;
    }
    let Some(program) = long("groups").compiled() else { return };
    program.check(program.job().starter("mpiexec.hydra"), 2);
}

/// Each mistake ends the job with the routine that was called and with Fortran's numbers.
#[test]
fn mistakes_are_named() {
    let board = "array 'board' (handle -1000, double, ";
    let cases = [
        ("early", "ga_nodeid: called before GA_Initialize"),
        ("handle", "nga_get: invalid handle -993"),
        ("rows", "lo (2, 3), hi (4, 21): axis 2 goes from 1 to 20"),
        ("rows", "ga_get: array 'board'"),
        ("zero", "lo (0, 3), hi (4, 6): axis 1 goes from 1 to 10"),
        ("above", "lo (2, 3), hi (0, 6): lo is above hi on axis 1"),
        ("ld", "nga_acc: array 'board'"),
        ("ld", "ld(1) is 2, and the patch has 3 elements along axis 1"),
        ("extent", "nga_create: dims(2) is 0, and 1 is the least"),
        ("type", "ga_create: 77 is no element type"),
        ("map", "nga_create_irreg: a block of axis 2 begins at 0"),
        (
            "subscript",
            "ga_gather: array 'board' (handle -1000, double, 10 x 20): element 1: there is no element (11, 1)",
        ),
        ("alias", "nga_zero: invalid handle -1000"),
        ("counter", "ga_read_inc: array 'board'"),
        ("operator", "ga_dgop: there is no operator \"minus\""),
        ("letter", "ga_dgemm:"),
        ("axes", "ga_get: array 'cube'"),
        ("vector", "a vector of 10 elements is wanted for array 'board' of 10 x 20, not array 'five' of 5"),
        ("square", "a square matrix is wanted, not array 'board' of 10 x 20"),
        (
            "counts",
            "lo (2, 2), hi (3, 3) of array 'small' of 4 x 3 has 4 elements, lo (1, 1), hi (2, 3) of array 'board' of 10 x 20 has 6",
        ),
        ("divide", "at (3, 7) of array 'board' of 10 x 20"),
        ("shapes", "shapes 4 x 3 and 10 x 20 of array 'small' of 4 x 3 and array 'board' of 10 x 20"),
        ("turned", "4 x 3 from 10 x 20"),
        ("matmul", "ga_matmul_patch: array 'small'"),
        ("matmul", "4 x 3 times 4 x 2 for a result of 4 x 2"),
        ("corner", "array 'square' (handle -997, double, 4 x 4) has no 4 x 5 elements at its beginning"),
        ("singular", "the matrix of order 4 is singular: pivot 3 is 0"),
        ("sides", "ga_lu_solve: array 'small' (handle -998, double, 4 x 3)"),
        ("starts", "block starts [1, 12] of axis 1 (extent 8) must begin with 1"),
        ("blocks", "nga_create_irreg: 3 x 2 blocks for 1 ranks"),
    ];
    for source in [long("wrong"), short("wrong")] {
        let Some(program) = source.compiled() else { return };
        for (mistake, text) in cases {
            let outcome = program.outcome(program.job().env("GA_TEST_MISTAKE", mistake), 1);
            assert!(outcome.code == 1 && outcome.stderr.contains(text), "{mistake}\n{outcome}");
        }
        let outcome = program.outcome(program.job().env("GA_TEST_MISTAKE", "error"), 2);
        assert!(outcome.code == 42 && outcome.stderr.contains("ga_error: out of luck (42)"), "{outcome}");
        let outcome = program.outcome(program.job().env("GA_TEST_MISTAKE", "rows"), 1);
        assert!(outcome.stderr.contains(&format!("{board}10 x 20)")), "{outcome}");
    }
}

/// Rows, columns and numbers are Fortran's.
#[test]
fn arrays_are_printed_as_fortran_sees_them() {
    let Some(program) = long("wrong").compiled() else { return };
    let outcome = program.outcome(program.job(), 1);
    let lines = outcome.stdout.lines().map(|line| line.trim_start_matches("[0]").trim());
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("|");
    let wanted = "global array: board[1:3,2:4],  handle: -1000|2            3            4|";
    assert!(outcome.code == 0 && text.starts_with(wanted), "{text}\n{outcome}");
    for part in ["|2        0.00000      5.00000      0.00000|", "|list(3,1) =        8|", "[1:10,1:20]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// What MA says on mistakes, and its statistics.
#[test]
fn allocator_messages() {
    let Some(program) = long("memory").compiled() else { return };
    let cases = [
        ("print", 0, "MA: ma_pop_stack: block 'bytes'"),
        ("hard", 1, "MA: ma_push_get: block 'huge': no room"),
        ("statistics", 0, "MA_summarize_allocated_blocks: scan completed: 0 heap blocks, 0 stack blocks"),
    ];
    for (mistake, code, text) in cases {
        let outcome = program.outcome(program.job().env("MA_TEST_MISTAKE", mistake), 1);
        let is_said = outcome.stdout.contains(text) || outcome.stderr.contains(text);
        assert!(outcome.code == code && is_said, "{mistake}\n{outcome}");
    }
}

/// The archive instead of the shared library: its COMMON blocks and the program's are the same.
#[test]
fn linked_with_the_archive() {
    let archive = c::built().join("libga.a");
    let source = long("memory").link(&[]).option(archive.to_str().unwrap());
    if let Some(program) = source.compiled() {
        program.check(program.job(), 2);
    }
}

/// The examples of the book check themselves.
#[test]
fn examples() {
    let folder = Path::new(HERE).join("../../examples/fortran");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|kind| kind == "F")).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let source = long(name).of(&[file.to_str().unwrap()]);
        let Some(example): Option<Program> = source.compiled() else { return };
        for ranks in [1, 3] {
            let outcome = example.outcome(example.job(), ranks);
            let is_right = outcome.code == 0 && outcome.stdout.contains(": right");
            assert!(is_right, "{name} on {ranks} ranks\n{outcome}");
        }
    }
}

/// A row is what the published interface says of its routines, one by one: what they give, and number, order and kinds of arguments.
///
/// `int` stands for everything that is an INTEGER or a LOGICAL, one or many; `comm` is a communicator by value.
#[test]
fn rows_are_those_of_the_interface() {
    let here = Path::new(HERE);
    let rows = table(&here.join("src/fortran"));
    for line in ROUTINES.lines() {
        let (result, rest) = line.split_once(' ').unwrap();
        let (name, kinds) = rest.trim_end_matches(')').split_once('(').unwrap();
        let row = rows.iter().find(|row| row.names.iter().any(|ours| ours == name));
        let row = row.unwrap_or_else(|| panic!("the table lacks {line}"));
        let ours: Vec<&str> = row.kinds.iter().flat_map(|kind| taken(kind)).copied().collect();
        let kinds: Vec<&str> = kinds.split(", ").filter(|kind| !kind.is_empty()).collect();
        // Numbers of an array's type are INTEGERs where the array's are.
        let is_typed = ["iadd", "ifill", "igop", "iscal"].iter().any(|part| name.contains(part));
        let is_same = |(kind, ours): (&&str, &&str)| match (*kind, *ours) {
            ("int", "any") => is_typed,
            ("comm", ours) => ours == "any",
            (kind, ours) => kind == ours,
        };
        let are_same = kinds.len() == ours.len() && kinds.iter().zip(&ours).all(is_same);
        assert!(row.result == result && are_same, "{line}, and ours is {} {ours:?}", row.result);
    }
}

/// What a kind of the table takes from a program.
fn taken(kind: &str) -> &'static [&'static str] {
    match kind {
        "int" | "ints" | "out" | "outs" => &["int"],
        "any" => &["any"],
        "text" => &["text"],
        "patch" => &["int"; 4],
        other => panic!("there is no kind {other}"),
    }
}

/// Both libraries define what the original's does, MA's names, and the extras named here, which are those that its own Fortran half has.
#[test]
fn names() {
    let here = Path::new(HERE);
    let name = |line: &'static str| line.split([' ', '(']).nth(1).unwrap();
    let published: BTreeSet<&str> = ROUTINES.lines().map(name).collect();
    let is_of_arrays =
        |name: &&&str| ["ga_", "nga_", "gai_", "ngai_"].iter().any(|start| name.starts_with(start));
    assert_eq!(published.iter().filter(is_of_arrays).count(), 521);
    let rows = table(&here.join("src/fortran"));
    let ours: BTreeSet<&str> = rows.iter().flat_map(|row| row.names.iter().map(String::as_str)).collect();
    let missing: Vec<_> = published.difference(&ours).collect();
    assert!(missing.is_empty(), "the table lacks {missing:?}");
    let extras = [
        "ga_cdot_",
        "ga_cdot_patch_",
        "ga_ddot_patch_",
        "ga_idot_patch_",
        "ga_sdot_patch_",
        "ga_version_",
        "ga_zdot_",
        "ga_zdot_patch_",
        "gai_cdot_",
        "nga_cdot_",
        "nga_cdot_patch_",
        "nga_ddot_patch_",
        "nga_deregister_type_",
        "nga_get_field_",
        "nga_idot_patch_",
        "nga_nbget_field_",
        "nga_nbput_field_",
        "nga_put_field_",
        "nga_register_type_",
        "nga_sdot_patch_",
        "nga_version_",
        "nga_zdot_",
        "nga_zdot_patch_",
        "ngai_cdot_",
    ];
    let is_ga = |name: &&&str| ["ga", "nga"].iter().any(|start| name.starts_with(start));
    let foreign: Vec<_> =
        ours.difference(&published).filter(is_ga).filter(|name| !extras.contains(name)).collect();
    assert!(foreign.is_empty(), "the table has {foreign:?} as well");
    let commons = ["mbc_byte_", "mbc_int_", "mbc_log_", "mbc_real_", "mbc_dbl_", "mbc_scpl_", "mbc_dcpl_"];
    for library in ["ga", "ga_i4"] {
        let Some(text) = c::names(library) else { return };
        let defined: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        let missing: Vec<_> = ours.iter().chain(&commons).filter(|name| !defined.contains(*name)).collect();
        assert!(missing.is_empty(), "{library} lacks {missing:?}");
        let starts = ["ga_", "nga_", "gai_", "ngai_", "ma_", "f2c_", "mbc_"];
        let is_ours =
            |name: &&&str| name.ends_with('_') && starts.iter().any(|start| name.starts_with(start));
        let foreign: Vec<_> = defined
            .iter()
            .filter(is_ours)
            .filter(|name| !ours.contains(*name) && !commons.contains(name))
            .collect();
        assert!(foreign.is_empty(), "{library} has {foreign:?} as well");
    }
}

/// The headers are made of the table. Where one isn't, the right one is left beside the test.
#[test]
fn headers_are_those_of_the_table() {
    let here = Path::new(HERE);
    for (name, wanted) in headers(&table(&here.join("src/fortran"))) {
        let file = here.join("../include").join(name);
        if std::fs::read_to_string(&file).is_ok_and(|text| text == wanted) {
            continue;
        }
        let fresh = c::built().join(name);
        std::fs::write(&fresh, wanted).unwrap();
        panic!("{} is out of date: cp {} {0}", file.display(), fresh.display());
    }
}
