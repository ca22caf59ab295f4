//! For a library that has this one inside: `libga` starts and ends it, and shares its world.
//!
//! Invariant: there is one runtime per process, whoever started it.

use crate::state;
use rma::{Result, World};

/// The world; made by `connect` if there is none. Collective unless there is one. `ARMCI_Init`.
///
/// # Errors
/// Those of `connect`, and of the memory for ARMCI's own tables.
pub fn start(connect: impl FnOnce() -> Result<World>) -> Result<World> {
    state::init(connect)?;
    // SAFETY: start is called by one thread, and the world is cloned before anything else is.
    Ok(unsafe { state::armci() }?.world.clone())
}

/// Whether the runtime was started and not ended, be it by `ARMCI_Init` or by [`start`].
pub fn is_started() -> bool {
    state::is_initialized()
}

/// Ends the runtime; nothing if there is none. Collective. `ARMCI_Finalize`.
///
/// # Errors
/// A rank that died.
pub fn end() -> Result<()> {
    if !is_started() {
        return Ok(());
    }
    // SAFETY: as with ARMCI_Finalize, no other thread is inside the library.
    state::finalize(unsafe { state::armci() }?)
}

/// Ends the job with a message and a code, which is 1 instead of one that would look like success. `ARMCI_Error`.
pub fn abort(code: i32, message: &str) -> ! {
    crate::guard::abort(if code & 0xff == 0 { 1 } else { code }, message)
}
