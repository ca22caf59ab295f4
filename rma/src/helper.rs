//! Threads of the library's own.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that gets none of the program's signals, nor needs much of a stack.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let run = || {
        block_signals();
        body()
    };
    Builder::new().name(name.into()).stack_size(256 * 1024).spawn(run)
}

/// Signals are for the program's own threads.
fn block_signals() {
    // SAFETY: a signal set of our own, filled and passed by address; affects this thread only.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, std::ptr::null_mut());
    }
}
