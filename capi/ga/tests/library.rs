//! What is not about one family of operations: the names, mistakes, MPI, which library comes first.
//!
//! The oracle is in each C program; a rank that is content prints `done`. Where there is no C compiler, or no MPI, the test says so.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::c::{MPIS, Program, Source};
use tests::{Job, c};

fn source(name: &str) -> Source {
    Source::new(env!("CARGO_MANIFEST_DIR"), name, "ga")
}

fn compiled(name: &str) -> Option<Program> {
    source(name).compiled()
}

#[test]
fn handles_groups_types_memory_and_threads() {
    if let Some(program) = compiled("whole") {
        program.check_on(1..=4);
    }
}

#[test]
fn groups_are_made_by_their_members_alone() {
    if let Some(program) = compiled("alone") {
        program.check_on(2..=4);
    }
}

#[test]
fn habits_of_programs() {
    for name in ["habits", "readonly"] {
        if let Some(program) = compiled(name) {
            program.check_on(1..=4);
        }
    }
}

/// Ranks that pretend to be on two nodes: nothing between them is mapped.
#[test]
fn on_two_nodes() {
    let whole = source("whole").option("-DON_NODES");
    for (source, ranks) in [(whole, 3), (source("alone"), 4), (source("habits"), 3), (source("readonly"), 3)]
    {
        let Some(program) = source.compiled() else { return };
        program.check_on_two_nodes(|| program.job(), ranks);
    }
}

/// Each mistake ends the whole job at once, and the message says what was wrong in which call on which array.
#[test]
fn mistakes_are_named() {
    let Some(program) = compiled("wrong") else { return };
    let board = "array 'board' (handle -1000, double, 10 x 20)";
    let cases = [
        ("early", "GA_Nodeid: called before GA_Initialize"),
        ("handle", "NGA_Get: invalid handle -993"),
        ("null handle", "NGA_Get: invalid handle 0"),
        ("far handle", "NGA_Get: invalid handle 123456789"),
        ("type", "NGA_Create: 77 is no element type"),
        ("axes", "NGA_Create: 9 axes, and there may be 1 to 7"),
        ("extent", "NGA_Create: dims[0] is 0, and 1 is the least"),
        ("upside down", &format!("NGA_Put: {board}: lo {{1, 2}}, hi {{-1, 5}}: lo is above hi on axis 0")),
        ("range", &format!("NGA_Acc: {board}: lo {{1, 2}}, hi {{3, 20}}: axis 1 goes from 0 to 19")),
        ("negative", &format!("NGA_Get: {board}: lo {{-1, 2}}, hi {{3, 5}}: axis 0 goes from 0 to 9")),
        ("ld", &format!("NGA_Get: {board}: ld[0] is 3, and the patch has 4 elements along axis 1")),
        ("destroyed", "NGA_Get: invalid handle -1000"),
        ("twice", "GA_Destroy: invalid handle -1000"),
        ("no memory yet", "NGA_Get: handle -999 is that of an array without memory"),
        ("no data", "GA_Allocate: handle -999 has no type and extents"),
        ("group", "GA_Pgroup_nodeid: there is no processor group 6"),
        ("not a member", "rank 0 is not in processor group 1 of ranks {1}"),
        ("group in use", "GA_Pgroup_destroy: group 1 has array 'theirs'"),
        ("mutex", "GA_Lock: mutex 0 of 0"),
        ("fence", "GA_Fence: GA_Init_fence comes first"),
        ("operator", "GA_Dgop: there is no operator \"minus\""),
        ("kind of counter", &format!("NGA_Read_inc: {board}: there is no such operation on double")),
        ("one rank only", &format!("rank 1: abort: NGA_Get: {board}: lo {{3, 5}}, hi {{1, 2}}")),
        ("read only", &format!("NGA_Put: {board}: the array is read-only")),
        ("read-only result", &format!("GA_Fill: {board}: the array is read-only")),
        ("property", "there is no property \"fast\""),
        ("different arrays", "of the group create different arrays"),
        ("different lengths", "ranks called different collectives"),
        ("different calls", "ranks called different collectives"),
        ("different targets", "ranks called different collectives"),
        ("filled or scaled", "ranks called different collectives"),
        ("fill or scale", "ranks called different collectives"),
        ("error", "GA_Error: out of luck (42)"),
        ("error 0", "GA_Error: out of luck (0)"),
        ("late", "GA_Sync: called before GA_Initialize or after GA_Terminate"),
    ];
    for (mistake, text) in cases {
        let start = Instant::now();
        let outcome = program.outcome(program.job().env("GA_TEST_MISTAKE", mistake), 2);
        let code = if mistake == "error" { 42 } else { 1 };
        // The names that are alike are told by the first of them.
        let stderr =
            outcome.stderr.replace("NGA_Destroy", "GA_Destroy").replace("NGA_Allocate", "GA_Allocate");
        let is_said = stderr.contains(text) || stderr.contains(&text.replace("GA_", "NGA_"));
        assert!(outcome.code == code && is_said, "{mistake}\n{outcome}");
        if mistake == "fill or scale" {
            let is_said = ["sync for fill", "sync for scale", board].iter().all(|text| stderr.contains(text));
            assert!(is_said, "{mistake}\n{outcome}");
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{mistake} took {:?}", start.elapsed());
    }
}

/// Bounds are inclusive in all that C prints, axes and rows in C's order.
#[test]
fn arrays_are_printed_as_c_sees_them() {
    let Some(program) = compiled("print") else { return };
    for ranks in [1, 2] {
        let outcome = program.outcome(program.job(), ranks);
        let lines = outcome.stdout.lines().map(|line| line.trim_start_matches("[0]").trim());
        let first = "\
            global array: board[0:1,0:2],  handle: -1000|0        1        2|-------- -------- --------|\
            0          7        7        7|1          7        7        7|\
            global array: list[5:7],  handle: -999|list[5] =      0.50000|list[6] =      0.50000|list[7] =      0.50000|\
            global array: cube[0:1,0:0,0:1],  handle: -998|-- patch: [0:0,0:0,0:1]|";
        let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("|");
        let is_said = text.starts_with(first) && text.contains("|-- patch: [1:1,0:0,0:1]|");
        assert!(outcome.code == 0 && is_said, "{text}\n{outcome}");
        let section = if ranks == 1 { "[0:8]" } else { "[0:4]" };
        assert!(text.contains(&format!("Process=0\t owns array section: {section}")), "{outcome}");
    }
}

#[test]
fn with_mpis_communicators() {
    for (compiler, starter, options) in MPIS {
        let source = source("communicators").by(compiler).option("-DWITH_MPI");
        let Some(program) = source.compiled() else { continue };
        let job = || program.job().starter(starter).starter_options(options);
        program.check(job(), 4);
        program.check(job().env("GA_TEST_PARTS", "2"), 4);
    }
}

/// MPI whose names are hidden from other libraries.
#[test]
fn with_mpi_loaded_by_an_extension() {
    let Some(program) = compiled("hidden") else { return };
    for ((_, starter, options), library) in MPIS.into_iter().zip(["libmpich.so.12", "libmpi.so.40"]) {
        if Command::new(starter).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {starter}");
            continue;
        }
        let job = program.job().starter(starter).starter_options(options);
        program.check(job.env("GA_TEST_MPI", library), 2);
    }
}

/// Both libraries in one program are one runtime when libga comes first, and an error that says so when it doesn't.
#[test]
fn the_order_of_libraries() {
    let Some(first) = source("both").link(&["ga", "armci"]).compiled() else { return };
    first.check(first.job(), 2);
    let Some(last) = source("both").link(&["armci", "ga"]).compiled() else { return };
    let outcome = last.outcome(Job::new("last"), 2);
    assert!(outcome.code == 1 && outcome.stderr.contains("link with -lga before -larmci"), "{outcome}");
}

/// The library defines what the header declares, which is what that of 5.9.2 declares and the extras named here, and nothing else of that kind.
#[test]
fn names() {
    let Some(text) = c::names("ga") else { return };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let defined: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    // Those of ga.h of 5.9.2, and what there is besides: of later versions, and of the original's library without being in its header.
    let list = std::fs::read_to_string(here.join("tests/names.txt")).unwrap();
    let published: BTreeSet<&str> = list.lines().collect();
    assert_eq!(published.len(), 479);
    let extras = [
        "GA_Version",
        "NGA_Version",
        "NGA_Sprs_array_activate_ReLU",
        "NGA_Sprs_array_activate_ReLU64",
        "NGA_Sprs_array_elementwise_multiply",
        "NGA_Sprs_array_quantize256",
        "NGA_Sprs_array_sampled_multiply",
    ];
    assert!(extras.iter().all(|name| !published.contains(name)));
    let original: BTreeSet<&str> = published.iter().copied().chain(extras).collect();
    let is_ours = |name: &&&str| name.starts_with("GA_") || name.starts_with("NGA_");
    let header = std::fs::read_to_string(here.join("../include/ga.h")).unwrap();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = header
        .match_indices("GA_")
        .map(|(at, _)| at)
        .filter(|at| !header[..*at].ends_with(is_letter) || header[..*at].ends_with('N'));
    let declared: BTreeSet<&str> = starts
        .map(|at| if header[..at].ends_with('N') { at - 1 } else { at })
        .filter_map(|at| {
            let name = header[at..].split(|c| !is_letter(c)).next()?;
            header[at + name.len()..].starts_with('(').then_some(name)
        })
        .collect();
    let missing: Vec<_> = original.difference(&declared).collect();
    assert!(missing.is_empty() && declared.len() == original.len(), "the header lacks {missing:?}");
    let missing: Vec<_> = original.difference(&defined).collect();
    assert!(missing.is_empty(), "the library lacks {} names: {missing:?}", missing.len());
    let others: BTreeSet<&str> = ["GA_MPI_Comm", "GA_MPI_Comm_pgroup", "GA_MPI_Comm_pgroup_default"].into();
    let foreign: Vec<_> = defined
        .iter()
        .filter(is_ours)
        .filter(|name| !original.contains(*name) && !others.contains(*name))
        .collect();
    assert!(foreign.is_empty(), "the library has {foreign:?} as well");
    let prefixes = [
        "GA_",
        "NGA_",
        "MA_",
        "ma_",
        "ARMCI_",
        "ARMCIX_",
        "PARMCI_",
        "PARMCIX_",
        "armci_",
        "parmci_",
        "dassertp_fail",
        "tcg_",
        "tcgi_",
        "DRA_",
        "NDRA_",
        "dra_",
        "ndra_",
        "EAF_",
        "eaf_",
        "SF_",
        "sf_",
        "elio_",
        "GP_",
    ];
    // Those of TCGMSG have no prefix: in C upper case and an underscore, in Fortran the same in lower case.
    let tcgmsg: BTreeSet<String> = [
        "PBEGINF PBGINF PEND TCGREADY NODEID NNODES NXTVAL SND RCV WAITCOM PROBE BRDCST DGOP IGOP SYNCH TCGTIME MTIME DRAND48 SRAND48",
        "NICEFTN LLOG MDTOB MDTOI MITOB MITOD SETDBG STATS PFCOPY PFILECOPY PARERR",
    ]
    .iter()
    .flat_map(|line| line.split(' '))
    .flat_map(|name| [format!("{name}_"), format!("{}_", name.to_lowercase())])
    .chain(["Error".into()])
    .collect();
    let missing: Vec<_> = tcgmsg.iter().filter(|name| !defined.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "the library lacks {missing:?}");
    // What the other headers declare, in C or for Fortran.
    for header in [
        "tcgmsg.h",
        "sndrcv.h",
        "dra.h",
        "eaf.h",
        "sf.h",
        "elio.h",
        "gp.h",
        "dra.fh",
        "eaf.fh",
        "sf.fh",
        "tcgmsg.fh",
    ] {
        let text = std::fs::read_to_string(here.join("../include").join(header)).unwrap();
        let names: Vec<String> = match header.ends_with(".fh") {
            false => text
                .lines()
                .filter(|line| line.ends_with(");") && !line.starts_with([' ', '#']))
                .filter_map(|line| Some(line.split_once('(')?.0.rsplit([' ', '*']).next()?.to_owned()))
                .collect(),
            true => text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("external "))
                .flat_map(|list| list.split(',').map(|name| format!("{}_", name.trim())))
                .collect(),
        };
        assert!(names.len() >= 10, "{header}: {names:?}");
        let missing: Vec<_> = names.iter().filter(|name| !defined.contains(name.as_str())).collect();
        assert!(missing.is_empty(), "{header} declares {missing:?}");
    }
    let is_known = |name: &str| {
        name.ends_with('_') && name == name.to_lowercase()
            || prefixes.iter().any(|prefix| name.starts_with(prefix))
            || tcgmsg.contains(name)
    };
    let strangers: Vec<_> = defined.iter().filter(|name| !is_known(name)).collect();
    assert!(strangers.is_empty(), "the library defines {strangers:?}");
}
