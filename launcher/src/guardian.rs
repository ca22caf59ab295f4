//! The guardian: a small process that ends the ranks when the launcher dies in any way.
//!
//! It is forked before the first rank, leaves the launcher's session (so that a signal to the terminal's group spares it)
//! and reads a pipe whose writers are the launcher and, before they become the program, its ranks. A rank writes its process
//! group when it starts (`+id`), the launcher when it is gone (`-id`). End of file without a word means that the launcher is dead: all groups named and
//! not taken back are killed. `0` means a normal end.
//!
//! Invariant: after the fork the guardian calls async-signal-safe functions only and allocates nothing, since the launcher
//! may have been one thread of many (a test, a Python interpreter).

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Process groups a guardian can watch; more ranks than this on one machine are refused by the launcher.
pub(crate) const GROUPS: usize = 4096;

/// The launcher's end of the pipe. Dropping it without [`dismiss`](Guardian::dismiss) kills what is still watched.
#[derive(Debug)]
pub(crate) struct Guardian {
    /// Present until drop.
    pipe: Option<File>,
    pid: libc::pid_t,
}

impl Guardian {
    /// Starts the guardian of the calling process.
    pub(crate) fn start() -> io::Result<Guardian> {
        let mut ends = [0; 2];
        // SAFETY: the kernel writes two descriptors into an array of two.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: two fresh descriptors that nobody else owns.
        let (reader, writer) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
        // SAFETY: the child runs `watch` only, which keeps to async-signal-safe calls and never returns.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => watch(reader.as_raw_fd()),
            pid => Ok(Guardian { pipe: Some(File::from(writer)), pid }),
        }
    }

    /// The descriptor for [`join`].
    pub(crate) fn fd(&self) -> RawFd {
        self.pipe.as_ref().expect("present until drop").as_raw_fd()
    }

    /// The group is gone; its number may be given to others.
    pub(crate) fn forget(&mut self, group: u32) -> io::Result<()> {
        self.send(-(group as i32))
    }

    /// Ends the guardian without a kill.
    pub(crate) fn dismiss(mut self) -> io::Result<()> {
        self.send(0)
    }

    fn send(&mut self, message: i32) -> io::Result<()> {
        self.pipe.as_mut().expect("present until drop").write_all(&message.to_ne_bytes())
    }
}

/// Has a guardian watch the calling process's group. Async-signal-safe: a new rank does this itself before it becomes the
/// program, so that there is no moment at which it runs unwatched.
pub(crate) fn join(guardian: RawFd) -> io::Result<()> {
    // SAFETY: plain system calls on integers; four bytes are written whole or not at all.
    let written = unsafe {
        let group = libc::getpgrp();
        libc::write(guardian, (&raw const group).cast(), 4)
    };
    if written == 4 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.pipe.take();
        // SAFETY: `pid` is our own child, not yet waited for.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

/// Closes all descriptors but the first three: what else an inherited end of a pipe belongs to would miss its end of file. Async-signal-safe.
fn close_others() {
    // SAFETY: system calls on integers. The one for all is not in every C library, nor in kernels before 5.9: there each is closed
    // that may be open.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) == 0 {
            return;
        }
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        close_each(limit.rlim_cur.min(1 << 20) as RawFd);
    }
}

/// # Safety
/// Nobody in this process uses descriptors from 3 on.
unsafe fn close_each(end: RawFd) {
    for fd in 3..end {
        // SAFETY: the caller's promise; what isn't open stays so.
        unsafe { libc::close(fd) };
    }
}

/// The guardian's life.
fn watch(pipe: RawFd) -> ! {
    let mut groups = [0i32; GROUPS];
    // SAFETY: async-signal-safe calls on integers and static strings; descriptors other than the pipe are closed because
    // nothing in this process uses them, and an inherited pipe end would keep others from seeing an end of file.
    unsafe {
        libc::setsid();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2]
        {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::prctl(libc::PR_SET_NAME, c"gain-guardian".as_ptr());
        libc::dup2(pipe, 0);
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        libc::dup2(null, 1);
        libc::dup2(null, 2);
        close_others();
    }
    loop {
        let mut message = 0i32;
        // SAFETY: reads at most four bytes into an integer of four bytes.
        let count = unsafe { libc::read(0, (&raw mut message).cast(), 4) };
        match (count, message) {
            (4, 0) => exit(),
            (4, id) => {
                let (find, store) = if id > 0 { (0, id) } else { (-id, 0) };
                if let Some(place) = groups.iter_mut().find(|group| **group == find) {
                    *place = store;
                }
            }
            (-1, _) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    for group in groups.into_iter().filter(|group| *group > 0) {
        // SAFETY: a plain system call. The launcher died without taking this group back, so the number is still the rank's
        // or nobody's.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    exit()
}

fn exit() -> ! {
    // SAFETY: ends the process without running anything of the launcher's.
    unsafe { libc::_exit(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_close_leave_three() {
        let others: Vec<File> = (0..5).map(|_| File::open("/dev/null").unwrap()).collect();
        for is_old in [false, true] {
            // SAFETY: the child makes system calls only, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: nobody in the child uses any descriptor.
                unsafe {
                    if is_old {
                        close_each(4096)
                    } else {
                        close_others()
                    }
                    let is_open = |fd: RawFd| libc::fcntl(fd, libc::F_GETFD) != -1;
                    let is_left = others.iter().any(|file| is_open(file.as_raw_fd()));
                    libc::_exit(i32::from(is_left || !is_open(2)));
                }
            }
            let mut status = 1;
            // SAFETY: waits for the child from above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0);
        }
    }
}
