//! Who turns the crank: the thread that waits, or else a helper thread.
//!
//! | thread | when | how |
//! | --- | --- | --- |
//! | a caller that waits | always | spins, yields, then sleeps on the wire's descriptor |
//! | the helper | nobody waits, and nobody called for a while | drains, then sleeps on the wire's descriptor |
//! | under `GAIN_PROGRESS=poll` the helper | once a second | turns a few times, so that peers hear a sign of life |
//!
//! A program that communicates all the time would only be disturbed by the helper, so it looks at `calls` at growing intervals
//! of up to a millisecond while that moves on. Once a program computes, the helper sleeps on the descriptor and wakes
//! with each message, some tens of microseconds after it arrived.
//!
//! Invariant: no wait is unbounded: a sleeper looks again every tenth of a second at the latest.

use super::{Net, Progress};
use crate::helper;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longest sleep on the descriptor.
const LONGEST: Duration = Duration::from_millis(100);
/// The helper's shortest and longest pause while the program communicates by itself.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(1));
/// Empty turns of the crank after the last message before the helper sleeps, where cores are not shared.
const LINGER: u32 = 64;

/// Sleeps until `fd` is readable or the time is over.
pub(super) fn sleep_on(fd: Option<RawFd>, longest: Duration) {
    let Some(fd) = fd else { return std::thread::sleep(longest.min(Duration::from_micros(50))) };
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let timeout = i32::try_from(longest.as_millis().max(1)).unwrap_or(i32::MAX);
    // SAFETY: one initialised pollfd, alive during the call. An interruption by a signal is as good as an event.
    unsafe { libc::poll(&mut poll, 1, timeout) };
}

/// How often a process whose helper leaves progress to the program gives a sign of life; much oftener than peers want one.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Starts the helper. It ends with the process.
pub(super) fn start_helper(net: &Arc<Net>) -> std::io::Result<()> {
    let net = net.clone();
    let run = move || match net.progress {
        Progress::Thread => help(&net),
        Progress::Poll => show_life(&net),
    };
    helper::spawn("gain-progress", run).map(drop)
}

/// The helper's life.
fn help(net: &Net) {
    let mut seen = 0;
    let mut pause = PAUSES.0;
    let linger = if net.policy.spins > 0 { LINGER } else { 1 };
    loop {
        let calls = net.calls.load(Ordering::Relaxed);
        if calls != seen || net.waiters.load(Ordering::Relaxed) > 0 {
            seen = calls;
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
            continue;
        }
        pause = PAUSES.0;
        let mut empty = 0;
        while empty < linger {
            let any = net.inside().progress();
            empty = if any { 0 } else { empty + 1 };
            if net.waiters.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
        let mut engine = net.inside();
        let is_armed = engine.arm();
        let (fd, is_needed) = (engine.event_fd(), engine.core.is_needed());
        drop(engine);
        if is_armed {
            sleep_on(fd, LONGEST);
        } else if is_needed {
            // A mutex that one of this node's ranks holds, which doesn't tell us when it gives it back; or memory that is busy.
            std::thread::sleep(PAUSES.0 / 2);
        }
    }
}

/// The life of a helper that leaves progress to the program.
fn show_life(net: &Net) {
    loop {
        std::thread::sleep(SIGN_OF_LIFE);
        // Who has the engine turns the crank by itself.
        if let Ok(mut engine) = net.engine.try_lock() {
            (0..LINGER).take_while(|_| engine.progress()).for_each(drop);
        }
    }
}
