//! Signals the launcher gets, as something to poll.
//!
//! They are blocked in the calling thread and read from a descriptor; the thread's mask is restored on drop. A signal that whoever
//! started the launcher has it ignore (`nohup`, a shell's background job) stays ignored: blocked it would arrive here.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Signals that end programs; a second one kills.
const ENDING: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];
/// Signals that are handed on, and nothing else.
const OTHERS: [i32; 3] = [libc::SIGUSR1, libc::SIGUSR2, libc::SIGTSTP];

/// The descriptor signals arrive on.
#[derive(Debug)]
pub(crate) struct Signals {
    fd: OwnedFd,
    old_mask: libc::sigset_t,
}

impl Signals {
    /// Takes over the signals of the calling thread.
    pub(crate) fn take_over() -> io::Result<Signals> {
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        let mut old_mask = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set; the others read it and fill `old_mask`; a negative descriptor is not wrapped.
        unsafe {
            libc::sigemptyset(mask.as_mut_ptr());
            for signal in ENDING.into_iter().chain(OTHERS).filter(|signal| !is_ignored(*signal)) {
                libc::sigaddset(mask.as_mut_ptr(), signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, mask.as_ptr(), old_mask.as_mut_ptr());
            match libc::signalfd(-1, mask.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(Signals { fd: OwnedFd::from_raw_fd(fd), old_mask: old_mask.assume_init() }),
            }
        }
    }

    /// The next signal, if one has arrived.
    pub(crate) fn next(&self) -> Option<i32> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let len = mem::size_of::<libc::signalfd_siginfo>();
        // SAFETY: reads at most `len` bytes into a buffer of that size.
        let count = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), len) };
        // SAFETY: a full read has filled the whole struct.
        (count == len as isize).then(|| unsafe { info.assume_init() }.ssi_signo as i32)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: restores the mask that the same thread had; Signals is used by the thread that made it.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.old_mask, std::ptr::null_mut()) };
    }
}

/// Whether this process ignores a signal.
fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: writes the present action into a sigaction of ours, for which all-zero is valid should the call fail.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Whether another process handles, ignores or blocks a signal, so that it won't die of it. Not if that can't be known.
pub(crate) fn is_expected(process: u32, signal: i32) -> bool {
    // A mask of all signals is one that the C library sets for a moment, as while it starts a program.
    const NEARLY_ALL: u32 = 60;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = |line: &str| {
        let (name, mask) = line.split_once(':')?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        let counts = match name {
            "SigIgn" | "SigCgt" => true,
            "SigBlk" => mask.count_ones() < NEARLY_ALL,
            _ => false,
        };
        counts.then_some(mask)
    };
    status.lines().filter_map(mask).any(|mask| mask & 1 << (signal - 1) != 0)
}

/// Whether a signal asks programs to end.
pub(crate) fn is_ending(signal: i32) -> bool {
    ENDING.contains(&signal)
}

/// Stops the launcher until somebody continues it.
pub(crate) fn stop_self() {
    // SAFETY: a plain system call.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// `SIGKILL` for 9.
pub(crate) fn name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        _ => "another signal",
    }
}
