//! The server's end. Rank 0 takes the frames of all clients, one of each in turn, and hands each to the other ranks, so that
//! all carry out the same commands in the same order. Whoever has nothing to do sleeps in `poll` or `read`.
//!
//! Frames between ranks have the number of their session before them.

use crate::channel::address;
use crate::frame::{self, HEADER, Kind};
use crate::value::Malformed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

/// How long a connection may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that are read at one time.
const PIECE: usize = 1 << 16;
/// How long a server that is somebody's own may go on with what it does once that one is gone.
const GRACE: Duration = Duration::from_secs(2);

/// Something that all ranks do.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Commands of a session.
    Batch(u64, Vec<u8>),
    /// A session is over: its arrays go.
    Closed(u64),
    /// The server ends.
    End,
    /// A signal came.
    Interrupted,
}

/// Who may connect, and when it is over.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What clients and ranks must know.
    pub token: Vec<u8>,
    /// What clients are told first.
    pub welcome: Vec<u8>,
    /// How many other ranks there are.
    pub followers: usize,
    /// How long the server stays without a client; at the beginning it waits for one for ten times as long, and a minute at least.
    pub idle: Duration,
    /// Whether the server is its first client's own: this process ends a little after that one, whatever it does.
    pub is_owned: bool,
}

/// Rank 0's end of all connections.
#[derive(Debug)]
pub struct Hub {
    listener: UnixListener,
    rules: Rules,
    followers: Vec<UnixStream>,
    clients: Vec<Client>,
    strangers: Vec<(UnixStream, Vec<u8>, Instant)>,
    sessions: u64,
    /// Whose turn it is.
    turn: usize,
    /// Since when there is no client.
    alone_since: Instant,
}

#[derive(Debug)]
struct Client {
    session: u64,
    stream: UnixStream,
    /// What has come of the next frame.
    inbox: Vec<u8>,
    is_gone: bool,
}

impl Client {
    /// Reads what is there, as long as no frame is whole.
    fn read(&mut self) {
        loop {
            let wanted = match self.length() {
                Ok(length) => length.unwrap_or(HEADER).saturating_sub(self.inbox.len()),
                Err(_) => {
                    self.is_gone = true;
                    return;
                }
            };
            if wanted == 0 {
                return;
            }
            let before = self.inbox.len();
            // (Room for what may have come, not for what is promised.)
            self.inbox.resize(before + wanted.clamp(PIECE, 16 * PIECE), 0);
            let got = self.stream.read(&mut self.inbox[before..]);
            self.inbox.truncate(before + got.as_ref().map_or(0, |&got| got));
            match got {
                Ok(0) => self.is_gone = true,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => self.is_gone = true,
            }
            return;
        }
    }

    /// How long the next frame is, if that has come.
    fn length(&self) -> Result<Option<usize>, Malformed> {
        let Some(header) = self.inbox.first_chunk::<HEADER>() else { return Ok(None) };
        match frame::parse(header, frame::MOST)? {
            (Kind::Batch, len) => Ok(Some(HEADER + len)),
            _ => Err(Malformed("a client sends commands")),
        }
    }

    /// The next frame, if all of it is there.
    fn take(&mut self) -> Option<Vec<u8>> {
        match self.length() {
            Ok(Some(length)) if self.inbox.len() >= length => {
                let rest = self.inbox.split_off(length);
                let mut message = std::mem::replace(&mut self.inbox, rest);
                message.drain(..HEADER);
                Some(message)
            }
            Ok(_) => None,
            Err(_) => {
                self.is_gone = true;
                None
            }
        }
    }
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

impl Hub {
    /// Listens at this address.
    pub fn listen(name: &str, rules: Rules) -> io::Result<Hub> {
        let listener = UnixListener::bind_addr(&address(name)?)?;
        listener.set_nonblocking(true)?;
        Ok(Hub {
            listener,
            rules,
            followers: Vec::new(),
            clients: Vec::new(),
            strangers: Vec::new(),
            sessions: 0,
            turn: 0,
            alone_since: Instant::now(),
        })
    }

    /// What to do next, which the other ranks are told as well.
    ///
    /// # Errors
    /// Another rank is gone.
    pub fn event(&mut self) -> io::Result<Event> {
        loop {
            if let Some(gone) = self.clients.iter().position(|client| client.is_gone) {
                let session = self.clients.remove(gone).session;
                self.alone_since = Instant::now();
                self.tell(Kind::Closed, session, &[])?;
                return Ok(Event::Closed(session));
            }
            if self.followers.len() == self.rules.followers
                && let Some((session, message)) = self.first_frame()
            {
                self.tell(Kind::Batch, session, &message)?;
                return Ok(Event::Batch(session, message));
            }
            let left = self.time_left();
            if left.is_some_and(|left| left.is_zero()) {
                self.tell(Kind::End, 0, &[])?;
                return Ok(Event::End);
            }
            if !self.wait(left)? {
                return Ok(Event::Interrupted);
            }
        }
    }

    /// Answers a client; one that is gone is noticed later.
    pub fn reply(&mut self, session: u64, message: &[u8]) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.session == session) {
            let sent = client.stream.set_nonblocking(false);
            let sent = sent.and_then(|()| frame::send(&mut client.stream, Kind::Reply, message));
            let sent = sent.and_then(|()| client.stream.set_nonblocking(true));
            client.is_gone |= sent.is_err();
        }
    }

    /// A client that sent what is no message goes.
    pub fn expel(&mut self, session: u64) {
        self.clients
            .iter_mut()
            .filter(|client| client.session == session)
            .for_each(|client| client.is_gone = true);
    }

    fn first_frame(&mut self) -> Option<(u64, Vec<u8>)> {
        let count = self.clients.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            if let Some(message) = self.clients[at].take() {
                self.turn = (at + 1) % count;
                return Some((self.clients[at].session, message));
            }
        }
        None
    }

    /// How long to wait for a client.
    fn time_left(&self) -> Option<Duration> {
        let patience = match self.sessions {
            0 => (10 * self.rules.idle).max(Duration::from_secs(60)),
            _ => self.rules.idle,
        };
        self.clients.is_empty().then(|| patience.saturating_sub(self.alone_since.elapsed()))
    }

    /// Sleeps until somebody sends something; false after a signal.
    fn wait(&mut self, left: Option<Duration>) -> io::Result<bool> {
        let strangers = self.strangers.iter().map(|(_, _, since)| PATIENCE.saturating_sub(since.elapsed()));
        let left = strangers.chain(left).min();
        let left =
            left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        let ready: Vec<bool> = {
            let mut places = vec![PollFd::new(&self.listener, PollFlags::IN)];
            places.extend(self.strangers.iter().map(|(stream, ..)| PollFd::new(stream, PollFlags::IN)));
            places.extend(self.clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN)));
            // Ranks say nothing: one that can be read is gone.
            places.extend(self.followers.iter().map(|stream| PollFd::new(stream, PollFlags::IN)));
            match poll(&mut places, left.as_ref()) {
                Err(rustix::io::Errno::INTR) => return Ok(false),
                Err(error) => return Err(error.into()),
                Ok(_) => places.iter().map(|place| !place.revents().is_empty()).collect(),
            }
        };
        let (strangers, rest) = ready[1..].split_at(self.strangers.len());
        let (clients, followers) = rest.split_at(self.clients.len());
        if followers.contains(&true) {
            return Err(io::Error::other("another rank is gone"));
        }
        self.clients
            .iter_mut()
            .zip(clients)
            .filter(|(_, ready)| **ready)
            .for_each(|(client, _)| client.read());
        for at in (0..strangers.len()).rev() {
            if strangers[at] || self.strangers[at].2.elapsed() >= PATIENCE {
                self.meet(at)?;
            }
        }
        if ready[0] {
            self.accept();
        }
        Ok(true)
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            // Processes of another user know no token; they aren't listened to at all.
            let is_own = socket_peercred(&stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid());
            if is_own && stream.set_nonblocking(true).is_ok() {
                self.strangers.push((stream, Vec::new(), Instant::now()));
            }
        }
    }

    /// Reads what somebody says who it is.
    fn meet(&mut self, at: usize) -> io::Result<()> {
        let (stream, said, since) = &mut self.strangers[at];
        let (mut bytes, mut is_over) = ([0; HEADER + frame::MOST_GREETING], since.elapsed() >= PATIENCE);
        match stream.read(&mut bytes) {
            Ok(0) => is_over = true,
            Ok(got) => said.extend_from_slice(&bytes[..got]),
            Err(error) => is_over |= error.kind() != io::ErrorKind::WouldBlock,
        }
        let parsed = said.first_chunk::<HEADER>().map(|header| frame::parse(header, frame::MOST_GREETING));
        let refusal = match parsed {
            Some(Err(error)) => Some(error.to_string()),
            Some(Ok((Kind::Hello, len))) if said.len() >= HEADER + len => {
                let (mut stream, said, _) = self.strangers.swap_remove(at);
                let token = &said[HEADER..];
                if is_same(token, &self.rules.token) {
                    return self.admit(stream);
                }
                if is_same(token, &follower_token(&self.rules.token))
                    && self.followers.len() < self.rules.followers
                {
                    stream.set_nonblocking(false)?;
                    self.followers.push(stream);
                    return Ok(());
                }
                // (Who is gone by now needs no answer.)
                let _ = frame::send(&mut stream, Kind::Refused, b"the token is not this server's");
                return Ok(());
            }
            Some(Ok((Kind::Hello, _))) | None => None,
            Some(Ok(_)) => Some("no greeting".to_owned()),
        };
        if let Some(text) = refusal {
            let (mut stream, ..) = self.strangers.swap_remove(at);
            let _ = frame::send(&mut stream, Kind::Refused, text.as_bytes());
        } else if is_over {
            self.strangers.swap_remove(at);
        }
        Ok(())
    }

    fn admit(&mut self, mut stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        if frame::send(&mut stream, Kind::Welcome, &self.rules.welcome).is_err() {
            return Ok(());
        }
        if self.rules.is_owned && self.sessions == 0 {
            end_with(stream.try_clone()?)?;
        }
        stream.set_nonblocking(true)?;
        self.sessions += 1;
        self.clients.push(Client { session: self.sessions, stream, inbox: Vec::new(), is_gone: false });
        Ok(())
    }

    fn tell(&mut self, kind: Kind, session: u64, message: &[u8]) -> io::Result<()> {
        let mut first = Vec::with_capacity(HEADER + 8 + message.len().min(PIECE));
        first.extend(frame::header(kind, message.len()));
        first.extend(session.to_le_bytes());
        // (Short ones at once: each write may wake the rank.)
        let (short, long) = message.split_at(if message.len() <= PIECE { message.len() } else { 0 });
        first.extend_from_slice(short);
        for follower in &mut self.followers {
            follower.write_all(&first)?;
            follower.write_all(long)?;
        }
        Ok(())
    }
}

/// Ends this process a little after the other end of the stream is gone, should it be busy then: who is left of it waits for
/// nobody, and the launcher ends the other ranks.
fn end_with(stream: UnixStream) -> io::Result<()> {
    let watch = move || {
        // (Signals apart, it ends with that.)
        while poll(&mut [PollFd::new(&stream, PollFlags::RDHUP)], None) == Err(rustix::io::Errno::INTR) {}
        std::thread::sleep(GRACE);
        // (A process that has ended by then has no such thread.)
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    };
    std::thread::Builder::new().name("gain owner".into()).spawn(watch).map(drop)
}

/// What other ranks know instead of the clients' token.
fn follower_token(token: &[u8]) -> Vec<u8> {
    [token, b" rank"].concat()
}

/// Another rank's end.
#[derive(Debug)]
pub struct Follower {
    stream: UnixStream,
}

impl Follower {
    /// Connects to rank 0, which listens already.
    pub fn connect(name: &str, token: &[u8]) -> io::Result<Follower> {
        let mut stream = UnixStream::connect_addr(&address(name)?)?;
        frame::send(&mut stream, Kind::Hello, &follower_token(token))?;
        Ok(Follower { stream })
    }

    /// What to do next.
    ///
    /// # Errors
    /// Rank 0 is gone.
    pub fn event(&mut self) -> io::Result<Event> {
        match poll(&mut [PollFd::new(&self.stream, PollFlags::IN)], None) {
            Err(rustix::io::Errno::INTR) => return Ok(Event::Interrupted),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let (mut header, mut session) = ([0; HEADER], [0; 8]);
        self.stream.read_exact(&mut header)?;
        self.stream.read_exact(&mut session)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let (kind, len) = frame::parse(&header, frame::MOST).map_err(invalid)?;
        let mut message = vec![0; len];
        self.stream.read_exact(&mut message)?;
        let session = u64::from_le_bytes(session);
        Ok(match kind {
            Kind::Batch => Event::Batch(session, message),
            Kind::Closed => Event::Closed(session),
            Kind::End => Event::End,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}
