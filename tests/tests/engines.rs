//! A network engine that can't be used: missing, too old, or without what is needed, on one host or on all.
//!
//! Oracle: what was done to it. All ranks refuse to start alike, within seconds, and say what is wrong and on which rank.

use rma::World;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tests::{Job, Outcome};

/// Runs two ranks on each of two pretended nodes, which can't start.
fn refused(name: &str, engine: &'static str, prepare: impl Fn(Job) -> Job) -> Outcome {
    let job = Job::new(name).fake_nodes(2).env("GAIN_TRANSPORT", engine).deadline(Duration::from_secs(20));
    let outcome = prepare(job).outcome(4, |_| panic!("there is no engine"));
    assert!(outcome.code != 0 && outcome.elapsed < Duration::from_secs(10), "{outcome}");
    assert!(!outcome.stderr.contains("there is no engine"), "{outcome}");
    assert!(outcome.stderr.contains("this rank can't start"), "{outcome}");
    assert!(outcome.stderr.contains("ranks on 2 nodes need a network"), "{outcome}");
    outcome
}

fn says(outcome: &Outcome, words: &[&str]) {
    assert!(words.iter().all(|word| outcome.stderr.contains(word)), "{words:?}\n{outcome}");
}

/// A library that says it is of an old version, and has nothing else to offer.
fn old_library(name: &str, source: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (c, library) = (folder.join(format!("{name}.c")), folder.join(name));
    std::fs::write(&c, source).unwrap();
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&c).status();
    assert!(status.is_ok_and(|status| status.success()), "no C compiler");
    library
}

#[test]
fn libraries_that_are_missing_are_named() {
    let outcome = refused("libraries_that_are_missing_are_named", "auto", |job| {
        job.env("GAIN_UCX_LIB", "/nowhere/libucp.so").env("GAIN_OFI_LIB", "/nowhere/libfabric.so")
    });
    says(&outcome, &["/nowhere/libucp.so", "/nowhere/libfabric.so", "no network engine can be used here"]);
}

#[test]
fn a_library_missing_for_one_rank_stops_all() {
    let outcome = refused("a_library_missing_for_one_rank_stops_all", "ucx", |job| {
        job.starting(|| {
            if std::env::var("PMI_RANK").is_ok_and(|rank| rank == "3") {
                // SAFETY: nothing else runs in this process that reads the environment.
                unsafe { std::env::set_var("GAIN_UCX_LIB", "/nowhere/libucp.so") };
            }
            World::init()
        })
    });
    says(&outcome, &["init (rank 3)", "/nowhere/libucp.so", "[ranks 0-3]"]);
}

#[test]
fn an_old_ucx_is_refused() {
    let source = "void ucp_get_version(unsigned *a, unsigned *b, unsigned *c) { *a = 1; *b = 9; *c = 0; }";
    let library = old_library("libucp-old.so", source);
    let outcome = refused("an_old_ucx_is_refused", "ucx", |job| job.env("GAIN_UCX_LIB", library.clone()));
    says(&outcome, &["UCX 1.9 is too old: 1.13 is the least", "libucp-old.so"]);
}

#[test]
fn an_old_libfabric_is_refused() {
    let source = "unsigned fi_version(void) { return 1 << 16 | 10; }
        void fi_getinfo(void) {} void fi_dupinfo(void) {} void fi_freeinfo(void) {} void fi_fabric(void) {}
        void fi_strerror(void) {}";
    let library = old_library("libfabric-old.so", source);
    let outcome =
        refused("an_old_libfabric_is_refused", "ofi", |job| job.env("GAIN_OFI_LIB", library.clone()));
    says(&outcome, &["libfabric 1.10 is too old: 1.17 is the least"]);
}

/// `udp` sends datagrams only: nothing arrives for certain, and no memory can be reached.
#[test]
fn a_provider_without_what_is_needed_is_refused() {
    let outcome = refused("a_provider_without_what_is_needed_is_refused", "ofi", |job| {
        job.env("FI_PROVIDER", "").env("GAIN_OFI_PROVIDER", "udp")
    });
    says(&outcome, &["GAIN_OFI_PROVIDER=udp: fi_getinfo: No data available"]);
}

/// Only memory of one's own is left of UCX's transports.
#[test]
fn a_ucx_without_network_is_refused() {
    let outcome = refused("a_ucx_without_network_is_refused", "ucx", |job| job.env("UCX_TLS", "self"));
    says(&outcome, &["UCX finds no network device"]);
}
