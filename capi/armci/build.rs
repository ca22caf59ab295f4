//! Gives the shared library its name for the loader.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Not `rustc-cdylib-link-arg`, which cargo hands on to libga; in the link of a test's executable the option means nothing.
    println!("cargo:rustc-link-arg=-Wl,-soname,libarmci.so.0");
}
