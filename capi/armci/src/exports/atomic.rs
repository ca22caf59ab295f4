//! Read-modify-write, mutexes, notifications.

use crate::address::at;
use crate::guard::call;
use crate::mutexes::Mutexes;
use crate::state::Armci;
use common::exports;
use rma::{Error, ErrorKind, Result};
use std::ffi::{c_int, c_long, c_void};

impl Armci {
    /// # Safety
    /// `local` may be read and written as the operation's integer.
    #[inline(always)]
    unsafe fn rmw(
        &self,
        op: c_int,
        local: *mut c_void,
        remote: *const c_void,
        extra: c_int,
        proc: c_int,
    ) -> Result<c_int> {
        let (int, long) = (local.cast::<c_int>(), local.cast::<c_long>());
        at!(self.addresses, proc, remote, |segment, rank, offset| {
            // SAFETY: the caller's promise.
            unsafe {
                match op {
                    10 => int.write(segment.swap(rank, offset, int.read())?),
                    11 => long.write(segment.swap(rank, offset, long.read())?),
                    12 => int.write(segment.fetch_add(rank, offset, extra)?),
                    13 => long.write(segment.fetch_add(rank, offset, c_long::from(extra))?),
                    _ => {
                        let message =
                            format!("{op} is none of ARMCI_SWAP, ARMCI_FETCH_AND_ADD and their _LONG");
                        return Err(Error::new(ErrorKind::Type, "rmw", message));
                    }
                }
            }
            Ok(0)
        })
    }

    fn create_mutexes(&self, count: c_int) -> Result<c_int> {
        if self.mutexes.get().is_some() {
            return Err(Error::new(ErrorKind::Foreign, "mutex", "there are mutexes already"));
        }
        self.mutexes.put(Mutexes::create(self.world.team(), count.max(0) as usize)?);
        Ok(0)
    }

    fn mutex_set(&self) -> Result<&Mutexes> {
        self.mutexes.get().ok_or_else(no_mutexes)
    }

    fn destroy_mutexes(&self) -> Result<c_int> {
        // SAFETY: who destroys mutexes has no thread that uses them.
        unsafe { self.mutexes.take() }.ok_or_else(no_mutexes)?.free()?;
        Ok(0)
    }

    fn lock(&self, mutex: c_int, proc: c_int) -> Result<()> {
        self.mutex_set()?.lock(proc as usize, mutex as usize)
    }

    /// What was done under the mutex is visible to its next holder, wherever it was done.
    fn unlock(&self, mutex: c_int, proc: c_int) -> Result<()> {
        self.world.fence_all()?;
        self.mutex_set()?.unlock(proc as usize, mutex as usize)
    }
}

#[cold]
fn no_mutexes() -> Error {
    Error::new(ErrorKind::Foreign, "mutex", "there are no mutexes")
}

exports! {
    call;
    PARMCI_Rmw, ARMCI_Rmw(op: c_int, local: *mut c_void, remote: *mut c_void, extra: c_int, proc: c_int) -> c_int =
        |armci| armci.rmw(op, local, remote, extra, proc);
    PARMCI_Create_mutexes, ARMCI_Create_mutexes(count: c_int) -> c_int = |armci| armci.create_mutexes(count);
    PARMCI_Destroy_mutexes, ARMCI_Destroy_mutexes() -> c_int = |armci| armci.destroy_mutexes();
    PARMCI_Lock, ARMCI_Lock(mutex: c_int, proc: c_int) = |armci| armci.lock(mutex, proc);
    PARMCI_Unlock, ARMCI_Unlock(mutex: c_int, proc: c_int) = |armci| armci.unlock(mutex, proc);
    parmci_notify, armci_notify(proc: c_int) -> c_int = |armci| Ok(armci.notes.notify(armci.rank(proc)?)? as c_int);
    parmci_notify_wait, armci_notify_wait(proc: c_int, number: *mut c_int) -> c_int = |armci| {
        let (mine, there) = armci.notes.wait(armci.rank(proc)?)?;
        if !number.is_null() {
            number.write(mine as c_int);
        }
        Ok(there as c_int)
    };
}
