//! Messages: eight bytes of length, kind and version, and so many bytes.
//!
//! ```text
//! 0        4      5        6         8
//! | length | kind | zero   | version | ...
//! ```
//!
//! The first frame of a client is a greeting with the token; the server's answer says what functions there are, or why not.

use crate::VERSION;
use crate::value::Malformed;
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
}

const KINDS: [Kind; 7] =
    [Kind::Hello, Kind::Welcome, Kind::Refused, Kind::Batch, Kind::Reply, Kind::Closed, Kind::End];

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
    if u16::from_le_bytes([low, high]) != VERSION {
        return Err(Malformed("it is of another version of gain"));
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
