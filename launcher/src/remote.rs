//! The launcher's end of a connection to a host: a remote shell that runs an agent there.
//!
//! The agent and its ranks live as long as the shell's standard input is open, so nothing has to be done, or can be
//! forgotten, to end them. Everything goes through the shell, which knows who may log in: no port is opened, and no
//! other user can join or listen.
//!
//! Invariant: the launcher never blocks on a host; what a host doesn't take at once waits in `to_send`.

use crate::output::Lines;
use crate::pipes::{nonblocking, read_some};
use crate::spawn;
use crate::wire::{Event, MAGIC, Order, Task, take_frame};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An agent says every second that it is there; after so long without a word the host counts as lost.
const SILENCE: Duration = Duration::from_secs(8);
/// How long logging in may take.
const LOGIN: Duration = Duration::from_secs(60);
/// How long a remote shell that says nothing more on its standard output may go on to complain.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long the remote shell may take to end when its input has been closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// A descriptor of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The agent speaks.
    Words,
    /// The remote shell, or the agent, complains.
    Complaints,
    /// The agent can take more orders.
    Room,
}

#[derive(Debug)]
pub(crate) struct Remote {
    shell: Child,
    process: OwnedFd,
    stdin: Option<File>,
    stdout: Option<File>,
    stderr: Option<File>,
    to_send: Vec<u8>,
    received: Vec<u8>,
    complaints: Lines,
    /// The agent has said the magic word.
    is_met: bool,
    last_heard: Instant,
    /// When its end was asked for.
    hung_up: Option<Instant>,
}

impl Remote {
    /// Starts an agent for `task` on a host, without waiting for it.
    pub(crate) fn start(
        shell: &[OsString],
        host: &str,
        agent: &[OsString],
        task: &Task,
    ) -> io::Result<Remote> {
        let (program, options) = shell.split_first().ok_or_else(|| io::Error::other("no remote shell"))?;
        let mut command = Command::new(program);
        command.args(options).arg(host).arg(quoted(agent));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        spawn::detach(&mut command);
        let mut shell = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("remote shell {}: {error}", program.display()))
        })?;
        let file = |pipe: OwnedFd| Some(File::from(pipe));
        Ok(Remote {
            process: spawn::pidfd(&shell)?,
            stdin: shell.stdin.take().map(|pipe| nonblocking(File::from(OwnedFd::from(pipe)))),
            stdout: shell.stdout.take().and_then(|pipe| file(pipe.into())),
            stderr: shell.stderr.take().and_then(|pipe| file(pipe.into())),
            to_send: task.encode(),
            received: Vec::new(),
            complaints: Lines::default(),
            is_met: false,
            last_heard: Instant::now(),
            hung_up: None,
            shell,
        })
    }

    /// What to poll, with the events of `poll` that matter.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Source, RawFd, i16)> + '_ {
        let stdin = self.stdin.iter().filter(|_| !self.to_send.is_empty());
        let room = stdin.map(|pipe| (Source::Room, pipe.as_raw_fd(), libc::POLLOUT));
        let words = self.stdout.iter().map(|pipe| (Source::Words, pipe.as_raw_fd(), libc::POLLIN));
        let complaints = self.stderr.iter().map(|pipe| (Source::Complaints, pipe.as_raw_fd(), libc::POLLIN));
        room.chain(words).chain(complaints)
    }

    /// Deals with a source that is ready; `complain` gets lines of the remote shell's standard error.
    pub(crate) fn serve(
        &mut self,
        source: Source,
        mut complain: impl FnMut(&[u8]),
    ) -> io::Result<Vec<Event>> {
        let mut buffer = [0; 65536];
        match source {
            Source::Room => self.flush(),
            Source::Complaints => {
                let bytes = read_some(&mut self.stderr, &mut buffer).unwrap_or_default();
                let now = Instant::now();
                self.complaints.push(&bytes, now, &mut complain);
                if let Some(rest) = self.complaints.take_unfinished(now, self.stderr.is_none()) {
                    complain(&[&rest[..], b"\n"].concat());
                }
            }
            Source::Words => {
                let bytes = read_some(&mut self.stdout, &mut buffer).unwrap_or_default();
                self.received.extend(bytes);
                self.last_heard = Instant::now();
                return self.events();
            }
        }
        Ok(Vec::new())
    }

    fn events(&mut self) -> io::Result<Vec<Event>> {
        if !self.is_met {
            let found = self.received.windows(MAGIC.len()).position(|window| window == MAGIC);
            let Some(start) = found else { return Ok(Vec::new()) };
            self.received.drain(..start + MAGIC.len());
            self.is_met = true;
        }
        let mut events = Vec::new();
        while let Some(frame) = take_frame(&mut self.received) {
            events.push(Event::decode(&frame)?);
        }
        Ok(events)
    }

    pub(crate) fn send(&mut self, order: &Order) {
        self.to_send.extend(order.encode());
        self.flush();
    }

    fn flush(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        match stdin.write(&self.to_send) {
            Ok(len) => drop(self.to_send.drain(..len)),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            // The shell has ended, as its output will tell.
            Err(_) => self.to_send.clear(),
        }
    }

    /// How long the host may be silent.
    fn patience(&self) -> Duration {
        match (&self.stdout, &self.stderr) {
            (None, None) => Duration::ZERO,
            // What went wrong may still be on its way.
            (None, Some(_)) => LAST_WORDS,
            (Some(_), _) if self.is_met => SILENCE,
            (Some(_), _) => LOGIN,
        }
    }

    /// Why nothing more is to be expected of the host, if so.
    pub(crate) fn loss(&mut self, now: Instant) -> Option<String> {
        let patience = self.patience();
        if now.saturating_duration_since(self.last_heard) < patience {
            return None;
        }
        if self.stdout.is_none() {
            let end = match self.shell.try_wait() {
                Ok(Some(status)) => format!(" ({status})"),
                Ok(None) | Err(_) => String::new(),
            };
            return Some(match self.is_met {
                true => format!("its agent has ended{end}"),
                false => format!("the remote shell has ended without starting an agent of this version{end}"),
            });
        }
        Some(format!("nothing was heard of it for {} s", patience.as_secs()))
    }

    /// When [`loss`](Remote::loss) is to be asked next if nothing is heard.
    pub(crate) fn due(&self) -> Instant {
        self.last_heard + self.patience()
    }

    /// Ends the agent, and with it the ranks.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
        // So that the agent can't be stuck in writing.
        self.stdout = None;
        self.stderr = None;
        self.hung_up.get_or_insert_with(Instant::now);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.hang_up();
        let waited = self.hung_up.map_or(Duration::ZERO, |since| since.elapsed());
        let left = FAREWELL.saturating_sub(waited);
        let mut poll = libc::pollfd { fd: self.process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one initialised pollfd, alive during the call.
        unsafe { libc::poll(&mut poll, 1, left.as_millis() as i32) };
        // A shell that has ended is not harmed, one that hasn't is not needed.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// A command as a shell wants it.
fn quoted(words: &[OsString]) -> OsString {
    let quote = |word: &OsString| [b"'", &replaced(word)[..], b"'"].concat();
    OsString::from_vec(words.iter().map(quote).collect::<Vec<_>>().join(&b' '))
}

fn replaced(word: &OsStr) -> Vec<u8> {
    let letter = |byte: &u8| if *byte == b'\'' { b"'\\''".to_vec() } else { vec![*byte] };
    word.as_bytes().iter().flat_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_the_words_back() {
        let words = ["printf", "[%s]", "a b", "it's", "$HOME", ""].map(OsString::from);
        let output = Command::new("sh").arg("-c").arg(quoted(&words)).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "[a b][it's][$HOME][]");
    }
}
