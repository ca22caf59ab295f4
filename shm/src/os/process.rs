//! Other processes: whether they live, and which CPUs this one may use.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// Words of a CPU mask: 1024 CPUs, as the C library's `cpu_set_t`.
pub(crate) const CPU_WORDS: usize = 16;

/// The CPUs the calling thread may run on.
pub(crate) fn allowed_cpus() -> [u64; CPU_WORDS] {
    let mut mask = [0u64; CPU_WORDS];
    // SAFETY: the kernel writes at most the size given into the array.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&mask), mask.as_mut_ptr().cast()) };
    if result != 0 {
        mask[0] = 1;
    }
    mask
}

/// A number that two processes share exactly when their process ids mean the same.
pub(crate) fn pid_namespace() -> u64 {
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |meta| meta.ino())
}

/// Whether a process has ended; one that was not yet collected by its parent has.
pub(crate) fn is_dead(pid: u32) -> bool {
    // SAFETY: takes two numbers, returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) } as i32;
    if fd < 0 {
        return std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
    }
    // SAFETY: the descriptor was just returned to us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd of ours; a time-out of 0 never blocks. Readable means ended.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}
