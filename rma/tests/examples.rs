//! Every example runs, on one rank, on four, and on two nodes. They check themselves.

#![allow(missing_docs)]

#[path = "../examples/active.rs"]
mod active;
#[path = "../examples/atomics.rs"]
mod atomics;
#[path = "../examples/batch.rs"]
mod batch;
#[path = "../examples/later.rs"]
mod later;
#[path = "../examples/ring.rs"]
mod ring;

use std::path::Path;
use tests::Job;

type Main = fn() -> rma::Result<()>;

const EXAMPLES: [(&str, Main); 5] = [
    ("active", active::main),
    ("atomics", atomics::main),
    ("batch", batch::main),
    ("later", later::main),
    ("ring", ring::main),
];

#[test]
fn all_examples_run() {
    for (name, main) in EXAMPLES {
        let job = |way: &str| Job::new(&format!("{name}{way}"));
        job("").run(&[1, 4], |_| main().unwrap());
        for engine in ["ucx", "ofi"] {
            job(engine).fake_nodes(2).over(engine).run(&[4], |_| main().unwrap());
        }
    }
}

#[test]
fn all_examples_are_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    assert_eq!(names, EXAMPLES.map(|(name, _)| name));
}
