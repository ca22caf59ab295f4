//! The operating system as this crate uses it: every system call is made below this module.

mod futex;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
mod process;

pub(crate) use futex::{futex_wait, futex_wait_low, futex_wake, futex_wake_low, nap};
#[cfg(not(loom))]
pub(crate) use map::{HugePages, Mapping, is_memory_file, memory_file, sized};
#[cfg(not(loom))]
pub(crate) use memory::{available_bytes, total_bytes};
#[cfg(not(loom))]
pub use process::start_ticks;
#[cfg(not(loom))]
pub(crate) use process::{CPU_WORDS, allowed_cpus, is_dead, pid_namespace};

/// Nanoseconds of the node's monotonic clock: the same clock in every process of the node.
#[inline]
pub fn clock_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec of ours to write.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
