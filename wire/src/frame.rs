//! Messages: eight bytes of length, kind and version, and so many bytes.
//!
//! ```text
//! 0        4      5        6         8
//! | length | kind | zero   | version | ...
//! ```
//!
//! The first frame of whoever connects is a [`Greeting`] with the token; the server's answer, a [`Welcome`], says what functions
//! there are, or a refusal why not.

use crate::VERSION;
use crate::value::Malformed;
use std::cmp::Ordering;
use std::io::{self, Read, Write};

/// Bytes before the message.
pub const HEADER: usize = 8;
/// Bytes of a message.
pub const MOST: usize = 1 << 28;
/// Bytes of the first message of somebody who has yet to say who it is.
pub const MOST_GREETING: usize = 1 << 10;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client's first: the token.
    Hello = 1,
    /// The server's answer: a value.
    Welcome = 2,
    /// The server's other answer: a text.
    Refused = 3,
    /// Commands.
    Batch = 4,
    /// The answer to a call whose result was waited for: a value.
    Reply = 5,
    /// A session is over.
    Closed = 6,
    /// The server ends.
    End = 7,
    /// A client's last: nobody comes back for what it has.
    Bye = 8,
    /// What this client sent before and no rank has begun is not to be done.
    Cancel = 9,
    /// To other ranks: commands of a session that are not to be done.
    Cancelled = 10,
}

const KINDS: [Kind; 10] = [
    Kind::Hello,
    Kind::Welcome,
    Kind::Refused,
    Kind::Batch,
    Kind::Reply,
    Kind::Closed,
    Kind::End,
    Kind::Bye,
    Kind::Cancel,
    Kind::Cancelled,
];

/// Who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A client, whose session is over with its connection.
    Client = 0,
    /// A client that may lose its connection, and come back.
    Returning = 1,
    /// Another rank of the server.
    Rank = 2,
}

/// Bytes of the name of a session that its client alone knows.
pub const SESSION: usize = 16;

/// What somebody who connects says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Who it is.
    pub role: Role,
    /// The session that a client comes back to, or zeros.
    pub session: [u8; SESSION],
    /// What only those know who may connect.
    pub token: Vec<u8>,
}

impl Greeting {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        [&[self.role as u8], &self.session[..], &self.token].concat()
    }

    /// Of bytes.
    pub fn decode(message: &[u8]) -> Result<Greeting, Malformed> {
        let (&role, rest) = message.split_first().ok_or(Malformed("no greeting"))?;
        let (session, token) = rest.split_first_chunk().ok_or(Malformed("no greeting"))?;
        let role = [Role::Client, Role::Returning, Role::Rank].into_iter().find(|known| *known as u8 == role);
        let role = role.ok_or(Malformed("no greeting"))?;
        Ok(Greeting { role, session: *session, token: token.to_vec() })
    }
}

/// What a client is told first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The name of its session.
    pub session: [u8; SESSION],
    /// How many frames of commands of the session have come so far.
    pub received: u64,
    /// What the server is, a value.
    pub told: Vec<u8>,
}

impl Welcome {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        [&self.session[..], &self.received.to_le_bytes(), &self.told].concat()
    }

    /// Of bytes.
    pub fn decode(message: &[u8]) -> Result<Welcome, Malformed> {
        let (session, rest) = message.split_first_chunk().ok_or(Malformed("no welcome"))?;
        let (received, told) = rest.split_first_chunk().ok_or(Malformed("no welcome"))?;
        Ok(Welcome { session: *session, received: u64::from_le_bytes(*received), told: told.to_vec() })
    }
}

/// An answer: to the call that has this number (0 for none), after so many frames of the session came; the rest is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The call's number.
    pub call: u64,
    /// Frames of commands.
    pub received: u64,
    /// The value.
    pub value: &'a [u8],
}

/// Bytes of an answer before its value.
pub const ANSWER: usize = 16;

impl<'a> Answer<'a> {
    /// Of bytes.
    pub fn decode(message: &'a [u8]) -> Result<Answer<'a>, Malformed> {
        let (call, rest) = message.split_first_chunk().ok_or(Malformed("no answer"))?;
        let (received, value) = rest.split_first_chunk().ok_or(Malformed("no answer"))?;
        Ok(Answer { call: u64::from_le_bytes(*call), received: u64::from_le_bytes(*received), value })
    }
}

/// The bytes before a message.
pub fn header(kind: Kind, len: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&(len as u32).to_le_bytes());
    header[4] = kind as u8;
    header[6..].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// What these bytes before a message say.
pub fn parse(header: &[u8; HEADER], most: usize) -> Result<(Kind, usize), Malformed> {
    let [a, b, c, d, kind, _, low, high] = *header;
    match u16::from_le_bytes([low, high]).cmp(&VERSION) {
        Ordering::Less => return Err(Malformed("it is of an older version of gain")),
        Ordering::Greater => return Err(Malformed("it is of a newer version of gain")),
        Ordering::Equal => {}
    }
    let kind = KINDS.into_iter().find(|k| *k as u8 == kind).ok_or(Malformed("an unknown kind"))?;
    let len = u32::from_le_bytes([a, b, c, d]) as usize;
    if len > most { Err(Malformed("it is too long")) } else { Ok((kind, len)) }
}

/// Sends a message.
pub fn send(to: &mut impl Write, kind: Kind, message: &[u8]) -> io::Result<()> {
    if message.len() > MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message is too long"));
    }
    // (Short ones at once: each write may wake the other side.)
    if message.len() <= 1 << 16 {
        let mut all = Vec::with_capacity(HEADER + message.len());
        all.extend(header(kind, message.len()));
        all.extend_from_slice(message);
        return to.write_all(&all);
    }
    to.write_all(&header(kind, message.len()))?;
    to.write_all(message)
}

/// The next message.
pub fn receive(from: &mut impl Read, most: usize) -> io::Result<(Kind, Vec<u8>)> {
    let mut first = [0; HEADER];
    from.read_exact(&mut first)?;
    let (kind, len) =
        parse(&first, most).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    // What it says it has is believed as it comes.
    let mut message = Vec::with_capacity(len.min(1 << 20));
    from.take(len as u64).read_to_end(&mut message)?;
    if message.len() < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((kind, message)) }
}
