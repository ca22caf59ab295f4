//! Whose turn it is: one thread of the process at a time records, decides and runs.
//!
//! Recording looks at what variables hold now, and a pass overwrites a buffer in place when nobody else needs it. Both
//! are decisions on what was just looked at, so the whole of an operation is one *turn*: while it lasts no other
//! thread of this process gives a variable another value, refers to one anew, or runs a pass. Only handles may be
//! cloned and dropped meanwhile. A drop makes a value less needed, which at worst costs a chance to write in place;
//! and whatever the dropped handle's thread read through it, it read in a turn of its own, which has ended.
//!
//! Every operation takes the turn first, so that a thread without it waits here. Operations are made of operations:
//! who has the turn has it again. It says nothing of other ranks: there all threads of a rank together must call in
//! the same order as on every other rank.
//!
//! | field | written by | meaning |
//! | --- | --- | --- |
//! | `state` | takers, the holder | 0 free; 1 taken; 2 taken, and a thread may sleep. Acquire on taking, release on giving up |
//! | `queue` | who sleeps or wakes | its mutex is held from setting `state` to 2 until asleep, so that no wake-up is missed |
//!
//! Who forks takes the turn before and gives it up afterwards, on both sides ([`super::hold`], [`release`]), so that nothing is half done in
//! the child.

use crate::lock;
use rma::fork::PerProcess;
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const AWAITED: u32 = 2;

struct Lock {
    state: AtomicU32,
    queue: PerProcess<Queue>,
}

#[derive(Default)]
struct Queue {
    sleepers: Mutex<()>,
    wake: Condvar,
}

static LOCK: Lock = Lock { state: AtomicU32::new(FREE), queue: PerProcess::new() };

thread_local! {
    static MINE: Cell<bool> = const { Cell::new(false) };
    /// The turn was taken by [`hold`].
    static HELD: Cell<bool> = const { Cell::new(false) };
}

impl Lock {
    #[inline]
    fn is_taken_at_once(&self) -> bool {
        self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn queue(&self) -> &'static Queue {
        self.queue.get_or_init(Queue::default)
    }

    #[cold]
    fn wait(&self) {
        let queue = self.queue();
        let mut asleep = lock(&queue.sleepers);
        while self.state.swap(AWAITED, Ordering::Acquire) != FREE {
            asleep = queue.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether it was had before the time was over.
    #[cold]
    fn wait_for(&self, time: Duration) -> bool {
        let (queue, end) = (self.queue(), Instant::now() + time);
        let mut asleep = lock(&queue.sleepers);
        while self.state.swap(AWAITED, Ordering::Acquire) != FREE {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            asleep = queue.wake.wait_timeout(asleep, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    #[inline]
    fn give_up(&self) {
        if self.state.swap(FREE, Ordering::Release) == AWAITED {
            let queue = self.queue();
            drop(lock(&queue.sleepers));
            queue.wake.notify_one();
        }
    }
}

/// The turn, until dropped. Stays in the thread that took it.
pub(crate) struct Turn {
    is_outermost: bool,
    _here: PhantomData<*const ()>,
}

impl Turn {
    fn new(is_outermost: bool) -> Turn {
        if is_outermost {
            MINE.set(true);
        }
        Turn { is_outermost, _here: PhantomData }
    }

    /// Waits for it.
    #[inline]
    pub(super) fn wait() -> Turn {
        let is_outermost = !MINE.get();
        if is_outermost && !LOCK.is_taken_at_once() {
            LOCK.wait();
        }
        Turn::new(is_outermost)
    }

    fn if_free() -> Option<Turn> {
        let is_outermost = !MINE.get();
        (!is_outermost || LOCK.is_taken_at_once()).then(|| Turn::new(is_outermost))
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        if self.is_outermost {
            MINE.set(false);
            LOCK.give_up();
        }
    }
}

/// Runs several operations as one, which no other thread's come between. Not collective by itself.
///
/// Operations wait for each other by themselves; this is for a group of them, and for who must know that none of them
/// will wait.
pub fn in_turn<R>(work: impl FnOnce() -> R) -> R {
    let _turn = Turn::wait();
    work()
}

/// As [`in_turn`], unless another thread is at work: then `work` comes back unused. For threads that must not wait while
/// they hold something else.
///
/// # Errors
/// `work` itself.
pub fn if_free<R, W: FnOnce() -> R>(work: W) -> std::result::Result<R, W> {
    match Turn::if_free() {
        Some(_turn) => Ok(work()),
        None => Err(work),
    }
}

/// Takes the turn until [`release`], in the same thread; with `patience` waits no longer than that.
pub(super) fn hold(patience: Option<Duration>) {
    if MINE.get() {
        return;
    }
    if !LOCK.is_taken_at_once() {
        match patience {
            Some(patience) if !LOCK.wait_for(patience) => return,
            Some(_) => {}
            None => LOCK.wait(),
        }
    }
    HELD.set(true);
    MINE.set(true);
}

/// Gives up what [`hold`](super::hold) took, if it did.
pub fn release() {
    if HELD.replace(false) {
        MINE.set(false);
        LOCK.give_up();
    }
}

/// In a forked child, where no other thread is: only this one may still have the turn. Whether another one had it.
pub(super) fn renew() -> bool {
    let is_mine = MINE.get();
    LOCK.state.swap(if is_mine { TAKEN } else { FREE }, Ordering::Relaxed) != FREE && !is_mine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_within_a_turn_ends_with_the_outer_one() {
        let others = || std::thread::scope(|s| s.spawn(|| if_free(|| ()).is_ok()).join().unwrap());
        in_turn(|| {
            in_turn(|| ());
            assert!(if_free(|| ()).is_ok() && !others());
        });
        // Would wait for ever if this thread still had it.
        std::thread::scope(|s| s.spawn(|| in_turn(|| ())).join().unwrap());
    }

    #[test]
    fn threads_exclude_one_another() {
        let mut count = 0u64;
        let shared = Mutex::new(&mut count);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..20_000 {
                        // Not a wait of the mutex: it must be free in a turn.
                        in_turn(|| **shared.try_lock().expect("only one thread is here") += 1);
                    }
                });
            }
        });
        assert_eq!(count, 80_000);
    }
}
