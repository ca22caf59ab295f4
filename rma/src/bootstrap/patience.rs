//! How long a rank that starts waits for the others and for the process manager.
//!
//! Invariant: nothing is read during start or end of a job before it is there, or the time is up; the error says what was waited for.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Environment variable: seconds, 0 = for ever.
const VARIABLE: &str = "GAIN_START_SECONDS";
const SECONDS: f64 = 600.0;

/// How long something may be waited for; nothing = for ever.
fn limit() -> Option<Duration> {
    let seconds = std::env::var(VARIABLE).ok().and_then(|text| text.trim().parse().ok());
    Duration::try_from_secs_f64(seconds.unwrap_or(SECONDS)).ok().filter(|limit| !limit.is_zero())
}

/// Returns when `fd` can be read from; an error of kind `TimedOut` after the time that the user grants.
pub(super) fn await_input(fd: &impl AsFd, what: &str) -> io::Result<()> {
    await_input_for(fd, what, limit())
}

fn await_input_for(fd: &impl AsFd, what: &str, limit: Option<Duration>) -> io::Result<()> {
    let start = Instant::now();
    loop {
        let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
        let millis = left.map(|left| left.as_millis().clamp(1, 60_000) as i64);
        let timeout =
            millis.map(|millis| Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 });
        match poll(&mut [PollFd::new(fd, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => {
                let seconds = limit.unwrap_or_default().as_secs_f64();
                let message = format!("waited {seconds} s ({VARIABLE}) for {what}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A reader that doesn't wait for ever.
#[derive(Debug)]
pub(super) struct Patient<T> {
    pub(super) inner: T,
    what: &'static str,
}

impl<T> Patient<T> {
    pub(super) fn new(inner: T, what: &'static str) -> Patient<T> {
        Patient { inner, what }
    }
}

impl<T: Read + AsFd> Read for Patient<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        await_input(&self.inner, self.what)?;
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_does_not_come_is_named() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let wait = || await_input_for(&theirs, "a miracle", Some(Duration::from_millis(30)));
        let error = wait().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "waited 0.03 s (GAIN_START_SECONDS) for a miracle");
        ours.write_all(b"here").unwrap();
        wait().unwrap();
        drop(ours);
        // The end of a stream can be read, too.
        wait().unwrap();
    }
}
