//! The server's end. Rank 0 takes the frames of all clients, each in its turn, and hands each to the other ranks, so that all
//! carry out the same commands in the same order. Whoever has nothing to do sleeps in `poll` or `read`.
//!
//! The next turn is of the client for which the ranks have worked the shortest time. Frames between ranks have the number of their
//! session before them.

use crate::follower;
use crate::frame::{self, Greeting, HEADER, Kind, Role, SESSION, Welcome};
use crate::peer::{Peer, State};
use crate::place::abstract_address;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io::{self, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

/// How long a connection may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections that have yet to say who they are.
const MOST_STRANGERS: usize = 256;
/// How long a server that is somebody's own may go on with what it does once that one is gone.
const GRACE: Duration = Duration::from_secs(2);

/// Something that all ranks do.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Commands of a session.
    Batch(u64, Vec<u8>),
    /// Commands of a session that its client has cancelled: what they would give is not there.
    Cancelled(u64, Vec<u8>),
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
    /// How many ranks connect to this one.
    pub followers: usize,
    /// How long the server stays without a client; at the beginning it waits for one for ten times as long, and a minute at least.
    pub idle: Duration,
    /// How long a session stays whose client has lost its connection over a network.
    pub grace: Duration,
    /// Whether the server is its first client's own: this process ends a little after that one, whatever it does, and if its standard
    /// input ends before that one has come.
    pub is_owned: bool,
}

/// Rank 0's end of all connections.
#[derive(Debug)]
pub struct Hub {
    listener: UnixListener,
    rules: Rules,
    followers: Vec<UnixStream>,
    clients: Vec<Peer>,
    strangers: Vec<(UnixStream, Vec<u8>, Instant)>,
    sessions: u64,
    /// For whom the ranks work, and since when.
    turn: Option<(u64, Instant)>,
    /// Since when there is no client.
    alone_since: Instant,
    /// Nobody will come whose server this is.
    is_orphan: bool,
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

/// Whether the other end is a process of this user's.
pub(crate) fn is_own(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// What other ranks know instead of the clients' token.
pub(crate) fn rank_token(token: &[u8]) -> Vec<u8> {
    [token, b" rank"].concat()
}

fn random() -> io::Result<[u8; SESSION]> {
    let mut bytes = [0; SESSION];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes)
}

impl Hub {
    /// Listens at this address.
    pub fn listen(name: &str, rules: Rules) -> io::Result<Hub> {
        let listener = UnixListener::bind_addr(&abstract_address(name)?)?;
        listener.set_nonblocking(true)?;
        Ok(Hub {
            listener,
            rules,
            followers: Vec::new(),
            clients: Vec::new(),
            strangers: Vec::new(),
            sessions: 0,
            turn: None,
            alone_since: Instant::now(),
            is_orphan: false,
        })
    }

    /// What to do next, which the other ranks are told as well.
    ///
    /// # Errors
    /// Another rank is gone.
    pub fn event(&mut self) -> io::Result<Event> {
        if let Some((session, since)) = self.turn.take()
            && let Some(client) = self.clients.iter_mut().find(|client| client.session == session)
        {
            client.used += since.elapsed();
        }
        loop {
            if let Some(gone) = self.clients.iter().position(|client| self.is_over(client)) {
                let session = self.clients.remove(gone).session;
                self.alone_since = Instant::now();
                follower::tell(&mut self.followers, Kind::Closed, session, &[])?;
                return Ok(Event::Closed(session));
            }
            // (Who has sent nothing is looked at as well before the next turn.)
            let is_busy =
                self.followers.len() == self.rules.followers && self.clients.iter().any(Peer::has_frame);
            let left = if is_busy { Some(Duration::ZERO) } else { self.time_left() };
            if self.clients.is_empty() && (self.is_orphan || left.is_some_and(|left| left.is_zero())) {
                follower::tell(&mut self.followers, Kind::End, 0, &[])?;
                return Ok(Event::End);
            }
            if !self.wait(left)? {
                return Ok(Event::Interrupted);
            }
            if let Some((session, is_cancelled, message)) = self.next_turn() {
                self.turn = Some((session, Instant::now()));
                let kind = if is_cancelled { Kind::Cancelled } else { Kind::Batch };
                follower::tell(&mut self.followers, kind, session, &message)?;
                return Ok(match is_cancelled {
                    true => Event::Cancelled(session, message),
                    false => Event::Batch(session, message),
                });
            }
        }
    }

    fn is_over(&self, client: &Peer) -> bool {
        match client.state {
            State::Lost(since) => since.elapsed() >= self.rules.grace && !client.has_frame(),
            _ => client.is_gone(),
        }
    }

    /// Commands of the client for which the ranks have worked least.
    fn next_turn(&mut self) -> Option<(u64, bool, Vec<u8>)> {
        if self.followers.len() < self.rules.followers {
            return None;
        }
        let ready = self.clients.iter_mut().filter(|client| client.has_frame());
        let client = ready.min_by_key(|client| client.used)?;
        let (is_cancelled, message) = client.take()?;
        Some((client.session, is_cancelled, message))
    }

    /// Answers a call of a client; one that is gone is noticed later.
    pub fn reply(&mut self, session: u64, call: u64, value: &[u8]) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.session == session) {
            client.reply(call, value);
        }
    }

    /// A client that sent what is no message goes.
    pub fn expel(&mut self, session: u64) {
        self.clients.iter_mut().filter(|client| client.session == session).for_each(Peer::expel);
    }

    /// How long to wait for a client: for any, or for those that are lost.
    fn time_left(&self) -> Option<Duration> {
        if !self.clients.is_empty() {
            let lost = self.clients.iter().filter_map(|client| match client.state {
                State::Lost(since) => Some(self.rules.grace.saturating_sub(since.elapsed())),
                _ => None,
            });
            return lost.min();
        }
        let patience = match self.sessions {
            0 => (10 * self.rules.idle).max(Duration::from_secs(60)),
            _ => self.rules.idle,
        };
        Some(patience.saturating_sub(self.alone_since.elapsed()))
    }

    /// Sleeps until somebody sends something; false after a signal.
    fn wait(&mut self, left: Option<Duration>) -> io::Result<bool> {
        let strangers = self.strangers.iter().map(|(_, _, since)| PATIENCE.saturating_sub(since.elapsed()));
        let left = strangers.chain(left).min();
        let left =
            left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        let count = self.strangers.len();
        let input = io::stdin();
        let is_awaited = self.rules.is_owned && self.sessions == 0;
        let mut ready: Vec<PollFlags> = {
            let mut places = vec![PollFd::new(&self.listener, PollFlags::IN)];
            places.extend(self.strangers.iter().map(|(stream, ..)| PollFd::new(stream, PollFlags::IN)));
            // Ranks say nothing: one that can be read is gone.
            places.extend(self.followers.iter().map(|stream| PollFd::new(stream, PollFlags::IN)));
            for client in &self.clients {
                let mut wanted = if client.is_read() { PollFlags::IN } else { PollFlags::empty() };
                wanted |= if client.is_written() { PollFlags::OUT } else { PollFlags::empty() };
                if let (Some(stream), false) = (&client.stream, wanted.is_empty()) {
                    places.push(PollFd::new(stream, wanted));
                }
            }
            places.extend(is_awaited.then(|| PollFd::new(&input, PollFlags::IN)));
            match poll(&mut places, left.as_ref()) {
                Err(rustix::io::Errno::INTR) => return Ok(false),
                Err(error) => return Err(error.into()),
                Ok(_) => places.iter().map(PollFd::revents).collect(),
            }
        };
        let is_ready = |flags: &PollFlags| !flags.is_empty();
        if is_awaited && ready.pop().is_some_and(|flags| !flags.is_empty()) {
            self.is_orphan = matches!(input.lock().read(&mut [0; 64]), Ok(0) | Err(_));
        }
        let (strangers, rest) = ready[1..].split_at(count);
        let (followers, clients) = rest.split_at(self.followers.len());
        if followers.iter().any(is_ready) {
            return Err(io::Error::other("another rank is gone"));
        }
        if clients.iter().any(is_ready) {
            for client in &mut self.clients {
                client.write();
                client.read();
            }
        }
        for at in (0..count).rev() {
            if is_ready(&strangers[at]) || self.strangers[at].2.elapsed() >= PATIENCE {
                self.meet(at)?;
            }
        }
        if is_ready(&ready[0]) {
            self.accept();
        }
        Ok(true)
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            // Processes of another user know no token; they aren't listened to at all.
            if is_own(&stream)
                && self.strangers.len() < MOST_STRANGERS
                && stream.set_nonblocking(true).is_ok()
            {
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
                let (stream, said, _) = self.strangers.swap_remove(at);
                return match Greeting::decode(&said[HEADER..HEADER + len]) {
                    Ok(greeting) => self.greet(stream, &greeting),
                    Err(error) => refuse(stream, DENIED, &error.to_string()),
                };
            }
            Some(Ok((Kind::Hello, _))) | None => None,
            Some(Ok(_)) => Some("no greeting".to_owned()),
        };
        if let Some(text) = refusal {
            let (stream, ..) = self.strangers.swap_remove(at);
            return refuse(stream, DENIED, &text);
        }
        if is_over {
            self.strangers.swap_remove(at);
        }
        Ok(())
    }

    fn greet(&mut self, stream: UnixStream, greeting: &Greeting) -> io::Result<()> {
        let token = match greeting.role {
            Role::Rank => rank_token(&self.rules.token),
            _ => self.rules.token.clone(),
        };
        if !is_same(&greeting.token, &token) {
            return refuse(stream, DENIED, "the token is not this server's");
        }
        let returns = match greeting.role {
            Role::Rank if self.followers.len() < self.rules.followers => {
                stream.set_nonblocking(false)?;
                self.followers.push(stream);
                return Ok(());
            }
            Role::Rank => return refuse(stream, DENIED, "all ranks are there"),
            role => role == Role::Returning && !self.rules.grace.is_zero(),
        };
        if greeting.session == [0; SESSION] {
            return self.admit(stream, returns);
        }
        let back = |client: &&mut Peer| {
            is_same(&client.key, &greeting.session) && matches!(client.state, State::Here | State::Lost(_))
        };
        match self.clients.iter_mut().find(back) {
            None => refuse(stream, GONE, "the session is over"),
            Some(client) => {
                let own = stream.try_clone()?;
                let received = client.come_back(own);
                let welcome = Welcome { session: client.key, received, told: self.rules.welcome.clone() };
                if say(stream, Kind::Welcome, &welcome.encode()).is_err() {
                    client.read();
                }
                Ok(())
            }
        }
    }

    fn admit(&mut self, stream: UnixStream, returns: bool) -> io::Result<()> {
        let welcome = Welcome { session: random()?, received: 0, told: self.rules.welcome.clone() };
        let own = stream.try_clone()?;
        if say(stream, Kind::Welcome, &welcome.encode()).is_err() {
            return Ok(());
        }
        if self.rules.is_owned && self.sessions == 0 {
            end_with(own.try_clone()?)?;
        }
        self.sessions += 1;
        let mut client = Peer::new(self.sessions, welcome.session, own, returns);
        // (Who comes later has no claim on the time before.)
        client.used = self.clients.iter().map(|client| client.used).min().unwrap_or_default();
        self.clients.push(client);
        Ok(())
    }
}

/// Why somebody is refused: the first byte of a refusal.
pub(crate) const DENIED: u8 = 0;
/// The session that was asked for is over.
pub(crate) const GONE: u8 = 1;

/// (Who is gone by now needs no answer.)
fn refuse(stream: UnixStream, why: u8, text: &str) -> io::Result<()> {
    let _ = say(stream, Kind::Refused, &[&[why], text.as_bytes()].concat());
    Ok(())
}

/// Says something to who has just come, and takes it at once or not at all.
fn say(mut stream: UnixStream, kind: Kind, message: &[u8]) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    frame::send(&mut stream, kind, message)?;
    stream.set_nonblocking(true)
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
