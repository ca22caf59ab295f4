//! For a library that has this one inside: `libga` starts and ends it, and shares its world.
//!
//! Invariant: there is one runtime per process, whoever started it.

pub use crate::address::{Lender, Lent};
use crate::{end, state};
use common::Group;
use rma::{Result, Team, World};

/// The world; made by `connect` if there is none. Collective unless there is one. `ARMCI_Init`.
///
/// # Errors
/// Those of `connect`, and of the memory for ARMCI's own tables.
pub fn start(connect: impl FnOnce() -> Result<World>) -> Result<World> {
    state::init(connect)?;
    Ok(state::armci()?.world.clone())
}

/// Has memory that isn't ARMCI's asked of the caller, so that ARMCI's calls work on it, too. After [`start`].
///
/// # Errors
/// There is no runtime.
pub fn ask(lender: Lender) -> Result<()> {
    state::armci()?.addresses.ask(lender);
    Ok(())
}

/// A group of ARMCI's of these world ranks; its number. Local.
///
/// # Errors
/// There is no runtime.
pub fn add_group(team: Option<Team>, members: Vec<usize>) -> Result<i32> {
    Ok(state::armci()?.groups.add(Group { team, members }))
}

/// Forgets a group; the world is the default then if that was. Local. `ARMCI_Group_free`.
///
/// # Errors
/// There is no such group, or no runtime.
pub fn free_group(group: i32) -> Result<()> {
    state::armci()?.groups.free(group)
}

/// Makes a group the default. Local. `ARMCI_Group_set_default`.
///
/// # Errors
/// As [`free_group`].
pub fn set_default_group(group: i32) -> Result<()> {
    state::armci()?.groups.set_default(group)
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
    state::finalize()
}

/// Ends the job with a message and a code, which is 1 instead of one that would look like success. `ARMCI_Error`.
pub fn abort(code: i32, message: &str) -> ! {
    end::abort(if code & 0xff == 0 { 1 } else { code }, message)
}
