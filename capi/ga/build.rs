//! Gives a shared library its name for the loader, and lists Fortran's names, for `libga` and for `libga_i4`.

use std::fmt::Write;
use std::path::Path;

include!("table.rs");

fn main() {
    let package = std::env::var("CARGO_PKG_NAME").unwrap();
    let is_short = package == "capi-ga-i4";
    let (library, integers) = if is_short { ("ga_i4", "i4") } else { ("ga", "i8") };
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../ga/src/fortran");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-changed=../ga/build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,lib{library}.so.0");
    // An alignment that doesn't make two of them longer.
    let (integer, alignment) = if is_short { ("i32", "u64") } else { ("i64", "Sixteen") };
    let mut text = format!("type Integer = {integer};\ntype Alignment = {alignment};\n");
    for Row { chapter, names, .. } in table(&folder) {
        for name in names {
            writeln!(text, "name! {{ {name} = ga_body::fortran::{chapter}::{integers}::{name} }}").unwrap();
        }
    }
    std::fs::write(Path::new(&std::env::var("OUT_DIR").unwrap()).join("names.rs"), text).unwrap();
}
