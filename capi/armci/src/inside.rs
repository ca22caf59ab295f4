//! Which thread is inside: the one that may use what was found last ([`crate::address`]).
//!
//! Almost every call comes from the thread that made the last one, so that thread pays no atomic
//! operation: the library is *biased* towards it. It has a seat. To enter it raises the flag of its seat and then looks whether the
//! seat is still the one; another thread that wants to enter takes the seat away first, waits until every processor has seen that
//! (`membarrier`), and then until the flag is down. Whichever comes second sees the other.
//!
//! | word | who writes | who reads |
//! | --- | --- | --- |
//! | owner | who holds the mutex | all |
//! | a seat's flag | its thread | its thread; who has taken the seat away |
//!
//! Nobody waits for another rank's program inside, only for transfers, so who takes the seat away waits for no longer than that.
//!
//! Invariant: at most one thread has a living [`Inside`]; seats are never freed. A thread that comes again from within, by a signal's
//! handler, is refused.

use common::thread;
use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering, compiler_fence, fence};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A thread's place. Of a thread that is gone the next one with the same number has it.
struct Seat {
    thread: usize,
    is_inside: AtomicBool,
}

static OWNER: AtomicPtr<Seat> = AtomicPtr::new(null_mut());
static SEATS: Mutex<Option<HashMap<usize, &'static Seat>>> = Mutex::new(None);

/// Whether the kernel has no `membarrier`: then threads make their own barriers.
static IS_FENCED: LazyLock<bool> = LazyLock::new(|| {
    // SAFETY: a system call without pointers.
    unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0 }
});
/// The same once it is known, for those who enter often; until then they make barriers, too.
static IS_QUICK: AtomicBool = AtomicBool::new(false);

/// Whether several threads have called.
static IS_SHARED: AtomicBool = AtomicBool::new(false);

/// Whether several threads have called so far.
#[inline(always)]
pub(crate) fn is_shared() -> bool {
    IS_SHARED.load(Ordering::Relaxed)
}

/// The calling thread is inside as long as this lives.
pub(crate) struct Inside(&'static Seat);

impl Inside {
    /// Enters; waits for a thread that is inside.
    #[inline(always)]
    pub(crate) fn enter() -> Inside {
        let owner = OWNER.load(Ordering::Acquire);
        // SAFETY: null or a seat, which is never freed.
        if let Some(seat) = unsafe { owner.as_ref() }
            && seat.thread == thread()
            && !seat.is_inside.load(Ordering::Relaxed)
        {
            seat.is_inside.store(true, Ordering::Relaxed);
            compiler_fence(Ordering::SeqCst);
            if !IS_QUICK.load(Ordering::Relaxed) {
                fence(Ordering::SeqCst);
            }
            if OWNER.load(Ordering::Relaxed) == owner {
                return Inside(seat);
            }
            seat.is_inside.store(false, Ordering::Release);
        }
        take()
    }
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.is_inside.store(false, Ordering::Release);
    }
}

fn seats() -> MutexGuard<'static, Option<HashMap<usize, &'static Seat>>> {
    SEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the seat away from whoever has it, and enters once nobody is inside.
#[cold]
#[inline(never)]
fn take() -> Inside {
    let me = thread();
    let is_within = |owner: *mut Seat| {
        // SAFETY: null or a seat, which is never freed.
        let seat = unsafe { owner.as_ref() };
        seat.is_some_and(|seat| seat.thread == me && seat.is_inside.load(Ordering::Relaxed))
    };
    if is_within(OWNER.load(Ordering::Acquire)) {
        crate::end::abort(1, "armci: called from within a call of the same thread");
    }
    let mut seats = seats();
    let fresh = || &*Box::leak(Box::new(Seat { thread: me, is_inside: AtomicBool::new(false) }));
    let seat = *seats.get_or_insert_default().entry(me).or_insert_with(fresh);
    let before = OWNER.swap(null_mut(), Ordering::SeqCst);
    barrier();
    // SAFETY: null or a seat, which is never freed.
    if let Some(before) = unsafe { before.as_ref() } {
        IS_SHARED.store(true, Ordering::Relaxed);
        while before.is_inside.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    }
    seat.is_inside.store(true, Ordering::Relaxed);
    OWNER.store((&raw const *seat).cast_mut(), Ordering::Release);
    Inside(seat)
}

/// Returns when every thread of the process has passed a full barrier since the call, unless they all make their own.
fn barrier() {
    fence(Ordering::SeqCst);
    if *IS_FENCED {
        return;
    }
    // SAFETY: a system call without pointers.
    let status = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) };
    assert!(status == 0, "membarrier was registered");
    IS_QUICK.store(true, Ordering::Relaxed);
}
