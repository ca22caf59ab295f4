//! What a client and a server of ranks say to each other.
//!
//! | module | what it owns |
//! | --- | --- |
//! | [`value`] | arguments and results as bytes |
//! | [`command`] | what a client asks for, in order: calls by number, drops of arrays |
//! | [`frame`] | lengths and kinds of messages, the greeting |
//! | [`place`] | where a server is, and how one connects |
//! | [`tls`] | what is encrypted: a relay between a Unix socket and TCP |
//! | [`channel`] | the client's end: batches, the thread that sends them, answers, coming back after a lost connection |
//! | [`hub`], `peer` | the server's end: rank 0 takes the frames of all clients in turn and hands them to the other ranks |
//! | [`follower`] | the other ranks, which hear what rank 0 says |
//!
//! It knows nothing of arrays or Python. Whatever comes from a peer is checked field by field: lengths against what is there,
//! nesting and counts against limits. A wrong frame is an error, and never more memory than its own length times a constant.

pub mod channel;
pub mod command;
pub mod follower;
pub mod frame;
pub mod hub;
mod peer;
pub mod place;
pub mod tls;
pub mod value;

/// What both ends must agree on; raised with every change of the encoding.
pub const VERSION: u16 = 2;
