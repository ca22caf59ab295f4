//! Other processes: whether they live, and which CPUs this one may use.

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

/// When a process began, in clock ticks since the system's start: with the process id, a name that is not
/// used twice. 0 if unknown.
pub fn start_ticks(pid: u32) -> u64 {
    stat(pid).map_or(0, |(_, start)| start)
}

/// Whether the process that began at `start_ticks` under this id has ended; one that its parent has not
/// collected yet has.
pub(crate) fn is_dead(pid: u32, start_ticks: u64) -> bool {
    match stat(pid) {
        Some((state, start)) => matches!(state, 'Z' | 'X') || start_ticks != 0 && start != start_ticks,
        // Gone, or hidden from us, or there is no /proc: then a signal that is not sent tells.
        // SAFETY: signal 0 is none.
        None => unsafe {
            libc::kill(pid as libc::pid_t, 0) == -1 && *libc::__errno_location() == libc::ESRCH
        },
    }
}

/// State and start of a process, fields 3 and 22 of its line in /proc.
fn stat(pid: u32) -> Option<(char, u64)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 2 is the program's name in parentheses and may hold anything.
    let mut fields = line[line.rfind(')')? + 1..].split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_live_and_end() {
        let me = std::process::id();
        let start = start_ticks(me);
        assert!(start != 0 && !is_dead(me, start) && !is_dead(me, 0));
        assert!(is_dead(me, start + 1), "another process under our number");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (pid, start) = (child.id(), start_ticks(child.id()));
        while !is_dead(pid, start) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_dead(pid, start));
    }
}
