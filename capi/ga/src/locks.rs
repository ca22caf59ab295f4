//! Mutexes and fences.
//!
//! Invariant: `fences` counts the calls of `GA_Init_fence` that no `GA_Fence` has answered; there is one set of mutexes at most. To other ranks this
//! process has a mutex, here one of its threads.

use crate::fault::{Fault, Result, refuse};
use common::{Holders, Installed};
use ga_core::{ErrorKind, Mutexes};
use rma::World;
use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

/// What is locked and what is fenced.
pub(crate) struct Locks {
    fences: AtomicI32,
    set: Installed<(Mutexes, Holders)>,
}

impl Locks {
    pub(crate) fn new() -> Locks {
        Locks { fences: AtomicI32::new(0), set: Installed::new() }
    }

    pub(crate) fn begin_fence(&self) {
        self.fences.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a fence has begun, which has ended then.
    pub(crate) fn end_fence(&self) -> bool {
        self.fences.fetch_sub(1, Ordering::Relaxed) > 0
    }

    /// Collective over the world. 0 if there is no memory on some rank.
    pub(crate) fn create(&self, world: &World, count: c_int) -> Result<c_int> {
        if self.set.get().is_some() {
            refuse!("there are mutexes already");
        }
        let Ok(count) = usize::try_from(count) else { refuse!("{count} mutexes") };
        match Mutexes::create(&world.team(), count) {
            Ok(made) => self.set.put((made, Holders::new())),
            Err(error) if error.kind() == ErrorKind::Memory => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        Ok(1)
    }

    /// Collective over the world.
    pub(crate) fn destroy(&self) -> Result<c_int> {
        // SAFETY: who destroys mutexes has no thread that uses them.
        match unsafe { self.set.take() } {
            Some((set, _)) => set.destroy()?,
            None => refuse!("there are no mutexes"),
        }
        Ok(1)
    }

    pub(crate) fn lock(&self, mutex: c_int) -> Result<()> {
        self.with(mutex, |set, holders, number| holders.lock([0, number], || Ok(set.lock(number)?)))
    }

    pub(crate) fn unlock(&self, mutex: c_int) -> Result<()> {
        self.with(mutex, |set, holders, number| holders.unlock([0, number], || Ok(set.unlock(number)?)))
    }

    #[inline(always)]
    fn with(&self, mutex: c_int, act: impl FnOnce(&Mutexes, &Holders, usize) -> Result<()>) -> Result<()> {
        match self.set.get() {
            Some((set, holders)) if (mutex as u32 as usize) < set.count() => {
                act(set, holders, mutex as usize)
            }
            set => Err(no_mutex(mutex, set.map_or(0, |(set, _)| set.count()))),
        }
    }
}

#[cold]
fn no_mutex(mutex: c_int, count: usize) -> Fault {
    Fault::new(format_args!("mutex {mutex} of {count}"))
}
