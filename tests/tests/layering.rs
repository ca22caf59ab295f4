//! The house has floors: a crate may depend on the floors beneath it and on nothing above.
//!
//! `FLOORS` is the table of `docs/src/architecture.md`. The test asks `cargo metadata` who depends on whom, so a
//! dependency that points up fails here before anybody gets used to it. The only exception is the development
//! dependency on `tests`, which holds the multi-rank harness and is never part of a build for users.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each crate, its folder, and the crates it may name directly; what those know is allowed too.
const FLOORS: &[(&str, &str, &[&str])] = &[
    ("shm", "shm", &[]),
    ("rma", "rma", &["shm"]),
    ("microbench", "micro", &["rma"]),
    ("gain-launcher", "launcher", &["microbench"]),
    ("wire", "wire", &[]),
    ("ga-dense", "dense", &[]),
    ("ga-factor", "factor", &["ga-dense"]),
    ("ga-core", "ga-core", &["rma", "ga-factor"]),
    ("gain", "gain", &["ga-core"]),
    ("capi-common", "common", &["rma"]),
    ("capi-armci", "armci", &["capi-common"]),
    ("capi-pario", "pario", &["rma"]),
    ("capi-ga-body", "src", &["ga-core", "capi-armci", "capi-pario"]),
    ("capi-ga-i4", "ga_i4", &["capi-ga-body"]),
    ("capi-ga", "ga", &["capi-ga-body", "capi-ga-i4"]),
    ("compile", "compile", &[]),
    ("gain-python", "python", &["gain", "gain-launcher", "wire", "compile"]),
    ("bench", "bench", &["gain", "gain-launcher"]),
    ("tests", "tests", &["gain", "gain-launcher"]),
];

/// Everything beneath `name`, the crates it may depend on.
fn beneath(name: &str) -> BTreeSet<&'static str> {
    let direct = FLOORS.iter().find(|floor| floor.0 == name).map_or(&[][..], |floor| floor.2);
    direct.iter().copied().chain(direct.iter().flat_map(|below| beneath(below))).collect()
}

/// Workspace crates as cargo sees them: name -> (folder, [(dependency, is a development dependency)]).
fn workspace() -> BTreeMap<String, (String, Vec<(String, bool)>)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata starts");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let names: BTreeSet<String> = packages.iter().map(|package| text(&package["name"])).collect();
    packages
        .iter()
        .map(|package| {
            let manifest = text(&package["manifest_path"]);
            let folder =
                manifest.trim_end_matches("/Cargo.toml").rsplit('/').next().unwrap_or_default().to_owned();
            let inner = package["dependencies"].as_array().into_iter().flatten();
            let inner = inner.map(|dep| (text(&dep["name"]), dep["kind"] == "dev"));
            (text(&package["name"]), (folder, inner.filter(|dep| names.contains(&dep.0)).collect()))
        })
        .collect()
}

#[test]
fn no_crate_depends_upwards() {
    let mut wrong = Vec::new();
    for (name, (_, dependencies)) in workspace() {
        let allowed = beneath(&name);
        for (dependency, is_dev) in dependencies {
            let is_harness = is_dev && dependency == "tests";
            if !allowed.contains(dependency.as_str()) && !is_harness {
                wrong.push(format!("{name} depends on {dependency}, which is not beneath it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_has_its_floor() {
    let table: BTreeMap<&str, &str> = FLOORS.iter().map(|floor| (floor.0, floor.1)).collect();
    let found = workspace();
    let found: BTreeMap<&str, &str> =
        found.iter().map(|(name, (folder, _))| (name.as_str(), folder.as_str())).collect();
    assert_eq!(found, table, "the workspace (left) and the table of floors (right) name different crates");
}

#[test]
fn the_table_itself_points_down() {
    for (position, (name, _, direct)) in FLOORS.iter().enumerate() {
        for below in *direct {
            let place = FLOORS.iter().position(|floor| floor.0 == *below);
            assert!(
                place.is_some_and(|place| place < position),
                "{name} names {below}, which comes later or not at all"
            );
        }
    }
}
