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
//! The helper ends when the world is finalized or the process calls `exit`, before libraries are torn down: it could be inside one.
//!
//! Invariant: no wait is unbounded: a sleeper looks again every tenth of a second at the latest. A helper that leaves progress to the program
//! sleeps for longer, but wakes to end.

use super::Net;
use super::wire::Progress;
use crate::helper;
use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
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
    // An interruption by a signal is as good as an event.
    sleep_on_any(&mut [polled(fd)], longest);
}

fn polled(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

fn sleep_on_any(fds: &mut [libc::pollfd], longest: Duration) {
    // At least a millisecond, unless it is no time at all.
    let millis = longest.as_millis().max(u128::from(!longest.is_zero()));
    let timeout = i32::try_from(millis).unwrap_or(i32::MAX);
    // SAFETY: initialised pollfds, as many as told, alive during the call.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
}

/// How often a process whose helper leaves progress to the program gives a sign of life; much oftener than peers want one.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How long the end of the process waits for the helper, which a program that ends in the middle of a call might keep from ending.
const ENDING: Duration = Duration::from_secs(1);

/// The helper, as others see it. It ends when it is stopped, before the engine's library is torn down.
pub(super) struct Helper {
    /// Something is written to it as the sign to end.
    stop: UnixStream,
    /// Hangs up when the helper has ended.
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Helper {
    /// Starts the helper of a transport.
    pub(super) fn start(net: &Arc<Net>) -> std::io::Result<Helper> {
        let (stop, stopped) = UnixStream::pair()?;
        let (end, ended) = mpsc::channel();
        let (progress, life) = (net.progress, Life { net: Arc::downgrade(net), stopped });
        let run = move || {
            match progress {
                Progress::Thread => life.help(),
                Progress::Poll => life.show(),
            }
            drop(end);
        };
        Ok(Helper { stop, ended, thread: helper::spawn("gain-progress", run)? })
    }

    /// Ends the helper.
    pub(super) fn stop(mut self) {
        let is_told = self.stop.write_all(&[0]).is_ok();
        let is_me = self.thread.thread().id() == std::thread::current().id();
        if is_told && !is_me && self.ended.recv_timeout(ENDING) == Err(RecvTimeoutError::Disconnected) {
            // A panic of its own has been told.
            let _ = self.thread.join();
        }
    }
}

/// The helper's life. It keeps no transport that nobody else has.
struct Life {
    net: Weak<Net>,
    stopped: UnixStream,
}

impl Life {
    /// Sleeps until `fd` is readable, or the time is over. False when it is time to end.
    fn sleep(&self, fd: Option<RawFd>, longest: Duration) -> bool {
        let mut fds = [polled(self.stopped.as_raw_fd()), polled(fd.unwrap_or(-1))];
        sleep_on_any(&mut fds, longest);
        fds[0].revents == 0
    }

    /// Makes progress whenever the program doesn't.
    fn help(&self) {
        let (mut seen, mut pause) = (0, PAUSES.0);
        while let Some(net) = self.net.upgrade() {
            let calls = net.calls.load(Ordering::Relaxed);
            if calls != seen || net.waiters.load(Ordering::Relaxed) > 0 {
                seen = calls;
                drop(net);
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
                if !self.sleep(None, Duration::ZERO) {
                    return;
                }
                continue;
            }
            pause = PAUSES.0;
            let linger = if net.policy.spins > 0 { LINGER } else { 1 };
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
            drop(net);
            if !is_armed && is_needed {
                // A mutex that one of this node's ranks holds, which doesn't tell us when it gives it back; or memory that is busy.
                std::thread::sleep(PAUSES.0 / 2);
            }
            let longest = if is_armed { LONGEST } else { Duration::ZERO };
            if !self.sleep(fd.filter(|_| is_armed), longest) {
                return;
            }
        }
    }

    /// Leaves progress to the program, and gives signs of life.
    fn show(&self) {
        while self.sleep(None, SIGN_OF_LIFE)
            && let Some(net) = self.net.upgrade()
        {
            // Who has the engine turns the crank by itself.
            if let Ok(mut engine) = net.engine.try_lock() {
                (0..LINGER).take_while(|_| engine.progress()).for_each(drop);
            }
        }
    }
}
