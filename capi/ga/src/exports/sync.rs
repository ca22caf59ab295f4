//! Synchronisation, fences, mutexes.

use crate::fault::refuse;
use crate::guard::plain;
use std::ffi::c_int;

plain! {
    NGA_Sync, GA_Sync() = |ga| ga.groups.with(ga.groups.default(), |team| Ok(team.sync()?));
    NGA_Pgroup_sync, GA_Pgroup_sync(group: c_int) = |ga| ga.groups.with(group, |team| Ok(team.sync()?));
    // Collective operations synchronise before and after; one that wouldn't need to is no mistake.
    NGA_Mask_sync, GA_Mask_sync(_first: c_int, _last: c_int) = |_ga| Ok(());
    NGA_Init_fence, GA_Init_fence() = |ga| { ga.locks.begin_fence(); Ok(()) };
    NGA_Fence, GA_Fence() = |ga| {
        if !ga.locks.end_fence() {
            refuse!("GA_Init_fence comes first");
        }
        Ok(ga.world.fence_all()?)
    };
    GA_Create_mutexes(count: c_int) -> c_int = |ga| ga.locks.create(&ga.world, count);
    NGA_Destroy_mutexes, GA_Destroy_mutexes() -> c_int = |ga| ga.locks.destroy();
    NGA_Lock, GA_Lock(mutex: c_int) = |ga| ga.locks.lock(mutex);
    // What was done under the mutex is visible to its next holder, wherever it was done.
    NGA_Unlock, GA_Unlock(mutex: c_int) = |ga| {
        ga.world.fence_all()?;
        ga.locks.unlock(mutex)
    };
}
