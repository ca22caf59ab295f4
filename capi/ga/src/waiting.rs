//! Non-blocking transfers that somebody has to wait for.
//!
//! Invariant: a number is given to one transfer only, so that waiting twice, or for what another thread waited for, is no mistake.

use crate::fault::Result;
use ga_core::Pending;
use std::collections::HashMap;
use std::ffi::c_long;
use std::sync::Mutex;

/// The transfers, by number, and the last number.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<(c_long, HashMap<c_long, Pending>)>);

impl Waiting {
    #[cold]
    pub(crate) fn enter(&self, pending: Pending) -> c_long {
        let mut waiting = self.0.lock().expect("no panic holds it");
        waiting.0 += 1;
        let number = waiting.0;
        waiting.1.insert(number, pending);
        number
    }

    fn leave(&self, number: c_long) -> Option<Pending> {
        self.0.lock().expect("no panic holds it").1.remove(&number)
    }

    #[cold]
    pub(crate) fn wait(&self, number: c_long) -> Result<()> {
        self.leave(number).map_or(Ok(()), |mut pending| Ok(pending.wait()?))
    }

    #[cold]
    pub(crate) fn test(&self, number: c_long) -> Result<bool> {
        let mut waiting = self.0.lock().expect("no panic holds it");
        let Some(pending) = waiting.1.get_mut(&number) else { return Ok(true) };
        let is_done = pending.test()?;
        if is_done {
            waiting.1.remove(&number);
        }
        Ok(is_done)
    }
}
