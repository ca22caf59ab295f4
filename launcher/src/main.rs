//! The command `gain`.
fn main() {}
