//! Synchronisation, fences, mutexes.
//!
//! Invariant: `fences` counts the calls of `GA_Init_fence` that no `GA_Fence` has answered; there is one set of mutexes at most.

use crate::fault::{Fault, Result, refuse};
use crate::guard::exported;
use crate::state::State;
use ga_core::{ErrorKind, Mutexes};
use std::ffi::c_int;
use std::sync::RwLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// What is locked and what is fenced.
#[derive(Default)]
pub(crate) struct Locks {
    fences: AtomicI32,
    set: RwLock<Option<Mutexes>>,
}

impl State {
    /// Collective over the world.
    fn create_mutexes(&self, count: c_int) -> Result<c_int> {
        let mut set = self.locks.set.write().expect("no panic holds it");
        if set.is_some() {
            refuse!("there are mutexes already");
        }
        let Ok(count) = usize::try_from(count) else { refuse!("{count} mutexes") };
        match Mutexes::create(&self.world.team(), count) {
            Ok(made) => *set = Some(made),
            Err(error) if error.kind() == ErrorKind::Memory => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        Ok(1)
    }

    /// Collective over the world.
    fn destroy_mutexes(&self) -> Result<c_int> {
        match self.locks.set.write().expect("no panic holds it").take() {
            Some(set) => set.destroy()?,
            None => refuse!("there are no mutexes"),
        }
        Ok(1)
    }

    #[inline(always)]
    fn with_mutex(
        &self,
        mutex: c_int,
        act: impl FnOnce(&Mutexes, usize) -> ga_core::Result<()>,
    ) -> Result<()> {
        let set = self.locks.set.read().expect("no panic holds it");
        match &*set {
            Some(set) if (mutex as u32 as usize) < set.count() => Ok(act(set, mutex as usize)?),
            _ => Err(no_mutex(mutex, set.as_ref().map_or(0, Mutexes::count))),
        }
    }
}

#[cold]
fn no_mutex(mutex: c_int, count: usize) -> Fault {
    Fault::new(format_args!("mutex {mutex} of {count}"))
}

exported! {
    NGA_Sync, GA_Sync() = |ga| ga.groups.with(ga.groups.default(), |team| Ok(team.sync()?));
    NGA_Pgroup_sync, GA_Pgroup_sync(group: c_int) = |ga| ga.groups.with(group, |team| Ok(team.sync()?));
    // Collective operations synchronise before and after; one that wouldn't need to is no mistake.
    NGA_Mask_sync, GA_Mask_sync(_first: c_int, _last: c_int) = |_ga| Ok(());
    NGA_Init_fence, GA_Init_fence() = |ga| { ga.locks.fences.fetch_add(1, Ordering::Relaxed); Ok(()) };
    NGA_Fence, GA_Fence() = |ga| {
        if ga.locks.fences.fetch_sub(1, Ordering::Relaxed) < 1 {
            refuse!("GA_Init_fence comes first");
        }
        Ok(ga.world.fence_all()?)
    };
    GA_Create_mutexes(count: c_int) -> c_int = |ga| ga.create_mutexes(count);
    NGA_Destroy_mutexes, GA_Destroy_mutexes() -> c_int = |ga| ga.destroy_mutexes();
    NGA_Lock, GA_Lock(mutex: c_int) = |ga| ga.with_mutex(mutex, |set, number| set.lock(number));
    // What was done under the mutex is visible to its next holder, wherever it was done.
    NGA_Unlock, GA_Unlock(mutex: c_int) = |ga| {
        ga.world.fence_all()?;
        ga.with_mutex(mutex, |set, number| set.unlock(number))
    };
}
