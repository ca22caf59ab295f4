//! Ranks as forked processes, each with a deadline.

use shm::{Heap, HeapConfig};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nothing here takes more than seconds, except under valgrind.
const DEADLINE_SECONDS: u32 = 120;

/// A forked process; killed and collected when it goes out of scope.
pub(crate) struct Child(libc::pid_t);

impl Child {
    /// Runs `body` in a child; the child exits with 0, or 101 if `body` panics. It never outlives the parent.
    pub(crate) fn spawn(body: impl FnOnce()) -> Child {
        // SAFETY: the child runs `body` on its only thread and leaves by _exit; the C library makes malloc
        // usable after fork.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid > 0 {
            return Child(pid);
        }
        // SAFETY: plain system calls.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::alarm(DEADLINE_SECONDS);
        }
        let code = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(()) => 0,
            Err(reason) => {
                let text = reason.downcast_ref::<String>().map(String::as_str);
                let text = text.or(reason.downcast_ref::<&str>().copied()).unwrap_or("panic");
                // SAFETY: writes a live buffer to standard error.
                unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
                101
            }
        };
        // SAFETY: ends the child without running the test harness's exit handlers.
        unsafe { libc::_exit(code) }
    }

    pub(crate) fn kill(&self) {
        // SAFETY: the child is not collected yet, so the number is still its own.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
    }

    /// The exit code, or 128 + signal. Panics when the child outlives the deadline.
    pub(crate) fn wait(self, deadline: Duration) -> i32 {
        let began = Instant::now();
        let mut status = 0;
        // SAFETY: our own child, a status of ours.
        while unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } == 0 {
            assert!(began.elapsed() < deadline, "process {} ran into its deadline", self.0);
            std::thread::sleep(Duration::from_millis(1));
        }
        std::mem::forget(self);
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        // SAFETY: collects our own child, which was just killed.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}

/// Runs `body` on `ranks` ranks over one heap, rank 0 in this process; fails when one fails or at the
/// deadline. One job at a time: the tests look at system-wide figures, and each wants the processors.
pub(crate) fn job(ranks: usize, limit_bytes: u64, body: impl Fn(&Heap) + Sync) {
    let _alone = alone();
    let heap = Heap::create(HeapConfig { ranks, limit_bytes: Some(limit_bytes) }).unwrap();
    let children: Vec<Child> = (1..ranks).map(|rank| Child::spawn(|| body(&attach(&heap, rank)))).collect();
    // SAFETY: sets this process's alarm: the deadline of rank 0.
    unsafe { libc::alarm(DEADLINE_SECONDS) };
    body(&heap);
    // SAFETY: as above.
    unsafe { libc::alarm(0) };
    for (index, child) in children.into_iter().enumerate() {
        assert_eq!(child.wait(Duration::from_secs(DEADLINE_SECONDS.into())), 0, "rank {}", index + 1);
    }
}

/// What a peer gets through the socket: a duplicate of the descriptor.
pub(crate) fn attach(heap: &Heap, rank: usize) -> Heap {
    let fd: OwnedFd = heap.fd().unwrap().as_fd().try_clone_to_owned().unwrap();
    Heap::attach(fd, rank).unwrap()
}

/// Held by one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
