//! The other ranks' end of a server: what rank 0 says all do. On another machine one rank is connected with rank 0, and hands on
//! what it hears to those beside it.

use crate::frame::{self, Greeting, HEADER, Kind, Role, SESSION};
use crate::hub::{Event, is_own, is_same, rank_token};
use crate::peer::PIECE;
use crate::place::{Place, abstract_address};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

/// Another rank's end.
#[derive(Debug)]
pub struct Follower {
    stream: UnixStream,
    beside: Vec<UnixStream>,
}

/// Tells ranks something.
pub(crate) fn tell(ranks: &mut [UnixStream], kind: Kind, session: u64, message: &[u8]) -> io::Result<()> {
    let mut first = Vec::with_capacity(HEADER + 8 + message.len().min(PIECE));
    first.extend(frame::header(kind, message.len()));
    first.extend(session.to_le_bytes());
    // (Short ones at once: each write may wake the rank.)
    let (short, long) = message.split_at(if message.len() <= PIECE { message.len() } else { 0 });
    first.extend_from_slice(short);
    for rank in ranks {
        rank.write_all(&first)?;
        rank.write_all(long)?;
    }
    Ok(())
}

impl Follower {
    /// Connects to a rank that listens already: rank 0 at one of these places, or the one that hands on what it says.
    pub fn connect(places: &[Place], token: &[u8]) -> io::Result<Follower> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "rank 0 is nowhere");
        let found = places.iter().find_map(|place| place.connect().map_err(|error| failed = error).ok());
        let mut stream = found.ok_or(failed)?;
        let greeting = Greeting { role: Role::Rank, session: [0; SESSION], token: rank_token(token) };
        frame::send(&mut stream, Kind::Hello, &greeting.encode())?;
        Ok(Follower { stream, beside: Vec::new() })
    }

    /// Lets so many other ranks of this machine hear what this one does, which connect at `listener`.
    pub fn lead(&mut self, listener: &Leader, count: usize, token: &[u8]) -> io::Result<()> {
        while self.beside.len() < count {
            let (mut stream, _) = listener.0.accept()?;
            if !is_own(&stream) {
                continue;
            }
            let Ok((Kind::Hello, said)) = frame::receive(&mut stream, frame::MOST_GREETING) else { continue };
            if Greeting::decode(&said).is_ok_and(|said| is_same(&said.token, &rank_token(token))) {
                self.beside.push(stream);
            }
        }
        Ok(())
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
        let mut first = [0; HEADER + 8];
        self.stream.read_exact(&mut first)?;
        let (header, session) = first.split_first_chunk().expect("a header is shorter");
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let (kind, len) = frame::parse(header, frame::MOST).map_err(invalid)?;
        let mut message = vec![0; len];
        self.stream.read_exact(&mut message)?;
        let session = session.try_into().map_or(0, u64::from_le_bytes);
        tell(&mut self.beside, kind, session, &message)?;
        Ok(match kind {
            Kind::Batch => Event::Batch(session, message),
            Kind::Cancelled => Event::Cancelled(session, message),
            Kind::Closed => Event::Closed(session),
            Kind::End => Event::End,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

/// Where a rank that hands on what rank 0 says is found.
#[derive(Debug)]
pub struct Leader(UnixListener);

impl Leader {
    /// Listens under this name.
    pub fn listen(name: &str) -> io::Result<Leader> {
        UnixListener::bind_addr(&abstract_address(name)?).map(Leader)
    }
}
