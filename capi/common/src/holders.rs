//! Which threads of this process hold which mutexes.
//!
//! To other ranks a process holds a mutex, whichever of its threads asked. Here its threads are told apart: one that wants what another one has
//! waits until that gives it back, and asks the owner then.
//!
//! Invariant: a mutex is listed from before this process asks for it to after it gave it back, under one thread.

use crate::thread::thread;
use rma::{Error, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A mutex by owner and number, and who has it.
type Held = ([usize; 2], usize);

/// Those that are held, or waited for.
#[derive(Debug)]
pub struct Holders {
    held: Mutex<Vec<Held>>,
    released: Condvar,
}

impl Holders {
    /// Nobody.
    #[allow(clippy::new_without_default)] // for statics
    pub const fn new() -> Holders {
        Holders { held: Mutex::new(Vec::new()), released: Condvar::new() }
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, mutex: [usize; 2]) {
        self.held().retain(|held| held.0 != mutex);
        self.released.notify_all();
    }

    /// Has this thread take a mutex by `take`, once no other thread of the process has it.
    ///
    /// # Errors
    /// `Foreign` when this thread has it already; those of `take`, after which it hasn't.
    pub fn lock<E: From<Error>>(
        &self,
        mutex: [usize; 2],
        take: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let me = thread();
        let mut held = self.held();
        while let Some((_, holder)) = held.iter().find(|held| held.0 == mutex) {
            if *holder == me {
                let message = format!("mutex {} is held by this rank already", mutex[1]);
                return Err(Error::at(ErrorKind::Foreign, "lock", mutex[0], message).into());
            }
            held = self.released.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.push((mutex, me));
        drop(held);
        take().inspect_err(|_| self.forget(mutex))
    }

    /// Has this thread take a mutex by `take`, which says whether it could; false if another thread of the process has it.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn try_lock<E>(&self, mutex: [usize; 2], take: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
        let mut held = self.held();
        if held.iter().any(|held| held.0 == mutex) {
            return Ok(false);
        }
        held.push((mutex, thread()));
        drop(held);
        let outcome = take();
        if !matches!(outcome, Ok(true)) {
            self.forget(mutex);
        }
        outcome
    }

    /// Gives a mutex back by `give`.
    ///
    /// # Errors
    /// Those of `give`.
    pub fn unlock<E>(&self, mutex: [usize; 2], give: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        give()?;
        self.forget(mutex);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Holders;
    use rma::Error;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn threads_take_turns() {
        let (holders, is_taken) = (Holders::new(), AtomicBool::new(false));
        let mut count = 0;
        let counter = &mut count as *mut i32 as usize;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let take = || -> Result<(), Error> {
                            assert!(!is_taken.swap(true, Ordering::Relaxed));
                            Ok(())
                        };
                        holders.lock([1, 2], take).unwrap();
                        assert!(holders.lock([1, 2], take).is_err());
                        // SAFETY: one thread at a time is here, which is what is tested.
                        unsafe { *(counter as *mut i32) += 1 };
                        let give = || -> Result<(), Error> {
                            is_taken.store(false, Ordering::Relaxed);
                            Ok(())
                        };
                        holders.unlock([1, 2], give).unwrap();
                    }
                });
            }
        });
        assert_eq!(count, 2000);
        assert!(holders.try_lock([1, 2], || Ok::<_, Error>(false)).is_ok_and(|had| !had));
        assert!(holders.try_lock([1, 2], || Ok::<_, Error>(true)).is_ok_and(|had| had));
        assert!(holders.try_lock([1, 2], || Ok::<_, Error>(true)).is_ok_and(|had| !had));
    }
}
