//! Sleeping on a word of shared memory, across processes.
//!
//! `wait` returns at once when the word no longer holds `expected`, and may return without reason; callers
//! loop. Under loom a condition variable stands in whose wait has no timeout, so that a lost wake-up is a
//! deadlock loom reports.

#[cfg(not(loom))]
mod system {
    use crate::atomic::{AtomicU32, AtomicU64};
    use std::time::Duration;

    /// Sleeps for a time.
    pub(crate) fn nap(time: Duration) {
        std::thread::sleep(time);
    }

    fn wait(word: *const u32, expected: u32, timeout: Duration) {
        let timeout = libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos() as libc::c_long,
        };
        // SAFETY: `word` comes from a live atomic (both callers); the kernel only reads it and the timespec.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, expected, &timeout, 0usize, 0) };
    }

    fn wake(word: *const u32, sleepers: i32) {
        // SAFETY: FUTEX_WAKE does not access the word, only its address counts.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, sleepers, 0usize, 0usize, 0) };
    }

    /// Sleeps while `word` holds `expected`, until woken or for `timeout`.
    pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, timeout: Duration) {
        wait(word.as_ptr(), expected, timeout);
    }

    /// Wakes up to `sleepers` of those that sleep on `word`.
    pub(crate) fn futex_wake(word: &AtomicU32, sleepers: i32) {
        wake(word.as_ptr(), sleepers);
    }

    fn low_half(word: &AtomicU64) -> *const u32 {
        let low = usize::from(cfg!(target_endian = "big"));
        word.as_ptr().cast::<u32>().wrapping_add(low)
    }

    /// [`futex_wait`] on the low half of a 64-bit word.
    pub(crate) fn futex_wait_low(word: &AtomicU64, expected: u64, timeout: Duration) {
        wait(low_half(word), expected as u32, timeout);
    }

    /// [`futex_wake`] for the sleepers of [`futex_wait_low`].
    pub(crate) fn futex_wake_low(word: &AtomicU64, sleepers: i32) {
        wake(low_half(word), sleepers);
    }
}

#[cfg(loom)]
mod model {
    use crate::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
    use loom::sync::{Arc, Condvar, Mutex};
    use std::{collections::HashMap, time::Duration};

    loom::lazy_static! {
        static ref QUEUES: Mutex<HashMap<usize, Arc<Condvar>>> = Mutex::new(HashMap::new());
    }

    fn wait(word: usize, holds: impl Fn() -> bool) {
        let mut queues = QUEUES.lock().unwrap();
        if holds() {
            let queue = queues.entry(word).or_insert_with(|| Arc::new(Condvar::new())).clone();
            drop(queue.wait(queues).unwrap());
        }
    }

    fn wake(word: usize, sleepers: i32) {
        match QUEUES.lock().unwrap().get(&word) {
            Some(queue) if sleepers == 1 => queue.notify_one(),
            Some(queue) => queue.notify_all(),
            None => {}
        }
    }

    pub(crate) fn nap(_time: Duration) {
        loom::thread::yield_now();
    }

    pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, _timeout: Duration) {
        wait(std::ptr::from_ref(word).addr(), || word.load(SeqCst) == expected);
    }

    pub(crate) fn futex_wake(word: &AtomicU32, sleepers: i32) {
        wake(std::ptr::from_ref(word).addr(), sleepers);
    }

    pub(crate) fn futex_wait_low(word: &AtomicU64, expected: u64, _timeout: Duration) {
        wait(std::ptr::from_ref(word).addr(), || word.load(SeqCst) as u32 == expected as u32);
    }

    pub(crate) fn futex_wake_low(word: &AtomicU64, sleepers: i32) {
        wake(std::ptr::from_ref(word).addr(), sleepers);
    }
}

#[cfg(loom)]
pub(crate) use model::{futex_wait, futex_wait_low, futex_wake, futex_wake_low, nap};
#[cfg(not(loom))]
pub(crate) use system::{futex_wait, futex_wait_low, futex_wake, futex_wake_low, nap};
