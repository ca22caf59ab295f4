//! An agent of the launcher for the hosts of a rig, where a test has no executable of its own to offer. Something else in its
//! process prints now and then, as libraries and test harnesses do; that must not get between what the agent says.

use std::io::Write;
use std::time::Duration;

fn main() {
    std::thread::spawn(|| {
        loop {
            let _ = writeln!(std::io::stdout(), "something else");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    std::process::exit(launcher::agent());
}
