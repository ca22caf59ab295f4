//! Which line of the user's program an operation was recorded at, and under which floating-point state.
//!
//! Evaluation is lazy, so what is found in it (a division by zero, an error) has to name the line that asked for it. A
//! [`Site`] is two numbers, code and position in it; it costs the language binding some 20 ns to find one, and only when
//! a value is recorded: an operation done at once never asks. Nothing of the program's is kept alive by it.
//!
//! The binding registers [`Hooks`] and runs each operation in [`on_demand`] (while a hook may be called from this
//! thread) or, having asked itself, in [`at`]. Without a binding every site is unknown and every state ignores all.

use crate::status::Policy;
use std::cell::Cell;
use std::sync::OnceLock;

/// A place in the user's program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Site(u64);

/// Where and how an operation was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The line.
    pub site: Site,
    /// What is to happen with floating-point exceptions.
    pub policy: Policy,
}

/// What a language binding knows.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// The line of the user's program that this thread is at, and its floating-point state.
    pub capture: fn() -> Origin,
    /// File and line of a site that `capture` returned. Called by any thread, without locks held.
    pub resolve: fn(Site) -> Option<(String, u32)>,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// What is known of the operation under way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// Ask the hook.
    Ask,
    /// It is in `ORIGIN`.
    All,
}

thread_local! {
    static KNOWN: Cell<Known> = const { Cell::new(Known::Nothing) };
    static ORIGIN: Cell<Origin> = const { Cell::new(Origin { site: Site::UNKNOWN, policy: Policy::IGNORE }) };
}

impl Site {
    /// A site that says nothing.
    pub const UNKNOWN: Site = Site(0);

    /// Position `offset` of the code with this number, which is not 0.
    pub fn new(code: u32, offset: u32) -> Site {
        Site(u64::from(code) << 32 | u64::from(offset))
    }

    /// Number of the code; 0 if unknown.
    pub fn code(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Position in the code.
    pub fn offset(self) -> u32 {
        self.0 as u32
    }

    /// File and line, if they are known.
    pub fn resolve(self) -> Option<(String, u32)> {
        let hooks = HOOKS.get().filter(|_| self != Site::UNKNOWN)?;
        (hooks.resolve)(self)
    }
}

/// Tell whom to ask. The first caller wins.
pub fn register(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
}

/// Puts the former state back, also when unwinding.
struct Restore(Known, Origin);

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        KNOWN.set(self.0);
        if self.0 == Known::All {
            ORIGIN.set(self.1);
        }
    }
}

#[inline]
fn remember() -> Restore {
    let known = KNOWN.get();
    Restore(known, if known == Known::All { ORIGIN.get() } else { Origin::default() })
}

/// Runs an operation that was asked for at `origin`.
#[inline]
pub fn at<R>(origin: Origin, work: impl FnOnce() -> R) -> R {
    let _restore = remember();
    ORIGIN.set(origin);
    KNOWN.set(Known::All);
    work()
}

/// Runs an operation; the hook is asked where it was asked for if that is wanted.
#[inline]
pub fn on_demand<R>(work: impl FnOnce() -> R) -> R {
    let _restore = remember();
    KNOWN.set(Known::Ask);
    work()
}

/// Where the operation under way was asked for.
#[inline]
pub fn current() -> Origin {
    match KNOWN.get() {
        Known::All => ORIGIN.get(),
        Known::Nothing => Origin::default(),
        Known::Ask => ask(),
    }
}

/// As [`current`], if that is known already.
#[inline]
pub fn known() -> Origin {
    if KNOWN.get() == Known::All { ORIGIN.get() } else { Origin::default() }
}

fn ask() -> Origin {
    let origin = HOOKS.get().map_or(Origin::default(), |hooks| (hooks.capture)());
    ORIGIN.set(origin);
    KNOWN.set(Known::All);
    origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_two_numbers_and_ends_with_its_operation() {
        let origin = Origin { site: Site::new(7, 4_000_000_000), policy: Policy::default() };
        assert_eq!((origin.site.code(), origin.site.offset()), (7, 4_000_000_000));
        at(origin, || {
            assert_eq!(current(), origin);
            at(Origin::default(), || assert_eq!(known(), Origin::default()));
            assert_eq!(known(), origin);
        });
        assert_eq!(current(), Origin::default());
        assert_eq!(origin.site.resolve(), None);
    }
}
