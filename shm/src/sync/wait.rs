//! The wait engine.

use std::time::Duration;

/// What the floor above does while a wait lasts.
pub trait WaitHook {
    /// Called when a wait turns slow (spinning and yielding did not help) and then at least every 100 ms; `waited` counts
    /// from the moment it turned slow. An error ends the wait.
    fn on_slow(&self, waited: Duration) -> Result<(), WaitError>;

    /// Called once when a wait that had turned slow is over, whatever the outcome.
    fn on_end(&self) {}

    /// Whether the process that took a lock as `owner` (see [`WaitContext::me`]) is gone.
    fn is_dead(&self, owner: u32) -> bool {
        let _ = owner;
        false
    }
}

/// A hook that does nothing: waits for ever.
#[derive(Clone, Copy, Debug)]
pub struct NoHook;

impl WaitHook for NoHook {
    fn on_slow(&self, _waited: Duration) -> Result<(), WaitError> {
        Ok(())
    }
}

/// Why a wait ended without its condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitError {
    /// The process that holds the lock died; the lock stays taken.
    OwnerDied {
        /// Owner as recorded in the lock.
        owner: u32,
    },
    /// The hook ended the wait, with its own number.
    Interrupted {
        /// The hook's reason.
        code: i32,
    },
}

impl std::fmt::Display for WaitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WaitError::OwnerDied { owner } => write!(f, "rank {owner} died holding the lock"),
            WaitError::Interrupted { code } => write!(f, "wait interrupted (code {code})"),
        }
    }
}

impl std::error::Error for WaitError {}

/// How long to spin and to yield before sleeping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpinPolicy {
    /// Processor pauses.
    pub spins: u32,
    /// Calls of `sched_yield` after that.
    pub yields: u32,
}

impl SpinPolicy {
    /// Everybody has a core.
    pub const DEDICATED: SpinPolicy = SpinPolicy { spins: 200, yields: 64 };
    /// More waiters than cores: never spin.
    pub const SHARED: SpinPolicy = SpinPolicy { spins: 0, yields: 64 };
}

/// Who waits and how; made on the stack for each blocking call (three words).
#[derive(Clone, Copy)]
pub struct WaitContext<'a> {
    /// What to do meanwhile.
    pub hook: &'a dyn WaitHook,
    /// Recorded as owner in locks: any number below 2^30 that [`WaitHook::is_dead`] understands, usually the rank.
    pub me: u32,
    /// When to stop spinning.
    pub policy: SpinPolicy,
}

/// Waits until `ready()` holds: spins, yields, then sleeps for short times (50 µs growing to 1 ms). For conditions whose
/// writer rings no bell; the types of this module sleep on the word itself.
pub fn wait_until(ctx: &WaitContext<'_>, ready: impl FnMut() -> bool) -> Result<(), WaitError> {
    let _ = (ctx, ready);
    todo!()
}
