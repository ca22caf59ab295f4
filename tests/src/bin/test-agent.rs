//! An agent of the launcher for the hosts of a rig, where a test has no executable of its own to offer.

fn main() {
    std::process::exit(launcher::agent());
}
