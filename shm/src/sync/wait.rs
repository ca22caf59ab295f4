//! The wait engine: every blocking wait of this crate goes through [`wait_until`] or its futex form.
//!
//! Invariant: no wait spins without bound. A wait passes through three phases: processor pauses (skipped
//! where ranks share cores), `sched_yield`, then sleeping. Entering the third it is *slow*: only then does
//! the [`WaitHook`] hear of it, so a fast wait costs nothing but its own condition.

use crate::atomic::{spin_loop, yield_now};
use crate::os::{clock_ns, nap};
use std::time::Duration;

/// How often a slow wait calls its hook, at least.
const HOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Turns of a crank that always finds something to do, before the hook is heard again: some tens of milliseconds.
const MOST_TURNS: u32 = 20_000;

/// What the floor above does while a wait lasts.
pub trait WaitHook {
    /// Called when a wait turns slow (spinning and yielding did not help) and then at least every 100 ms;
    /// `waited` counts from the moment it turned slow. An error ends the wait.
    fn on_slow(&self, waited: Duration) -> Result<(), WaitError>;

    /// Called once when a wait that had turned slow is over, whatever the outcome.
    fn on_end(&self) {}

    /// Whether the process that took a lock as `owner` (see [`WaitContext::me`]) is gone.
    fn is_dead(&self, owner: u32) -> bool {
        let _ = owner;
        false
    }

    /// What has to be moved on while this process waits, if anything has. Asked once per wait that isn't over at once.
    fn crank(&self) -> Option<&dyn Crank> {
        None
    }
}

/// Something that a waiting process keeps in motion, like its side of a network.
pub trait Crank {
    /// Moves it on a little. Called between two looks at the condition. Returns whether anything happened: then the wait goes on
    /// spinning, as more may come.
    fn turn(&self) -> bool;

    /// The longest sleep without a turn; `None` if somebody else turns it meanwhile.
    fn longest_sleep(&self) -> Option<Duration>;
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
    /// Everybody has a core. Yielding harms nobody then and a sleeper takes tens of microseconds to wake, so
    /// it goes on for longer.
    pub const DEDICATED: SpinPolicy = SpinPolicy { spins: 200, yields: 256 };
    /// More waiters than cores: never spin, the one waited for may need this core.
    pub const SHARED: SpinPolicy = SpinPolicy { spins: 0, yields: 64 };
}

/// Who waits and how; made on the stack for each blocking call.
#[derive(Clone, Copy)]
pub struct WaitContext<'a> {
    /// What to do meanwhile.
    pub hook: &'a dyn WaitHook,
    /// Recorded as owner in locks: any number below 2^30 that [`WaitHook::is_dead`] understands, usually the
    /// rank.
    pub me: u32,
    /// When to stop spinning.
    pub policy: SpinPolicy,
}

impl std::fmt::Debug for WaitContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitContext")
            .field("me", &self.me)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Waits until `ready()` holds: spins, yields, then sleeps for short times (50 µs growing to 1 ms). For
/// conditions whose writer rings no bell; the types of this module sleep on the word itself.
#[inline]
pub fn wait_until(ctx: &WaitContext<'_>, ready: impl FnMut() -> bool) -> Result<(), WaitError> {
    let mut pause = Duration::from_micros(50);
    wait_with(ctx, ready, move |longest| {
        nap(pause.min(longest));
        pause = (pause * 2).min(Duration::from_millis(1));
    })
}

/// [`wait_until`] with the caller's way to sleep: at most as long as told, ended early by whoever makes
/// `ready` true.
#[inline]
pub fn wait_with(
    ctx: &WaitContext<'_>,
    mut ready: impl FnMut() -> bool,
    sleep: impl FnMut(Duration),
) -> Result<(), WaitError> {
    if ready() {
        return Ok(());
    }
    wait_longer(ctx, ready, sleep)
}

#[cold]
#[inline(never)]
fn wait_longer(
    ctx: &WaitContext<'_>,
    mut ready: impl FnMut() -> bool,
    mut sleep: impl FnMut(Duration),
) -> Result<(), WaitError> {
    let crank = ctx.hook.crank();
    if spin(ctx.policy, crank, &mut ready) {
        return Ok(());
    }
    let longest = crank.and_then(Crank::longest_sleep).unwrap_or(HOOK_INTERVAL);
    let _end = EndOfWait(ctx.hook);
    let began = clock_ns();
    let mut waited = Duration::ZERO;
    loop {
        ctx.hook.on_slow(waited)?;
        let next_call = waited + HOOK_INTERVAL;
        while waited < next_call {
            sleep(longest.min(next_call - waited));
            // What ended the sleep of a crank's wait may be a message, and the next one close behind it.
            if ready() || crank.is_some() && spin(ctx.policy, crank, &mut ready) {
                return Ok(());
            }
            waited = Duration::from_nanos(clock_ns() - began);
        }
    }
}

/// Pauses, then yields, until `ready()` holds or nothing has happened for as long as the policy says.
fn spin(policy: SpinPolicy, crank: Option<&dyn Crank>, ready: &mut impl FnMut() -> bool) -> bool {
    let mut idle = 0;
    for _ in 0..MOST_TURNS {
        if idle < policy.spins {
            spin_loop();
        } else if idle < policy.spins + policy.yields {
            yield_now();
        } else {
            return false;
        }
        idle += 1;
        if crank.is_some_and(Crank::turn) {
            idle = 0;
        }
        if ready() {
            return true;
        }
    }
    false
}

/// Tells the hook that the wait is over, also when the wait ends by an error or a panic.
struct EndOfWait<'a>(&'a dyn WaitHook);

impl Drop for EndOfWait<'_> {
    fn drop(&mut self) {
        self.0.on_end();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    struct Recorder {
        calls: RefCell<Vec<Duration>>,
        ends: Cell<u32>,
        stop_after: usize,
    }

    impl WaitHook for Recorder {
        fn on_slow(&self, waited: Duration) -> Result<(), WaitError> {
            self.calls.borrow_mut().push(waited);
            if self.calls.borrow().len() > self.stop_after {
                return Err(WaitError::Interrupted { code: 7 });
            }
            Ok(())
        }
        fn on_end(&self) {
            self.ends.set(self.ends.get() + 1);
        }
    }

    fn recorder(stop_after: usize) -> Recorder {
        Recorder { calls: RefCell::default(), ends: Cell::new(0), stop_after }
    }

    #[test]
    fn a_ready_wait_never_calls_the_hook() {
        let hook = recorder(0);
        let ctx = WaitContext { hook: &hook, me: 0, policy: SpinPolicy::DEDICATED };
        let mut polls = 0;
        let ready = || {
            polls += 1;
            polls > 100
        };
        assert_eq!(wait_until(&ctx, ready), Ok(()));
        assert_eq!((hook.calls.borrow().len(), hook.ends.get()), (0, 0));
    }

    /// A hook whose crank has to be turned a thousand times.
    struct Cranked(Cell<u32>);

    impl WaitHook for Cranked {
        fn on_slow(&self, _waited: Duration) -> Result<(), WaitError> {
            Ok(())
        }
        fn crank(&self) -> Option<&dyn Crank> {
            Some(self)
        }
    }

    impl Crank for Cranked {
        fn turn(&self) -> bool {
            self.0.set(self.0.get() + 1);
            false
        }
        fn longest_sleep(&self) -> Option<Duration> {
            Some(Duration::from_micros(20))
        }
    }

    #[test]
    fn a_crank_is_turned_in_every_phase() {
        for policy in [SpinPolicy::DEDICATED, SpinPolicy::SHARED] {
            let hook = Cranked(Cell::new(0));
            let ctx = WaitContext { hook: &hook, me: 0, policy };
            assert_eq!(wait_until(&ctx, || hook.0.get() >= 1000), Ok(()));
        }
    }

    #[test]
    fn a_slow_wait_calls_the_hook_every_100_ms_until_it_objects() {
        let hook = recorder(3);
        let ctx = WaitContext { hook: &hook, me: 0, policy: SpinPolicy::SHARED };
        assert_eq!(wait_until(&ctx, || false), Err(WaitError::Interrupted { code: 7 }));
        let calls = hook.calls.borrow();
        assert_eq!((calls.len(), hook.ends.get(), calls[0]), (4, 1, Duration::ZERO));
        for pair in calls.windows(2) {
            let gap = pair[1] - pair[0];
            // Not much more either, but a loaded machine may take its time.
            assert!(gap >= HOOK_INTERVAL && gap < HOOK_INTERVAL * 50, "{gap:?}");
        }
    }
}
