//! A client as rank 0 knows it: frames that came and nobody has taken, answers that are to go.
//!
//! Neither reading nor writing waits. Frames are read ahead, so that a client can cancel what it sent; both stores are bounded.

use crate::frame::{self, ANSWER, HEADER, Kind, SESSION};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Bytes that are read at one time.
pub(crate) const PIECE: usize = 1 << 16;
/// Bytes of whole frames from which on no more are read.
const AHEAD: usize = 1 << 22;
/// Bytes of answers that have not gone from which on no more frames are taken, and from which on a client has lost its right.
const SLOW: usize = 1 << 26;
const MOST: usize = 1 << 30;
/// Bytes of frames after which a client that may come back is told how many came.
const UNTOLD: usize = 1 << 22;

/// How it is with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is connected.
    Here,
    /// It has said that it goes, or is no more; what it sent before is done.
    Leaving,
    /// Its connection was lost then, and it may come back.
    Lost(Instant),
    /// Nothing of it is wanted any more.
    Gone,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) session: u64,
    pub(crate) key: [u8; SESSION],
    pub(crate) state: State,
    /// How long the ranks have worked for it.
    pub(crate) used: Duration,
    /// There unless the connection is lost.
    pub(crate) stream: Option<UnixStream>,
    returns: bool,
    inbox: Vec<u8>,
    /// Whether it was cancelled, and its commands.
    frames: VecDeque<(bool, Vec<u8>)>,
    ahead: usize,
    received: u64,
    untold: usize,
    outbox: VecDeque<u8>,
}

impl Peer {
    pub(crate) fn new(session: u64, key: [u8; SESSION], stream: UnixStream, returns: bool) -> Peer {
        Peer {
            session,
            key,
            state: State::Here,
            used: Duration::ZERO,
            stream: Some(stream),
            returns,
            inbox: Vec::new(),
            frames: VecDeque::new(),
            ahead: 0,
            received: 0,
            untold: 0,
            outbox: VecDeque::new(),
        }
    }

    /// The client is back; how many of its frames came.
    pub(crate) fn come_back(&mut self, stream: UnixStream) -> u64 {
        self.inbox.clear();
        self.outbox.clear();
        self.stream = Some(stream);
        self.state = State::Here;
        self.received
    }

    pub(crate) fn is_read(&self) -> bool {
        self.state == State::Here && self.ahead < AHEAD
    }

    pub(crate) fn is_written(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether nothing is left to be done for it.
    pub(crate) fn is_gone(&self) -> bool {
        self.state == State::Gone || self.state == State::Leaving && self.frames.is_empty()
    }

    pub(crate) fn has_frame(&self) -> bool {
        !self.frames.is_empty() && self.outbox.len() < SLOW
    }

    /// The next frame of commands, and whether they are cancelled.
    pub(crate) fn take(&mut self) -> Option<(bool, Vec<u8>)> {
        let taken = self.frames.pop_front()?;
        self.ahead -= taken.1.len();
        Some(taken)
    }

    /// It sent what is no message, or takes no answers.
    pub(crate) fn expel(&mut self) {
        self.state = State::Gone;
        self.stream = None;
        self.frames.clear();
        self.outbox.clear();
    }

    fn lose(&mut self) {
        self.inbox.clear();
        self.outbox.clear();
        self.stream = None;
        if self.state == State::Here {
            self.state = if self.returns { State::Lost(Instant::now()) } else { State::Leaving };
        }
    }

    /// Reads what is there.
    pub(crate) fn read(&mut self) {
        while self.is_read() {
            let Some(stream) = &mut self.stream else { return };
            let wanted = match self.inbox.first_chunk::<HEADER>() {
                None => HEADER,
                Some(header) => match frame::parse(header, frame::MOST) {
                    Ok((_, len)) => HEADER + len,
                    Err(_) => return self.expel(),
                },
            };
            let before = self.inbox.len();
            // (Room for what may have come, not for what is promised.)
            self.inbox.resize(before + wanted.saturating_sub(before).clamp(PIECE, 16 * PIECE), 0);
            let room = self.inbox.len() - before;
            let got = stream.read(&mut self.inbox[before..]);
            self.inbox.truncate(before + got.as_ref().map_or(0, |&got| got));
            let is_all = match got {
                Ok(0) => return self.lose(),
                Ok(got) => got < room,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return self.lose(),
            };
            self.sort();
            if is_all {
                return;
            }
        }
    }

    /// Takes whole frames out of what came.
    fn sort(&mut self) {
        let mut at = 0;
        while let Some(header) = self.inbox[at..].first_chunk::<HEADER>() {
            let Ok((kind, len)) = frame::parse(header, frame::MOST) else { return self.expel() };
            let (start, end) = (at + HEADER, at + HEADER + len);
            if self.inbox.len() < end {
                break;
            }
            match kind {
                Kind::Batch => {
                    let frame = match at == 0 && end == self.inbox.len() {
                        // (Large ones come alone.)
                        true => {
                            let mut whole = std::mem::take(&mut self.inbox);
                            whole.drain(..HEADER);
                            whole
                        }
                        false => self.inbox[start..end].to_vec(),
                    };
                    self.ahead += frame.len();
                    self.untold += frame.len();
                    self.received += 1;
                    self.frames.push_back((false, frame));
                    if self.inbox.is_empty() {
                        at = 0;
                        break;
                    }
                }
                Kind::Cancel => self.frames.iter_mut().for_each(|(is_cancelled, _)| *is_cancelled = true),
                Kind::Bye => {
                    self.state = State::Leaving;
                    self.stream = None;
                    self.inbox.clear();
                    return;
                }
                _ => return self.expel(),
            }
            at = end;
        }
        self.inbox.drain(..at);
        if self.returns && self.untold >= UNTOLD {
            self.reply(0, &[]);
        }
    }

    /// Answers a call. Who takes no answers, of however many bytes, goes.
    pub(crate) fn reply(&mut self, call: u64, value: &[u8]) {
        if self.stream.is_none() {
            return;
        }
        self.untold = 0;
        let mut head = frame::header(Kind::Reply, ANSWER + value.len()).to_vec();
        head.extend(call.to_le_bytes());
        head.extend(self.received.to_le_bytes());
        if self.outbox.len() + value.len() > MOST {
            return self.expel();
        }
        // (Short ones at once: each write may wake the client.)
        if self.outbox.is_empty() && value.len() > PIECE {
            if self.send(&head) {
                self.send(value);
            }
        } else {
            head.extend_from_slice(value);
            self.send(&head);
        }
    }

    /// Sends what there is room for, and keeps the rest; false if the client is lost.
    fn send(&mut self, mut bytes: &[u8]) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        while self.outbox.is_empty() && !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.lose();
                    return false;
                }
            }
        }
        self.outbox.extend(bytes);
        true
    }

    /// Sends what was kept.
    pub(crate) fn write(&mut self) {
        while let (Some(stream), false) = (&mut self.stream, self.outbox.is_empty()) {
            match stream.write(self.outbox.as_slices().0) {
                Ok(sent) => drop(self.outbox.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.lose(),
            }
        }
    }
}
