//! Starting one rank: its environment, its pipes, and what happens between fork and exec.
//!
//! Each rank leads a process group of its own, so that it can be ended together with whatever it starts, and dies with the
//! launcher's thread (`PR_SET_PDEATHSIG`). `PMI_FD` and `GAIN_BOARD_FD` name inherited descriptors.

use crate::binding;
use crate::guardian::join;
use crate::pipes::nonblocking;
use crate::signals;
use crate::wire::{Input, Task};
use rma::waits;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Variables of other process managers, and of a rank that has started this launcher, that would mislead a rank.
const FOREIGN: [&str; 13] = [
    rma::bootstrap::MARK,
    "PMI_PORT",
    "PMI_ID",
    "PMI_SPAWNED",
    "PMI_JOBID",
    "PMIX_RANK",
    "PMIX_NAMESPACE",
    "PMIX_SERVER_URI2",
    "PMIX_SERVER_URI21",
    "PMIX_SERVER_URI3",
    "PMIX_SERVER_URI4",
    "PMIX_SERVER_URI41",
    "OMPI_COMM_WORLD_SIZE",
];

/// A rank and the launcher's ends of its connections. A closed connection is `None`.
#[derive(Debug)]
pub(crate) struct Rank {
    pub(crate) child: Child,
    pub(crate) process: OwnedFd,
    pub(crate) stdin: Option<File>,
    pub(crate) stdout: Option<File>,
    pub(crate) stderr: Option<File>,
    pub(crate) pmi: Option<UnixStream>,
    /// Set when the rank has ended; it stays a zombie, which keeps its process group's number taken, until the job ends.
    pub(crate) status: Option<ExitStatus>,
}

/// Starts the rank at this place of the task's.
pub(crate) fn start(
    task: &Task,
    place: usize,
    processors: Option<&[usize]>,
    board: BorrowedFd<'_>,
    guardian: RawFd,
) -> io::Result<Rank> {
    let rank = task.first + place;
    let (pmi, pmi_of_rank) = UnixStream::pair()?;
    let mut command = Command::new(&task.program);
    command.args(&task.arguments);
    FOREIGN.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
        .env("PMI_FD", pmi_of_rank.as_raw_fd().to_string())
        .env("PMI_RANK", rank.to_string())
        .env("PMI_SIZE", task.size.to_string())
        .env("MPI_LOCALRANKID", place.to_string())
        .env("MPI_LOCALNRANKS", task.count.to_string())
        .env(waits::LAUNCHER, std::process::id().to_string())
        .env(waits::BOARD_FD, board.as_raw_fd().to_string())
        .envs(task.environment.iter().map(|(name, value)| (name, value)));
    if let Some(folder) = &task.folder {
        command.current_dir(folder);
    }
    command.stdin(match task.input {
        Input::Inherited if rank == 0 => Stdio::inherit(),
        Input::Piped if rank == 0 => Stdio::piped(),
        _ => Stdio::null(),
    });
    let shows_output = rank == 0 || task.shows_all;
    command.stdout(if shows_output { Stdio::piped() } else { Stdio::null() }).stderr(Stdio::piped());
    let inherited = [pmi_of_rank.as_raw_fd(), board.as_raw_fd()];
    prepare(&mut command, inherited, processors, guardian);
    let mut child = command.spawn()?;
    Ok(Rank {
        process: pidfd(&child)?,
        stdin: child.stdin.take().map(|pipe| nonblocking(File::from(OwnedFd::from(pipe)))),
        stdout: child.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe))),
        stderr: child.stderr.take().map(|pipe| File::from(OwnedFd::from(pipe))),
        pmi: Some(pmi),
        status: None,
        child,
    })
}

/// Lets this process open what so many ranks need (and some more), as far as the system's hard limit goes.
pub(crate) fn make_room(ranks: usize) {
    const EACH: usize = 8;
    const OTHERS: usize = 64;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let wanted = (ranks * EACH + OTHERS) as libc::rlim_t;
    // SAFETY: writes one rlimit. If that or the change fails, opening a descriptor will, with a better message.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < wanted {
            limit.rlim_cur = wanted.min(limit.rlim_max);
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// For a helper process: signals of the terminal spare it, and it gets the signals that the launcher's thread blocks.
pub(crate) fn detach(command: &mut Command) {
    command.process_group(0);
    // SAFETY: the closure makes one async-signal-safe call.
    unsafe {
        command.pre_exec(|| {
            unblock_signals();
            Ok(())
        })
    };
}

fn unblock_signals() {
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set that sigprocmask reads.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// What the new process does before it becomes the program.
fn prepare(command: &mut Command, inherited: [RawFd; 2], processors: Option<&[usize]>, guardian: RawFd) {
    let set = processors.map(binding::to_set);
    let launcher = std::process::id() as libc::pid_t;
    let in_child = move || {
        // The launcher's thread blocks the signals it reads from a descriptor; a rank must get them.
        unblock_signals();
        // SAFETY: plain system calls on integers.
        unsafe {
            libc::setpgid(0, 0);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != launcher {
                libc::_exit(1);
            }
            for fd in inherited {
                libc::fcntl(fd, libc::F_SETFD, 0);
            }
        }
        join(guardian)?;
        set.as_ref().map_or(Ok(()), binding::bind)
    };
    // SAFETY: the closure runs between fork and exec; it makes async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(in_child) };
}

/// A descriptor that turns readable when the child ends.
pub(crate) fn pidfd(child: &Child) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers; the result is checked before it is wrapped.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

impl Rank {
    /// Sends a signal to the rank and everything in its process group. Nothing happens when all have ended.
    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: a plain system call; the group's leader is our child and not reaped yet, so the number is its own.
        unsafe { libc::kill(-(self.child.id() as libc::pid_t), signal) };
    }

    /// Sends a signal to the rank alone. Nothing happens when it has ended.
    ///
    /// SIGUSR1, which asks what a rank waits for, is kept from one that has not made up its mind about it: it may be about to, as
    /// programs that have not joined the job yet are, and would be killed.
    pub(crate) fn tell(&self, signal: i32) {
        if signal == libc::SIGUSR1 && !signals::is_expected(self.child.id(), signal) {
            return;
        }
        // SAFETY: a plain system call; the process is our child and not reaped yet, so the number is its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    /// Looks at how the rank ended without reaping it.
    pub(crate) fn peek_status(&self) -> Option<ExitStatus> {
        // SAFETY: all-zero is a valid siginfo_t.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the kernel writes one siginfo_t; the fields read below are those of a child's end.
        let (status, pid) = unsafe {
            let status = libc::waitid(libc::P_PID, self.child.id(), &mut info, flags);
            (status, info.si_pid())
        };
        if status != 0 || pid == 0 {
            return None;
        }
        // SAFETY: as above.
        let code = unsafe { info.si_status() };
        Some(ExitStatus::from_raw(match info.si_code {
            libc::CLD_EXITED => (code & 0xff) << 8,
            libc::CLD_DUMPED => code & 0x7f | 0x80,
            _ => code & 0x7f,
        }))
    }
}
