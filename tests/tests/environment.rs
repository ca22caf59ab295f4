//! Every environment variable that the code knows is on the page `docs/src/environment.md`, and no other.
//!
//! The oracle is the source text itself: whatever is spelt `GAIN_` and capitals in a Rust or Python file that is part of a
//! build. Variables of tests, `GAIN_TEST_*`, are left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 11] = [
    "shm/src",
    "rma/src",
    "ga-core/src",
    "gain/src",
    "launcher/src",
    "python/src",
    "python/gain",
    "bench/src",
    "bench/micro/src",
    "capi/armci/src",
    "capi/ga/src",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of variables in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter)).filter(|word| word.starts_with("GAIN_"));
    words.filter(|word| word.len() > 5 && !word.starts_with("GAIN_TEST_")).map(str::to_owned).collect()
}

/// Names in all source files beneath a folder; a folder that isn't there has none.
fn names_beneath(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        let is_source = path.extension().is_some_and(|ending| ending == "rs" || ending == "py");
        if path.is_dir() {
            names_beneath(&path, found);
        } else if is_source {
            found.extend(names(&fs::read_to_string(&path).expect("a readable text")));
        }
    }
}

#[test]
fn the_book_lists_every_variable_and_no_other() {
    let mut in_code = BTreeSet::new();
    FOLDERS.iter().for_each(|folder| names_beneath(&root().join(folder), &mut in_code));
    let page = fs::read_to_string(root().join("docs/src/environment.md")).expect("the page");
    let in_book = names(&page);
    let missing: Vec<_> = in_code.difference(&in_book).collect();
    let stale: Vec<_> = in_book.difference(&in_code).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "not in the book: {missing:?}; in the book only: {stale:?}"
    );
}

#[test]
fn names_are_found_wherever_they_stand() {
    let found = names("\"GAIN_CHECK\" GAIN_HEAP_BYTES=8G, GAIN_TEST_ALL, REGAIN_X and GAIN_.");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["GAIN_CHECK", "GAIN_HEAP_BYTES"]);
}
