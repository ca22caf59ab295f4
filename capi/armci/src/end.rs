//! How a job ends in the middle of a call.
//!
//! Invariant: the world is the same from the first start on, whatever ended since.

use rma::World;
use std::ffi::c_int;
use std::sync::OnceLock;

static WORLD: OnceLock<World> = OnceLock::new();

/// The world whose job it is.
pub(crate) fn belongs_to(world: &World) {
    let _ = WORLD.set(world.clone());
}

/// Ends the job with a message; without one, this process.
#[cold]
pub(crate) fn abort(code: c_int, message: &str) -> ! {
    let code = if code == 0 { 1 } else { code };
    if let Some(world) = WORLD.get() {
        world.abort(code, message);
    }
    eprintln!("{message}");
    std::process::exit(code)
}
