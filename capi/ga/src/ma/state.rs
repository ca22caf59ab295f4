//! The one arena of the process, the switches of MA, and what an error does.
//!
//! Invariant: whoever holds the lock has the whole of it; no function of the program is called under the lock.

use super::arena::{Arena, Block};
use armci::host;
use std::ffi::{CString, c_char, c_int, c_long};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A function of the program's that ends it.
pub(super) type Terminate = unsafe extern "C" fn(*const c_char, c_int);

/// So many functions are counted at most.
pub(super) const MOST_FUNCTIONS: usize = 64;

/// Everything MA knows.
pub(crate) struct State {
    pub(crate) arena: Option<Arena>,
    pub(crate) does_verify: bool,
    pub(crate) prints_errors: bool,
    pub(crate) fails_hard: bool,
    pub(crate) traces: bool,
    pub(crate) numalign: u32,
    pub(super) terminate: Option<Terminate>,
    /// By function.
    pub(super) calls: [u64; MOST_FUNCTIONS],
}

/// What went wrong, and whether the program can go on.
pub(crate) struct Failure {
    message: String,
    is_fatal: bool,
}

/// A result of MA's functions.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A mistake that a program may survive.
pub(crate) fn mistake<T>(message: impl Into<String>) -> Result<T> {
    Err(Failure { message: message.into(), is_fatal: false })
}

/// One that it may not.
pub(super) fn fatal<T>(message: impl Into<String>) -> Result<T> {
    Err(Failure { message: message.into(), is_fatal: true })
}

static STATE: Mutex<State> = Mutex::new(State {
    arena: None,
    does_verify: false,
    prints_errors: true,
    fails_hard: false,
    traces: false,
    numalign: 0,
    terminate: None,
    calls: [0; MOST_FUNCTIONS],
});

/// The state, locked.
pub(super) fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The arena, once there is one.
    pub(crate) fn arena(&mut self) -> Result<&mut Arena> {
        self.arena.as_mut().map_or_else(|| mistake("called before MA_init"), Ok)
    }

    /// A live block whose guards are whole.
    pub(super) fn block(&mut self, handle: c_long) -> Result<Block> {
        let arena = self.arena()?;
        let Some(block) = arena.block(handle) else {
            return mistake(format!("{handle} is the handle of no block"));
        };
        match arena.damage(block).text() {
            None => Ok(*block),
            Some(text) => mistake(format!("block '{}' (handle {handle}): {text}", block.name.text())),
        }
    }

    /// The same, in the heap or in the stack.
    pub(super) fn block_of(&mut self, handle: c_long, is_heap: bool) -> Result<Block> {
        let block = self.block(handle)?;
        if block.is_heap != is_heap {
            let region = if is_heap { "heap" } else { "stack" };
            return mistake(format!(
                "block '{}' (handle {handle}) is not in the {region}",
                block.name.text()
            ));
        }
        Ok(block)
    }

    /// Looks at all guards; a table of what is wrong.
    pub(super) fn verify(&self) -> std::result::Result<(), String> {
        let Some(arena) = &self.arena else { return Ok(()) };
        let mut text = String::new();
        for (handle, block) in arena.blocks() {
            if let Some(damage) = arena.damage(block).text() {
                let region = if block.is_heap { "heap" } else { "stack" };
                let _ =
                    write!(text, "\n  {region} block '{}' (handle {handle}): {damage}", block.name.text());
            }
        }
        if text.is_empty() { Ok(()) } else { Err(text) }
    }
}

/// Runs one of MA's functions; `failed` is what it returns when it can't.
#[inline]
pub(crate) fn call<R>(
    (name, function): (&'static str, usize),
    failed: R,
    body: impl FnOnce(&mut State) -> Result<R>,
) -> R {
    let (failure, prints, hard, terminate) = {
        let mut state = state();
        state.calls[function] += 1;
        let damage =
            if state.does_verify && !name.starts_with("ma_set_error") { state.verify().err() } else { None };
        let result = match damage {
            Some(text) => mistake(text),
            None => body(&mut state),
        };
        match result {
            Ok(value) => return value,
            Err(failure) => (failure, state.prints_errors, state.fails_hard, state.terminate),
        }
    };
    complain(name, &failure, prints, hard, terminate);
    failed
}

/// Says what went wrong, and ends the program if it can't go on.
#[cold]
fn complain(name: &str, failure: &Failure, prints: bool, hard: bool, terminate: Option<Terminate>) {
    let ends = failure.is_fatal || hard;
    let message = format!("MA: {name}: {}", failure.message);
    if let Some(terminate) = terminate.filter(|_| ends) {
        eprintln!("{message}");
        // SAFETY: the program told us to call it so, with a text and a code.
        unsafe { terminate(c"MA: cannot go on".as_ptr(), 0) };
    }
    if ends {
        host::abort(1, &message);
    }
    if prints {
        eprintln!("{message}");
    }
}

/// Prints through the C library, whose buffer the program's own output goes through.
pub(super) fn print(text: &str) {
    if let Ok(text) = CString::new(text) {
        // SAFETY: terminated texts, and the format takes one.
        unsafe { libc::printf(c"%s".as_ptr(), text.as_ptr()) };
    }
}
